"""Tables in and out: kinds of columns, exact decoding, imputation, bad input."""

import datetime
import pickle
import sys

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from dae import DenoisingOutlierDetector
from dae._tables.linear_fill import LinearFill
from dae.tabular import DenoisingImputer, TabularDenoisingAutoencoder

N = 200


def imputer(**settings):
    return DenoisingImputer(hidden_layer_sizes=8, max_iter=1, random_state=0, **settings)


def detector(**settings):
    return DenoisingOutlierDetector(hidden_layer_sizes=8, max_iter=1, random_state=0, **settings)


def small(**settings):
    return TabularDenoisingAutoencoder(**{"hidden_layer_sizes": 16, "max_iter": 3,
                                          "random_state": 0} | settings)  # fmt: skip


def pandas_frame():
    pd = pytest.importorskip("pandas")
    rng = np.random.RandomState(0)
    frame = pd.DataFrame(
        {
            "number": rng.randn(N),
            "narrow": rng.randn(N).astype(np.float32),
            "integer": rng.randint(-50, 1000, N),
            "nullable": pd.array(rng.randint(1, 90, N), dtype="Int16"),
            "flag": rng.rand(N) > 0.5,
            "maybe": pd.array(rng.rand(N) > 0.5, dtype="boolean"),
            "colour": pd.Categorical(rng.choice(list("rgb"), N), categories=list("rgbx")),
            "size": pd.Categorical(
                rng.choice(list("SML"), N), categories=list("SML"), ordered=True
            ),
            "text": rng.choice(["u", "v", "w"], N),
            "two": rng.choice([3, 7], N),
            "visits": rng.negative_binomial(1, 0.2, N),
            "day": pd.date_range("2020-01-01", periods=N, tz="Europe/Paris"),
            "always": 1,
        },
        index=[f"row {k}" for k in range(N)],
    )
    for name in ("number", "nullable", "maybe", "colour", "size", "text", "day"):
        frame.loc[rng.rand(N) < 0.2, name] = None
    return frame


def polars_frame():
    pl = pytest.importorskip("polars")
    rng = np.random.RandomState(0)
    frame = pl.DataFrame(
        {
            "number": rng.randn(N),
            "integer": pl.Series(rng.randint(-50, 1000, N)).cast(pl.Int32),
            "flag": rng.rand(N) > 0.5,
            "colour": pl.Series(rng.choice(list("rgb"), N).tolist(), dtype=pl.Enum(list("rgbx"))),
            "text": rng.choice(["u", "v", "w"], N).tolist(),
            "day": pl.Series(rng.randint(0, 20000, N)).cast(pl.Date),
        }
    )
    holes = pl.Series(rng.rand(N) < 0.2)
    return frame.with_columns(
        pl.when(~holes).then(pl.col(name)).alias(name) for name in frame.columns
    )


TYPES = {
    "number": "numeric", "narrow": "numeric", "integer": "numeric", "nullable": "numeric",
    "flag": "boolean", "maybe": "boolean", "colour": "categorical", "size": "ordinal",
    "text": "categorical", "two": "binary", "visits": "count", "day": "date", "always": "constant",
}  # fmt: skip


@pytest.mark.parametrize("make", [pandas_frame, polars_frame])
def test_types_are_inferred_from_dtypes_and_values(make):
    described = small().fit(make()).describe_columns()
    assert {row["column"]: row["type"] for row in described} == {
        row["column"]: TYPES[row["column"]] for row in described
    }


def same(frame, other):
    """Whether two tables are equal, bit by bit, with dtypes, category sets and index."""
    if hasattr(frame, "iloc"):
        import pandas as pd

        pd.testing.assert_frame_equal(frame, other, check_exact=True)
        return True
    return frame.schema == other.schema and frame.equals(other)


def dtypes(frame):
    return list(frame.dtypes)


def missing(frame):
    """Which cells are missing, bool (n_rows, n_columns)."""
    if hasattr(frame, "iloc"):
        return frame.isna().to_numpy()
    return np.column_stack([frame[name].is_null().to_numpy() for name in frame.columns])


@pytest.mark.parametrize("make", [pandas_frame, polars_frame])
@pytest.mark.parametrize("method", ["reconstruct", "inverse_transform", "impute"])
def test_a_table_comes_back_as_it_was(make, method):
    frame, before = make(), make()
    model = small().fit(frame)
    back = getattr(model, method)(model.transform(frame) if method[1] == "n" else frame)
    assert type(back) is type(frame)
    assert list(back.columns) == list(frame.columns)
    assert dtypes(back) == dtypes(frame)
    assert not missing(back).any()
    assert same(frame, before)  # the user's table is not modified
    if hasattr(back, "iloc") and method != "inverse_transform":
        assert back.index.equals(frame.index)


def test_a_wide_network_decodes_what_it_was_given():
    frame = pandas_frame()[["integer", "colour", "flag", "two", "text", "size"]].dropna()
    model = small(
        hidden_layer_sizes=256, max_iter=200, corruption_level=0.0, numeric_scaler="standard"
    )
    back = model.fit(frame).reconstruct(frame)
    for name in ("colour", "flag", "two", "text"):
        assert (back[name].astype(str) == frame[name].astype(str)).mean() > 0.97, name
    assert np.corrcoef(back["integer"], frame["integer"])[0, 1] > 0.97


@pytest.mark.parametrize("make", [pandas_frame, polars_frame])
@pytest.mark.parametrize("model", [small(), DenoisingImputer(max_iter=2, random_state=0)])
def test_observed_cells_are_untouched(make, model):
    frame = make()
    model.fit(frame)
    filled = model.impute(frame) if hasattr(model, "impute") else model.transform(frame)
    holes = missing(frame)
    assert holes.any() and not missing(filled).any()
    for k, name in enumerate(frame.columns):
        old, new = frame[name].to_list(), filled[name].to_list()
        kept = [row for row in range(N) if not holes[row, k]]
        assert [old[row] for row in kept] == [new[row] for row in kept]
    assert dtypes(filled) == dtypes(frame)


def test_arrays_work_without_data_frame_packages(monkeypatch):
    packages = ("pandas", "polars", "pyarrow")

    class Absent:
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] in packages:
                raise ImportError(f"no {name} here")

    monkeypatch.setattr(sys, "meta_path", [Absent(), *sys.meta_path])
    for package in packages:
        monkeypatch.delitem(sys.modules, package, raising=False)
    rng = np.random.RandomState(0)
    X = np.array([rng.randn(N), rng.choice(["a", "b"], N)], dtype=object).T
    X[::7, 0], X[::5, 1] = np.nan, None
    filled = small().fit(X).impute(X)
    assert not any(value is None or value != value for value in filled.ravel())


@pytest.mark.parametrize("scaler", ["robust", "quantile", "standard"])
def test_scalers_invert_and_are_standardised(scaler):
    from dae._tables.scalers import fitted_scaler

    x = np.random.RandomState(0).lognormal(size=5000)
    fitted = fitted_scaler(scaler, x)
    y = fitted.transform(x)
    assert abs(y.mean()) < 1e-9 and abs(y.std() - 1) < 1e-9
    inner = (x > np.quantile(x, 0.01)) & (x < np.quantile(x, 0.99))
    assert np.allclose(fitted.inverse_transform(y)[inner], x[inner], rtol=1e-3)
    assert np.isfinite(fitted.transform(np.array([-1e300, 1e300]))).all()


def test_every_column_weighs_the_same():
    """A constant guess costs about 1 in each column, whatever its kind."""
    from dae._tables.encoder import Encoding, TableEncoder

    encoder = TableEncoder.fit(pandas_frame(), Encoding())
    encoded = encoder.encode(pandas_frame())
    guess = np.broadcast_to(np.nanmean(encoded, axis=0), encoded.shape)
    errors = np.nanmean(encoder.errors(encoded, guess)[:, :-1], axis=0)
    assert np.allclose(errors, 1, rtol=1e-3)


def test_errors_have_the_mean_of_the_scores():
    frame = pandas_frame()
    model = small().fit(frame)
    errors = model.errors(frame)
    assert errors.index.equals(frame.index) and list(errors.columns) == list(frame.columns)
    missing = frame.drop(columns="always").isna()
    assert (errors.drop(columns="always").isna() == missing).all(axis=None)
    assert np.allclose(-errors.mean(axis=1), model.score_samples(frame))
    assert model.score(frame) == pytest.approx(model.score_samples(frame).mean())


def test_codes_of_all_layers_with_the_columns_beside_them():
    frame = polars_frame()
    model = small(hidden_layer_sizes=(12, 8), output_layers="all", keep_input=True).fit(frame)
    codes = model.transform(frame)
    names = model.get_feature_names_out()
    assert codes.shape == (N, len(names)) and len(set(names)) == len(names)
    assert {"number", "colour_r", "flag_True"} <= set(names[20:])
    assert same(model.inverse_transform(codes), model.reconstruct(frame))


def test_probabilities_of_levels_add_up():
    frame = pandas_frame()
    model = small().fit(frame)
    probabilities = model.level_probabilities(frame)
    assert model.categories_["colour"] == list("rgbx")
    for name, p in probabilities.items():
        assert p.shape == (N, len(model.categories_[name]))
        assert np.allclose(p.sum(axis=1), 1, atol=1e-5)


def test_rare_and_unknown_levels():
    pd = pytest.importorskip("pandas")
    rng = np.random.RandomState(0)
    texts = np.array([f"level {k}" for k in np.minimum(rng.geometric(0.002, 4000), 10_000)])
    frame = pd.DataFrame({"text": texts, "x": rng.randn(4000)})
    frame["text"] = frame["text"].astype("category")
    model = small(max_categories=10).fit(frame)
    assert model.describe_columns()[0]["encoded_columns"] == 10
    other = pd.DataFrame({"text": ["never seen"], "x": [0.0]})
    absent = pd.DataFrame({"text": pd.Series([None], dtype=object), "x": [0.0]})
    assert np.array_equal(model.transform(other), model.transform(absent))


def test_types_can_be_named():
    frame = pandas_frame()
    types = {"visits": "numeric", "text": ["u", "v", "w", "z"], "number": "ignore"}
    model = small(column_types=types).fit(frame)
    described = {row["column"]: row["type"] for row in model.describe_columns()}
    assert described["visits"] == "numeric" and described["text"] == "categorical"
    assert model.categories_["text"] == ["u", "v", "w", "z"]
    assert model.reconstruct(frame)["number"].equals(frame["number"])


def test_rates_by_column():
    frame = polars_frame()
    levels = small(corruption_level={"number": 0.5}).fit(frame).network_.corruption_level[0]
    assert sorted(set(levels)) == [0.15, 0.5] and (levels == 0.5).sum() == 1


def test_partial_fit_needs_declared_levels():
    frame = polars_frame()
    with pytest.raises(ValueError, match="all levels of column 'text'"):
        small().partial_fit(frame)
    model = small(column_types={"text": ["u", "v", "w"]})
    model.partial_fit(frame[:100])
    before = model.transform(frame)
    model.partial_fit(frame[100:])
    assert not np.array_equal(before, model.transform(frame))


@pytest.mark.parametrize("make", [pandas_frame, polars_frame])
@pytest.mark.parametrize("model", [small(), DenoisingImputer(max_iter=2, random_state=0)])
def test_pickled(make, model):
    frame = make()
    model.fit(frame)
    again = pickle.loads(pickle.dumps(model))
    one, other = model.transform(frame), again.transform(frame)
    assert np.array_equal(one, other) if isinstance(one, np.ndarray) else same(one, other)


def test_pipeline_and_grid_search():
    frame = pandas_frame()
    y = frame["flag"]
    search = GridSearchCV(
        make_pipeline(small(), LogisticRegression()),
        {"tabulardenoisingautoencoder__corruption_level": [0.1, 0.3]},
        cv=2,
    ).fit(frame.drop(columns="flag"), y)
    assert search.predict(frame.drop(columns="flag")).shape == (N,)


def test_set_output():
    pd = pytest.importorskip("pandas")
    frame = pandas_frame()
    codes = small().set_output(transform="pandas").fit_transform(frame)
    assert isinstance(codes, pd.DataFrame) and codes.index.equals(frame.index)


# ------------------------------------------------------------------ bad input


def changed(**columns):
    return pandas_frame().assign(**columns)


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (lambda: pandas_frame().drop(columns="text"), "text"),
        (lambda: pandas_frame().rename(columns={"text": "words"}), "words"),
        (lambda: changed(extra=1), "extra"),
        (lambda: changed(number="a"), "Column 'number' held numbers in fit"),
        (lambda: changed(text=1.5), "Column 'text' held text"),
        (lambda: changed(number=np.inf), "infinity: column 'number'"),
        (lambda: changed(text=[[1]] * N), "Column 'text' holds list objects"),
        (lambda: pandas_frame().iloc[:0], "0 rows"),
    ],
)
def test_a_table_that_does_not_fit_gets_a_sentence(frame, words):
    pytest.importorskip("pandas")
    model = small().fit(pandas_frame())
    with pytest.raises(ValueError, match=words):
        model.transform(frame())


def test_bad_tables_in_fit():
    pd = pytest.importorskip("pandas")
    twice = pd.DataFrame(np.ones((5, 2)), columns=["a", "a"])
    with pytest.raises(ValueError, match="several columns named 'a'"):
        small().fit(twice)
    with pytest.raises(ValueError, match="no column to learn from"):
        small().fit(pd.DataFrame({"a": [1, 1], "b": [None, None]}))
    with pytest.raises(ValueError, match="column_types names 'z'"):
        small(column_types={"z": "numeric"}).fit(pandas_frame())
    with pytest.raises(ValueError, match="Column 'text' cannot be 'numeric'"):
        small(column_types={"text": "numeric"}).fit(pandas_frame())
    with pytest.raises(ValueError, match=r"column_types\['text'\] must be one of"):
        small(column_types={"text": "words"}).fit(pandas_frame())
    with pytest.raises(ValueError, match="corruption_level names 'z'"):
        small(corruption_level={"z": 0.1}).fit(pandas_frame())


def test_unique_texts_and_empty_columns_are_ignored():
    frame = changed(name=[f"person {k}" for k in range(N)], nothing=np.nan)
    with pytest.warns(UserWarning, match="Column 'name' has 200 different texts"):
        model = small().fit(frame)
    back = model.reconstruct(frame)
    assert back["name"].equals(frame["name"]) and back["nothing"].isna().all()


# ------------------------------------------------------------------ imputer


def iris_with_holes():
    X = load_iris().data
    return X, np.random.RandomState(0).rand(*X.shape) < 0.3


def test_imputer_beats_the_mean():
    X, holes = iris_with_holes()
    filled = DenoisingImputer(random_state=0, max_iter=100).fit_transform(
        np.where(holes, np.nan, X)
    )
    assert np.array_equal(filled[~holes], X[~holes])
    error, mean_error = (
        np.sqrt((((guess - X) / X.std(axis=0))[holes] ** 2).mean())
        for guess in (filled, np.where(holes, X.mean(axis=0), X))
    )
    assert error < 0.7 * mean_error


def test_imputer_contract():
    X, holes = iris_with_holes()
    X = np.column_stack([np.where(holes, -1, X), np.full(len(X), -1.0)])
    imputer = DenoisingImputer(missing_values=-1, max_iter=2, add_indicator=True, random_state=0)
    filled = imputer.fit_transform(X)
    assert filled.shape == (150, 4 + 5)
    assert np.array_equal(filled[:, 4:8].astype(bool), holes)
    assert list(imputer.get_feature_names_out())[3:6] == ["x3", "missingindicator_x0",
                                                          "missingindicator_x1"]  # fmt: skip
    kept = imputer.set_params(keep_empty_features=True, add_indicator=False).fit_transform(X)
    assert kept.shape == (150, 5) and (kept[:, 4] == 0).all()


def test_columns_that_tell_nothing_are_filled_by_their_means():
    rng = np.random.default_rng(0)
    X = rng.uniform(size=(200, 8))
    holes = rng.random(X.shape) < 0.3
    imputer = DenoisingImputer(random_state=0)
    filled = imputer.fit_transform(np.where(holes, np.nan, X))
    error, mean_error = (
        np.sqrt(((guess - X)[holes] ** 2).mean()) for guess in (filled, X.mean(axis=0))
    )
    assert error < 1.02 * mean_error
    assert sum(imputer.blend_["squared_error"]) < 0.2


def test_networks_take_over_where_no_line_fits():
    rng = np.random.default_rng(0)
    t = rng.uniform(-1, 1, size=(500, 2))
    line = np.c_[t, t @ [1, 2], t @ [2, -1]] + 0.05 * rng.normal(size=(500, 4))
    curve = np.c_[t[:, :1], t[:, :1] ** 2, np.cos(4 * t[:, :1]), np.sin(3 * t[:, :1])]
    for X, most in ((line, 1.1), (curve, 0.75)):
        holes = rng.random(X.shape) < 0.2
        given = np.where(holes, np.nan, X)
        imputer = DenoisingImputer(random_state=0).fit(given)
        scaled = (given - np.nanmean(given, axis=0)) / np.nanstd(given, axis=0)
        by_line = LinearFill.fit(scaled, 0.003, rng).fill(scaled)
        off, off_line = (
            np.sqrt(((guess - X)[holes] ** 2).mean() / X.var())
            for guess in (
                imputer.transform(given),
                by_line * np.nanstd(given, axis=0) + np.nanmean(given, axis=0),
            )
        )
        assert off < most * off_line
    assert imputer.blend_["squared_error"][0] > 0.5


def test_hidden_cells_choose_by_kind_of_column():
    frame = pandas_frame()
    imputer = DenoisingImputer(max_iter=2, random_state=0).fit(frame)
    assert imputer.blend_.keys() == {"squared_error", "multinomial", "poisson"}
    assert all(min(pair) >= 0 and sum(pair) <= 1 + 1e-6 for pair in imputer.blend_.values())


def test_linear_fill_is_the_conditional_mean_of_a_normal_distribution():
    rng = np.random.default_rng(0)
    covariance = np.cov(rng.normal(size=(40, 6)) @ rng.normal(size=(6, 6)), rowvar=False)
    mean = rng.normal(size=6)
    model = LinearFill(mean, np.linalg.inv(covariance))
    X = rng.normal(size=(50, 6)) * 3
    holes = rng.random(X.shape) < 0.4
    filled = model.fill(np.where(holes, np.nan, X))
    for row, hole, made in zip(X, holes, filled, strict=True):
        across = covariance[np.ix_(hole, ~hole)]
        known = np.linalg.solve(covariance[np.ix_(~hole, ~hole)], (row - mean)[~hole])
        np.testing.assert_allclose(made[hole], mean[hole] + across @ known, atol=1e-2)
        np.testing.assert_array_equal(made[~hole], row[~hole])


def test_linear_fill_learns_from_rows_with_holes():
    rng = np.random.default_rng(0)
    factor = rng.normal(size=(2000, 2))
    loads = rng.normal(size=(2, 6))
    X = factor @ loads + 0.1 * rng.normal(size=(2000, 6))
    holes = rng.random(X.shape) < 0.3
    model = LinearFill.fit(np.where(holes, np.nan, X), 0.003, rng)
    truth = LinearFill(np.zeros(6), np.linalg.inv(loads.T @ loads + 0.01 * np.eye(6)))
    off, least = (
        ((each.fill(np.where(holes, np.nan, X)) - X)[holes] ** 2).mean() for each in (model, truth)
    )
    assert off < 1.5 * least


def test_several_imputations_differ_where_values_were_missing():
    X, holes = iris_with_holes()
    given = np.where(holes, np.nan, X)
    imputer = DenoisingImputer(n_imputations=3, max_iter=5, random_state=0).fit(given)
    tables = np.array(imputer.impute_many(given))
    spread = np.ptp(tables, axis=0)
    assert tables.shape == (3, *X.shape)
    # a row in which nothing else was hidden is filled alike
    assert (spread[~holes] == 0).all() and (spread[holes] > 0).mean() > 0.5
    assert np.allclose(imputer.transform(given), tables.mean(axis=0), atol=1e-5)


# ------------------------------------------------------------------ dates and descriptions


def test_columns_are_described_as_people_write_their_values():
    pd = pytest.importorskip("pandas")
    rng = np.random.RandomState(0)
    frame = pd.DataFrame(
        {
            "flag": rng.rand(N) > 0.5,
            "two": rng.choice([3, 7], N),
            "day": pd.date_range("2020-01-01", periods=N),
            "instant": pd.date_range("2020-01-01 10:30", periods=N, freq="h", tz="Europe/Paris"),
            "length": pd.to_timedelta(np.arange(N), unit="h"),
            "once": pd.Timestamp("2021-05-06"),
            "always": True,
        }
    )
    model = small().fit(frame)
    told = {row["column"]: row["values"] for row in model.describe_columns()}
    assert told == {
        "flag": "False, True",
        "two": "3, 7",
        "day": "2020-01-01 to 2020-07-18",
        "instant": "2020-01-01 10:30:00+01:00 to 2020-01-09 17:30:00+01:00",
        "length": "0:00:00 to 8 days, 7:00:00",
        "once": "always 2021-05-06",
        "always": "False, True",
    }
    assert model.categories_ == {"flag": [False, True], "two": [3, 7], "always": [False, True]}
    imputer = DenoisingImputer(max_iter=1, random_state=0).fit(frame)
    assert {row["column"]: row["values"] for row in imputer.describe_columns()} == told


def test_dates_of_polars_are_described():
    frame = polars_frame()
    days = frame["day"].drop_nulls()
    told = {row["column"]: row["values"] for row in small().fit(frame).describe_columns()}
    assert told["flag"] == "False, True"
    assert told["day"] == f"{days.min()} to {days.max()}"


@pytest.mark.parametrize(
    "first",
    [
        datetime.date(2020, 1, 1),
        datetime.datetime(2020, 1, 1, 12, 30),
        datetime.datetime(2020, 1, 1, 12, 30, tzinfo=datetime.UTC),
        datetime.timedelta(hours=5),
    ],
    ids=lambda first: type(first).__name__,
)
@pytest.mark.parametrize("kind", ["pandas", "array"])
def test_objects_of_dates_are_dates(first, kind):
    pd = pytest.importorskip("pandas")
    days = [first + datetime.timedelta(days=k) for k in range(N)]
    table = np.empty((N, 2), dtype=object)
    table[:, 0], table[:, 1] = days, np.arange(N) + 0.5
    table[:20, 0] = None
    frame = pd.DataFrame({"day": pd.Series(table[:, 0], dtype=object), "number": table[:, 1]})
    X = frame.astype({"number": float}) if kind == "pandas" else table
    model = small(hidden_layer_sizes=32, max_iter=100).fit(X)
    assert [row["type"] for row in model.describe_columns()] == ["date", "numeric"]
    for made in (model.reconstruct(X), model.impute(X), DenoisingImputer().fit_transform(X)):
        column = list(made["day"] if kind == "pandas" else made[:, 0])
        assert {type(day) for day in column} == {type(first)}
        zones = {getattr(day, "tzinfo", None) for day in column}
        assert zones == {getattr(first, "tzinfo", None)}
        assert days[0] <= min(column[:20]) and max(column[:20]) <= days[-1]


def test_arrays_of_datetime64():
    X = np.arange("2020-01-01", "2020-07-19", dtype="datetime64[D]").reshape(-1, 2)
    X[3, 1] = "NaT"
    model = small().fit(X)
    assert [row["type"] for row in model.describe_columns()] == ["date", "date"]
    assert model.reconstruct(X).dtype == X.dtype
    filled = model.impute(X)
    assert not np.isnat(filled).any() and (filled != X).sum() == 1


def test_a_column_of_dates_must_hold_dates_again():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"day": pd.date_range("2020-01-01", periods=9), "number": range(9)})
    with pytest.raises(ValueError, match="Column 'day' held dates in fit and holds text or"):
        small().fit(frame).transform(frame.assign(day=frame["day"].astype(str)))


@pytest.mark.parametrize("make", [small, imputer, detector])
@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_numbers_dates_and_durations_do_not_stand_in_for_each_other(make, library):
    frames = pytest.importorskip(library)
    steps = np.arange(N)
    columns = {
        "numbers": steps + 0.5,
        "dates": np.datetime64("2020-01-01", "us") + steps.astype("timedelta64[D]"),
        "durations": (steps + 1).astype("timedelta64[s]").astype("timedelta64[us]"),
    }
    text = np.array(["x", "y"] * (N // 2), dtype=object)
    for was, values in columns.items():
        model = make().fit(frames.DataFrame({"a": values, "t": text.tolist()}))
        use = model.predict if make is detector else model.transform
        for now, others in columns.items():
            table = frames.DataFrame({"a": others, "t": text.tolist()})
            if now == was:
                assert len(use(table)) == N
                continue
            with pytest.raises(ValueError, match=f"'a' held {was} in fit and holds {now} now"):
                use(table)

"""Values that containers hold in ways of their own: NA, decimals, text of digits, intervals."""

import re
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from scipy import sparse

from dae import DenoisingAutoencoder, DenoisingOutlierDetector, StackedDenoisingRegressor
from dae.tabular import DenoisingImputer, TabularDenoisingAutoencoder

N = 40
NUMBERS = np.random.default_rng(0).normal(size=N)


def imputer(**settings):
    return DenoisingImputer(
        **{"hidden_layer_sizes": 4, "max_iter": 1, "random_state": 0} | settings
    )


def tabular(**settings):
    return TabularDenoisingAutoencoder(
        **{"hidden_layer_sizes": 4, "max_iter": 1, "random_state": 0} | settings
    )


def detector(**settings):
    return DenoisingOutlierDetector(
        **{"hidden_layer_sizes": 4, "max_iter": 1, "random_state": 0} | settings
    )


def autoencoder(**settings):
    return DenoisingAutoencoder(**{"n_components": 2, "max_iter": 1, "random_state": 0} | settings)


# ------------------------------------------------------------------ missing values


@pytest.mark.parametrize("name", ["NA", "NaT"])
def test_missing_objects_of_pandas_in_an_array(name):
    pd = pytest.importorskip("pandas")
    objects = np.array([[1, 2, getattr(pd, name), 4] * 10, NUMBERS], dtype=object).T
    floats = np.array([[1, 2, np.nan, 4] * 10, NUMBERS]).T
    for make in (imputer, tabular):
        model = make()
        assert not any(each["type"] == "ignore" for each in model.fit(objects).describe_columns())
    assert np.array_equal(
        imputer().fit_transform(objects).astype(float), imputer().fit_transform(floats)
    )
    for make in (detector, autoencoder):
        expected = make().fit(floats).score_samples(floats)
        assert np.array_equal(make().fit(objects).score_samples(objects), expected)


def test_na_among_the_decimals_of_arrow():
    pd, pa = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
    values = pd.array([Decimal("1.5"), Decimal("2.25"), None, Decimal(4)] * 10).astype(
        pd.ArrowDtype(pa.decimal128(10, 2))
    )
    frame = pd.DataFrame({"d": values, "a": NUMBERS})
    before = frame.copy()
    floats = frame.astype({"d": "float64"})
    for make in (detector, autoencoder):
        expected = make().fit(floats).score_samples(floats)
        assert np.array_equal(make().fit(frame).score_samples(frame), expected)
    pd.testing.assert_frame_equal(frame, before)


# ------------------------------------------------------------------ decimals


@pytest.mark.parametrize("number", [Decimal, Fraction])
@pytest.mark.parametrize("framed", [False, True])
def test_objects_that_are_numbers(number, framed):
    values = [number(k) / 4 for k in range(N - 1)] + [None]
    X = np.array([values, NUMBERS], dtype=object).T
    if framed:
        X = pytest.importorskip("pandas").DataFrame({"d": X[:, 0], "a": NUMBERS})
    model = imputer()
    filled = np.asarray(model.fit_transform(X))
    assert model.describe_columns()[0]["type"] == "numeric"
    assert list(filled[:-1, 0]) == values[:-1]
    assert type(filled[-1, 0]) is (Decimal if number is Decimal else float)


@pytest.mark.parametrize("framed", [False, True])
def test_complex_objects_are_refused(framed):
    X = np.array([[1j + k for k in range(N)], NUMBERS], dtype=object).T
    if framed:
        X = pytest.importorskip("pandas").DataFrame(X)
    with pytest.raises(ValueError, match="[Cc]omplex"):
        imputer().fit(X)


def test_decimals_of_polars_with_null():
    pl = pytest.importorskip("polars")
    values = [Decimal(k) / 4 for k in range(N - 1)] + [None]
    floats = pl.DataFrame({"d": [None if v is None else float(v) for v in values], "a": NUMBERS})
    frame = floats.cast({"d": pl.Decimal(10, 2)})
    for filled in (imputer().fit_transform(frame), tabular().fit(frame).impute(frame)):
        assert filled.schema == frame.schema
        assert filled["d"].null_count() == 0
        assert filled["d"][:-1].to_list() == values[:-1]
    for make in (detector, autoencoder):
        expected = make().fit(floats).score_samples(floats)
        assert np.array_equal(make().fit(frame).score_samples(frame), expected)


# ------------------------------------------------------------------ what is no number


@pytest.mark.parametrize("dtype", ["object", "str", "string", "large_string[pyarrow]", "polars"])
def test_text_of_digits_is_text_for_the_detector(dtype):
    codes = ["01067", "10115", "80331", "20095"] * 10
    if dtype == "polars":
        frame = pytest.importorskip("polars").DataFrame({"zip": codes, "a": NUMBERS})
    else:
        pd = pytest.importorskip("pandas")
        if "pyarrow" in dtype:
            pytest.importorskip("pyarrow")
        frame = pd.DataFrame({"zip": pd.Series(codes, dtype=dtype), "a": NUMBERS})
    columns = detector().fit(frame)._encoder.columns
    assert [column.type for column in columns] == ["categorical", "numeric"]


def test_text_of_digits_with_na_is_named_in_the_error():
    pd = pytest.importorskip("pandas")
    codes = pd.Series(["01067", None] * 20, dtype="string")
    with pytest.raises(ValueError, match=r"columns that are not numbers: 'zip' \(string\)"):
        autoencoder().fit(pd.DataFrame({"zip": codes, "a": NUMBERS}))


def test_intervals_are_named_in_the_error():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"i": pd.arrays.IntervalArray.from_breaks(range(N + 1)), "a": NUMBERS})
    with pytest.raises(ValueError, match="columns that are not numbers: 'i' \\(interval"):
        autoencoder().fit(frame)


# ------------------------------------------------------------------ counts


def counted(framed):
    rng = np.random.default_rng(0)
    counts = np.r_[0, rng.negative_binomial(1, 0.1, N - 1)].astype(float)
    assert counts.mean() < 20
    return framed({"n": counts, "a": NUMBERS})


def test_a_new_negative_value_of_what_looked_like_counts():
    pd = pytest.importorskip("pandas")
    train = counted(pd.DataFrame)
    new = train.assign(n=[-1.0, None, *train["n"][2:]])
    zero = train.assign(n=[0.0, None, *train["n"][2:]])
    model = imputer().fit(train)
    assert model.describe_columns()[0]["type"] == "count"
    filled = model.transform(new)
    assert filled["n"][0] == -1  # observed values are not changed
    assert filled["n"][1] == model.transform(zero)["n"][1] >= 0
    assert np.isfinite(tabular().fit(train).errors(new)["n"][0])
    assert np.isfinite(detector().fit(train).score_samples(new)).all()


def test_a_new_negative_value_of_counts_that_were_asked_for():
    pd = pytest.importorskip("pandas")
    train = counted(pd.DataFrame)
    for make in (imputer, tabular):
        model = make(column_types={"n": "count"}).fit(train)
        with pytest.raises(ValueError, match="Column 'n' counts, and has -1 in it"):
            (model.transform if make is imputer else model.errors)(train.assign(n=-1.0))


# ------------------------------------------------------------------ times


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_durations_of_arrow(unit):
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    durations = pd.Series(pd.to_timedelta([None, *range(1, N)], unit="s"))
    frame = pd.DataFrame({"d": durations.astype(f"duration[{unit}][pyarrow]"), "a": NUMBERS})
    model = imputer()
    filled = model.fit_transform(frame)
    assert model.describe_columns()[0]["type"] == "date"
    assert filled["d"].dtype == frame["d"].dtype
    assert filled["d"][1:].equals(frame["d"][1:])
    assert pd.Timedelta(0) < filled["d"][0] < pd.Timedelta(N, "s")
    assert tabular().fit(frame).reconstruct(frame)["d"].dtype == frame["d"].dtype


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC"])
@pytest.mark.parametrize("package", ["pandas", "arrow", "objects", "polars"])
def test_days_of_a_time_zone_stay_days(zone, package):
    pd = pytest.importorskip("pandas")
    days = pd.Series(pd.date_range("2024-01-01", periods=N, freq="7D", tz=zone, unit="us"))
    if package == "polars":
        pl = pytest.importorskip("polars")
        times = days.dt.to_pydatetime().tolist()
        times[3] = times[30] = None
        frame = pl.DataFrame({"a": NUMBERS, "t": pl.Series(times, dtype=pl.Datetime("us", zone))})
    else:
        days[[3, 30]] = None
        if package == "arrow":
            pytest.importorskip("pyarrow")
            days = days.astype(f"timestamp[us, tz={zone}][pyarrow]")
        elif package == "objects":
            days = pd.Series(
                [
                    None if day is pd.NaT else day.to_pydatetime().astimezone(ZoneInfo(zone))
                    for day in days
                ],
                dtype=object,
            )
        frame = pd.DataFrame({"a": NUMBERS, "t": days})
    filled = imputer().fit_transform(frame)
    repaired = tabular(numeric_scaler="standard").fit(frame).reconstruct(frame)
    for times in (filled["t"].to_list(), repaired["t"].to_list()):
        assert all((time.hour, time.minute, time.second) == (0, 0, 0) for time in times)


# ------------------------------------------------------------------ set_output


def test_a_frame_of_polars_where_pandas_is_asked_for():
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    frame = pl.DataFrame(
        {
            "a": [None, *NUMBERS[1:].tolist()],
            "n": range(N),
            "c": ["x", "y"] * (N // 2),
            "b": [True, False] * (N // 2),
        }
    )
    for n_imputations in (1, 2):
        model = imputer(n_imputations=n_imputations, add_indicator=True)
        model.set_output(transform="pandas")
        filled = model.fit_transform(frame)
        assert isinstance(filled, pd.DataFrame)
        assert list(filled.columns) == ["a", "n", "c", "b", "missingindicator_a"]
        kinds = [filled.dtypes[name].kind for name in ("a", "n", "b", "missingindicator_a")]
        assert kinds == ["f", "i", "b", "b"]
        model.set_output(transform="default")
        assert pl.from_pandas(filled).equals(model.transform(frame))
        assert isinstance(model.set_output(transform="polars").transform(frame), pl.DataFrame)


# ------------------------------------------------------------------ names


def test_columns_of_several_levels_are_kept():
    pd = pytest.importorskip("pandas")
    labels = pd.MultiIndex.from_tuples([("p", 1), ("p", 2), ("q", 1)], names=["one", "two"])
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(N, 3)), columns=labels)
    for make in (tabular, detector):
        assert make().fit(frame).errors(frame).columns.equals(labels)
        assert make().fit(frame).errors(frame).columns.names == ["one", "two"]
    frame.iloc[0, 1] = np.nan
    filled = imputer(add_indicator=True).fit_transform(frame)
    assert filled.columns[:3].equals(labels)
    assert filled.columns[3] == ("missingindicator_('p', 2)", "")
    assert filled.columns.names == ["one", "two"]
    assert filled.iloc[:, 3].tolist() == frame.iloc[:, 1].isna().tolist()


def test_indicators_have_one_name_where_columns_have_no_strings():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({5: [None, *NUMBERS[1:]], 6: NUMBERS})
    model = imputer(add_indicator=True).fit(frame)
    assert list(model.transform(frame).columns) == [5, 6, "missingindicator_5"]
    assert list(model.get_feature_names_out()) == ["x0", "x1", "missingindicator_5"]
    model = imputer(add_indicator=True).fit(frame.to_numpy())
    assert list(model.get_feature_names_out()) == ["x0", "x1", "missingindicator_x0"]


@pytest.mark.parametrize("dtype", ["M8[D]", "m8[s]", "U2", "O"])
def test_no_indicator_leaves_the_dtype(dtype):
    X = np.random.default_rng(0).integers(10, 20, (N, 2)).astype(dtype)
    filled = imputer(add_indicator=True).fit_transform(X)
    assert filled.dtype == X.dtype
    assert np.array_equal(filled, X)


# ------------------------------------------------------------------ marks and levels


def test_false_is_not_the_mark_0_among_categories():
    pd = pytest.importorskip("pandas")
    flags, numbers = [True, False, "x", "x"] * 10, [0, 1, "x", "x"] * 10
    frame = pd.DataFrame({"f": flags, "n": numbers, "a": NUMBERS + 9})
    for mark, k in ((0, 0), (1, 1)):
        marked = imputer(missing_values=mark)._marked(frame)
        assert not marked["f"].isna().any()
        assert marked["n"].isna().tolist() == [j % 4 == k for j in range(N)]
    marked = imputer(missing_values=False)._marked(frame)
    assert marked["f"].isna().sum() == 10 and not marked["n"].isna().any()


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        (["x", ["y"]], r"column_types\['c'\] lists \['y'\], a list, which cannot be a level"),
        (["x", {}], r"column_types\['c'\] lists \{\}, a dict, which cannot be a level"),
        (["x", None], r"column_types\['c'\] lists None, which is no level but a missing value"),
        (["x", np.nan], r"column_types\['c'\] lists nan, which is no level but a missing value"),
        (["x", "x"], r"column_types\['c'\] must be one of .* at least two different levels"),
    ],
)
def test_levels_that_cannot_be(levels, message):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"c": ["x", "y"] * 20, "a": NUMBERS})
    for make in (imputer, tabular):
        with pytest.raises(ValueError, match=message):
            make(column_types={"c": levels}).fit(frame)


# ------------------------------------------------------------------ sizes


@pytest.mark.parametrize("scaler", ["standard", "robust", "quantile"])
@pytest.mark.parametrize("size", [1e-310, 1e-200, 1e200, 1e300, 1.7e308])
@pytest.mark.filterwarnings("error")
def test_values_of_any_size_are_filled(scaler, size):
    values = NUMBERS / np.abs(NUMBERS).max() * size
    X = np.column_stack([values, NUMBERS])
    X[:4, 0] = np.nan
    filled = imputer(numeric_scaler=scaler).fit_transform(X)[:4, 0]
    assert np.isfinite(filled).all()
    assert np.nanmin(X[:, 0]) <= filled.min() <= filled.max() <= np.nanmax(X[:, 0])
    frame = pytest.importorskip("pandas").DataFrame(X, columns=["v", "a"])
    model = tabular(numeric_scaler=scaler).fit(frame)
    low, high = model.describe_columns()[0]["values"].split(" to ")
    assert float(low) == pytest.approx(np.nanmin(values[4:]), rel=1e-5)
    assert float(high) == pytest.approx(np.nanmax(values[4:]), rel=1e-5)
    assert np.isfinite(model.errors(frame.fillna(1e308))).all(axis=None)


def test_codes_of_another_width_with_the_input_kept():
    X = np.column_stack([NUMBERS, NUMBERS[::-1]])
    model = tabular(keep_input=True).fit(X)
    codes = model.transform(X)
    assert codes.shape == (N, 6)
    assert model.inverse_transform(codes).shape == X.shape
    with pytest.raises(ValueError, match="requires 4 codes .* 2 encoded columns: 6 .* got 5"):
        model.inverse_transform(codes[:, :5])


@pytest.mark.parametrize("keep_input", [False, True])
@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_codes_of_a_table_in_another_order(library, keep_input):
    frames = pytest.importorskip(library)
    X = np.column_stack([NUMBERS, NUMBERS[::-1]])
    model = tabular(keep_input=keep_input).fit(X)
    H = model.transform(X)
    codes = frames.DataFrame(
        {name: H[:, k] for k, name in enumerate(model.get_feature_names_out())}
    )
    np.testing.assert_array_equal(model.inverse_transform(codes), model.inverse_transform(H))
    with pytest.raises(ValueError, match=r"columns in the order of get_feature_names_out\(\)"):
        model.inverse_transform(codes[codes.columns[::-1]])


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (sparse.csr_array, TypeError, r"requires dense codes, got a csr_array\. Pass what"),
        (lambda H: np.ma.masked_greater(H, H.min()), ValueError, "X is a masked array with"),
        (lambda H: np.where(H == H.max(), np.nan, H), ValueError, "requires codes without NaN"),
        (lambda H: H.astype(str), ValueError, "X has columns that are not numbers: .*text"),
        (lambda H: H.astype("datetime64[s]"), ValueError, "X has columns that are not .*datetime"),
        (
            lambda H: np.where(H == H.max(), np.datetime64("2020"), H.astype(object)),
            ValueError,
            "X has columns that are not numbers: .*object, with date",
        ),
    ],
)
def test_codes_of_a_table_that_are_no_codes(make, error, message):
    X = np.column_stack([NUMBERS, NUMBERS[::-1]])
    model = tabular().fit(X)
    with pytest.raises(error, match=message):
        model.inverse_transform(make(model.transform(X)))


# ------------------------------------------------------------------ tables of pyarrow


@pytest.mark.parametrize(
    "kind", ["timestamp[us]", "date32[day]", "duration[s]", "time32[s]", "string"]
)
def test_columns_of_arrow_that_are_not_numbers(kind):
    pa = pytest.importorskip("pyarrow")
    types = {
        "timestamp[us]": pa.timestamp("us"),
        "date32[day]": pa.date32(),
        "duration[s]": pa.duration("s"),
        "time32[s]": pa.time32("s"),
        "string": pa.string(),
    }
    values = list(map(str, range(N))) if kind == "string" else pa.array(range(N), pa.int32())
    if kind in ("timestamp[us]", "duration[s]"):
        values = values.cast(pa.int64())
    odd = values if kind == "string" else values.cast(types[kind])
    table = pa.table({"number": NUMBERS, "odd": odd})
    message = rf"X has columns that are not numbers: 'odd' \({re.escape(kind)}\)\. Encode text"
    fitted = autoencoder().fit(pa.table({"number": NUMBERS, "odd": NUMBERS}))
    for method in (autoencoder().fit, autoencoder().partial_fit, detector().fit, fitted.transform):
        with pytest.raises(ValueError, match=message):
            method(table)
    with pytest.raises(ValueError, match=message.replace("X has", "X_corrupted has")):
        autoencoder().fit(np.ones((N, 2)), X_corrupted=table)


def test_numbers_of_arrow():
    pa = pytest.importorskip("pyarrow")
    table = pa.table(
        {
            "float": NUMBERS,
            "null": [None, *range(1, N)],
            "bool": NUMBERS > 0,
            "decimal": pa.array([Decimal(k) for k in range(N)], pa.decimal128(10, 2)),
        }
    )
    X = np.column_stack([NUMBERS, [np.nan, *range(1, N)], NUMBERS > 0, range(N)])
    expected = autoencoder().fit(X).transform(X)
    for rows in (table, table.to_batches()[0]):
        model = autoencoder().fit(rows)
        assert list(model.feature_names_in_) == table.column_names
        np.testing.assert_array_equal(model.transform(rows), expected)


@pytest.mark.parametrize("batch", [False, True])
def test_order_of_the_columns_of_arrow(batch):
    pa = pytest.importorskip("pyarrow")
    X = {"a": NUMBERS, "b": NUMBERS[::-1], "c": NUMBERS**2}

    def arrow(columns):
        made = pa.RecordBatch if batch else pa.Table
        return made.from_arrays([pa.array(X[name]) for name in columns], names=list(columns))

    rows, reversed_rows = arrow("abc"), arrow("cba")
    for make in (autoencoder, detector, imputer, tabular):
        model = make().fit(rows)
        method = model.predict if make is detector else model.transform
        with pytest.raises(ValueError, match="must be in the same order"):
            method(reversed_rows)
    message = r"X_corrupted must have the columns of X .* another order\. .*\.select\(X\."
    with pytest.raises(ValueError, match=message):
        autoencoder().fit(rows, X_corrupted=reversed_rows)
    autoencoder().fit(rows, X_corrupted=rows)
    model = autoencoder(n_components=3).fit(rows)
    codes = dict(zip("abc", model.transform(rows).T, strict=True))
    names = [f"denoisingautoencoder{k}" for k in range(3)]
    in_order = pa.table(dict(zip(names, codes.values(), strict=True)))
    assert model.inverse_transform(in_order).shape == (N, 3)
    with pytest.raises(ValueError, match=r"columns in the order of get_feature_names_out\(\)"):
        model.inverse_transform(in_order.select(names[::-1]))


def test_a_table_of_arrow_that_no_array_holds():
    pa = pytest.importorskip("pyarrow")
    times = pa.array(range(N), pa.int64()).cast(pa.timestamp("us"))
    table = pa.table({"time": times, "number": NUMBERS})
    for make in (tabular, imputer):
        with pytest.raises(ValueError, match=r"X, a Table, .*'time' \(timestamp.*X\.to_pandas\(\)"):
            make().fit(table)


# ------------------------------------------------------------------ what NumPy cannot read


class Unreadable:
    """As a tensor that is part of a graph of derivatives."""

    shape = (N, 2)
    ndim = 2

    def __len__(self):
        return N

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("Detach it first.")


@pytest.mark.parametrize("make", [autoencoder, detector, imputer, tabular])
def test_arrays_that_numpy_cannot_read(make):
    with pytest.raises(ValueError, match=r"X, a Unreadable, cannot .*: Detach it first\. Pass"):
        make().fit(Unreadable())


@pytest.mark.parametrize("make", [autoencoder, detector, imputer, tabular])
@pytest.mark.parametrize("name", ["bfloat16", "int4", "float8_e4m3fn"])
def test_dtypes_of_other_libraries(make, name):
    dtype = getattr(pytest.importorskip("ml_dtypes"), name)
    X = np.column_stack([NUMBERS, NUMBERS[::-1]])
    with pytest.raises(ValueError, match=rf"X has the dtype {name}, .* Pass X\.astype"):
        make().fit(X.astype(dtype))


@pytest.mark.parametrize("make", [autoencoder, detector, imputer, tabular])
def test_masked_structured_arrays(make):
    plain = np.zeros(N, dtype=[("a", np.float64), ("b", np.int32)])
    rows = np.ma.masked_array(plain, mask=[(True, False), *[(False, False)] * (N - 1)])
    with pytest.raises(ValueError, match="X is a structured array, with the fields a, b"):
        make().fit(rows)


def test_columns_of_polars_that_numpy_cannot_read():
    pl = pytest.importorskip("polars")
    if not hasattr(pl, "Int128"):
        pytest.skip("this polars has no such integers")
    frame = pl.DataFrame({"a": range(N), "wide": pl.Series(range(N)).cast(pl.Int128)})
    try:
        frame.to_numpy()
    except Exception:
        message = r"X has columns that cannot be .*: 'wide' \(Int128\)\. Convert these columns"
        with pytest.raises(ValueError, match=message):
            autoencoder().fit(frame)
    else:
        pytest.skip("this polars converts them")


@pytest.mark.parametrize("make", [imputer, tabular])
def test_a_frame_without_rows_yet(make):
    lazy = pytest.importorskip("polars").DataFrame({"a": NUMBERS}).lazy()
    with pytest.raises(ValueError, match=r"X is a polars LazyFrame, .* X\.collect\(\)"):
        make().fit(lazy)


def test_periods_are_not_called_text():
    pd = pytest.importorskip("pandas")
    days = pd.period_range("2020-01-01", periods=N, freq="D")
    with pytest.warns(UserWarning, match="40 different Period values .* Turn the column into"):
        tabular().fit(pd.DataFrame({"day": days, "a": NUMBERS}))


# ------------------------------------------------------------------ targets


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_sparse_targets_are_refused_by_name(n_outputs):
    y = sparse.random(N, n_outputs, density=0.5, format="csr")
    model = StackedDenoisingRegressor((2,), max_iter=1, fine_tune_max_iter=1)
    for method in (model.fit, model.partial_fit):
        with pytest.raises(TypeError, match=r"y must be a dense array, .* Pass y.toarray\(\)"):
            method(NUMBERS[:, None], y)

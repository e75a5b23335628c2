"""Tables: dtypes and marks of missing values, failed fits, changed parameters, errors."""

import pickle
from fractions import Fraction

import numpy as np
import pytest
from estimators import assert_unchanged, state_of
from sklearn import config_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import cross_validate

import dae._training.epochs
from dae import DenoisingOutlierDetector
from dae._estimator.version_stamp import STAMP, VersionMismatchWarning
from dae._tables.encoder import Encoding, TableEncoder
from dae.tabular import DenoisingImputer, TabularDenoisingAutoencoder
from dae.tabular._network_fill import _weights

N = 40


def imputer(**settings):
    return DenoisingImputer(
        **{"hidden_layer_sizes": 4, "max_iter": 1, "random_state": 0} | settings
    )


def small(**settings):
    return TabularDenoisingAutoencoder(
        **{"hidden_layer_sizes": 4, "max_iter": 1, "random_state": 0} | settings
    )


BOTH = pytest.mark.parametrize("make", [imputer, small])


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(N, 3))


def columns(**others):
    """A column of numbers with holes, one without, and others."""
    a, b = np.random.default_rng(0).normal(size=(2, N))
    a[:5] = np.nan
    return {"a": a, "b": b} | others


# ------------------------------------------------------------------ indicators


@pytest.mark.parametrize("labels", [[0] * 15 + [1] * 25, [None] * N, range(N)])
def test_indicators_stand_beside_rows_whatever_their_labels(labels):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(columns(), index=labels)
    filled = imputer(add_indicator=True).fit_transform(frame)
    assert filled.index.equals(frame.index)
    assert list(filled.columns) == ["a", "b", "missingindicator_a"]
    assert np.array_equal(filled["missingindicator_a"], frame["a"].isna())


@pytest.mark.parametrize("package", ["pandas", "polars"])
def test_an_indicator_whose_name_is_taken(package):
    frames = pytest.importorskip(package)
    frame = frames.DataFrame(columns(missingindicator_a=[1.0, 2.0] * (N // 2)))
    words = "adds a column 'missingindicator_a', and X has one of that name. Rename"
    with pytest.raises(ValueError, match=words):
        imputer(add_indicator=True).fit(frame)
    model = imputer().fit(frame).set_params(add_indicator=True)
    for use in (model.transform, lambda _: model.get_feature_names_out()):
        with pytest.raises(ValueError, match=words):
            use(frame)


def test_indicators_beside_arrays_that_hold_no_numbers():
    X = np.array([["?", "x"], ["b", "y"]] * 20)
    filled = imputer(missing_values="?", add_indicator=True).fit_transform(X)
    assert filled[:2].tolist() == [["b", "x", True], ["b", "y", False]]


# ------------------------------------------------------------------ the user's mark, and dtypes


def mixed(frames):
    """Whole numbers, counts, text, booleans and a category, with -1 and "?" for missing."""
    table = columns(
        whole=np.array([-1, 3, 4, 90] * 10),
        narrow=np.array([-1, 3, 4, 90] * 10, dtype=np.int16),
        text=["?", "u", "v", "v"] * 10,
        flag=[True, False] * 20,
    )
    frame = frames.DataFrame(table)
    if hasattr(frame, "iloc"):
        return frame.assign(
            nullable=frames.array(table["whole"], dtype="Int64"),
            kind=frames.Categorical(table["text"]),
            thin=frames.arrays.SparseArray(table["whole"]),
        )
    levels = frames.Series("kind", table["text"], dtype=frames.Enum(["?", "u", "v"]))
    numbers = frames.Series("unsigned", [1, 2] * 20, dtype=frames.UInt8)
    day = frames.Series("day", [1, 2] * 20).cast(frames.Date)
    anything = frames.Series("anything", ["?", 3] * 20, dtype=frames.Object)
    return frame.with_columns(levels, numbers, day, anything)


@pytest.mark.parametrize("package", ["pandas", "polars"])
@pytest.mark.parametrize("mark", [-1, "?", 0, -1.5])
def test_a_mark_is_looked_for_where_it_can_be(package, mark):
    frame = mixed(pytest.importorskip(package))
    filled = imputer(missing_values=mark).fit_transform(frame)
    assert list(filled.dtypes) == list(frame.dtypes)
    for name in frame.columns:
        old, new = list(frame[name]), list(filled[name])
        assert mark not in new or mark == 0  # False is not 0: it is no missing value
        kept = [row for row in range(N) if old[row] == old[row] and old[row] != mark]
        assert [old[row] for row in kept] == [new[row] for row in kept]
    assert list(filled["flag"]) == list(frame["flag"])


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.float32, bool])
def test_an_array_keeps_its_dtype(dtype):
    X = np.random.default_rng(0).integers(0, 9, size=(N, 3)).astype(dtype)
    assert np.array_equal(imputer().fit_transform(X), X)
    assert imputer().fit_transform(X).dtype == dtype
    if dtype is not bool:
        X[:5, 1] = -1
        filled = imputer(missing_values=-1).fit_transform(X)
        assert filled.dtype == dtype and (filled >= 0).all()


def test_a_level_may_be_longer_than_all_texts_of_an_array():
    model = imputer(missing_values="?").fit(np.array([["longest", "x"]] * 20 + [["?", "y"]] * 2))
    filled = model.transform(np.array([["?", "x"]]))
    assert filled.tolist() == [["longest", "x"]]


def test_texts_that_are_ignored_are_not_cut():
    X = np.array([[f"person {k}", "xy"[k % 2]] for k in range(N)])
    with pytest.warns(UserWarning, match="Column 0 has 40 different texts"):
        model = small().fit(X)
    assert np.array_equal(model.reconstruct(X)[:, 0], X[:, 0])


@pytest.mark.parametrize("package", ["pandas", "polars"])
def test_cells_of_ignored_columns_stay(package):
    frames = pytest.importorskip(package)
    frame = frames.DataFrame(columns(left=[-1, 7] * 20))
    model = imputer(missing_values=-1, column_types={"left": "ignore"})
    filled = model.fit_transform(frame)
    assert list(filled["left"]) == [-1, 7] * 20
    assert list(filled.dtypes) == list(frame.dtypes)


def test_sparse_columns_of_pandas_are_filled():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(columns(thin=pd.arrays.SparseArray([0, 0, 1, np.nan] * 10)))
    for filled in (imputer().fit_transform(frame), small().fit(frame).impute(frame)):
        assert list(filled.dtypes) == list(frame.dtypes) and not filled.isna().any(axis=None)


# ------------------------------------------------------------------ blocks


@pytest.mark.parametrize(("min_frequency", "widths"), [(1, [2, 1]), (N + 1, [1, 1])])
def test_a_category_of_one_column_is_a_block_of_its_own(min_frequency, widths):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(
        columns(
            one_seen=pd.Categorical(["x"] * N, categories=["x", "y", "z"]),
            one_declared=pd.Categorical(["q"] * N, categories=["q"]),
        )
    )
    settings = {"column_types": {"one_declared": "categorical"}, "min_frequency": min_frequency}
    blocks = TableEncoder.fit(frame, Encoding(**settings)).output_blocks({})
    categories = [("multinomial", width, pytest.approx(10)) for width in widths]
    assert blocks == [*categories, ("squared_error", 2, 1.0)]  # numbers are together
    probabilities = small(**settings).fit(frame).level_probabilities(frame)
    assert all(np.allclose(p.sum(axis=1), 1) for p in probabilities.values())


# ------------------------------------------------------------------ what a failure leaves


@pytest.mark.parametrize(
    ("make", "method"), [(imputer, "fit"), (small, "fit"), (small, "partial_fit")]
)
def test_a_failed_fit_changes_nothing(make, method, X):
    bad = np.where(np.arange(N)[:, None] == 3, np.inf, X)
    if method == "fit":  # whose columns may be others
        bad = pytest.importorskip("pandas").DataFrame(bad[:, :2], columns=["a", "b"])
    model = make()
    with pytest.raises(ValueError, match="infinity"):
        getattr(model, method)(bad)
    assert not hasattr(model, "n_features_in_") and not hasattr(model, "feature_names_in_")
    before = state_of(model.fit(X))
    with pytest.raises(ValueError, match="infinity"):
        getattr(model, method)(bad)
    assert_unchanged(model, before)
    model.transform(X)


@BOTH
def test_a_diverging_fit_changes_nothing(make, X):
    model = make().fit(X)
    before = state_of(model)
    with pytest.raises(ValueError, match="diverged"):
        model.set_params(learning_rate_init=1e9).fit(X[:, :2])
    assert_unchanged(model.set_params(learning_rate_init=before["learning_rate_init"]), before)


@pytest.fixture
def interrupt(monkeypatch):
    """Ctrl-C in an epoch, by its number in all trainings; the list of the begun ones."""
    whole, begun = dae._training.epochs._epoch, []

    def set_up(at):
        def epoch(*args):
            begun.append(args)
            if len(begun) == at:
                raise KeyboardInterrupt
            return whole(*args)

        monkeypatch.setattr(dae._training.epochs, "_epoch", epoch)
        return begun

    return set_up


def test_the_second_network_does_not_begin_after_an_interrupt(X, interrupt):
    model = imputer(max_iter=5).fit(X)
    before = state_of(model)
    begun = interrupt(3)
    with (
        pytest.warns(UserWarning, match="interrupted after 2 complete epochs of max_iter=5;"),
        pytest.raises(KeyboardInterrupt),
    ):
        model.fit(X[:, :2])
    assert len(begun) == 3
    assert_unchanged(model, before)


def test_an_interrupt_of_the_second_network_keeps_its_last_epoch(X, interrupt):
    begun = interrupt(8)
    with pytest.warns(UserWarning, match="interrupted after 2 complete epochs of max_iter=5;"):
        model = imputer(max_iter=5).fit(X)
    assert len(begun) == 8
    assert [network.n_iter_ for network in model.networks_] == [5, 2]


@pytest.mark.parametrize("kind", [TabularDenoisingAutoencoder, DenoisingOutlierDetector])
def test_a_warning_names_the_parameter_and_the_line_of_the_user(X, interrupt, kind):
    interrupt(3)
    with pytest.warns(UserWarning, match="interrupted after 2 complete epochs of max_iter=5;") as w:
        kind(hidden_layer_sizes=4, max_iter=5, random_state=0).fit(X)
    assert w[0].filename == __file__


def test_a_training_that_ends_too_early_is_said_in_words_of_the_table(X):
    with pytest.warns(ConvergenceWarning, match="optimization reached max_iter=2 epochs") as w:
        small(max_iter=2, tol=1e-9, learning_rate="constant").fit(X)
    assert w[0].filename == __file__


def test_an_interrupt_of_the_training_that_chooses_rows(X, interrupt):
    detector = DenoisingOutlierDetector(4, support_fraction=0.7, max_iter=20, random_state=0)
    before = state_of(detector.fit(X))
    begun = interrupt(2)
    with pytest.warns(UserWarning, match="interrupted after 1"), pytest.raises(KeyboardInterrupt):
        detector.fit(X[::-1])
    assert len(begun) == 2
    assert_unchanged(detector, before)


# ------------------------------------------------------------------ parameters that change


def test_partial_fit_takes_the_present_parameters(X):
    model = small().partial_fit(X)
    changed = {"learning_rate_init": 0.5, "batch_size": 7, "alpha": 0.1, "n_jobs": 1,
               "corruption_level": 0.5, "emphasis": (1, 0.5), "corruption": "masking"}  # fmt: skip
    other = pickle.loads(pickle.dumps(model)).set_params(**changed)
    assert np.array_equal(model.transform(X), other.transform(X))
    assert not np.array_equal(model.partial_fit(X).transform(X), other.partial_fit(X).transform(X))
    network = other.network_
    assert (network.fine_tune_learning_rate_init, network.batch_size) == (0.5, 7)
    assert (network.alpha, network.n_jobs, network.emphasis) == (0.1, 1, (1, 0.5))
    assert network.corruption == ["masking"] and (network.corruption_level[0] == 0.5).all()


def test_a_failed_partial_fit_leaves_the_parameters_of_the_network(X):
    model = small().partial_fit(X)
    before = state_of(model.network_)
    with pytest.raises(ValueError, match="sample_weight must not be negative"):
        model.set_params(learning_rate_init=0.5).partial_fit(X, sample_weight=[-1] * len(X))
    assert_unchanged(model.network_, before)


@pytest.mark.parametrize("begin", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    "changed",
    [
        {"hidden_layer_sizes": 5},
        {"activation": "tanh"},
        {"tied_weights": True},
        {"column_weights": {0: 2.0}},
        {"column_types": {0: "numeric"}},
        {"numeric_scaler": "standard"},
        {"max_categories": 3},
        {"min_frequency": 2},
        {"missing_indicator": True},
        {"early_stopping": True},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_partial_fit_refuses_what_cannot_change(X, begin, changed):
    model = getattr(small(), begin)(X)
    (name,) = changed
    with pytest.raises(ValueError, match=f"partial_fit .*{name}="):
        model.set_params(**changed).partial_fit(X)
    model.set_params(**{name: getattr(small(), name)}).partial_fit(X)


def test_a_dict_that_is_changed_in_place_is_a_changed_parameter(X):
    weights = {0: 2.0}
    model = small(column_weights=weights).partial_fit(X)
    weights[0] = 3.0
    with pytest.raises(ValueError, match=r"has column_weights=\{0: 2.0\}; got column_weights=\{0"):
        model.partial_fit(X)


def test_output_layers_and_threads_may_change_after_fit(X):
    model = small(hidden_layer_sizes=(5, 3)).fit(X)
    last = model.transform(X)
    every = model.set_params(output_layers="all", n_jobs=1).transform(X)
    assert every.shape == (N, 8) and np.array_equal(every[:, 5:], last)
    assert len(model.get_feature_names_out()) == 8
    assert np.array_equal(model.inverse_transform(every), model.reconstruct(X))
    assert model.network_.n_jobs == 1
    fill = imputer().fit(X).set_params(n_jobs=1)
    fill.transform(X)
    assert [network.n_jobs for network in fill.networks_] == [1, 1]


def test_passes_are_counted_beyond_the_loss_curve(X):
    model = small(max_iter=2).fit(X).partial_fit(X)
    assert model.n_iter_ == 3
    stage = model.network_._stages[-1]
    stage["loss_curve_"], stage["n_iter_"] = stage["loss_curve_"][1:], 10_001
    assert model.n_iter_ == 10_001


# ------------------------------------------------------------------ weights of the two predictions


def test_without_hidden_cells_both_predictions_count_the_same():
    nothing = np.empty(0, dtype=np.float32)
    assert _weights(nothing, nothing, nothing) == (0.5, 0.5)


# ------------------------------------------------------------------ saved


@BOTH
def test_saved_estimators_carry_the_version(make, X):
    model = make().fit(X)
    state = model.__getstate__()
    assert STAMP in state
    twin = pickle.loads(pickle.dumps(model))
    assert STAMP not in twin.__dict__
    np.testing.assert_array_equal(twin.transform(X), model.transform(X))
    other = type(model)()
    with pytest.warns(VersionMismatchWarning, match=f"This {type(model).__name__} was saved with"):
        other.__setstate__(state | {STAMP: "0.0.0"})


# ------------------------------------------------------------------ bad parameters


BAD = [
    ("max_iter", 0),
    ("max_iter", "all"),
    ("learning_rate_init", -1),
    ("alpha", -1),
    ("batch_size", 0),
    ("random_state", "a"),
    ("n_jobs", 0),
    ("hidden_layer_sizes", 0),
    ("missing_values", [1]),
    ("activation", "step"),
    ("tied_weights", "yes"),
    ("emphasis", 2),
    ("learning_rate", "falling"),
    ("tol", -1),
    ("n_iter_no_change", 0),
    ("early_stopping", 1.5),
    ("validation_fraction", 1.5),
    ("verbose", "loud"),
]


@pytest.mark.parametrize(
    ("make", "name", "value"),
    [(make, *each) for make in (imputer, small) for each in BAD if each[0] in make().get_params()],
)
def test_errors_name_the_parameter_that_the_user_knows(make, name, value, X):
    model = make(**{name: value})
    with pytest.raises(ValueError, match=f"'{name}' parameter of {type(model).__name__}"):
        model.fit(X)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"hidden_layer_sizes": (4, 0)}, "hidden_layer_sizes must be one integer of 1 or more"),
        ({"column_weights": {0: 0}}, r"'column_weights\[0\]' parameter.* Got 0 instead"),
        ({"column_weights": {0: np.inf}}, r"'column_weights\[0\]' parameter.* Got inf instead"),
        ({"column_weights": {1: "a"}}, r"'column_weights\[1\]' parameter.* Got 'a' instead"),
        ({"column_weights": {7: 1}}, "column_weights names 7, which is no column of X"),
        ({"corruption_level": {2: 1.5}}, r"'corruption_level\[2\]' parameter.* Got 1.5 instead"),
        (
            {"emphasis": (1, 0), "corruption": None},
            r"emphasis=\(1, 0\) counts .* corruption is None, corruption_level 0.15. Choose",
        ),
    ],
)
def test_parameters_that_do_not_fit(parameters, message, X):
    for method in ("fit", "partial_fit"):
        with pytest.raises(ValueError, match=message):
            getattr(small(**parameters), method)(X)


@BOTH
def test_divergence_names_the_parameter_that_the_user_knows(make, X):
    with pytest.raises(ValueError, match=r"^Training diverged with learning_rate_init=1e\+09. Low"):
        make(learning_rate_init=1e9).fit(X)


# ------------------------------------------------------------------ weights of rows


def test_rows_weigh_in_the_score(X):
    model = small().fit(X)
    scores = model.score_samples(X)
    weight = np.arange(N) % 3
    assert model.score(X, sample_weight=weight) == np.average(scores, weights=weight)
    assert model.score(X, sample_weight=np.ones(N)) == pytest.approx(model.score(X))
    with pytest.raises(ValueError, match="sample_weight must not be negative"):
        model.score(X, sample_weight=-np.ones(N))


def test_weights_of_the_score_can_be_routed(X):
    with config_context(enable_metadata_routing=True):
        model = small().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        scores = cross_validate(model, X, cv=2, params={"sample_weight": np.arange(N) % 2})
    assert np.isfinite(scores["test_score"]).all()


# ------------------------------------------------------------------ parameters set after `fit`


@pytest.mark.parametrize("name", ["n_imputations", "add_indicator", "keep_empty_features"])
def test_parameters_of_the_imputer_are_checked_when_they_are_used(X, name):
    model = imputer().fit(X).set_params(**{name: "x" if name != "n_imputations" else 0})
    for use in (model.transform, model.impute_many, lambda X: model.get_feature_names_out()):
        with pytest.raises(ValueError, match=f"The '{name}' parameter of DenoisingImputer"):
            use(X)


@pytest.mark.parametrize("name", ["keep_input", "output_layers"])
def test_parameters_of_codes_are_checked_when_they_are_used(X, name):
    model = small().fit(X).set_params(**{name: "x"})
    codes = np.ones((2, 4))
    for use in (
        lambda: model.transform(X),
        lambda: model.inverse_transform(codes),
        model.get_feature_names_out,
    ):
        with pytest.raises(ValueError, match=f"The '{name}' parameter of Tabular"):
            use()


# ------------------------------------------------------------------ numbers beyond float64

HUGE = 10**400


@BOTH
@pytest.mark.parametrize("value", [HUGE, -HUGE, Fraction(HUGE)])
def test_objects_that_float64_does_not_hold(make, value):
    X = np.array([[value, 1], [1, 2], [3, 4]], dtype=object)
    with pytest.raises(ValueError, match="Column 0 holds numbers too large for float64"):
        make().fit(X)


@BOTH
def test_levels_that_float64_does_not_hold(make):
    X = np.arange(N).reshape(-1, 2) % 3
    with pytest.raises(ValueError, match=r"column_types\[1\] lists the level 10000"):
        make(column_types={1: [0, 1, 2, HUGE]}).fit(X)


@pytest.mark.parametrize(
    ("make", "parameters"),
    [
        (small, {"column_weights": {1: HUGE}}),
        (small, {"learning_rate_init": HUGE}),
        (imputer, {"learning_rate_init": HUGE}),
        (small, {"alpha": HUGE}),
        (imputer, {"alpha": HUGE}),
        (small, {"emphasis": (HUGE, 1)}),
    ],
)
def test_parameters_that_float64_does_not_hold(make, parameters, X):
    (name,) = parameters
    with pytest.raises(ValueError, match=name):
        make(**parameters).fit(X)


def test_no_number_equals_a_mark_beyond_float64(X):
    X[0, 0] = np.nan
    np.testing.assert_array_equal(
        imputer(missing_values=HUGE).fit_transform(X), imputer().fit_transform(X)
    )


@BOTH
def test_quartiles_that_are_too_near_to_divide_by(make):
    tiny = 5e-324 * (np.arange(N) % 9)
    X = np.column_stack([np.where(np.arange(N) == 7, 1.0, tiny), np.arange(N)])
    X[3, 1] = np.nan
    model = make(numeric_scaler="robust").fit(X)
    assert np.isfinite(model.transform(X)).all()
    assert np.isfinite(model._encoder.encode(X)[:, 0]).all()


# ------------------------------------------------------------------ masked arrays

MASK = np.arange(N).reshape(-1, 2) % 7 == 0


@pytest.mark.parametrize("dtype", ["U1", "S1", object])
def test_masked_text_is_missing(dtype):
    text = np.array(list("abcab" * (N // 5)), dtype="U1").astype(dtype).reshape(-1, 2)
    objects = np.where(MASK, np.nan, text.astype(object))
    masked = np.ma.masked_array(text, MASK)
    filled = imputer().fit_transform(masked)
    np.testing.assert_array_equal(filled, imputer().fit_transform(objects))
    np.testing.assert_array_equal(filled[~MASK], text[~MASK])
    assert set(filled[MASK]) <= set(text.ravel())
    np.testing.assert_array_equal(small().fit(masked).impute(masked)[~MASK], text[~MASK])


@pytest.mark.parametrize("dtype", ["M8[D]", "M8[s]", "m8[h]"])
def test_masked_times_keep_their_dtype(dtype):
    times = np.arange(N).reshape(-1, 2).astype(dtype)
    masked = np.ma.masked_array(times, MASK)
    filled = imputer().fit_transform(masked)
    assert filled.dtype == dtype
    np.testing.assert_array_equal(filled[~MASK], times[~MASK])
    assert not np.isnat(filled).any()


@pytest.mark.parametrize("dtype", [np.float32, np.int64, bool, object])
def test_masked_numbers_are_float64(dtype):
    numbers = (np.arange(N).reshape(-1, 2) % 5).astype(dtype)
    masked = np.ma.masked_array(numbers, MASK)
    filled = imputer().fit_transform(masked)
    assert filled.dtype == np.float64
    expected = imputer().fit_transform(np.where(MASK, np.nan, numbers.astype(np.float64)))
    np.testing.assert_array_equal(filled, expected)


def test_what_is_behind_a_mask_does_not_count():
    values = np.array([[HUGE, 1], ["a", 2], [3, 4], [4, 3]], dtype=object)
    masked = np.ma.masked_array(values, [[1, 0], [1, 0], [0, 0], [0, 0]])
    filled = imputer().fit_transform(masked)
    np.testing.assert_array_equal(filled[:, 1], [1, 2, 4, 3])
    assert filled.dtype == np.float64 and np.isfinite(filled).all()

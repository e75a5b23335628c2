"""Fitted attributes that were edited: an answer or a ValueError, whatever is in them."""

import functools
import pickle

import numpy as np
import pytest
import scipy.sparse

from dae import (
    DenoisingAutoencoder,
    DenoisingOutlierDetector,
    StackedDenoisingAutoencoder,
    StackedDenoisingClassifier,
    StackedDenoisingRegressor,
)
from dae.tabular import DenoisingImputer, TabularDenoisingAutoencoder

DAMAGED = "The fitted state is damaged: .*{}.*Fit the estimator again"


@pytest.fixture
def X():
    return np.random.default_rng(0).random((20, 4))


@pytest.fixture
def autoencoder(X):
    return DenoisingAutoencoder(3, max_iter=2, tol=None, random_state=0).fit(X)


@pytest.fixture
def stack(X):
    return StackedDenoisingAutoencoder((3, 2), max_iter=2, tol=None, random_state=0).fit(X)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("_largest_sane_loss", None),
        ("_largest_sane_loss", np.nan),
        ("loss_curve_", None),
        ("loss_curve_", ["a"]),
        ("loss_curve_", (1.0,)),
        ("validation_loss_curve_", 3),
        ("best_loss_", "a"),
        ("n_iter_", None),
        ("n_iter_", 2**64),
        ("_presentation", 2**64),
        ("_presentation", 2**64 - 1),
        ("_n_steps", 2**63),
        ("_seed", -1),
        ("_moments_kind", np.zeros(3)),
        ("_n_features_out", np.zeros(3)),
        ("feature_names_in_", 2.5),
        ("intercept_hidden_", np.ma.masked_array(np.zeros(3), mask=True)),
        ("_activation", np.array(["relu", "tanh"])),
    ],
)
def test_edited_autoencoder(X, autoencoder, name, value):
    autoencoder.__dict__[name] = value
    shown = {"intercept_hidden_": "hidden_bias", "_activation": "activation"}.get(name, name)
    with pytest.raises(ValueError, match=DAMAGED.format(shown)):
        autoencoder.partial_fit(X)


@pytest.mark.parametrize("stages", [3, None, [], [1, 2, 3], [{}, {}, {}]])
def test_edited_stages(X, stack, stages):
    stack._stages = stages
    for read in (stack.partial_fit, lambda X: stack.loss_curve_, lambda X: stack.n_iter_):
        with pytest.raises(ValueError, match=DAMAGED.format("")):
            read(X)


@pytest.mark.parametrize("weights", [np.zeros((2, 2)), 3, "a", np.zeros(3, dtype="f4,i4")])
def test_views_of_damaged_weights(autoencoder, stack, weights):
    autoencoder._encoder_weights = weights
    stack._layers[0]["encoder"] = weights
    for estimator, names in (
        (autoencoder, ["components_", "decoder_components_"]),
        (stack, ["components_", "coefs_", "intercepts_", "decoder_coefs_", "decoder_intercepts_"]),
    ):
        for name in names:
            with pytest.raises(ValueError, match=DAMAGED.format("")):
                getattr(estimator, name)


@pytest.mark.parametrize("n_jobs", ["all", 1.5, [1], 0])
def test_number_of_threads_set_after_fit(X, autoencoder, n_jobs):
    autoencoder.n_jobs = n_jobs
    for rows in (X, np.zeros((200_000, 4))):
        with pytest.raises(ValueError, match="n_jobs must be None, a positive or a negative"):
            autoencoder.transform(rows)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("_target_scale", np.zeros(1)),
        ("_target_mean", np.array([np.nan])),
        ("_target_mean", np.array(["a"])),
    ],
)
def test_edited_scale_of_targets(X, name, value):
    regressor = StackedDenoisingRegressor((3,), max_iter=1, fine_tune_max_iter=1, tol=None)
    regressor.fit(X, X[:, 0])
    setattr(regressor, name, value)
    with pytest.raises(ValueError, match=DAMAGED.format(name)):
        regressor.predict(X)


def test_edited_classes(X):
    classifier = StackedDenoisingClassifier((3,), max_iter=1, fine_tune_max_iter=1, tol=None)
    classifier.fit(X, np.arange(20) % 2)
    classifier.classes_ = np.array([None, "a"], dtype=object)
    with pytest.raises(ValueError, match=DAMAGED.format("classes_")):
        classifier.partial_fit(X, np.arange(20) % 2)


# ------------------------------------------------------------------ estimators of tables


def pandas_na():
    return pytest.importorskip("pandas").NA


def table(n=24):
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    frame = pandas.DataFrame(
        {
            "number": rng.normal(size=n),
            "text": rng.choice(["x", "y", "z"], n),
            "count": [0, 0, 0, 1, 2, 3, 8, 9] * (n // 8),
            "date": pandas.date_range("2020", periods=n),
            "one": 1,
        }
    )
    frame.loc[3, "number"] = np.nan
    return frame


SMALL = {"hidden_layer_sizes": (3,), "max_iter": 1, "random_state": 0}


@pytest.fixture(scope="module")
def of_tables():
    """Pickles of fitted estimators, and what uses them."""
    X = table()
    fitted = {
        "autoencoder": (TabularDenoisingAutoencoder(**SMALL), "transform"),
        "imputer": (DenoisingImputer(**SMALL), "transform"),
        "detector": (DenoisingOutlierDetector(**SMALL), "predict"),
    }
    return {name: (pickle.dumps(each.fit(X)), use) for name, (each, use) in fitted.items()}


def refuses(of_tables, name, edit, problem):
    stored, use = of_tables[name]
    model, X = pickle.loads(stored), table()
    getattr(model, use)(X)
    edit(model)
    with pytest.raises(ValueError, match=DAMAGED.format(problem)):
        getattr(model, use)(X)


def deletes(name, owner=lambda model: model):
    return lambda model: vars(owner(model)).pop(name)


def sets(name, value, owner=lambda model: model):
    return lambda model: vars(owner(model)).update({name: value})


def encoder(model):
    return model._encoder


def column(k):
    return lambda model: model._encoder.columns[k]


def scaler(model):
    return model._encoder.columns[0].scaler


def linear(model):
    return model._filling.linear


def schema(model):
    return model._encoder.schema


@pytest.mark.parametrize("name", ["autoencoder", "imputer", "detector"])
@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        (sets("_encoder", None), "_encoder must be of the class TableEncoder, got None"),
        (deletes("n_features_in_"), "n_features_in_"),
        (sets("feature_names_in_", 3), "feature_names_in_"),
        (sets("columns", None, encoder), "_encoder.columns must be a list"),
        (lambda model: model._encoder.columns.reverse(), "_encoder.places"),
        (lambda model: model._encoder.places.reverse(), "_encoder.places"),
        (sets("n_encoded", 3, encoder), "_encoder.places"),
        (sets("indicated", [9], encoder), "_encoder.indicated"),
        (sets("names", ["a"], schema), "_encoder.schema must describe 5 columns"),
        (sets("dtypes", [None] * 5, schema), "_encoder.schema.dtypes.0."),
        (sets("name", [], column(0)), "_encoder.columns.0..name"),
        (sets("holds", "anything", column(0)), "_encoder.columns.0..holds"),
        (sets("scaler", None, column(0)), "_encoder.columns.0..scaler"),
        (sets("width", 2, column(0)), "_encoder.columns.0..width must be 1"),
        (sets("weight", np.inf, column(0)), "_encoder.columns.0..weight"),
        (sets("scale", np.nan, scaler), "_encoder.columns.0..scaler.scale"),
        (sets("scale", 0.0, scaler), "_encoder.columns.0..scaler.scale"),
        (deletes("mean", scaler), "_encoder.columns.0..scaler.mean is missing"),
        (sets("low", 1e9, scaler), "_encoder.columns.0..scaler.low"),
        (sets("levels", ("x", "y"), column(1)), "_encoder.columns.1..width must be 2"),
        (sets("levels", ("x", "y", "x"), column(1)), "_encoder.columns.1. has a level twice"),
        (sets("levels", ("x", "y", []), column(1)), "_encoder.columns.1..levels"),
        (
            lambda model: setattr(model._encoder.columns[1], "levels", ("x", "y", pandas_na())),
            "_encoder.columns.1..levels .* no missing",
        ),
        (sets("levels", ("x", "y", None), column(1)), "_encoder.columns.1..levels .* no missing"),
        (sets("mean", -1.0, column(2)), "_encoder.columns.2..mean"),
        (sets("times", None, column(3)), "_encoder.columns.3..times must be there for dates"),
        (sets("step", 2.0, column(3)), "_encoder.columns.3..step"),
        (lambda model: vars(model._encoder.columns[3].scaler).update(high=1e15), "times from"),
        (sets("only", "a", column(4)), "_encoder.columns.4..only"),
    ],
)
def test_edited_encoder_of_a_table(of_tables, name, edit, problem):
    refuses(of_tables, name, edit, problem)


@pytest.mark.parametrize("mended", ["quantile", "robust"])
def test_edited_scaler(mended):
    X = table()
    for name, value in (("values", None), ("scores", np.zeros(3)), ("unit", 0.0), ("centre", "a")):
        model = TabularDenoisingAutoencoder(numeric_scaler=mended, **SMALL).fit(X)
        if name in vars(model._encoder.columns[0].scaler):
            setattr(model._encoder.columns[0].scaler, name, value)
            with pytest.raises(ValueError, match=DAMAGED.format(name)):
                model.transform(X)


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        (sets("network_", None), "network_ must be of the class StackedDenoisingAutoencoder"),
        (sets("network_", StackedDenoisingAutoencoder()), "_layers"),
        (
            lambda model: setattr(
                model, "network_", StackedDenoisingAutoencoder((3,), max_iter=1).fit(np.eye(6))
            ),
            "network_ must be a network for the 6 encoded columns",
        ),
        (deletes("_fixed"), "_fixed is missing"),
    ],
)
def test_edited_network_of_a_table(of_tables, edit, problem):
    refuses(of_tables, "autoencoder", edit, problem)


@pytest.mark.parametrize(
    "edit",
    [
        lambda fixed: fixed.clear(),
        lambda fixed: fixed.update(max_categories=np.zeros(3)),
        lambda fixed: fixed.update(column_types={"text": 3}),
        lambda fixed: fixed.update(column_weights={"text": np.zeros(2, dtype="f4,i4")}),
        lambda fixed: fixed.update(hidden_layer_sizes=np.zeros(2, dtype="f4,i4")),
    ],
)
def test_edited_parameters_that_are_fixed(of_tables, edit):
    model = pickle.loads(of_tables["autoencoder"][0])
    edit(model._fixed)
    with pytest.raises(ValueError, match=DAMAGED.format("_fixed")):
        model.partial_fit(table())


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        (sets("_filling", None), "_filling must fill the 6 encoded columns"),
        (sets("networks_", None), "networks_ must be a list"),
        (sets("networks_", []), "networks_ must be the networks of _filling"),
        (sets("_seed", -1), "_seed"),
        (sets("_empty", [9]), "_empty"),
        (sets("_indicated", ["a"]), "_indicated"),
        (lambda model: model._filling.networks.pop(), "_filling.networks must be two"),
        (lambda model: model._filling.blend.clear(), "_filling.blend"),
        (lambda model: model._filling.blend.update(multinomial=(0.5, np.nan)), "_filling.blend"),
        (lambda model: model._filling.linear.mean.fill(np.nan), "_filling.linear.mean"),
        (lambda model: model._filling.linear.precision.fill(0), "_filling.linear.precision"),
        (sets("precision", None, linear), "_filling.linear.precision"),
        (deletes("precision", linear), "_filling.linear.precision is missing"),
        (deletes("mean", linear), "_filling.linear.mean is missing"),
    ],
)
def test_edited_imputer(of_tables, edit, problem):
    refuses(of_tables, "imputer", edit, problem)


def test_edited_state_where_nothing_varies():
    imputer = DenoisingImputer(**SMALL).fit(np.ones((5, 2)))
    np.testing.assert_array_equal(imputer.transform([[np.nan, 1]]), np.ones((1, 2)))
    imputer.networks_ = [StackedDenoisingAutoencoder()]
    with pytest.raises(ValueError, match=DAMAGED.format("networks_")):
        imputer.transform([[np.nan, 1]])


# ------------------------------------------------------------------ any estimator


def test_any_edit(bench_module):
    """The same at random; `python -m bench.fuzz_states` goes on for as long as wanted."""
    pytest.importorskip("pandas")
    outcomes, faults = bench_module("fuzz_states").run(204, seed=5)
    assert not faults, "\n".join(faults)
    assert outcomes["answer"] > 100 and outcomes["ValueError"] > 100


# ------------------------------------------------------------------ weights that are no numbers


NOT_NUMBERS = pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])


@NOT_NUMBERS
@pytest.mark.parametrize(
    "name", ["_encoder_weights", "_decoder_weights", "intercept_hidden_", "intercept_visible_"]
)
def test_weights_that_are_not_finite(X, name, value):
    """Also where the activation hides them: a sigmoid of infinity is 1."""
    model = DenoisingAutoencoder(3, max_iter=1, tol=None, tied_weights=False, random_state=0).fit(X)
    codes = model.transform(X)
    broken = getattr(model, name).copy()
    broken.flat[0] = value
    setattr(model, name, broken)
    for use in (
        model.transform, model.reconstruct, model.score_samples, model.corrupt, model.partial_fit,
        lambda X: model.transform(X[:1]),
        lambda X: model.inverse_transform(codes),
        lambda X: model.top_features(X, 2),
        lambda X: model.set_params(warm_start=True).fit(X),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=DAMAGED.format("values that are NaN or infinite")):
            use(X)


@NOT_NUMBERS
def test_weights_of_supervised_networks_that_are_not_finite(X, value):
    y = np.arange(20) % 2
    how = {"max_iter": 1, "fine_tune_max_iter": 1, "tol": None, "random_state": 0}
    for model in (
        StackedDenoisingClassifier((3,), **how).fit(X, y),
        StackedDenoisingClassifier((3,), **how).fit(X, np.c_[y, 1 - y]),
        StackedDenoisingRegressor((3,), **how).fit(X, X[:, 0]),
    ):
        target = model.predict(X)
        weights = model._layers[0]["encoder"] = model._layers[0]["encoder"].copy()
        weights[0, 0] = value
        for use in (model.predict, functools.partial(model.partial_fit, y=target)):
            with pytest.raises(ValueError, match=DAMAGED.format("encoder")):
                use(X)


@pytest.mark.parametrize("n_rows", [1, 20])
@pytest.mark.parametrize("make", [np.asarray, scipy.sparse.csr_array])
def test_weights_that_became_nan_after_use(X, stack, autoencoder, make, n_rows):
    detector = DenoisingOutlierDetector((3,), n_repeats=2, max_iter=2, random_state=0).fit(X)
    shown = make(X[:n_rows])
    for model in (stack, autoencoder):
        model.reconstruct(shown)
    stack._layers[1]["encoder"][:] = np.nan
    autoencoder.components_[:] = np.nan
    detector.autoencoder_._layers[0]["encoder"][:] = np.nan
    for use in (
        stack.transform, stack.reconstruct, stack.partial_fit, autoencoder.transform,
        autoencoder.score_samples, autoencoder.partial_fit,
        lambda X: detector.predict(X.toarray() if scipy.sparse.issparse(X) else X),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=DAMAGED.format("encoder")):
            use(shown)


def test_weights_are_looked_at_once(X, autoencoder, monkeypatch):
    autoencoder.transform(X)
    looks = []
    monkeypatch.setattr("dae._core.inference._look_at", lambda *arguments: looks.append(arguments))
    autoencoder.transform(X)
    assert not looks
    autoencoder.intercept_hidden_ = autoencoder.intercept_hidden_.copy()
    autoencoder.transform(X)
    assert len(looks) == 1


def test_rows_that_are_too_large_are_no_damage(X, autoencoder):
    autoencoder.transform(X)
    assert autoencoder.score_samples(np.full((1, 4), 1e200))[0] == -np.inf

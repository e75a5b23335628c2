"""What `StackedDenoisingAutoencoder` means: layers, fine-tuning, codes, going on, its ends."""

import doctest
import pickle
import re

import numpy as np
import pytest
from estimators import Interrupt, state_of
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils._param_validation import InvalidParameterError
from stacks import WEIGHTS, arrays_of, assert_same, make

from dae import (
    DenoisingAutoencoder,
    stacked,
)


@pytest.fixture
def X():
    return np.random.default_rng(0).random((50, 9))


# ------------------------------------------------------------------ fitted attributes


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_attributes(X, tied, dtype):
    sdae = make(tied_weights=tied, fine_tune=True).fit(X.astype(dtype))
    assert [w.shape for w in sdae.coefs_] == [(9, 6), (6, 5), (5, 4)]
    assert [w.shape for w in sdae.decoder_coefs_] == [(6, 9), (5, 6), (4, 5)]
    assert [b.shape for b in sdae.intercepts_] == [(6,), (5,), (4,)]
    assert [b.shape for b in sdae.decoder_intercepts_] == [(9,), (6,), (5,)]
    for encoder, decoder in zip(sdae.coefs_, sdae.decoder_coefs_, strict=True):
        assert np.shares_memory(encoder, decoder) == tied
    assert {array.dtype for array in arrays_of(sdae)} == {np.dtype(dtype)}
    np.testing.assert_array_equal(sdae.components_, sdae.coefs_[0].T)
    np.testing.assert_array_equal(sdae.decoder_components_, sdae.decoder_coefs_[0])
    assert [len(curve) for curve in sdae.loss_curves_] == [3, 3, 3]
    assert sdae.validation_loss_curves_ == [None, None, None]
    assert len(sdae.loss_curve_) == 2
    assert sdae.validation_loss_curve_ is None
    assert sdae.best_loss_ == min(sdae.loss_curve_)
    assert sdae.n_iter_ == 11
    assert sdae.n_features_in_ == 9
    names = [f"stackeddenoisingautoencoder{i}" for i in range(4)]
    assert list(sdae.get_feature_names_out()) == names


@pytest.mark.parametrize(
    "name", [*WEIGHTS, "components_", "decoder_components_", "loss_curves_", "n_iter_"]
)
def test_nothing_before_fit(name):
    assert not hasattr(make(), name)


@pytest.mark.parametrize(
    "method",
    ["transform", "inverse_transform", "reconstruct", "score_samples", "score", "corrupt"],
)
def test_not_fitted(X, method):
    with pytest.raises(NotFittedError):
        getattr(make(), method)(X)


def test_the_examples_in_the_docstring():
    failed, tried = doctest.testmod(stacked)
    assert tried and not failed


# ------------------------------------------------------------------ the layers


def test_one_layer_is_the_single_estimator(X):
    shared = {
        "max_iter": 3, "tol": None, "learning_rate": "constant", "batch_size": 16,
        "random_state": 0,
    }  # fmt: skip
    single = DenoisingAutoencoder(6, corruption="swap", **shared).fit(X)
    sdae = make((6,), corruption="swap").fit(X)
    np.testing.assert_array_equal(sdae.components_, single.components_)
    np.testing.assert_array_equal(sdae.transform(X), single.transform(X))
    np.testing.assert_array_equal(sdae.score_samples(X), single.score_samples(X))
    np.testing.assert_array_equal(sdae.corrupt(X), single.corrupt(X))
    assert sdae.loss_curve_ == single.loss_curve_
    assert make(6).fit(X).coefs_[0].shape == (9, 6)  # a number stands for one layer


@pytest.mark.parametrize(
    ("activation", "loss", "decoder", "loss_above"),
    [
        ("relu", "squared_error", "identity", "squared_error"),
        ("tanh", "log_loss", "tanh", "squared_error"),
        ("logistic", "squared_error", "logistic", "squared_error"),
        ("logistic", "log_loss", "logistic", "log_loss"),
    ],
)
def test_a_layer_is_an_estimator_of_the_codes_below(X, activation, loss, decoder, loss_above):
    """Bit for bit, with random numbers drawn from one generator."""
    sdae = make((6, 5), activation=activation, loss=loss, corruption="gaussian").fit(X)
    random = np.random.RandomState(0)
    shared = {
        "max_iter": 3, "tol": None, "batch_size": 16, "random_state": random,
        "activation": activation, "corruption": "gaussian", "learning_rate": "constant",
    }  # fmt: skip
    first = DenoisingAutoencoder(6, loss=loss, **shared).fit(X)
    H = first.transform(X)
    second = DenoisingAutoencoder(5, decoder_activation=decoder, loss=loss_above, **shared).fit(H)
    np.testing.assert_array_equal(sdae.coefs_[1], second.components_.T)
    np.testing.assert_array_equal(sdae.decoder_intercepts_[1], second.intercept_visible_)
    assert sdae.loss_curves_ == [first.loss_curve_, second.loss_curve_]
    np.testing.assert_array_equal(sdae.transform(X), second.transform(H))
    codes = second.inverse_transform(second.transform(H))
    if activation == "relu":  # what decodes rectified codes is linear in training, not in use
        assert codes.min() < 0
        codes = np.maximum(codes, 0)
    expected = first.inverse_transform(codes)
    np.testing.assert_allclose(sdae.reconstruct(X), expected, rtol=1e-12)


def test_settings_of_each_layer(X):
    sdae = make(
        corruption=["masking", None, lambda batch, rng: batch],
        corruption_level=[np.full(9, 0.5), 0.1, 0.2],
        activation=["tanh", "logistic", "relu"],
        max_iter=[1, 0, 4],
        learning_rate_init=[0.01, 0.002, 0.003],
    ).fit(X)
    assert [len(curve) for curve in sdae.loss_curves_] == [1, 0, 4]
    assert [layer["activation"] for layer in sdae._layers] == ["tanh", "logistic", "relu"]
    shared = make(max_iter=[2] * 3, learning_rate_init=[0.002] * 3, corruption_level=[0.3] * 3)
    assert_same(shared.fit(X), make(max_iter=2).fit(X))
    assert_same(make(max_iter=np.array([2, 2, 2])).fit(X), make(max_iter=2).fit(X))


def test_first_layers_do_not_depend_on_those_above(X):
    three, two = make((6, 5, 4)).fit(X), make((6, 5)).fit(X)
    for a, b in zip(three.coefs_, two.coefs_, strict=False):
        np.testing.assert_array_equal(a, b)


# ------------------------------------------------------------------ fine-tuning


def test_fine_tuning_improves_on_the_layers(X):
    greedy = make(activation="tanh", max_iter=30).fit(X)
    tuned = make(activation="tanh", max_iter=30, fine_tune=True, fine_tune_max_iter=30).fit(X)
    assert tuned.score(X) > greedy.score(X)
    assert tuned.loss_curves_ == greedy.loss_curves_


def test_fine_tuning_is_as_many_partial_fits(X):
    whole = make(max_iter=0, fine_tune=True, fine_tune_max_iter=4).fit(X)
    steps = make(max_iter=0, fine_tune=True)
    for _ in range(4):
        assert steps.partial_fit(X) is steps
    assert_same(whole, steps)
    assert whole.loss_curve_ == steps.loss_curve_
    assert whole.loss_curves_ == [[], [], []]


def test_wide_and_joint(X):
    """The deep stack of swap noise in one line, no layer trained by itself."""
    sdae = make(
        (15, 15, 15), corruption="swap", corruption_level=0.15, max_iter=0, fine_tune=True,
        output_layers="all",
    )  # fmt: skip
    assert sdae.fit_transform(X).shape == (50, 45)
    assert sdae._stages[0]["_moments"] == {}  # none for what is not trained


def test_nothing_to_train_is_refused(X):
    for method in ("fit", "partial_fit"):
        with pytest.raises(ValueError, match="max_iter=0 and fine_tune=False leave nothing"):
            getattr(make(max_iter=0), method)(X)
    make(max_iter=[0, 0, 1]).fit(X)


# ------------------------------------------------------------------ codes


def test_output_layers(X):
    sdae = make().fit(X)
    layers = [sdae.set_params(output_layers=k).transform(X) for k in range(3)]
    for k, codes in enumerate(layers):
        assert codes.shape == (50, 6 - k)
        np.testing.assert_array_equal(sdae.set_params(output_layers=k - 3).transform(X), codes)
    sdae.set_params(output_layers="all")
    np.testing.assert_array_equal(sdae.transform(X), np.hstack(layers))
    assert sdae.get_feature_names_out()[-1] == "stackeddenoisingautoencoder14"
    np.testing.assert_array_equal(sdae.set_params(output_layers="last").transform(X), layers[2])


def test_inverse_transform_starts_where_transform_ends(X):
    sdae = make().fit(X)
    for output_layers in ("last", "all", 2, -1):
        sdae.set_params(output_layers=output_layers)
        decoded = sdae.inverse_transform(sdae.transform(X))
        np.testing.assert_allclose(decoded, sdae.reconstruct(X), rtol=1e-12)
    sdae.set_params(output_layers=0)
    H = sdae.transform(X)
    expected = H @ sdae.decoder_coefs_[0] + sdae.decoder_intercepts_[0]
    np.testing.assert_allclose(sdae.inverse_transform(H), expected, rtol=1e-12)


@pytest.mark.parametrize("output_layers", [3, -4, "first", 1.7, True, None])
def test_no_such_layer(X, output_layers):
    sdae = make().fit(X).set_params(output_layers=output_layers)
    for method in (sdae.transform, sdae.inverse_transform, sdae.get_feature_names_out):
        with pytest.raises(ValueError, match=rf"a layer from -3 to 2, got {output_layers!r}"):
            method(X)


def test_no_such_layer_is_noticed_before_the_training(X, monkeypatch):
    monkeypatch.setattr("dae.stacked.pretrain", None)
    with pytest.raises(ValueError, match="a layer from -3 to 2, got 3"):
        make(output_layers=3).fit(X)


def test_scores(X):
    sdae = make().fit(X)
    expected = -((X - sdae.reconstruct(X)) ** 2).sum(axis=1)
    np.testing.assert_allclose(sdae.score_samples(X), expected, rtol=1e-9)
    assert sdae.score(X) == pytest.approx(expected.mean())


@pytest.mark.parametrize("given", [np.float32, np.float64])
@pytest.mark.parametrize("fitted", [np.float32, np.float64])
def test_output_follows_the_input_dtype(X, fitted, given):
    sdae = make(output_layers="all").fit(X.astype(fitted))
    H = sdae.transform(X.astype(given))
    assert H.dtype == given
    assert sdae.inverse_transform(H).dtype == given
    assert sdae.reconstruct(X.astype(given)).dtype == given


def test_pipeline_and_frames(X):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcdefghi"))
    y = X[:, 0] > 0.5
    pipeline = make_pipeline(MinMaxScaler(), make(output_layers="all"), LogisticRegression())
    assert pipeline.fit(frame, y).predict(frame).shape == (50,)
    sdae = make().set_output(transform="pandas").fit(frame)
    assert list(sdae.feature_names_in_) == list("abcdefghi")
    H = sdae.transform(frame)
    assert list(H.columns) == list(sdae.get_feature_names_out())


# ------------------------------------------------------------------ same bits, going on


@pytest.mark.parametrize("corruption", ["masking", "swap"])
def test_same_bits_on_any_number_of_threads(corruption, monkeypatch):
    monkeypatch.setattr("dae._core.tuning.SERIAL_STEP", 0)
    monkeypatch.setattr("dae._core.tuning.SERIAL_CALL", 0)
    X = np.random.default_rng(0).random((200, 60)).astype(np.float32)
    fits = [
        make((70, 40), corruption=corruption, fine_tune=True, n_jobs=n).fit(X) for n in (1, 2, 3)
    ]
    for other in fits[1:]:
        assert_same(fits[0], other)
        np.testing.assert_array_equal(fits[0].transform(X), other.transform(X))
        assert fits[0].loss_curves_ == other.loss_curves_


def test_another_seed_gives_others(X):
    a, b = make().fit(X), make(random_state=1).fit(X)
    assert not np.array_equal(a.components_, b.components_)


@pytest.mark.parametrize("fine_tune", [False, True])
@pytest.mark.parametrize("corruption", ["masking", "salt_and_pepper", "swap"])
def test_continued_is_uninterrupted(X, fine_tune, corruption):
    parameters = {"fine_tune": fine_tune, "corruption": corruption, "tied_weights": False}
    whole, parts = make(**parameters), make(**parameters)
    for number in range(3):
        whole.partial_fit(X[10 * number :])
        parts = pickle.loads(pickle.dumps(parts)).partial_fit(X[10 * number :])
    assert_same(whole, parts)
    assert whole.loss_curves_ == parts.loss_curves_
    # and after a fit
    whole.fit(X)
    parts = pickle.loads(pickle.dumps(parts.fit(X)))
    assert_same(whole.partial_fit(X), parts.partial_fit(X))


def test_partial_fit_passes_each_layer_once(X):
    sdae = make().partial_fit(X).partial_fit(X)
    assert [len(curve) for curve in sdae.loss_curves_] == [2, 2, 2]
    assert [len(c) for c in make(max_iter=[1, 0, 1]).partial_fit(X).loss_curves_] == [1, 0, 1]
    assert [len(c) for c in make(fine_tune=True).partial_fit(X).loss_curves_] == [0, 0, 0]


def test_warm_start_goes_on(X):
    first = {"max_iter": [4, 0, 0]}
    whole = make(**first).fit(X)
    sdae = make(max_iter=[2, 0, 0], warm_start=True).fit(X).fit(X)
    assert_same(whole, sdae)
    assert whole.loss_curves_ == sdae.loss_curves_
    joint = {"max_iter": 0, "fine_tune": True}
    whole = make(**joint, fine_tune_max_iter=4).fit(X)
    sdae = make(**joint, fine_tune_max_iter=2, warm_start=True).fit(X).fit(X)
    assert_same(whole, sdae)
    assert sdae.n_iter_ == 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden_layer_sizes": (6, 5)}, r"hidden_layer_sizes=\(6, 5, 4\); got .*\(6, 5\)"),
        ({"activation": "tanh"}, r"activation=\['relu', 'relu', 'relu'\]; got"),
        ({"tied_weights": False}, "tied_weights=True; got"),
    ],
)
def test_warm_start_with_another_network_is_refused(X, changes, message):
    sdae = make(warm_start=True).fit(X).set_params(**changes)
    with pytest.raises(ValueError, match=message):
        sdae.fit(X)


def test_partial_fit_with_another_number_of_layers_is_refused(X):
    sdae = make().fit(X).set_params(hidden_layer_sizes=(6, 5))
    with pytest.raises(
        ValueError,
        match=r"partial_fit .*; got hidden_layer_sizes=\(6, 5\)",
    ):
        sdae.partial_fit(X)
    assert sdae.transform(X).shape == (50, 4)
    assert sdae.corrupt(X).shape == X.shape


def test_corrupt_shows_what_the_fine_tuning_read(X):
    """Where no layer is trained by itself."""
    how = {"max_iter": 0, "fine_tune": True, "fine_tune_max_iter": 1}
    sdae = make(corruption="masking", **how).fit(X)
    shown = sdae.corrupt(X, presentation=1)
    assert_same(make(corruption=None, **how).fit(X, X_corrupted=shown), sdae)
    np.testing.assert_array_equal(sdae.corrupt(X), sdae.corrupt(X, presentation=2))


def test_own_corrupted_copies_reach_the_first_layer_and_the_fine_tuning(X):
    settings = {"fine_tune": True, "corruption": [None, "masking", "masking"]}
    clean = make(**settings).fit(X)
    assert_same(make(fine_tune=True).fit(X, X_corrupted=X), clean)
    assert not np.array_equal(
        make(fine_tune=True).fit(X, X_corrupted=X * 0.5).components_, clean.components_
    )


def test_rows_of_weight_zero_are_left_out(X):
    weight = np.ones(len(X))
    weight[::3] = 0
    dirty = X.copy()
    dirty[::3] = 100.0
    kept = make(corruption="salt_and_pepper").fit(dirty, sample_weight=weight)
    assert max(max(curve) for curve in kept.loss_curves_) < 100
    assert kept._stages[0]["_feature_range"][1].max() <= 1


def test_early_stopping_judges_all_layers_by_the_same_rows(X):
    sdae = make(early_stopping=True, fine_tune=True).fit(X)
    assert [len(curve) for curve in sdae.validation_loss_curves_] == [3, 3, 3]
    assert len(sdae.validation_loss_curve_) == 2
    with pytest.raises(ValueError, match=r"partial_fit.*early_stopping=True"):
        sdae.partial_fit(X)


def test_cosine_lets_the_rate_fall(X):
    """The last of many epochs hardly moves anything; the constant rate goes on."""
    settings = {"max_iter": 0, "fine_tune": True, "corruption": None, "solver": "sgd"}

    def last_move(schedule, n_epochs=40):
        moved = []
        for n in (n_epochs - 1, n_epochs):
            spy = make(**settings, learning_rate=schedule, fine_tune_max_iter=n_epochs)
            spy.set_callbacks(StopAfter(n)).fit(X)
            moved.append(spy.components_.copy())
        return np.abs(moved[1] - moved[0]).max()

    pytest.importorskip("sklearn.callback")
    assert last_move("cosine") < 0.05 * last_move("constant")


class StopAfter:
    """A callback that asks to stop after so many epochs."""

    def __init__(self, n_epochs):
        self.n_epochs = n_epochs
        self.tasks = []

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, X=None, fitted_estimator=None):
        self.tasks.append(context.task_name)
        fitted_estimator.score(X)
        return self.tasks.count("epoch") == self.n_epochs and context.task_name == "epoch"


def test_callbacks(X):
    pytest.importorskip("sklearn.callback")
    callback = StopAfter(2)
    sdae = make((6, 5), fine_tune=True).set_callbacks(callback).fit(X)
    layer_1 = ["epoch"] * 3 + ["layer 1"]
    expected = ["epoch", "epoch", "layer 0", *layer_1, "epoch", "epoch", "fine-tuning", "fit"]
    assert callback.tasks == expected
    assert [len(curve) for curve in sdae.loss_curves_] == [2, 3]


# ------------------------------------------------------------------ what a user sees


def test_verbose_names_the_layer(X, capsys):
    make((6, 5), verbose=1, fine_tune=True).fit(X)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 8
    assert re.match(r"Layer 1  Epoch 1/3  loss \S+  [\d,]+ samples/s", lines[3])
    assert re.match(r"Fine-tuning  Epoch 2/2  loss ", lines[7])


def test_convergence_warning_names_the_layer(X):
    with pytest.warns(ConvergenceWarning) as caught:
        make((6, 5), max_iter=[1, 2], tol=1e-4, fine_tune=True).fit(X)
    pattern = re.compile(r"of (layer \d|fine-tuning) reached (\S+)")
    assert [pattern.search(str(warning.message)).groups() for warning in caught] == [
        ("layer 0", "max_iter[0]=1"),
        ("layer 1", "max_iter[1]=2"),
        ("fine-tuning", "fine_tune_max_iter=2"),
    ]


# ------------------------------------------------------------------ bad parameters and data


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"hidden_layer_sizes": ()}, "hidden_layer_sizes must be one integer of 1 or more"),
        ({"hidden_layer_sizes": (6, 0)}, r"hidden_layer_sizes must be .* got \(6, 0\)"),
        ({"hidden_layer_sizes": (6, 2.5)}, "hidden_layer_sizes must be"),
        ({"hidden_layer_sizes": [[6, 5]]}, "hidden_layer_sizes must be"),
        ({"max_iter": [1, 2]}, r"max_iter must be one value, or one for each of the 3 layers"),
        ({"activation": ["relu"]}, "activation must be one value, or .* got 1 values"),
        ({"corruption": ("masking",) * 4}, "corruption must be one value, or .* got 4 values"),
        ({"corruption_level": [0.1, 0.2]}, "corruption_level must be one value, or"),
        ({"corruption_level": [0.1, 0.2, 1.5]}, r"a probability in \[0, 1\].*got 1\.5"),
        ({"learning_rate_init": [0.1] * 2}, "learning_rate_init must be one value, or"),
        ({"activation": ["relu", "elu", "relu"]}, r"'activation\[1\]' parameter"),
        ({"corruption": ["masking", "salt", None]}, r"'corruption\[1\]' parameter"),
        ({"max_iter": [1, -1, 1]}, r"'max_iter\[1\]' parameter"),
        ({"learning_rate_init": [0.1, 0.1, 0.0]}, r"'learning_rate_init\[2\]' parameter"),
        (
            {"loss": "log_loss", "decoder_activation": "tanh"},
            "decoder_activation='logistic' or 'auto'",
        ),
    ],
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_bad_settings(X, parameters, message, method):
    sdae = make(**parameters)
    with pytest.raises(ValueError, match=message):
        getattr(sdae, method)(X)
    assert not hasattr(sdae, "n_features_in_")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hidden_layer_sizes", 0),
        ("hidden_layer_sizes", None),
        ("max_iter", -1),
        ("max_iter", 2.5),
        ("fine_tune", 1),
        ("fine_tune_max_iter", 0),
        ("fine_tune_learning_rate_init", 0.0),
        ("output_layers", "first"),
        ("output_layers", 1.0),
        ("learning_rate", "adaptive"),
        ("emphasis", 1.0),
        ("activation", "elu"),
        ("corruption", "salt"),
        ("tol", -1.0),
        ("n_jobs", 0),
    ],
)
def test_bad_parameters(X, name, value):
    with pytest.raises(InvalidParameterError, match=f"'{name}' parameter"):
        make(**{name: value}).fit(X)


def test_bad_data_changes_nothing(X):
    sdae = make().fit(X)
    before = state_of(sdae)
    for method in (sdae.fit, sdae.partial_fit, sdae.transform, sdae.corrupt):
        with pytest.raises(ValueError, match="infinity"):
            method(np.full_like(X, np.inf))
    with pytest.raises(ValueError, match="X has 4 features"):
        sdae.partial_fit(X[:, :4])
    with pytest.raises(ValueError, match="one column for each of the 4 components, got 9"):
        sdae.inverse_transform(X)
    np.testing.assert_equal(state_of(sdae), before)


def test_log_loss_needs_the_unit_interval(X):
    for method in ("fit", "partial_fit"):
        with pytest.raises(ValueError, match=r"loss='log_loss' requires X in \[0, 1\]"):
            getattr(make(loss="log_loss"), method)(X * 2)


def test_more_memory_than_there_is(X):
    sizes = (10, 10**12)
    with pytest.raises(MemoryError, match=r"hidden_layer_sizes=\(10, 1000000000000\) with 9"):
        make(sizes).fit(X)


# ------------------------------------------------------------------ ends before the end


@pytest.mark.parametrize("batches", [0, 3])
@pytest.mark.parametrize("warm_start", [False, True])
def test_interrupted_in_the_very_first_epoch_is_as_before(X, batches, warm_start):
    sdae = make(warm_start=warm_start).fit(X).set_params(corruption=Interrupt(batches))
    before = state_of(sdae)
    with pytest.raises(KeyboardInterrupt):
        sdae.fit(X)
    np.testing.assert_equal(state_of(sdae), before)


@pytest.mark.parametrize(
    ("batches", "where", "epochs"),
    [
        (6, "layer 0", [1, 0]),  # an epoch has 4 batches
        (12, "layer 1", [3, 0]),
        (14, "layer 1", [3, 0]),
        (21, "layer 1", [3, 2]),
    ],
)
def test_interrupted_fit_keeps_what_is_complete(X, batches, where, epochs):
    sdae = make((6, 5), corruption=Interrupt(batches), fine_tune=True)
    message = f"interrupted in {where} after {epochs[int(where[-1])]} complete epochs of max_iter=3"
    with pytest.warns(UserWarning, match=message):
        sdae.fit(X)
    assert [len(curve) for curve in sdae.loss_curves_] == epochs
    whole = make((6, 5), corruption=Interrupt(-1), max_iter=epochs).fit(X)
    assert_same(sdae, whole)


def test_interrupted_fine_tuning(X):
    sdae = make((6, 5), corruption=Interrupt(24 + 6), fine_tune=True)
    with pytest.warns(UserWarning, match="in fine-tuning after 1 complete epochs of fine_tune_max"):
        sdae.fit(X)
    whole = make((6, 5), corruption=Interrupt(-1), fine_tune=True, fine_tune_max_iter=1)
    assert_same(sdae, whole.fit(X))
    sdae = make((6, 5), corruption=Interrupt(24 + 2), fine_tune=True)
    with pytest.warns(UserWarning, match="in fine-tuning after 0 complete epochs"):
        sdae.fit(X)
    assert_same(sdae, make((6, 5), corruption=Interrupt(-1)).fit(X))


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
@pytest.mark.parametrize(("fine_tune", "batches"), [(False, 6), (False, 2), (True, 2)])
def test_interrupted_partial_fit_is_as_before(X, error, fine_tune, batches):
    sdae = make(fine_tune=fine_tune).partial_fit(X)
    sdae.corruption = Interrupt(batches, error)
    before = state_of(sdae)
    with pytest.raises(error):
        sdae.partial_fit(X)
    np.testing.assert_equal(state_of(sdae), before)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"learning_rate_init": [0.001, 1e6]},
            r"diverged at layer 1, epoch 1, batch [23]: .* with learning_rate_init\[1\]=1e\+06",
        ),
        (
            {"fine_tune": True, "fine_tune_learning_rate_init": 1e6},
            r"at fine-tuning, epoch 1, batch [23]: .* lower fine_tune_learning_rate_init\.",
        ),
    ],
)
def test_divergence_is_named(X, parameters, message):
    sdae = make((6, 5), activation="identity", **parameters)
    with pytest.raises(ValueError, match=message):
        sdae.fit(X)
    assert not hasattr(sdae, "n_features_in_")


def test_diverging_partial_fit_is_rolled_back(X):
    sdae = make((6, 5), activation="identity").partial_fit(X)
    sdae.learning_rate_init = [0.001, 1e6]
    before = state_of(sdae)
    with pytest.raises(ValueError, match=r"layer 1, partial_fit \(pass 2\), batch"):
        sdae.partial_fit(X)
    np.testing.assert_equal(state_of(sdae), before)

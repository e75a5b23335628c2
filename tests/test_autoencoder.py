"""What `DenoisingAutoencoder` means: fitting, coding, decoding, scoring, going on."""

import doctest
import re
import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from dae import DenoisingAutoencoder
from dae import autoencoder as autoencoder_module

WEIGHTS = ("components_", "decoder_components_", "intercept_hidden_", "intercept_visible_")


def make(n_components=6, **parameters):
    """An estimator for small data: few epochs, all of them run."""
    defaults = {
        "max_iter": 3, "tol": None, "learning_rate": "constant", "batch_size": 16,
        "random_state": 0,
    }  # fmt: skip
    return DenoisingAutoencoder(n_components, **(defaults | parameters))


@pytest.fixture
def X():
    return np.random.default_rng(0).random((50, 9))


def assert_same(a, b):
    for name in WEIGHTS:
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)


# ------------------------------------------------------------------ the fitted attributes


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_attributes(X, tied, dtype):
    dae = make(tied_weights=tied).fit(X.astype(dtype))
    assert dae.components_.shape == dae.decoder_components_.shape == (6, 9)
    assert dae.intercept_hidden_.shape == (6,)
    assert dae.intercept_visible_.shape == (9,)
    assert np.shares_memory(dae.components_, dae.decoder_components_) == tied
    assert {getattr(dae, name).dtype for name in WEIGHTS} == {np.dtype(dtype)}
    assert dae.n_features_in_ == 9
    assert dae.n_iter_ == len(dae.loss_curve_) == 3
    assert dae.best_loss_ == min(dae.loss_curve_)
    assert dae.validation_loss_curve_ is None
    assert list(dae.get_feature_names_out()) == [f"denoisingautoencoder{i}" for i in range(6)]


@pytest.mark.parametrize("name", ["components_", "decoder_components_"])
def test_no_weights_before_fit(name):
    assert not hasattr(make(), name)


@pytest.mark.parametrize(
    "method",
    ["transform", "inverse_transform", "reconstruct", "score_samples", "score", "corrupt"],
)
def test_not_fitted(X, method):
    with pytest.raises(NotFittedError):
        getattr(make(), method)(X)


def test_the_example_in_the_docstring():
    failed, tried = doctest.testmod(autoencoder_module)
    assert tried and not failed


# ------------------------------------------------------------------ coding and decoding

ACTIVATE = {
    "identity": lambda a: a,
    "logistic": lambda a: 1 / (1 + np.exp(-a)),
    "tanh": np.tanh,
    "relu": lambda a: np.maximum(a, 0),
}


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize(
    ("activation", "decoder", "loss"),
    [
        ("relu", "auto", "squared_error"),
        ("tanh", "relu", "squared_error"),
        ("identity", "tanh", "squared_error"),
        ("logistic", "auto", "log_loss"),
    ],
)
def test_the_equations(X, tied, activation, decoder, loss):
    dae = make(activation=activation, decoder_activation=decoder, loss=loss, tied_weights=tied).fit(
        X
    )
    g1 = ACTIVATE[activation]
    auto = {"squared_error": "identity", "log_loss": "logistic"}[loss]
    g2 = ACTIVATE[auto if decoder == "auto" else decoder]
    H = g1(X @ dae.components_.T + dae.intercept_hidden_)
    Z = g2(H @ dae.decoder_components_ + dae.intercept_visible_)
    if loss == "squared_error":
        losses = ((X - Z) ** 2).sum(axis=1)
    else:
        losses = -(X * np.log(Z) + (1 - X) * np.log(1 - Z)).sum(axis=1)
    np.testing.assert_allclose(dae.transform(X), H, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(dae.inverse_transform(H), Z, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(dae.reconstruct(X), Z, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(dae.score_samples(X), -losses, rtol=1e-9)
    assert dae.score(X) == pytest.approx(-losses.mean(), rel=1e-9)


def test_written_components_are_used(X):
    dae = make(activation="identity").fit(X)
    dae.components_[...] = 0
    dae.intercept_hidden_[...] = np.arange(6)
    np.testing.assert_array_equal(dae.transform(X), np.tile(np.arange(6.0), (50, 1)))


def test_y_is_ignored(X):
    assert_same(make().fit(X), make().fit(X, ["a"] * len(X)))


@pytest.mark.parametrize("fitted", [np.float32, np.float64])
@pytest.mark.parametrize("given", [np.float32, np.float64])
def test_output_follows_the_input_dtype(X, fitted, given):
    dae = make().fit(X.astype(fitted))
    H = dae.transform(X.astype(given))
    assert H.dtype == given
    assert dae.inverse_transform(H).dtype == given
    assert dae.reconstruct(X.astype(given)).dtype == given
    assert dae.score_samples(X.astype(given)).dtype == np.float64
    np.testing.assert_allclose(H, dae.transform(X.astype(fitted)), rtol=1e-5, atol=1e-6)


def test_blocks_of_rows_agree_with_one_block(X, monkeypatch):
    dae = make().fit(X)
    whole = [dae.transform(X), dae.reconstruct(X), dae.score_samples(X)]
    monkeypatch.setattr("dae._data.rows.BLOCK", 9 * 7)  # 7 rows at a time
    converted = np.asfortranarray(X)
    parts = [dae.transform(converted), dae.reconstruct(converted), dae.score_samples(converted)]
    for a, b in zip(whole, parts, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


def test_inference_writes_nothing(X):
    dae = make().fit(X)
    before = dict(dae.__dict__)
    values = {name: getattr(dae, name).copy() for name in WEIGHTS}
    for method in ("transform", "reconstruct", "score_samples", "score", "corrupt"):
        getattr(dae, method)(X)
    dae.inverse_transform(dae.transform(X))
    assert before.keys() == dae.__dict__.keys()
    assert all(dae.__dict__[name] is before[name] for name in before)
    for name, value in values.items():
        np.testing.assert_array_equal(getattr(dae, name), value)


# ------------------------------------------------------------------ training


def test_same_seed_same_bits_and_another_seed_others(X):
    a, b, c = make().fit(X), make().fit(X), make(random_state=1).fit(X)
    assert_same(a, b)
    assert a.loss_curve_ == b.loss_curve_
    assert not np.array_equal(a.components_, c.components_)


def test_fit_forgets_the_last_fit(X):
    dae = make().fit(X[:, :4])
    assert_same(dae.fit(X), make().fit(X))
    assert dae.n_iter_ == 3


def test_fit_is_as_many_partial_fits(X):
    weight = np.random.default_rng(1).choice([0.0, 1.0], len(X))
    whole = make(max_iter=4).fit(X, sample_weight=weight)
    steps = make()
    for _ in range(4):
        assert steps.partial_fit(X, sample_weight=weight) is steps
    assert_same(whole, steps)
    assert whole.loss_curve_ == steps.loss_curve_


def test_warm_start_goes_on(X):
    whole = make(max_iter=6).fit(X)
    dae = make(max_iter=2, warm_start=True).fit(X)
    dae.fit(X).fit(X)
    assert_same(whole, dae)
    assert dae.loss_curve_ == whole.loss_curve_
    assert dae.n_iter_ == 6


def test_warm_start_with_another_network_is_refused(X):
    dae = make(warm_start=True).fit(X).set_params(n_components=7)
    with pytest.raises(ValueError, match=r"warm_start=True.*n_components=6; got n_components=7"):
        dae.fit(X)
    assert dae.components_.shape == (6, 9)


def test_another_solver_starts_afresh(X):
    dae = make(solver="adam").partial_fit(X).set_params(solver="sgd", momentum=0.0)
    before = dae.components_.copy()
    dae.partial_fit(X)
    assert not np.array_equal(before, dae.components_)
    assert dae._n_steps == 4  # of the new solver: 50 rows in batches of 16


def test_parameters_are_checked_in_every_partial_fit(X):
    dae = make().partial_fit(X).set_params(batch_size=-5)
    with pytest.raises(ValueError, match="'batch_size' parameter"):
        dae.partial_fit(X)


def test_partial_fit_refuses_early_stopping(X):
    with pytest.raises(ValueError, match=r"partial_fit.*early_stopping=True"):
        make(early_stopping=True).partial_fit(X)


def test_shuffle_changes_the_order(X):
    seen = []

    def spy(batch, rng):
        seen.append(batch.copy())
        return batch

    make(corruption=spy, max_iter=2, shuffle=False).fit(X)
    np.testing.assert_array_equal(np.concatenate(seen[:4]), X)
    np.testing.assert_array_equal(np.concatenate(seen[4:8]), X)
    seen.clear()
    make(corruption=spy, max_iter=2, shuffle=True).fit(X)
    first, second = np.concatenate(seen[:4]), np.concatenate(seen[4:8])
    assert not np.array_equal(first, second)
    for epoch in (first, second):  # each row once
        np.testing.assert_array_equal(np.sort(epoch, axis=0), np.sort(X, axis=0))


def test_batch_larger_than_the_data(X):
    assert_same(make(batch_size=10_000).fit(X), make(batch_size=len(X)).fit(X))


def test_one_sample_one_feature_one_component():
    dae = make(1, corruption="swap").fit(np.array([[0.5]]))
    assert dae.transform([[0.5]]).shape == (1, 1)


def test_native_calls_of_any_size_give_the_same_bits(X, monkeypatch):
    whole = make(corruption="swap").fit(X)
    monkeypatch.setattr("dae._core.tuning.OPERATIONS_PER_CALL", 1)
    monkeypatch.setattr("dae._core.tuning.CALL_SECONDS", 0)
    assert_same(whole, make(corruption="swap").fit(X))


def test_alpha_shrinks_the_weights(X):
    free, held = make(max_iter=20).fit(X), make(max_iter=20, alpha=1.0).fit(X)
    assert np.abs(held.components_).sum() < 0.9 * np.abs(free.components_).sum()


# ------------------------------------------------------------------ when it stops


def test_no_change_stops_and_keeps_the_best(X):
    dae = make(max_iter=500, tol=0.02, n_iter_no_change=3, learning_rate_init=0.05).fit(X)
    assert dae.n_iter_ < 500
    best = int(np.argmin(dae.loss_curve_)) + 1
    assert best < dae.n_iter_, "the case shows nothing when the last epoch is the best"
    again = make(max_iter=best, learning_rate_init=0.05).fit(X)
    assert_same(dae, again)
    assert dae.best_loss_ == again.loss_curve_[-1]


def test_early_stopping_judges_by_rows_it_does_not_train_on(X):
    batches = []

    def spy(batch, rng):
        batches.append(batch.copy())
        return batch

    dae = make(max_iter=4, early_stopping=True, validation_fraction=0.2, corruption=spy, tol=1e-9)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        dae.fit(X)
    assert len(dae.validation_loss_curve_) == dae.n_iter_ == len(dae.loss_curve_)
    assert dae.best_loss_ == min(dae.validation_loss_curve_)
    assert len(batches) == 4 * (3 + 1)  # 40 rows to train on in batches of 16, 10 to judge by
    validation = batches[3]
    assert len(validation) == 10
    np.testing.assert_array_equal(validation, batches[7])
    train = np.concatenate(batches[:3])
    np.testing.assert_array_equal(
        np.sort(np.concatenate([train, validation]), axis=0), np.sort(X, axis=0)
    )


def test_validation_loss_is_of_one_fixed_corruption(X):
    # nothing is learned at this rate, so the loss can change only with the corruption
    dae = make(learning_rate_init=1e-300, early_stopping=True, solver="sgd").fit(X)
    assert len(set(dae.validation_loss_curve_)) == 1
    assert len(set(dae.loss_curve_)) == 3


def test_early_stopping_keeps_the_best(X):
    parameters = {"early_stopping": True, "learning_rate_init": 0.3, "solver": "adam"}
    dae = make(max_iter=30, **parameters).fit(X)
    best = int(np.argmin(dae.validation_loss_curve_)) + 1
    assert best < 30, "the case shows nothing when the last epoch is the best"
    assert_same(dae, make(max_iter=best, **parameters).fit(X))


def test_early_stopping_needs_rows_to_train_on():
    with pytest.raises(ValueError, match=r"validation_fraction=0\.9 leaves none of 2 rows"):
        make(early_stopping=True, validation_fraction=0.9).fit(np.ones((2, 3)))


def test_convergence_warning_only_where_a_tolerance_is_set(X):
    with pytest.warns(ConvergenceWarning, match="max_iter=2") as caught:
        make(max_iter=2, tol=1e-4).fit(X)
    assert caught[0].filename == __file__  # the line of the user who called fit
    make(max_iter=2, tol=None).fit(X)  # any warning is an error here


# ------------------------------------------------------------------ weights of samples


def test_rows_of_weight_zero_are_left_out(X):
    weight = np.ones(len(X))
    weight[::3] = 0
    X = X.copy()
    X[::3] = 100.0  # would be seen in the loss, and in the range of the features
    dae = make(corruption="salt_and_pepper").fit(X, sample_weight=weight)
    assert max(dae.loss_curve_) < 10
    assert dae._feature_range[1].max() <= 1


def test_fit_scales_weights_and_partial_fit_does_not(X):
    weight = np.random.default_rng(1).random(len(X)) + 0.1
    sgd = {"solver": "sgd"}
    assert_same(
        make(**sgd).fit(X, sample_weight=weight), make(**sgd).fit(X, sample_weight=4 * weight)
    )
    one, four = make(**sgd), make(**sgd)
    one.partial_fit(X, sample_weight=weight)
    four.partial_fit(X, sample_weight=4 * weight)
    assert not np.array_equal(one.components_, four.components_)


def test_unit_weights_are_no_weights(X):
    assert_same(make().fit(X), make().fit(X, sample_weight=np.ones(len(X))))
    assert_same(make().fit(X), make().fit(X, sample_weight=2.0))


def test_loss_curve_is_the_weighted_mean(X):
    weight = np.arange(len(X), dtype=float)
    dae = make(corruption=None, batch_size=len(X), max_iter=1).fit(X, sample_weight=weight)
    start = make(corruption=None, learning_rate_init=1e-300, solver="sgd", max_iter=1).fit(X)
    expected = np.average(-start.score_samples(X), weights=weight)
    assert dae.loss_curve_[0] == pytest.approx(expected, rel=1e-9)
    dae = make(corruption=None, batch_size=len(X)).partial_fit(X, sample_weight=weight)
    assert dae.loss_curve_[0] == pytest.approx(expected, rel=1e-9)


# ------------------------------------------------------------------ corruption


def test_corrupted_copies_of_the_user_take_the_place_of_corruption(X):
    noisy = np.where(np.random.default_rng(3).random(X.shape) < 0.3, 0, X)

    def same(batch, rng):
        return batch

    given = make(corruption="gaussian", corruption_level=50.0).fit(X, X_corrupted=noisy)
    clean = make(corruption=None).fit(X)
    assert not np.array_equal(given.components_, clean.components_)
    assert_same(make(corruption=same).fit(X), clean)
    assert_same(make(corruption="masking").fit(X, X_corrupted=X), clean)
    # shown the noisy rows, judged by the clean ones
    start = make(learning_rate_init=1e-300, solver="sgd", max_iter=1).fit(X, X_corrupted=noisy)
    Z = start.reconstruct(noisy)
    assert start.loss_curve_[0] == pytest.approx(((Z - X) ** 2).sum(axis=1).mean(), rel=1e-9)


@pytest.mark.parametrize(
    "corruption", ["masking", "gaussian", "salt_and_pepper", "swap", "callable", None]
)
def test_corrupt_is_what_training_saw(X, corruption):
    """One batch in order: the loss of the first epoch follows from `corrupt`."""
    if corruption == "callable":

        def corruption(batch, rng):
            return batch + rng.normal(size=batch.shape)

    parameters = {"corruption": corruption, "shuffle": False, "batch_size": 50, "max_iter": 1}
    dae = make(learning_rate_init=1e-300, solver="sgd", **parameters).fit(X)
    seen = dae.corrupt(X, presentation=1)
    expected = ((dae.reconstruct(seen) - X) ** 2).sum(axis=1).mean()
    assert dae.loss_curve_[0] == pytest.approx(expected, rel=1e-9)
    if corruption is not None:
        assert not np.array_equal(seen, X)
        assert not np.array_equal(seen, dae.corrupt(X))
        np.testing.assert_array_equal(dae.corrupt(X), dae.corrupt(X, presentation=2))


@pytest.mark.parametrize("presentation", [-1, 0.5, True, 2**47, "next"])
def test_corrupt_refuses_what_is_no_presentation(X, presentation):
    with pytest.raises(ValueError, match="presentation must be an integer"):
        make().fit(X).corrupt(X, presentation=presentation)


def test_masks_are_fresh_in_every_partial_fit(X):
    dae = make(learning_rate_init=1e-300, solver="sgd", batch_size=50)
    losses = [dae.partial_fit(X).loss_curve_[-1] for _ in range(4)]
    assert len(set(losses)) == 4


def test_levels_of_single_features(X):
    level = np.zeros(9)
    level[4] = 1.0
    dae = make(corruption="masking", corruption_level=level).fit(X)
    seen = dae.corrupt(X)
    assert (seen[:, 4] == 0).all()
    np.testing.assert_array_equal(np.delete(seen, 4, axis=1), np.delete(X, 4, axis=1))


def test_salt_and_pepper_takes_the_range_of_the_training_data(X):
    dae = make(corruption="salt_and_pepper", corruption_level=1.0).fit(X)
    seen = dae.corrupt(X[:20] / 2)
    low, high = X.min(axis=0), X.max(axis=0)
    assert ((seen == low) | (seen == high)).all()
    assert (seen == low).any() and (seen == high).any()
    dae.partial_fit(X + 1)  # the range widens
    assert dae.corrupt(X).max() == X.max() + 1


def test_swap_takes_values_of_the_same_feature(X):
    dae = make(corruption="swap", corruption_level=1.0).fit(X)
    seen = dae.corrupt(X)
    assert (seen != X).all()
    for column, values in zip(seen.T, X.T, strict=True):
        assert np.isin(column, values).all()


def test_callable_may_write_into_its_batch(X):
    def erase(batch, rng):
        batch[...] = 0
        return batch

    before = X.copy()
    dae = make(corruption=erase, max_iter=1, learning_rate_init=1e-300, solver="sgd").fit(X)
    np.testing.assert_array_equal(X, before)
    # shown nothing, judged by the clean rows
    assert dae.loss_curve_[0] == pytest.approx((X**2).sum(axis=1).mean(), rel=1e-9)


def test_callable_gets_a_stream_of_its_own_for_each_batch(X):
    drawn = []

    def spy(batch, rng):
        drawn.append(rng.random())
        return batch

    make(corruption=spy, max_iter=3).fit(X)
    assert len(set(drawn)) == len(drawn) == 3 * 4
    first = list(drawn)
    drawn.clear()
    make(corruption=spy, max_iter=3).fit(X)
    assert drawn == first


# ------------------------------------------------------------------ what a user sees


def test_verbose_prints_a_line_an_epoch(X, capsys):
    make(verbose=1, early_stopping=True).fit(X)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    pattern = r"Epoch 2/3  loss \S+  validation loss \S+  [\d,]+ samples/s  \S+ s left"
    assert re.fullmatch(pattern, lines[1])
    make().fit(X)
    assert capsys.readouterr().out == ""


def test_histories_are_bounded(X, monkeypatch):
    monkeypatch.setattr("dae._training.run.HISTORY", 5)
    dae = make(max_iter=4, warm_start=True)
    for _ in range(8):
        dae.partial_fit(X)
    assert len(dae.loss_curve_) == 5
    assert dae.n_iter_ == 8
    assert len(dae.fit(X).loss_curve_) == 5
    dae.set_params(max_iter=7)
    assert len(dae.fit(X).loss_curve_) == 7  # all of one fit


class Recorder:
    """A callback that keeps what it is told, and may ask to stop."""

    def __init__(self, stop_after=None):
        self.events = []
        self.scores = []
        self.estimators = []
        self.stop_after = stop_after

    def setup(self, estimator, context):
        self.events.append("setup")

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X=None):
        self.events.append(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator, context, *, X=None, fitted_estimator=None):
        self.events.append(f"end {context.task_name}")
        self.scores.append(fitted_estimator.score(X))
        self.estimators.append(fitted_estimator)
        return len(self.scores) == self.stop_after


def test_callbacks(X):
    pytest.importorskip("sklearn.callback")
    recorder = Recorder()
    dae = make().set_callbacks(recorder).fit(X)
    epochs = ["begin epoch", "end epoch"] * 3
    assert recorder.events == ["setup", "begin fit", *epochs, "end fit", "teardown"]
    # the estimator of each epoch stands for itself
    assert recorder.scores[0] == make(max_iter=1).fit(X).score(X)
    assert recorder.scores[2] == recorder.scores[3] == dae.score(X)
    assert [estimator.score(X) for estimator in recorder.estimators] == recorder.scores


def test_a_callback_can_stop(X):
    pytest.importorskip("sklearn.callback")
    dae = make(max_iter=50).set_callbacks(Recorder(stop_after=2)).fit(X)
    assert dae.n_iter_ == 2
    assert_same(dae, make(max_iter=2).fit(X))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_components", 7), ("activation", "tanh"), ("loss", "log_loss"),
        ("decoder_activation", "tanh"), ("tied_weights", False),
    ],
)  # fmt: skip
def test_partial_fit_says_what_it_cannot_change(name, value):
    """Parameter, fitted and asked value, and the remedy; nothing is trained."""
    X = np.random.default_rng(0).random((20, 4))
    dae = DenoisingAutoencoder(3, random_state=0).partial_fit(X)
    before = dae.components_.copy()
    fitted = {"n_components": "3", "activation": "'relu'", "loss": "'squared_error'"}.get(name, "")
    dae.set_params(**{name: value})
    message = rf"partial_fit continues .* which has {name}={fitted}.*; got {name}={value!r}\."
    with pytest.raises(ValueError, match=message + ".*set_params.*or train a new estimator"):
        dae.partial_fit(X)
    np.testing.assert_array_equal(dae.components_, before)


def test_parameters_that_are_lists_are_checked_at_every_call():
    # they can change in place, so that having passed once says nothing
    X = np.random.default_rng(0).random((20, 6))
    dae = DenoisingAutoencoder(3, corruption_level=[0.1] * 6, random_state=0).partial_fit(X)
    dae.corruption_level[0] = "much"
    with pytest.raises(ValueError, match="corruption_level"):
        dae.partial_fit(X)


def test_a_changed_parameter_is_checked_by_the_next_partial_fit():
    X = np.random.default_rng(0).random((20, 6))
    dae = DenoisingAutoencoder(3, random_state=0).partial_fit(X).partial_fit(X)
    with pytest.raises(ValueError, match="'momentum' parameter"):
        dae.set_params(momentum=7).partial_fit(X)
    with pytest.raises(ValueError, match="'momentum' parameter"):  # again: it has not passed
        dae.partial_fit(X)

"""Ctrl-C, divergence and other ends before the end: what is left is whole."""

import copy
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
from estimators import Interrupt, assert_unchanged, state_of

from dae import (
    DenoisingAutoencoder,
    DenoisingOutlierDetector,
    StackedDenoisingAutoencoder,
    StackedDenoisingClassifier,
)
from dae._training.epochs import Outcome
from dae.tabular import DenoisingImputer, TabularDenoisingAutoencoder

WEIGHTS = ("components_", "decoder_components_", "intercept_hidden_", "intercept_visible_")


def make(**parameters):
    defaults = {
        "n_components": 6, "max_iter": 5, "tol": None, "batch_size": 16,
        "learning_rate": "constant", "random_state": 0,
    }  # fmt: skip
    return DenoisingAutoencoder(**(defaults | parameters))


@pytest.fixture
def X():
    return np.random.default_rng(0).random((50, 9))


# ------------------------------------------------------------------ Ctrl-C


@pytest.mark.parametrize("batches", [4, 6, 8, 11])  # an epoch has 4
def test_interrupted_fit_keeps_the_last_complete_epoch(X, batches):
    dae = make(corruption=Interrupt(batches), tied_weights=False)
    complete = batches // 4
    with pytest.warns(UserWarning, match=f"interrupted after {complete} complete epochs of max"):
        assert dae.fit(X) is dae
    whole = make(corruption=Interrupt(-1), tied_weights=False, max_iter=complete).fit(X)
    for name in WEIGHTS:
        np.testing.assert_array_equal(getattr(dae, name), getattr(whole, name), err_msg=name)
    assert dae.loss_curve_ == whole.loss_curve_
    assert dae.n_iter_ == complete
    # training can go on as if nothing had happened
    dae.set_params(corruption="masking").partial_fit(X)
    whole.set_params(corruption="masking").partial_fit(X)
    np.testing.assert_array_equal(dae.components_, whole.components_)


FITS = ("outliers.py", "tabular/autoencoder.py", "tabular/imputer.py")
PASSES = (
    "_core/training.py", "_training/feed.py", "_training/run.py", "_estimator/training.py",
    "_estimator/state.py", "tabular/autoencoder.py",
)  # fmt: skip


def lines_of_fit(run, stop=None, files=FITS, names=("fit", "_store")):
    """How many lines `fit` itself runs; Ctrl-C comes before the line of the number `stop`.

    With other `files` and `names`, those of these functions; of all, where `names` is None.
    """
    n_lines = 0

    def trace(frame, event, argument):
        nonlocal n_lines
        where, name = frame.f_code.co_filename.replace(os.sep, "/"), frame.f_code.co_name
        if not where.endswith(files) or (names is not None and name not in names):
            return None
        if event == "line":
            if n_lines == stop:
                raise KeyboardInterrupt
            n_lines += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run()
    finally:
        sys.settrace(before)
    return n_lines


@pytest.mark.parametrize(
    ("make", "texts"),
    [
        (DenoisingOutlierDetector, (True, False)),
        (DenoisingOutlierDetector, (False, True)),
        (TabularDenoisingAutoencoder, (True, True)),
        (DenoisingImputer, (True, True)),
    ],
)
def test_interrupted_between_two_lines_of_fit(make, texts):
    """After the training, too, a model is the one before or the new one, and no mixture."""
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)

    def frame(n_columns, text):
        X = pandas.DataFrame(rng.random((20, n_columns)), columns=list("abcd"[:n_columns]))
        X.loc[3, "a"] = np.nan
        return X.assign(t=rng.choice(["x", "y"], 20)) if text else X

    old, new = frame(2, texts[0]), frame(4, texts[1])
    model = make(hidden_layer_sizes=(3,), max_iter=1, random_state=0)
    n_lines = lines_of_fit(lambda: copy.copy(model).fit(new))
    for line in range(max(n_lines - 12, 0), n_lines):
        model.fit(old)
        before = dict(vars(model))
        with pytest.raises(KeyboardInterrupt):
            lines_of_fit(lambda: model.fit(new), line)
        if vars(model)["n_features_in_"] == old.shape[1]:
            assert vars(model).keys() == before.keys()
            assert all(vars(model)[name] is value for name, value in before.items())
        else:
            use = "predict" if hasattr(model, "predict") else "transform"
            whole = copy.copy(model).fit(new)
            np.testing.assert_array_equal(getattr(model, use)(new), getattr(whole, use)(new))


def passed(kind, X):
    """A model after one pass over X, and what makes the next pass."""
    how = {"batch_size": 16, "random_state": 0}
    if kind is DenoisingAutoencoder:
        model, arguments = kind(3, **how), ()
    elif kind is TabularDenoisingAutoencoder:
        model, arguments = kind(3, **how), ()
    else:
        model, arguments = kind((3,), **how), (np.arange(len(X)) % 2, [0, 1])
    model.partial_fit(X, *arguments)
    return model, lambda: model.partial_fit(X, *arguments)


@pytest.mark.parametrize("n_rows", [10, 40])  # one batch, and three
@pytest.mark.parametrize(
    "kind", [DenoisingAutoencoder, StackedDenoisingClassifier, TabularDenoisingAutoencoder]
)
def test_interrupted_between_two_lines_of_partial_fit(kind, n_rows):
    """Also after the last update: new weights are never beside old counters."""
    X = np.random.default_rng(0).random((n_rows, 4))
    model, again = passed(kind, X)
    old = pickle.dumps(state_of(model))
    n_lines = lines_of_fit(again, None, PASSES, None)
    new, ends = pickle.dumps(state_of(model)), set()
    for line in [*range(0, n_lines - 80, 10), *range(n_lines - 80, n_lines)]:
        model, again = passed(kind, X)
        with pytest.raises(KeyboardInterrupt):
            lines_of_fit(again, line, PASSES, None)
        left = pickle.dumps(state_of(model))
        assert left in (old, new), line
        ends.add(left)
    assert ends == {old, new}


class InterruptedList(list):
    """Ctrl-C comes when this many have been appended, which Python may serve then."""

    def __init__(self, n):
        self.n = n

    def append(self, item):
        super().append(item)
        if len(self) == self.n:
            raise KeyboardInterrupt


@pytest.mark.parametrize("epoch", [1, 3])
@pytest.mark.parametrize("which", ["losses", "validation_losses"])
def test_interrupted_while_an_epoch_is_counted(X, monkeypatch, epoch, which):
    """Weights, counters and curves are of the same epoch: this one, or the one before."""
    how = {"early_stopping": which == "validation_losses", "validation_fraction": 0.2}
    complete = epoch if which == "losses" else epoch - 1

    def outcome(settings):
        return Outcome(settings, **{which: InterruptedList(epoch)})

    with monkeypatch.context() as patched:
        patched.setattr("dae._training.epochs.Outcome", outcome)
        if not complete:
            with pytest.raises(KeyboardInterrupt):
                make(**how).fit(X)
            return
        with pytest.warns(UserWarning, match=f"interrupted after {complete} complete epochs of"):
            dae = make(**how).fit(X)
    assert dae.n_iter_ == len(dae.loss_curve_) == complete
    if which == "validation_losses":
        assert len(dae.validation_loss_curve_) == complete
    whole = make(max_iter=complete, **how).fit(X)
    np.testing.assert_array_equal(dae.components_, whole.components_)


def test_interrupted_fit_keeps_the_best_epoch_where_it_looks_for_one(X):
    parameters = {"tol": 0.0, "learning_rate_init": 0.05}
    dae = make(corruption=Interrupt(30), max_iter=50, **parameters)
    with pytest.warns(UserWarning, match="interrupted after 7 complete epochs"):
        dae.fit(X)
    best = int(np.argmin(dae.loss_curve_)) + 1
    whole = make(corruption=Interrupt(-1), max_iter=best, learning_rate_init=0.05).fit(X)
    np.testing.assert_array_equal(dae.components_, whole.components_)


@pytest.mark.parametrize("batches", [0, 3])
@pytest.mark.parametrize("warm_start", [True, False])
def test_interrupted_in_the_first_epoch_is_as_before(X, batches, warm_start):
    dae = make(corruption=Interrupt(batches))
    with pytest.raises(KeyboardInterrupt):
        dae.fit(X)
    assert not hasattr(dae, "components_")
    assert not hasattr(dae, "n_features_in_")
    dae = make(warm_start=warm_start).fit(X).set_params(corruption=Interrupt(batches))
    before = state_of(dae)
    with pytest.raises(KeyboardInterrupt):
        dae.fit(X if warm_start else X[:, :4])
    del before["corruption"], dae.corruption
    assert_unchanged(dae, before)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_interrupted_partial_fit_is_as_before(X, error, solver):
    dae = make(solver=solver).partial_fit(X)
    dae.corruption = Interrupt(2, error)
    before = state_of(dae)
    with pytest.raises(error):
        dae.partial_fit(X)
    before["corruption"] = dae.corruption
    assert_unchanged(dae, before)


def test_an_error_in_the_middle_of_fit_leaves_it_as_before(X):
    dae = make(corruption=Interrupt(10, RuntimeError), max_iter=5)
    with pytest.raises(RuntimeError):
        dae.fit(X)
    assert not hasattr(dae, "components_")
    assert not hasattr(dae, "loss_curve_")


def test_interrupted_by_a_callback(X):
    pytest.importorskip("sklearn.callback")

    class Stop:
        torn_down = False

        def setup(self, estimator, context):
            pass

        def teardown(self, estimator, context):
            self.torn_down = True

        def on_fit_task_begin(self, estimator, context):
            if context.task_name == "epoch" and context.task_id == 2:
                raise KeyboardInterrupt

        def on_fit_task_end(self, estimator, context):
            pass

    stop = Stop()
    dae = make().set_callbacks(stop)
    with pytest.warns(UserWarning, match="interrupted after 2 complete epochs"):
        dae.fit(X)
    assert stop.torn_down
    np.testing.assert_array_equal(dae.components_, make(max_iter=2).fit(X).components_)
    stop.torn_down = False
    broken = Interrupt(0, RuntimeError)
    with pytest.raises(RuntimeError):
        make(corruption=broken).set_callbacks(stop).fit(X)
    assert stop.torn_down


@pytest.mark.skipif(os.name == "nt", reason="SIGINT cannot be sent to one process")
@pytest.mark.parametrize("wide", [False, True])  # an epoch in one native call, or in many
def test_a_real_ctrl_c(wide):
    """Served soon, and what is left equals a fit of that many epochs."""
    shape, n_components = ((4000, 600), 500) if wide else ((200, 50), 20)
    script = textwrap.dedent(
        f"""
        import signal, sys, time, warnings
        import numpy as np
        from dae import DenoisingAutoencoder

        signal.signal(signal.SIGINT, signal.default_int_handler)  # a parent may ignore it
        X = np.random.default_rng(0).random({shape}, dtype=np.float32)
        parameters = dict(n_components={n_components}, learning_rate="constant", random_state=0)
        parameters["verbose"] = 1
        dae = DenoisingAutoencoder(max_iter=10**6, **parameters)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            dae.fit(X)
        print("left", flush=True)
        assert any("Training interrupted" in str(w.message) for w in caught), caught
        n = dae.n_iter_
        assert n == len(dae.loss_curve_) < 10**6
        parameters["verbose"] = 0
        again = DenoisingAutoencoder(max_iter=n, **parameters).fit(X)
        np.testing.assert_array_equal(dae.components_, again.components_)
        print("equal", flush=True)
        """
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        for _ in range(2):  # epochs
            assert process.stdout.readline().startswith("Epoch"), process.stderr.read()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0, err
    assert out.splitlines()[-2:] == ["left", "equal"]


# ------------------------------------------------------------------ divergence


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("activation", ["identity", "relu"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_divergence_is_named(X, solver, activation, dtype):
    X = X.astype(dtype)
    dae = make(solver=solver, activation=activation, learning_rate_init=1e6)
    message = (
        r"Training diverged at epoch 1, batch [23]: the loss is .* with "
        r"learning_rate_init=1e\+06\. Scale the features .* or lower learning_rate_init"
    )
    with pytest.raises(ValueError, match=message):
        dae.fit(X)
    assert not hasattr(dae, "components_")
    assert not hasattr(dae, "n_features_in_")


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("n_rows", [50, 16])  # several batches and one
def test_diverging_partial_fit_is_rolled_back(X, solver, n_rows):
    dae = make(solver=solver).partial_fit(X)
    dae.learning_rate_init = 1e6
    dae.partial_fit(X[:16])  # the loss of the only batch is taken before its update
    before = state_of(dae)
    with pytest.raises(ValueError, match=r"diverged at partial_fit \(pass 3\), batch 1"):
        dae.partial_fit(X[:n_rows])
    assert_unchanged(dae, before)
    fresh = make(solver=solver).partial_fit(X)
    fresh.learning_rate_init = 1e6
    before = state_of(fresh)
    with pytest.raises(ValueError, match=r"diverged at partial_fit \(pass 2\), batch 2"):
        fresh.partial_fit(X)
    assert_unchanged(fresh, before)


@pytest.mark.parametrize("warm_start", [True, False])
def test_diverging_fit_leaves_the_last_fit(X, warm_start):
    dae = make(warm_start=warm_start).fit(X)
    dae.learning_rate_init = 1e6
    before = state_of(dae)
    with pytest.raises(ValueError, match="diverged"):
        dae.fit(X if warm_start else X[:, :3])
    assert_unchanged(dae, before)


@pytest.mark.parametrize("rate", [1e6, 1e38])
def test_divergence_in_the_very_last_update(X, rate):
    """One epoch of one batch: no later loss shows what its update did."""
    X = X.astype(np.float32)
    dae = make(learning_rate_init=rate, batch_size=50, max_iter=1, solver="sgd")
    with pytest.raises(ValueError, match=r"diverged at (the end of )?epoch 1"):
        dae.fit(X)
    assert not hasattr(dae, "components_")


def test_an_overflowing_update_of_a_single_batch_is_undone(X):
    dae = make(solver="sgd").partial_fit(X.astype(np.float32))
    dae.learning_rate_init = 1e39
    before = state_of(dae)
    with pytest.raises(ValueError, match="a weight is not finite"):
        dae.partial_fit(X[:16].astype(np.float32))
    assert_unchanged(dae, before)


def test_strong_noise_is_no_divergence(X):
    dae = make(corruption="gaussian", corruption_level=1e4).fit(X)
    assert np.isfinite(dae.loss_curve_).all() and np.isfinite(dae.transform(X)).all()
    assert dae.loss_curve_[0] > 1e4  # the noise is not clipped


def test_blocks_of_another_scale_are_no_divergence(X):
    dae = make(solver="sgd", learning_rate_init=0.01, corruption=None, activation="logistic")
    for _ in range(20):
        dae.partial_fit(X + 1e4)
    dae.partial_fit(np.zeros_like(X))
    assert dae.loss_curve_[-1] > 1e8  # a fresh estimator would have to call this divergence


def test_a_callable_may_bring_in_much_energy(X):
    dae = make(corruption=lambda batch, rng: batch + 1e5).fit(X)
    assert np.isfinite(dae.loss_curve_).all() and np.isfinite(dae.transform(X)).all()
    assert dae.loss_curve_[0] > 1e5


def test_divergence_names_the_learning_rate_of_that_moment(X):
    dae = make(solver="sgd", learning_rate_init=0.5, learning_rate="cosine", max_iter=4)
    with pytest.raises(ValueError, match=r"learning_rate_init=0\.5\. ") as caught:
        dae.set_params(learning_rate_init=0.5, corruption=None).fit(X * 1e9)
    assert "at epoch 1, batch" in str(caught.value)
    calls = iter(range(100))

    def explodes(batch, rng):  # in the third of four epochs: half of the rate
        return batch * (1e18 if next(calls) == 9 else 1.0)

    dae.set_params(learning_rate_init=0.01, corruption=explodes)
    with pytest.raises(ValueError, match=r"epoch 3.*learning_rate_init=0\.01 \(0\.005 at that"):
        dae.fit(X)


# ------------------------------------------------------------------ within one large batch


class Alarm:
    """Handler of a timer: counts, and raises at one of its calls if asked to."""

    def __init__(self, raise_at=None):
        self.calls = 0
        self.raise_at = raise_at

    def __call__(self, number, frame):
        self.calls += 1
        if self.calls == self.raise_at:
            raise KeyboardInterrupt

    def __enter__(self):
        self.before = signal.signal(signal.SIGALRM, self)
        signal.setitimer(signal.ITIMER_REAL, 0.15, 0.15)
        return self

    def __exit__(self, *error):
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self.before)


ONE_BATCH = {
    "autoencoder": lambda: make(n_components=500, batch_size=40_000, solver="adam"),
    "untied": lambda: make(n_components=300, batch_size=40_000, solver="sgd", tied_weights=False),
    "stack": lambda: StackedDenoisingAutoencoder(
        (300, 200), fine_tune=True, batch_size=40_000, random_state=0
    ),
}


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers")
@pytest.mark.parametrize(
    ("kind", "n_jobs"), [("autoencoder", 1), ("autoencoder", 2), ("untied", 2), ("stack", 2)]
)
def test_signals_are_handled_within_a_batch(kind, n_jobs):
    """One native call that takes seconds: handlers run, Ctrl-C ends it, the batch is dropped."""
    X = np.random.default_rng(0).random((40_000, 300))
    estimator = ONE_BATCH[kind]().set_params(n_jobs=n_jobs)
    estimator.partial_fit(X[:500])
    twin = copy.deepcopy(estimator)
    started = time.perf_counter()
    with Alarm() as counted:
        twin.partial_fit(X)  # handlers that do not raise change nothing
    seconds = time.perf_counter() - started
    # were they to wait for the end of the batch, one
    assert counted.calls >= 3 or seconds < 1

    before = state_of(estimator)
    with Alarm(raise_at=1) as interrupted, pytest.raises(KeyboardInterrupt):
        estimator.partial_fit(X)
    assert interrupted.calls == 1
    assert_unchanged(estimator, before)
    estimator.partial_fit(X)
    np.testing.assert_array_equal(estimator.components_, twin.components_)
    assert estimator.loss_curve_ == twin.loss_curve_


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers")
def test_interrupted_fit_with_one_batch_per_epoch():
    """The last complete epoch is kept, as with small batches."""
    X = np.random.default_rng(0).random((10_000, 200))
    how = {"n_components": 100, "batch_size": 10_000}
    with Alarm(raise_at=12), pytest.warns(UserWarning, match="Training interrupted"):
        stopped = make(max_iter=1000, **how).fit(X)
    done = stopped.n_iter_
    plain = make(max_iter=done, **how).fit(X)
    np.testing.assert_array_equal(stopped.components_, plain.components_)
    assert stopped.loss_curve_ == plain.loss_curve_

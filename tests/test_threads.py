"""Threads: the same bits for any number of them, in any surroundings, and never a hang."""

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
from networks import assert_same_bits, make_corruption, make_network, make_solver, named_arrays
from threadpoolctl import threadpool_limits

from dae import DenoisingAutoencoder, _core

THREADS = [2, 3, 4, 7]

needs_openmp = pytest.mark.skipif(not _core.openmp_enabled(), reason="a serial build")
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


# ------------------------------------------------------------------ same bits


def trained(n_threads, dtype, kind, loss, tied, n_features, n_hidden):
    """All that two presentations change or return, and what inference makes of the result."""
    rng = np.random.default_rng(0)
    X = rng.random((301, n_features)).astype(dtype)
    weight = rng.uniform(0, 2, 301).astype(dtype)
    output = "logistic" if loss == "log_loss" else "identity"
    network = make_network(
        n_features, n_hidden, dtype, activation="relu", decoder_activation=output, loss=loss,
        tied=tied,
    )  # fmt: skip
    solver = make_solver(network, "adam")
    results = {}
    for presentation in (1, 2):
        results[f"losses {presentation}"] = _core.train(
            network, solver, make_corruption(kind, X, 0.6), X, rng.permutation(301).astype(np.intp),
            batch_size=20, presentation=presentation, n_threads=n_threads, sample_weight=weight,
        )  # fmt: skip
    H = _core.encode(network, X, n_threads=n_threads)
    return (
        results
        | named_arrays(network, solver)
        | {
            "codes": H,
            "decoded": _core.decode(network, H, n_threads=n_threads),
            "reconstructions": _core.reconstruct(network, X, n_threads=n_threads),
            "sample losses": _core.sample_losses(network, X, X, n_threads=n_threads),
        }
    )


@pytest.mark.usefixtures("always_threads")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("kind", "loss", "tied", "n_features", "n_hidden"),
    [
        ("masking", "squared_error", True, 100, 500),
        ("swap", "log_loss", False, 100, 260),
        ("gaussian", "squared_error", False, 37, 130),  # fewer blocks and units than threads
        ("masking", "log_loss", True, 300, 70),  # leaves for all threads
    ],
)
def test_same_bits(kind, loss, tied, n_features, n_hidden, dtype):
    """Weights, moments, losses, codes; 301 rows leave a last batch of one."""
    arguments = (dtype, kind, loss, tied, n_features, n_hidden)
    serial = trained(1, *arguments)
    for n_threads in THREADS:
        assert_same_bits(trained(n_threads, *arguments), serial)


def assert_same_steps(make_pair, X, batch_size):
    """Losses, weights and moments of a fresh (network, solver) after one pass over X."""
    results = []
    for n_threads in (1, *THREADS):
        network, solver = make_pair()
        losses = _core.train(
            network, solver, make_corruption("masking", X, 0.3), X,
            np.arange(len(X), dtype=np.intp), batch_size=batch_size, presentation=1,
            n_threads=n_threads,
        )  # fmt: skip
        results.append({"losses": losses} | named_arrays(network, solver))
    for result in results[1:]:
        assert_same_bits(result, results[0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("kind", "tied"), [("plain", True), ("plain", False), ("adam", True)])
@pytest.mark.usefixtures("always_threads")
def test_same_bits_of_batches_of_one_row(kind, tied, dtype):
    X = np.random.default_rng(0).random((20, 300)).astype(dtype)

    def make_pair():
        network = make_network(300, 150, dtype, activation="logistic", tied=tied)
        return network, make_solver(network, kind, alpha=0.01)

    assert_same_steps(make_pair, X, batch_size=1)


@pytest.mark.parametrize(
    ("n_features", "n_hidden", "dtype", "share", "tied"),
    [
        (300, 150, np.float32, 1.0, True),
        (300, 150, np.float32, 0.1, False),  # zeros are skipped
        # 2.4 MB of weights: one thread takes all rows at once, each of two some at a time
        (600, 500, np.float64, 1.0, True),
    ],
)
@pytest.mark.usefixtures("always_threads")
def test_same_bits_of_large_batches(n_features, n_hidden, dtype, share, tied):
    """More rows than are summed together, eight leaves."""
    rng = np.random.default_rng(0)
    X = rng.random((650, n_features)).astype(dtype)
    X[rng.random(X.shape) > share] = 0

    def make_pair():
        network = make_network(n_features, n_hidden, dtype, activation="relu", tied=tied)
        return network, make_solver(network, "adam")

    assert_same_steps(make_pair, X, batch_size=300)


def estimator(n_components=130, **parameters):
    parameters = {"max_iter": 2, "tol": None, "random_state": 0} | parameters
    return DenoisingAutoencoder(n_components, **parameters)


def fitted_arrays(dae, X):
    return {
        "components_": dae.components_,
        "decoder_components_": dae.decoder_components_,
        "intercept_hidden_": dae.intercept_hidden_,
        "intercept_visible_": dae.intercept_visible_,
        "loss_curve_": dae.loss_curve_,
        "validation_loss_curve_": dae.validation_loss_curve_,
        "transform": dae.transform(X),
        "reconstruct": dae.reconstruct(X),
        "score_samples": dae.score_samples(X),
        "corrupt": dae.corrupt(X),
    }


@pytest.fixture(scope="module")
def X():
    """Enough for the estimator to use threads."""
    X = np.random.default_rng(0).random((400, 100)).astype(np.float32)
    assert _core.threads.useful_threads(2, *2 * [10.0 * 100 * 100 * 130]) == 2
    return X


@pytest.mark.parametrize(
    "parameters",
    [{}, {"early_stopping": True, "tol": 1e-4, "n_iter_no_change": 2, "tied_weights": False}],
)
@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_same_bits_for_any_n_jobs(X, solver, parameters):
    serial = fitted_arrays(estimator(solver=solver, n_jobs=1, **parameters).fit(X), X)
    for n_jobs in (*THREADS, None, -1):
        dae = estimator(solver=solver, n_jobs=n_jobs, **parameters).fit(X)
        assert_same_bits(fitted_arrays(dae, X), serial)


# ------------------------------------------------------------------ how many


@needs_openmp
def test_n_jobs(monkeypatch):
    """None and negative numbers count from the cores this process may have; others are as given."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    cores = joblib.cpu_count()
    for n_jobs, expected in {1: 1, 2: 2, 5: 5, -1: cores, -2: max(1, cores - 1), -99: 1}.items():
        assert _core.n_threads(n_jobs) == expected
    assert 1 <= _core.n_threads(None) <= cores
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    assert _core.n_threads(None) == _core.n_threads(-1) == 1


@pytest.mark.parametrize("n_jobs", [0, False])
def test_no_threads_at_all(n_jobs):
    """`set_params` after `fit` is not validated; the core is never asked for a team of none."""
    X = np.random.default_rng(0).random((1000, 64))
    dae = DenoisingAutoencoder(32, max_iter=1, tol=None).fit(X).set_params(n_jobs=n_jobs)
    with pytest.raises(ValueError, match="n_jobs"):
        dae.transform(X)


def test_huge_teams_are_cut_down():
    """A team of 100,000 would crash libgomp."""
    assert 1 <= _core.n_threads(100_000) <= 256


@needs_openmp
def test_threadpoolctl(monkeypatch):
    """n_jobs=None heeds a limit at the moment of the call; a number given by the user is heeded."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before = _core.n_threads(None)
    with threadpool_limits(1):
        assert _core.n_threads(None) == 1
        assert _core.n_threads(3) == 3
    assert _core.n_threads(None) == before


@needs_openmp
@pytest.mark.parametrize("value", ["1", "3"])
def test_omp_num_threads(value):
    """The environment variable is taken at its word, also beyond the cores."""
    script = "from dae import _core; print(_core.n_threads(None), _core.n_threads(2))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"OMP_NUM_THREADS": value},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.split() == [value, "2"]


@needs_openmp
def test_fewer_threads_than_asked_for():
    """Where OpenMP grants less, the team that there is does all the work."""
    script = """
import numpy as np
from dae import DenoisingAutoencoder
X = np.random.default_rng(0).random((400, 100)).astype(np.float32)
a, b = (
    DenoisingAutoencoder(130, max_iter=1, tol=None, random_state=0, n_jobs=n).fit(X) for n in (1, 4)
)
assert np.array_equal(a.components_, b.components_)
assert np.array_equal(a.transform(X), b.transform(X))
"""
    for limits in ({"OMP_THREAD_LIMIT": "1"}, {"OMP_THREAD_LIMIT": "2", "OMP_DYNAMIC": "true"}):
        subprocess.run(
            [sys.executable, "-c", script], env=os.environ | limits, timeout=60, check=True
        )


def test_small_work_stays_on_one_thread(monkeypatch):
    """The core is told to use one thread, where a second would cost more than it brings."""
    used = []
    encode = _core.inference._inference.encode

    def spy(*arguments):
        used.append(arguments[-1])
        encode(*arguments)

    monkeypatch.setattr(_core.inference._inference, "encode", spy)
    for n_rows, n_features in ((10, 10), (1000, 500)):
        network = make_network(n_features, 50)
        _core.encode(network, np.zeros((n_rows, n_features)), n_threads=3)
    assert used == [1, 3]


# ------------------------------------------------------------------ after a fork

# The parent warms the core's threads up, then a forked child fits and transforms. argv: how
FORK = """
import multiprocessing
import os
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from dae import DenoisingAutoencoder, _core

# a fork beside threads is what is tried here
warnings.filterwarnings("ignore", category=DeprecationWarning)

X = np.random.default_rng(0).random((400, 100)).astype(np.float32)


def work(n_jobs):
    dae = DenoisingAutoencoder(130, max_iter=2, tol=None, random_state=0, n_jobs=n_jobs).fit(X)
    dae.partial_fit(X)
    return dae.components_.tobytes() + dae.transform(X).tobytes() + dae.reconstruct(X).tobytes()


def work_into(queue):
    queue.put(work(2))


if __name__ == "__main__":
    expected = work(2)
    if sys.argv[1] == "os.fork":
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            same = work(2) == expected
            one = _core.n_threads(2) == 1 and _core.n_threads(None) == 1
            os.write(writing, b"same" if same and one else b"other")
            os._exit(0)
        assert os.read(reading, 10) == b"same"
        os.waitpid(child, 0)
    elif sys.argv[1] == "multiprocessing":
        context = multiprocessing.get_context("fork")
        queue = context.Queue()
        child = context.Process(target=work_into, args=(queue,))
        child.start()
        assert queue.get() == expected
        child.join()
    else:
        context = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(2, mp_context=context) as pool:
            assert list(pool.map(work, [1, 2, None, -1])) == 4 * [expected]
    assert work(2) == expected  # the parent goes on
    print("as expected")
"""


@needs_fork
@pytest.mark.parametrize("how", ["os.fork", "multiprocessing", "ProcessPoolExecutor"])
def test_fork_after_use(how, tmp_path):
    """The child neither hangs nor differs, on its one thread."""
    script = tmp_path / "fork.py"
    script.write_text(FORK)
    process = subprocess.Popen(
        [sys.executable, str(script), how],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # so that children of a parent that hangs can be ended with it
    )
    try:
        output, _ = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        output, _ = process.communicate()
        pytest.fail(f"hung: {output}")
    assert process.returncode == 0, output
    assert "as expected" in output


# ------------------------------------------------------------------ Python's own threads


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_four_threads_use_one_estimator(X, n_jobs):
    """transform, reconstruct, inverse_transform and score_samples at the same time."""
    dae = estimator(n_jobs=n_jobs).fit(X)
    blocks = [X[i::7].copy() for i in range(7)]

    def use(block):
        H = dae.transform(block)
        return H, dae.reconstruct(block), dae.inverse_transform(H), dae.score_samples(block)

    expected = [use(block) for block in blocks]
    before = fitted_arrays(dae, X)
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            for found, wanted in zip(pool.map(use, blocks), expected, strict=True):
                for one, other in zip(found, wanted, strict=True):
                    np.testing.assert_array_equal(one, other)
    assert_same_bits(fitted_arrays(dae, X), before)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_four_threads_fit_four_estimators(X, n_jobs):
    def fit(seed):
        return fitted_arrays(estimator(random_state=seed, n_jobs=n_jobs).fit(X), X)

    expected = [fit(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        for found, wanted in zip(pool.map(fit, range(4)), expected, strict=True):
            assert_same_bits(found, wanted)


@pytest.mark.parametrize("call", ["reconstruct", "train", "corrupt"])
def test_the_gil_is_released(call, monkeypatch):
    """Another Python thread gets on during a single long call of the core.

    Were the lock held, it could tick before the call and after it, twice.
    """
    monkeypatch.setattr(_core.tuning, "OPERATIONS_PER_CALL", 1e15)
    X = np.random.default_rng(0).random((2000, 200))
    rows = np.arange(len(X), dtype=np.intp)
    network = make_network(200, 300)
    solver = make_solver(network, "adam")
    corruption = make_corruption("gaussian", X)

    def work(repeats):
        many = np.tile(rows, repeats)
        if call == "reconstruct":
            _core.reconstruct(network, X[many], n_threads=1)
        elif call == "corrupt":
            _core.corrupt(corruption, X, many, 1, n_threads=1)
        else:
            _core.train(
                network, solver, corruption, X, many, batch_size=50, presentation=1, n_threads=1
            )

    started = time.perf_counter()
    work(1)
    repeats = max(1, round(0.3 / (time.perf_counter() - started)))

    ticks, stop = 0, threading.Event()

    def tick():
        nonlocal ticks
        while not stop.wait(0.002):
            ticks += 1

    calls = []
    for module, name in (
        (_core.inference._inference, "reconstruct"),
        (_core.training._training, call),
    ):
        if hasattr(module, name):
            native = getattr(module, name)

            def spy(*arguments, native=native):
                before = ticks
                result = native(*arguments)
                calls.append(ticks - before)
                return result

            monkeypatch.setattr(module, name, spy)
    ticker = threading.Thread(target=tick)
    ticker.start()
    try:
        work(repeats)
    finally:
        stop.set()
        ticker.join()
    assert len(calls) == 1
    assert calls[0] > 5

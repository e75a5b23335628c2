"""Training on Dask collections: same bits on any cluster, lazy use, lost workers, bad input."""

import os
import pickle
import re
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from dae import DenoisingAutoencoder, StackedDenoisingAutoencoder
from dae._training.settings import automatic_epochs

pytest.importorskip("dask.array")
distributed = pytest.importorskip("distributed")

import dask  # noqa: E402
import dask.array as da  # noqa: E402

from dae.dask import DaskDenoisingAutoencoder, DaskStackedDenoisingAutoencoder  # noqa: E402
from dae.dask._rounds import Stage, Trained, average  # noqa: E402

# what distributed and its event loop say when they are stopped
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore:Port .* is already in use"),
    pytest.mark.filterwarnings("ignore:Sending large graph"),
]

DIGITS = (load_digits().data / 16).astype(np.float32)
SMALL = {"learning_rate": "constant", "max_iter": 3, "random_state": 0}


def digits(n_partitions=7):
    return da.from_array(DIGITS, chunks=(-(-len(DIGITS) // n_partitions), -1))


@pytest.fixture(scope="module")
def cluster():
    """Two processes of one thread each on this machine; a task may lose its worker once."""
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
        ) as made,
        distributed.Client(made) as client,
    ):
        yield client


def weights_of(estimator):
    return {name: array.tobytes() for name, array in estimator._fitted().parameters().items()}


@pytest.mark.parametrize(
    "estimator",
    [
        DaskDenoisingAutoencoder(12, n_shards=3, **SMALL),
        DaskDenoisingAutoencoder(12, n_shards=3, corruption="salt_and_pepper", **SMALL),
        DaskStackedDenoisingAutoencoder((12, 6), n_shards=3, **SMALL),
        DaskStackedDenoisingAutoencoder(
            (12, 6), n_shards=3, fine_tune=True, fine_tune_max_iter=2, **SMALL
        ),
    ],
    ids=["layer", "range of features", "stack", "fine-tuned"],
)
def test_any_number_of_workers_gives_the_same_bits(cluster, estimator):
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
    ) as one, distributed.Client(one, set_as_default=False) as client:  # fmt: skip
        by_one = clone(estimator).set_params(client=client).fit(digits())
    by_two = clone(estimator).set_params(client=cluster).fit(digits())
    assert weights_of(by_one.to_local()) == weights_of(by_two.to_local())
    assert by_one.loss_curve_ == by_two.loss_curve_


def test_without_a_cluster_the_bits_are_the_same(cluster):
    model = DaskDenoisingAutoencoder(12, n_shards=3, **SMALL)
    by_two = clone(model).set_params(client=cluster).fit(digits())
    code = """
        import dask.array as da, sys, numpy as np
        from sklearn.datasets import load_digits
        from dae.dask import DaskDenoisingAutoencoder
        X = (load_digits().data / 16).astype(np.float32)
        X = da.from_array(X, chunks=(-(-len(X) // 7), -1))
        how = {"max_iter": 3, "learning_rate": "constant", "random_state": 0}
        model = DaskDenoisingAutoencoder(12, n_shards=3, **how)
        sys.stdout.buffer.write(model.fit(X).components_.tobytes())
    """
    found = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, check=True
    )
    assert found.stdout == by_two.components_.tobytes()


def test_the_loss_is_that_of_one_process_after_as_many_passes(cluster):
    how = {"n_components": 32, "loss": "log_loss", "max_iter": 150, "tol": None, "random_state": 0}
    alone = DenoisingAutoencoder(**how).fit(DIGITS)
    model = DaskDenoisingAutoencoder(n_shards=2, client=cluster, **how).fit(digits(2))
    assert model.score(digits()) > 1.01 * alone.score(DIGITS)  # scores are negative losses


def test_one_shard_trains_on_the_partitions_in_turn(cluster):
    # as `fit` does, but for the random numbers and the order of the rows
    X = np.random.default_rng(0).permutation(DIGITS)[:1792]
    how = {"n_components": 16, "max_iter": 30, "tol": None, "random_state": 0}
    alone = DenoisingAutoencoder(**how).fit(X)
    blocks = da.from_array(X, chunks=(448, -1))
    model = DaskDenoisingAutoencoder(n_shards=1, client=cluster, **how).fit(blocks)
    assert model.score(blocks) == pytest.approx(alone.score(X), rel=0.05)


def test_collections_of_every_kind_train_the_same_network(cluster):
    dd = pytest.importorskip("dask.dataframe")
    pd = pytest.importorskip("pandas")
    model = DaskDenoisingAutoencoder(10, n_shards=2, client=cluster, **SMALL)
    expected = weights_of(clone(model).fit(digits(4)).to_local())
    read_only = [dask.delayed(_read_only)(block) for block in digits(4).to_delayed().ravel()]
    assert weights_of(clone(model).fit(read_only).to_local()) == expected
    in_columns = digits(4).rechunk({1: 20})
    assert weights_of(clone(model).fit(in_columns).to_local()) == expected
    rows = digits(4).map_blocks(sparse.csr_array, dtype=np.float32)
    assert weights_of(clone(model).fit(rows).to_local()) == expected
    frame = dd.from_map(
        lambda part: pd.DataFrame(part, columns=[f"pixel {k}" for k in range(64)]),
        [block.compute() for block in digits(4).blocks.ravel()],
    )
    assert all(division is None for division in frame.divisions)  # lengths are not known
    framed = clone(model).fit(frame)
    assert weights_of(framed.to_local()) == expected
    assert list(framed.feature_names_in_[:2]) == ["pixel 0", "pixel 1"]
    codes = framed.transform(frame).compute()
    np.testing.assert_array_equal(
        codes, framed.to_local().set_output(transform="default").transform(frame.compute())
    )


def _read_only(block):
    block = np.array(block)
    block.flags.writeable = False
    return block


def test_empty_partitions_and_weights_of_zero_change_nothing(cluster):
    model = DaskDenoisingAutoencoder(10, n_shards=2, client=cluster, shuffle=False, **SMALL)
    blocks = digits(4).to_delayed().ravel().tolist()
    expected = clone(model).fit(blocks)
    nothing = dask.delayed(np.zeros((0, 64), np.float32))
    padded = clone(model).fit([*blocks, nothing, nothing])
    assert weights_of(padded.to_local()) == weights_of(expected.to_local())
    assert padded.transform([*blocks, nothing]).compute().shape == (len(DIGITS), 10)
    ones = da.ones(len(DIGITS), chunks=digits(4).chunks[0])
    weighted = clone(model).fit(digits(4), sample_weight=ones)
    assert weights_of(weighted.to_local()) == weights_of(expected.to_local())
    halves = clone(model).fit(digits(4), sample_weight=ones / 2)
    assert weights_of(halves.to_local()) != weights_of(expected.to_local())


def in_chunks_of_100(array):
    return da.from_array(array, chunks=(100, *array.shape[1:]))


@pytest.mark.parametrize("n_shards", [1, 2, 5])
def test_a_partition_of_weights_of_zero_changes_nothing(n_shards):
    model = DaskDenoisingAutoencoder(5, n_shards=n_shards, shuffle=False, **SMALL)
    ones = np.ones(400)
    expected = clone(model).fit(
        in_chunks_of_100(DIGITS[:400]), sample_weight=in_chunks_of_100(ones)
    )
    weights = np.append(ones, np.zeros(100))
    found = clone(model).fit(
        in_chunks_of_100(DIGITS[:500]), sample_weight=in_chunks_of_100(weights)
    )
    assert weights_of(found.to_local()) == weights_of(expected.to_local())
    assert found.loss_curve_ == expected.loss_curve_


def test_weights_of_zero_only_are_refused():
    zeros = da.zeros(400, chunks=100)
    model = DaskDenoisingAutoencoder(5, **SMALL)
    with pytest.raises(ValueError, match=r"sample_weight must have at least one value above 0"):
        model.fit(in_chunks_of_100(DIGITS[:400]), sample_weight=zeros)
    assert not hasattr(model, "components_")


def test_weights_of_zero_for_other_rows_are_refused():
    blocks = [dask.delayed(DIGITS[:100]), dask.delayed(DIGITS[100:200])]
    weights = [dask.delayed(np.ones(100)), dask.delayed(np.zeros(99))]
    with pytest.raises(ValueError, match="one value for each of the 100 rows"):
        DaskDenoisingAutoencoder(5, **SMALL).fit(blocks, sample_weight=weights)


def test_rows_of_weight_zero_count_as_if_they_were_left_out():
    model = DaskDenoisingAutoencoder(
        5, n_shards=2, shuffle=False, corruption=None, batch_size=25, **SMALL
    )
    expected = clone(model).fit([dask.delayed(DIGITS[:100]), dask.delayed(DIGITS[100:150])])
    weights = np.append(np.ones(150), np.zeros(50))
    found = clone(model).fit(
        in_chunks_of_100(DIGITS[:200]), sample_weight=in_chunks_of_100(weights)
    )
    np.testing.assert_allclose(found.components_, expected.components_, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found.loss_curve_, expected.loss_curve_, rtol=1e-6)


def test_the_loss_is_the_weighted_mean_of_the_plain_estimator():
    weights = np.random.default_rng(0).gamma(1, size=300) * np.repeat([0.1, 1, 10], 100)
    still = {"n_components": 5, "corruption": None, "learning_rate_init": 1e-12, "random_state": 0}
    model = DaskDenoisingAutoencoder(n_shards=2, **still)
    model.partial_fit(in_chunks_of_100(DIGITS[:300]), sample_weight=in_chunks_of_100(weights))
    alone = model.to_local().partial_fit(DIGITS[:300], sample_weight=weights)
    in_partitions, together = alone.loss_curve_
    assert in_partitions == pytest.approx(together, rel=1e-5)
    unweighted = -alone.score(DIGITS[:300])
    assert in_partitions != pytest.approx(unweighted, rel=1e-3)


def test_partitions_are_averaged_by_their_weights():
    light, heavy = (
        DenoisingAutoencoder(5, random_state=seed).partial_fit(DIGITS[:100]) for seed in (0, 1)
    )
    found = average(
        Trained(None, 0, 0.0, 0.0),
        Stage(0, {}),
        [Trained(light, 100, 25.0, 50.0), Trained(heavy, 20, 75.0, 75.0)],
    )
    expected = 0.25 * light.components_ + 0.75 * heavy.components_
    np.testing.assert_allclose(found.estimator.components_, expected, rtol=1e-5)
    assert found[1:] == (120, 100.0, 125.0)


def test_automatic_epochs_count_the_rows_of_weight_above_zero():
    weights = np.append(np.ones(50), np.zeros(150))
    model = DaskDenoisingAutoencoder(2, batch_size=10, tol=None, random_state=0)
    model.fit(in_chunks_of_100(DIGITS[:200]), sample_weight=in_chunks_of_100(weights))
    assert model.n_iter_ == automatic_epochs(50, 10) != automatic_epochs(200, 10)


@pytest.mark.parametrize("missing_in", [0, 1])
def test_a_feature_missing_from_one_partition_has_the_range_of_the_others(missing_in):
    X = DIGITS[:200].copy()
    X[100 * missing_in : 100 * (missing_in + 1), 20] = np.nan
    X[:, 30] = np.nan
    model = DaskDenoisingAutoencoder(5, n_shards=2, corruption="salt_and_pepper", **SMALL)
    model.fit(in_chunks_of_100(X))
    low, high = model.to_local()._feature_range
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(low, np.fmin.reduce(X))
        np.testing.assert_array_equal(high, np.fmax.reduce(X))
    assert np.isnan(low).sum() == 1


def test_results_are_lazy_and_those_of_the_plain_estimator(cluster):
    model = DaskDenoisingAutoencoder(10, client=cluster, **SMALL).fit(digits())
    local = model.to_local()
    assert type(local) is DenoisingAutoencoder
    for method, columns in (("transform", 10), ("reconstruct", 64), ("score_samples", None)):
        result = getattr(model, method)(digits())
        assert isinstance(result, da.Array)
        assert result.shape == ((len(DIGITS), columns) if columns else (len(DIGITS),))
        np.testing.assert_array_equal(result.compute(), getattr(local, method)(DIGITS))
    codes = model.transform(digits())
    np.testing.assert_array_equal(
        model.inverse_transform(codes).compute(), local.inverse_transform(local.transform(DIGITS))
    )
    assert model.score(digits()) == pytest.approx(local.score(DIGITS), rel=1e-12)


def test_the_result_goes_on_without_dask(cluster):
    model = DaskDenoisingAutoencoder(10, client=cluster, **SMALL).fit(digits())
    local = pickle.loads(pickle.dumps(model.to_local()))
    before = local.score(DIGITS)
    assert local.n_iter_ == 3
    for _ in range(5):
        local.partial_fit(DIGITS)
    assert local.score(DIGITS) > before
    assert model.n_iter_ == 3  # a copy


@pytest.mark.parametrize("fine_tune", [False, True])
def test_every_layer_of_a_stack_is_trained(cluster, fine_tune):
    model = DaskStackedDenoisingAutoencoder(
        (16, 8), fine_tune=fine_tune, fine_tune_max_iter=2, client=cluster, n_shards=2, **SMALL
    ).fit(digits())
    assert type(model.to_local()) is StackedDenoisingAutoencoder
    assert [len(curve) for curve in model.loss_curves_] == [3, 3]
    assert model.n_iter_ == (8 if fine_tune else 6)
    assert model.transform(digits()).compute().shape == (len(DIGITS), 8)
    assert model.to_local().get_params()["max_iter"] == 3


def test_passes_of_partial_fit_are_those_of_fit(cluster):
    model = DaskDenoisingAutoencoder(10, client=cluster, n_shards=3, **SMALL)
    fitted = clone(model).fit(digits())
    continued = clone(model)
    for _ in range(3):
        continued.partial_fit(digits())
    assert weights_of(continued.to_local()) == weights_of(fitted.to_local())
    assert continued.loss_curve_ == fitted.loss_curve_
    warm = clone(model).set_params(max_iter=1, warm_start=True)
    for _ in range(3):
        warm.fit(digits())
    assert weights_of(warm.to_local()) == weights_of(fitted.to_local())


@pytest.mark.parametrize(
    "model",
    [
        DaskDenoisingAutoencoder(5, random_state=0),
        DaskStackedDenoisingAutoencoder((5, 3), random_state=0),
        DaskStackedDenoisingAutoencoder((5, 3), fine_tune=True, random_state=0),
    ],
    ids=["layer", "stack", "fine-tuned"],
)
def test_a_pass_with_the_default_schedule_has_a_constant_learning_rate(model):
    X = in_chunks_of_100(DIGITS[:300])
    constant = clone(model).set_params(learning_rate="constant")
    for _ in range(2):
        model.partial_fit(X)
        constant.partial_fit(X)
    assert weights_of(model.to_local()) == weights_of(constant.to_local())
    assert model.n_iter_ == (4 if getattr(model, "fine_tune", None) is False else 2)


@pytest.mark.parametrize(
    "model",
    [
        DaskDenoisingAutoencoder(5, verbose=1, **SMALL),
        DaskStackedDenoisingAutoencoder(
            (5, 3), verbose=1, fine_tune=True, fine_tune_max_iter=10, **SMALL
        ),
    ],
    ids=["layer", "stack"],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_each_pass_is_reported_as_the_plain_estimator_reports_an_epoch(model, capsys, monkeypatch):
    flushed = []
    monkeypatch.setattr(
        "dae._training.monitor.print", lambda _, flush: flushed.append(flush), raising=False
    )
    clone(model).fit(in_chunks_of_100(DIGITS[:300]))
    assert flushed and all(flushed)
    monkeypatch.undo()

    model.set_params(tol=None).fit(in_chunks_of_100(DIGITS[:300]))
    found = capsys.readouterr().out
    model.to_local().fit(DIGITS[:300])
    expected = capsys.readouterr().out
    assert _without_measures(found) == _without_measures(expected)
    assert "Epoch" in found and " samples/s" in found


def _without_measures(lines):
    return re.sub(r"(?<=loss )\S+|\S+(?= samples/s| s left)", "#", lines)


def test_training_stops_by_tol_and_warns_if_it_does_not(cluster):
    model = DaskDenoisingAutoencoder(
        10,
        client=cluster,
        tol=0.5,
        n_iter_no_change=2,
        max_iter=50,
        learning_rate="constant",
        random_state=0,
    ).fit(digits(2))
    assert model.n_iter_ < 50
    with pytest.warns(ConvergenceWarning, match="max_iter=2 epochs"):
        model.set_params(max_iter=2, tol=1e-4).fit(digits(2))


def _rows_of_a_worker_that_dies(block, flag, lives):
    """The block; the first `lives` times, the end of the process."""
    died = len(os.listdir(flag))
    if died < lives:
        open(os.path.join(flag, str(died)), "w").close()
        os._exit(1)
    return block


def dying(flag, lives):
    blocks = digits(4).to_delayed().ravel().tolist()
    blocks[2] = dask.delayed(_rows_of_a_worker_that_dies, pure=False)(blocks[2], str(flag), lives)
    return blocks


def test_a_lost_worker_changes_nothing(tmp_path, cluster):
    model = DaskDenoisingAutoencoder(10, client=cluster, n_shards=2, **SMALL)
    expected = clone(model).fit(digits(4))
    survived = clone(model).fit(dying(tmp_path, lives=1))
    assert len(os.listdir(tmp_path)) == 1
    assert weights_of(survived.to_local()) == weights_of(expected.to_local())


def test_workers_lost_again_and_again_end_training_at_the_last_pass(tmp_path, cluster, monkeypatch):
    monkeypatch.setattr("dae.dask._cluster.RETRIES", 1)
    model = DaskDenoisingAutoencoder(10, client=cluster, n_shards=2, **SMALL).fit(digits(4))
    before = weights_of(model.to_local())
    with pytest.raises(RuntimeError, match=r"Workers were lost.* the estimator is as it was"):
        model.fit(dying(tmp_path, lives=1000))
    assert weights_of(model.to_local()) == before


def test_ctrl_c_keeps_the_last_complete_pass(cluster, monkeypatch):
    monkeypatch.setattr("builtins.print", _interrupt)
    model = DaskDenoisingAutoencoder(10, client=cluster, verbose=1, **SMALL)
    with pytest.warns(UserWarning, match="interrupted after 1 complete epochs"):
        model.fit(digits(2))
    assert model.n_iter_ == 1


def _interrupt(*_arguments, **_options):
    raise KeyboardInterrupt


def test_more_rows_than_the_process_may_hold():
    pytest.importorskip("resource")
    code = """
        import resource, sys
        import dask.array as da, numpy as np
        from dae.dask import DaskDenoisingAutoencoder
        X = da.random.default_rng(0).random((100_000, 256), dtype=np.float32, chunks=(2_000, -1))
        model = DaskDenoisingAutoencoder(4, max_iter=1, tol=None, random_state=0, n_jobs=1)
        model.fit(X[:4_000])  # imports and buffers
        with open("/proc/self/statm") as file:
            pages = int(file.read().split()[5])
        limit = pages * resource.getpagesize() + 64 * 2**20  # X takes 98
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        try:
            np.ones(X.shape, X.dtype)
        except MemoryError:
            print("cannot be held")
        print(model.fit(X).n_iter_)
    """
    if not os.path.exists("/proc/self/statm"):
        pytest.skip("reads /proc")
    found = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True
    )
    assert found.stdout == "cannot be held\n1\n", found.stderr


# ---------------------------------------------------------------------- parameters and bad input


def test_parameters_are_those_of_the_plain_estimator_and_two_more():
    model = DaskDenoisingAutoencoder(7, loss="log_loss", n_shards=3)
    plain = DenoisingAutoencoder().get_params()
    assert model.get_params() == plain | {
        "n_components": 7, "loss": "log_loss", "n_shards": 3, "client": None
    }  # fmt: skip
    assert clone(model).get_params() == model.get_params()
    assert repr(model) == "DaskDenoisingAutoencoder(loss='log_loss', n_components=7, n_shards=3)"
    with pytest.raises(TypeError, match="n_component"):
        DaskDenoisingAutoencoder(n_component=7)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_shards": 0}, "n_shards must be an integer of 1 or more, got 0"),
        ({"early_stopping": True}, "early_stopping=True is not supported on Dask collections"),
        ({"momentum": 3}, "'momentum' parameter"),
        ({"client": "x"}, r"client must be a distributed\.Client or None, got 'x'"),
        ({"loss": "log_loss", "decoder_activation": "relu"}, "requires decoder_activation"),
    ],
)
def test_parameters_that_do_not_fit(parameters, message):
    with pytest.raises(ValueError, match=message):
        DaskDenoisingAutoencoder(**parameters).fit(digits())


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (DIGITS, TypeError, "X must be a dask Array, .* got ndarray"),
        ([DIGITS], TypeError, "X must be a dask Array, .* got list"),
        (dask.delayed(np.ones)((9, 4)), TypeError, r"X must be .* got Delayed\. Pass \[X\]"),
        ([dask.delayed(dict.get)({}, 0)], ValueError, "Each block of X .* one that is a NoneType"),
        ([dask.delayed(str)("a")], ValueError, "Each block of X must be .* one that is a str"),
        ([], ValueError, "X must have at least one partition"),
        (da.ones(5), ValueError, "X must have 2 dimensions"),
        (da.ones((0, 4)), ValueError, "X must have at least one row"),
        (da.full((9, 4), np.inf), ValueError, "infinity"),
        (da.from_array(np.full((9, 4), "a")), ValueError, "X has columns that are not numbers"),
    ],
)
def test_data_that_do_not_fit(X, error, message):
    with pytest.raises(error, match=message):
        DaskDenoisingAutoencoder(2, **SMALL).fit(X)


def test_weights_in_other_partitions_are_named():
    with pytest.raises(ValueError, match=r"sample_weight must have the partitions of X, 7, got 1"):
        DaskDenoisingAutoencoder(2).fit(digits(), sample_weight=da.ones(len(DIGITS), chunks=-1))


def masked_weights(n_masked):
    """One weight for each row of the digits, the first of them masked."""
    weights = np.ma.masked_array(np.ones(len(DIGITS)), mask=np.arange(len(DIGITS)) < n_masked)
    return da.from_array(weights, chunks=digits().chunks[:1], asarray=False)


@pytest.mark.parametrize("n_masked", [3, 257, 300])
def test_masked_weights_are_refused(n_masked):
    """Also those of a whole partition, of 257 rows."""
    assert digits().chunks[0][0] == 257
    fitted = DaskDenoisingAutoencoder(2, **SMALL).fit(digits())
    weights = masked_weights(n_masked)
    model = DaskDenoisingAutoencoder(2, **SMALL)
    for method in (model.fit, model.partial_fit, fitted.score):
        with pytest.raises(ValueError, match="sample_weight is a masked array with .* masked"):
            method(digits(), sample_weight=weights)


def test_weighted_score_is_that_of_the_plain_estimator():
    model = DaskDenoisingAutoencoder(4, **SMALL).fit(digits())
    weights = np.linspace(0, 3, len(DIGITS))
    weights[:300] = 0  # the first partition and more
    chunked = da.from_array(weights, chunks=digits().chunks[:1])
    expected = model.to_local().score(DIGITS, sample_weight=weights)
    assert model.score(digits(), sample_weight=chunked) == pytest.approx(expected, rel=1e-6)
    assert model.score(digits()) != pytest.approx(expected, rel=1e-3)
    with pytest.raises(ValueError, match="zero weights only in all 7 partitions"):
        model.score(digits(), sample_weight=chunked * 0)
    with pytest.raises(ValueError, match="sample_weight must not be negative"):
        model.score(digits(), sample_weight=-chunked)


@pytest.mark.parametrize(
    "local", [None, 3, DenoisingAutoencoder(2), StackedDenoisingAutoencoder((4,))]
)
def test_edited_state(local):
    model = DaskDenoisingAutoencoder(2, **SMALL).fit(digits())
    if isinstance(local, StackedDenoisingAutoencoder):
        local = clone(local).set_params(max_iter=1, tol=None).fit(DIGITS)
    model._local = local
    message = "The fitted state is damaged: _local must be a fitted DenoisingAutoencoder"
    for method in (model.transform, model.score, model.partial_fit):
        with pytest.raises(ValueError, match=message):
            method(digits())
    with pytest.raises(ValueError, match=message):
        model.to_local()


def test_a_failed_fit_leaves_the_estimator_as_it_was():
    model = DaskDenoisingAutoencoder(4, **SMALL).fit(digits())
    before = weights_of(model.to_local())
    with pytest.raises(ValueError, match="diverged"):
        model.set_params(learning_rate_init=1e30).fit(digits())
    assert weights_of(model.to_local()) == before


def test_not_fitted():
    model = DaskDenoisingAutoencoder()
    with pytest.raises(NotFittedError):
        model.transform(digits())
    assert not hasattr(model, "components_")

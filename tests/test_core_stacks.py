"""The core's stacks of layers, supervised outputs and emphasised losses against the reference."""

import numpy as np
import pytest
from networks import (
    DTYPES,
    NOTHING,
    SOLVERS,
    assert_same_bits,
    data,
    make_corruption,
    make_network,
    make_solver,
    make_stack,
    make_supervised,
    named_arrays,
    target_for,
)
from parity import assert_close, assert_trains_like_the_reference

from dae import _core
from dae._model import reference as _reference
from dae._model.corruption import KINDS
from dae._model.network import ACTIVATIONS, OUTPUT_LOSSES, Network

pytestmark = pytest.mark.usefixtures("always_threads")

# one unit of features or many, widths that leave every kind of remainder, wider and narrower above
SIZES = [(33, 17, 9), (20, 40, 70, 5), (100, 130, 33), (7, 1, 7), (16, 16), (200, 97, 260, 64)]


# ------------------------------------------------------------------ against the reference


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("sizes", SIZES)
def test_mirrored(sizes, tied, dtype):
    """Shapes; three batches, the last one smaller; weighted rows."""
    X = data(19, sizes[0], dtype)
    assert_trains_like_the_reference(
        make_stack(sizes, dtype, tied=tied),
        "nesterov",
        X,
        batch_size=7,
        n_batches=3,
        n_threads=2,
        corruption=make_corruption("masking", X),
        sample_weight=np.linspace(0, 2, 19).astype(dtype),
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", OUTPUT_LOSSES)
@pytest.mark.parametrize("sizes", SIZES)
def test_supervised(sizes, loss, dtype):
    X = data(19, sizes[0], dtype)
    stack = make_supervised(sizes, dtype, loss=loss)
    assert_trains_like_the_reference(
        stack,
        "nesterov",
        X,
        batch_size=7,
        n_batches=3,
        n_threads=2,
        corruption=make_corruption("masking", X),
        sample_weight=np.linspace(0, 2, 19).astype(dtype),
        target=target_for(stack, 19),
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("supervised", [True, False])
@pytest.mark.parametrize("kind", SOLVERS)
def test_solvers(kind, supervised, dtype):
    X = data(60, 33, dtype)
    stack = make_supervised((33, 40, 70, 10), dtype) if supervised else None
    stack = stack or make_stack((33, 40, 70, 10), dtype)
    assert_trains_like_the_reference(
        stack,
        kind,
        X,
        batch_size=20,
        n_batches=3,
        alpha=0.05,
        n_threads=2,
        corruption=make_corruption("swap", X),
        target=target_for(stack, 60) if supervised else None,
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch_size", [1, 2, 5, 20, 65, 130])
@pytest.mark.parametrize("supervised", [True, False])
def test_batch_sizes(supervised, batch_size, dtype):
    X = data(2 * batch_size + 1, 33, dtype)
    sizes = (33, 70, 40)
    stack = make_supervised(sizes, dtype) if supervised else make_stack(sizes, dtype)
    assert_trains_like_the_reference(
        stack,
        "momentum",
        X,
        batch_size=batch_size,
        n_batches=3,
        corruption=make_corruption("masking", X),
        target=target_for(stack, len(X)) if supervised else None,
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("supervised", [True, False])
@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations(activation, loss, supervised, dtype):
    X = data(24, 17, dtype)
    make = make_supervised if supervised else make_stack
    stack = make((17, 9, 12), dtype, activation=activation, loss=loss)
    assert_trains_like_the_reference(
        stack,
        "plain",
        X,
        batch_size=12,
        n_batches=2,
        corruption=make_corruption("masking", X),
        target=target_for(stack, 24) if supervised else None,
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("supervised", [True, False])
def test_sparse_batches(supervised, dtype):
    """Batches whose zeros the lowest layer skips."""
    X = data(40, 60, dtype) * (data(40, 60, dtype, seed=1) < 0.2)
    stack = (make_supervised if supervised else make_stack)((60, 140, 20), dtype)
    assert_trains_like_the_reference(
        stack,
        "momentum",
        X,
        batch_size=10,
        n_batches=4,
        n_threads=2,
        target=target_for(stack, 40) if supervised else None,
    )


def test_one_layer_is_a_stack_of_one():
    """To the last bit."""
    X = data(50, 33, np.float32)
    results = []
    for wrap in (lambda layer: layer, lambda layer: Network([layer])):
        network = wrap(make_network(33, 140, np.float32, tied=False))
        solver = make_solver(network, "adam")
        corruption = make_corruption("masking", X, 0.8)
        rows = np.arange(50, dtype=np.intp)
        _core.train(network, solver, corruption, X, rows, batch_size=9, presentation=1, n_threads=2)
        results.append(dict(enumerate(named_arrays(network, solver).values())))
    assert_same_bits(*results)


# ------------------------------------------------------------------ emphasis


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("emphasis", [(1, 0), (0.5, 2), (0, 1)])
@pytest.mark.parametrize("kind", KINDS)
def test_emphasis(kind, emphasis, dtype):
    """Gaussian noise is drawn alike, up to rounding, so it is shown as given copies would be."""
    X = data(30, 35, dtype)
    corruption = make_corruption(kind, X, np.where(np.arange(35) % 3, 0.4, 0))
    rows = np.arange(30, dtype=np.intp)
    shown = None
    if kind == "gaussian":
        shown = _core.corrupt(corruption, X, rows, 3, n_threads=1)
    for network in (
        make_network(35, 20, dtype, decoder_activation="logistic", loss="log_loss"),
        make_stack((35, 20, 10), dtype),
    ):
        assert_trains_like_the_reference(
            network,
            "plain",
            X,
            batch_size=10,
            n_batches=3,
            n_threads=2,
            corruption=corruption,
            X_corrupted=shown,
            emphasis=emphasis,
        )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", KINDS)
def test_entry_weights(kind, dtype):
    """The reference's, and those that training uses: entries of weight 0 do not train."""
    X = data(30, 300, dtype)
    corruption = make_corruption(kind, X, np.linspace(0, 1, 300))
    rows = np.random.default_rng(0).permutation(30).astype(np.intp)
    found = _core.entry_weights(corruption, (3, 0.5), X, rows, 7, n_threads=2)
    expected = _reference.entry_weights(corruption, (3, 0.5), X, rows, 7)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, expected)
    assert kind == "none" or {0.5, 3} == set(np.unique(found))


@pytest.mark.parametrize("kind", ["masking", "salt_and_pepper", "swap", "gaussian"])
def test_full_emphasis_ignores_untouched_entries(kind):
    """What the clean value of an untouched entry is aimed at does not matter."""
    X = data(20, 40, np.float64)
    corruption = make_corruption(kind, X, np.where(np.arange(40) < 20, 1.0, 0))
    rows = np.arange(20, dtype=np.intp)
    shown = _core.corrupt(corruption, X, rows, 1, n_threads=1)
    other = X.copy()
    other[:, 20:] = shown[:, 20:] = -1
    losses = []
    for aim in (X, other):
        aim = aim.copy()
        aim[:, 20:] = shown[:, 20:]
        network = make_network(40, 10)
        solver = make_solver(network, "plain")
        loss = _core.train(
            network, solver, NOTHING, aim, rows, batch_size=5, presentation=1, n_threads=1,
            X_corrupted=shown, emphasis=(1, 0),
        )  # fmt: skip
        losses.append(loss)
    np.testing.assert_array_equal(*losses)
    assert losses[0].min() > 0


@pytest.mark.parametrize("emphasis", [(-1, 1), (1, np.nan), (np.inf, 1), (1,)])
def test_bad_emphasis(emphasis):
    network, X = make_network(5, 3), data(4, 5, np.float64)
    with pytest.raises(ValueError, match="emphasis must be two finite numbers"):
        _core.train(
            network, make_solver(network, "plain"), NOTHING, X, np.arange(4, dtype=np.intp),
            batch_size=2, presentation=1, n_threads=1, emphasis=emphasis,
        )  # fmt: skip


# ------------------------------------------------------------------ threads


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("supervised", [True, False])
def test_same_bits(supervised, dtype):
    """Weights, moments, losses, for any number of threads; a last batch of one row."""
    X = data(61, 150, dtype)
    results = []
    for n_threads in (1, 2, 3, 5):
        sizes = (150, 260, 65, 12)
        stack = (
            make_supervised(sizes, dtype) if supervised else make_stack(sizes, dtype, tied=False)
        )
        solver = make_solver(stack, "adam")
        losses = _core.train(
            stack, solver, make_corruption("masking", X, 0.8), X, np.arange(61, dtype=np.intp),
            batch_size=20, presentation=1, n_threads=n_threads, emphasis=(1, 0.5),
            target=target_for(stack, 61) if supervised else None,
        )  # fmt: skip
        results.append(named_arrays(stack, solver) | {"losses": losses})
    for result in results[1:]:
        assert_same_bits(result, results[0])


# ------------------------------------------------------------------ derivatives


@pytest.mark.parametrize("loss", ["squared_error", "log_loss", *OUTPUT_LOSSES])
@pytest.mark.parametrize("tied", [True, False])
def test_reference_gradients(tied, loss, request):
    """Fourth-order differences, as in test_gradients.py, of the loss in every parameter."""
    supervised = request.node.callspec.indices["loss"] >= 2
    X = data(5, 6, np.float64)
    shown, step = X + 0.1, 1e-3
    sizes = (6, 4, 3)
    stack = (
        make_supervised(sizes, loss=loss) if supervised else make_stack(sizes, loss=loss, tied=tied)
    )
    entry_weight = None if supervised else np.random.default_rng(0).uniform(0, 2, X.shape)
    target = target_for(stack, 5) if supervised else None
    arguments = X, shown, np.linspace(0.5, 1.5, 5)

    def value():
        return _reference.gradients(stack, *arguments, entry_weight=entry_weight, target=target)[0]

    _, gradients = _reference.gradients(stack, *arguments, entry_weight=entry_weight, target=target)
    arrays = named_arrays(stack)
    assert gradients.keys() == arrays.keys()
    for name, array in arrays.items():
        for index in np.ndindex(array.shape):
            kept, f = array[index], {}
            for k in (-2, -1, 1, 2):
                array[index] = kept + k * step
                f[k] = value()
            array[index] = kept
            difference = (f[-2] - 8 * f[-1] + 8 * f[1] - f[2]) / (12 * step)
            assert gradients[name][index] == pytest.approx(difference, abs=1e-9), (name, index)


# ------------------------------------------------------------------ inference


@pytest.mark.parametrize("dtype", DTYPES)
def test_inference(dtype):
    stack = make_stack((33, 40, 20), dtype, loss="log_loss")
    X = data(50, 33, dtype)
    shown = data(50, 33, dtype, seed=1)
    entry_weight = data(50, 33, dtype, seed=2)
    H = _core.encode(stack, X, n_threads=2)
    length = 2 * (33 + 40 + 20)
    assert_close(H, _reference.encode(stack, X), length, dtype)
    assert_close(_core.decode(stack, H, n_threads=2), _reference.decode(stack, H), length, dtype)
    assert_close(
        _core.reconstruct(stack, X, n_threads=2), _reference.reconstruct(stack, X), length, dtype
    )
    for weight in (None, entry_weight):
        for network in (stack, stack.layers[0]):
            found = _core.sample_losses(network, X, shown, entry_weight=weight, n_threads=2)
            expected = _reference.sample_losses(network, X, shown, entry_weight=weight)
            assert_close(found, expected, length, dtype)


# ------------------------------------------------------------------ what does not fit


def test_stacks_that_do_not_fit():
    good = make_stack((6, 4, 3))
    X, rows = data(5, 6, np.float64), np.arange(5, dtype=np.intp)

    def train(stack, **arguments):
        _core.train(
            stack, make_solver(stack, "plain"), NOTHING, X, rows, batch_size=2, presentation=1,
            n_threads=1, **arguments,
        )  # fmt: skip

    with pytest.raises(ValueError, match="layer 1 encodes 5 features, layer 0 has 4"):
        train(Network([good.layers[0], make_network(5, 3)]))
    with pytest.raises(ValueError, match="layer 1 is float32, layer 0 is float64"):
        train(Network([good.layers[0], make_network(4, 3, np.float32)]))
    with pytest.raises(ValueError, match="must both have a decoder, or none"):
        train(Network([good.layers[0], make_supervised((4, 3)).layers[0]]))
    with pytest.raises(ValueError, match="a stack without layers"):
        Network([]).check()
    with pytest.raises(ValueError, match="target is for a network without decoders"):
        train(good, target=np.zeros((5, 3)))
    supervised = make_supervised((6, 4, 3))
    with pytest.raises(ValueError, match="must be trained with a target"):
        train(supervised)
    with pytest.raises(ValueError, match=r"target must lie in \[0, 3\)"):
        train(supervised, target=np.array([0, 1, 2, 3, 0], dtype=np.intp))
    with pytest.raises(ValueError, match="X has 5 rows, target 4"):
        train(supervised, target=np.zeros(4, dtype=np.intp))
    with pytest.raises(ValueError, match="target must be an aligned, C-ordered float64"):
        train(make_supervised((6, 4, 3), loss="squared_error"), target=np.zeros((5, 2)))

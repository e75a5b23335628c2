"""`emphasis`: the weight of corrupted and of untouched entries in the loss."""

import numpy as np
import pytest

from dae import DenoisingAutoencoder, StackedDenoisingAutoencoder, _core
from dae._model.corruption import Corruption

KINDS = ["masking", "gaussian", "salt_and_pepper", "swap"]


def make(**parameters):
    """Nothing is learned at this rate: the loss of the only batch follows from the weights."""
    defaults = {
        "n_components": 6, "max_iter": 1, "tol": None, "batch_size": 50, "random_state": 0,
        "shuffle": False, "solver": "sgd", "learning_rate_init": 1e-300,
    }  # fmt: skip
    return DenoisingAutoencoder(**(defaults | parameters))


def zeroed(batch, rng):
    """A callable corruption."""
    batch[rng.random(batch.shape) < 0.3] = 0
    return batch


@pytest.fixture
def X():
    return np.random.default_rng(0).random((50, 9)) + 0.1


def expected_loss(dae, X, shown, hit, emphasis):
    weight = np.where(hit, *emphasis)
    return (weight * (dae.reconstruct(shown) - X) ** 2).sum(axis=1).mean()


@pytest.mark.parametrize("emphasis", [(1, 0), (0, 1), (1, 0.25), (3.0, 0.5), [1, 1]])
@pytest.mark.parametrize("corruption", ["masking", "salt_and_pepper", "swap", zeroed])
def test_the_loss_is_weighted(X, corruption, emphasis):
    dae = make(corruption=corruption, emphasis=emphasis).fit(X)
    shown = dae.corrupt(X, presentation=1)
    # X has no zeros and no two equal values: what is changed is what is hit, but that the value
    # written by salt and pepper may be the one that was there
    hit = shown != X
    if corruption == "salt_and_pepper":
        hit |= (shown == X) & ((X == X.min(axis=0)) | (X == X.max(axis=0))) & _hits(dae, X)
    loss = expected_loss(dae, X, shown, hit, emphasis)
    assert dae.loss_curve_[0] == pytest.approx(loss, rel=1e-9)


def _hits(dae, X):
    corruption = Corruption("masking", np.full(X.shape[1], dae.corruption_level), dae._seed)
    rows = np.arange(len(X), dtype=np.intp)
    return _core.entry_weights(corruption, (1.0, 0.0), X, rows, 1, n_threads=1) == 1


def test_gaussian_noise_corrupts_every_entry(X):
    dae = make(corruption="gaussian", emphasis=(2, 0)).fit(X)
    shown = dae.corrupt(X, presentation=1)
    loss = expected_loss(dae, X, shown, np.ones(X.shape, bool), (2, 0))
    assert dae.loss_curve_[0] == pytest.approx(loss, rel=1e-9)


def test_own_copies_are_corrupted_where_they_differ(X):
    shown = zeroed(X.copy(), np.random.default_rng(3))
    dae = make(emphasis=(1, 0.5)).fit(X, X_corrupted=shown)
    loss = expected_loss(dae, X, shown, shown != X, (1, 0.5))
    assert dae.loss_curve_[0] == pytest.approx(loss, rel=1e-9)
    dae.partial_fit(X, X_corrupted=shown)
    assert dae.loss_curve_[1] == pytest.approx(loss, rel=1e-9)


@pytest.mark.parametrize("corruption", [*KINDS, zeroed, None])
def test_none_is_one_and_one(X, corruption):
    a = make(corruption=corruption, solver="adam", learning_rate_init=0.01, max_iter=3)
    b = make(**a.get_params() | {"emphasis": (1, 1)})
    np.testing.assert_array_equal(a.fit(X).components_, b.fit(X).components_)


@pytest.mark.parametrize("corruption", ["masking", "swap", zeroed, "own"])
def test_validation_is_weighted_in_the_same_way(X, corruption):
    own = corruption == "own"
    parameters = {"early_stopping": True, "validation_fraction": 0.5}
    companions = {"X_corrupted": zeroed(X.copy(), np.random.default_rng(3))} if own else {}
    kind = "masking" if own else corruption

    def losses(emphasis):
        dae = make(corruption=kind, emphasis=emphasis, **parameters).fit(X, **companions)
        return dae.validation_loss_curve_[0]

    hit, untouched, plain = losses((1, 0)), losses((0, 1)), losses(None)
    assert 0 < hit < plain and 0 < untouched < plain
    assert losses((2, 0.5)) == pytest.approx(2 * hit + 0.5 * untouched, rel=1e-9)
    assert hit + untouched == pytest.approx(plain, rel=1e-9)


def test_full_emphasis_learns_to_fill_in(X):
    """Trained on the masked entries alone, it is better at them."""
    X = X[:, :1] * np.linspace(0.5, 2, 9)
    settings = {"learning_rate_init": 0.01, "solver": "adam", "max_iter": 60, "batch_size": 10}
    full = make(emphasis=(1, 0), **settings).fit(X)
    plain = make(emphasis=(1, 1), **settings).fit(X)
    shown = plain.corrupt(X)
    hit = shown != X

    def error(dae):
        return ((dae.reconstruct(shown) - X)[hit] ** 2).mean()

    assert error(full) < error(plain)


def test_stacks_weigh_every_stage(X):
    def fit(emphasis):
        return StackedDenoisingAutoencoder(
            (6, 5), emphasis=emphasis, max_iter=1, fine_tune=True, fine_tune_max_iter=1, tol=None,
            solver="sgd", learning_rate_init=1e-300, fine_tune_learning_rate_init=1e-300,
            random_state=0,
        ).fit(X)  # fmt: skip

    full, plain = fit((1, 0)), fit(None)
    for a, b in zip(
        [*full.loss_curves_, full.loss_curve_], [*plain.loss_curves_, plain.loss_curve_],
        strict=True,
    ):  # fmt: skip
        assert 0 < a[0] < b[0]


@pytest.mark.parametrize(
    ("emphasis", "message"),
    [
        ((1,), "emphasis must be two numbers"),
        ((1, 2, 3), "emphasis must be two numbers"),
        (("a", "b"), "emphasis must be two numbers"),
        (("1", "0"), "emphasis must be two numbers"),
        ({1: 2, 3: 4}, "emphasis must be two numbers"),
        ({1, 2}, "emphasis must be two numbers"),
        ((1 + 1j, 1), "emphasis must be two numbers"),
        (np.ma.masked_array([1, 0.5], [True, False]), "emphasis must be two numbers"),
        ((10**400, 1), "emphasis must be two numbers"),
        ((-1, 1), "emphasis must be two finite numbers of 0 or more"),
        ((0, 0), "not both 0"),
        ((1, np.nan), "finite"),
        ((np.inf, 1), "finite"),
        (1.0, "'emphasis' parameter"),
        ("full", "'emphasis' parameter"),
    ],
)
def test_bad_emphasis(X, emphasis, message):
    for method in ("fit", "partial_fit"):
        dae = make(emphasis=emphasis)
        with pytest.raises(ValueError, match=message):
            getattr(dae, method)(X)
        assert not hasattr(dae, "n_features_in_")


def test_emphasis_on_what_is_never_corrupted_is_refused(X):
    with pytest.raises(ValueError, match=r"emphasis=\(1\.0, 0\.0\) counts corrupted entries only"):
        make(emphasis=(1, 0), corruption=None).fit(X)
    for kind in ("masking", "gaussian"):
        with pytest.raises(ValueError, match=rf"corruption is '{kind}', corruption_level 0\."):
            make(emphasis=(1, 0), corruption=kind, corruption_level=0.0).fit(X)
    with pytest.raises(ValueError, match="X_corrupted that differs from X"):
        make(emphasis=(1, 0)).fit(X, X_corrupted=X)
    differs, weight = X.copy(), np.ones(len(X))
    differs[0], weight[0] = 7, 0  # in a row that is left out
    with pytest.raises(ValueError, match="X_corrupted that differs from X"):
        make(emphasis=(1, 0)).fit(X, X_corrupted=differs, sample_weight=weight)
    with pytest.raises(ValueError, match="corruption of layer 1 is None"):
        StackedDenoisingAutoencoder(
            (5, 4), corruption=["masking", None], emphasis=(1, 0), max_iter=1, tol=None
        ).fit(X)
    make(emphasis=(1, 0), corruption=None).fit(X, X_corrupted=X * 0.9)


def test_large_weights_are_no_divergence(X):
    dae = make(emphasis=(1e6, 1e6)).fit(X)
    assert np.isfinite(dae.components_).all()
    plain = make().fit(X)
    np.testing.assert_allclose(dae.loss_curve_[0], 1e6 * plain.loss_curve_[0], rtol=0.1)

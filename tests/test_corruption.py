"""Corruption: how much, which values; only (seed, presentation, row, column) decide.

Counts are held to 5 standard deviations of their binomial (or multinomial) distribution; the seeds
are fixed, so a test that passes once passes always.
"""

import numpy as np
import pytest
from networks import make_corruption
from scipy import stats

from dae import DenoisingAutoencoder, _core
from dae._model import reference as _reference
from dae._model.corruption import KINDS

BUILT_IN = [kind for kind in KINDS if kind != "none"]
HITTING = [kind for kind in BUILT_IN if kind != "gaussian"]
DTYPES = [np.float32, np.float64]


def assert_binomial(count, n, p):
    """`count` successes of `n` are no wonder at probability p."""
    deviation = abs(np.asarray(count) - n * p)
    assert (deviation <= 5 * np.sqrt(n * p * (1 - p))).all(), (count, n * p)


def fitted(X, kind, level=0.3, **parameters):
    parameters = {"max_iter": 1, "learning_rate": "constant", "random_state": 0} | parameters
    return DenoisingAutoencoder(2, corruption=kind, corruption_level=level, **parameters).fit(X)


def corrupt(kind, X, level=0.3, presentation=1, rows=None, n_threads=1, **parameters):
    rows = np.arange(len(X), dtype=np.intp) if rows is None else rows
    corruption = make_corruption(kind, X, level, **parameters)
    return _core.corrupt(corruption, X, rows, presentation, n_threads=n_threads)


def cells(n_rows, n_features, dtype=np.float64):
    """Hardly two alike, none 0."""
    return np.random.default_rng(0).uniform(1, 2, (n_rows, n_features)).astype(dtype)


# ------------------------------------------------------------------ the generator


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        (4 * [0], 2 * [0], [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
        (4 * [2**32 - 1], 2 * [2**32 - 1], [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            [0xA4093822, 0x299F31D0],
            [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
        ),
    ],
)
def test_philox_known_answers(counter, key, words):
    """Random123's own vectors for philox4x32-10 (kat_vectors)."""
    found = _reference.philox(np.array([counter], dtype=np.uint32), tuple(key))
    assert found.tolist() == [words]


def test_the_core_draws_those_words():
    """24 bits of each word, by bisecting the level at which its entry is hit."""
    X = np.ones((3, 9))
    words = _reference.random_words(0xA4093822299F31D0, 5, np.arange(3), 9, 0) >> 8
    for row in range(3):
        low, high = np.zeros(9), np.full(9, 2.0**24)  # hit at high, not at low
        rows = np.array([row], dtype=np.intp)
        while (high - low > 1).any():
            middle = np.floor((low + high) / 2)
            hit = corrupt("masking", X, middle / 2**24, 5, rows, seed=0xA4093822299F31D0)[0] == 0
            low, high = np.where(hit, low, middle), np.where(hit, middle, high)
        np.testing.assert_array_equal(low, words[row])


@pytest.mark.parametrize("kind", BUILT_IN)
def test_every_part_of_the_key_counts(kind):
    """Other halves of the seed, other presentations (also beyond 2^32), other rows."""
    X = np.repeat(cells(1, 64), 4, axis=0)
    X += np.arange(4)[:, None] * 1e-9  # for "swap", which moves values from row to row
    base = corrupt(kind, X, seed=7) - X
    variants = [
        corrupt(kind, X, seed=8) - X,
        corrupt(kind, X, seed=7 + 2**32) - X,
        corrupt(kind, X, seed=7, presentation=2) - X,
        corrupt(kind, X, seed=7, presentation=1 + 2**32) - X,
        base[[1, 2, 3, 0]],
    ]
    hit = base != 0
    for variant in variants:
        if kind == "gaussian":
            assert (variant != base).all()
        else:
            assert 0 < ((variant != 0) != hit).mean() < 1
    np.testing.assert_array_equal(corrupt(kind, X, seed=7) - X, base)


# ------------------------------------------------------------------ shares and values


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("level", [0.01, 0.3, 0.5, 0.97])
def test_masking(level, dtype):
    """The share of zeros, over all and by column; all else is left as it was."""
    X = cells(2000, 50, dtype)
    found = fitted(X, "masking", level).corrupt(X)
    assert found.dtype == dtype
    hit = found == 0
    assert_binomial(hit.sum(), hit.size, level)
    assert_binomial(hit.sum(axis=0), 2000, level)
    np.testing.assert_array_equal(found[~hit], X[~hit])


@pytest.mark.parametrize("dtype", DTYPES)
def test_salt_and_pepper(dtype):
    """Each feature's own training minimum or maximum, half and half."""
    X = cells(2000, 50, dtype) + np.arange(50, dtype=dtype)
    unseen = X[:500] * dtype(1.5) + dtype(100)
    low, high = X.min(axis=0), X.max(axis=0)
    for data in (X, unseen):
        found = fitted(X, "salt_and_pepper").corrupt(data)
        hit = found != data
        assert ((found == low) | (found == high))[hit].all()
        n, p = data.size, 0.3
        assert_binomial(hit.sum(), n, p)
        assert_binomial((hit & (found == low)).sum(), n, p / 2)
        assert_binomial((hit & (found == high)).sum(axis=0), len(data), p / 2)


@pytest.mark.parametrize("dtype", DTYPES)
def test_swap(dtype):
    """A value of the same column of another row, never the row's own; each comes its share."""
    n_rows, n_features = 12, 4000
    X = (np.arange(n_rows)[:, None] + np.arange(n_features) / 8192).astype(dtype)
    found = fitted(X, "swap").corrupt(X)
    donor = np.floor(found).astype(int)
    np.testing.assert_array_equal(found - donor, X[:1] + np.zeros((n_rows, 1), dtype))
    hit = donor != np.arange(n_rows)[:, None]  # a row that gave to itself would be missing here
    assert_binomial(hit.sum(axis=1), n_features, 0.3)
    donors = [
        np.bincount(row[here], minlength=n_rows) for row, here in zip(donor, hit, strict=True)
    ]
    # a draw of the row itself steps on to the next one, which so gives twice as often
    for row, counts in enumerate(donors):
        share = np.ones(n_rows)
        share[(row + 1) % n_rows] += 1
        share[row] = 0
        assert counts[row] == 0
        assert_binomial(counts, n_features, 0.3 * share / n_rows)


def test_swap_has_a_donor_for_each_cell():
    """Two cells of a row rarely come from the same other row."""
    X = np.arange(100.0)[:, None] + np.zeros(200)
    donor = corrupt("swap", X, 1.0)
    assert (donor != X).all()
    pairs = donor[:, 0::2] == donor[:, 1::2]
    # two draws of 100 donors, of which one counts double: 98 (1/100)^2 + (2/100)^2
    assert_binomial(pairs.sum(), pairs.size, 102 / 1e4)


def test_swap_of_a_single_row_changes_nothing():
    X = cells(1, 20)
    np.testing.assert_array_equal(corrupt("swap", X, 1.0), X)


def test_swap_takes_from_the_donors_only():
    X = np.arange(50.0)[:, None] + np.zeros(100)
    corruption = make_corruption("swap", X, 1.0)
    corruption.donors = np.array([3, 40, 7], dtype=np.intp)
    found = _core.corrupt(corruption, X, np.arange(50, dtype=np.intp), 1, n_threads=1)
    assert set(np.unique(found)) == {3.0, 7.0, 40.0}
    assert not (found == X).any()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("level", [0.01, 1.0, 30.0])
def test_gaussian(level, dtype):
    """Moments, the whole distribution, and the tails of 10^6 draws."""
    X = np.zeros((5000, 200), dtype)
    X += cells(1, 200, dtype)
    found = fitted(X[:50], "gaussian", level).corrupt(X)
    z = (found.astype(np.float64) - X) / level
    n = z.size
    assert abs(z.mean()) < 5 / np.sqrt(n)
    assert abs(z.std() - 1) < 5 / np.sqrt(2 * n)
    assert abs(stats.skew(z.ravel())) < 5 * np.sqrt(6 / n)
    assert abs(stats.kurtosis(z.ravel())) < 5 * np.sqrt(24 / n)
    assert (np.abs(z.mean(axis=0)) < 5 / np.sqrt(5000)).all()
    # float32 rounds x + noise to 2^-24 of x or 1e-5 of a level of 0.01, far below the test's power
    assert stats.kstest(z.ravel(), "norm").pvalue > 1e-6
    for tail in (2, 3, 4):
        p = stats.norm.sf(tail)
        assert_binomial((z > tail).sum(), n, p)
        assert_binomial((z < -tail).sum(), n, p)


@pytest.mark.parametrize("kind", HITTING)
def test_one_level_a_feature(kind):
    """Also 0, which never hits, and 1, which always does."""
    level = np.array([0, 0.1, 0.5, 0.9, 1])
    X = cells(4000, 5)
    found = fitted(X, kind, level).corrupt(X)
    hit = (found != X).sum(axis=0)
    assert hit[0] == 0
    # "salt_and_pepper" leaves the minimum and the maximum themselves as they are
    assert hit[4] >= 4000 - 2 * (kind == "salt_and_pepper")
    assert_binomial(hit[1:4], 4000, level[1:4])


def test_one_standard_deviation_a_feature():
    level = np.array([0, 0.1, 1, 10])
    X = cells(4000, 4)
    noise = fitted(X, "gaussian", level).corrupt(X) - X
    assert not noise[:, 0].any()
    np.testing.assert_allclose(noise[:, 1:].std(axis=0), level[1:], rtol=5 / np.sqrt(8000))


@pytest.mark.parametrize("kind", BUILT_IN)
def test_level_zero_changes_nothing(kind):
    X = cells(100, 30)
    np.testing.assert_array_equal(fitted(X, kind, 0.0).corrupt(X), X)


def test_level_one_masks_all():
    X = cells(100, 30)
    assert not fitted(X, "masking", 1.0).corrupt(X).any()


# ------------------------------------------------------------------ independence


def hits(kind, X, presentation=1):
    """Where the noise is, or its sign for "gaussian"; as numbers of mean 0 and variance 1."""
    noise = corrupt(kind, X, presentation=presentation) - X
    if kind == "gaussian":
        return noise / 0.3
    return ((noise != 0) - 0.3) / np.sqrt(0.3 * 0.7)


@pytest.mark.parametrize("kind", BUILT_IN)
def test_columns_and_rows_are_independent(kind):
    """No two columns, no two rows, and no two squares of them correlate."""
    z = hits(kind, cells(2000, 40))
    for values in (z, z**2, z.T[:, :40], np.abs(z)):
        correlation = np.corrcoef(values, rowvar=False)
        # the correlation of n independent pairs has standard deviation 1 / sqrt(n)
        off = correlation[~np.eye(len(correlation), dtype=bool)]
        assert np.abs(off).max() < 5.5 / np.sqrt(len(values))


@pytest.mark.parametrize("kind", BUILT_IN)
def test_presentations_are_independent(kind):
    X = cells(500, 40)
    one, other = (hits(kind, X, presentation).ravel() for presentation in (1, 2))
    assert abs(np.mean(one * other)) < 5 / np.sqrt(one.size)


# ------------------------------------------------------------------ fresh, and yet the same


@pytest.mark.parametrize("kind", BUILT_IN)
def test_fresh_in_each_epoch(kind):
    """Two epochs of one fit are the two presentations, and these differ."""
    X = cells(60, 8)
    parameters = {"shuffle": False, "batch_size": 60}
    two = fitted(X, kind, max_iter=2, **parameters)
    first, second = two.corrupt(X, presentation=1), two.corrupt(X, presentation=2)
    assert (first != second).any()
    by_hand = DenoisingAutoencoder(
        2, corruption=kind, corruption_level=0.3, random_state=0, **parameters
    )
    by_hand.partial_fit(X, X_corrupted=first).partial_fit(X, X_corrupted=second)
    np.testing.assert_array_equal(by_hand.components_, two.components_)
    assert by_hand.loss_curve_ == two.loss_curve_


@pytest.mark.parametrize("kind", BUILT_IN)
def test_fresh_in_each_partial_fit(kind):
    """The number of the presentation goes on from call to call, whatever random_state is."""
    X = cells(60, 8)
    dae = DenoisingAutoencoder(2, corruption=kind, corruption_level=0.3, random_state=0)
    shown = []
    for _ in range(3):
        dae.partial_fit(X)
        shown.append(dae.corrupt(X))
    for k in range(3):
        assert (shown[k] != shown[k - 1]).any()
        # what this call trained on is presentation k + 1, the next one's was shown above
        np.testing.assert_array_equal(dae.corrupt(X, presentation=k + 2), shown[k])


@pytest.mark.parametrize("kind", BUILT_IN)
def test_another_seed_another_mask(kind):
    X = cells(60, 8)
    one, same, other = (fitted(X, kind, random_state=seed).corrupt(X) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


@pytest.mark.usefixtures("always_threads")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", KINDS)
def test_batches_orders_and_threads_do_not_count(kind, dtype):
    """A row is corrupted alike alone, in any order, beside any others and by any thread."""
    X = cells(300, 37, dtype)
    whole = corrupt(kind, X)
    for n_threads in (2, 3, 4, 7):
        np.testing.assert_array_equal(corrupt(kind, X, n_threads=n_threads), whole)
    order = np.random.default_rng(1).permutation(300).astype(np.intp)
    np.testing.assert_array_equal(corrupt(kind, X, rows=order, n_threads=2), whole[order])
    for size in (1, 7, 128):
        parts = [corrupt(kind, X, rows=order[i : i + size]) for i in range(0, 300, size)]
        np.testing.assert_array_equal(np.concatenate(parts), whole[order])


@pytest.mark.parametrize("kind", KINDS)
def test_the_data_are_left_as_they_are(kind):
    X = cells(50, 10)
    before = X.copy()
    X.flags.writeable = False
    corrupt(kind, X)
    np.testing.assert_array_equal(X, before)

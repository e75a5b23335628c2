"""A few damaged sparse matrices; ``python tests/fuzz_sparse.py`` tries more."""

import fuzz_sparse


def test_damage_is_a_value_error_or_nothing():
    outcomes = fuzz_sparse.run(200)
    assert sum(outcomes.values()) == 200
    assert outcomes["ValueError"] > 100
    assert outcomes["worked"] > 20

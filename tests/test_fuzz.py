"""A few damaged model files and pictures; ``python tests/fuzz.py`` tries more."""

import pytest

pytest.importorskip("PIL")

import fuzz


@pytest.mark.parametrize("what", ["models", "pictures"])
def test_damage_is_a_value_error_in_one_line(what, capfd):
    outcomes = fuzz.run(what, 150)
    assert sum(outcomes.values()) == 150
    assert outcomes["ValueError"] > 30
    assert outcomes["cleaned" if what == "pictures" else "worked"] > 0
    assert capfd.readouterr().err == ""  # nor do libraries print anything

"""What the benchmarks say of a figure and its target."""

import pytest


@pytest.fixture
def render(bench_module):
    return bench_module("render")


@pytest.mark.parametrize(
    ("value", "sense", "limit", "verdict"),
    [
        (2.0, ">=", None, "pass"),
        (1.9, ">=", None, "short"),
        (1.9, ">=", 2.1, "short"),
        (1.5, ">=", 1.6, "out of reach"),
        (2.1, ">=", 1.6, "pass"),  # what was taken for the limit was none
        (2.0, "<=", None, "pass"),
        (2.1, "<=", None, "short"),
    ],
)
def test_verdict(render, value, sense, limit, verdict):
    made = render.cell(value, "x", target=2.0, sense=sense, limit=limit)
    assert render.verdict(made) == verdict
    assert verdict in render.text(made)
    counts = render.counts({"steps": {"rows": [["dense", made]]}})
    assert counts[verdict] == sum(counts.values()) == 1
    missed = render.shortfalls({"steps": {"rows": [["dense", made]]}})
    assert len(missed) == (verdict != "pass")


def test_a_figure_without_a_target_is_not_judged(render):
    assert render.verdict(render.cell([1.0, 2.0, 3.0], "x")) is None
    assert render.verdict("-") is None

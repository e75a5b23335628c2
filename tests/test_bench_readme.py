"""The README's table of speed is what the committed measurement gives."""

import json

import pytest


@pytest.fixture
def readme(bench_module):
    return bench_module("readme")


def test_the_table_is_that_of_the_committed_result(readme):
    text = readme.README.read_text()
    if not readme.RESULT.exists() or readme.BEGIN not in text:
        pytest.skip("no measurement is committed yet, or README.md has no place for it")
    block = readme.block(json.loads(readme.RESULT.read_text()))
    assert readme.replaced(text, block) == text, "run: python -m bench.readme"


def test_only_what_is_between_the_markers_changes(readme):
    before = f"above\n{readme.BEGIN}\nold\n{readme.END}\nbelow\n"
    after = readme.replaced(before, "new")
    assert after == f"above\n{readme.BEGIN}\nnew\n{readme.END}\nbelow\n"
    with pytest.raises(ValueError, match="once each"):
        readme.replaced("no markers", "new")

"""The Python of README.md runs, and gives what its comments say."""

import re
import warnings
from pathlib import Path

import numpy as np
import pytest

README = Path(__file__).parents[1] / "README.md"
if not README.exists():
    pytest.skip("README.md is not here", allow_module_level=True)

SECTIONS = re.split(r"^## (.+)\n", README.read_text(encoding="utf-8"), flags=re.M)[1:]
BLOCKS = {
    title: "\n".join(re.findall(r"```python\n([^`]*)```", text))
    for title, text in zip(SECTIONS[::2], SECTIONS[1::2], strict=True)
    if "```python" in text
}
# "expression  # [what it gives]: words"
SAID = re.compile(r"^(\S.*?)  # (\[.*?\])", re.M)


def test_each_kind_of_data_has_an_example():
    assert {"Features", "Tables with missing values", "Anomalies", "Images"} <= set(BLOCKS)
    assert len(BLOCKS) >= 5


@pytest.mark.parametrize("title", BLOCKS)
def test_the_example_runs(title):
    names = {}
    if title == "Images":
        pytest.skip("it trains for minutes; tests/test_image_*.py do the same on small pictures")
    if "as_frame" in BLOCKS[title]:
        pytest.importorskip("pandas")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that training is too short
        first = "" if title == "Features" else "import numpy as np\n" + imports("Features")
        exec(compile(first + BLOCKS[title], title, "exec"), names)
        for expression, said in SAID.findall(BLOCKS[title]):
            assert str(np.asarray(eval(expression, names))) == said, expression


def imports(title):
    return "".join(line + "\n" for line in BLOCKS[title].splitlines() if "import" in line)

"""The documentation's sources: complete, drawable, and their code runs. No Sphinx is needed."""

import importlib
import inspect
import os
import pkgutil
import re
import shutil
import sys
import textwrap
import warnings
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

import dae
import daecore

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
if not DOCS.exists():
    pytest.skip("docs/ is not here", allow_module_level=True)

PAGES = [DOCS / "index.rst", DOCS / "start.rst", *sorted((DOCS / "guide").rglob("*.rst"))]
EXAMPLES = sorted((ROOT / "examples").rglob("plot_*.py"))


@pytest.fixture
def docs_module(monkeypatch):
    """A function from a name to a module of docs/."""
    monkeypatch.syspath_prepend(ROOT)
    monkeypatch.syspath_prepend(DOCS)
    return importlib.import_module


# ------------------------------------------------------------------ the reference


def offered():
    """Every public class and function, found without the code that makes the reference."""
    for info in pkgutil.walk_packages(dae.__path__, "dae."):
        if any(part.startswith("_") for part in info.name.split(".")):
            continue
        try:
            module = importlib.import_module(info.name)
        except ImportError:  # of an optional package
            continue
        for name in getattr(module, "__all__", ()):
            yield getattr(module, name)
    for name in dae.__all__:
        yield getattr(dae, name)


def test_every_public_name_is_in_the_reference(docs_module):
    listed = docs_module("_ext.public").public_names()
    described = {
        id(getattr(importlib.import_module(module), name))
        for module, names in listed.items()
        for name in names
    }
    missing = [
        thing
        for thing in offered()
        if (inspect.isclass(thing) or inspect.isroutine(thing)) and id(thing) not in described
    ]
    assert not missing


def test_each_has_a_page_and_is_on_the_index(docs_module, tmp_path):
    reference = docs_module("_ext.reference")
    stale = tmp_path / "dae.Gone.rst"
    stale.write_text("Gone")
    reference.write(tmp_path)
    index = (tmp_path / "index.rst").read_text()
    for module, names in docs_module("_ext.public").public_names().items():
        for name in names:
            assert f"   {module}.{name}\n" in index
            assert (
                f"auto{'class' if name[0].isupper() else 'function'}:: {name}"
                in (tmp_path / f"{module}.{name}.rst").read_text()
            )
    assert not stale.exists()


def test_every_parameter_has_an_entry_that_says_what_it_means(docs_module):
    entries = docs_module("_ext.parameters").entries()
    for name in dae.__all__:
        estimator = getattr(dae, name)
        if not hasattr(estimator, "get_params"):
            continue
        for parameter in inspect.signature(estimator).parameters:
            [(kind, lines)] = [
                (kind, lines)
                for kind, lines, classes in entries[parameter]
                if f"dae.{name}" in classes
            ]
            assert "default" in kind and " ".join(lines).strip().endswith("."), (name, parameter)
    page = docs_module("_ext.parameters").page()
    assert page.count("\nalpha\n-----\n") == 1 and "[1]_" not in page


# ------------------------------------------------------------------ benchmarks


def test_every_report_and_comparison_has_a_page(docs_module, tmp_path):
    benchmarks = docs_module("_ext.benchmarks")
    benchmarks.write(tmp_path)
    results = ROOT / "bench" / "results"
    texts = [path.read_text() for path in tmp_path.glob("*.rst")]
    for source in [*results.rglob("*.md"), *results.glob("*/compare.json")]:
        name = source.relative_to(ROOT).as_posix()
        assert sum(f"made from {name}." in text for text in texts) == 1, name


def test_tables_keep_their_cells(docs_module):
    table = docs_module("_ext.from_markdown").table
    rst = table(["| a | b |", "| --- | --- |", "| 1 | `x` |", "| - | **2** |"])
    cells = [line[7:] for line in rst.splitlines()[4:]]
    assert cells == ["a", "b", "1", "``x``", "\\-", "**2**"]


def test_markdown_becomes_restructured_text(docs_module):
    convert = docs_module("_ext.from_markdown").convert
    assert convert("# A `b`\n\nIt is `c` in [`d`](e.md) and **f**.") == (
        "A ``b``\n=======\n\nIt is ``c`` in ``d`` and **f**.\n"
    )
    assert ":doc:`here <there>`" in convert("see [here](X.md)", links={"X.md": ":doc:there"})
    assert convert("a*b and c_") == "a\\*b and c\\_\n"


# ------------------------------------------------------------------ drawings


def test_drawings_are_whole_and_stay_on_their_sheets(docs_module):
    figures = docs_module("_figures").figures()
    assert len(figures) > 15
    for name, draw in figures.items():
        canvas = draw()
        assert canvas.outside() == [], name
        ElementTree.fromstring(canvas.svg("what it shows <&>", alone=True))


def test_words_that_leave_the_sheet_are_found(docs_module):
    canvas = docs_module("_figures.canvas").Canvas(100, 20)
    canvas.text(95, 15, "too long", at="start")
    assert canvas.outside() == ["too long"]


def test_every_drawing_is_used_and_described(docs_module):
    text = "".join(path.read_text() for path in DOCS.rglob("*.rst"))
    used = re.findall(r"\.\. drawing:: (\S+)\n   :alt: \S", text)
    assert sorted(used) == sorted(docs_module("_figures").figures())


# ------------------------------------------------------------------ code and formulas


def code_of(page):
    """The Python of a page, block by block; without what is indented."""
    blocks = re.findall(
        r"^\.\. code-block:: python\n\n((?:   .*\n|\n)+)",
        page.read_text(encoding="utf-8") + "\n",
        flags=re.M,
    )
    return [textwrap.dedent(block) for block in blocks]


@pytest.mark.parametrize(
    "page", [page for page in PAGES if code_of(page)], ids=lambda page: page.stem
)
def test_the_code_of_a_page_runs(page, monkeypatch, tmp_path, capsys):
    if "Display" in "".join(code_of(page)):
        pytest.importorskip("matplotlib").use("Agg")
    if "sample_image" in "".join(code_of(page)):
        pytest.importorskip("PIL")
    if "dask" in "".join(code_of(page)):
        pytest.importorskip("dask.array")
    if "as_frame" in "".join(code_of(page)):
        pytest.importorskip("pandas")
    if "pyspark" in "".join(code_of(page)):
        pytest.importorskip("pyspark")
        pytest.importorskip("onnxruntime")
        if shutil.which("java") is None:
            pytest.skip("Spark needs Java")
        monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
        monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        # the workers' processes start elsewhere
        places = {Path(module.__file__).resolve().parents[1] for module in (dae, daecore)}
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, sorted(places))))
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in code_of(page):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that training is too short
            exec(compile(block, str(page), "exec"), names)


def test_formulas_can_be_drawn(docs_module):
    pytest.importorskip("matplotlib")
    pytest.importorskip("sphinx")
    svg = docs_module("_ext.mathtext").svg
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    formulas = re.findall(r":math:`([^`]+)`", text)
    assert len(formulas) > 20
    for formula in formulas:
        ElementTree.fromstring(svg(formula))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_compiles_and_has_a_title(example):
    tree = compile(example.read_text(encoding="utf-8"), str(example), "exec")
    title, line, *_ = tree.co_consts[0].strip().splitlines()
    assert set(line) == {"="} and len(line) >= len(title)

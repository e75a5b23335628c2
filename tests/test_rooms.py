"""The plan of the package: layers, boundaries, and one owner for each noun.

Layers from top to bottom; a room imports from its own layer or from those below.
"""

import ast
from pathlib import Path

import pytest

import dae
from dae._model.corruption import KINDS
from dae._model.losses import LOSSES, OUTPUT_LOSSES

PACKAGE = Path(dae.__file__).parent
CORE = PACKAGE.parents[1] / "src" / "daecore"

LAYERS = [
    {"__main__", "_cli", "dask", "datasets", "onnx"},
    {"image", "tabular"},
    {"__init__", "autoencoder", "stacked", "classifier", "regressor", "outliers", "inspection"},
    {"_estimator"},
    {"_training"},
    {"_data", "_tables"},
    {"_core"},
    {"_model"},
    {"_files", "_version", "_show_versions"},
]
LAYER = {room: height for height, rooms in enumerate(reversed(LAYERS)) for room in rooms}
# reads versions of everything and the state of the core; nothing imports it but the public face
LAYER["_show_versions"] = LAYER["__init__"]

MODULES = sorted(PACKAGE.rglob("*.py"))


def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def room_of(module):
    """The part of the package that a dotted name of a module in `dae` belongs to."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def module_name(path):
    parts = ["dae", *path.relative_to(PACKAGE).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path):
    """Every module that a file imports, in functions too."""
    names = {module_name(file) for file in MODULES}
    found = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            for alias in node.names:  # `from dae import _core` imports a module
                whole = f"{node.module}.{alias.name}"
                found.add(whole if whole in names else node.module)
    return found


def of_dae(path):
    return {name for name in imports_of(path) if name.split(".")[0] == "dae"}


EDGES = {module_name(path): of_dae(path) for path in MODULES}


def test_every_room_has_a_layer():
    assert {room_of(name) for name in EDGES} == LAYER.keys()


@pytest.mark.parametrize("module", EDGES)
def test_no_import_runs_upward(module):
    here = LAYER[room_of(module)]
    upward = {name for name in EDGES[module] if LAYER[room_of(name)] > here}
    assert not upward


def cycle_in(graph):
    """Nodes of a cycle of the graph, or None."""
    left = {node: set(targets) for node, targets in graph.items()}
    while True:
        ends = {node for node, targets in left.items() if not targets & left.keys()}
        if not ends:
            return sorted(left) or None
        left = {node: targets for node, targets in left.items() if node not in ends}


def test_cycles_are_found():
    assert cycle_in({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["a", "b", "c"]
    assert cycle_in({"a": {"b", "c"}, "b": {"c"}, "c": set()}) is None


def test_no_cycle_between_modules():
    assert cycle_in({name: targets - {name} for name, targets in EDGES.items()}) is None


def test_no_cycle_between_rooms():
    rooms = {room: set() for room in LAYER}
    for name, targets in EDGES.items():
        rooms[room_of(name)] |= {room_of(target) for target in targets} - {room_of(name)}
    assert cycle_in(rooms) is None


@pytest.mark.parametrize("module", EDGES)
def test_only_core_imports_daecore(module):
    path = next(path for path in MODULES if module_name(path) == module)
    if room_of(module) == "_core":
        return
    assert not {name for name in imports_of(path) if name.split(".")[0] == "daecore"}


def test_core_imports_daecore():
    assert any(name.split(".")[0] == "daecore" for path in MODULES for name in imports_of(path)), (
        "the test above looks at nothing"
    )


SOURCES = [
    path
    for folder in (PACKAGE, CORE)
    for path in sorted(folder.rglob("*"))
    if path.suffix in (".py", ".pyx", ".pxd", ".pyi", ".c", ".h")
]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_no_file_has_more_than_700_lines(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 700


# ------------------------------------------------------------------ one owner for each noun


def compared_strings(tree):
    """Strings that a file compares something with: ``==``, ``in``, ``match``, keys of a dict."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            for side in (node.left, *node.comparators):
                yield from (leaf.value for leaf in ast.walk(side) if isinstance(leaf, ast.Constant))
        elif isinstance(node, ast.MatchValue) and isinstance(node.value, ast.Constant):
            yield node.value.value


@pytest.mark.parametrize("code", ["x == 'log_loss'", "x in ('a', 'log_loss')", "'log_loss' != x"])
def test_comparisons_are_found(code):
    assert "log_loss" in set(compared_strings(ast.parse(code)))


@pytest.mark.parametrize(
    ("names", "owner"),
    [({*LOSSES, *OUTPUT_LOSSES}, "dae._model.losses"), (KINDS, "dae._model.corruption")],
    ids=["losses", "corruption"],
)
@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_only_their_owner_compares_names(path, names, owner):
    module = module_name(path)
    # Pictures and their commands have a parameter `noise` with values of its own; `onnx` has a
    # graph for each formula, looked up by name.
    if module == owner or room_of(module) in ("image", "_cli", "datasets", "onnx"):
        return
    if module == "dae.onnx._pictures":
        return
    assert not set(compared_strings(tree_of(path))) & set(names)

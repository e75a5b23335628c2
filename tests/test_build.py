"""What was built and installed: its parts, its boundaries, what it says about itself."""

import ast
import importlib
import inspect
import os
import platform
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distributions, version
from pathlib import Path

import pytest

import dae
import daecore
from dae import _core
from dae._model import corruption, network, solver
from daecore import _enums

PACKAGE = Path(dae.__file__).parent
CORE = Path(daecore.__file__).parent

CORE_MODULES = (
    "_convolution", "_enums", "_inference", "_sampled", "_simd", "_threads", "_training", "records",
)  # fmt: skip

ROOT = Path(__file__).parents[1]

OPENMP_PROGRAM = """
#include <omp.h>
int main(void) { return omp_get_max_threads() < 1; }
"""


def imported_by(statement, *modules):
    """Those of `modules` that a fresh interpreter has loaded after `statement`."""
    code = f"import sys; {statement}; print(*[m for m in {modules} if m in sys.modules])"
    # Warnings of other packages at import are no matter here; a failure is.
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    return run.stdout.split()


def compiler_knows_openmp(folder):
    compiler = os.environ.get("CC", "cc").split()
    if shutil.which(compiler[0]) is None:
        return False
    source, program = folder / "probe.c", folder / "probe"
    source.write_text(OPENMP_PROGRAM)
    compiled = subprocess.run(
        [*compiler, "-fopenmp", str(source), "-o", str(program)], capture_output=True
    )
    return compiled.returncode == 0 and subprocess.run([str(program)]).returncode == 0


@pytest.mark.skipif("DAE_NO_OPENMP" in os.environ, reason="a serial build was asked for")
def test_openmp_is_on_where_the_compiler_knows_it(tmp_path):
    if not compiler_knows_openmp(tmp_path):
        pytest.skip("no compiler with OpenMP here to compare with")
    assert _core.openmp_enabled()


# A run of setup.py without its setup(): the flags that its probe of OpenMP finds.
FLAGS_OF_OPENMP = """
import runpy, setuptools
from setuptools import Distribution
setuptools.setup = lambda **options: None
build_ext = runpy.run_path("setup.py")["BuildExt"]
from distutils.ccompiler import new_compiler # setuptools' own
from distutils.sysconfig import customize_compiler
command = build_ext(Distribution())
command.compiler = new_compiler(None)
customize_compiler(command.compiler)
print("flags", command.openmp_flags()[0])
"""


def flags_of_openmp(**environment):
    pytest.importorskip("Cython")
    if not (ROOT / "setup.py").exists():
        pytest.skip("setup.py is not here")
    done = subprocess.run(
        [sys.executable, "-c", FLAGS_OF_OPENMP],
        cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1].removeprefix("flags "), done.stderr


@pytest.mark.skipif("DAE_NO_OPENMP" in os.environ, reason="a serial build was asked for")
@pytest.mark.skipif(sys.platform != "linux", reason="the library is made with GNU tools")
def test_the_probe_of_openmp_uses_the_flags_that_a_compiler_needs(tmp_path):
    """A header that CPPFLAGS finds, a library that LDFLAGS does; without either, a serial build."""
    if not compiler_knows_openmp(tmp_path):
        pytest.skip("no compiler with OpenMP here")
    compiler = os.environ.get("CC", "cc")
    (tmp_path / "needed.h").write_text("int needed(void);\n")
    (tmp_path / "needed.c").write_text("int needed(void) { return 0; }\n")
    library = str(tmp_path / "libneeded.a")
    subprocess.run([*compiler.split(), "-c", "needed.c"], cwd=tmp_path, check=True)
    subprocess.run(["ar", "rcs", library, "needed.o"], cwd=tmp_path, check=True)
    needs = {"CC": f"{compiler} -include needed.h -lneeded", "CFLAGS": "", "LDFLAGS": ""}
    header, link = f"-I{tmp_path}", f"-L{tmp_path}"

    assert flags_of_openmp(**needs, CPPFLAGS="")[0] == "[]"
    flags, said = flags_of_openmp(**needs, CPPFLAGS=header)
    assert flags == "[]"
    assert "SERIAL BUILD" in said
    for given in ({"LDFLAGS": link}, {"CFLAGS": link}):
        assert flags_of_openmp(**(needs | given), CPPFLAGS=header)[0] == "['-fopenmp']"


def test_a_probe_for_another_machine_is_linked_and_not_run():
    """Linking has to do, where a program of that machine could not be run."""
    code = FLAGS_OF_OPENMP.replace(
        "command = ",
        "import subprocess\n"
        "def refuse(*arguments, **options): raise OSError('another machine')\n"
        "subprocess.run = refuse\n"
        "command = ",
    )
    assert code != FLAGS_OF_OPENMP
    pytest.importorskip("Cython")
    if "DAE_NO_OPENMP" in os.environ or not _core.openmp_enabled():
        pytest.skip("a serial build")
    if not (ROOT / "setup.py").exists() or shutil.which("cc") is None:
        pytest.skip("setup.py or a compiler is not here")
    found = {}
    for target in ("linux-another", ""):
        environment = {key: value for key, value in os.environ.items() if key[0] != "_"}
        if target:
            environment["_PYTHON_HOST_PLATFORM"] = target
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found[target] = done.stdout.splitlines()[-1]
    assert found == {"linux-another": "flags ['-fopenmp']", "": "flags []"}


def test_aarch64_has_its_tuned_level():
    """And no other machine has it."""
    arm = platform.machine().lower() in ("aarch64", "arm64")
    assert ("neon" in _core.available_simd_levels()) == arm


def test_simd_level_in_use_is_available():
    available = _core.available_simd_levels()
    assert available[0] == "baseline"
    assert _core.simd_level() in available


def test_core_knows_nothing_of_dae_or_sklearn():
    modules = ", ".join(f"daecore.{name}" for name in CORE_MODULES)
    assert imported_by(f"import daecore, {modules}", "dae", "sklearn", "scipy") == []


def test_importing_dae_imports_no_optional_package():
    optional = ("matplotlib", "skimage", "PIL", "pandas", "polars", "pytest")
    with_dae = imported_by("import dae", "daecore", *optional)
    with_sklearn = imported_by("import sklearn.base", *optional)  # imports pandas where it is
    assert set(with_dae) - set(with_sklearn) == {"daecore"}


def test_only_core_imports_daecore():
    importers = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            if any(name.split(".")[0] == "daecore" for name in names):
                importers.add(path.relative_to(PACKAGE).parts[0])
    assert importers == {"_core"}


def test_names_of_the_model_are_those_of_the_core():
    """What Python chooses by name, the core has a number for, and no other names."""
    assert set(_enums.ACTIVATIONS) == set(network.DECODER_ACTIVATIONS)
    assert set(_enums.LOSSES) == {*network.LOSSES, *network.OUTPUT_LOSSES}
    assert set(_enums.CORRUPTIONS) == set(corruption.KINDS)
    assert list(_enums.PRECISIONS) == list(network.PRECISIONS)
    # the core's solvers are those that "sgd" with its momentum parameters comes to
    assert set(_enums.SOLVERS) == {*solver.SOLVERS, "momentum", "nesterov"}
    for numbers in (_enums.ACTIVATIONS, _enums.LOSSES, _enums.CORRUPTIONS, _enums.SOLVERS):
        assert sorted(numbers.values()) == list(range(len(numbers)))


@pytest.mark.parametrize("name", [name for name in CORE_MODULES if name[0] == "_"])
def test_stubs_are_true_of_the_compiled_modules(name):
    """Their names and parameters; mypy checks calls of the core by the stubs."""
    module = importlib.import_module(f"daecore.{name}")
    stub = ast.parse((CORE / f"{name}.pyi").read_text(encoding="utf-8"))
    functions = {node.name: node for node in stub.body if isinstance(node, ast.FunctionDef)}
    numbers = {node.target.id for node in stub.body if isinstance(node, ast.AnnAssign)}
    public = {key for key, value in vars(module).items() if key[0] != "_" and value is not os}
    assert public == {*functions, *numbers}
    for key, node in functions.items():
        parameters = [argument.arg for argument in node.args.args]
        assert parameters == list(inspect.signature(getattr(module, key)).parameters), key
    assert (CORE / "py.typed").exists()


def installed_wheel():
    """The distribution that this `dae` was installed from, or None in a development tree."""
    for distribution in distributions(name="daecore"):
        in_place = Path(str(distribution.locate_file("dae"))) != PACKAGE
        if distribution.read_text("WHEEL") and not in_place:
            return distribution
    return None


def test_wheel_holds_modules_and_no_sources():
    distribution = installed_wheel()
    if distribution is None:
        pytest.skip("dae runs from a development tree")
    files = [path for path in distribution.files if path.parts[0] in ("dae", "daecore")]
    stubs = {f"daecore/{name}.pyi" for name in CORE_MODULES if name[0] == "_"}
    data = {"dae/py.typed", "dae/image/pretrained.npz", "daecore/py.typed", *stubs}
    assert data <= {path.as_posix() for path in files}
    suffixes = {path.suffix for path in files if path.as_posix() not in data}
    assert suffixes - {".pyc"} == {".py", ".pyd" if sys.platform == "win32" else ".so"}


def test_version_has_one_source():
    if installed_wheel() is None:
        pytest.skip("dae runs from a development tree")
    assert dae.__version__ == version("daecore")


def installed(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def test_show_versions_lists_the_packages_of_each_extra_for_users():
    from dae._show_versions import OPTIONAL

    if not (ROOT / "pyproject.toml").exists():
        pytest.skip("pyproject.toml is not here")
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "optional-dependencies"
    ]
    for name in extras.keys() - {"test", "bench", "lint", "dev", "docs"}:
        packages = {re.match(r"[\w-]+", requirement)[0] for requirement in extras[name]}
        assert packages - {"daecore"} <= set(OPTIONAL), name


def test_show_versions_says_that_a_build_is_serial(capsys, monkeypatch):
    monkeypatch.setattr(_core, "openmp_enabled", lambda: False)
    dae.show_versions()
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("OpenMP") and "this build is serial" in line for line in lines)
    assert any(line.split() == ["threads", "1"] for line in lines)


def test_show_versions_names_everything(capsys):
    dae.show_versions()
    text = capsys.readouterr().out
    items = {line[:25].strip(): line[25:].strip() for line in text.splitlines()}
    assert items["dae"] == dae.__version__
    assert items["python"].startswith(sys.version.split()[0])
    for name in ("numpy", "scipy", "scikit-learn", "joblib", "threadpoolctl"):
        assert items[name] == version(name)
    for name in (
        "pillow", "matplotlib", "scikit-image", "pandas", "polars",
        "onnx", "onnxruntime", "skl2onnx", "skops",
    ):  # fmt: skip
        assert items[f"{name} (optional)"] == installed(name)
    assert items["platform"]
    assert items["SIMD level"] == _core.simd_level()
    assert items["SIMD levels available"].split(", ") == list(_core.available_simd_levels())
    assert "matmul_precision faster" in items
    assert items["OpenMP"].startswith("yes" if _core.openmp_enabled() else "no")
    assert int(items["threads"]) == _core.n_threads(None) >= 1
    assert "thread pools loaded:" in text
    if _core.openmp_enabled():
        assert "openmp (" in text

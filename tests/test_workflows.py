"""The workflows, hooks and citation agree with pyproject.toml and with the files they name."""

import re
import runpy
import subprocess
import tomllib

import pytest
from conftest import ROOT

from dae import __version__

yaml = pytest.importorskip("yaml")

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
if not WORKFLOWS:
    pytest.skip("dae runs without its repository", allow_module_level=True)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = PROJECT["project"]["optional-dependencies"]
JOBS = {
    f"{path.stem}: {name}": job
    for path in WORKFLOWS
    for name, job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].items()
}


def commands(job):
    return [step["run"] for step in job["steps"] if "run" in step]


@pytest.mark.parametrize("name", JOBS)
def test_a_job_names_files_and_extras_that_exist(name):
    job = JOBS[name]
    assert job["runs-on"]
    assert all(("uses" in step) != ("run" in step) for step in job["steps"])
    assert job["steps"][0]["uses"].startswith("actions/checkout@")
    text = "\n".join(commands(job))
    for path in re.findall(r"(?:\.ci|bench|python|src|tests)/[\w./-]+", text):
        assert (ROOT / path).exists(), path
    for extras in re.findall(r"\.\[([\w,]+)\]", text):
        assert set(extras.split(",")) <= EXTRAS.keys()


def test_the_shell_commands_parse():
    for job in JOBS.values():
        for command in commands(job):
            plain = re.sub(r"\$\{\{.*?\}\}", "value", command)
            run = subprocess.run(["bash", "-n"], input=plain, text=True, capture_output=True)
            assert run.returncode == 0, (command, run.stderr)


def test_every_python_and_system_that_is_declared_is_tested():
    classifiers = PROJECT["project"]["classifiers"]
    declared = {found[1] for c in classifiers if (found := re.search(r":: Python :: (3\.\d+)$", c))}
    matrix = JOBS["tests: tests"]["strategy"]["matrix"]
    assert set(matrix["python"]) == declared
    assert PROJECT["project"]["requires-python"] == f">={min(declared, key=_version)}"
    systems = {system.split("-")[0] for system in matrix["os"]}
    assert ("macos" in systems) == any("MacOS" in c for c in classifiers)
    assert ("ubuntu" in systems) == any("Linux" in c for c in classifiers)
    assert any(system.endswith("-arm") for system in matrix["os"])
    free = JOBS["tests: free-threaded"]["strategy"]["matrix"]["python"]
    assert free and {name.removesuffix("t") for name in free} <= declared


WHEELS = PROJECT["tool"]["cibuildwheel"]


def test_wheels_are_built_for_each_declared_system_and_machine():
    matrix = JOBS["wheels: wheels"]["strategy"]["matrix"]["os"]
    systems = {re.sub(r"-[\d.]+", "", system) for system in matrix}
    assert systems == {"ubuntu", "ubuntu-arm", "macos", "macos-intel", "windows"}
    for image in ("manylinux", "musllinux"):
        for machine in ("x86_64", "aarch64"):
            assert WHEELS["linux"][f"{image}-{machine}-image"].startswith(image)


def test_abi3_starts_at_the_oldest_python_and_free_threaded_ones_have_their_own():
    oldest = PROJECT["project"]["requires-python"].removeprefix(">=").replace(".", "")
    abi3, *rest = WHEELS["build"]
    assert abi3 == f"cp{oldest}-*"
    assert rest and all(re.fullmatch(r"cp\d+t-\*", identifier) for identifier in rest)
    assert f'"cp{oldest}"' in (ROOT / "setup.py").read_text(encoding="utf-8")


def test_what_cibuildwheel_runs_exists():
    paths = [word for word in WHEELS["test-command"].split() if "/" in word]
    assert paths
    for path in paths + WHEELS["test-sources"]:
        assert (ROOT / path).exists(), path
    assert all(
        any(path == source or path.startswith(f"{source}/") for source in WHEELS["test-sources"])
        for path in paths
    )


def test_jobs_need_jobs_and_artifacts_that_exist():
    uploaded, downloaded = set(), set()
    for name, job in JOBS.items():
        needed = job.get("needs", [])
        for other in [needed] if isinstance(needed, str) else needed:
            assert f"{name.split(':')[0]}: {other}" in JOBS
        systems = job.get("strategy", {}).get("matrix", {}).get("os", [""])
        for step in job["steps"]:
            names = {
                step.get("with", {}).get("name", "").replace("${{ matrix.os }}", system)
                for system in systems
            }
            if step.get("uses", "").startswith("actions/upload-artifact@"):
                uploaded |= names
            if step.get("uses", "").startswith("actions/download-artifact@"):
                downloaded |= names
    assert downloaded and downloaded <= uploaded


SCRIPTS = sorted(
    path
    for path in (ROOT / ".ci").iterdir()
    if path.is_file() and path.read_text(encoding="utf-8").startswith("#!")
)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_parses_and_contributing_names_it(script):
    run = subprocess.run(["bash", "-n", str(script)], text=True, capture_output=True)
    assert run.returncode == 0, run.stderr
    assert f".ci/{script.name}" in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def _version(text):
    return tuple(map(int, text.split(".")))


def test_a_job_without_the_package_installs_what_builds_it():
    text = "\n".join(commands(JOBS["tests: sanitizers"]))
    for requirement in PROJECT["build-system"]["requires"]:
        assert requirement in text


def test_the_lowest_versions_are_those_declared():
    script = runpy.run_path(str(ROOT / ".ci" / "lowest.py"))
    lowest = script["lowest"]()
    for requirement in PROJECT["project"]["dependencies"]:
        name, version = requirement.split(">=")
        assert lowest[name] == version
    assert lowest["pandas"] == "2.0"
    assert {"matplotlib", "pillow", "pytest"} <= lowest.keys()
    assert not any("daecore" in name for name in lowest)


def test_the_hooks_run_the_linters_that_are_declared():
    linters = {re.split(r"[<>=]", requirement)[0] for requirement in EXTRAS["lint"]}
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    hooks = [hook for repository in config["repos"] for hook in repository["hooks"]]
    assert {hook["entry"].split()[0] for hook in hooks} == linters
    lint = (ROOT / ".ci" / "lint").read_text(encoding="utf-8")
    assert all(re.search(rf"^{linter}\b", lint, re.MULTILINE) for linter in linters)


def test_the_citation_is_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == __version__
    assert citation["license"] == PROJECT["project"]["license"]
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= citation.keys()

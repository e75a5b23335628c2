"""What the benchmarks keep: files written whole, folders by processor, reports of what is kept."""

import json

import numpy as np
import pytest


@pytest.fixture
def records(bench_module):
    return bench_module("records")


@pytest.fixture
def machine(bench_module):
    return bench_module("machine")


def test_a_file_is_written_whole_or_not_at_all(records, tmp_path):
    path = tmp_path / "new" / "file.json"
    records.write(path, {"a": np.float32(1.5), "b": [np.inf, np.arange(2)]})
    assert records.read(path) == {"a": 1.5, "b": [None, [0, 1]]}
    with pytest.raises(ZeroDivisionError), records.whole(path) as part:
        part.write_text("half of it")
        1 / 0  # noqa: B018
    assert records.read(path)["a"] == 1.5
    assert [file.name for file in path.parent.iterdir()] == ["file.json"]
    assert records.read(tmp_path / "none.json") == {}


@pytest.mark.parametrize(
    ("cpu", "levels", "name"),
    [
        ("AMD EPYC (cpu family 25, model 17, stepping 1)", [], "zen4"),
        ("AMD EPYC 7763 (cpu family 25, model 1, stepping 1)", [], "zen3"),
        (
            "Intel(R) Xeon(R) Platinum 8481C (cpu family 6, model 143, stepping 8)",
            [],
            "sapphire_rapids",
        ),
        # a hypervisor's model number; the matrix unit tells what it is
        (
            "Intel(R) Xeon(R) Processor (cpu family 6, model 167, stepping 1)",
            ["baseline", "x86_64_amx"],
            "sapphire_rapids",
        ),
        ("Apple M2 Pro", [], "apple_m2_pro"),
        ("", [], "unknown"),
    ],
)
def test_the_name_of_a_processor(machine, cpu, levels, name):
    assert machine.processor({"cpu": cpu, "simd_levels": levels}) == name


def test_this_processor_has_a_name_that_a_folder_may_have(machine):
    assert machine.processor().replace("_", "").isalnum()


def test_results_lie_in_the_folder_of_their_processor(records, machine):
    kept = sorted(records.FOLDER.glob("*/*.json"))
    assert kept
    for path in kept:
        described = json.loads(path.read_text())["environment"]
        # AMX levels are listed with the run that first used them
        found = {t["measured"]["environment"]["cpu"] for t in _measured(path)} or {described["cpu"]}
        assert found == {described["cpu"]}
        if described["cpu"].startswith("Intel"):
            described["simd_levels"] = [*described["simd_levels"], "x86_64_amx"]
        assert machine.processor(described) == path.parent.name, path.name


def _measured(path):
    tables = json.loads(path.read_text()).get("tables", {})
    return [table for table in tables.values() if "measured" in table]


# ------------------------------------------------------------------ reports


def test_the_denoising_report_is_that_of_the_committed_scores(records, bench_module):
    report = bench_module("denoise.report")
    folder = records.FOLDER / "zen4"
    text = report.markdown(records.read(folder / "denoise.json"))
    assert text == (folder / "denoise.md").read_text()


def test_the_report_of_the_ablation_is_that_of_the_committed_scores(records, bench_module):
    ablation = bench_module("denoise.ablation")
    folder = records.FOLDER / "zen4"
    text = ablation.markdown(records.read(folder / "denoise_ablation.json"))
    assert text == (folder / "denoise_ablation.md").read_text()


def test_the_report_of_the_defaults_is_that_of_the_committed_results(records, bench_module):
    report = bench_module("defaults.report")
    text = report.report(records.read(records.FOLDER / "defaults.json"))
    assert text == (records.FOLDER / "defaults.md").read_text()


def test_the_report_of_the_papers_is_that_of_the_committed_results(records, bench_module):
    report, command = bench_module("papers.report"), bench_module("papers.__main__")
    text = report.report(records.read(records.FOLDER / "papers.json"), list(command.experiments()))
    assert text == (records.FOLDER / "papers.md").read_text()

"""How much memory is free: what the system says, in the files that it says it in."""

import os

import pytest

from dae._model.memory import available_memory

GIB = 2**30


@pytest.fixture
def system(tmp_path):
    """Writes files of a system below a folder, and tells what is free there."""

    def write(files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(str(text))
        return available_memory(str(tmp_path))

    return write


@pytest.fixture(autouse=True)
def large_machine(monkeypatch):
    known = {"SC_PHYS_PAGES": 64 * GIB // 4096, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr(os, "sysconf", known.__getitem__, raising=False)


def test_nothing_is_said(system):
    assert system({}) == 64 * GIB


def test_free_memory_counts_not_the_machine(system):
    meminfo = "MemTotal: 67108864 kB\nMemFree: 1 kB\nMemAvailable: 3145728 kB\nHugePages_Total: 0\n"
    assert system({"proc/meminfo": meminfo}) == 3 * GIB


def test_control_group_2(system):
    group = "sys/fs/cgroup/"
    files = {group + "memory.max": "max", group + "memory.current": 5 * GIB}
    assert system(files) == 64 * GIB
    assert system({group + "memory.max": 8 * GIB}) == 3 * GIB
    # caches that can be dropped are free
    assert system({group + "memory.stat": f"anon 7\ninactive_file {GIB}\n"}) == 4 * GIB
    # the group of the process, and every one around it
    nested = {
        "proc/self/cgroup": "0::/jobs/mine\n",
        group + "jobs/memory.max": 6 * GIB,
        group + "jobs/memory.current": 5 * GIB,
        group + "jobs/mine/memory.max": 9 * GIB,
        group + "jobs/mine/memory.current": 0,
    }
    assert system(nested) == GIB


def test_control_group_1(system):
    group = "sys/fs/cgroup/memory/"
    files = {
        "proc/self/cgroup": "5:cpu:/a\n4:memory,hugetlb:/b\n",
        group + "memory.limit_in_bytes": 2**63 - 4096,
        group + "b/memory.limit_in_bytes": 4 * GIB,
        group + "b/memory.usage_in_bytes": 3 * GIB,
        group + "b/memory.stat": f"inactive_file 1\ntotal_inactive_file {GIB}\n",
    }
    assert system(files) == 2 * GIB


def test_more_in_use_than_allowed(system):
    files = {"sys/fs/cgroup/memory.max": GIB, "sys/fs/cgroup/memory.current": 2 * GIB}
    assert system(files) == 0

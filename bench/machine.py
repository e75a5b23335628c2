"""The machine: what it is, and the highest rates that this run reached on it.

`environment` contains no host name and no path. `peaks` are measured, not looked up: the rate of
the best large matrix product of any installed BLAS, and the bytes that a large copy reads and
writes per second.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

from bench.timing import seconds_of

PACKAGES = ("numpy", "scipy", "scikit-learn", "torch", "jax", "threadpoolctl", "pyod")
ROOT = Path(__file__).parents[1]


def environment() -> dict:
    """What a reader needs to judge a figure."""
    from dae import __version__, _core

    return {
        "date": time.strftime("%Y-%m-%d %H:%M", time.gmtime()) + " UTC",
        **commit(),
        "cpu": cpu_model(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "caches": caches(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "dae": __version__,
        "simd_level": _core.simd_level(),
        "simd_levels": _core.available_simd_levels(),
        "openmp": _core.openmp_enabled(),
        "versions": {name: _version(name) for name in PACKAGES},
        "thread_pools": [
            {
                key: str(pool.get(key))
                for key in ("user_api", "internal_api", "version", "architecture", "num_threads")
                if pool.get(key) is not None
            }
            | {"library": Path(pool["filepath"]).name}
            for pool in threadpool_info()
        ],
        "load": load(),
    }


def run_information(started: float) -> dict:
    """`environment`, and the minutes since `started` and the core's threads."""
    from dae import _core

    minutes = (time.perf_counter() - started) / 60
    return {**environment(), "minutes": minutes, "threads": _core.n_threads(None)}


# Names of processors by vendor, family and model of /proc/cpuinfo.
PROCESSORS = {
    ("AMD", 23): {range(0x30, 0x100): "zen2"},
    ("AMD", 25): {
        range(0x10, 0x20): "zen4",
        range(0x60, 0x80): "zen4",
        range(0xA0, 0xB0): "zen4",
        range(0x60): "zen3",
    },
    ("AMD", 26): {range(0x100): "zen5"},
    ("Intel", 6): {
        (85,): "skylake_server",
        (106, 108): "ice_lake_server",
        (143,): "sapphire_rapids",
        (207,): "emerald_rapids",
        (173, 174): "granite_rapids",
    },
}


def processor(described: dict | None = None) -> str:
    """A short name of the processor, for folders; `described` is an `environment`.

    A model that hypervisors made up is told by what it can do: a matrix unit first came with
    Sapphire Rapids. Others are named by what they call themselves.
    """
    described = described or environment()
    cpu = described["cpu"]
    found = re.search(r"cpu family (\d+), model (\d+)", cpu)
    if found:
        vendor, (family, model) = cpu.split()[0].removesuffix("(R)"), map(int, found.groups())
        for models, name in PROCESSORS.get((vendor, family), {}).items():
            if model in models:
                return name
        if vendor == "Intel" and "x86_64_amx" in described["simd_levels"]:
            return "sapphire_rapids"
    return re.sub(r"[^a-z0-9]+", "_", cpu.lower()).strip("_") or "unknown"


def load() -> list[float]:
    """Load average of 1, 5 and 15 minutes."""
    return [round(x, 2) for x in os.getloadavg()]


def commit() -> dict:
    """The commit that is measured, and whether the code differs from it."""

    def git(*arguments: str) -> str:
        run = subprocess.run(
            ["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=True
        )
        return run.stdout.strip()

    try:
        changed = git("status", "--porcelain", "--", "src", "python", "bench/*.py", "setup.py")
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(changed)}
    except (OSError, subprocess.CalledProcessError):
        return {"commit": "unknown", "dirty": True}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def cpu_model() -> str:
    """Model name; with family and model, because virtual machines hide the name."""
    fields: dict[str, str] = {}
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            key, _, value = line.partition(":")
            fields.setdefault(key.strip(), value.strip())
    except OSError:
        return platform.processor() or "unknown"
    name = fields.get("model name", platform.processor() or "unknown")
    detail = [f"{k} {fields[k]}" for k in ("cpu family", "model", "stepping") if k in fields]
    return f"{name} ({', '.join(detail)})" if detail else name


def caches() -> dict[str, str]:
    """Size of each data cache that the first core sees."""
    sizes = {}
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        try:
            if (index / "type").read_text().strip() != "Instruction":
                level = (index / "level").read_text().strip()
                sizes[f"L{level}"] = (index / "size").read_text().strip()
        except OSError:
            continue
    return sizes


# ------------------------------------------------------------------ peaks


def products() -> dict:
    """A function of (A, B, out) for each BLAS there is."""
    found = {"numpy": lambda A, B, out: np.matmul(A, B, out=out)}
    if find_spec("torch"):
        import torch

        def torch_product(A, B, out):
            torch.mm(torch.from_numpy(A), torch.from_numpy(B), out=torch.from_numpy(out))

        found["torch"] = torch_product
    return found


def best_seconds(function: Callable[[], object], seconds: float) -> float:
    """Duration of the fastest call within `seconds`."""
    function()
    best, stop = seconds_of(function), time.perf_counter() + seconds
    while time.perf_counter() < stop:
        best = min(best, seconds_of(function))
    return best


def gemm_rates(dtype: str, n_threads: int, seconds: float, sizes: list) -> list[dict]:
    """Operations per second of products (M, K) (K, N), for each BLAS and size the best of many."""
    tried = []
    random = np.random.default_rng(0)
    with threadpool_limits(n_threads, user_api="blas"):
        set_torch_threads(n_threads)
        for M, K, N in sizes:
            A = random.random((M, K), dtype=dtype)
            B = random.random((K, N), dtype=dtype)
            out = np.empty((M, N), dtype)
            for blas, product in products().items():
                rate = 2.0 * M * K * N / best_seconds(partial(product, A, B, out), seconds)
                tried.append(
                    {
                        "blas": blas,
                        "dtype": dtype,
                        "threads": n_threads,
                        "shape": [M, K, N],
                        "rate": rate,
                    }
                )
    return tried


def set_torch_threads(n_threads: int) -> None:
    if find_spec("torch"):
        import torch

        torch.set_num_threads(n_threads)


def copy_rate(n_bytes: int, n_threads: int, seconds: float) -> float:
    """Bytes read plus bytes written per second by the best copy of `n_bytes`."""
    source = np.ones(n_bytes // 8)
    target = np.zeros_like(source)
    edges = [len(source) * i // n_threads for i in range(n_threads + 1)]
    slices = [slice(first, last) for first, last in pairwise(edges)]

    def copy(part: slice) -> None:
        np.copyto(target[part], source[part])

    with ThreadPoolExecutor(n_threads) as pool:
        return 2.0 * source.nbytes / best_seconds(lambda: list(pool.map(copy, slices)), seconds)


def peaks(n_threads: int, *, quick: bool = False) -> dict:
    """Best rates of this run for one thread and for `n_threads`."""
    seconds = 0.05 if quick else 0.7
    sizes = [(512, 512, 512), (1024, 1024, 1024), (512, 784, 500)]
    if not quick:
        sizes += [(2048, 2048, 2048), (1536, 1536, 1536)]
    copies = (2**26,) if quick else (2**26, 2**30)  # of the size of large weights; beyond caches
    result: dict = {"gemm": {}, "copy": {}, "details": []}
    for threads in sorted({1, n_threads}):
        for dtype in ("float32", "float64"):
            tried = gemm_rates(dtype, threads, seconds, sizes)
            result["gemm"][f"{dtype}, {threads}"] = max(t["rate"] for t in tried)
            result["details"] += tried
        result["copy"][str(threads)] = {
            f"{size >> 20} MiB": copy_rate(size, threads, seconds) for size in copies
        }
    return result


def gemm_peak(peaks: dict, dtype: str, n_threads: int) -> float:
    return peaks["gemm"][f"{dtype}, {n_threads}"]

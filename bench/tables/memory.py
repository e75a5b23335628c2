"""Peak memory of `fit` on 2 GB of float32, in memory and memory-mapped, each in a new process.

In memory the peak is the kernel's own high-water mark over what the process had before it made the
data. A mapped file's pages are the page cache's and come and go: there, anonymous memory is
sampled while `fit` runs.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path

import numpy as np

from bench import targets
from bench.render import cell
from bench.tables import Context, table

N_FEATURES, N_HIDDEN = 784, 64


def status(field: str) -> int:
    """Bytes of a field of /proc/self/status."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise KeyError(field)


def child(kind: str, gigabytes: float, folder: str) -> dict:
    """Fit once in this process and say what it took."""
    from dae import DenoisingAutoencoder

    dae = DenoisingAutoencoder(N_HIDDEN, max_iter=1, tol=None, random_state=0)
    small = np.random.default_rng(1).random((512, N_FEATURES), dtype=np.float32)
    dae.fit(small)  # whatever is loaded or started by a first fit
    n_rows = int(gigabytes * 1e9 / 4 / N_FEATURES)
    before, anonymous = status("VmRSS"), status("RssAnon")
    X = make_rows(n_rows, Path(folder, "rows.f4") if kind == "mapped" else None)
    peak, done = 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.is_set():
            peak = max(peak, status("RssAnon"))
            time.sleep(0.002)

    watcher = threading.Thread(target=watch)
    watcher.start()
    dae.fit(X)
    done.set()
    watcher.join()
    return {
        "data": X.nbytes,
        "weights": dae.components_.nbytes,
        "above_before": status("VmHWM") - before,
        "anonymous_above_before": peak - anonymous,
    }


def make_rows(n_rows: int, path: Path | None) -> np.ndarray:
    """Random rows, written block by block; mapped read-only when there is a path."""
    shape = (n_rows, N_FEATURES)
    if path is None:
        X = np.empty(shape, np.float32)
    else:
        X = np.memmap(path, np.float32, "w+", shape=shape)
    random = np.random.default_rng(0)
    for first in range(0, n_rows, 8192):
        block = X[first : first + 8192]
        block[...] = random.random(block.shape, dtype=np.float32)
    if path is None:
        return X
    X.flush()
    del X
    return np.memmap(path, np.float32, "r", shape=shape)


def memory(context: Context) -> dict:
    gigabytes = 0.1 if context.quick else 2.0
    rows, raws = [], {}
    if not Path("/proc/self/status").exists():
        context.say("memory: needs Linux's /proc")
        return table("memory", "Peak memory of fit", ["data"], [], {})
    for kind in ("in memory", "mapped"):
        print(f"   ... {gigabytes} GB {kind}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "bench.tables.memory", kind, str(gigabytes), folder]
            run = subprocess.run(command, capture_output=True, text=True, check=False)
        if run.returncode:
            raise RuntimeError(f"the measuring process failed:\n{run.stderr}")
        raw = raws[kind] = json.loads(run.stdout)
        if kind == "in memory":
            peak, target = raw["above_before"], targets.MEMORY_RATIO
            held = cell(peak / raw["data"], "x", target=target, sense="<=", word="the data")
        else:
            peak = raw["anonymous_above_before"]
            above = (peak - raw["weights"]) / 1e9
            held = cell(
                above, "GB", target=targets.MEMORY_MAPPED_GB, sense="<=", word="above weights"
            )
        rows.append([kind, cell(raw["data"] / 1e9, "GB"), cell(peak / 1e9, "GB"), held])
    return table(
        "memory",
        f"Peak memory of one-epoch fit, {N_FEATURES}-{N_HIDDEN}, float32",
        ["X", "data", "peak above start", "held to"],
        rows,
        raws,
    )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(json.dumps(child(sys.argv[1], float(sys.argv[2]), sys.argv[3])))

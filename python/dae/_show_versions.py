"""`show_versions`: what a bug report, or a report of a speed, must contain."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version

from threadpoolctl import threadpool_info

from dae import _core
from dae._version import __version__

DEPENDENCIES = ("numpy", "scipy", "scikit-learn", "joblib", "threadpoolctl")
OPTIONAL = (
    "pillow",
    "matplotlib",
    "scikit-image",
    "pandas",
    "polars",
    "pyarrow",
    "dask",
    "distributed",
    "onnx",
    "onnxruntime",
    "skl2onnx",
    "skops",
)


def _version_of(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"


def show_versions() -> None:
    """Print versions, the SIMD level, OpenMP and the thread pools of this process.

    Optional packages are listed too, installed or not. The SIMD level is the one in use; the
    environment variable ``DAE_SIMD`` selects another one of those available. The number of
    threads is what ``n_jobs=None`` means at the moment; a build without OpenMP is serial, which
    the lines "OpenMP" and "threads" say. The line "matmul_precision faster" has the values of
    `matmul_precision` that this machine has faster products for; the others compute as "highest".

    Examples
    --------
    >>> import dae
    >>> dae.show_versions()  # doctest: +SKIP
    """
    openmp = _core.openmp_enabled()
    items = {
        "dae": __version__,
        "python": sys.version.replace("\n", " "),
        "platform": platform.platform(),
        **{name: _version_of(name) for name in DEPENDENCIES},
        **{f"{name} (optional)": _version_of(name) for name in OPTIONAL},
        "SIMD level": _core.simd_level(),
        "SIMD levels available": ", ".join(_core.available_simd_levels()),
        "matmul_precision faster": ", ".join(_core.accelerated_precisions())
        or "none: each computes as 'highest'",
        "OpenMP": "yes" if openmp else "no: this build is serial, n_jobs has no effect",
        "threads": str(_core.n_threads(None)) if openmp else "1",
    }
    for name, value in items.items():
        print(f"{name:<25}{value}")

    print("thread pools loaded:")
    for pool in threadpool_info():
        runtime = f"{pool['internal_api']} {pool['version'] or ''}".rstrip()
        print(
            f"    {pool['user_api']} ({runtime}): {pool['num_threads']} threads, {pool['filepath']}"
        )

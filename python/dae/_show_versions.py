"""`show_versions`: what a report of a bug, or of a speed, must say."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version

from threadpoolctl import threadpool_info

from dae import _core
from dae._version import __version__

DEPENDENCIES = ("numpy", "scipy", "scikit-learn", "joblib", "threadpoolctl")


def _version_of(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"


def show_versions() -> None:
    """Print versions, the SIMD level, OpenMP and the thread pools of this process.

    The SIMD level is the one in use; the environment variable ``DAE_SIMD`` can choose
    another among those available. The thread count is that of ``n_jobs=None`` at this moment.

    Examples
    --------
    >>> import dae
    >>> dae.show_versions()  # doctest: +SKIP
    """
    openmp = "yes" if _core.openmp_enabled() else "no (serial build)"
    items = {
        "dae": __version__,
        "python": sys.version.replace("\n", " "),
        "platform": platform.platform(),
        **{name: _version_of(name) for name in DEPENDENCIES},
        "SIMD level": _core.simd_level(),
        "SIMD levels available": ", ".join(_core.available_simd_levels()),
        "OpenMP": openmp,
        "threads": str(_core.n_threads(None)),
    }
    for name, value in items.items():
        print(f"{name:<22}{value}")

    print("thread pools loaded:")
    for pool in threadpool_info():
        runtime = f"{pool['internal_api']} {pool['version'] or ''}".rstrip()
        print(
            f"    {pool['user_api']} ({runtime}): {pool['num_threads']} threads, {pool['filepath']}"
        )

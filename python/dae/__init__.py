"""Denoising autoencoders for scikit-learn, on a compiled core."""

from typing import Any

from dae._version import __version__
from dae.autoencoder import DenoisingAutoencoder
from dae.classifier import StackedDenoisingClassifier
from dae.outliers import DenoisingOutlierDetector
from dae.regressor import StackedDenoisingRegressor
from dae.stacked import StackedDenoisingAutoencoder

__all__ = [
    "DenoisingAutoencoder",
    "DenoisingOutlierDetector",
    "StackedDenoisingAutoencoder",
    "StackedDenoisingClassifier",
    "StackedDenoisingRegressor",
    "__version__",
    "show_versions",
]


def __getattr__(name: str) -> Any:
    # imported on demand: it imports packages that plain use does not need
    if name == "show_versions":
        from dae._show_versions import show_versions

        return show_versions
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""The version stamp that saved estimators carry."""

from __future__ import annotations

import warnings
from inspect import signature
from typing import Any

from dae._estimator.doc_link import DocLinkMixin
from dae._model.layout import with_aligned_arrays
from dae._version import __version__

STAMP = "_dae_version"


class VersionMismatchWarning(UserWarning):
    """A saved estimator comes from another version of this package."""


class VersionStampMixin(DocLinkMixin):
    """Adds the version to the pickled state and compares it when the state is loaded.

    Parameters that the saved version did not have, and unaligned arrays, are mended. Every
    estimator that is saved has this base, and so a link to its page.
    """

    def __getstate__(self) -> dict[str, Any]:
        state: Any = super().__getstate__()
        return {**state, STAMP: __version__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        saved = state.pop(STAMP, "before 0.1")
        if saved != __version__:
            warnings.warn(
                f"This {type(self).__name__} was saved with dae {saved} and is loaded with "
                f"{__version__}. Its results may differ: fit it again, or install dae {saved}.",
                VersionMismatchWarning,
                stacklevel=2,
            )
        # a parameter that the saved version did not have is at its default, which keeps the meaning
        defaults = {
            name: parameter.default
            for name, parameter in signature(type(self)).parameters.items()
            if parameter.default is not parameter.empty
        }
        super().__setstate__(with_aligned_arrays(defaults | state))  # type: ignore[misc]

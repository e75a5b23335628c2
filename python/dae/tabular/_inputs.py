"""What both estimators of tables are, and what they accept, as scikit-learn's tags say it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sklearn.base import TransformerMixin
from sklearn.utils._param_validation import validate_parameter_constraints

from dae._estimator.parameters import CheckedParametersMixin
from dae._estimator.version_stamp import VersionStampMixin


class TableTransformer(VersionStampMixin, TransformerMixin, CheckedParametersMixin):
    """Base of transformers of tables: text, categories and missing values."""

    def _check_parameters(self, values: Mapping[str, Any]) -> None:
        """Raise ValueError for an invalid value of some parameters."""
        validate_parameter_constraints(
            {name: self._parameter_constraints[name] for name in values},
            dict(values),
            caller_name=type(self).__name__,
        )

    def _check_present(self, *names: str) -> None:
        """The same for parameters that may have changed since `fit`."""
        self._check_parameters({name: getattr(self, name) for name in names})

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.transformer_tags.preserves_dtype = []
        return tags

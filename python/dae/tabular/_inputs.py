"""What both estimators of tables are, and what they accept, as scikit-learn's tags say it."""

from __future__ import annotations

from typing import Any

from sklearn.base import TransformerMixin

from dae._estimator.parameters import CheckedParametersMixin
from dae._estimator.version_stamp import VersionStampMixin


class TableTransformer(VersionStampMixin, TransformerMixin, CheckedParametersMixin):
    """Base of transformers of tables: text, categories and missing values."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.transformer_tags.preserves_dtype = []
        return tags

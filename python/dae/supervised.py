"""`StackedDenoisingClassifier` and `StackedDenoisingRegressor`."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from scipy.special import log_softmax, softmax
from sklearn.base import ClassifierMixin, RegressorMixin, _fit_context
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from dae._network import Stack
from dae._stage import Data
from dae._state import AGAIN
from dae._supervised import StackedPredictor


class StackedDenoisingClassifier(ClassifierMixin, StackedPredictor):
    """DOC1"""

    _output_loss: ClassVar[str] = "softmax_log_loss"

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Pretrain the layers, then train them and the outputs to tell the classes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.

        y : array-like of shape (n_samples,)
            Their classes: numbers or strings.

        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample's loss, 0 or more. Scaled to a mean of 1 over the samples
            that weigh anything; samples of weight 0 are left out.

        Returns
        -------
        self : StackedDenoisingClassifier
            The fitted estimator.
        """
        return self._fit_all(X, y, sample_weight)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Go on with the supervised training by one pass over a block of data.

        The first call starts from `pretrained`, or else from random weights: it does not
        pretrain.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.

        y : array-like of shape (n_samples,)
            Their classes.

        classes : array-like of shape (n_classes,), default=None
            All classes there are. Needed in the first call; later it may be left out.

        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample's loss, 0 or more, used as given; samples of weight 0 are
            left out.

        Returns
        -------
        self : StackedDenoisingClassifier
            The estimator, after one more pass.
        """
        return self._partial_fit_all(X, y, sample_weight, classes=classes)

    def predict(self, X: Any) -> np.ndarray:
        """The likeliest class of each sample.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        y : ndarray of shape (n_samples,)
        """
        return self.classes_[self._outputs(X).argmax(axis=1)]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        return softmax(self._outputs(X), axis=1)

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Logarithm of the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        return log_softmax(self._outputs(X), axis=1)

    # -------------------------------------------------------------- targets

    def _learn(
        self, y: np.ndarray, data: Data, *, go_on: bool, partial: bool, classes: Any
    ) -> tuple[np.ndarray, int, dict[str, Any]]:
        check_classification_targets(y)
        found, learned = np.unique(y), {}
        if go_on:
            known = self.classes_
            if classes is not None and not np.array_equal(np.unique(classes), known):
                raise ValueError(
                    f"classes should be those of the first call, {known}, got {classes!r}. "
                    "Leave classes out, or start with a new estimator."
                )
            if not partial and not np.array_equal(found, known):
                raise ValueError(
                    f"warm_start=True goes on with the classes {known}, got y with {found}. Pass "
                    "y with the same classes, or use warm_start=False."
                )
        else:
            if partial and classes is None:
                raise ValueError(
                    "classes must be passed on the first call to partial_fit: all that will "
                    "come, for example classes=np.unique(y)."
                )
            known = np.unique(classes) if partial else found
            learned = {"classes_": known, "n_outputs_": len(known)}
        strangers = found[~np.isin(found, known)]
        if len(strangers):
            raise ValueError(
                f"y should have the classes {known} only, got {strangers} too. Pass all classes "
                "in the first call of partial_fit."
            )
        return np.searchsorted(known, y).astype(np.intp), len(known), learned

    def _fitted(self) -> Stack:
        stack = super()._fitted()
        classes = self.__dict__.get("classes_")
        if not isinstance(classes, np.ndarray) or classes.shape != (stack.n_hidden,):
            raise ValueError(
                "The fitted state is damaged: classes_ should be an array of "
                f"{stack.n_hidden} classes. {AGAIN}"
            )
        return stack


class StackedDenoisingRegressor(RegressorMixin, StackedPredictor):
    """DOC2"""

    _output_loss: ClassVar[str] = "squared_error"

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Pretrain the layers, then train them and the outputs to predict the targets.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets.

        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample's loss, 0 or more. Scaled to a mean of 1 over the samples
            that weigh anything; samples of weight 0 are left out.

        Returns
        -------
        self : StackedDenoisingRegressor
            The fitted estimator.
        """
        return self._fit_all(X, y, sample_weight)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Go on with the supervised training by one pass over a block of data.

        The first call starts from `pretrained`, or else from random weights: it does not
        pretrain. Targets are centred and scaled as those of the first call.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets.

        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample's loss, 0 or more, used as given; samples of weight 0 are
            left out.

        Returns
        -------
        self : StackedDenoisingRegressor
            The estimator, after one more pass.
        """
        return self._partial_fit_all(X, y, sample_weight)

    def predict(self, X: Any) -> np.ndarray:
        """Predict the targets.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            One-dimensional where there is one output.
        """
        outputs = self._outputs(X)
        mean, scale = self._target_mean, self._target_scale
        y = (outputs * scale + mean).astype(outputs.dtype, copy=False)
        return y[:, 0] if len(mean) == 1 else y

    # -------------------------------------------------------------- targets

    def _learn(
        self, y: np.ndarray, data: Data, *, go_on: bool, partial: bool, classes: Any
    ) -> tuple[np.ndarray, int, dict[str, Any]]:
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        try:
            y = np.asarray(y, dtype=np.float64).reshape(len(y), -1)
        except (TypeError, ValueError) as error:
            raise ValueError(f"y should be numbers, got an array of dtype {y.dtype}.") from error
        learned = {}
        if go_on:
            mean, scale = self._target_mean, self._target_scale
            if y.shape[1] != len(mean):
                raise ValueError(
                    f"y should have {len(mean)} outputs, as in the first call, got {y.shape[1]}."
                )
        else:
            rows, weight = data.rows, data.sample_weight
            weight = None if weight is None else weight[rows]
            mean = np.average(y[rows], axis=0, weights=weight)
            variance = np.average((y[rows] - mean) ** 2, axis=0, weights=weight)
            scale = np.where(variance > 0, np.sqrt(variance), 1.0)
            learned = {"_target_mean": mean, "_target_scale": scale, "n_outputs_": len(mean)}
        target = np.ascontiguousarray((y - mean) / scale, dtype=data.X.dtype)
        return target, target.shape[1], learned

    def _fitted(self) -> Stack:
        stack = super()._fitted()
        for name in ("_target_mean", "_target_scale"):
            value = self.__dict__.get(name)
            if not isinstance(value, np.ndarray) or value.shape != (stack.n_hidden,):
                raise ValueError(
                    f"The fitted state is damaged: {name} should be an array of "
                    f"{stack.n_hidden} numbers. {AGAIN}"
                )
        return stack

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

"""What a fitted network can do: code, decode, reconstruct, score. Nothing here changes it."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from dae import _core
from dae._data.checks import (
    by_rows,
    check_codes,
    check_inference_data,
    check_training_data,
    check_unit_range,
    feature_range,
)
from dae._estimator.state import counter, seen_range
from dae._model.network import Layer, Network
from dae._training.feed import corrupted
from dae._training.run import Settings


class NetworkTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Base of the estimators that code and decode.

    They keep a fitted network, and the state of the training that shows it corrupted input.
    """

    n_jobs: int | None

    def _fitted(self) -> Layer | Network:
        """The fitted network, checked; over the estimator's own arrays."""
        raise NotImplementedError

    def _input_training(self) -> tuple[Mapping[str, Any], Settings]:
        """State and settings of the training that reads X itself."""
        raise NotImplementedError

    def transform(self, X: Any) -> np.ndarray:
        """Code X, without corruption.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        H : ndarray of shape (n_samples, n_components)
            Their codes.
        """
        network = self._network()
        X = check_inference_data(self, X, network)
        n_threads = _core.n_threads_for(self.n_jobs, network, len(X))
        return by_rows(_core.encode, network, X, width=network.n_hidden, n_threads=n_threads)

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Decode codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Codes.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features)
            The reconstructions.
        """
        network = self._network()
        H = check_codes(X, network.n_hidden)
        n_threads = _core.n_threads_for(self.n_jobs, network, len(H))
        return by_rows(_core.decode, network, H, width=network.n_features, n_threads=n_threads)

    def reconstruct(self, X: Any) -> np.ndarray:
        """Code X and decode the codes, in one go: clean it.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples, as clean or as noisy as they are.

        Returns
        -------
        X_reconstructed : ndarray of shape (n_samples, n_features)
            What the network makes of them.
        """
        network = self._network()
        X = check_inference_data(self, X, network)
        n_threads = _core.n_threads_for(self.n_jobs, network, len(X))
        return by_rows(_core.reconstruct, network, X, width=network.n_features, n_threads=n_threads)

    def score_samples(self, X: Any) -> np.ndarray:
        """Minus the loss of each sample, without corruption. Low is unusual.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        scores : ndarray of shape (n_samples,)
            In float64.
        """
        network = self._network()
        X = check_inference_data(self, X, network)
        if network.loss == "log_loss":
            check_unit_range(X)

        def losses(network: Layer | Network, X: np.ndarray, **how: Any) -> np.ndarray:
            return _core.sample_losses(network, X, X, **how)

        n_threads = _core.n_threads_for(self.n_jobs, network, len(X))
        return -by_rows(losses, network, X, width=None, n_threads=n_threads)

    def score(self, X: Any, y: Any = None) -> float:
        """Mean of `score_samples`; greater is better.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.

        y : Ignored
            Present for API consistency.

        Returns
        -------
        score : float
        """
        return float(self.score_samples(X).mean())

    def corrupt(self, X: Any, *, presentation: int | None = None) -> np.ndarray:
        """Corrupted copies of X, as training shows them.

        With a built-in corruption row i is corrupted as training row i would be in that
        presentation. A callable is given these rows in their order, batch by batch; training
        shows it shuffled ones. The same arguments give the same answer.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Clean samples. "swap" takes values from any other row of this X; training takes them
            from rows that it trains on.

        presentation : int or None, default=None
            Number of the presentation: training used 1, 2, ...; 0 is the one of validation.
            None stands for the next one.

        Returns
        -------
        X_corrupted : ndarray of shape (n_samples, n_features)
            In the dtype of the weights.
        """
        network = self._network()
        state, settings = self._input_training()
        if presentation is None:
            presentation = counter(state, "_presentation") + 1
        elif (
            not isinstance(presentation, Integral)
            or isinstance(presentation, bool)
            or not 0 <= presentation < 2**47
        ):
            raise ValueError(
                "presentation should be an integer of 0 or more, or None for the next one; "
                f"got {presentation!r}."
            )
        X = check_training_data(self, X, reset=False, dtype=network.dtype)
        rows = np.arange(len(X), dtype=np.intp)
        seen = seen_range(state, X.shape[1])
        if seen is None and settings.corruption == "salt_and_pepper":
            seen = feature_range(X, rows)  # trained with another corruption
        seed = counter(state, "_seed")
        return corrupted(
            settings.corruption_of(seed, X, rows, seen),
            X,
            seed=seed,
            presentation=int(presentation),
            batch_size=min(settings.batch_size, len(X)),
            n_threads=settings.n_threads,
        )

    def _network(self) -> Layer | Network:
        if not self.__sklearn_is_fitted__():
            check_is_fitted(self)
        return self._fitted()

    def __sklearn_is_fitted__(self) -> bool:
        raise NotImplementedError

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.input_tags.sparse = False
        return tags

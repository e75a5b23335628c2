"""What a fitted network can do: code, decode, reconstruct, score. Nothing here changes it."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from dae import _core
from dae._network import Network
from dae._state import network_of
from dae._validation import by_rows, check_codes, check_inference_data, check_unit_range


class NetworkTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Base of the estimators that leave the attributes of `dae._state` behind."""

    n_jobs: int | None

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
        H = check_codes(X, network)
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

        def losses(network: Network, X: np.ndarray, *, n_threads: int, checked: bool) -> np.ndarray:
            return _core.sample_losses(network, X, X, n_threads=n_threads, checked=checked)

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

    # -------------------------------------------------------------- fitted state

    def _network(self) -> Network:
        """The fitted network, checked; over the estimator's own arrays."""
        if "_encoder_weights" not in self.__dict__:
            check_is_fitted(self)
        return network_of(self)

    @property
    def components_(self) -> np.ndarray:
        """Encoder weights, (n_components, n_features); a view."""
        return self._weights("_encoder_weights", "components_")

    @property
    def decoder_components_(self) -> np.ndarray:
        """Decoder weights, (n_components, n_features); a view, of `components_` if tied."""
        tied = self.__dict__.get("_decoder_weights") is None
        return self._weights(
            "_encoder_weights" if tied else "_decoder_weights", "decoder_components_"
        )

    def _weights(self, stored: str, public: str) -> np.ndarray:
        padded = self.__dict__.get(stored)
        if padded is None:
            raise AttributeError(
                f"{type(self).__name__} has no {public} before it is fitted. Call fit first."
            )
        return padded[:, : self._n_features_out].T

    def __sklearn_is_fitted__(self) -> bool:
        return self.__dict__.get("_encoder_weights") is not None

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.input_tags.sparse = False
        return tags

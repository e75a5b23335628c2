"""Use of a fitted network: encode, decode, reconstruct, score. Nothing here changes it."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from dae import _core
from dae._data.checks import (
    check_codes,
    check_inference_data,
    check_score_weight,
    check_training_data,
)
from dae._data.corruption import all_corrupted, corrupted_rows, needs_feature_range
from dae._data.row_blocks import by_rows
from dae._data.top_features import top_features
from dae._estimator.state import input_norm_of
from dae._model.memory import check_result
from dae._model.network import Layer, Network
from dae._training.resume import counter, seen_range
from dae._training.settings import TrainingSettings


class NetworkTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Base of the estimators that encode and decode.

    They keep a fitted network, and the state of the training that corrupts its input.
    """

    n_jobs: int | None

    def _fitted(self) -> Layer | Network:
        """The fitted network, checked; over the estimator's own arrays."""
        raise NotImplementedError

    def _input_training(self) -> tuple[Mapping[str, Any], TrainingSettings]:
        """State and settings of the training that reads X itself."""
        raise NotImplementedError

    def transform(self, X: Any) -> np.ndarray:
        """Encode X, without corruption.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples; NaN in dense rows is a missing entry.

        Returns
        -------
        H : ndarray of shape (n_samples, n_components)
            Their codes.
        """
        network = self._network()
        rows = check_inference_data(self, X, network)
        n_threads = _core.n_threads_for(self.n_jobs, network, len(rows))
        return by_rows(
            _core.encode,
            network,
            rows,
            width=network.n_hidden,
            n_threads=n_threads,
            input_norm=self._input_norm_,
        )

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
        H = check_codes(self, X, network.n_hidden)
        check_result("inverse_transform", len(H), network.n_features, network.dtype)
        n_threads = _core.n_threads_for(self.n_jobs, network, len(H))
        return by_rows(_core.decode, network, H, width=network.n_features, n_threads=n_threads)

    def reconstruct(self, X: Any) -> np.ndarray:
        """Encode X and decode the codes: repair it.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples, clean or corrupted; NaN in dense rows is a missing entry.

        Returns
        -------
        X_reconstructed : ndarray of shape (n_samples, n_features)
            Their reconstructions.
        """
        network = self._network()
        rows = check_inference_data(self, X, network)
        check_result("reconstruct", len(rows), network.n_features, network.dtype)
        n_threads = _core.n_threads_for(self.n_jobs, network, len(rows))
        return by_rows(
            _core.reconstruct,
            network,
            rows,
            width=network.n_features,
            n_threads=n_threads,
            input_norm=self._input_norm_,
        )

    def top_features(
        self, X: Any, k: int, *, exclude_known: bool = True
    ) -> tuple[np.ndarray, np.ndarray]:
        """For each sample, the features with the highest reconstruction that it does not have.

        What a recommender asks for. Computed block by block: no array of all reconstructions is
        made.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples; NaN in dense rows is a missing entry.

        k : int
            Number of features, from 1 to n_features.

        exclude_known : bool, default=True
            Whether features that are neither 0 nor missing in X are left out.

        Returns
        -------
        indices : ndarray of shape (n_samples, k)
            Their column numbers, from the highest reconstruction; of equal ones the smaller
            number is first. -1 at the end of a row that has fewer than `k` other features.

        values : ndarray of shape (n_samples, k)
            Their reconstructions; NaN where the index is -1.
        """
        network = self._network()
        if not isinstance(k, Integral) or isinstance(k, bool) or not 1 <= k <= network.n_features:
            raise ValueError(
                f"k must be an integer from 1 to the number of features, {network.n_features}, "
                f"got {k!r}."
            )
        rows = check_inference_data(self, X, network)
        n_threads = _core.n_threads_for(self.n_jobs, network, len(rows))
        return top_features(
            network,
            rows,
            int(k),
            exclude_known=bool(exclude_known),
            n_threads=n_threads,
            input_norm=self._input_norm_,
        )

    def score_samples(self, X: Any) -> np.ndarray:
        """Negative loss of each sample, without corruption; unusual samples have low scores.

        The loss of a sample with missing entries is multiplied by the number of features over the
        number of entries that it has; a sample without any has the score 0.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples; NaN in dense rows is a missing entry.

        Returns
        -------
        scores : ndarray of shape (n_samples,)
            In float64.
        """
        network = self._network()
        rows = check_inference_data(self, X, network)
        network.output_loss.check(rows)

        n_threads = _core.n_threads_for(self.n_jobs, network, len(rows))
        losses = by_rows(
            _core.sample_losses,
            network,
            rows,
            width=None,
            n_threads=n_threads,
            input_norm=self._input_norm_,
            compares=True,
        )
        if rows.missing:
            shares = rows.observed_shares(network.output_loss)
            losses = np.divide(losses, shares, out=np.zeros_like(losses), where=shares > 0)
        return -losses

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Mean of `score_samples`; greater is better.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples; NaN in dense rows is a missing entry.

        y : Ignored
            Present for API consistency.

        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample in the mean, 0 or more.

        Returns
        -------
        score : float
        """
        scores = self.score_samples(X)
        weight = check_score_weight(sample_weight, len(scores))
        return float(np.average(scores, weights=weight))

    def corrupt(self, X: Any, *, presentation: int | None = None) -> np.ndarray:
        """Corrupted copies of X, as training corrupts them.

        With a built-in corruption row i is corrupted as training row i would be in that
        presentation. A callable is given these rows in their order, batch by batch; in training
        they are shuffled. The same arguments give the same result.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Clean samples; NaN in dense rows is a missing entry. "swap" takes values from any other
            row of this X, in training from the rows that are trained on.

        presentation : int or None, default=None
            Number of the presentation: training used 1, 2, ..., validation uses 0. None means
            the next one.

        Returns
        -------
        X_corrupted : ndarray of shape (n_samples, n_features)
            In the dtype of the weights; 0 where X is missing.
        """
        self._validate_params()  # some may have changed since `fit`
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
                "presentation must be an integer of 0 or more, or None for the next one; "
                f"got {presentation!r}."
            )
        rows = check_training_data(self, X, reset=False, dtype=network.dtype)
        check_result("corrupt", len(rows), rows.n_features, rows.dtype)
        everyone = np.arange(len(rows), dtype=np.intp)
        seen = seen_range(state, rows.n_features)
        if seen is None and needs_feature_range(settings.corruption):
            seen = rows.feature_range(everyone)  # trained with another corruption
        source = corrupted_rows(
            settings.corruption,
            settings.corruption_level,
            rows,
            donors=everyone,
            feature_range=seen,
            seed=counter(state, "_seed"),
            n_threads=settings.n_threads,
            categories=network.layers[0].categories,
        )
        return all_corrupted(source, int(presentation), min(settings.batch_size, len(rows)))

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the codes: the lower-cased class name and a number.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Only compared with the names seen in `fit`.

        Returns
        -------
        names : ndarray of str objects
        """
        self._network()
        return super().get_feature_names_out(input_features)

    @property
    def _input_norm_(self) -> str | None:
        """How rows are scaled before they are encoded, as in training."""
        return input_norm_of(self)

    def _network(self) -> Layer | Network:
        if not self.__sklearn_is_fitted__():
            check_is_fitted(self)
        return self._fitted()

    def __sklearn_is_fitted__(self) -> bool:
        raise NotImplementedError

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

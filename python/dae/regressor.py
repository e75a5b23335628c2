"""`StackedDenoisingRegressor`: targets on top of what denoising autoencoders learned."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import RegressorMixin, _fit_context
from sklearn.utils.validation import column_or_1d

from dae._estimator.state import AGAIN
from dae._estimator.supervised import StackedPredictor
from dae._model.network import Network
from dae._training.run import Data


class StackedDenoisingRegressor(RegressorMixin, StackedPredictor):
    """Regressor whose layers start from what denoising autoencoders have learned.

    Each hidden layer is pretrained, without targets, to repair corrupted codes of the layer
    below; then all of them are trained together, with a linear output for each target on top, by
    the squared error [1]_. Targets are centred and scaled to unit variance inside. Data without
    targets of any amount can serve a few that have them through `pretrained`.

    Parameters
    ----------
    hidden_layer_sizes : array-like of int, default=(256, 128)
        Number of hidden units of each layer, from the input on.

    pretrained : fitted StackedDenoisingAutoencoder or None, default=None
        Whose layers to start from, in place of pretraining: fitted on other data of the same
        features, as many as there are. (A `DenoisingAutoencoder` will do for one layer.) Its
        weights are copied, and trained and used in their dtype. `hidden_layer_sizes` and
        `activation` must be the same; what else is about pretraining is ignored. `clone`, and so
        a search or cross-validation, keeps it fitted.

    corruption : {"masking", "gaussian", "salt_and_pepper", "swap"}, callable or None, or a \
            list of one for each layer, default="masking"
        What is done in pretraining to what a layer reads, as in `DenoisingAutoencoder`.

    corruption_level : float or list of one for each layer, default=0.3
        Its probability, or the standard deviation for "gaussian".

    activation : {"identity", "logistic", "tanh", "relu"} or a list of one for each layer, \
            default="relu"
        Activation of the hidden units.

    decoder_activation : {"auto", "identity", "logistic", "tanh", "relu"}, default="auto"
        Activation of the first layer's reconstruction in pretraining.

    loss : {"squared_error", "log_loss"}, default="squared_error"
        Loss of the first layer's reconstruction in pretraining.

    tied_weights : bool, default=True
        Whether the decoders of pretraining use the encoders' weights, transposed.

    emphasis : (float, float) or None, default=None
        Weights of the loss of corrupted and of untouched entries in pretraining.

    solver : {"adam", "sgd"}, default="adam"
        How weights are moved, in pretraining and in fine-tuning.

    learning_rate_init : float or list of one for each layer, default=0.001
        Step size of pretraining.

    learning_rate : {"constant", "cosine"}, default="constant"
        Whether step sizes stay, or fall towards 0 along half a period of the cosine over the
        epochs of each layer and of the fine-tuning.

    momentum : float, default=0.9
        Momentum in [0, 1) of "sgd".

    nesterovs_momentum : bool, default=True
        Whether "sgd" uses Nesterov's momentum.

    beta_1 : float, default=0.9
        Decay in [0, 1) of Adam's first moment.

    beta_2 : float, default=0.999
        Decay in [0, 1) of Adam's second moment.

    epsilon : float, default=1e-8
        Keeps Adam's division finite.

    alpha : float, default=0.0
        L2 penalty on all weights that are being trained.

    batch_size : int, default=64
        Samples in a mini-batch. Clipped to the number of samples.

    max_iter : int or list of one for each layer, default=200
        Largest number of epochs of a layer's pretraining; 0 for a layer that is not pretrained.

    fine_tune_max_iter : int, default=200
        Largest number of epochs of the supervised training.

    fine_tune_learning_rate_init : float, default=0.001
        Step size of the supervised training.

    fine_tune_corruption : {"masking", "gaussian", "salt_and_pepper", "swap"}, callable or \
            None, default=None
        What is done to the input in the supervised training.

    fine_tune_corruption_level : float or array-like of shape (n_features,), default=0.3
        Its probability, or the standard deviation for "gaussian".

    shuffle : bool, default=True
        Whether each epoch presents the samples in a new order.

    tol : float or None, default=1e-3
        Training of a layer, or of all, stops when the loss (with `early_stopping`, the
        reconstruction loss of the samples set aside, or 1 - score) has not fallen below the
        best one by this share of it for `n_iter_no_change` epochs in a row. None trains for
        all epochs and, without `early_stopping`, keeps the last weights rather than the best.

    n_iter_no_change : int, default=10
        Epochs without improvement before training stops; ``numpy.inf`` never stops.

    early_stopping : bool, default=False
        Whether to set `validation_fraction` of the data aside and to judge by them:
        pretraining by their loss, fine-tuning by their score (R^2).

    validation_fraction : float, default=0.1
        Share of the data set aside, in (0, 1).

    warm_start : bool, default=False
        Whether `fit` goes on with the supervised training of the last fit, without
        pretraining.

    random_state : int, RandomState instance or None, default=None
        Decides initial weights, order, corruption and validation split. Read when training
        starts from the beginning; from then on the state is part of the estimator.

    verbose : int, default=0
        Whether to print one line an epoch.

    n_jobs : int or None, default=None
        Number of threads of the core, as in `DenoisingAutoencoder`. It changes the time, not
        the result.

    Attributes
    ----------
    coefs_ : list of ndarray of shape (n_inputs, n_units)
        Weights of each layer, the outputs' last. Views: what is written into them is used.

    intercepts_ : list of ndarray of shape (n_units,)
        Biases of each layer, the outputs' last.

    components_ : ndarray of shape (n_units, n_features)
        Weights of the first layer, a view.

    pretraining_loss_curves_ : list of list of float
        Training losses of each layer's pretraining; empty where there was none.

    loss_curve_ : list of float
        Mean training loss of each epoch of the fine-tuning or `partial_fit`, as seen before
        the updates; the targets' variance is 1. Holds the last 10 000 passes (all of one `fit`,
        if more).

    validation_scores_ : list of float or None
        R^2 of the samples set aside, at the end of each epoch of the fine-tuning. None
        without `early_stopping`.

    best_validation_score_ : float or None
        Best of them in the last `fit`; the weights are those of this epoch.

    best_loss_ : float or None
        Smallest training loss of the last `fit`; the weights are those at the end of its epoch,
        unless ``tol=None``. None with `early_stopping`.

    n_iter_ : int
        Number of passes of the fine-tuning, those of continued fits included.

    n_outputs_ : int
        Number of outputs.

    n_features_in_ : int
        Number of features seen during `fit`.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where X had string names for all.

    See Also
    --------
    StackedDenoisingAutoencoder : The pretraining alone.
    StackedDenoisingClassifier : The same for classes.
    sklearn.neural_network.MLPRegressor : Without pretraining.

    Notes
    -----
    Ctrl-C in the fine-tuning ends it as if `fine_tune_max_iter` had been the number of complete
    epochs, with a warning. Before the end of its first epoch, and in pretraining, the estimator
    stays as it was and KeyboardInterrupt is raised. To keep pretrained layers, fit a
    `StackedDenoisingAutoencoder` and pass it as `pretrained`.

    A callback that asks to stop ends the layer, or the fine-tuning, that it was told of.

    `predict` writes nothing on the estimator: threads may call it at the
    same time.

    References
    ----------
    .. [1] P. Vincent et al. "Stacked denoising autoencoders: learning useful representations in
       a deep network with a local denoising criterion", JMLR 11, 2010.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from dae import StackedDenoisingRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> regressor = StackedDenoisingRegressor(
    ...     (32, 16), max_iter=5, fine_tune_max_iter=20, tol=None, random_state=0
    ... )
    >>> model = make_pipeline(StandardScaler(), regressor).fit(X[:300], y[:300])
    >>> model.score(X[300:], y[300:]) > 0.3
    True
    """

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
            In float64, which holds what targets may be; one-dimensional where there is one
            output.
        """
        outputs = self._outputs(X)
        y = outputs * self._target_scale + self._target_mean
        return y[:, 0] if y.shape[1] == 1 else y

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
            with np.errstate(over="ignore", invalid="ignore"):
                mean = np.average(y[rows], axis=0, weights=weight)
                variance = np.average((y[rows] - mean) ** 2, axis=0, weights=weight)
            if not np.isfinite(variance).all():
                raise ValueError(
                    f"y should be of a size whose variance float64 holds, got values up to "
                    f"{np.abs(y[rows]).max():.6g}. Scale y."
                )
            scale = np.where(variance > 0, np.sqrt(variance), 1.0)
            learned = {"_target_mean": mean, "_target_scale": scale, "n_outputs_": len(mean)}
        target = np.ascontiguousarray((y - mean) / scale, dtype=data.X.dtype)
        return target, target.shape[1], learned

    def _fitted(self) -> Network:
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

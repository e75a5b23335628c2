"""`StackedDenoisingRegressor`: numbers from the features of denoising autoencoders."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from scipy import sparse
from sklearn.base import RegressorMixin, _fit_context
from sklearn.metrics import r2_score
from sklearn.utils.validation import column_or_1d

from dae._data.checks import check_score_weight, check_target
from dae._estimator.supervised import StackedPredictor
from dae._model.damage import damaged, is_array
from dae._model.losses import SQUARED_ERROR, Loss
from dae._model.network import Network
from dae._training.settings import TrainingData


class StackedDenoisingRegressor(RegressorMixin, StackedPredictor):
    """Regressor whose hidden layers are pretrained as denoising autoencoders.

    Each hidden layer is pretrained, without targets, to repair corrupted codes of the layer
    below; then all layers are trained together with one linear output per target to predict the
    targets: the fine-tuning [1]_. The loss is the squared error; targets are centred and scaled
    to unit variance internally. Through `pretrained`, any amount of data without targets can
    support a few samples with targets.

    Parameters
    ----------
    hidden_layer_sizes : array-like of int, default=(256, 128)
        Number of hidden units of each layer, from the input on.

    pretrained : fitted StackedDenoisingAutoencoder or None, default=None
        Start from these layers instead of pretraining. It may have been fitted on other
        data of the same features, unlabelled and of any amount; for one layer, a
        `DenoisingAutoencoder` is accepted too. Its weights are copied, and trained and used
        in their dtype. `hidden_layer_sizes` and `activation` must be the same; the other
        parameters of pretraining are ignored. `clone`, and so a search or cross-validation,
        keeps it fitted.

    corruption : {"masking", "gaussian", "salt_and_pepper", "swap"}, callable or None, or a \
            list of one per layer, default="masking"
        What is done to the input of a layer in its pretraining; see `DenoisingAutoencoder`.

    corruption_level : float or list of one per layer, default=0.3
        Its probability, or the standard deviation for "gaussian". That of a layer may be an
        array of one value per input of the layer.

    activation : {"identity", "logistic", "tanh", "relu"} or a list of one per layer, \
            default="relu"
        Activation of the hidden units.

    decoder_activation : {"auto", "identity", "logistic", "tanh", "relu", "exp", "softmax"}, \
            default="auto"
        Activation of the reconstruction of samples in pretraining, as in
        `StackedDenoisingAutoencoder`.

    loss : {"squared_error", "log_loss", "poisson", "multinomial"}, default="squared_error"
        Loss of the reconstruction of samples in pretraining, as in
        `StackedDenoisingAutoencoder`.

    tied_weights : bool, default=True
        Whether the decoder of a layer uses the transposed weights of its encoder.

    emphasis : (float, float) or None, default=None
        Weights of the reconstruction loss of corrupted and of untouched entries (Vincent et
        al. 2010, section 4.2). (1, 0) counts corrupted entries only; None is (1, 1). An
        entry of `X_corrupted`, or of the result of a callable, is corrupted where it
        differs from X.

    input_norm : {"l2"} or None, default=None
        How each sample is scaled before it is encoded, in training and in use. "l2": to unit
        Euclidean length, as is usual for counts and purchases; the reconstruction is compared
        with the sample as it is, and samples of zeros only stay so. In training the corrupted
        sample is scaled, so that masking does not change the length of what is encoded.

    reconstruction_sampling : float or None, default=None
        Reconstruct, of each sparse sample, the non-zeros and only so many zeros per non-zero,
        at least one, drawn at each presentation and weighted so that `loss_curve_` and the
        gradient are unbiased (Dauphin et al. 2011); the loss of validation samples is exact. A
        batch then costs its non-zeros, not its features.
        None reconstructs all features. Applies to the training of the layer that reads X, not
        to training all layers together. Requires X as a sparse matrix,
        ``corruption="masking"``, None or a sparse `X_corrupted`, and a loss that is a sum
        over features. Weights that no sample of a batch asks for do not move: neither do their
        momentum and Adam's moments, and `alpha` does not shrink them (lazy updates). That is why
        it is not the default for sparse X: None gives what the same X gives dense.

    solver : {"adam", "sgd"}, default="adam"
        "adam" is Adam (Kingma & Ba 2015), "sgd" is gradient descent with `momentum`;
        ``momentum=0`` is the plain update.

    learning_rate_init : float or list of one per layer, default=0.002
        Step size in the first epoch of pretraining.

    learning_rate : {"cosine", "constant"}, default="cosine"
        Learning-rate schedule in `fit`: cosine annealing to 0 over the maximal number of epochs,
        or "constant". In `partial_fit` the rate is constant.

    momentum : float, default=0.9
        Momentum in [0, 1) of "sgd".

    nesterovs_momentum : bool, default=True
        Whether "sgd" uses Nesterov's momentum.

    beta_1 : float, default=0.9
        Exponential decay rate in [0, 1) of Adam's first moment.

    beta_2 : float, default=0.999
        Exponential decay rate in [0, 1) of Adam's second moment.

    epsilon : float, default=1e-8
        Term in the denominator of Adam's update that keeps it finite.

    alpha : float or "auto", default="auto"
        L2 penalty: ``alpha / 2`` times the sum of the squared weights in training is added
        to the loss of each batch. Biases are not penalised; `loss_curve_` does not contain
        the penalty. "auto" is 3 divided by the number of samples in `fit`, and 0 in `partial_fit`,
        which does not know it.

    batch_size : int, default=64
        Samples per mini-batch, clipped to the number of samples.

    max_iter : int, "auto" or list of one per layer, default="auto"
        Maximal number of epochs of the pretraining of a layer; 0 for a layer that is not
        pretrained. "auto" takes 300 (600 for a layer that reads codes) divided by the
        square root of the number of mini-batches in an epoch, from 5 to 200.

    fine_tune_max_iter : int or "auto", default="auto"
        Maximal number of epochs of the fine-tuning; "auto" takes 600 likewise.

    fine_tune_learning_rate_init : float, default=0.002
        Step size in the first epoch of the fine-tuning.

    fine_tune_corruption : {"masking", "gaussian", "salt_and_pepper", "swap"}, callable or \
            None, default=None
        What is done to the input in the fine-tuning.

    fine_tune_corruption_level : float or array-like of shape (n_features,), default=0.1
        Its probability, or the standard deviation for "gaussian".

    shuffle : bool, default=True
        Whether each epoch presents the samples in a new random order.

    tol : float or None, default=None
        None trains for all epochs and keeps the last weights, with `early_stopping` the best.
        A number stops training when the loss (with `early_stopping`, what it is judged by) has
        not fallen below the best one by this fraction of it for `n_iter_no_change` consecutive
        epochs, and keeps the best weights. Relative, because the loss grows with the number of
        features. Suits a constant learning rate, as in
        ``learning_rate="constant", max_iter=500, tol=1e-3``.

    n_iter_no_change : int, default=10
        Epochs without improvement before training stops; ``numpy.inf`` never stops.

    early_stopping : bool, default=False
        Whether to set `validation_fraction` of the samples aside and to judge training by
        them: pretraining by their loss, fine-tuning by 1 - R^2.

    validation_fraction : float, default=0.1
        Fraction in (0, 1) of the samples that `early_stopping` sets aside.

    warm_start : bool, default=False
        Whether `fit` continues the fine-tuning of the last fit, without pretraining.

    random_state : int, RandomState instance or None, default=None
        Determines initial weights, order of the samples, corruption and validation split.
        Read when training starts from the beginning; from then on its state is part of the
        estimator.

    verbose : int, default=0
        Whether to print one line per epoch.

    n_jobs : int or None, default=None
        Number of threads of the core. None means one per core, within the limits of
        OMP_NUM_THREADS, threadpoolctl and the control group; -1 means all cores, -2 all but
        one. It changes the time, not the result.

    matmul_precision : {"highest", "high", "medium"}, default="highest"
        Precision of the factors of float32 matrix products, in training and in use; may be changed
        after `fit`. "medium" rounds them to bfloat16 (a relative error of up to 2^-8 each), "high"
        to two bfloat16 numbers each (2^-17); sums, weights, solver, losses and biases stay float32.
        Where the machine has no faster product for it, a value computes as "highest":
        `dae.show_versions` tells which are faster. So do sparse X, `reconstruction_sampling`,
        small mini-batches, and calls of fewer than 512 rows in use. Codes and reconstructions
        have the error of their factors: with "medium" two to three digits are right.

    Attributes
    ----------
    coefs_ : list of ndarray of shape (n_inputs, n_units)
        Weights of each layer and, last, of the outputs. Views: writing into them changes the
        fitted network.

    intercepts_ : list of ndarray of shape (n_units,)
        Biases of each layer and, last, of the outputs.

    components_ : ndarray of shape (n_units, n_features)
        Weights of the first layer, a view.

    pretraining_loss_curves_ : list of list of float
        Training losses of the pretraining of each layer; empty without pretraining.

    loss_curve_ : list of float
        Mean training loss of each epoch of the fine-tuning or `partial_fit`, computed before
        the updates, for targets of unit variance. Holds the last 10 000 passes (all of one
        `fit`, if more).

    validation_scores_ : list of float or None
        R^2 on the validation samples at the end of each epoch of the fine-tuning. None
        without `early_stopping`.

    best_validation_score_ : float or None
        Best of them in the last `fit`; the weights are those at the end of this epoch.

    best_loss_ : float or None
        Smallest training loss of the last `fit`; the weights are those at the end of this epoch,
        unless ``tol=None``. None with `early_stopping`.

    n_iter_ : int
        Number of passes of the fine-tuning, including those of continued fits.

    n_outputs_ : int
        Number of outputs.

    n_features_in_ : int
        Number of features seen during `fit`.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if X has string names for all of them.

    See Also
    --------
    StackedDenoisingAutoencoder : The pretraining alone.
    StackedDenoisingClassifier : The same for classes.
    sklearn.neural_network.MLPRegressor : The same network without pretraining.

    Notes
    -----
    Ctrl-C in the fine-tuning keeps its last complete epoch, with a warning. Before the end of its
    first epoch, and in pretraining, KeyboardInterrupt is raised and the estimator is unchanged. To
    keep pretrained layers, fit a `StackedDenoisingAutoencoder` and pass it as `pretrained`.

    A callback that asks to stop ends the training of the layer, or the fine-tuning, that it was
    called for.

    `predict` does not modify the estimator: several threads may call it at the same time.

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

    _output_loss: ClassVar[Loss] = SQUARED_ERROR

    def __init__(
        self,
        hidden_layer_sizes: Any = (256, 128),
        *,
        pretrained: Any = None,
        corruption: Any = "masking",
        corruption_level: Any = 0.3,
        activation: Any = "relu",
        decoder_activation: str = "auto",
        loss: str = "squared_error",
        tied_weights: bool = True,
        emphasis: tuple[float, float] | None = None,
        input_norm: str | None = None,
        reconstruction_sampling: float | None = None,
        solver: str = "adam",
        learning_rate_init: Any = 0.002,
        learning_rate: str = "cosine",
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        alpha: float | str = "auto",
        batch_size: int = 64,
        max_iter: Any = "auto",
        fine_tune_max_iter: int | str = "auto",
        fine_tune_learning_rate_init: float = 0.002,
        fine_tune_corruption: Any = None,
        fine_tune_corruption_level: Any = 0.1,
        shuffle: bool = True,
        tol: float | None = None,
        n_iter_no_change: float = 10,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: int = 0,
        n_jobs: int | None = None,
        matmul_precision: str = "highest",
    ) -> None:
        super().__init__(
            hidden_layer_sizes,
            pretrained=pretrained,
            corruption=corruption,
            corruption_level=corruption_level,
            activation=activation,
            decoder_activation=decoder_activation,
            loss=loss,
            tied_weights=tied_weights,
            emphasis=emphasis,
            input_norm=input_norm,
            reconstruction_sampling=reconstruction_sampling,
            solver=solver,
            learning_rate_init=learning_rate_init,
            learning_rate=learning_rate,
            momentum=momentum,
            nesterovs_momentum=nesterovs_momentum,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            alpha=alpha,
            batch_size=batch_size,
            max_iter=max_iter,
            fine_tune_max_iter=fine_tune_max_iter,
            fine_tune_learning_rate_init=fine_tune_learning_rate_init,
            fine_tune_corruption=fine_tune_corruption,
            fine_tune_corruption_level=fine_tune_corruption_level,
            shuffle=shuffle,
            tol=tol,
            n_iter_no_change=n_iter_no_change,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            warm_start=warm_start,
            random_state=random_state,
            verbose=verbose,
            n_jobs=n_jobs,
            matmul_precision=matmul_precision,
        )

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Pretrain the layers, then train them and the outputs to predict the targets.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples; NaN in dense rows is a missing entry.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets.

        sample_weight : array-like of shape (n_samples,), default=None
            Weight of the loss of each sample, 0 or more. Scaled to a mean of 1 over the samples
            of positive weight; samples of weight 0 are left out.

        Returns
        -------
        self : StackedDenoisingRegressor
            The fitted estimator.
        """
        return self._fit(X, y, {"sample_weight": sample_weight})

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Continue the fine-tuning by one pass over a block of data.

        The first call starts from `pretrained`, or else from random weights: it does not
        pretrain. Targets are centred and scaled by the mean and variance of the first call.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples; NaN in dense rows is a missing entry.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets.

        sample_weight : array-like of shape (n_samples,), default=None
            Weight of the loss of each sample, 0 or more, used as given; samples of weight 0 are
            left out.

        Returns
        -------
        self : StackedDenoisingRegressor
            The estimator, after one more pass.
        """
        return self._partial_fit(X, y, {"sample_weight": sample_weight})

    def predict(self, X: Any) -> np.ndarray:
        """Predict the targets.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples; NaN in dense rows is a missing entry.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            In float64, the dtype in which targets are scaled; one-dimensional if there is one
            output.
        """
        outputs = self._outputs(X)
        y = outputs * self._target_scale + self._target_mean
        return y[:, 0] if y.shape[1] == 1 else y

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Coefficient of determination of the predicted targets, as `sklearn.metrics.r2_score`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples; NaN in dense rows is a missing entry.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets.

        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample, 0 or more.

        Returns
        -------
        score : float
            At most 1; the mean over the outputs.
        """
        predicted = self.predict(X)
        check_target(y, numeric=True)
        weight = check_score_weight(sample_weight, len(predicted), normalise=False)
        return float(r2_score(y, predicted, sample_weight=weight))

    # -------------------------------------------------------------- targets

    def _learn(
        self, y: np.ndarray, data: TrainingData, *, continues: bool, fit: bool, classes: Any
    ) -> dict[str, Any]:
        if sparse.issparse(y):
            raise TypeError(f"y must be a dense array, got a {type(y).__name__}. Pass y.toarray().")
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        try:
            y = np.asarray(y, dtype=np.float64).reshape(len(y), -1)
        except (TypeError, ValueError) as error:
            raise ValueError(f"y must be numbers, got an array of dtype {y.dtype}.") from error
        learned: dict[str, Any] = {}
        if continues:
            mean, scale = self._target_mean, self._target_scale
            if y.shape[1] != len(mean):
                raise ValueError(
                    f"y must have {len(mean)} outputs, as in the first call, got {y.shape[1]}."
                )
        else:
            rows, weight = data.rows, data.sample_weight
            weight = None if weight is None else weight[rows]
            with np.errstate(over="ignore", invalid="ignore"):
                mean = np.average(y[rows], axis=0, weights=weight)
                variance = np.average((y[rows] - mean) ** 2, axis=0, weights=weight)
            if not np.isfinite(variance).all():
                raise ValueError(
                    f"y must be of a size whose variance float64 holds, got values up to "
                    f"{np.abs(y[rows]).max():.6g}. Scale y."
                )
            scale = np.sqrt(variance)
            # the variance of tiny targets underflows: their deviations are brought to size first
            deviation = np.abs(y[rows] - mean)
            largest = deviation.max(axis=0)
            tiny = (largest > 0) & (variance < 1e-290)
            if tiny.any():
                relative = deviation / np.where(tiny, largest, 1.0)
                squares = np.average(relative**2, axis=0, weights=weight)
                scale = np.where(tiny, largest * np.sqrt(squares), scale)
            scale = np.where(scale > 0, scale, 1.0)
            learned = {"_target_mean": mean, "_target_scale": scale, "n_outputs_": len(mean)}
        data.target = np.ascontiguousarray((y - mean) / scale, dtype=data.X.dtype)
        return learned

    def _fitted(self) -> Network:
        stack = super()._fitted()
        for name in ("_target_mean", "_target_scale"):
            value = self.__dict__.get(name)
            if (
                not is_array(value)
                or value.dtype != np.float64
                or value.shape != (stack.n_hidden,)
                or not np.isfinite(value).all()
            ):
                raise damaged(f"{name} must be an array of {stack.n_hidden} float64 numbers")
        if not (self._target_scale > 0).all():
            raise damaged("_target_scale must be positive")
        return stack

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

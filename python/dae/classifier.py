"""`StackedDenoisingClassifier`: classes from the features of denoising autoencoders."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
from scipy import sparse
from scipy.special import expit, log_expit, log_softmax, softmax
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.metrics import accuracy_score
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from dae._data.checks import (
    check_score_weight,
    check_target,
    check_training_data_and_target,
    check_weights,
)
from dae._data.containers import check_labels
from dae._data.rows import Rows
from dae._data.sparse_containers import valid_container
from dae._estimator.supervised import StackedPredictor
from dae._model.damage import damaged, is_array
from dae._model.losses import LOG_LOSS, SOFTMAX_LOG_LOSS, Loss, get_loss
from dae._model.network import Network
from dae._model.numbers import as_float
from dae._training.settings import TrainingData


class StackedDenoisingClassifier(ClassifierMixin, StackedPredictor):
    """Classifier whose hidden layers are pretrained as denoising autoencoders.

    Each hidden layer is pretrained, without labels, to repair corrupted codes of the layer below;
    then all layers are trained together with one output per class to predict the classes: the
    fine-tuning [1]_. The loss is the cross-entropy of the softmax of the outputs; for multilabel
    y, the sum over the labels of the cross-entropy of one logistic output each. Through
    `pretrained`, any amount of unlabelled data can support a few labelled samples.

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

    class_weight : dict of class -> float, "balanced" or None, default=None
        Weights of the classes, by which `sample_weight` is multiplied, in pretraining and in the
        score of `early_stopping` too. "balanced" gives each class the same total weight;
        `partial_fit`, which does not know how frequent they are, does not support it. Not for
        multilabel y.

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
            None, default="masking"
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
        Whether to set `validation_fraction` of the samples aside, the same fraction of each
        class, and to judge training by them: pretraining by their loss, fine-tuning by 1 -
        accuracy.

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
    classes_ : ndarray of shape (n_classes,)
        The classes, in the order of the outputs; numbers from 0 for multilabel y.

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
        the updates. Holds the last 10 000 passes (all of one `fit`, if more).

    validation_scores_ : list of float or None
        Accuracy on the validation samples at the end of each epoch of the fine-tuning. None
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
    StackedDenoisingRegressor : The same for numeric targets.
    sklearn.neural_network.MLPClassifier : The same network without pretraining.

    Notes
    -----
    Ctrl-C in the fine-tuning keeps its last complete epoch, with a warning. Before the end of its
    first epoch, and in pretraining, KeyboardInterrupt is raised and the estimator is unchanged. To
    keep pretrained layers, fit a `StackedDenoisingAutoencoder` and pass it as `pretrained`.

    A callback that asks to stop ends the training of the layer, or the fine-tuning, that it was
    called for.

    `predict`, `predict_proba` and `predict_log_proba` do not modify the estimator: several threads
    may call them at the same time.

    References
    ----------
    .. [1] P. Vincent et al. "Stacked denoising autoencoders: learning useful representations in
       a deep network with a local denoising criterion", JMLR 11, 2010.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from dae import StackedDenoisingAutoencoder, StackedDenoisingClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> X = X / 16
    >>> settings = dict(hidden_layer_sizes=(64, 32), tol=None, random_state=0)

    Layers pretrained on all rows, and 200 labels:

    >>> sdae = StackedDenoisingAutoencoder(max_iter=5, **settings).fit(X)
    >>> classifier = StackedDenoisingClassifier(pretrained=sdae, **settings)
    >>> classifier.fit(X[:200], y[:200]).score(X[200:], y[200:]) > 0.8
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **StackedPredictor._parameter_constraints,
        "class_weight": [StrOptions({"balanced"}), dict, None],
    }

    _output_loss: ClassVar[Loss] = SOFTMAX_LOG_LOSS

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
        class_weight: Any = None,
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
        fine_tune_corruption: Any = "masking",
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
        self.class_weight = class_weight

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Pretrain the layers, then train them and the outputs to predict the classes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples; NaN in dense rows is a missing entry.

        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Their classes: numbers or strings. For multilabel classification a matrix, which may
            be sparse, of 1 where a sample has a label, else 0.

        sample_weight : array-like of shape (n_samples,), default=None
            Weight of the loss of each sample, 0 or more. Scaled to a mean of 1 over the samples
            of positive weight; samples of weight 0 are left out.

        Returns
        -------
        self : StackedDenoisingClassifier
            The fitted estimator.
        """
        return self._fit(X, y, {"sample_weight": sample_weight})

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Continue the fine-tuning by one pass over a block of data.

        The first call starts from `pretrained`, or else from random weights: it does not
        pretrain.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples; NaN in dense rows is a missing entry.

        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Their classes, or a matrix of labels as in `fit`.

        classes : array-like of shape (n_classes,), default=None
            The classes of all calls. Required in the first call, unless y is multilabel; may be
            omitted later.

        sample_weight : array-like of shape (n_samples,), default=None
            Weight of the loss of each sample, 0 or more, used as given; samples of weight 0 are
            left out.

        Returns
        -------
        self : StackedDenoisingClassifier
            The estimator, after one more pass.
        """
        return self._partial_fit(X, y, {"sample_weight": sample_weight}, classes=classes)

    def predict(self, X: Any) -> np.ndarray:
        """Predict the most probable class of each sample, or its labels.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples; NaN in dense rows is a missing entry.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_labels)
            Labels are 1 where their probability is above 1/2, else 0.
        """
        outputs = self._outputs(X)
        if self._is_multilabel():
            return (outputs > 0).astype(np.int64)
        return self.classes_[outputs.argmax(axis=1)]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probability of each class, or of each label.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples; NaN in dense rows is a missing entry.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        outputs = self._outputs(X)
        return expit(outputs) if self._is_multilabel() else softmax(outputs, axis=1)

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Logarithm of the probability of each class, or of each label.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples; NaN in dense rows is a missing entry.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        outputs = self._outputs(X)
        return log_expit(outputs) if self._is_multilabel() else log_softmax(outputs, axis=1)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Share of the samples whose class, or all of whose labels, are predicted.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples; NaN in dense rows is a missing entry.

        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Their classes, or a matrix of labels as in `fit`.

        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample in the mean, 0 or more.

        Returns
        -------
        score : float
        """
        predicted = self.predict(X)
        check_target(y, numeric=False)
        weight = check_score_weight(sample_weight, len(predicted), normalise=False)
        return float(accuracy_score(y, predicted, sample_weight=weight))

    # -------------------------------------------------------------- targets

    def _learn(
        self, y: np.ndarray, data: TrainingData, *, continues: bool, fit: bool, classes: Any
    ) -> dict[str, Any]:
        check_classification_targets(y)
        check_labels("classes", classes)
        if continues and self._is_multilabel() != (y.ndim == 2):
            raise ValueError(
                "y must be of the kind of the first call, "
                f"{'multilabel' if y.ndim == 1 else 'one class per sample'}, got y of shape "
                f"{y.shape}. Start with a new estimator."
            )
        if y.ndim == 2:
            return self._learn_labels(y, data, continues=continues, classes=classes)
        learned: dict[str, Any] = {}
        found = np.unique(y)
        if continues:
            known = self.classes_
            try:
                ascending = np.array_equal(np.unique(known), known)
            except TypeError:  # a mixture that has no order
                ascending = False
            if not ascending:
                raise damaged("classes_ must be in ascending order")
            if classes is not None and not np.array_equal(np.unique(classes), known):
                raise ValueError(
                    f"classes must be those of the first call, {known}, got {classes!r}. "
                    "Omit classes, or start with a new estimator."
                )
            if fit and not np.array_equal(found, known):
                raise ValueError(
                    f"warm_start=True continues with the classes {known}, got y with {found}. "
                    "Pass y with the same classes, or use warm_start=False."
                )
        else:
            if not fit and classes is None:
                raise ValueError(
                    "classes must be passed on the first call to partial_fit: all classes of all "
                    "calls, for example classes=np.unique(y)."
                )
            known = found if fit else np.unique(classes)
            learned = {"classes_": known, "n_outputs_": len(known)}
        strangers = found[~np.isin(found, known)]
        if len(strangers):
            raise ValueError(
                f"y must have no other classes than {known}, got {strangers}. Pass all classes "
                "in the first call of partial_fit."
            )
        data.target = np.searchsorted(known, y).astype(np.intp)
        if self.class_weight is not None:
            self._weight_classes(known, data, fit=fit)
        return learned

    def _learn_labels(
        self, y: np.ndarray, data: TrainingData, *, continues: bool, classes: Any
    ) -> dict[str, Any]:
        """The same for multilabel y."""
        if self.class_weight is not None:
            raise ValueError(
                f"class_weight must be None for multilabel y, got {self.class_weight!r}. Pass "
                "sample_weight instead."
            )
        labels = self.classes_ if continues else np.arange(y.shape[1])
        if y.shape[1] != len(labels):
            raise ValueError(
                f"y must have {len(labels)} labels, as in the first call, got {y.shape[1]}. Start "
                "with a new estimator."
            )
        if classes is not None and not np.array_equal(np.asarray(classes), labels):
            raise ValueError(
                f"classes of multilabel y must be {labels}, the numbers of the labels, got "
                f"{classes!r}. Omit classes."
            )
        if not np.isin(y, (0, 1)).all():
            raise ValueError(
                "y with several columns must be multilabel, 1 where a sample has a label, else 0; "
                f"got the values {np.unique(y)}. Pass one class per sample, or use "
                "MultiOutputClassifier for several classes per sample."
            )
        data.target = np.ascontiguousarray(y, dtype=data.X.dtype)
        return {} if continues else {"classes_": labels, "n_outputs_": len(labels)}

    def _weight_classes(self, known: np.ndarray, data: TrainingData, *, fit: bool) -> None:
        """Multiply the sample weights by those of the classes."""
        target, weight = data.target, data.sample_weight
        assert target is not None
        if isinstance(self.class_weight, str):
            if not fit:
                raise ValueError(
                    "class_weight='balanced' is not supported by partial_fit, which sees a part "
                    "of the data only. Pass the weights as a dict, for example from "
                    "sklearn.utils.class_weight.compute_class_weight('balanced', ...)."
                )
            counts = np.bincount(
                target[data.rows],
                weights=None if weight is None else weight[data.rows],
                minlength=len(known),
            )
            # classes that only have samples of weight 0 have no say
            of_class = np.where(counts > 0, counts.sum() / np.maximum(counts, 1e-300), 0.0)
        else:
            for name, value in self.class_weight.items():
                if not isinstance(value, Real) or not 0 <= as_float(value) < np.inf:
                    raise ValueError(
                        "class_weight must have finite weights of 0 or more, got "
                        f"{value!r} for class {name!r}."
                    )
            of_class = compute_class_weight(self.class_weight, classes=known, y=known)
        weighted = of_class[target] if weight is None else of_class[target] * weight
        data.sample_weight, data.rows = check_weights(weighted, data.X, normalise=fit)

    def _check_data(self, X: Any, y: Any, *, reset: bool, dtype: Any) -> tuple[Rows, np.ndarray]:
        if sparse.issparse(y) and len(y.shape) == 2:
            y = valid_container("y", y)
        check_target(y, numeric=False)  # scikit-learn would not say that it is y
        multilabel = _has_columns(y) and type_of_target(y, input_name="y").startswith("multilabel")
        rows, y = check_training_data_and_target(
            self, X, y, reset=reset, dtype=dtype, multi_output=multilabel, numeric=False
        )
        return rows, _dense(y)

    def _loss_of(self, target: Any) -> Loss:
        return LOG_LOSS if target.ndim == 2 else SOFTMAX_LOG_LOSS

    def _is_multilabel(self) -> bool:
        """Whether the fitted outputs are one label each, rather than one class each."""
        return not get_loss(self._layers[-1]["loss"]).of_classes

    def _fitted(self) -> Network:
        stack = super()._fitted()
        classes = self.__dict__.get("classes_")
        if not is_array(classes) or classes.shape != (stack.n_hidden,):
            raise damaged(f"classes_ must be an array of {stack.n_hidden} classes")
        if stack.loss not in (SOFTMAX_LOG_LOSS.name, LOG_LOSS.name):
            raise damaged(f"the loss of the outputs must be one of classes, got {stack.loss!r}")
        return stack

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def _has_columns(y: Any) -> bool:
    """Whether y is a matrix of more than one column."""
    if not hasattr(y, "shape"):
        try:
            y = np.asarray(y)
        except ValueError:  # rows of different lengths
            return False
    return len(y.shape) == 2 and y.shape[1] > 1


def _dense(y: Any) -> np.ndarray:
    dense: np.ndarray = y.toarray() if sparse.issparse(y) else y
    return dense

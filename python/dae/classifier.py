"""`StackedDenoisingClassifier`: classes from the features of denoising autoencoders."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from scipy.special import log_softmax, softmax
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.utils.multiclass import check_classification_targets

from dae._estimator.supervised import StackedPredictor
from dae._model.damage import damaged, is_array
from dae._model.losses import SOFTMAX_LOG_LOSS, Loss
from dae._model.network import Network
from dae._training.settings import TrainingData


class StackedDenoisingClassifier(ClassifierMixin, StackedPredictor):
    """Classifier whose hidden layers are pretrained as denoising autoencoders.

    Each hidden layer is pretrained, without labels, to repair corrupted codes of the layer below;
    then all layers are trained together with one output per class to predict the classes: the
    fine-tuning [1]_. The loss is the cross-entropy of the softmax of the outputs. Through
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

    decoder_activation : {"auto", "identity", "logistic", "tanh", "relu"}, default="auto"
        Activation of the reconstruction of samples in pretraining, as in
        `StackedDenoisingAutoencoder`.

    loss : {"squared_error", "log_loss"}, default="squared_error"
        Loss of the reconstruction of samples in pretraining, as in
        `StackedDenoisingAutoencoder`.

    tied_weights : bool, default=True
        Whether the decoder of a layer uses the transposed weights of its encoder.

    emphasis : (float, float) or None, default=None
        Weights of the reconstruction loss of corrupted and of untouched entries (Vincent et
        al. 2010, section 4.2). (1, 0) counts corrupted entries only; None is (1, 1). An
        entry of `X_corrupted`, or of the result of a callable, is corrupted where it
        differs from X.

    solver : {"adam", "sgd"}, default="adam"
        "adam" is Adam (Kingma & Ba 2015), "sgd" is gradient descent with `momentum`;
        ``momentum=0`` is the plain update.

    learning_rate_init : float or list of one per layer, default=0.001
        Step size in the first epoch of pretraining.

    learning_rate : {"constant", "cosine"}, default="constant"
        Learning-rate schedule in `fit`: "constant", or cosine annealing to 0 over the
        maximal number of epochs. In `partial_fit` the rate is constant.

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

    alpha : float, default=0.0
        L2 penalty: ``alpha / 2`` times the sum of the squared weights in training is added
        to the loss of each batch. Biases are not penalised; `loss_curve_` does not contain
        the penalty.

    batch_size : int, default=64
        Samples per mini-batch, clipped to the number of samples.

    max_iter : int or list of one per layer, default=200
        Maximal number of epochs of the pretraining of a layer; 0 for a layer that is not
        pretrained.

    fine_tune_max_iter : int, default=200
        Maximal number of epochs of the fine-tuning.

    fine_tune_learning_rate_init : float, default=0.001
        Step size in the first epoch of the fine-tuning.

    fine_tune_corruption : {"masking", "gaussian", "salt_and_pepper", "swap"}, callable or \
            None, default=None
        What is done to the input in the fine-tuning.

    fine_tune_corruption_level : float or array-like of shape (n_features,), default=0.3
        Its probability, or the standard deviation for "gaussian".

    shuffle : bool, default=True
        Whether each epoch presents the samples in a new random order.

    tol : float or None, default=1e-3
        Training stops when the loss (with `early_stopping`, what it is judged by) has not
        fallen below the best one by this fraction of it for `n_iter_no_change` consecutive
        epochs. Relative, because the loss grows with the number of features. None trains
        for all epochs and, without `early_stopping`, keeps the last weights rather than the
        best.

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

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes, in the order of the outputs.

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
    Ctrl-C in the fine-tuning ends it as if `fine_tune_max_iter` had been the number of complete
    epochs, with a warning. Before the end of its first epoch, and in pretraining,
    KeyboardInterrupt is raised and the estimator is unchanged. To keep pretrained layers, fit a
    `StackedDenoisingAutoencoder` and pass it as `pretrained`.

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

    _output_loss: ClassVar[Loss] = SOFTMAX_LOG_LOSS

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Pretrain the layers, then train them and the outputs to predict the classes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.

        y : array-like of shape (n_samples,)
            Their classes: numbers or strings.

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
        X : array-like of shape (n_samples, n_features)
            Samples.

        y : array-like of shape (n_samples,)
            Their classes.

        classes : array-like of shape (n_classes,), default=None
            The classes of all calls. Required in the first call; may be omitted later.

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
        """Predict the most probable class of each sample.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        y : ndarray of shape (n_samples,)
        """
        outputs = self._outputs(X)
        return self.classes_[outputs.argmax(axis=1)]

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
        self, y: np.ndarray, data: TrainingData, *, continues: bool, fit: bool, classes: Any
    ) -> dict[str, Any]:
        check_classification_targets(y)
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
        return learned

    def _fitted(self) -> Network:
        stack = super()._fitted()
        classes = self.__dict__.get("classes_")
        if not is_array(classes) or classes.shape != (stack.n_hidden,):
            raise damaged(f"classes_ must be an array of {stack.n_hidden} classes")
        return stack

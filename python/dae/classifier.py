"""`StackedDenoisingClassifier`: labels on top of what denoising autoencoders learned."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from scipy.special import log_softmax, softmax
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.utils.multiclass import check_classification_targets

from dae._estimator.state import AGAIN
from dae._estimator.supervised import StackedPredictor
from dae._model.network import Network
from dae._training.run import Data


class StackedDenoisingClassifier(ClassifierMixin, StackedPredictor):
    """Classifier whose layers start from what denoising autoencoders have learned.

    Each hidden layer is pretrained, without labels, to repair corrupted codes of the layer below;
    then all of them are trained together, with an output for each class on top, to tell the
    classes apart [1]_. The loss is the cross-entropy of the softmax of the outputs. Unlabelled
    data of any amount can serve a few labels through `pretrained`.

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
        Whether to set `validation_fraction` of the data aside, a share of each class, and to
        judge by them: pretraining by their loss, fine-tuning by their score (accuracy).

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
    classes_ : ndarray of shape (n_classes,)
        The classes, in the order of the outputs.

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
        the updates. Holds the last 10 000 passes (all of one `fit`, if more).

    validation_scores_ : list of float or None
        Accuracy of the samples set aside, at the end of each epoch of the fine-tuning. None
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
    StackedDenoisingRegressor : The same for targets that are numbers.
    sklearn.neural_network.MLPClassifier : Without pretraining.

    Notes
    -----
    Ctrl-C in the fine-tuning ends it as if `fine_tune_max_iter` had been the number of complete
    epochs, with a warning. Before the end of its first epoch, and in pretraining, the estimator
    stays as it was and KeyboardInterrupt is raised. To keep pretrained layers, fit a
    `StackedDenoisingAutoencoder` and pass it as `pretrained`.

    A callback that asks to stop ends the layer, or the fine-tuning, that it was told of.

    `predict`, `predict_proba` and `predict_log_proba` write nothing on the estimator: threads may
    call them at the same time.

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

    Layers that have seen all rows, and 200 labels:

    >>> sdae = StackedDenoisingAutoencoder(max_iter=5, **settings).fit(X)
    >>> classifier = StackedDenoisingClassifier(pretrained=sdae, **settings)
    >>> classifier.fit(X[:200], y[:200]).score(X[200:], y[200:]) > 0.8
    True
    """

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

    def _fitted(self) -> Network:
        stack = super()._fitted()
        classes = self.__dict__.get("classes_")
        if not isinstance(classes, np.ndarray) or classes.shape != (stack.n_hidden,):
            raise ValueError(
                "The fitted state is damaged: classes_ should be an array of "
                f"{stack.n_hidden} classes. {AGAIN}"
            )
        return stack

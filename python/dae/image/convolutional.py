"""`ConvolutionalAutoencoder`: a network for pictures of any size, to be used by `ImageDenoiser`."""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, _fit_context
from sklearn.exceptions import NotFittedError
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import StrOptions

from dae import _core
from dae._core import convolutional
from dae._data.checks import check_corrupted_copies, check_training_data
from dae._data.containers import check_not_masked, check_same_columns
from dae._data.rows import Rows
from dae._estimator.parameters import Interval
from dae._estimator.state import check_features, unchanged_if_it_fails
from dae._estimator.version_stamp import VersionStampMixin
from dae._model.convolutional import LINE, ConvolutionalNetwork, new_network
from dae._model.damage import checked_count, checked_curve, damaged, is_array
from dae._model.layout import aligned_copy, check_layout
from dae._model.precision import PRECISIONS

# Adam's. The second moment forgets within a hundred batches: noise levels differ from batch to
# batch, and with 0.999 the first steps after a quiet stretch were so large that training diverged.
BETA_1, BETA_2, EPSILON = 0.9, 0.99, 1e-8

AT_ONCE = 16  # patches that are reconstructed together

MOST_CHANNELS = 256  # a picture's share of a step is then still shorter than 0.2 s


class ConvolutionalAutoencoder(VersionStampMixin, BaseEstimator):
    """A convolutional denoising autoencoder, the network of an `ImageDenoiser`.

    The four pixels of each 2 x 2 become channels of one place, at half the resolution [1]_. A
    convolution with filters of 3 x 3 encodes them as `n_channels` channels, blocks of two
    convolutions, the first of them rectified, change the code [2]_, and a last convolution decodes
    what is added to the picture. There are no biases: noise and contrast of half the size are
    cleaned in the same way [3]_. All places of a picture share the work that a network of patches
    repeats for each patch, so this one removes more noise in less time, after a longer training.

    Pass it to `ImageDenoiser` as `autoencoder`, together with ``patch_size=64`` (the height and
    width of the pieces of pictures that it is trained on), ``batch_size=4`` and
    ``learning_rate_init=0.0005`` (many small steps are better than few large ones), and some
    hundred thousand patches. `ImageDenoiser.transform` shows it whole pictures.

    Parameters
    ----------
    n_channels : int, default=64
        Channels of the code; a multiple of 16.

    n_blocks : int, default=7
        Number of blocks of two convolutions. A pixel depends on ``4 * n_blocks + 5`` pixels to
        each side.

    batch_size : int, default=4
        Patches per step.

    learning_rate_init : float, default=0.0005
        Step size of Adam.

    random_state : int, RandomState instance or None, default=None
        Determines the first filters and the order of patches.

    n_jobs : int or None, default=None
        Number of threads, as for `DenoisingAutoencoder`. It changes the time, not the result.

    matmul_precision : {"highest", "high", "medium"}, default="highest"
        Precision of the factors of products, as for `DenoisingAutoencoder`. "medium" is faster
        with AMD's AVX-512 BF16 and 32, 64, ... channels; elsewhere, and with "high",
        convolutions compute as with "highest".

    Attributes
    ----------
    weights_ : float32 ndarray of shape (n_parameters,)
        The filters of all convolutions, concatenated.

    loss_curve_ : list of float
        Mean over the patches of each call of `partial_fit` of the sum of squared errors.

    n_steps_ : int
        Number of steps made.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, if X has string names for all of them.

    n_features_in_ : int
        Columns of the rows it was trained on: the pixels of a patch, for some kinds of noise
        which of them are missing, and a number that says how strong the noise is.

    See Also
    --------
    ImageDenoiser : Trains it, and cleans pictures with it.
    default_autoencoder : The network of patches that `ImageDenoiser` uses by itself.

    References
    ----------
    .. [1] K. Zhang, W. Zuo, L. Zhang. "FFDNet: toward a fast and flexible solution for CNN based
       image denoising", IEEE Transactions on Image Processing 2018.
    .. [2] B. Lim et al. "Enhanced deep residual networks for single image super-resolution",
       CVPR Workshops 2017.
    .. [3] S. Mohan et al. "Robust and interpretable blind image denoising via bias-free
       convolutional neural networks", ICLR 2020.

    Examples
    --------
    >>> from sklearn.datasets import load_sample_images
    >>> from dae.image import ConvolutionalAutoencoder, ImageDenoiser
    >>> china, flower = load_sample_images().images
    >>> denoiser = ImageDenoiser(
    ...     level=(5 / 255, 75 / 255),
    ...     autoencoder=ConvolutionalAutoencoder(n_channels=16, n_blocks=1),
    ...     patch_size=32,
    ...     batch_size=4,
    ...     learning_rate_init=0.0005,
    ...     n_patches=256,  # hundreds of thousands are better
    ...     random_state=0,
    ... ).fit([china])
    >>> denoiser.transform(flower, sigma=25 / 255).shape
    (427, 640, 3)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_channels": [Interval(Integral, LINE, MOST_CHANNELS, closed="both")],
        "n_blocks": [Interval(Integral, 1, 100, closed="both")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "random_state": ["random_state"],
        "n_jobs": [
            Interval(Integral, 1, None, closed="left"),
            Interval(Integral, None, -1, closed="right"),
            None,
        ],
        "matmul_precision": [StrOptions(set(PRECISIONS))],
    }

    def __init__(
        self,
        n_channels: int = 64,
        n_blocks: int = 7,
        *,
        batch_size: int = 4,
        learning_rate_init: float = 0.0005,
        random_state: Any = None,
        n_jobs: int | None = None,
        matmul_precision: str = "highest",
    ) -> None:
        self.n_channels = n_channels
        self.n_blocks = n_blocks
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.matmul_precision = matmul_precision

    # -------------------------------------------------------------- training

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any = None, *, X_corrupted: Any = None) -> Self:
        """Train on each row once, in batches, in random order.

        Parameters
        ----------
        X : array-like of shape (n_patches, n_features)
            Clean patches: the pixels of a patch of even height and width, line by line; then, if
            `X_corrupted` has them, as many columns that are not looked at; and one more of these.

        y : Ignored
            Present for API consistency.

        X_corrupted : array-like of the shape of X, default=None
            The patches that the network is shown: the noisy pixels, which of them are missing (or
            not), and in the last column a number for the whole patch, such as the strength of the
            noise. None: X.

        Returns
        -------
        self : ConvolutionalAutoencoder
            The network, trained further; unchanged if an error ends the call.

        Raises
        ------
        ValueError
            The number of columns belongs to no patch of even size, or the columns are others than
            before; a value is NaN or infinite, masked, or no number; `n_channels` or `n_blocks` was
            changed; or training diverged.
        """
        with unchanged_if_it_fails(self):
            return self._trained(X, X_corrupted)

    def _trained(self, X: Any, X_corrupted: Any) -> Self:
        fitted = self._network() if self.__sklearn_is_fitted__() else None
        X, shown = self._clean_and_shown(X, X_corrupted, reset=fitted is None)
        size, n_planes = _layout(X.shape[1])
        network, adam, seed, n_steps = self._begun(fitted, n_planes)
        gradient = network.like(np.zeros_like(network.weights))
        n_threads = _core.n_threads(self.n_jobs)
        batch_size = min(int(self.batch_size), len(X))
        space = convolutional.Workspace(network, batch_size, size // 2, size // 2)
        order = np.random.default_rng([seed, n_steps]).permutation(len(X))
        total = 0.0
        with np.errstate(over="ignore", invalid="ignore"):  # it is looked at below
            for start in range(0, len(X), batch_size):
                batch = order[start : start + batch_size]
                x = _inputs(_planes(shown[batch], n_planes, size), shown[batch, -1])
                out = convolutional.forward(network, x, space, n_threads)
                error = out[:, 1:-1, 1:-1, :4]
                error += x[:, 1:-1, 1:-1, :4]
                error -= _quarters(X[batch, : size * size].reshape(-1, 1, size, size))
                loss = float(np.vdot(error, error))
                if not np.isfinite(loss):
                    raise self._diverged(n_steps + 1, f"the loss is {loss}")
                total += loss
                error *= np.float32(2 / len(batch))
                gradient.weights[:] = 0
                convolutional.backward(network, x, space, out, gradient, n_threads)
                n_steps += 1
                adam.descend(network.weights, gradient.weights, self.learning_rate_init)
        if not _core.all_finite(network.weights.reshape(1, -1), self.n_jobs):
            raise self._diverged(n_steps, "a weight is not finite")
        # at once: Ctrl-C must not find new weights beside old moments
        self.__dict__ |= {
            "weights_": network.weights,
            "loss_curve_": [*self.__dict__.get("loss_curve_", []), total / len(X)],
            "n_steps_": n_steps,
            "n_features_in_": X.shape[1],
            "_moments": adam.moments,
            "_moment_steps": adam.n_steps,
            "_seed": seed,
        }
        return self

    def _diverged(self, step: int, how: str) -> ValueError:
        return ValueError(
            f"Training diverged in step {step}: {how}. Use a smaller learning_rate_init than "
            f"{self.learning_rate_init}."
        )

    def _clean_and_shown(
        self, X: Any, X_corrupted: Any, *, reset: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """X and what the network is shown; X decides the features with `reset`."""
        rows = self._rows(X, reset=reset)
        if X_corrupted is None:
            return rows.array, rows.array
        check_same_columns(X, X_corrupted)
        check_not_masked("X_corrupted", X_corrupted)
        shown = check_corrupted_copies(X_corrupted, rows)
        assert shown is not None
        _refuse_nan("X_corrupted", shown)
        return rows.array, shown.array

    def _rows(self, X: Any, *, reset: bool) -> Rows:
        """Rows of X, C-ordered float32 without NaN; not copied if they are."""
        if sparse.issparse(X):
            raise TypeError(
                f"{type(self).__name__} requires dense rows, got a {type(X).__name__}. Pass "
                "X.toarray()."
            )
        check_not_masked("X", X)
        rows = check_training_data(self, X, reset=reset, dtype=np.float32)
        _refuse_nan("X", rows)
        return rows

    def _begun(
        self, fitted: ConvolutionalNetwork | None, n_planes: int
    ) -> tuple[ConvolutionalNetwork, Adam, int, int]:
        """The network, its solver, the seed and the steps made; copies."""
        if fitted is not None:
            network = fitted.like(aligned_copy(fitted.weights))
            seed = checked_count("_seed", self.__dict__.get("_seed"), 2**31)
            n_steps = checked_count("n_steps_", self.__dict__.get("n_steps_"))
            return network, self._solver(), seed, n_steps
        self._check_channels()
        seed = int(check_random_state(self.random_state).randint(2**31))
        network = new_network(
            4 * n_planes + 1,
            4,
            int(self.n_channels),
            int(self.n_blocks),
            np.random.default_rng(seed),
        )
        network.matmul_precision = self.matmul_precision
        return network, Adam.new(network.weights), seed, 0

    def _solver(self) -> Adam:
        """A copy of the solver; a new one where a model file left its moments out."""
        moments = self.__dict__.get("_moments")
        if isinstance(moments, list) and not moments:
            return Adam.new(self.weights_)
        if not isinstance(moments, list) or len(moments) != 2 or not all(map(is_array, moments)):
            raise damaged("_moments must be two arrays")
        for moment in moments:
            check_layout("a moment", moment, self.weights_.shape, self.weights_.dtype)
            _check_finite("a moment", moment)
        n_steps = checked_count("_moment_steps", self.__dict__.get("_moment_steps"))
        return Adam([moment.copy() for moment in moments], n_steps)

    def _check_channels(self) -> None:
        if self.n_channels % LINE:
            raise ValueError(f"n_channels must be a multiple of {LINE}, got {self.n_channels}.")

    # -------------------------------------------------------------- use

    def reconstruct(self, X: Any) -> np.ndarray:
        """Clean patches.

        Parameters
        ----------
        X : array-like of shape (n_patches, n_features)
            Rows as `X_corrupted` of `partial_fit`.

        Returns
        -------
        cleaned : float32 ndarray of shape (n_patches, n_features)
            The cleaned pixels; zeros in the columns behind them.
        """
        network = self._network()
        X = self._rows(X, reset=False).array
        size, n_planes = _layout(X.shape[1])
        out = np.zeros_like(X)
        for start in range(0, len(X), AT_ONCE):
            rows = X[start : start + AT_ONCE]
            cleaned = self._cleaned(network, _planes(rows, n_planes, size), rows[:, -1])
            out[start : start + AT_ONCE, : size * size] = cleaned.reshape(len(rows), -1)
        return out

    def _reconstruct_pictures(self, planes: np.ndarray, constants: np.ndarray) -> np.ndarray:
        """First planes of float32 pictures (n, planes, height, width) of any size, cleaned.

        `constants` (n,) hold what the last column of a row does.
        """
        return self._cleaned(self._network(), planes, constants)

    def _cleaned(
        self, network: ConvolutionalNetwork, planes: np.ndarray, constants: np.ndarray
    ) -> np.ndarray:
        height, width = planes.shape[2:]
        if height % 2 or width % 2:
            beyond = ((0, 0), (0, 0), (0, height % 2), (0, width % 2))
            planes = np.pad(planes, beyond, mode="edge")
        x = _inputs(planes, constants)
        out = convolutional.reconstruct(network, x, _core.n_threads(self.n_jobs))
        return _whole(out[:, 1:-1, 1:-1, :4] + x[:, 1:-1, 1:-1, :4])[:, :height, :width]

    @property
    def _reach(self) -> int:
        """Pixels to each side of one that it depends on."""
        return 4 * self._network().n_blocks + 5

    def _network(self) -> ConvolutionalNetwork:
        """The fitted network. Raises ValueError if the fitted state is damaged."""
        if not self.__sklearn_is_fitted__():
            raise NotFittedError(
                f"This {type(self).__name__} instance is not fitted yet. Train it with "
                "partial_fit, or as the autoencoder of an ImageDenoiser."
            )
        self._validate_params()  # some may have changed since
        self._check_channels()
        checked_curve("loss_curve_", self.__dict__.get("loss_curve_"), ends=True)
        n_features = checked_count("n_features_in_", self.__dict__.get("n_features_in_"))
        try:
            n_planes = _layout(n_features)[1]
        except ValueError as error:
            raise damaged(f"n_features_in_ must be that of a patch, got {n_features}") from error
        check_features(self, n_features)
        network = ConvolutionalNetwork(
            self.weights_,
            4 * n_planes + 1,
            4,
            int(self.n_channels),
            int(self.n_blocks),
            self.matmul_precision,
        )
        if is_array(self.weights_) and self.weights_.shape != (network.size,):
            raise ValueError(
                f"The fitted network has {self.weights_.size} weights, n_channels="
                f"{self.n_channels} and n_blocks={self.n_blocks} mean {network.size}. Restore the "
                "parameters, or fit again."
            )
        network.check()
        _check_finite("weights_", network.weights)
        return network

    def __sklearn_is_fitted__(self) -> bool:
        return "weights_" in self.__dict__


@dataclass
class Adam:
    """The solver, with the formula of `dae._model.solver`, on one array of weights.

    Attributes
    ----------
    moments : list of two float32 ndarrays
    n_steps : int
    """

    moments: list[np.ndarray]
    n_steps: int

    @classmethod
    def new(cls, weights: np.ndarray) -> Adam:
        """A solver that has made no step."""
        return cls([np.zeros_like(weights) for _ in range(2)], 0)

    def descend(self, weights: np.ndarray, gradient: np.ndarray, learning_rate: float) -> None:
        """Move the weights, in place; the gradient is overwritten."""
        self.n_steps += 1
        first, second = self.moments
        first *= BETA_1
        first += (1 - BETA_1) * gradient
        second *= BETA_2
        gradient *= gradient
        gradient *= 1 - BETA_2
        second += gradient
        np.sqrt(second, out=gradient)
        gradient /= np.sqrt(1 - BETA_2**self.n_steps)
        gradient += EPSILON
        np.divide(first, gradient, out=gradient)
        gradient *= learning_rate / (1 - BETA_1**self.n_steps)
        weights -= gradient


# ------------------------------------------------------------------ rows and maps


def _refuse_nan(name: str, rows: Rows) -> None:
    if rows.missing:
        raise ValueError(
            f"{name} contains NaN, which ConvolutionalAutoencoder does not support. Fill the "
            "entries, for example with SimpleImputer."
        )


def _check_finite(name: str, array: np.ndarray) -> None:
    """Raise ValueError if an array of the fitted state has NaN or infinity.

    At each call: it is short beside a convolution by these weights.
    """
    if not _core.all_finite(array.reshape(1, -1), None):
        raise damaged(f"{name} has values that are NaN or infinite")


def _layout(n_features: int) -> tuple[int, int]:
    """Height (and width) of a patch, and the number of its planes, from the columns of a row."""
    for n_planes in (1, 2):
        size = isqrt((n_features - 1) // n_planes)
        if n_planes * size**2 + 1 == n_features and size and size % 2 == 0:
            return size, n_planes
    raise ValueError(
        "A row must have the pixels of a patch of even height and width, once or twice, and one "
        f"more column, got {n_features} columns. Use an even patch_size."
    )


def _planes(rows: np.ndarray, n_planes: int, size: int) -> np.ndarray:
    """The planes of patches, without the last column."""
    return rows[:, :-1].reshape(len(rows), n_planes, size, size)


def _quarters(planes: np.ndarray) -> np.ndarray:
    """Planes (n, planes, height, width) as (n, height / 2, width / 2, 4 planes)."""
    n, count, height, width = planes.shape
    blocks = planes.reshape(n, count, height // 2, 2, width // 2, 2)
    return blocks.transpose(0, 2, 4, 1, 3, 5).reshape(n, height // 2, width // 2, 4 * count)


def _whole(quarters: np.ndarray) -> np.ndarray:
    """The inverse of `_quarters`, of one plane: (n, height, width)."""
    n, height, width, _ = quarters.shape
    blocks = quarters.reshape(n, height, width, 2, 2)
    return blocks.transpose(0, 1, 3, 2, 4).reshape(n, 2 * height, 2 * width)


def _inputs(planes: np.ndarray, constants: np.ndarray) -> np.ndarray:
    """The network's inputs, maps: quarters of the planes, and one of the constant."""
    n, count, height, width = planes.shape
    x = convolutional.new_maps(n, height // 2, width // 2, 4 * count + 1)
    x[:, 1:-1, 1:-1, :-1] = _quarters(planes)
    x[:, 1:-1, 1:-1, -1] = constants[:, None, None]
    return x

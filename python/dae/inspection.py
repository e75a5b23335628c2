"""Plots of what a network learned, with the interface of scikit-learn's displays.

    `FiltersDisplay`          the weights of each hidden unit as a small image
    `ReconstructionDisplay`   samples: clean, corrupted and reconstructed
    `LossCurveDisplay`        the loss by epoch

Each is created by `from_estimator`, stores what it shows, and can be drawn again by `plot`.
matplotlib is imported only when something is drawn.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples, check_array, check_is_fitted

__all__ = ["FiltersDisplay", "LossCurveDisplay", "ReconstructionDisplay"]

GAP = 1  # pixels between tiles

# Rows that are corrupted to show a few: "swap" needs rows to take values from.
CORRUPTED_ROWS = 1000

# ------------------------------------------------------------------ filters


class FiltersDisplay:
    """Filters as tiles of one image.

    Each tile is scaled by itself to a largest absolute weight of 1: middle grey is 0, and the
    magnitudes of different tiles cannot be compared.

    It is recommended to use :meth:`from_estimator`.

    Parameters
    ----------
    filters : ndarray of shape (n_filters, n_features)
        The filters, in the order of the tiles.

    image_shape : (height, width) or (height, width, 3), default=None
        How the features of a filter make an image. None means a square.

    Attributes
    ----------
    im_ : matplotlib AxesImage
        The picture. Its array runs from -1 to 1, masked between the tiles; from 0 to 1 and
        white between the tiles where there are colours.

    ax_ : matplotlib Axes
        Axes with the picture.

    figure_ : matplotlib Figure
        Figure with the axes.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from dae import DenoisingAutoencoder
    >>> from dae.inspection import FiltersDisplay
    >>> X = load_digits().data / 16
    >>> dae = DenoisingAutoencoder(n_components=30, max_iter=5, tol=None, random_state=0)
    >>> display = FiltersDisplay.from_estimator(dae.fit(X), n_filters=20)
    >>> display.im_.get_array().shape  # four rows of five 8 x 8 tiles, and the gaps
    (35, 44)
    """

    im_: Any
    ax_: Any
    figure_: Any

    def __init__(self, filters: Any, *, image_shape: Sequence[int] | None = None) -> None:
        self.filters = filters
        self.image_shape = image_shape

    def plot(self, ax: Any = None, *, n_columns: int | None = None, **kwargs: Any) -> Self:
        """Draw the tiles.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw into. None makes a figure.

        n_columns : int, default=None
            Tiles in a row. None chooses as many as make the picture about square.

        **kwargs : dict
            Passed to `matplotlib.axes.Axes.imshow`, `cmap` for example.

        Returns
        -------
        display : FiltersDisplay
            The object itself, with `im_`, `ax_` and `figure_`.
        """
        filters = check_array(self.filters, dtype=np.float64, input_name="filters")
        shape = _check_image_shape(self.image_shape, filters.shape[1])
        if n_columns is None:
            n_columns = math.ceil(math.sqrt(len(filters) * shape[0] / shape[1]))
        n_columns = min(_check_count(n_columns, "n_columns"), len(filters))
        largest = np.abs(filters).max(axis=1, keepdims=True)
        tiles = filters / np.where(largest > 0, largest, 1)
        if len(shape) == 3:
            tiles = (tiles + 1) / 2
        _draw_mosaic(self, _mosaic(tiles, shape, n_columns), ax, -1.0, 1.0, kwargs)
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        image_shape: Sequence[int] | None = None,
        n_filters: int | None = None,
        order: str = "norm",
        decoder: bool = False,
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Show the weights of a fitted estimator's hidden units.

        Parameters
        ----------
        estimator : fitted estimator
            One with `components_`: a `DenoisingAutoencoder`, or scikit-learn's `PCA`, `NMF`
            or `BernoulliRBM`.

        image_shape : (height, width) or (height, width, 3), default=None
            How the features make an image. None means a square.

        n_filters : int, default=None
            Number of filters to show, the first in `order`. None shows all.

        order : {"norm", "index"}, default="norm"
            "norm" puts the largest Euclidean norm first, "index" keeps the estimator's order.

        decoder : bool, default=False
            Whether to show `decoder_components_`, the weights from each unit to the
            reconstruction, instead of `components_`, those from the input to each unit.

        ax : matplotlib Axes, default=None
            Axes to draw into. None makes a figure.

        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : FiltersDisplay
            The display, drawn.
        """
        if order not in ("norm", "index"):
            raise ValueError(f"order must be 'norm' or 'index', got {order!r}.")
        filters = _weights(estimator, "decoder_components_" if decoder else "components_")
        shape = _check_image_shape(image_shape, filters.shape[1])
        if order == "norm":
            filters = filters[np.argsort(-np.linalg.norm(filters, axis=1), kind="stable")]
        if n_filters is not None:
            filters = filters[: _check_count(n_filters, "n_filters")]
        # a copy: `components_` may be a view of weights that training changes later
        return cls(np.array(filters), image_shape=shape).plot(ax, **kwargs)


def _weights(estimator: Any, name: str) -> np.ndarray:
    """A matrix of a fitted estimator, one row per unit."""
    check_is_fitted(estimator)
    weights = getattr(estimator, name, None)
    if weights is None:
        raise TypeError(
            f"estimator must have {name}, {type(estimator).__name__} does not. Pass the step "
            "that learned them, for example pipeline[-1]."
        )
    return check_array(weights, dtype=np.float64, input_name=name)


# ------------------------------------------------------------------ reconstructions


class ReconstructionDisplay:
    """Samples in three rows: clean, corrupted, and reconstructed from the corrupted.

    It is recommended to use :meth:`from_estimator`.

    Parameters
    ----------
    clean, corrupted, reconstruction : ndarray of shape (n_samples, n_features)
        The samples of the three rows.

    image_shape : (height, width) or (height, width, 3), default=None
        How the features of a sample make an image. None means a square.

    Attributes
    ----------
    im_ : matplotlib AxesImage
        The picture, masked between the tiles. Where there are colours its array runs from 0
        to 1, white between the tiles.

    ax_ : matplotlib Axes
        Axes with the picture.

    figure_ : matplotlib Figure
        Figure with the axes.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from dae import DenoisingAutoencoder
    >>> from dae.inspection import ReconstructionDisplay
    >>> X = load_digits().data / 16
    >>> dae = DenoisingAutoencoder(max_iter=5, tol=None, random_state=0).fit(X)
    >>> display = ReconstructionDisplay.from_estimator(dae, X)
    >>> display.corrupted.shape
    (8, 64)
    """

    im_: Any
    ax_: Any
    figure_: Any

    def __init__(
        self,
        clean: Any,
        corrupted: Any,
        reconstruction: Any,
        *,
        image_shape: Sequence[int] | None = None,
    ) -> None:
        self.clean = clean
        self.corrupted = corrupted
        self.reconstruction = reconstruction
        self.image_shape = image_shape

    def plot(self, ax: Any = None, **kwargs: Any) -> Self:
        """Draw the three rows, black to white the range of the clean samples.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw into. None makes a figure.

        **kwargs : dict
            Passed to `matplotlib.axes.Axes.imshow`, for example `cmap`, or `vmin` and `vmax`
            for another range.

        Returns
        -------
        display : ReconstructionDisplay
            The object itself, with `im_`, `ax_` and `figure_`.
        """
        rows = {}
        for name in ("clean", "corrupted", "reconstruction"):
            rows[name] = check_array(getattr(self, name), dtype=np.float64, input_name=name)
            if rows[name].shape != rows["clean"].shape:
                raise ValueError(
                    f"{name} must have the shape of clean, {rows['clean'].shape}, got "
                    f"{rows[name].shape}. Pass one row for each clean sample."
                )
        n_samples, n_features = rows["clean"].shape
        shape = _check_image_shape(self.image_shape, n_features)
        low, high = rows["clean"].min(), rows["clean"].max()
        low, high = kwargs.pop("vmin", low), kwargs.pop("vmax", high)
        tiles = np.concatenate(list(rows.values()))
        if len(shape) == 3:  # imshow scales no colours
            tiles = np.clip((tiles - low) / (high - low if high > low else 1), 0, 1)
        _draw_mosaic(self, _mosaic(tiles, shape, n_samples), ax, low, high, kwargs)
        middle = np.arange(len(rows)) * (shape[0] + GAP) + (shape[0] - 1) / 2
        self.ax_.set_axis_on()
        self.ax_.set_yticks(middle, list(rows))
        self.ax_.set_xticks([])
        self.ax_.tick_params(length=0)
        self.ax_.spines[:].set_visible(False)
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        image_shape: Sequence[int] | None = None,
        n_samples: int = 8,
        X_corrupted: Any = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Corrupt the first rows of X as training does, and show how they are repaired.

        Parameters
        ----------
        estimator : fitted estimator
            One with `corrupt` and `reconstruct`, as `DenoisingAutoencoder`.

        X : array-like of shape (n_samples, n_features)
            Clean samples, in the form that the estimator was fitted on.

        image_shape : (height, width) or (height, width, 3), default=None
            How the features make an image. None means a square.

        n_samples : int, default=8
            How many to show, or all of X if it has fewer.

        X_corrupted : array-like of shape (n_samples, n_features), default=None
            Your own corrupted copies of X, row by row, shown in place of those of
            ``estimator.corrupt``.

        ax : matplotlib Axes, default=None
            Axes to draw into. None makes a figure.

        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : ReconstructionDisplay
            The display, drawn.

        Notes
        -----
        "swap" takes values from the first 1000 rows of X.
        """
        check_is_fitted(estimator)
        wanted = ["reconstruct"] if X_corrupted is not None else ["corrupt", "reconstruct"]
        for method in wanted:
            if not hasattr(estimator, method):
                raise TypeError(
                    f"estimator must have {method}(), {type(estimator).__name__} does not. "
                    "Pass a fitted DenoisingAutoencoder, and X as its fit was given it."
                )
        n_samples = min(_check_count(n_samples, "n_samples"), _num_samples(X))
        clean = check_array(_first_rows(X, n_samples), dtype="numeric", input_name="X")
        shape = _check_image_shape(image_shape, clean.shape[1])
        if X_corrupted is None:
            corrupted = estimator.corrupt(_first_rows(X, max(n_samples, CORRUPTED_ROWS)))
        else:
            if _num_samples(X_corrupted) != _num_samples(X):
                raise ValueError(
                    f"X_corrupted must have the {_num_samples(X)} rows of X, got "
                    f"{_num_samples(X_corrupted)}. Pass one corrupted copy of each row of X."
                )
            corrupted = check_array(
                _first_rows(X_corrupted, n_samples), dtype="numeric", input_name="X_corrupted"
            )
        corrupted = corrupted[:n_samples]
        with warnings.catch_warnings():
            # fitted on a data frame: what `corrupt` gave is an array of the same columns
            warnings.filterwarnings("ignore", "X does not have valid feature names")
            reconstruction = estimator.reconstruct(corrupted)
        return cls(clean, corrupted, reconstruction, image_shape=shape).plot(ax, **kwargs)


def _first_rows(X: Any, n_rows: int) -> Any:
    """The first rows of an array, a list or a data frame, at most `n_rows`."""
    return _safe_indexing(X, slice(0, min(n_rows, _num_samples(X))))


# ------------------------------------------------------------------ loss curve


class LossCurveDisplay:
    """Training loss and, if there is one, validation loss by epoch.

    The training loss is that of corrupted samples, averaged while the weights change.

    It is recommended to use :meth:`from_estimator`.

    Parameters
    ----------
    loss : array-like of shape (n_epochs,)
        Training loss of each epoch.

    validation_loss : array-like of shape (n_validation_epochs,), default=None
        Validation loss of the last epochs, or of all.

    first_epoch : int, default=1
        Number of the first epoch of `loss`.

    Attributes
    ----------
    line_ : matplotlib Line2D
        Training loss.

    validation_line_ : matplotlib Line2D or None
        Validation loss.

    ax_ : matplotlib Axes
        Axes with the curves.

    figure_ : matplotlib Figure
        Figure with the axes.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from dae import DenoisingAutoencoder
    >>> from dae.inspection import LossCurveDisplay
    >>> X = load_digits().data / 16
    >>> dae = DenoisingAutoencoder(
    ...     max_iter=5, tol=None, early_stopping=True, random_state=0
    ... ).fit(X)
    >>> display = LossCurveDisplay.from_estimator(dae, log_scale=True)
    >>> display.line_.get_xdata()
    array([1, 2, 3, 4, 5])
    """

    line_: Any
    validation_line_: Any
    ax_: Any
    figure_: Any

    def __init__(self, loss: Any, *, validation_loss: Any = None, first_epoch: int = 1) -> None:
        self.loss = loss
        self.validation_loss = validation_loss
        self.first_epoch = first_epoch

    def plot(self, ax: Any = None, *, log_scale: bool = False, **kwargs: Any) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw into. None makes a figure.

        log_scale : bool, default=False
            Whether the loss is on a logarithmic scale.

        **kwargs : dict
            Passed to `matplotlib.axes.Axes.plot`, for both curves.

        Returns
        -------
        display : LossCurveDisplay
            The object itself, with `line_`, `validation_line_`, `ax_` and `figure_`.
        """
        curves = {"training": _check_curve(self.loss, "loss", log_scale)}
        if self.validation_loss is not None:
            curve = _check_curve(self.validation_loss, "validation_loss", log_scale)
            if len(curve) > len(curves["training"]):
                raise ValueError(
                    f"validation_loss must have at most the {len(curves['training'])} epochs "
                    f"of loss, got {len(curve)}. Pass one value per epoch."
                )
            curves["validation"] = curve
        if ax is None:
            _, ax = _pyplot(type(self).__name__).subplots()
            ax.xaxis.get_major_locator().set_params(integer=True)
        last_epoch = self.first_epoch + len(curves["training"]) - 1
        lines = {}
        for name, curve in curves.items():
            # a single point is no line
            style = {"label": name} | ({"marker": "o"} if len(curve) == 1 else {}) | kwargs
            epochs = np.arange(last_epoch - len(curve) + 1, last_epoch + 1)
            (lines[name],) = ax.plot(epochs, curve, **style)
        ax.set(xlabel="Epoch", ylabel="Loss")
        if log_scale:
            ax.set_yscale("log")
        ax.legend()
        self.line_, self.validation_line_ = lines["training"], lines.get("validation")
        self.ax_, self.figure_ = ax, ax.figure
        return self

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, log_scale: bool = False, ax: Any = None, **kwargs: Any
    ) -> Self:
        """Plot the loss curve of a fitted estimator.

        Parameters
        ----------
        estimator : fitted estimator
            One with `loss_curve_`; `validation_loss_curve_` and `n_iter_` are used if present.

        log_scale : bool, default=False
            Whether the loss is on a logarithmic scale.

        ax : matplotlib Axes, default=None
            Axes to draw into. None makes a figure.

        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : LossCurveDisplay
            The display, drawn.

        Notes
        -----
        A validation curve that is shorter than the training curve, as after a continued fit,
        is drawn so that both end with the last epoch.
        """
        check_is_fitted(estimator)
        loss = getattr(estimator, "loss_curve_", None)
        if loss is None or not len(loss):
            raise TypeError(
                f"estimator must have a loss curve in loss_curve_, "
                f"{type(estimator).__name__} has none. Pass an estimator that records one, as "
                "DenoisingAutoencoder does, or its step of a pipeline, for example pipeline[-1]."
            )
        validation_loss = getattr(estimator, "validation_loss_curve_", None)
        display = cls(
            np.array(loss),
            # an empty one is none
            validation_loss=np.array(validation_loss) if validation_loss else None,
            first_epoch=getattr(estimator, "n_iter_", len(loss)) - len(loss) + 1,
        )
        return display.plot(ax, log_scale=log_scale, **kwargs)


def _check_curve(curve: Any, name: str, log_scale: bool) -> np.ndarray:
    curve = check_array(curve, dtype=np.float64, ensure_2d=False, input_name=name)
    if curve.ndim != 1:
        raise ValueError(f"{name} must have one value per epoch, got shape {curve.shape}.")
    if log_scale and curve.min() <= 0:
        raise ValueError(
            f"log_scale=True needs a {name} above 0, got a minimum of {curve.min():.6g}. "
            "Use log_scale=False."
        )
    return curve


# ------------------------------------------------------------------ pictures of tiles


def _mosaic(tiles: np.ndarray, shape: tuple[int, ...], n_columns: int) -> np.ndarray:
    """Tiles side by side, NaN between them; white where there are colours.

    Parameters
    ----------
    tiles : ndarray of shape (n_tiles, n_features)
    shape : (height, width) or (height, width, 3)
    """
    height, width, *colours = shape
    n_rows = -(-len(tiles) // n_columns)
    gap = 1.0 if colours else np.nan
    cells = np.full((n_rows * n_columns, height + GAP, width + GAP, *colours), gap)
    cells[: len(tiles), :height, :width] = tiles.reshape(-1, *shape)
    cells = cells.reshape(n_rows, n_columns, *cells.shape[1:]).swapaxes(1, 2)
    picture = cells.reshape(n_rows * (height + GAP), n_columns * (width + GAP), *colours)
    return picture[:-GAP, :-GAP]


def _draw_mosaic(
    display: Any, picture: np.ndarray, ax: Any, low: float, high: float, kwargs: dict[str, Any]
) -> None:
    """`imshow`, and the display's attributes."""
    if ax is None:
        figure = _pyplot(type(display).__name__).figure(
            figsize=_figure_size(picture), layout="constrained"
        )
        ax = figure.subplots()
    scaled = picture.ndim == 3 or "norm" in kwargs
    style: dict[str, Any] = {} if scaled else {"vmin": low, "vmax": high}
    display.im_ = ax.imshow(np.ma.masked_invalid(picture), **({"cmap": "gray"} | style | kwargs))
    ax.set_axis_off()
    display.ax_, display.figure_ = ax, ax.figure


def _figure_size(picture: np.ndarray) -> tuple[float, float]:
    """Inches: matplotlib's usual area in the picture's proportions, or a dot a pixel."""
    height, width = picture.shape[:2]
    inches_per_pixel = max(math.sqrt(6.4 * 4.8 / (height * width)), 1 / 100)
    return max(width * inches_per_pixel, 1.5), max(height * inches_per_pixel, 1.0)


def _pyplot(who: str) -> Any:
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            f"{who} needs matplotlib, which is not installed. "
            'Install it with: pip install "daecore[demo]"'
        ) from error
    return plt


def _check_image_shape(image_shape: Sequence[int] | None, n_features: int) -> tuple[int, ...]:
    """The shape of an image of that many features."""
    if image_shape is None:
        side = math.isqrt(n_features)
        if side * side != n_features:
            raise ValueError(
                f"image_shape=None means a square image, and {n_features} features make "
                "none. Pass (height, width), or (height, width, 3) for colours."
            )
        return side, side
    try:
        shape = tuple(image_shape)
    except TypeError:  # one number
        shape = ()
    whole = all(isinstance(n, Integral) and n > 0 for n in shape)
    if not whole or len(shape) not in (2, 3) or shape[2:] not in ((), (3,)):
        raise ValueError(
            "image_shape must be (height, width) or (height, width, 3), in positive whole "
            f"numbers, got {image_shape!r}."
        )
    if math.prod(shape) != n_features:
        raise ValueError(
            f"image_shape must multiply to the {n_features} features, got {image_shape!r}, "
            f"which makes {math.prod(shape)}. Pass the shape of the images before they were "
            "made rows."
        )
    return tuple(int(n) for n in shape)


def _check_count(count: Any, name: str) -> int:
    if not isinstance(count, Integral) or isinstance(count, bool) or count < 1:
        raise ValueError(f"{name} must be a whole number of 1 or more, got {count!r}.")
    return int(count)

"""`ImageDenoiser`: pictures cleaned by a denoising autoencoder of their patches."""

from __future__ import annotations

import time
from copy import copy, deepcopy
from numbers import Integral, Real
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context, clone
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from dae import _core
from dae._estimator.version_stamp import VersionStampMixin
from dae._training.monitor import report
from dae.image import _model_file
from dae.image._crops import ADVICE, Crops
from dae.image._multiscale import cleaned_at_scales, n_scales
from dae.image._noise import NOISES, add_noise, estimate_sigma, pixels_to_make_up
from dae.image._patch_task import Repair
from dae.image._patches import filter_picture
from dae.image._pictures import Form, as_list, from_planes, load, to_planes
from dae.image._sampling import training_block
from dae.stacked import StackedDenoisingAutoencoder

__all__ = ["ImageDenoiser"]

BLOCK = 2**15  # patches between two changes of the learning rate

# what a network has learned to do: parameter -> field of the task
WHAT_IT_LEARNED = {
    "noise": "noise", "patch_size": "size", "output_size": "output", "predict": "predict",
    "center": "centre",
}  # fmt: skip

# what `fit` leaves
FITTED = ("autoencoder_", "level_", "loss_curve_", "n_patches_", "_seed", "_block", "_task")

PRETRAINED = Path(__file__).parent / "pretrained.npz"

OUTPUT = 5  # pixels in height and width that a network answers, if nothing else is said

SCALES = 2  # resolutions that Gaussian noise is removed at, if nothing else is said

LOST = ("masking", "salt_and_pepper")  # nothing is left of a pixel that is hit

# Weights in the loss of pixels that are lost, and of those that are not, which nobody asks for
# (those whose input is the answer). On held-out training pictures with salt and pepper of 50 %
# 0.04 to 0.2 dB better than equal ones after 1.5 million patches, 0.1 worse after 300,000.
LOST_EMPHASIS = (1.0, 0.2)


def default_autoencoder(noise: str = "gaussian") -> Any:
    """The network of ``autoencoder=None``."""
    return StackedDenoisingAutoencoder(
        (512, 512),
        corruption=None,
        tied_weights=False,
        fine_tune=True,
        emphasis=LOST_EMPHASIS if noise in LOST else None,
    )


def _set_known(estimator: Any, **parameters: Any) -> None:
    """Set those parameters that the estimator has."""
    known = estimator.get_params(deep=False)
    estimator.set_params(**{name: parameters[name] for name in parameters if name in known})


class ImageDenoiser(VersionStampMixin, TransformerMixin, BaseEstimator):
    """Pictures cleaned by a network that has learned to clean patches.

    `fit` takes clean pictures, spoils random patches of them with the noise that is to be
    removed, and trains an autoencoder on noisy patch -> clean patch [1]_. `transform` cuts a
    noisy picture into overlapping patches, cleans each and averages them, their middles
    weighing most. Patches are taken in blocks: there are never many in memory.

    Parameters
    ----------
    noise : {"gaussian", "masking", "salt_and_pepper", "unknown"}, default="gaussian"
        The noise to remove.

        - "gaussian": normal noise of standard deviation `level` on each pixel.
        - "masking": a share `level` of the pixels is missing. Which ones: `mask` of
          `transform`, NaN, or where there is neither, pixels of value 0.
        - "salt_and_pepper": a share `level` is black or white. Pixels that are neither stay
          as they are; so do black and white ones where most of the 11 x 11 around are like them.
        - "unknown": nothing is known but that the noise of a pixel says nothing about that
          of its neighbours and is zero on average. `fit` takes the **noisy** pictures: some
          pixels are hidden and predicted from their surroundings [2]_.

    level : float or (low, high), default=25/255
        How strong the noise is that is trained on, where black is 0 and white is 1; of a
        range, each crop draws its own. With a range of "gaussian" noise the network is told
        the level, in `transform` by `sigma`. Where `fit` is given `noisy` pictures, it should be
        that of their noise; within a range it is measured.

    autoencoder : estimator or None, default=None
        The network, with ``partial_fit(X, X_corrupted=...)`` and ``reconstruct(X)``. It is
        cloned; parameters of it that this class has too (`batch_size`, `learning_rate_init`,
        `random_state`, `n_jobs`) are overwritten. None: a
        `StackedDenoisingAutoencoder` of two layers of 512 ReLU units, with its mirror image
        three hidden layers, trained jointly with Adam; where pixels are lost and the patch is
        predicted, the errors of known pixels weigh a fifth.

    patch_size : int, default=11
        Height and width in pixels of a patch that the network sees. With "unknown" at least
        5. Larger is better after a long training, and slower.

    output_size : int or None, default=None
        Height and width of the patch's middle, which is what the network answers: pixels
        there have neighbours on all sides. None: 5, or `stride` if that is larger, or
        `patch_size` if that is smaller; with "unknown" all of the patch.

    stride : int, default=3
        Pixels between neighbouring patches in `transform`, at most `output_size`. Smaller is
        slower and better. "unknown" always takes 1.

    scales : int or None, default=None
        Resolutions that "gaussian" noise is removed at, each half of the one before [3]_: what
        is wider than a patch, the coarser ones see. May be lowered after `fit`: `transform`
        then uses fewer. None: 2, and 1 for other noise.

    color : {"luminance", "channels"}, default="luminance"
        Whether RGB pictures are cleaned as luminance and two chrominances, or channel by
        channel. Missing and black-or-white pixels are always repaired channel by channel.

    n_patches : int, default=4_000_000
        Patches to train on. More is better, for a long time.

    batch_size : int, default=128
        Patches in a mini-batch.

    learning_rate_init : float, default=0.001
        Step size of the solver at the start.

    learning_rate : {"cosine", "linear", "constant"}, default="cosine"
        How the step size falls to zero in `fit`, if it does.

    predict : {"patch", "noise"}, default="patch"
        Whether the network's output is the clean patch, or what is to be taken off.

    center : bool, default=True
        Whether a patch loses its mean before the network and gets it back after.

    window : {"gaussian", "uniform"}, default="gaussian"
        Weights of a patch's pixels where patches are averaged.

    data_range : float or None, default=None
        The value of white in pictures of floats, black being 0; None means 1. Pictures of
        uint8 and uint16 have their own.

    warm_start : bool, default=False
        Whether `fit` goes on with the network that is there, trained for the same kind of
        noise and patches, maybe for another level: a model for one level is had from one for
        a range of them in a fraction of the time. `autoencoder` and `random_state` are those
        that it began with.

    random_state : int, RandomState instance or None, default=None
        Decides initial weights, patches and noise.

    n_jobs : int or None, default=None
        Threads, as of `DenoisingAutoencoder`. It changes the time, not the result.

    verbose : int, default=0
        Whether to print about twenty lines during `fit`.

    Attributes
    ----------
    autoencoder_ : estimator
        The fitted network. Its features are the patch's pixels and, behind them, which of
        them are missing, and the level.

    level_ : tuple (low, high) of float
        The levels trained on.

    loss_curve_ : list of float
        Mean squared error of a pixel in each block of patches, white being 1, weighed as the
        autoencoder weighs it, where it has a `loss_curve_` of its own. About that, where levels
        or scales differ: the network's errors are in units that grow with the level.

    n_patches_ : int
        Patches trained on.

    Notes
    -----
    A picture comes back in the dtype, range and shape that it came in; an alpha channel is
    passed through.

    The level is meant after scaling to [0, 1]: noise of 25 grey levels of an 8-bit picture
    is ``level=25/255``.

    References
    ----------
    .. [1] H. C. Burger, C. J. Schuler, S. Harmeling. "Image denoising: can plain neural
       networks compete with BM3D?", CVPR 2012.
    .. [2] J. Batson, L. Royer. "Noise2Self: blind denoising by self-supervision", ICML 2019.
    .. [3] G. Facciolo, N. Pierazzo, J.-M. Morel. "Conservative scale recomposition for
       multiscale denoising", SIAM Journal on Imaging Sciences 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_sample_images
    >>> from dae.image import ImageDenoiser
    >>> china, flower = load_sample_images().images
    >>> denoiser = ImageDenoiser(level=0.1, n_patches=20_000, random_state=0).fit([china])
    >>> noise = np.random.default_rng(0).normal(scale=25, size=flower.shape)
    >>> noisy = np.clip(flower + noise, 0, 255).astype(np.uint8)
    >>> cleaned = denoiser.transform(noisy)
    >>> cleaned.shape, cleaned.dtype
    ((427, 640, 3), dtype('uint8'))
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "noise": [StrOptions(set(NOISES))],
        "level": [Interval(Real, 0, 1, closed="neither"), "array-like"],
        "autoencoder": [HasMethods(["partial_fit", "reconstruct", "set_params"]), None],
        "patch_size": [Interval(Integral, 2, 64, closed="both")],
        "output_size": [Interval(Integral, 1, 64, closed="both"), None],
        "stride": [Interval(Integral, 1, None, closed="left")],
        "scales": [Interval(Integral, 1, None, closed="left"), None],
        "color": [StrOptions({"luminance", "channels"})],
        "n_patches": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "learning_rate": [StrOptions({"cosine", "linear", "constant"})],
        "predict": [StrOptions({"noise", "patch"})],
        "center": ["boolean"],
        "window": [StrOptions({"gaussian", "uniform"})],
        "data_range": [Interval(Real, 0, None, closed="neither"), None],
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
        "n_jobs": [
            Interval(Integral, 1, None, closed="left"),
            Interval(Integral, None, -1, closed="right"),
            None,
        ],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        noise: str = "gaussian",
        level: Any = 25 / 255,
        *,
        autoencoder: Any = None,
        patch_size: int = 11,
        output_size: int | None = None,
        stride: int = 3,
        scales: int | None = None,
        color: str = "luminance",
        n_patches: int = 4_000_000,
        batch_size: int = 128,
        learning_rate_init: float = 0.001,
        learning_rate: str = "cosine",
        predict: str = "patch",
        center: bool = True,
        window: str = "gaussian",
        data_range: float | None = None,
        warm_start: bool = False,
        random_state: Any = None,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.noise = noise
        self.level = level
        self.autoencoder = autoencoder
        self.patch_size = patch_size
        self.output_size = output_size
        self.stride = stride
        self.scales = scales
        self.color = color
        self.n_patches = n_patches
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.learning_rate = learning_rate
        self.predict = predict
        self.center = center
        self.window = window
        self.data_range = data_range
        self.warm_start = warm_start
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    # -------------------------------------------------------------- training

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, images: Any, y: Any = None, *, noisy: Any = None) -> Self:
        """Learn to clean pictures.

        Parameters
        ----------
        images : list of pictures, array, or file names
            Clean pictures (noisy ones for "unknown") of any sizes: each an array of shape
            (height, width) or (height, width, channels), or a file name. Also one array of
            shape (n_images, height, width) or (n_images, height, width, channels).

        y : Ignored
            Present for API consistency.

        noisy : the same, default=None
            Your own noisy copies, picture by picture, in place of noise that is made. Missing
            pixels have the value 0.

        Returns
        -------
        self : ImageDenoiser
            The fitted denoiser. As it was before, if an error or Ctrl-C ends `fit`.

        Raises
        ------
        ValueError
            A picture is smaller than a patch, cannot be read, is of another kind than the
            first, has NaN or floats outside its range.
        """
        crops = self._crops(images, noisy)
        state = self._go_on() if self.warm_start and self.__sklearn_is_fitted__() else self._start()
        started = time.perf_counter()
        done, reported = 0, 0
        while done < self.n_patches:
            rate = self.learning_rate_init * _decay(self.learning_rate, done / self.n_patches)
            done += self._train_block(state, crops, min(BLOCK, self.n_patches - done), rate)
            if self.verbose and (done >= self.n_patches or done - reported >= self.n_patches / 20):
                reported = done
                report(_progress(done, self.n_patches, started, state["loss_curve_"]))
        self.__dict__.update(state)
        return self

    @_fit_context(prefer_skip_nested_validation=False)
    def partial_fit(self, images: Any, y: Any = None, *, noisy: Any = None) -> Self:
        """Go on training with one block of 32,768 patches, at `learning_rate_init`.

        Parameters
        ----------
        images, y, noisy : as of `fit`

        Returns
        -------
        self : ImageDenoiser
            The denoiser, one block further.

        Raises
        ------
        ValueError
            As of `fit`; or the denoiser was made for other noise or patches.
        """
        crops = self._crops(images, noisy)
        state = self._go_on() if self.__sklearn_is_fitted__() else self._start()
        self._train_block(state, crops, BLOCK, self.learning_rate_init)
        self.__dict__.update(state)
        return self

    def _start(self) -> dict[str, Any]:
        """The fitted attributes, before the first block."""
        random_state = check_random_state(self.random_state)
        seed = int(random_state.randint(0, 2**32, dtype=np.uint64))
        autoencoder = (
            default_autoencoder(self.noise) if self.autoencoder is None else clone(self.autoencoder)
        )
        _set_known(autoencoder, batch_size=self.batch_size, random_state=seed, n_jobs=self.n_jobs)
        low, high = self._levels()
        return {
            "autoencoder_": autoencoder,
            "level_": (low, high),
            "loss_curve_": [],
            "n_patches_": 0,
            "_seed": seed,
            "_block": 0,
            "_task": self._new_task(),
        }

    def _new_task(self) -> dict[str, Any]:
        """What `transform` has to know of the parameters, whatever becomes of them."""
        return {
            "noise": self.noise,
            "size": int(self.patch_size),
            "output": self._output(),
            "scales": self._scales(),
            "predict": self.predict,
            "centre": bool(self.center),
            "window": self.window,
        }

    def _output(self) -> int:
        """Height and width of what the network answers."""
        if self.output_size is not None:
            return int(self.output_size)
        if self.noise == "unknown":
            return int(self.patch_size)
        return int(min(max(OUTPUT, self.stride), self.patch_size))

    def _scales(self) -> int:
        """Resolutions to train for."""
        if self.scales is not None:
            return int(self.scales)
        return SCALES if self.noise == "gaussian" else 1

    def _go_on(self) -> dict[str, Any]:
        """The fitted attributes, to train on from; a copy, in case that fails."""
        task, was = self._new_task(), self._checked_task()
        before = vars(was) | {"output": was.answered}
        if self.output_size is None:
            task["output"] = was.answered
        if self.scales is None:
            task["scales"] = was.scales
        for name, field in WHAT_IT_LEARNED.items():
            if task[field] != before[field]:
                raise ValueError(
                    f"The network that is there was made for {name}={before[field]!r}, got "
                    f"{name}={task[field]!r}. Put it back, or start anew: fit with "
                    "warm_start=False."
                )
        state = {name: deepcopy(getattr(self, name)) for name in FITTED}
        _set_known(state["autoencoder_"], batch_size=self.batch_size, n_jobs=self.n_jobs)
        return state | {"level_": self._levels(), "_task": task}

    def _levels(self) -> tuple[float, float]:
        """`level` as a range."""
        try:
            levels = np.asarray(self.level, dtype=np.float64)
        except (TypeError, ValueError):
            levels = np.empty(0)
        if levels.shape not in ((), (2,)) or not (
            0 < levels.min() and levels.min() <= levels.max() < 1
        ):
            raise ValueError(
                "level should be a number between 0 and 1, or a range (low, high) of such "
                f"numbers, got {self.level!r}. For 8-bit pictures, divide grey levels by 255."
            )
        return float(levels.min()), float(levels.max())

    def _crops(self, images: Any, noisy: Any) -> Crops:
        self._levels()
        if self.stride > self.patch_size:
            raise ValueError(
                f"stride should be at most patch_size={self.patch_size}, so that every pixel is "
                f"covered, got {self.stride}."
            )
        if self._output() > self.patch_size:
            raise ValueError(
                f"output_size should be at most patch_size={self.patch_size}, got "
                f"{self.output_size}."
            )
        if self.stride > self._output() and self.noise != "unknown":
            raise ValueError(
                f"stride should be at most output_size={self.output_size}, so that every pixel is "
                f"covered, got {self.stride}."
            )
        if self._scales() > 1 and self.noise != "gaussian":
            raise ValueError(
                f"scales should be 1 or None for noise={self.noise!r}, got {self.scales}: only "
                "Gaussian noise is removed at several resolutions."
            )
        if self.noise == "unknown" and self.patch_size < 5:
            raise ValueError(
                f"patch_size should be at least 5 for noise='unknown', got {self.patch_size}."
            )
        if self.noise == "unknown" and noisy is not None:
            raise ValueError(
                "noise='unknown' learns from noisy pictures alone. Pass them as images, or choose "
                "noise='gaussian' for pairs of clean and noisy."
            )
        return Crops(
            images,
            noisy,
            size=int(self.patch_size),
            luminance=self.color == "luminance" and self.noise not in LOST,
            data_range=self.data_range,
            are_noisy=self.noise == "unknown",
            noise=self._levels()[1] if self.noise == "gaussian" else 0.0,
        )

    def _train_block(self, state: dict[str, Any], crops: Crops, n_patches: int, rate: float) -> int:
        """Train on that many fresh patches; changes `state`, returns their number."""
        task = Repair(**state["_task"])
        # by number: an interrupted training that goes on sees what it would have seen
        rng = np.random.default_rng([state["_seed"], state["_block"]])
        threads = _core.n_threads(self.n_jobs)
        X, X_corrupted, unit = training_block(task, crops, state["level_"], n_patches, rng, threads)
        autoencoder = state["autoencoder_"]
        # the latter of a deep one
        _set_known(autoencoder, learning_rate_init=rate, fine_tune_learning_rate_init=rate)
        autoencoder.partial_fit(X, X_corrupted=X_corrupted)
        curve = getattr(autoencoder, "loss_curve_", None)
        if curve:
            # a loss is a sum over features
            state["loss_curve_"].append(float(curve[-1]) * unit / task.asked().sum())
        state["_block"] += 1
        state["n_patches_"] += n_patches
        return n_patches

    # -------------------------------------------------------------- cleaning

    def transform(self, images: Any, *, sigma: Any = None, mask: Any = None) -> Any:
        """Clean pictures.

        Parameters
        ----------
        images : list of pictures, array, or file names
            As of `fit`; one picture may come without a list. Each is cleaned by itself.

        sigma : float, "auto" or None, default=None
            Standard deviation of the Gaussian noise where white is 1, for a denoiser that
            was trained on a range of levels. "auto" estimates it from each picture [4]_, as
            does None. Beyond the range its nearest end is used.

        mask : bool array or list of them, default=None
            True where a pixel is missing, for ``noise="masking"``: of the picture's shape or
            its (height, width).

        Returns
        -------
        cleaned : list of arrays, or an array
            As the pictures came: a list for a list, an array for an array or one picture;
            each in its dtype and range. Pixels that are not missing (for "salt_and_pepper":
            neither black nor white) keep their values.

        Raises
        ------
        ValueError
            A picture is smaller than a patch, cannot be read, has no pixel that is known, or
            `sigma` or `mask` does not fit the denoiser.

        References
        ----------
        .. [4] D. L. Donoho, I. M. Johnstone. "Ideal spatial adaptation by wavelet
           shrinkage", Biometrika 1994.
        """
        check_is_fitted(self)
        self._validate_params()  # some may be changed after fit
        task = self._checked_task()
        items, way = as_list(images)
        masks: list[Any] = [None] * len(items)
        if mask is not None:
            if task.noise != "masking":
                raise ValueError(
                    f"mask is for noise='masking'; this denoiser is for {task.noise!r}. Leave it."
                )
            if way != "one" and not isinstance(mask, (list, tuple, np.ndarray)):
                raise ValueError(
                    f"mask should be a list of one mask for each of the {len(items)} images, or "
                    f"an array of them, got {type(mask).__name__}."
                )
            masks = [mask] if way == "one" else list(mask)
            if len(masks) != len(items):
                raise ValueError(
                    f"mask should have one mask for each of the {len(items)} images, got "
                    f"{len(masks)}."
                )
        sigma = self._checked_sigma(sigma, task.noise)
        cleaned = [
            self._clean(task, item, f"images[{index}]", sigma, masks[index])
            for index, item in enumerate(items)
        ]
        if way == "one":
            return cleaned[0]
        return np.stack(cleaned) if way == "array" else cleaned

    def score(self, images: Any, y: Any = None, *, noisy: Any = None) -> float:
        """Mean PSNR in dB of pictures that are spoiled and cleaned.

        Parameters
        ----------
        images : list of pictures, array, or file names
            Clean pictures.

        y : Ignored
            Present for API consistency.

        noisy : the same, default=None
            Their noisy copies. None makes them, of a level in the middle of those trained
            on, and the same at each call; a range's level is told to the denoiser.

        Returns
        -------
        psnr : float
            Mean over the pictures; infinite if one of them comes back without error.
        """
        check_is_fitted(self)
        self._validate_params()
        task = self._checked_task()
        clean, _ = as_list(images)
        if noisy is None and task.noise == "unknown":
            raise ValueError("score needs noisy= for noise='unknown': nothing tells what it is.")
        if noisy is None:
            spoiled: list[Any] = [None] * len(clean)
        else:
            spoiled, _ = as_list(noisy, "noisy")
            if len(spoiled) != len(clean):
                raise ValueError(
                    f"noisy should have one picture for each of the {len(clean)} images, got "
                    f"{len(spoiled)}."
                )
        level = sum(self.level_) / 2
        sigma = level if self.tells_level and noisy is None else None
        rng = np.random.default_rng(0)
        psnr = []
        for index, (item, other) in enumerate(zip(clean, spoiled, strict=True)):
            image, name = load(item, f"images[{index}]")
            form = Form.of(image, name, data_range=self.data_range)
            unit = form.to_unit(image)
            if other is None:
                # floats, so that the noise is not clipped
                other = add_noise(task.noise, level, unit, rng) * form.white
                other = other if form.dtype.kind == "f" else other / form.white
                form_range = self.data_range if form.dtype.kind == "f" else None
            else:
                other, form_range = load(other, f"noisy[{index}]")[0], self.data_range
            result = self._clean(task, other, f"noisy[{index}]", sigma, None, form_range)
            if result.shape[:2] != image.shape[:2]:
                raise ValueError(
                    f"noisy[{index}] should have the shape of {name}, {image.shape}, got "
                    f"{result.shape}."
                )
            error = Form.of(result, name, data_range=form_range).to_unit(result) - unit
            with np.errstate(divide="ignore"):
                psnr.append(-10 * np.log10(np.mean(np.square(error, dtype=np.float64))))
        return float(np.mean(psnr))

    def _clean(
        self,
        task: Repair,
        item: Any,
        name: str,
        sigma: float | None,
        mask: Any,
        data_range: Any = "own",
    ) -> np.ndarray:
        """One picture."""
        image, name = load(item, name)
        form = Form.of(
            image,
            name,
            data_range=self.data_range if data_range == "own" else data_range,
            noise=None if task.noise in LOST else self._noise(),
            nan_means="missing" if task.noise == "masking" else None,
        )
        if min(form.shape[:2]) < task.size:
            raise ValueError(
                f"{name} has {form.shape[0]} x {form.shape[1]} pixels, less than a patch of "
                f"{task.size} x {task.size}. {ADVICE}"
            )
        noisy = form.to_unit(image)
        if task.noise not in LOST:
            luminance = self.color == "luminance"
            planes = to_planes(noisy, luminance)
            if self.tells_level and sigma is None:
                sigma = _median_sigma(planes)
            nothing = np.zeros(form.shape[:2], dtype=bool)
            cleaned = [self._clean_plane(task, plane, nothing, sigma) for plane in planes]
            return form.from_unit(from_planes(cleaned, luminance), image)
        lost = pixels_to_make_up(task.noise, noisy, mask, name)
        planes = [
            self._clean_plane(task, np.ascontiguousarray(noisy[..., c]), lost[..., c], None)
            for c in range(noisy.shape[2])
        ]
        return form.from_unit(np.stack(planes, axis=-1), image, keep=~lost)

    def _clean_plane(
        self, task: Repair, noisy: np.ndarray, lost: np.ndarray, sigma: float | None
    ) -> np.ndarray:
        level = float(np.clip(self.level_[0] if sigma is None else sigma, *self.level_))
        stride = 1 if task.noise == "unknown" else min(int(self.stride), task.answered)
        network = copy(self.autoencoder_)  # over the same weights
        _set_known(network, n_jobs=self.n_jobs)

        def clean(plane: np.ndarray, level: float) -> np.ndarray:
            def clean_patches(*patches: np.ndarray) -> np.ndarray:
                given = task.show(patches, level)
                return task.cleaned(network.reconstruct(given.shown), given)

            return filter_picture(
                task.planes(plane, lost), clean_patches, task.size, stride, task.profile()
            )

        scales = task.scales if self.scales is None else min(int(self.scales), task.scales)
        return cleaned_at_scales(noisy, clean, level, n_scales(noisy.shape, task.size, scales))

    def _noise(self) -> float:
        """Standard deviation of the strongest noise that pictures are expected to have."""
        return self.level_[1] if self._task["noise"] == "gaussian" else 0.0

    def _checked_task(self) -> Repair:
        try:
            return Repair(**self._task)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"The fitted state is damaged: _task should be what fit made, got "
                f"{self._task!r}. Fit the denoiser again."
            ) from error

    def _checked_sigma(self, sigma: Any, noise: str) -> float | None:
        if sigma is None or (isinstance(sigma, str) and sigma == "auto"):
            if sigma is not None and not self.tells_level:
                raise ValueError(
                    "sigma='auto' needs a denoiser for a range of levels of Gaussian noise; this "
                    f"one is for {noise!r} and level={self.level_}. "
                    "Train one with level=(low, high)."
                )
            return None
        if not isinstance(sigma, Real) or isinstance(sigma, bool) or not 0 <= float(sigma) <= 1:
            raise ValueError(
                f"sigma should be 'auto' or a number from 0 to 1, where white is 1; got {sigma!r}."
                " For 8-bit pictures, divide grey levels by 255."
            )
        if not self.tells_level:
            raise ValueError(
                "sigma can only be told to a denoiser for a range of levels of Gaussian noise; "
                f"this one is for {noise!r} and level={self.level_}. "
                "Train one with level=(low, high), or leave sigma."
            )
        return float(sigma)

    @property
    def tells_level(self) -> bool:
        """Whether `transform` has to know the noise: trained on a range of Gaussian levels."""
        check_is_fitted(self)
        return self._task["noise"] == "gaussian" and self.level_[0] < self.level_[1]

    def estimate_sigma(self, image: Any) -> float:
        """What ``sigma="auto"`` takes for the noise of one picture.

        Parameters
        ----------
        image : picture or file name

        Returns
        -------
        sigma : float
            Standard deviation of Gaussian noise, where white is 1.
        """
        image, name = load(image, "image")
        fitted = self.__sklearn_is_fitted__()
        form = Form.of(
            image, name, data_range=self.data_range, noise=self._noise() if fitted else 0.0
        )
        return _median_sigma(to_planes(form.to_unit(image), self.color == "luminance"))

    # -------------------------------------------------------------- files

    def save(self, path: Any) -> None:
        """Write the fitted denoiser into one file, without pickle.

        Parameters
        ----------
        path : str or path
            Ends in ``.npz``. Written whole or not at all.
        """
        check_is_fitted(self)
        _model_file.save(self, path)

    @classmethod
    def load(cls, path: Any) -> Self:
        """Read a denoiser that `save` wrote. Nothing in the file is executed.

        Parameters
        ----------
        path : str or path

        Returns
        -------
        denoiser : ImageDenoiser

        Raises
        ------
        ValueError
            The file is no model, was changed or cut short, or has a format that this version
            does not know.
        """
        return _model_file.load(path, cls)

    @classmethod
    def pretrained(cls) -> Self:
        """A denoiser for Gaussian noise of any level from 5 to 75 of 255, ready to use.

        Trained on the photographs that scikit-image and scikit-learn bundle, by
        ``bench/pretrain.py`` of the source repository.

        Returns
        -------
        denoiser : ImageDenoiser
        """
        if not PRETRAINED.exists():
            raise FileNotFoundError(
                f"{PRETRAINED.name} is missing from the installed package; install it again, or "
                "train a denoiser of your own with fit."
            )
        return cls.load(PRETRAINED)

    def __sklearn_is_fitted__(self) -> bool:
        return "autoencoder_" in self.__dict__

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.input_tags.string = True  # file names
        tags.input_tags.allow_nan = self.noise == "masking"
        return tags


# ------------------------------------------------------------------ helpers


def _median_sigma(planes: list[np.ndarray]) -> float:
    """The noise of a picture: its planes have the same, what looks like it in one is texture."""
    return float(np.median([estimate_sigma(plane) for plane in planes]))


def _decay(schedule: str, done: float) -> float:
    """Share of the first learning rate, when `done` of the training is over."""
    if schedule == "cosine":
        return float(1 + np.cos(np.pi * done)) / 2
    return 1 - done if schedule == "linear" else 1.0


def _progress(done: int, total: int, started: float, curve: list[float]) -> str:
    rate = done / max(time.perf_counter() - started, 1e-9)
    psnr = f"  PSNR {-10 * np.log10(curve[-1]):.2f} dB" if curve and curve[-1] > 0 else ""
    return (
        f"{done:>{len(f'{total:,}')},} of {total:,} patches{psnr}  {rate:,.0f} patches/s  "
        f"{(total - done) / rate:.1f} s left"
    )

"""`ImageDenoiser`: pictures cleaned by a denoising autoencoder, patch by patch or as a whole."""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils._param_validation import HasMethods, StrOptions
from sklearn.utils.validation import check_is_fitted

from dae._estimator.parameters import Interval
from dae._estimator.version_stamp import VersionStampMixin
from dae._model.damage import damaged
from dae._model.precision import PRECISIONS
from dae.image import _model_file
from dae.image._cleaning import (
    Cleaner,
    Progress,
    clean_picture,
    estimate_noise,
    expected_noise,
)
from dae.image._format import ImageFormat, own_white
from dae.image._io import as_list, load
from dae.image._model_state import FITTED
from dae.image._noise import NOISES
from dae.image._patch_task import PatchTask
from dae.image._scoring import mean_psnr
from dae.image._training import (
    TrainingState,
    convolves,
    default_autoencoder,
    new_crops,
    train,
    train_one_block,
)
from dae.image.convolutional import ConvolutionalAutoencoder

__all__ = ["ConvolutionalAutoencoder", "ImageDenoiser", "default_autoencoder"]

PRETRAINED = Path(__file__).parent / "pretrained.npz"


class ImageDenoiser(VersionStampMixin, TransformerMixin, BaseEstimator):
    """Clean pictures with a network that has learned to clean patches.

    `fit` takes clean pictures, spoils random patches of them with the noise to remove, and
    trains an autoencoder on pairs of noisy and clean patches [1]_. `transform` cuts a noisy
    picture into overlapping patches, cleans each and averages them, weighting the middle of a
    patch most. Patches are processed in blocks, so that memory does not grow with their number.
    A `ConvolutionalAutoencoder` is trained on patches too, and then shown whole pictures.

    Parameters
    ----------
    noise : {"gaussian", "masking", "salt_and_pepper", "unknown"}, default="gaussian"
        The noise to remove.

        - "gaussian": normal noise of standard deviation `level` on each pixel.
        - "masking": a share `level` of the pixels is missing. They are given by `mask` of
          `transform`, or are NaN, or, where there is neither, are the pixels of value 0.
        - "salt_and_pepper": a share `level` of the pixels is black or white. Pixels that are
          neither keep their values; so do black and white ones where most of the surrounding
          11 x 11 pixels are like them.
        - "unknown": all that is known is that the noise of a pixel is independent of the noise
          of its neighbours and zero on average. `fit` takes the **noisy** pictures: some
          pixels are hidden and predicted from their surroundings [2]_.

    level : float or (low, high), default=25/255
        Strength of the noise to train for, where black is 0 and white is 1; of a range, each
        crop draws its own. With a range of "gaussian" noise the network is told the level, in
        `transform` by `sigma`. Where `fit` is given `noisy` pictures, `level` must describe
        their noise; within a range it is measured.

    autoencoder : estimator or None, default=None
        The network, with ``partial_fit(X, X_corrupted=...)`` and ``reconstruct(X)``. It is
        cloned; its parameters that this class has too (`batch_size`, `learning_rate_init`,
        `random_state`, `n_jobs`, `matmul_precision`) are overwritten. A
        `ConvolutionalAutoencoder` removes more noise after a long training; `patch_size` is then
        the size of the pieces that it is trained on, and `output_size`, `stride`, `center` and
        `window` have no part. None: a `StackedDenoisingAutoencoder` of two layers of 512 ReLU
        units (three hidden layers with its mirror image), trained jointly with Adam; where pixels
        are lost and the patch is predicted, the errors of known pixels weigh a fifth.

    patch_size : int, default=11
        Height and width in pixels of a patch that the network sees; at least 5 with
        "unknown", even with a `ConvolutionalAutoencoder`. Larger is better after a long training,
        and slower.

    output_size : int or None, default=None
        Height and width of the middle of the patch that the network predicts: pixels there
        have neighbours on all sides. None: 5, or `stride` if that is larger, or `patch_size`
        if that is smaller; with "unknown" the whole patch.

    stride : int, default=3
        Pixels between neighbouring patches in `transform`, at most `output_size`. Smaller is
        slower and better. "unknown" always uses 1.

    scales : int or None, default=None
        Resolutions at which "gaussian" noise is removed, each half of the one before [3]_: the
        coarser ones see what is wider than a patch. May be lowered after `fit`: `transform`
        then uses fewer. None: 2, and 1 for other noise and with a `ConvolutionalAutoencoder`.

    color : {"luminance", "channels"}, default="luminance"
        Whether RGB pictures are cleaned as luminance and two chrominances, or channel by
        channel. Missing and black-or-white pixels are always repaired channel by channel.

    n_patches : int, default=4_000_000
        Number of patches to train on. More is better, for a long time.

    batch_size : int, default=128
        Patches per mini-batch.

    learning_rate_init : float, default=0.001
        Initial step size of the solver.

    learning_rate : {"cosine", "linear", "constant"}, default="cosine"
        Learning-rate schedule in `fit`: annealed to 0, or constant.

    predict : {"patch", "noise"}, default="patch"
        Whether the network predicts the clean patch, or the noise, which is subtracted.

    center : bool, default=True
        Whether the mean of a patch is subtracted before the network and added after it.

    window : {"gaussian", "uniform"}, default="gaussian"
        Weights of the pixels of a patch where patches are averaged.

    data_range : float or None, default=None
        The value of white, black being 0. None: 1 in pictures of floats, 255 in uint8; in 16-bit
        pictures the largest value of the 8, 10, 12, 14 or 16 bits that they use, with a warning
        if those are not 16. Other integers need it.

    warm_start : bool, default=False
        Whether `fit` continues training the fitted network, for the same kind of noise and
        patches but maybe another level: a model for one level comes from one for a range of
        levels in a fraction of the time. `autoencoder` and an integer `random_state` must be those
        that the network began with.

    random_state : int, RandomState instance or None, default=None
        Determines initial weights, patches and noise.

    n_jobs : int or None, default=None
        Number of threads, as for `DenoisingAutoencoder`. It changes the time, not the result.

    verbose : int, default=0
        Whether `fit` prints its progress, in about twenty lines, and `transform` how long large
        pictures will take.

    matmul_precision : {"highest", "high", "medium"}, default="highest"
        Precision of the factors of the network's products, in training and in cleaning, as for
        `DenoisingAutoencoder`; may be changed after `fit`. "medium" rounds them to bfloat16, where
        that is faster (`dae.show_versions` tells).

    Attributes
    ----------
    autoencoder_ : estimator
        The fitted network. Its features are the pixels of the patch, then which of them are
        missing, then the level.

    level_ : tuple (low, high) of float
        The levels trained on.

    loss_curve_ : list of float
        Mean squared error per pixel in each block of patches, where white is 1, weighted as the
        autoencoder weights it; empty where the autoencoder has no `loss_curve_`. Approximate
        where levels or scales differ: the errors of the network are in units that grow with
        the level.

    n_patches_ : int
        Number of patches trained on.

    See Also
    --------
    ConvolutionalAutoencoder : A network that sees whole pictures.
    default_autoencoder : The network of patches of ``autoencoder=None``.

    Notes
    -----
    A cleaned picture has the dtype, range and shape of the input; an alpha channel is passed
    through.

    The level refers to pictures scaled to [0, 1]: noise of 25 grey levels of an 8-bit picture
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
        "matmul_precision": [StrOptions(set(PRECISIONS))],
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
        matmul_precision: str = "highest",
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
        self.matmul_precision = matmul_precision

    # -------------------------------------------------------------- training

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, images: Any, y: Any = None, *, noisy: Any = None) -> Self:
        """Learn to clean pictures.

        Parameters
        ----------
        images : list of pictures, array, or file names
            Clean pictures (noisy ones for "unknown") of any sizes: each an array of shape
            (height, width) or (height, width, channels), or a file name. Also one array of
            shape (n_images, height, width) or (n_images, height, width, channels). Noise that
            they have of their own is learned as a part of pictures, and left in.

        y : Ignored
            Present for API consistency. Clean pictures passed here, as in ``fit(noisy, clean)``
            of other libraries, have no effect: pass ``fit(clean, noisy=noisy)``.

        noisy : as `images`, default=None
            Noisy copies of the images, picture by picture, used instead of generated noise.
            Missing pixels have the value 0.

        Returns
        -------
        self : ImageDenoiser
            The fitted denoiser. Unchanged if an error ends `fit`. Ctrl-C keeps the blocks of
            32,768 patches (of 2,048 with a `ConvolutionalAutoencoder`) that are complete, and
            warns; before the end of the first one the denoiser is unchanged and KeyboardInterrupt
            is raised.

        Raises
        ------
        ValueError
            A picture is smaller than a patch, cannot be read, is of another kind than the
            first, or has NaN or floats outside its range.
        """
        continues = self.warm_start and self.__sklearn_is_fitted__()
        crops = new_crops(self, images, noisy, self.autoencoder_ if continues else None)
        state = self._resume() if continues else self._start()
        train(self, state, crops)
        self.__dict__.update(state.attributes())
        return self

    @_fit_context(prefer_skip_nested_validation=False)
    def partial_fit(self, images: Any, y: Any = None, *, noisy: Any = None) -> Self:
        """Continue training with one block of patches, at `learning_rate_init`.

        A block has 32,768 patches, with a `ConvolutionalAutoencoder` 2,048.

        Parameters
        ----------
        images, y, noisy : as in `fit`

        Returns
        -------
        self : ImageDenoiser
            The denoiser, one block further.

        Raises
        ------
        ValueError
            As in `fit`; or the denoiser was fitted for other noise or patches, or with another
            `autoencoder` or integer `random_state`.
        """
        continues = self.__sklearn_is_fitted__()
        crops = new_crops(self, images, noisy, self.autoencoder_ if continues else None)
        state = self._resume() if continues else self._start()
        train_one_block(self, state, crops)
        self.__dict__.update(state.attributes())
        return self

    def _start(self) -> TrainingState:
        return TrainingState.start(self)

    def _resume(self) -> TrainingState:
        return TrainingState.resume(self, self._checked_task())

    # -------------------------------------------------------------- cleaning

    def transform(self, images: Any, *, sigma: Any = None, mask: Any = None) -> Any:
        """Clean pictures.

        Parameters
        ----------
        images : list of pictures, array, or file names
            As in `fit`; one picture may be passed without a list. Each is cleaned by itself.

        sigma : float, "auto" or None, default=None
            Standard deviation of the Gaussian noise where white is 1, for a denoiser that
            was trained on a range of levels. "auto" and None measure it in each picture, for
            luminance and colours apart, and remove no more noise than that (see Notes). Of 0
            the picture is returned as it is; of another value outside the range the nearest end
            is used, with a warning, and below it the less is removed, the weaker the noise.

        mask : bool array or list of them, default=None
            True where a pixel is missing, for ``noise="masking"``: of the picture's shape or
            its (height, width).

        Returns
        -------
        cleaned : list of arrays, or an array
            A list for a list, an array for an array or one picture; each picture in its dtype
            and range. Pixels that are not missing (for "salt_and_pepper": neither black nor
            white) keep their values.

        Raises
        ------
        ValueError
            A picture is smaller than a patch (which a `ConvolutionalAutoencoder` cleans), cannot
            be read or has no known pixel, or `sigma` or `mask` does not fit the denoiser.

        Notes
        -----
        The noise is measured in the flattest blocks of 8 x 8 pixels [4]_, also where it is not
        white: in enlarged, sharpened or demosaiced pictures. Of a JPEG file, with or without
        subsampled colours, the table of quantisation is read off the pixels, and the noise is the
        one that makes the rounded coefficients most likely. Where r is what the network would
        remove, of the energy E around a pixel, the share min(1, c s^2 / E) of it is removed, c
        growing from 0.2 to 1.4 with the level s, and to 2 where no more than the noise is removed
        on average: so detail that the network does not know is kept, and clean pictures stay as
        they are. Noise of up to 1.5 grey levels of 255 is taken for the picture's own and left.

        A picture whose three channels are equal is cleaned as grey.

        What noise leaves below black or above white after cleaning is cut off. Where whole
        regions are beyond, up to 1.5 times white, as air in computed tomography (CT) or in a
        picture that an offset was subtracted from, the picture keeps its values on that side.

        References
        ----------
        .. [4] S. Pyatykh, J. Hesser, L. Zheng. "Image noise level estimation by principal
           component analysis", IEEE Transactions on Image Processing 2013.
        """
        cleaner = self._cleaner()
        items, container = as_list(images)
        masks = _as_masks(mask, len(items), container, cleaner.task.noise)
        sigma = _check_sigma(sigma, cleaner)
        data_range = self.data_range
        if data_range is None and container == "array":
            data_range = own_white(np.asarray(images), "images")  # one for the whole stack
        cleaned = []
        for index, item in enumerate(items):
            item, own_mask = _split_mask(item, masks[index], cleaner.task.noise)
            image, name = load(item, f"images[{index}]")
            cleaned.append(
                clean_picture(
                    cleaner,
                    image,
                    name,
                    sigma=sigma,
                    mask=own_mask,
                    data_range=data_range,
                    progress=Progress(name) if self.verbose else None,
                ).pixels
            )
        if container == "one":
            return cleaned[0]
        return np.stack(cleaned) if container == "array" else cleaned

    def score(self, images: Any, y: Any = None, *, noisy: Any = None) -> float:
        """Mean PSNR in dB of pictures that are spoiled and cleaned.

        Parameters
        ----------
        images : list of pictures, array, or file names
            Clean pictures.

        y : Ignored
            Present for API consistency.

        noisy : as `images`, default=None
            Their noisy copies. None generates noise, of the middle of the levels trained on
            and the same at each call; a denoiser for a range is told the level.

        Returns
        -------
        psnr : float
            Mean over the pictures; infinite if one of them is restored without error.
        """
        return mean_psnr(self._cleaner(), images, noisy, self.data_range)

    def _cleaner(self) -> Cleaner:
        check_is_fitted(self)
        self._validate_params()  # some may have changed since `fit`
        return Cleaner.of(self, self._checked_task())

    def _checked_task(self) -> PatchTask:
        """The task of the fitted network. Raises ValueError if the fitted state is damaged."""
        for name, is_valid in FITTED.items():
            if not is_valid(self.__dict__.get(name)):
                raise damaged(f"{name} is missing, or not what fit leaves there")
        try:
            task = PatchTask(**self._task)
        except (TypeError, ValueError) as error:
            raise damaged(f"_task must describe a task, got {self._task!r}") from error
        if task.convolves != convolves(self.autoencoder_):
            raise damaged(
                f"_task must describe a network such as {type(self.autoencoder_).__name__}, got "
                f"convolves={task.convolves}"
            )
        n_features = getattr(self.autoencoder_, "n_features_in_", task.n_features)
        if not isinstance(n_features, int) or n_features != task.n_features:
            raise damaged(
                f"the network must have {task.n_features} features for _task, got {n_features!r}"
            )
        return task

    @property
    def tells_level(self) -> bool:
        """Whether the network is told the level: trained on a range of Gaussian noise."""
        check_is_fitted(self)
        return self._checked_task().noise == "gaussian" and self.level_[0] < self.level_[1]

    def estimate_sigma(self, image: Any) -> float:
        """Estimate the noise of one picture, as ``sigma="auto"`` does.

        Parameters
        ----------
        image : picture or file name

        Returns
        -------
        sigma : float
            Standard deviation of the noise, where white is 1. Of colours it is that of the
            luminance (R + G + B) / sqrt(3), or with ``color="channels"`` the median over
            channels. For noise that is independent from channel to channel that is the noise
            of each; where the channels share it, as film grain, sqrt(3) times that. Of a grey
            picture stored in three equal channels it is the noise of one.

        Notes
        -----
        Of JPEG files it is about the noise that was there before JPEG. A little is found on most
        clean pictures: the noise of a scan or a sensor, and texture that fills the picture.
        ``sigma="auto"`` allows for that at low levels, and removes less than what is found.
        """
        self._validate_params()
        image, name = load(image, "image")
        fitted = self.__sklearn_is_fitted__()
        noise = expected_noise(self._checked_task().noise, self.level_) if fitted else 0.0
        image_format = ImageFormat.of(image, name, data_range=self.data_range, noise=noise)
        levels = estimate_noise(image, image_format, self.color == "luminance")
        return levels[0] if self.color == "luminance" else float(np.median(levels))

    # -------------------------------------------------------------- files

    def save(self, path: Any) -> None:
        """Write the fitted denoiser into one file, without pickle.

        Parameters
        ----------
        path : str or path
            Must end in ``.npz``. The file is written whole or not at all.
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
            does not read.
        """
        return _model_file.load(path, cls)

    @classmethod
    def pretrained(cls) -> Self:
        """Return the bundled denoiser, for Gaussian noise of any level from 5 to 75 of 255.

        Its network is a `ConvolutionalAutoencoder`, trained by ``bench/pretrain.py`` of the source
        repository on 74 photographs that packages bring under licences which allow it;
        ``bench/photographs.tsv`` names their authors. Pictures may have any size.

        Its `matmul_precision` is "medium", which no picture shows and which is faster with AMD's
        AVX-512 BF16. Elsewhere it computes as "highest".

        Returns
        -------
        denoiser : ImageDenoiser
        """
        if not PRETRAINED.exists():
            raise FileNotFoundError(
                f"{PRETRAINED.name} is missing from the installed package; install it again, or "
                "train a denoiser with fit."
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


def _as_masks(mask: Any, n_images: int, container: str, noise: str) -> list[Any]:
    """One mask, or None, for each picture."""
    if mask is None:
        return [None] * n_images
    if noise != "masking":
        raise ValueError(
            f"mask is only supported with noise='masking'; this denoiser was fitted with "
            f"noise={noise!r}. Omit mask."
        )
    if container == "one":
        return [mask]
    if not isinstance(mask, (list, tuple, np.ndarray)):
        raise ValueError(
            f"mask must be a list of one mask for each of the {n_images} images, or an array of "
            f"them, got {type(mask).__name__}."
        )
    if len(mask) != n_images:
        raise ValueError(
            f"mask must have one mask for each of the {n_images} images, got {len(mask)}."
        )
    return list(mask)


def _split_mask(image: Any, mask: Any, noise: str) -> tuple[Any, Any]:
    """A masked array as its pixels and its mask, for a denoiser of missing pixels."""
    if noise != "masking" or not isinstance(image, np.ma.MaskedArray):
        return image, mask
    own = np.ma.getmaskarray(image)
    if mask is not None:
        mask = np.asarray(mask)
        own = own | (mask[..., None] if mask.ndim < own.ndim else mask)
    return np.ma.getdata(image), own


def _check_sigma(sigma: Any, cleaner: Cleaner) -> float | None:
    """`sigma` of `transform` as a number, or None for an estimate."""
    fitted = f"this denoiser was fitted with noise={cleaner.task.noise!r}, level={cleaner.levels}"
    if sigma is None or (isinstance(sigma, str) and sigma == "auto"):
        if sigma is not None and not cleaner.tells_level:
            raise ValueError(
                "sigma='auto' is only supported by a denoiser for a range of levels of Gaussian "
                f"noise; {fitted}. Omit sigma, or train with level=(low, high)."
            )
        return None
    if not isinstance(sigma, Real) or isinstance(sigma, bool) or not 0 <= float(sigma) <= 1:
        raise ValueError(
            f"sigma must be 'auto' or a number from 0 to 1, where white is 1; got {sigma!r}. For "
            "8-bit pictures, divide grey levels by 255."
        )
    if not cleaner.tells_level:
        raise ValueError(
            "sigma is only supported by a denoiser for a range of levels of Gaussian noise; "
            f"{fitted}. Omit sigma, or train with level=(low, high)."
        )
    sigma, (low, high) = float(sigma), cleaner.levels
    if sigma and not low <= sigma <= high:
        warnings.warn(
            f"sigma={sigma:.4g} is outside the levels that this denoiser was trained for, "
            f"{low:.4g} to {high:.4g}: the nearest, {cleaner.level(sigma):.4g}, is used"
            + (", and no more than the noise is removed." if sigma < low else "."),
            stacklevel=3,
        )
    return sigma

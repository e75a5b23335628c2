"""The training of an `ImageDenoiser`: its network, its task, its state from block to block."""

from __future__ import annotations

import time
import warnings
from copy import deepcopy
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state

from dae import _core
from dae._training.monitor import report
from dae.image._crops import Crops
from dae.image._patch_task import LOST, PatchTask
from dae.image._sampling import training_block
from dae.image.convolutional import ConvolutionalAutoencoder
from dae.stacked import StackedDenoisingAutoencoder

BLOCK = 2**15  # patches between two changes of the learning rate
CONVOLUTIONAL_BLOCK = 2**11  # the same for a network that convolves, whose patches are larger

OUTPUT = 5  # default height and width in pixels of the network's output

SCALES = 2  # default number of resolutions at which Gaussian noise is removed

# Weights in the loss of lost pixels, and of known ones, which nobody asks for (the network is
# shown the answer). On held-out training pictures with salt and pepper of 50 % 0.04 to 0.2 dB
# better than equal weights after 1.5 million patches, 0.1 dB worse after 300,000.
LOST_EMPHASIS = (1.0, 0.2)

# parameters that decide what a network has learned -> field of the task
LEARNED = {
    "noise": "noise", "patch_size": "size", "output_size": "output", "predict": "predict",
    "center": "centre",
}  # fmt: skip

# parameters of an autoencoder that play no part in a block of patches, or are the denoiser's own;
# a fitted network follows no others
WITHOUT_EFFECT = {
    "batch_size", "learning_rate_init", "fine_tune_learning_rate_init", "random_state", "n_jobs",
    "matmul_precision", "max_iter", "fine_tune_max_iter", "tol", "n_iter_no_change",
    "early_stopping", "validation_fraction", "warm_start", "verbose",
}  # fmt: skip


def default_autoencoder(noise: str = "gaussian") -> Any:
    """The network of ``autoencoder=None``, to be changed and passed as `autoencoder`.

    Parameters
    ----------
    noise : {"gaussian", "masking", "salt_and_pepper", "unknown"}, default="gaussian"
        The `noise` of the denoiser. With pixels that are lost, the loss of these counts more than
        that of known ones.

    Returns
    -------
    autoencoder : StackedDenoisingAutoencoder
        Two layers of 512 units, not fitted.

    Examples
    --------
    >>> from dae.image import ImageDenoiser, default_autoencoder
    >>> small = default_autoencoder().set_params(hidden_layer_sizes=(128, 128))
    >>> denoiser = ImageDenoiser("gaussian", level=25 / 255, autoencoder=small)
    """
    return StackedDenoisingAutoencoder(
        (512, 512),
        corruption=None,
        tied_weights=False,
        fine_tune=True,
        emphasis=LOST_EMPHASIS if noise in LOST else None,
    )


def set_known(estimator: Any, **parameters: Any) -> None:
    """Set those of the parameters that the estimator has."""
    known = estimator.get_params(deep=False)
    estimator.set_params(**{name: parameters[name] for name in parameters if name in known})


# ------------------------------------------------------------------ parameters


def level_range(level: Any) -> tuple[float, float]:
    """The parameter `level` as (low, high)."""
    try:
        levels = np.asarray(level, dtype=np.float64)
    except (TypeError, ValueError):
        levels = np.empty(0)
    if levels.shape not in ((), (2,)) or not (
        0 < levels.min() and levels.min() <= levels.max() < 1
    ):
        raise ValueError(
            "level must be a number between 0 and 1, or a range (low, high) of such numbers, got "
            f"{level!r}. For 8-bit pictures, divide grey levels by 255."
        )
    return float(levels.min()), float(levels.max())


def convolves(network: Any) -> bool:
    """Whether a network takes pictures of any size, not only patches."""
    return isinstance(network, ConvolutionalAutoencoder)


def task_fields(denoiser: Any, network: Any = None) -> dict[str, Any]:
    """Fields of the `PatchTask` that the parameters, and the network if it is fitted, describe.

    They are stored, so that parameters set after `fit` cannot change what the network has learned.
    """
    output = denoiser.output_size
    convolving = convolves(denoiser.autoencoder if network is None else network)
    if convolving:
        output = denoiser.patch_size
    elif output is None:
        whole = denoiser.noise == "unknown"
        output = denoiser.patch_size if whole else max(OUTPUT, denoiser.stride)
        output = min(output, denoiser.patch_size)
    scales = denoiser.scales
    if scales is None:
        scales = SCALES if denoiser.noise == "gaussian" and not convolving else 1
    return {
        "noise": denoiser.noise,
        "size": int(denoiser.patch_size),
        "output": int(output),
        "scales": int(scales),
        "predict": denoiser.predict,
        "centre": bool(denoiser.center) and not convolving,
        "window": denoiser.window,
        "convolves": convolving,
    }


def new_crops(denoiser: Any, images: Any, noisy: Any, network: Any = None) -> Crops:
    """The training pictures, after a check that the parameters, and the network if it is fitted,
    fit together.
    """
    levels = level_range(denoiser.level)
    noise, patch_size, stride = denoiser.noise, denoiser.patch_size, denoiser.stride
    task = task_fields(denoiser, network)
    if task["convolves"]:
        stride = 1  # which has no part
    if stride > patch_size:
        raise ValueError(
            f"stride must be at most patch_size={patch_size}, so that every pixel is covered, got "
            f"{stride}."
        )
    if task["output"] > patch_size:
        raise ValueError(
            f"output_size must be at most patch_size={patch_size}, got {denoiser.output_size}."
        )
    if stride > task["output"] and noise != "unknown":
        raise ValueError(
            f"stride must be at most output_size={denoiser.output_size}, so that every pixel is "
            f"covered, got {stride}."
        )
    if task["scales"] > 1 and noise != "gaussian":
        raise ValueError(
            f"scales must be 1 or None for noise={noise!r}, got {denoiser.scales}: only Gaussian "
            "noise is removed at several resolutions."
        )
    if noise == "unknown" and patch_size < 5:
        raise ValueError(f"patch_size must be at least 5 for noise='unknown', got {patch_size}.")
    if task["convolves"] and noise == "unknown":
        raise ValueError(
            "noise='unknown' is only supported by networks of patches, got autoencoder="
            f"{denoiser.autoencoder!r}. Use another network, or autoencoder=None."
        )
    if task["convolves"] and patch_size % 2:
        raise ValueError(
            "patch_size must be even for a ConvolutionalAutoencoder, which is trained on pieces of "
            f"that height and width, got {patch_size}. Use 64."
        )
    if noise == "unknown" and noisy is not None:
        raise ValueError(
            "noise='unknown' learns from noisy pictures alone. Pass them as images, or choose "
            "noise='gaussian' for pairs of clean and noisy pictures."
        )
    return Crops(
        images,
        noisy,
        size=int(patch_size),
        luminance=denoiser.color == "luminance" and noise not in LOST,
        around_grey=task["convolves"],
        data_range=denoiser.data_range,
        are_noisy=noise == "unknown",
        noise=levels[1] if noise == "gaussian" else 0.0,
    )


def _check_same_autoencoder(asked: Any, fitted: Any) -> None:
    """Raise ValueError if the parameter `autoencoder` describes another network than the fitted."""
    if asked is None:
        return
    if type(asked) is not type(fitted):
        raise ValueError(
            f"The fitted network is a {type(fitted).__name__}, got autoencoder={asked!r}. Restore "
            "the parameter, or fit with warm_start=False."
        )
    wanted, found = asked.get_params(deep=False), fitted.get_params(deep=False)
    for name in wanted.keys() - WITHOUT_EFFECT:
        if repr(wanted[name]) != repr(found[name]):
            raise ValueError(
                f"The fitted network has {name}={found[name]!r}, got autoencoder with "
                f"{name}={wanted[name]!r}. Restore the parameter, or fit with warm_start=False."
            )


def _check_same_seed(random_state: Any, seed: int) -> None:
    """Raise ValueError if an integer `random_state` is not the one that the network began with."""
    if isinstance(random_state, Integral) and _new_seed(random_state) != seed:
        raise ValueError(
            f"random_state={random_state!r} has no effect on a fitted network, whose patches and "
            "noise continue those that it began with. Restore the parameter, or fit with "
            "warm_start=False."
        )


def _new_seed(random_state: Any) -> int:
    return int(check_random_state(random_state).randint(0, 2**32, dtype=np.uint64))


# ------------------------------------------------------------------ state


@dataclass
class TrainingState:
    """What `fit` leaves on a denoiser, while it is being trained.

    Attributes
    ----------
    autoencoder : estimator
    level : tuple (low, high)
    loss_curve : list of float
    n_patches : int
        Patches trained on.
    seed, block : int
        Together the seed of the next block.
    task : dict
        Fields of the `PatchTask`.
    """

    autoencoder: Any
    level: tuple[float, float]
    loss_curve: list[float]
    n_patches: int
    seed: int
    block: int
    task: dict[str, Any]

    @classmethod
    def start(cls, denoiser: Any) -> Self:
        """The state before the first block."""
        if getattr(denoiser.autoencoder, "output_blocks", None) is not None:
            raise ValueError(
                "autoencoder must have output_blocks=None: all pixels of a patch have one loss."
            )
        seed = _new_seed(denoiser.random_state)
        autoencoder = (
            default_autoencoder(denoiser.noise)
            if denoiser.autoencoder is None
            else clone(denoiser.autoencoder)
        )
        set_known(
            autoencoder,
            batch_size=denoiser.batch_size,
            random_state=seed,
            n_jobs=denoiser.n_jobs,
            matmul_precision=denoiser.matmul_precision,
        )
        return cls(autoencoder, level_range(denoiser.level), [], 0, seed, 0, task_fields(denoiser))

    @classmethod
    def resume(cls, denoiser: Any, fitted: PatchTask) -> Self:
        """The state of a fitted denoiser: a copy, so that a failure changes nothing."""
        task = task_fields(denoiser, denoiser.autoencoder_)
        before = vars(fitted) | {"output": fitted.answered}
        if denoiser.output_size is None:
            task["output"] = fitted.answered
        if denoiser.scales is None:
            task["scales"] = fitted.scales
        for name, field in LEARNED.items():
            if task[field] != before[field]:
                raise ValueError(
                    f"The fitted network was trained for {name}={before[field]!r}, got "
                    f"{name}={task[field]!r}. Restore the parameter, or fit with warm_start=False."
                )
        _check_same_autoencoder(denoiser.autoencoder, denoiser.autoencoder_)
        _check_same_seed(denoiser.random_state, denoiser._seed)
        state = cls(
            deepcopy(denoiser.autoencoder_),
            level_range(denoiser.level),
            list(denoiser.loss_curve_),
            denoiser.n_patches_,
            denoiser._seed,
            denoiser._block,
            task,
        )
        set_known(
            state.autoencoder,
            batch_size=denoiser.batch_size,
            n_jobs=denoiser.n_jobs,
            matmul_precision=denoiser.matmul_precision,
        )
        return state

    @property
    def block_size(self) -> int:
        """Patches between two changes of the learning rate."""
        return CONVOLUTIONAL_BLOCK if self.task["convolves"] else BLOCK

    def attributes(self) -> dict[str, Any]:
        """The fitted attributes of the denoiser."""
        return {
            "autoencoder_": self.autoencoder,
            "level_": self.level,
            "loss_curve_": self.loss_curve,
            "n_patches_": self.n_patches,
            "_seed": self.seed,
            "_block": self.block,
            "_task": self.task,
        }

    def train_block(
        self, crops: Crops, n_patches: int, learning_rate: float, n_jobs: int | None
    ) -> None:
        """Train on `n_patches` fresh patches."""
        task = PatchTask(**self.task)
        # seeded by the block's number: interrupted and resumed training sees the same patches
        rng = np.random.default_rng([self.seed, self.block])
        threads = _core.n_threads(n_jobs)
        X, X_corrupted, unit = training_block(task, crops, self.level, n_patches, rng, threads)
        set_known(  # the second name is that of a stack's fine-tuning
            self.autoencoder,
            learning_rate_init=learning_rate,
            fine_tune_learning_rate_init=learning_rate,
        )
        self.autoencoder.partial_fit(X, X_corrupted=X_corrupted)
        curve = getattr(self.autoencoder, "loss_curve_", None)
        if curve:
            # a loss is a sum over features
            self.loss_curve.append(float(curve[-1]) * unit / task.asked().sum())
        self.block += 1
        self.n_patches += n_patches


def train(denoiser: Any, state: TrainingState, crops: Crops) -> None:
    """Train for `n_patches` of the denoiser, along its learning-rate schedule.

    Once a block is complete, an interruption ends training with a warning instead of an error.
    """
    total = int(denoiser.n_patches)
    started = time.perf_counter()
    done, reported = 0, 0
    try:
        while done < total:
            rate = denoiser.learning_rate_init * decay(denoiser.learning_rate, done / total)
            n_patches = min(state.block_size, total - done)
            state.train_block(crops, n_patches, rate, denoiser.n_jobs)
            done += n_patches
            if denoiser.verbose and (done >= total or done - reported >= total / 20):
                reported = done
                _tell(_progress(done, total, started, state.loss_curve))
    except KeyboardInterrupt:
        if not done:
            raise
        if done < total:
            warnings.warn(
                f"Training was interrupted after {done:,} of n_patches={total:,}; the complete "
                "blocks of patches are kept.",
                stacklevel=3,
            )


def train_one_block(denoiser: Any, state: TrainingState, crops: Crops) -> None:
    """Train on one block of patches, at the initial learning rate."""
    state.train_block(crops, state.block_size, denoiser.learning_rate_init, denoiser.n_jobs)


def decay(schedule: str, done: float) -> float:
    """The learning rate as a share of its first value, when a share `done` of training is over."""
    if schedule == "cosine":
        return float(1 + np.cos(np.pi * done)) / 2
    return 1 - done if schedule == "linear" else 1.0


def _tell(progress: str) -> None:
    """Print it; where that fails (a closed pipe or terminal), training ends as by Ctrl-C."""
    try:
        report(progress)
    except OSError as error:
        raise KeyboardInterrupt from error


def _progress(done: int, total: int, started: float, curve: list[float]) -> str:
    rate = done / max(time.perf_counter() - started, 1e-9)
    psnr = f"  PSNR {-10 * np.log10(curve[-1]):.2f} dB" if curve and curve[-1] > 0 else ""
    return (
        f"{done:>{len(f'{total:,}')},} of {total:,} patches{psnr}  {rate:,.0f} patches/s  "
        f"{(total - done) / rate:.1f} s left"
    )

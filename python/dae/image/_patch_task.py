"""The input of a network for a patch, its target, and how its output becomes a clean patch.

    noise            input                                           output
    gaussian         the noisy patch, and the level                  the clean patch
    masking, salt    the patch with its holes filled from around     the clean patch
    and pepper       them, and where the holes are
    unknown          the patch with every fourth pixel of every      these pixels of the
                     fourth row replaced by its neighbours' mean     noisy patch

or, with ``predict="noise"``, the noise, which is subtracted. Only the middle of a patch is
predicted: its pixels have neighbours on all sides. The mean of a patch is subtracted before the
network and added after it: the network has to know texture, not brightness. The rest is divided by
about its contrast (Burger et al., 2012).

A network that convolves predicts all of a patch, which for it is a small picture, and is shown the
difference from grey: the mean of a picture would depend on where it is cut.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dae.image._colour import GREY
from dae.image._noise import NOISES, fill, neighbour_mean

SCALE = np.float32(0.2)

# Size of the last feature: units that it keeps on are linear, units that it keeps off are spared.
# From 0 to 2 to 5 the range of levels gained 0.3 and 0.2 dB on held-out training pictures.
CONSTANT = 5.0

LOST = ("masking", "salt_and_pepper")  # kinds of noise that leave nothing of a pixel

MOST_SCALES = 64  # no picture has more resolutions

COARSEST = 8  # pixels of a resolution, at least, that a network that convolves is shown

BLIND_SPACING = 4  # pixels between two that the network does not see, for "unknown"


@dataclass(frozen=True)
class PatchTask:
    """The task of one denoiser.

    Attributes
    ----------
    noise : str, of `dae.image._noise.NOISES`
    size : int
        Height and width of a patch.
    output : int or None
        Height and width of its middle, which is predicted; None for all of it.
    predict : {"noise", "patch"}
    centre : bool
        Whether the mean of a patch is subtracted.
    window : {"gaussian", "uniform"}
    scales : int
        Resolutions trained for.
    convolves : bool
        Whether the network convolves, and so takes pictures of any size: of those no mean is
        subtracted, and it is told the level in its own units.
    """

    noise: str
    size: int
    predict: str = "patch"
    centre: bool = True
    window: str = "gaussian"
    output: int | None = None
    scales: int = 1
    convolves: bool = False

    def __post_init__(self) -> None:
        """Raise ValueError where a field is none of what it can be."""
        numbers = (self.size, self.scales, *([] if self.output is None else [self.output]))
        if (
            self.noise not in NOISES
            or self.predict not in ("noise", "patch")
            or self.window not in ("gaussian", "uniform")
            or not all(type(number) is int and number >= 1 for number in numbers)
            or self.scales > MOST_SCALES
            or type(self.convolves) is not bool
            or (self.convolves and not self._can_convolve())
            or self.answered > self.size
        ):
            raise ValueError(f"Not a task: {self}.")

    def _can_convolve(self) -> bool:
        even_and_whole = self.size % 2 == 0 and self.answered == self.size
        return self.noise != "unknown" and even_and_whole and not self.centre

    @property
    def answered(self) -> int:
        """Height and width of the predicted middle."""
        return self.size if self.output is None else self.output

    @property
    def coarsest(self) -> int:
        """Height and width of the coarsest resolution of a picture, at least."""
        return COARSEST if self.convolves else self.size

    @property
    def first(self) -> int:
        """First row, and column, of the predicted middle."""
        return (self.size - self.answered + 1) // 2  # size // 2, which "unknown" asks for, is in

    @property
    def n_features(self) -> int:
        """Columns of what the network is shown: pixels, which of them are lost, the level."""
        return self.size**2 * (2 if self.noise in LOST else 1) + 1

    def lines(self) -> np.ndarray:
        """Rows and columns of a patch that cross at predicted pixels, as booleans."""
        lines = np.zeros(self.size, dtype=bool)
        lines[self.first : self.first + self.answered] = True
        return lines & self.blind() if self.noise == "unknown" else lines

    def asked(self) -> np.ndarray:
        """The predicted pixels of a patch: booleans (size * size,)."""
        return np.outer(self.lines(), self.lines()).ravel()

    def planes(self, noisy: np.ndarray, lost: np.ndarray) -> tuple[np.ndarray, ...]:
        """The planes of a picture that patches are cut from."""
        if self.noise == "gaussian":
            return (noisy,)
        if self.noise == "unknown":
            return noisy, neighbour_mean(noisy)
        return fill(noisy, lost), lost

    def blind(self) -> np.ndarray:
        """Rows and columns of a patch that cross at pixels hidden from the network, as booleans."""
        return np.abs(np.arange(self.size) - self.size // 2) % BLIND_SPACING == 0

    def profile(self) -> np.ndarray:
        """Weights of the rows and columns of a cleaned patch: its middle is known best."""
        centre = self.first + (self.answered - 1) / 2
        offsets = (np.arange(self.size) - centre) / self.answered
        weights = np.exp(-((offsets / 0.25) ** 2) / 2)
        if self.window == "uniform":
            weights = np.ones(self.size)
        return weights * self.lines()

    def show(self, patches: tuple[np.ndarray, ...], level: float) -> Shown:
        """The input of the network for patches (n, size * size) cut from `planes`."""
        if self.noise == "unknown":
            hidden = np.outer(self.blind(), self.blind()).ravel()
            guess = np.where(hidden, patches[1], patches[0])
        else:
            guess = patches[0]
        mean = guess.mean(axis=1, keepdims=True) if self.centre else GREY
        scale, constant = SCALE, np.float32(1 if self.convolves else CONSTANT)
        if self.noise == "gaussian":
            # between dividing by the level, which slights strong noise, and by a constant,
            # which slights weak noise
            scale = np.sqrt(np.float32(level) * SCALE / 2)
            constant = level / scale if self.convolves else np.float32(level) * CONSTANT * 10
        pixels = (guess - mean) / scale
        columns = [pixels]
        if self.noise in ("masking", "salt_and_pepper"):
            columns.append(patches[1].astype(np.float32))
        columns.append(np.full((len(guess), 1), constant, dtype=np.float32))
        shown = np.concatenate(columns, axis=1)
        return Shown(guess, mean, scale, shown)

    def target(self, clean: np.ndarray, given: Shown) -> np.ndarray:
        """The target of the network, given clean patches: zero where nothing is predicted, among
        that the level and the holes.
        """
        answer = np.zeros_like(given.shown)
        pixels = answer[:, : clean.shape[1]]
        np.subtract(given.guess, clean, out=pixels)
        if self.predict == "patch":
            np.subtract(clean, given.mean, out=pixels)
        pixels[:, ~self.asked()] = 0
        pixels /= given.scale
        return answer

    def cleaned(self, answer: np.ndarray, given: Shown) -> np.ndarray:
        """Cleaned patches, from the output of the network."""
        pixels = answer[:, : given.guess.shape[1]] * given.scale
        if self.predict == "patch":
            pixels += given.mean
            return pixels
        return np.subtract(given.guess, pixels, out=pixels)


@dataclass(frozen=True)
class Shown:
    """A block of patches as the network sees it.

    Attributes
    ----------
    guess : ndarray of shape (n, size * size)
        Pixels before the network, noisy or filled.
    mean : ndarray of shape (n, 1), or a number
        The mean that was subtracted.
    scale : float32
        The divisor of the rest.
    shown : ndarray of shape (n, n_features)
        The network's input.
    """

    guess: np.ndarray
    mean: np.ndarray | np.float32
    scale: np.float32
    shown: np.ndarray

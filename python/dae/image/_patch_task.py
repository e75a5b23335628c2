"""What a network is shown of a patch, what it is taught to answer, and what the answer means.

    noise            shown                                           answered
    gaussian         the noisy patch, and the level                  the clean patch
    masking, salt    the patch with its holes filled from around     the clean patch
    and pepper       them, and where the holes are
    unknown          the patch with every fourth pixel of every      these pixels of the
                     fourth row replaced by its neighbours' mean     noisy patch

or, with ``predict="noise"``, what is to be taken off. Only the middle of a patch is answered: its
pixels have neighbours on all sides. A patch loses its mean first and gets it back at the end: the
network has to know texture, not brightness. What is left is divided by about its contrast
(Burger et al., 2012).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dae.image._noise import NOISES, fill, neighbour_mean

SCALE = np.float32(0.2)

# Size of the last feature: units that it keeps on are linear, units that it keeps off are spared.
# From 0 to 2 to 5 the range of levels gained 0.3 and 0.2 dB on held-out training pictures.
CONSTANT = 5.0

LOST = ("masking", "salt_and_pepper")  # kinds of noise that leave nothing of a pixel

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
        Height and width of its middle, which is answered; None for all of it.
    predict : {"noise", "patch"}
    centre : bool
        Whether patches lose their mean.
    window : {"gaussian", "uniform"}
    scales : int
        Resolutions trained for.
    """

    noise: str
    size: int
    predict: str = "patch"
    centre: bool = True
    window: str = "gaussian"
    output: int | None = None
    scales: int = 1

    def __post_init__(self) -> None:
        """Raise ValueError where a field is none of what it can be."""
        numbers = (self.size, self.scales, *([] if self.output is None else [self.output]))
        if (
            self.noise not in NOISES
            or self.predict not in ("noise", "patch")
            or self.window not in ("gaussian", "uniform")
            or not all(type(number) is int and number >= 1 for number in numbers)
            or self.answered > self.size
        ):
            raise ValueError(f"There is no such task: {self}.")

    @property
    def answered(self) -> int:
        """Height and width of what is answered."""
        return self.size if self.output is None else self.output

    @property
    def first(self) -> int:
        """First row, and column, that is answered."""
        return (self.size - self.answered + 1) // 2  # size // 2, which "unknown" asks for, is in

    @property
    def n_features(self) -> int:
        """Columns of what the network is shown: pixels, which of them are lost, the level."""
        return self.size**2 * (2 if self.noise in LOST else 1) + 1

    def lines(self) -> np.ndarray:
        """Which rows and columns of a patch cross at pixels that are answered."""
        lines = np.zeros(self.size, dtype=bool)
        lines[self.first : self.first + self.answered] = True
        return lines & self.blind() if self.noise == "unknown" else lines

    def asked(self) -> np.ndarray:
        """Of a patch's pixels, those that are answered: booleans (size * size,)."""
        return np.outer(self.lines(), self.lines()).ravel()

    def planes(self, noisy: np.ndarray, lost: np.ndarray) -> tuple[np.ndarray, ...]:
        """What has to be known of a picture, before it falls into patches."""
        if self.noise == "gaussian":
            return (noisy,)
        if self.noise == "unknown":
            return noisy, neighbour_mean(noisy)
        return fill(noisy, lost), lost

    def blind(self) -> np.ndarray:
        """Which rows and columns of a patch cross at pixels that the network does not see."""
        return np.abs(np.arange(self.size) - self.size // 2) % BLIND_SPACING == 0

    def profile(self) -> np.ndarray:
        """Weights of a cleaned patch's rows and columns: its middle is known best."""
        centre = self.first + (self.answered - 1) / 2
        offsets = (np.arange(self.size) - centre) / self.answered
        weights = np.exp(-((offsets / 0.25) ** 2) / 2)
        if self.window == "uniform":
            weights = np.ones(self.size)
        return weights * self.lines()

    def show(self, patches: tuple[np.ndarray, ...], level: float) -> Shown:
        """What the network gets, of patches (n, size * size) cut from `planes`."""
        if self.noise == "unknown":
            hidden = np.outer(self.blind(), self.blind()).ravel()
            guess = np.where(hidden, patches[1], patches[0])
        else:
            guess = patches[0]
        mean = guess.mean(axis=1, keepdims=True) if self.centre else np.float32(0.5)
        scale, constant = SCALE, np.float32(CONSTANT)
        if self.noise == "gaussian":
            # between dividing by the level, which slights strong noise, and by a constant,
            # which slights weak noise
            scale = np.sqrt(np.float32(level) * SCALE / 2)
            constant = np.float32(level) * CONSTANT * 10
        pixels = (guess - mean) / scale
        columns = [pixels]
        if self.noise in ("masking", "salt_and_pepper"):
            columns.append(patches[1].astype(np.float32))
        columns.append(np.full((len(guess), 1), constant, dtype=np.float32))
        shown = np.concatenate(columns, axis=1)
        return Shown(guess, mean, scale, shown)

    def target(self, clean: np.ndarray, given: Shown) -> np.ndarray:
        """What the network is taught to answer, clean patches being known: zero for all that it
        is not asked, the level and the holes among it.
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
        """Cleaned patches, from the network's answer."""
        pixels = answer[:, : given.guess.shape[1]] * given.scale
        if self.predict == "patch":
            pixels += given.mean
            return pixels
        return np.subtract(given.guess, pixels, out=pixels)


@dataclass(frozen=True)
class Shown:
    """A block of patches on their way.

    Attributes
    ----------
    guess : ndarray of shape (n, size * size)
        Pixels before the network, noisy or filled.
    mean : ndarray of shape (n, 1), or a number
        What was taken off.
    scale : float32
        What the rest was divided by.
    shown : ndarray of shape (n, n_features)
        The network's input.
    """

    guess: np.ndarray
    mean: np.ndarray | np.float32
    scale: np.float32
    shown: np.ndarray

"""What a network is shown of a patch, what it is taught to answer, and what the answer means.

    noise             shown                                     answered
    gaussian          the noisy patch, and the level if         the noise (or the patch)
                      the model is for many levels
    masking, salt     the patch with its holes filled from      what the filling is wrong by
    and pepper        around them, and where the holes are
    unknown           the patch with every fourth pixel         what the mean is wrong by,
                      replaced by its neighbours' mean          at those pixels

A patch loses its mean first and gets it back at the end: the network has to know texture, not
brightness. All is divided by `SCALE`, about the contrast of a patch (Burger et al., 2012).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dae._noise import fill, neighbour_mean

SCALE = np.float32(0.2)

BLIND_SPACING = 4  # pixels between two that the network does not see, for "unknown"


@dataclass(frozen=True)
class Repair:
    """The task of one denoiser.

    Attributes
    ----------
    noise : str, of `dae._noise.NOISES`
    size : int
        Height and width of a patch.
    tells_level : bool
        Whether the network is told the level, of "gaussian".
    predict : {"noise", "patch"}
    centre : bool
        Whether patches lose their mean.
    window : {"gaussian", "uniform"}
    """

    noise: str
    size: int
    tells_level: bool
    predict: str = "noise"
    centre: bool = True
    window: str = "gaussian"

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
        offsets = (np.arange(self.size) - (self.size - 1) / 2) / self.size
        weights = np.exp(-((offsets / 0.25) ** 2) / 2)
        if self.window == "uniform":
            weights = np.ones(self.size)
        return weights * self.blind() if self.noise == "unknown" else weights

    def show(self, patches: tuple[np.ndarray, ...], level: np.ndarray | float) -> Shown:
        """What the network gets, of float patches (n, size * size) cut from `planes`."""
        if self.noise == "unknown":
            hidden = np.outer(self.blind(), self.blind()).ravel()
            guess = np.where(hidden, patches[1], patches[0])
        else:
            guess = patches[0]
        mean = guess.mean(axis=1, keepdims=True) if self.centre else np.float32(0.5)
        pixels = (guess - mean) / SCALE
        columns = [pixels]
        if self.noise in ("masking", "salt_and_pepper"):
            columns.append(patches[1].astype(np.float32))
        elif self.tells_level:
            told = np.broadcast_to(np.asarray(level, dtype=np.float32) / SCALE, len(pixels))
            columns.append(told[:, None])
        shown = np.concatenate(columns, axis=1) if len(columns) > 1 else pixels
        return Shown(guess, mean, shown)

    def target(self, clean: np.ndarray, given: Shown) -> np.ndarray:
        """What the network is taught to answer, clean patches being known."""
        answer = np.zeros_like(given.shown)  # nothing is asked where the level or holes are told
        pixels = answer[:, : clean.shape[1]]
        np.subtract(given.guess, clean, out=pixels)
        if self.noise == "unknown":
            pixels[:, ~np.outer(self.blind(), self.blind()).ravel()] = 0
        if self.predict == "patch":
            np.subtract(given.guess - given.mean, pixels, out=pixels)
        pixels /= SCALE
        return answer

    def cleaned(self, answer: np.ndarray, given: Shown) -> np.ndarray:
        """Cleaned patches, from the network's answer."""
        pixels = answer[:, : given.guess.shape[1]] * SCALE
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
    shown : ndarray of shape (n, n_features)
        The network's input.
    """

    guess: np.ndarray
    mean: np.ndarray | np.float32
    shown: np.ndarray

"""How training fails: what happened and where, as fields; the estimators put it into words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from dae._data.rows import Rows
from dae._model.losses import get_loss
from dae._model.network import Layer, Network
from dae._training.settings import Stage, TrainingSettings

Moment = Literal["batch", "update", "validation", "end"]


class Diverged(Exception):
    """The loss or a weight is not finite, or larger than any training makes it.

    Attributes
    ----------
    moment : str
        When it was seen: in a batch, after the update of an epoch's last batch, on the validation
        rows, or at the end of training.
    loss : float or None
        The loss; None if a weight is not finite.
    learning_rate : float
        The step size at that moment.
    batch : int or None
        Number of the batch, from 1.
    epoch : int or None
        Number of the epoch of `fit`, from 1.
    presentation : int or None
        Number of the pass, where it is `partial_fit` that failed.
    stage : int, "fine-tuning" or None
        The network.
    """

    def __init__(
        self, moment: Moment, loss: float | None, learning_rate: float, batch: int | None = None
    ) -> None:
        super().__init__(f"training diverged: {moment}, loss {loss}")
        self.moment = moment
        self.loss = loss
        self.learning_rate = learning_rate
        self.batch = batch
        self.epoch: int | None = None
        self.presentation: int | None = None
        self.stage: Stage = None


class NothingCorrupted(Exception):
    """The emphasis counts corrupted entries only, and no entry is corrupted."""

    def __init__(self, settings: TrainingSettings) -> None:
        super().__init__("no entry is corrupted")
        self.settings = settings


@contextmanager
def located(**where: Any) -> Iterator[None]:
    """Add to a `Diverged` that passes through what only the caller knows."""
    try:
        yield
    except Diverged as error:
        for name, value in where.items():
            setattr(error, name, value)
        raise


def divergence_bound(network: Layer | Network, X: Rows, added_energy: float) -> float:
    """A reconstruction loss per sample that training reaches only when it diverges."""
    activation = network.layers[0].decoder_activation
    return network.output_loss.divergence_bound(X, activation, added_energy)


def output_divergence_bound(network: Layer | Network, target: Any) -> float:
    """The same for the outputs of a supervised network."""
    loss = get_loss(network.loss)
    values = None if loss.of_classes else Rows(target)
    return loss.output_divergence_bound(values, network.n_hidden)

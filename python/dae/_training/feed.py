"""One presentation of the data at a time: train on it, or judge by it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dae import _core
from dae._core.sampled import train_sampled
from dae._data.corruption import CoreCall, CorruptedRows
from dae._data.scaling import normed
from dae._data.streams import VALIDATION, order_of
from dae._model.csr import CSR
from dae._model.losses import get_loss
from dae._model.network import Layer, Network
from dae._model.solver import Solver
from dae._training.divergence import Diverged
from dae._training.settings import TrainingData, TrainingSettings


@dataclass
class Feed:
    """The data of one `fit` or `partial_fit`, and how the network is shown them.

    Attributes
    ----------
    data : TrainingData
    settings : TrainingSettings
    source : CorruptedRows
        The rows of the data with their corruption.
    seed : int
        Key of the order of the rows.
    max_loss : float
        Largest mean loss of a batch that does not count as divergence.
    """

    data: TrainingData
    settings: TrainingSettings
    source: CorruptedRows
    seed: int
    max_loss: float

    @property
    def batch_size(self) -> int:
        return min(self.settings.batch_size, len(self.data.rows))

    def present(self, network: Layer | Network, solver: Solver, presentation: int) -> float:
        """Train once on all training rows; return the (weighted) mean loss.

        Raises `Diverged` before the update of a batch whose loss is above `max_loss`; the updates
        of the batches before it stay.
        """
        batch_size = self.batch_size
        order = self._order(presentation)
        total, done = 0.0, 0  # done: batches of the calls before
        for call in self.source.calls(order, presentation, batch_size):
            limit = self.max_loss + 1e4 * call.added_energy
            losses = self._train(network, solver, call, presentation, limit)
            if not losses[-1] <= limit:
                raise Diverged("batch", losses[-1], solver.learning_rate, done + len(losses))
            done += len(losses)
            sizes = np.full(len(losses), batch_size)
            sizes[-1] = len(call.order) - batch_size * (len(losses) - 1)
            total += float(losses @ sizes)
        return self._mean(total, order)

    def loss_of_one_batch(self, loss: float, presentation: int) -> float:
        """What `present` returns where this is the loss of its only batch."""
        order = self._order(presentation)
        return self._mean(loss * len(order), order)

    def _order(self, presentation: int) -> np.ndarray:
        return order_of(self.data.rows, self.seed, presentation, shuffle=self.settings.shuffle)

    def _mean(self, total: float, order: np.ndarray) -> float:
        """The (weighted) mean of losses, from their sum."""
        if self.data.sample_weight is None:
            return total / len(order)
        return total / float(self.data.sample_weight[order].sum(dtype=np.float64))

    def _train(
        self,
        network: Layer | Network,
        solver: Solver,
        call: CoreCall,
        presentation: int,
        max_loss: float,
    ) -> np.ndarray:
        """The losses of the batches of one call of the core."""
        data, settings = self.data, self.settings
        batch_size = min(self.batch_size, len(call.rows))
        if settings.reconstruction_sampling is not None:
            assert isinstance(network, Layer) and isinstance(call.X, CSR)
            assert not isinstance(call.X_corrupted, np.ndarray)
            return train_sampled(
                network,
                solver,
                call.corruption,
                call.X,
                call.rows,
                batch_size=batch_size,
                presentation=presentation,
                n_threads=settings.n_threads,
                zeros_per_nonzero=settings.reconstruction_sampling,
                X_corrupted=call.X_corrupted,
                unit_rows=settings.input_norm is not None,
                sample_weight=call.companion(data.sample_weight),
                emphasis=settings.emphasis,
                max_loss=max_loss,
            )
        return _core.train(
            network,
            solver,
            call.corruption,
            call.X,
            call.rows,
            batch_size=batch_size,
            presentation=presentation,
            n_threads=settings.n_threads,
            X_corrupted=call.X_corrupted,
            missing=call.missing,
            unit_rows=settings.input_norm is not None,
            sample_weight=call.companion(data.sample_weight),
            emphasis=settings.emphasis,
            target=call.companion(data.target),
            max_loss=max_loss,
        )

    def evaluate(self, network: Layer | Network) -> float:
        """What training is judged by: the mean loss of the validation rows.

        They are always shown under the corruption of presentation 0.
        """
        data, settings = self.data, self.settings
        rows, losses = data.validation_rows, []
        for batch, start in enumerate(range(0, len(rows), self.batch_size)):
            block = rows[start : start + self.batch_size]
            for part in self._parts(block):
                shown = self.source.show(part, VALIDATION, batch)
                entry_weight = None
                if settings.emphasis != (1.0, 1.0):
                    entry_weight = self.source.entry_weight(
                        settings.emphasis, part, shown, VALIDATION
                    )
                losses.append(
                    _core.sample_losses(
                        network,
                        data.X.take(part),
                        normed(shown, settings.input_norm),
                        entry_weight=entry_weight,
                        n_threads=settings.n_threads,
                        n_rows=len(block),
                    )
                )
        return data.mean(np.concatenate(losses), rows)

    def clean_loss(self, network: Layer | Network) -> float:
        """Mean loss of the first rows, without corruption, weights and emphasis."""
        X, n_threads = self.data.X, self.settings.n_threads
        rows = self.data.rows[: self.batch_size]
        losses = [
            _core.sample_losses(
                network,
                X.take(part),
                self._input(network, part),
                n_threads=n_threads,
                n_rows=len(rows),
            )
            for part in self._parts(rows)
        ]
        return float(np.concatenate(losses).mean())

    def _parts(self, rows: np.ndarray) -> Iterator[np.ndarray]:
        """A batch in parts: whole, unless that would make many entries of sparse rows dense."""
        if self.source.keeps_zeros():
            yield from (rows[part] for part in self.data.X.slices(len(rows)))
        else:
            yield rows

    def _input(self, network: Layer | Network, rows: np.ndarray) -> np.ndarray | CSR:
        """Clean rows as the network encodes them."""
        shown = self.data.X.shown(rows, network.layers[0].categories)
        return normed(shown, self.settings.input_norm)


class SupervisedFeed(Feed):
    """Data with a target: judged by how well the target is predicted, without corruption."""

    def evaluate(self, network: Layer | Network) -> float:
        """1 - score: the share of wrong classes, or of the variance that is not explained.

        Kept as an error, not a score, because `tol` is relative to what is left to gain, here as
        for any loss.
        """
        data, rows = self.data, self.data.validation_rows
        outputs = self._outputs(network, rows).astype(np.float64)
        if not np.isfinite(outputs).all():
            return np.nan
        assert data.target is not None
        weight = None if data.sample_weight is None else data.sample_weight[rows]
        return get_loss(network.loss).prediction_error(outputs, data.target[rows], weight)

    def clean_loss(self, network: Layer | Network) -> float:
        rows, target = self.data.rows[: self.batch_size], self.data.target
        assert target is not None
        outputs = self._outputs(network, rows).astype(np.float64)
        losses, _ = get_loss(network.loss).rows(outputs, target[rows])
        return float(losses.mean())

    def _outputs(self, network: Layer | Network, rows: np.ndarray) -> np.ndarray:
        blocks = [rows[i : i + self.batch_size] for i in range(0, len(rows), self.batch_size)]
        n_threads = self.settings.n_threads
        return np.concatenate(
            [
                _core.encode(network, self._input(network, block), n_threads=n_threads)
                for block in blocks
            ]
        )

"""The wide stack by this library and in PyTorch: each trains on rows and says its loss.

Of the rows it was trained on last, the mean before each step.
"""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from itertools import pairwise
from typing import Any

import numpy as np

from bench.wide_stack.tables import Case
from dae import StackedDenoisingAutoencoder, _core

SIZES = (1500, 1500, 1500)
LEVEL = 0.15
RATE = 1e-4


class Ours:
    """`StackedDenoisingAutoencoder.partial_fit`."""

    precision = "highest"

    def __init__(self, case: Case, batch_size: int) -> None:
        self.X, self.batch_size = case.X, batch_size
        n_above = len(SIZES) - 1
        self.model = StackedDenoisingAutoencoder(
            SIZES,
            corruption=["swap", *[None] * n_above],
            corruption_level=[LEVEL, *[0.0] * n_above],
            output_blocks=case.blocks,
            tied_weights=False,
            max_iter=0,
            fine_tune=True,
            fine_tune_learning_rate_init=RATE,
            batch_size=batch_size,
            random_state=0,
            n_jobs=1,
            matmul_precision=self.precision,
        )

    def train(self, rows: np.ndarray) -> None:
        self.model.partial_fit(self.X[rows])

    def loss(self) -> float:
        return float(self.model.loss_curve_[-1])


class OursMedium(Ours):
    """The same, products of factors rounded to bfloat16."""

    precision = "medium"


class Torch:
    """Modules, autograd, `Adam(fused=True)`; swap noise by indexing; one loss for each column."""

    compiled = False

    def __init__(self, case: Case, batch_size: int) -> None:
        import torch
        from torch import nn

        torch.set_num_threads(1)
        torch.manual_seed(0)
        self.X, self.batch_size = torch.from_numpy(case.X), batch_size
        n = case.X.shape[1]
        sizes = [n, *SIZES, *SIZES[-2::-1], n]
        layers: list[Any] = []
        for before, after in pairwise(sizes):
            layers += [nn.Linear(before, after), nn.ReLU()]
        self.network = nn.Sequential(*layers[:-1])
        self.optimizer = torch.optim.Adam(self.network.parameters(), RATE, fused=True)
        self.owner = torch.from_numpy(case.owners())
        self.n_groups = int(case.owners()[-1]) + 1
        self.columns = torch.arange(n)
        self.blocks = case.blocks
        self.step = torch.compile(self._loss, dynamic=False) if self.compiled else self._loss
        self.losses: list[Any] = []

    def _loss(self, x, donors):
        """The mean over the rows of the sum over the columns."""
        import torch
        from torch.nn import functional

        swapped = torch.rand(len(x), self.n_groups) < LEVEL
        z = self.network(torch.where(swapped[:, self.owner], donors, x))
        if self.blocks is None:
            return (z - x).square().sum() / len(x)
        total, start = 0.0, 0
        for loss, width, weight in self.blocks:
            a, clean = z[:, start : start + width], x[:, start : start + width]
            if loss == "multinomial":
                part = functional.cross_entropy(a, clean.argmax(1), reduction="sum")
            elif loss == "poisson":
                part = (a.exp() - clean * a).sum()
            else:
                part = (a - clean).square().sum()
            total, start = total + weight * part, start + width
        return total / len(x)

    def train(self, rows: np.ndarray) -> None:
        import torch

        self.losses = []
        index = torch.from_numpy(rows)
        for first in range(0, len(rows), self.batch_size):
            part = index[first : first + self.batch_size]
            taken = torch.randint(len(self.X), (len(part), self.n_groups))[:, self.owner]
            loss = self.step(self.X[part], self.X[taken, self.columns])
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            self.losses.append(loss.detach())

    def loss(self) -> float:
        return float(np.mean(self.losses))


class CompiledTorch(Torch):
    """The same, with noise, network and losses compiled."""

    compiled = True


RIVALS: dict[str, type] = {"dae": Ours}
if "medium" in _core.accelerated_precisions():
    RIVALS["dae medium"] = OursMedium
if find_spec("torch"):
    RIVALS["PyTorch"] = Torch
    if shutil.which("g++") or shutil.which("clang++"):
        RIVALS["torch.compile"] = CompiledTorch

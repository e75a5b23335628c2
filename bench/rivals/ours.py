"""Our library: the call that `fit` makes, loss of each batch included."""

from __future__ import annotations

import numpy as np

from bench.rivals import _base
from bench.settings import BETA_1, BETA_2, EPSILON, MOMENTUM
from dae import _core
from dae._model.corruption import Corruption
from dae._model.solver import Solver

name = "dae"


def available(n_threads: int) -> str | None:
    if n_threads > 1 and not _core.openmp_enabled():
        return "a serial build"
    return None


class Session(_base.Session):
    matmul_precision = "highest"

    def start(self, W, b, c, X):
        setting = self.setting
        self.X = X
        self.network = _base.network_of(W, b, c)
        self.network.matmul_precision = self.matmul_precision
        self.solver = Solver(
            "adam" if setting.solver == "adam" else "sgd",
            setting.learning_rate,
            momentum=MOMENTUM if setting.solver == "momentum" else 0.0,
            beta_1=BETA_1,
            beta_2=BETA_2,
            epsilon=EPSILON,
        )
        self.solver.reset(self.network)
        level = np.full(setting.n_features, setting.level)
        self.corruption = Corruption("masking", level, seed=0)
        self.presentation = 0

    def train(self, rows):
        self.presentation += 1
        losses = _core.train(
            self.network,
            self.solver,
            self.corruption,
            self.X,
            rows,
            batch_size=self.setting.batch_size,
            presentation=self.presentation,
            n_threads=self.n_threads,
            max_loss=1e30,
        )
        if not np.isfinite(losses[-1]):
            raise FloatingPointError("dae: training diverged")

    def weights(self):
        network = self.network
        W = network.encoder[:, : network.n_hidden]
        return W.copy(), network.hidden_bias.copy(), network.visible_bias.copy()

"""scikit-learn's MLPRegressor as an autoencoder: shown rows in, clean rows out.

It cannot tie weights and has no cross-entropy for regression: its outputs are the identity, its
loss the squared error. So its times stand beside the others', its final loss does not.
"""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor

from bench.rivals import _base
from bench.settings import BETA_1, BETA_2, EPSILON, MOMENTUM

name = "MLPRegressor"


def available(n_threads: int) -> str | None:
    return None


class Session(_base.Session):
    comparable_loss = False

    def start(self, W, b, c, X):
        setting = self.setting
        self.X = X
        self.random = np.random.Generator(np.random.SFC64(0))
        self.mlp = MLPRegressor(
            hidden_layer_sizes=(setting.n_hidden,),
            activation="logistic",
            solver="adam" if setting.solver == "adam" else "sgd",
            alpha=0.0,
            batch_size=setting.batch_size,
            learning_rate_init=0.001,  # the squared error of dense rows diverges at more
            momentum=MOMENTUM if setting.solver == "momentum" else 0.0,
            beta_1=BETA_1,
            beta_2=BETA_2,
            epsilon=EPSILON,
            shuffle=False,
            max_iter=1,
            random_state=0,
        )
        start = X[: setting.batch_size]
        self.fit(start, start)  # makes the arrays
        for array, value in zip(
            (*self.mlp.coefs_, *self.mlp.intercepts_), (W, W.T, b, c), strict=True
        ):
            array[...] = value
        del self.mlp._optimizer  # a new one, with zero moments, comes with the next call

    def fit(self, shown, clean):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.mlp.partial_fit(shown, clean)

    def train(self, rows):
        clean = self.X[rows]
        kept = self.random.random(clean.shape, dtype=clean.dtype) >= self.setting.level
        self.fit(clean * kept, clean)

    def weights(self):
        return self.mlp.coefs_[0].copy(), *(i.copy() for i in self.mlp.intercepts_)

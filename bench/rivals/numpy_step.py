"""NumPy by hand: every buffer is allocated once, every operation works in place.

The two gradients of the tied weights are one product: rows of corrupted input and of output
deltas on top of each other, against code deltas and codes. The loss is not computed, which
spares this rival a pass that this library makes.
"""

from __future__ import annotations

import numpy as np

from bench.rivals import _base
from bench.settings import BETA_1, BETA_2, EPSILON, MOMENTUM

name = "NumPy by hand"


def available(n_threads: int) -> str | None:
    return None


def logistic(a: np.ndarray) -> None:
    """In place; exp may overflow to infinity, whose reciprocal is the right 0."""
    np.negative(a, out=a)
    np.exp(a, out=a)
    a += 1
    np.reciprocal(a, out=a)


class Session(_base.Session):
    def start(self, W, b, c, X):
        B, n, m = self.setting.batch_size, X.shape[1], len(b)
        self.W, self.b, self.c, self.X = W, b, c, X
        self.random = np.random.Generator(np.random.SFC64(0))
        dtype = X.dtype
        self.x = np.empty((B, n), dtype)
        self.uniform = np.empty((B, n), dtype)
        self.kept = np.empty((B, n), bool)
        self.inputs = np.empty((2 * B, n), dtype)  # shown rows, then deltas of the outputs
        self.outputs = np.empty((2 * B, m), dtype)  # deltas of the codes, then codes
        self.slope = np.empty((B, m), dtype)
        self.grads = [np.empty_like(p) for p in (W, b, c)]
        n_moments = {"sgd": 0, "momentum": 1, "adam": 2}[self.setting.solver]
        self.moments = [[np.zeros_like(p) for _ in range(n_moments)] for p in (W, b, c)]
        self.scratch = [np.empty_like(p) for p in (W, b, c)] if n_moments == 2 else [None] * 3
        self.n_steps = 0

    def train(self, rows):
        B = self.setting.batch_size
        with np.errstate(over="ignore"):
            for first in range(0, len(rows), B):
                self.step(rows[first : first + B])

    def step(self, rows: np.ndarray) -> None:
        B = len(rows)
        shown, delta = self.inputs[:B], self.inputs[B:]
        delta_code, code = self.outputs[:B], self.outputs[B:]
        np.take(self.X, rows, axis=0, out=self.x, mode="clip")  # "raise" would buffer
        self.random.random(out=self.uniform, dtype=self.uniform.dtype)
        np.greater_equal(self.uniform, self.setting.level, out=self.kept)
        np.multiply(self.x, self.kept, out=shown)

        np.matmul(shown, self.W, out=code)
        code += self.b
        logistic(code)
        np.matmul(code, self.W.T, out=delta)
        delta += self.c
        logistic(delta)
        delta -= self.x
        delta /= B
        np.matmul(delta, self.W, out=delta_code)
        np.multiply(code, code, out=self.slope)
        np.subtract(code, self.slope, out=self.slope)
        delta_code *= self.slope

        grad_W, grad_b, grad_c = self.grads
        np.matmul(self.inputs.T, self.outputs, out=grad_W)
        np.sum(delta_code, axis=0, out=grad_b)
        np.sum(delta, axis=0, out=grad_c)
        self.n_steps += 1
        parameters = (self.W, self.b, self.c)
        for p, g, v, s in zip(parameters, self.grads, self.moments, self.scratch, strict=True):
            self.update(p, g, v, s)

    def update(self, p, g, moments, scratch):
        rate = self.setting.learning_rate
        if self.setting.solver == "adam":
            v1, v2 = moments
            v2 *= BETA_2
            np.multiply(g, g, out=scratch)
            scratch *= 1 - BETA_2
            v2 += scratch
            v1 *= BETA_1
            g *= 1 - BETA_1
            v1 += g
            np.sqrt(v2, out=scratch)
            scratch /= np.sqrt(1 - BETA_2**self.n_steps)
            scratch += EPSILON
            np.divide(v1, scratch, out=scratch)
            scratch *= rate / (1 - BETA_1**self.n_steps)
            p -= scratch
            return
        g *= rate
        if moments:
            (v,) = moments
            v *= MOMENTUM
            v -= g
            p -= g
            np.multiply(v, MOMENTUM, out=g)
            p += g
        else:
            p -= g

    def weights(self):
        return self.W.copy(), self.b.copy(), self.c.copy()

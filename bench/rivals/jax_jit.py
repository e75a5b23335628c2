"""JAX: the whole step under `jit`, masks included, the weights donated.

XLA's thread pool has as many threads as the process has cores and cannot be resized, so this rival
takes part only where every core is used.
"""

from __future__ import annotations

import os
from functools import cache, partial
from importlib.util import find_spec

import numpy as np

from bench.rivals import _base
from bench.settings import BETA_1, BETA_2, EPSILON, MOMENTUM

name = "JAX jit"


def available(n_threads: int) -> str | None:
    if find_spec("jax") is None or find_spec("jaxlib") is None:
        return "JAX is not installed"
    cores = len(os.sched_getaffinity(0))
    if n_threads != cores:
        return f"its threads are the {cores} cores of the process, not {n_threads}"
    return None


def update(solver, rate, p, g, moments, t):
    import jax.numpy as jnp

    if solver == "adam":
        v1 = BETA_1 * moments[0] + (1 - BETA_1) * g
        v2 = BETA_2 * moments[1] + (1 - BETA_2) * g * g
        rms = jnp.sqrt(v2) / jnp.sqrt(1 - BETA_2**t)
        return p - rate / (1 - BETA_1**t) * v1 / (rms + EPSILON), (v1, v2)
    if solver == "momentum":
        v = MOMENTUM * moments[0] - rate * g
        return p + MOMENTUM * v - rate * g, (v,)
    return p - rate * g, ()


@cache
def compiled_step(solver: str, rate: float, level: float):
    import jax
    import jax.numpy as jnp

    @partial(jax.jit, donate_argnums=0)
    def step(state, x):
        parameters, moments, key, t = state
        key, mask_key = jax.random.split(key)
        shown = jnp.where(jax.random.uniform(mask_key, x.shape, x.dtype) >= level, x, 0)

        def loss(parameters):
            W, b, c = parameters
            a = jax.nn.sigmoid(shown @ W + b) @ W.T + c
            return (jax.nn.softplus(a) - x * a).sum() / x.shape[0]

        grads = jax.grad(loss)(parameters)
        t = t + 1
        updated = [
            update(solver, rate, p, g, v, t)
            for p, g, v in zip(parameters, grads, moments, strict=True)
        ]
        return tuple(u[0] for u in updated), tuple(u[1] for u in updated), key, t

    return step


class Session(_base.Session):
    def start(self, W, b, c, X):
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_platforms", "cpu")
        jax.config.update("jax_enable_x64", True)  # for float64 settings; dtypes are explicit
        self.X = X
        n_moments = {"sgd": 0, "momentum": 1, "adam": 2}[self.setting.solver]
        parameters = tuple(jnp.array(p) for p in (W, b, c))
        moments = tuple(tuple(jnp.zeros_like(p) for _ in range(n_moments)) for p in parameters)
        self.state = (parameters, moments, jax.random.key(0), jnp.zeros((), W.dtype))
        setting = self.setting
        self.step = compiled_step(setting.solver, setting.learning_rate, setting.level)

    def activate(self):
        pass

    def train(self, rows):
        import jax

        B = self.setting.batch_size
        for first in range(0, len(rows), B):
            self.state = self.step(self.state, self.X[rows[first : first + B]])
        jax.block_until_ready(self.state[0])

    def weights(self):
        return tuple(np.array(p) for p in self.state[0])

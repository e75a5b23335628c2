"""JAX with factors of bfloat16, sums and weights of float32: all products by one configuration."""

from __future__ import annotations

from bench.rivals import jax_jit

name = "JAX jit, bfloat16"
available = jax_jit.available


class Session(jax_jit.Session):
    def train(self, rows):
        import jax

        with jax.default_matmul_precision("BF16_BF16_F32"):
            super().train(rows)

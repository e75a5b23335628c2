"""What the PyTorch rivals share."""

from __future__ import annotations

import warnings
from importlib.util import find_spec

import numpy as np

from bench.rivals import _base
from bench.settings import BETA_1, BETA_2, EPSILON, MOMENTUM


def available(n_threads: int) -> str | None:
    return None if find_spec("torch") else "PyTorch is not installed"


class Session(_base.Session):
    def activate(self):
        import torch

        torch.set_num_threads(self.n_threads)
        torch.set_float32_matmul_precision("highest")

    def tensors(self, *arrays: np.ndarray) -> list:
        import torch

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a read-only array
            return [torch.from_numpy(array) for array in arrays]

    def optimizer(self, parameters: list, **options):
        import torch

        setting = self.setting
        if setting.solver == "adam":
            return torch.optim.Adam(
                parameters, setting.learning_rate, betas=(BETA_1, BETA_2), eps=EPSILON, **options
            )
        momentum = MOMENTUM if setting.solver == "momentum" else 0.0
        return torch.optim.SGD(
            parameters, setting.learning_rate, momentum, nesterov=momentum > 0, **options
        )

"""PyTorch's compiler on a whole step: mask, forward, gradients by hand, update.

Plain SGD and momentum are compiled with the step; Adam is `torch.optim.Adam(fused=True)` behind it.
It needs a C++ compiler, and a minute for the first step of each shape, which is not timed.
"""

from __future__ import annotations

import shutil

from bench.rivals import _torch
from bench.settings import MOMENTUM

name = "torch.compile"


def available(n_threads: int) -> str | None:
    if shutil.which("g++") is None and shutil.which("clang++") is None:
        return "no C++ compiler"
    return _torch.available(n_threads)


def gradients(x, W, b, c, level):
    import torch

    shown = torch.where(torch.rand_like(x) >= level, x, 0)
    code = torch.sigmoid(torch.addmm(b, shown, W))
    delta = (torch.sigmoid(torch.addmm(c, code, W.t())) - x) / x.shape[0]
    delta_code = (delta @ W) * (code - code * code)
    grad_W = torch.addmm(shown.t() @ delta_code, delta.t(), code)
    return grad_W, delta_code.sum(0), delta.sum(0)


def sgd(x, W, b, c, level, rate):
    for p, g in zip((W, b, c), gradients(x, W, b, c, level), strict=True):
        p.sub_(g * rate)


def momentum(x, W, b, c, level, rate, moments):
    for p, g, v in zip((W, b, c), gradients(x, W, b, c, level), moments, strict=True):
        v.mul_(MOMENTUM).sub_(g * rate)
        p.add_(v * MOMENTUM - g * rate)


class Session(_torch.Session):
    def start(self, W, b, c, X):
        import torch

        torch._dynamo.reset()
        (self.X,) = self.tensors(X)
        self.parameters = [p.clone() for p in self.tensors(W, b, c)]
        solver, level, rate = self.setting.solver, self.setting.level, self.setting.learning_rate
        if solver == "adam":
            compiled = torch.compile(gradients, dynamic=False)
            optim = self.optimizer(self.parameters, fused=True)

            def step(x):
                for p, g in zip(self.parameters, compiled(x, *self.parameters, level), strict=True):
                    p.grad = g
                optim.step()

        else:
            compiled = torch.compile(momentum if solver == "momentum" else sgd, dynamic=False)
            more = [[torch.zeros_like(p) for p in self.parameters]] if solver == "momentum" else []

            def step(x):
                compiled(x, *self.parameters, level, rate, *more)

        self.step = step

    def train(self, rows):
        import torch

        (index,) = self.tensors(rows)
        B = self.setting.batch_size
        with torch.no_grad():
            for first in range(0, len(rows), B):
                self.step(self.X[index[first : first + B]])

    def weights(self):
        return tuple(p.numpy().copy() for p in self.parameters)

"""PyTorch as most people write it: autograd, tied weights by `F.linear`, `torch.optim`.

Rows are gathered by one index_select a batch, which is faster than a DataLoader.
"""

from __future__ import annotations

from bench.rivals import _torch

name = "PyTorch eager"
available = _torch.available


class Session(_torch.Session):
    def start(self, W, b, c, X):
        (self.X,) = self.tensors(X)
        self.parameters = [p.clone().requires_grad_() for p in self.tensors(W.T.copy(), b, c)]
        self.optim = self.optimizer(self.parameters)

    def train(self, rows):
        import torch

        B, level = self.setting.batch_size, self.setting.level
        (index,) = self.tensors(rows)
        for first in range(0, len(rows), B):
            x = self.X[index[first : first + B]]
            shown = x * (torch.rand(x.shape, dtype=x.dtype) >= level)
            loss = self.mean_loss(x, shown)
            self.optim.zero_grad()
            loss.backward()
            self.optim.step()

    def mean_loss(self, x, shown):
        import torch
        import torch.nn.functional as F

        W, b, c = self.parameters
        code = torch.sigmoid(F.linear(shown, W, b))
        a = F.linear(code, W.t(), c)
        return F.binary_cross_entropy_with_logits(a, x, reduction="sum") / len(x)

    def weights(self):
        W, b, c = (p.detach().numpy().copy() for p in self.parameters)
        return W.T.copy(), b, c

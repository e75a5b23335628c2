"""PyTorch without autograd: gradients by hand, buffers allocated once, all in place.

As fast as PyTorch's own operations allow: masks by `bernoulli_`, plain SGD's product of gradients
added into the weights by one `addmm_`, fused optimizers for the rest. The loss is not computed,
which spares this rival a pass that this library makes.
"""

from __future__ import annotations

from bench.rivals import _torch

name = "PyTorch by hand"
available = _torch.available


class Session(_torch.Session):
    def start(self, W, b, c, X):
        import torch

        (self.X,) = self.tensors(X)
        self.parameters = [p.clone() for p in self.tensors(W, b, c)]
        B, (n, m) = self.setting.batch_size, W.shape
        dtype = self.X.dtype
        self.x = torch.empty(B, n, dtype=dtype)
        self.kept = torch.empty(B, n, dtype=dtype)
        self.inputs = torch.empty(2 * B, n, dtype=dtype)  # shown rows, then deltas of the outputs
        self.outputs = torch.empty(2 * B, m, dtype=dtype)  # deltas of the codes, then codes
        self.slope = torch.empty(B, m, dtype=dtype)
        self.optim = None
        if self.setting.solver != "sgd":
            for p in self.parameters:
                p.grad = torch.zeros_like(p)
            self.optim = self.optimizer(self.parameters, fused=True)

    def train(self, rows):
        import torch

        (index,) = self.tensors(rows)
        B = self.setting.batch_size
        with torch.no_grad():
            for first in range(0, len(rows), B):
                self.step(index[first : first + B])

    def step(self, index):
        import torch

        W, b, c = self.parameters
        B, rate = len(index), self.setting.learning_rate
        x, inputs, outputs = self.x, self.inputs, self.outputs
        shown, delta = inputs[:B], inputs[B:]
        delta_code, code = outputs[:B], outputs[B:]
        torch.index_select(self.X, 0, index, out=x)
        torch.mul(x, self.kept.bernoulli_(1 - self.setting.level), out=shown)

        torch.addmm(b, shown, W, out=code).sigmoid_()
        torch.addmm(c, code, W.t(), out=delta).sigmoid_()
        delta.sub_(x).div_(B)
        torch.mm(delta, W, out=delta_code)
        torch.mul(code, code, out=self.slope)
        delta_code.mul_(torch.sub(code, self.slope, out=self.slope))

        if self.optim is None:
            W.addmm_(inputs.t(), outputs, alpha=-rate)
            b.sub_(delta_code.sum(0), alpha=rate)
            c.sub_(delta.sum(0), alpha=rate)
        else:
            torch.mm(inputs.t(), outputs, out=W.grad)
            torch.sum(delta_code, 0, out=b.grad)
            torch.sum(delta, 0, out=c.grad)
            self.optim.step()

    def weights(self):
        return tuple(p.numpy().copy() for p in self.parameters)

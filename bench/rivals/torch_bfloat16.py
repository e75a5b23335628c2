"""PyTorch by hand, factors of bfloat16, weights of float32, as mixed-precision training has them.

The weights are rounded once a step. What products return is rounded, too: PyTorch has no product
of bfloat16 that returns float32 on the CPU.
"""

from __future__ import annotations

from bench.rivals import torch_by_hand

name = "PyTorch by hand, bfloat16"
available = torch_by_hand.available


class Session(torch_by_hand.Session):
    def start(self, W, b, c, X):
        import torch

        super().start(W, b, c, X)
        for buffer in ("inputs", "outputs", "slope"):
            setattr(self, buffer, getattr(self, buffer).to(torch.bfloat16))
        self.rounded = [p.to(torch.bfloat16) for p in self.parameters]
        self.gradient = torch.empty_like(self.rounded[0])

    def step(self, index):
        import torch

        for rounded, p in zip(self.rounded, self.parameters, strict=True):
            rounded.copy_(p)
        W, b, c = self.rounded
        B = len(index)
        x, inputs, outputs = self.x, self.inputs, self.outputs
        shown, delta = inputs[:B], inputs[B:]
        delta_code, code = outputs[:B], outputs[B:]
        torch.index_select(self.X, 0, index, out=x)
        torch.mul(x, self.kept.bernoulli_(1 - self.setting.level), out=shown)

        torch.addmm(b, shown, W, out=code).sigmoid_()
        torch.addmm(c, code, W.t(), out=delta).sigmoid_()
        torch.sub(delta, x, out=delta).div_(B)
        torch.mm(delta, W, out=delta_code)
        torch.mul(code, code, out=self.slope)
        delta_code.mul_(torch.sub(code, self.slope, out=self.slope))
        torch.mm(inputs.t(), outputs, out=self.gradient)
        self.descend(self.gradient, delta_code, delta)

    def descend(self, gradient, delta_code, delta):
        """Move the weights of float32."""
        import torch

        W, b, c = self.parameters
        rate = self.setting.learning_rate
        gradients = (gradient, delta_code.sum(0), delta.sum(0))
        for p, g in zip((W, b, c), gradients, strict=True):
            if self.optim is None:
                p.sub_(g, alpha=rate)
            else:
                torch.add(g, 0, out=p.grad)
        if self.optim is not None:
            self.optim.step()

"""PyTorch as its users switch bfloat16 on: the forward pass under `torch.autocast`."""

from __future__ import annotations

from bench.rivals import torch_eager

name = "PyTorch autocast bfloat16"
available = torch_eager.available


class Session(torch_eager.Session):
    def mean_loss(self, x, shown):
        import torch

        with torch.autocast("cpu", torch.bfloat16):
            return super().mean_loss(x, shown)

"""`ConvolutionalAutoencoder` beside PyTorch and ONNX Runtime: ``python -m bench.convolution``.

The network of the bundled denoiser (64 channels, 7 blocks): a pass of training over 64 patches of
64 x 64 pixels in batches of 4, with their gradients and Adam, and cleaning a plane of 512 x 768
pixels. PyTorch has the same filters, channels last, which is how its CPU convolutions are fastest;
in bfloat16 it trains with autocast and cleans with all of the network in bfloat16. All sides in
turn, on all cores; the median of the rounds' ratios counts. How far the losses of the third pass,
or the outputs, are apart stands beside the times.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime
import torch

from bench import machine, records
from bench.render import markdown_rows
from bench.timing import in_turn, per_call, ratios, spread
from dae._model.convolutional import ConvolutionalNetwork, new_network
from dae.image import ConvolutionalAutoencoder, ImageDenoiser
from dae.image.convolutional import BETA_1, BETA_2
from dae.onnx import to_onnx

SIZE, N_PATCHES, BATCH = 64, 64, 4
PLANE = (512, 768)
LEARNING_RATE = 0.0005


def rows(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Smooth patches, and noisy copies with the level in the last column."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:SIZE, :SIZE] / 8
    angles = rng.uniform(0, 6, size=(n, 3, 1, 1))
    clean = np.sin(np.cos(angles[:, 0]) * x + np.sin(angles[:, 1]) * y + angles[:, 2])
    noisy = clean + rng.normal(scale=0.5, size=clean.shape)
    both = [np.c_[part.reshape(n, -1), np.full(n, 0.5)] for part in (clean, noisy)]
    return both[0].astype(np.float32), both[1].astype(np.float32)


class Torch(torch.nn.Module):
    """The same network."""

    def __init__(self, network: ConvolutionalNetwork) -> None:
        super().__init__()
        filters = [*network.filters()[:-1], network.tail[..., : network.n_outputs]]
        self.filters = torch.nn.ParameterList(
            torch.nn.Parameter(
                torch.from_numpy(each.transpose(3, 2, 0, 1).copy()).to(
                    memory_format=torch.channels_last
                )
            )
            for each in filters
        )

    def forward(self, pixels: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        conv, F = torch.nn.functional.conv2d, torch.nn.functional
        quarters = F.pixel_unshuffle(pixels, 2)
        plane = level[:, None, None, None].expand(-1, 1, *quarters.shape[2:])
        x = torch.cat([quarters, plane], 1).contiguous(memory_format=torch.channels_last)
        code = conv(x, self.filters[0], padding=1)
        for first, second in zip(self.filters[1:-1:2], self.filters[2:-1:2], strict=True):
            code = code + conv(torch.relu(conv(code, first, padding=1)), second, padding=1)
        return pixels + F.pixel_shuffle(conv(code, self.filters[-1], padding=1), 2)


def torch_pass(network: ConvolutionalNetwork, narrow: bool) -> tuple[Callable[[], Any], list]:
    """A pass over the patches, and the mean losses of all passes that were made."""
    model = Torch(network)
    adam = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, betas=(BETA_1, BETA_2))
    clean, noisy = (torch.from_numpy(part) for part in rows(N_PATCHES))
    shape = (-1, 1, SIZE, SIZE)
    curve: list[float] = []

    def run() -> None:
        total = 0.0
        for batch in torch.randperm(N_PATCHES).split(BATCH):
            adam.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=narrow):
                out = model(noisy[batch, :-1].reshape(shape), noisy[batch, -1])
            error = out.float() - clean[batch, :-1].reshape(shape)
            loss = error.square().sum() / len(batch)
            loss.backward()
            adam.step()
            total += float(loss.detach()) * len(batch)
        curve.append(total / N_PATCHES)

    return run, curve


def training(rounds: int, seconds: float) -> dict:
    start = new_network(5, 4, 64, 7, np.random.default_rng(0))
    tasks: dict[str, Callable[[], Any]] = {}
    curves: dict[str, list[float]] = {}
    clean, noisy = rows(N_PATCHES)
    for name, precision in (("dae", "highest"), ("dae, medium", "medium")):
        model = ConvolutionalAutoencoder(
            batch_size=BATCH, learning_rate_init=LEARNING_RATE, random_state=0,
            matmul_precision=precision,
        )  # fmt: skip
        curves[name] = []

        def run(model: Any = model, curve: list = curves[name]) -> None:
            model.partial_fit(clean, X_corrupted=noisy)
            curve.append(model.loss_curve_[-1])

        tasks[name] = run
    tasks["PyTorch"], curves["PyTorch"] = torch_pass(start, narrow=False)
    tasks["PyTorch, autocast"], curves["PyTorch, autocast"] = torch_pass(start, narrow=True)
    for task in tasks.values():
        for _ in range(3):
            task()
    apart = {name: curve[2] / curves["PyTorch"][2] - 1 for name, curve in curves.items()}
    timed = in_turn({name: per_call(task, seconds) for name, task in tasks.items()}, rounds)
    return {"what": "training on 64 patches of 64 x 64", "seconds": timed, "apart": apart}


def cleaning(rounds: int, seconds: float) -> dict:
    """Of a plane, by the bundled denoiser's network."""
    denoiser = ImageDenoiser.pretrained().set_params(matmul_precision="highest")
    networks = {"dae": denoiser.autoencoder_, "dae, medium": denoiser.autoencoder_}
    plane = np.random.default_rng(0).normal(size=(1, 1, *PLANE)).astype(np.float32)
    level = np.array([0.5], np.float32)
    tasks: dict[str, Callable[[], Any]] = {}
    for name, precision in (("dae", "highest"), ("dae, medium", "medium")):
        model = ConvolutionalAutoencoder(**networks[name].get_params())
        model.__dict__ |= vars(networks[name]) | {"matmul_precision": precision, "n_jobs": None}
        tasks[name] = lambda model=model: model._reconstruct_pictures(plane, level)
    for name, dtype in (("PyTorch", torch.float32), ("PyTorch, bfloat16", torch.bfloat16)):
        twin = Torch(denoiser.autoencoder_._network()).to(dtype).eval()
        seen = [torch.from_numpy(part).to(dtype) for part in (plane, level)]

        def run(twin: Torch = twin, seen: list = seen) -> np.ndarray:
            with torch.inference_mode():
                return twin(*seen)[:, 0].float().numpy()

        tasks[name] = run
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    own_scale = ImageDenoiser.pretrained().set_params(color="channels")
    session = onnxruntime.InferenceSession(
        to_onnx(own_scale).SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    picture = np.clip(0.5 + plane[0, 0][None, ..., None] / 8, 0, 1)
    inputs = {"X": picture, "sigma": np.array([0.1], np.float32)}
    tasks["ONNX Runtime"] = lambda: session.run(None, inputs)
    exact = tasks["PyTorch"]()
    apart = {
        name: float(np.abs(task() - exact).max() / np.abs(exact).max())
        for name, task in tasks.items()
        if name != "ONNX Runtime"  # another picture: its graph scales and clips
    }
    timed = in_turn({name: per_call(task, seconds) for name, task in tasks.items()}, rounds)
    return {"what": "cleaning 512 x 768 pixels", "seconds": timed, "apart": apart}


def text(result: dict) -> str:
    lines = []
    for case in result["cases"]:
        own = {False: case["seconds"]["dae"], True: case["seconds"]["dae, medium"]}
        for name, seconds in case["seconds"].items():
            over = ["", ""]
            if not name.startswith("dae"):
                over = ["{:.2f}x ({:.2f} to {:.2f})".format(*spread(ratios(seconds, times)))
                        for times in own.values()]  # fmt: skip
            apart = case["apart"].get(name)
            lines.append(
                [case["what"], name, f"{1e3 * np.median(seconds):.1f} ms", *over]
                + ["" if apart is None else f"{apart:.1e}"]
            )
    environment = result["environment"]
    columns = ["what", "by", "time", "over dae", "over dae, medium", "apart from PyTorch"]
    return "\n".join(
        [
            "# Convolutions beside PyTorch and ONNX Runtime",
            "",
            "`python -m bench.convolution`: the network of the bundled denoiser, 64 channels and "
            "7 blocks, all sides in turn; medians, and ratios of the rounds with quartiles (above "
            "1: dae is faster). Apart: the losses of the third pass; the largest difference "
            f"of the outputs, of their largest value. {environment['cpu']}, {environment['cores']} "
            f"cores; {environment['date']}.",
            "",
            markdown_rows(columns, lines),
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.convolution", description=__doc__)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--seconds", type=float, default=0.5, help="of one measurement")
    options = parser.parse_args()
    cases = [measure(options.rounds, options.seconds) for measure in (training, cleaning)]
    result = {"cases": cases, "environment": machine.environment()}
    print(text(result))
    records.write_with_report(records.folder() / "convolution.json", result, text(result))


if __name__ == "__main__":
    main()

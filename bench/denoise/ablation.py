"""One change of the recipe after another, the same number of patches for all."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from bench import records, render
from bench.denoise.cases import Case, luminance, named, training_pictures
from bench.denoise.models import deep, recipe
from bench.machine import environment
from dae.image import ImageDenoiser, default_autoencoder

N_HELD_OUT = 12  # training pictures that judge


def variations() -> dict[tuple[str, float], dict[str, dict[str, Any]]]:
    """What differs from the defaults, by noise and level."""
    other = {"patch": "noise", "noise": "patch"}[ImageDenoiser().predict]
    same_weights = default_autoencoder("salt_and_pepper").set_params(emphasis=None)
    scales = {"one scale": {"scales": 1}, "three scales": {"scales": 3}}
    return {
        ("gaussian", 25 / 255): {
            "as it is": {},
            **{f"patches of {size}": {"patch_size": size} for size in (7, 9, 13, 15)},
            **{f"middles of {size} answered": {"output_size": size} for size in (3, 7, 9)},
            "all of a patch answered": {"output_size": ImageDenoiser().patch_size},
            **scales,
            "mean not removed": {"center": False},
            f"the {other} predicted": {"predict": other},
            **{
                f"hidden layers {sizes}": {"autoencoder": deep(*sizes)}
                for sizes in ((512,), (256, 256), (768, 768), (1024, 512), (512, 512, 512))
            },
            "constant learning rate": {"learning_rate": "constant"},
            "linear learning rate": {"learning_rate": "linear"},
            **{f"learning rate {rate}": {"learning_rate_init": rate} for rate in (5e-4, 2e-3)},
            **{f"batches of {size}": {"batch_size": size} for size in (64, 256)},
            "uniform window": {"window": "uniform"},
            **{f"stride {stride}": {"stride": stride} for stride in (1, 5)},
        },
        ("gaussian", 50 / 255): {"as it is": {}, "patches of 15": {"patch_size": 15}, **scales},
        ("salt_and_pepper", 0.5): {
            "as it is": {},
            "known pixels weigh as much as lost ones": {"autoencoder": same_weights},
            "1,500,000 patches": {"n_patches": 1_500_000},
            "1,500,000 patches, known pixels weigh as much": {
                "n_patches": 1_500_000, "autoencoder": same_weights
            },
        },
    }  # fmt: skip


def ablate(folder: Path, n_patches: int) -> None:
    """Train and judge every variation; write denoise_ablation.json and .md."""
    pictures = training_pictures()
    step = len(pictures) // N_HELD_OUT
    held_out = pictures[::step][:N_HELD_OUT]
    rest = [p for i, p in enumerate(pictures) if i % step or i // step >= N_HELD_OUT]
    record: dict[str, Any] = {
        "environment": environment(), "patches": n_patches, "rows": []
    }  # fmt: skip
    for (noise, level), changes in variations().items():
        cases = [Case.of(f"h{i}", luminance(p), noise, level) for i, p in enumerate(held_out)]
        for name, parameters in changes.items():
            started = time.perf_counter()
            parameters = {"n_patches": n_patches} | parameters
            denoiser = recipe(noise, level, **parameters).fit(rest)
            seconds = time.perf_counter() - started
            psnr = np.mean([c.psnr(c.finish(denoiser.transform(c.noisy))) for c in cases])
            record["rows"].append({
                "noise": noise, "level": level, "what": name,
                "psnr": round(float(psnr), 3), "seconds": seconds,
            })  # fmt: skip
            print(record["rows"][-1], flush=True)
            records.write(folder / "denoise_ablation.json", record)
    records.write_text(folder / "denoise_ablation.md", markdown(record))


def markdown(record: dict[str, Any]) -> str:
    """A table per noise and level; the first row is the recipe itself."""
    rows = record["rows"]
    lines = [
        "# What the recipe owes to what",
        "",
        f"`python -m bench.denoise --ablation`: {record['patches']:,} patches each, mean PSNR of "
        f"{N_HELD_OUT} training pictures that were held out. A short training: after more patches "
        "larger ones and wider networks are ahead (`LONG_TRAINING` in `bench/denoise/models.py`).",
    ]
    for noise, level in dict.fromkeys((r["noise"], r["level"]) for r in rows):
        of_level = [r for r in rows if (r["noise"], r["level"]) == (noise, level)]
        base = of_level[0]["psnr"]
        lines += [
            "",
            f"## {noise.replace('_', ' ')}, {named(noise, level)}",
            "",
            render.markdown_rows(
                ["what is changed", "PSNR (dB)", "difference", "training (s)"],
                [
                    [
                        r["what"],
                        f"{r['psnr']:.2f}",
                        f"{r['psnr'] - base:+.2f}",
                        f"{r['seconds']:.0f}",
                    ]
                    for r in of_level
                ],
            ),
        ]
    return "\n".join(lines) + "\n"

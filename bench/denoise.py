"""Pictures cleaned by `ImageDenoiser` and by hand-made filters: ``python -m bench.denoise``.

    1. train     one model a noise on bsd400_train_gray, within a budget
    2. tune      every rival at every level on a few training pictures (`bench.denoising_rivals`)
    3. judge     PSNR, SSIM, time a megapixel, on the luminance of kodak24 and on photographs that
                 come with scikit-image; neither was looked at in 1 and 2
    4. report    bench/results/denoise.json, denoise.md, and pictures

``--ablation`` trains one variation of the recipe after another for the same number of patches and
judges on training pictures that were held out: denoise_ablation.json and .md.

A run that was stopped goes on where it was: models are kept in ``--models``, and scores in the JSON
file. Real data are found through DAE_DATA_DIR.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.denoising_rivals import RIVALS
from bench.machine import environment
from dae._files import write_whole
from dae._noise import add_noise, lost_pixels
from dae.image import ImageDenoiser, default_autoencoder

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"

LEVELS = {
    "gaussian": (15 / 255, 25 / 255, 50 / 255),
    "salt_and_pepper": (0.1, 0.2, 0.5),
    "masking": (0.3, 0.5, 0.8),
}

# name -> noise, levels trained on. One model serves all levels of pixels that are lost.
MODELS: dict[str, tuple[str, Any]] = {
    "gaussian-15": ("gaussian", 15 / 255),
    "gaussian-25": ("gaussian", 25 / 255),
    "gaussian-50": ("gaussian", 50 / 255),
    "gaussian-10-50": ("gaussian", (10 / 255, 50 / 255)),
    "salt_and_pepper": ("salt_and_pepper", (0.05, 0.6)),
    "masking": ("masking", (0.2, 0.85)),
}

# of scikit-image's bundled pictures, those that are photographs of scenes
PHOTOGRAPHS = ("astronaut", "camera", "chelsea", "coffee", "coins", "rocket")

SHOWN = (("gaussian", 25 / 255, "kodak 5"), ("salt_and_pepper", 0.2, "camera"),
         ("masking", 0.8, "kodak 23"))  # fmt: skip

N_TUNING = 6  # training pictures that rivals are tuned on
N_HELD_OUT = 12  # training pictures that the ablation is judged by

# ------------------------------------------------------------------ pictures


def folder(name: str) -> Path:
    data = os.environ.get("DAE_DATA_DIR")
    path = Path(data or ".") / "images" / name
    if not data or not path.is_dir():
        raise SystemExit(f"set DAE_DATA_DIR to a folder that has images/{name}")
    return path


def luminance(pixels: np.ndarray) -> np.ndarray:
    """Rec. 601 luma from 0 to 1, float32, in whole grey levels of 255."""
    if pixels.ndim == 3:
        pixels = np.rint(pixels[..., :3] @ np.array([0.299, 0.587, 0.114]))
    return (pixels / 255).astype(np.float32)


def training_pictures() -> list[np.ndarray]:
    from dae._pictures import find_pictures, read

    return [read(path)[0] for path in find_pictures(folder("bsd400_train_gray"))]


def test_pictures() -> dict[str, np.ndarray]:
    from skimage import data

    from dae._pictures import find_pictures, read

    paths = find_pictures(folder("kodak24"))
    pictures = {f"kodak {number}": read(path)[0] for number, path in enumerate(paths, 1)}
    pictures |= {name: getattr(data, name)() for name in PHOTOGRAPHS}
    return {name: luminance(pixels) for name, pixels in pictures.items()}


@dataclass(frozen=True)
class Case:
    """A clean picture and its noisy copy."""

    name: str
    noise: str
    level: float
    clean: np.ndarray
    noisy: np.ndarray
    lost: np.ndarray

    @classmethod
    def of(cls, name: str, clean: np.ndarray, noise: str, level: float) -> Case:
        # a seed for each picture and level, the same in every run
        rng = np.random.default_rng([len(name), sum(name.encode()), round(1e6 * level)])
        noisy = add_noise(noise, level, clean, rng)
        lost = lost_pixels(noise, noisy) if noise != "masking" else noisy == 0
        return cls(name, noise, level, clean, noisy, lost)

    def finish(self, cleaned: np.ndarray) -> np.ndarray:
        """Nothing outside [0, 1]; what was not lost stays."""
        cleaned = np.clip(cleaned, 0, 1)
        return cleaned if self.noise == "gaussian" else np.where(self.lost, cleaned, self.noisy)

    def psnr(self, cleaned: np.ndarray) -> float:
        error = np.mean(np.square(cleaned - self.clean, dtype=np.float64))
        return float(-10 * np.log10(error))

    def ssim(self, cleaned: np.ndarray) -> float:
        from skimage.metrics import structural_similarity

        return float(structural_similarity(self.clean, cleaned.astype(np.float32), data_range=1.0))


# ------------------------------------------------------------------ training


def recipe(noise: str, level: Any, n_patches: int, **parameters: Any) -> ImageDenoiser:
    """The denoiser as it is trained here: the defaults, and a seed."""
    return ImageDenoiser(noise, level, n_patches=n_patches, random_state=0, **parameters)


def patches_within(seconds: float, noise: str, level: Any, pictures: list[np.ndarray]) -> int:
    """Patches that can be trained on in that time, from the rate of a few blocks."""
    trial = recipe(noise, level, 1).partial_fit(pictures)
    before, started = trial.n_patches_, time.perf_counter()
    for _ in range(3):
        trial.partial_fit(pictures)
    rate = (trial.n_patches_ - before) / (time.perf_counter() - started)
    return max(1, int(rate * seconds))


def train(arguments: argparse.Namespace, record: dict[str, Any]) -> dict[str, ImageDenoiser]:
    """Models that are not there yet, within the budget; all of them."""
    pictures = training_pictures()
    arguments.models.mkdir(parents=True, exist_ok=True)
    denoisers = {}
    share = arguments.budget / len(MODELS)
    for name, (noise, level) in MODELS.items():
        path = arguments.models / f"{name}.npz"
        if not path.exists():
            started = time.perf_counter()
            n_patches = patches_within(0.97 * share, noise, level, pictures)
            print(f"{name}: {n_patches:,} patches", flush=True)
            denoiser = recipe(noise, level, n_patches, verbose=1).fit(pictures)
            denoiser.set_params(verbose=0).save(path)
            record["training"][name] = {
                "patches": n_patches,
                "seconds": time.perf_counter() - started,
                "loss_curve": denoiser.loss_curve_[:: max(1, len(denoiser.loss_curve_) // 50)],
            }
        denoisers[name] = ImageDenoiser.load(path)
    return denoisers


# ------------------------------------------------------------------ rivals


def tuned(noise: str, level: float, record: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Settings of each rival with the best mean PSNR on training pictures."""
    pictures = training_pictures()[:: 400 // N_TUNING][:N_TUNING]
    cases = [Case.of(f"t{i}", luminance(p), noise, level) for i, p in enumerate(pictures)]
    chosen = record["tuning"].setdefault(f"{noise} {level:.4g}", {})
    for name, rival in RIVALS[noise].items():
        if name in chosen or not rival.available():
            continue
        options = rival.settings()
        if len(options) == 1:
            chosen[name] = options[0]
            continue
        means = [
            np.mean([c.psnr(c.finish(rival.clean(c.noisy, c.lost, level, **o))) for c in cases])
            for o in options
        ]
        chosen[name] = options[int(np.argmax(means))]
        print(f"{noise} {level:.3g}: {name} {chosen[name]}", flush=True)
    return chosen


# ------------------------------------------------------------------ judging


def methods(
    noise: str,
    level: float,
    denoisers: dict[str, ImageDenoiser],
    chosen: dict[str, dict[str, Any]],
) -> Iterator[tuple[str, Any]]:
    """Name and function of a case, of all that take part at a level."""

    def by(denoiser: ImageDenoiser, **told: Any) -> Any:
        def clean(case: Case) -> np.ndarray:
            extra = dict(told)
            if noise == "masking":
                extra["mask"] = case.lost
            return denoiser.transform(np.clip(case.noisy, -1.4, 2.4), **extra)

        return clean

    yield "noisy", lambda case: case.noisy
    if noise == "gaussian":
        yield "dae", by(denoisers[f"gaussian-{round(255 * level)}"])
        yield "dae, 10 to 50", by(denoisers["gaussian-10-50"], sigma=level)
        yield "dae, blind", by(denoisers["gaussian-10-50"], sigma="auto")
    else:
        yield "dae", by(denoisers[noise])
    for name, settings in chosen.items():
        rival = RIVALS[noise][name]
        yield (
            name,
            lambda case, rival=rival, settings=settings: rival.clean(
                case.noisy, case.lost, case.level, **settings
            ),
        )
    if noise == "gaussian" and round(255 * level) == 25:
        yield "dae, from the noisy picture alone", alone


def alone(case: Case) -> np.ndarray:
    """Trained on nothing but the picture that it cleans; the training is part of its time."""
    return recipe("unknown", 25 / 255, 500_000, patch_size=11).fit_transform([case.noisy])[0]


def judge(
    arguments: argparse.Namespace, record: dict[str, Any], denoisers: dict[str, ImageDenoiser]
) -> None:
    """Scores that are not there yet."""
    pictures = dict(list(test_pictures().items())[:: arguments.every])
    known = {(s["noise"], s["level"], s["method"], s["picture"]) for s in record["scores"]}
    for noise, levels in LEVELS.items():
        for level in levels:
            chosen = tuned(noise, level, record)
            for name, clean in methods(noise, level, denoisers, chosen):
                if any(name.startswith(skipped) for skipped in arguments.skip):
                    continue
                for picture, pixels in pictures.items():
                    if (noise, level, name, picture) in known:
                        continue
                    case = Case.of(picture, pixels, noise, level)
                    started = time.perf_counter()
                    cleaned = case.finish(clean(case))
                    record["scores"].append(
                        {
                            "noise": noise,
                            "level": level,
                            "method": name,
                            "picture": picture,
                            "psnr": round(case.psnr(cleaned), 3),
                            "ssim": round(case.ssim(cleaned), 4),
                            "seconds_per_megapixel": round(
                                (time.perf_counter() - started) / pixels.size * 1e6, 3
                            ),
                        }
                    )
                print(f"{noise} {level:.3g}: {name} {mean(record, noise, level, name)}", flush=True)
                write_json(arguments.out / "denoise.json", record)


def of_method(record: dict[str, Any], noise: str, level: float, method: str) -> list[dict]:
    return [
        s
        for s in record["scores"]
        if (s["noise"], s["level"], s["method"]) == (noise, level, method)
    ]


def mean(
    record: dict[str, Any], noise: str, level: float, method: str, group: str = ""
) -> dict[str, float]:
    """Mean figures; `group` "kodak" or "other" takes part of the pictures."""
    scores = of_method(record, noise, level, method)
    if group:
        scores = [s for s in scores if s["picture"].startswith("kodak") == (group == "kodak")]
    if not scores:
        return {}
    return {
        name: round(float(np.mean([s[name] for s in scores])), 4)
        for name in ("psnr", "ssim", "seconds_per_megapixel")
    } | {"pictures": len(scores)}


# ------------------------------------------------------------------ report


def write_json(path: Path, content: dict[str, Any]) -> None:
    write_whole(path, lambda file: file.write((json.dumps(content, indent=1) + "\n").encode()))


def markdown(record: dict[str, Any]) -> str:
    """The tables."""
    machine = record["environment"]
    trained = sum(t["seconds"] for t in record["training"].values())
    lines = [
        "# Pictures cleaned",
        "",
        f"`python -m bench.denoise`: trained on bsd400_train_gray in {trained / 60:.1f} minutes in "
        f"all, judged on the luminance of kodak24 and on {len(PHOTOGRAPHS)} photographs of "
        f"scikit-image. {machine['cpu']}, {machine['cores']} cores, {machine['date']}.",
        "",
        "PSNR in dB and SSIM are means over pictures, time is in seconds a megapixel. Every rival "
        "has its best settings at the level, by mean PSNR on training pictures. Salt and pepper, "
        "and missing pixels: every method replaces the pixels that look hit, and no others.",
    ]
    for noise, levels in LEVELS.items():
        for level in levels:
            shown = f"sigma {255 * level:.0f}" if noise == "gaussian" else f"{100 * level:.0f} %"
            lines += [
                "",
                f"## {noise.replace('_', ' ')}, {shown}",
                "",
                "| method | kodak24 PSNR | SSIM | scikit-image PSNR | SSIM | s/Mpixel | pictures |",
                "| --- | --- | --- | --- | --- | --- | --- |",
            ]
            names = dict.fromkeys(
                s["method"] for s in record["scores"] if (s["noise"], s["level"]) == (noise, level)
            )
            for name in names:
                kodak, other = (mean(record, noise, level, name, g) for g in ("kodak", "other"))
                both = mean(record, noise, level, name)
                lines.append(
                    f"| {name} | "
                    + " | ".join(
                        f"{m['psnr']:.2f} | {m['ssim']:.3f}" if m else "| " for m in (kodak, other)
                    )
                    + f" | {both['seconds_per_megapixel']:.2f} | {both['pictures']} |"
                )
    lines += ["", "## Training", "", "| model | patches | seconds |", "| --- | --- | --- |"]
    lines += [
        f"| {name} | {t['patches']:,} | {t['seconds']:.0f} |"
        for name, t in record["training"].items()
    ]
    return "\n".join(lines) + "\n"


def best_rival(record: dict[str, Any], noise: str, level: float) -> str:
    names = [n for n in RIVALS[noise] if mean(record, noise, level, n)]
    return max(names, key=lambda n: mean(record, noise, level, n)["psnr"])


def draw(
    arguments: argparse.Namespace, record: dict[str, Any], denoisers: dict[str, ImageDenoiser]
) -> None:
    """Clean, noisy, best rival, dae, side by side, and a part of them enlarged."""
    from matplotlib.figure import Figure

    pictures = test_pictures()
    for noise, level, picture in SHOWN:
        case = Case.of(picture, pictures[picture], noise, level)
        rival = best_rival(record, noise, level)
        chosen = record["tuning"][f"{noise} {level:.4g}"]
        functions = dict(methods(noise, level, denoisers, {rival: chosen[rival]}))
        panels = {"clean": case.clean} | {
            name: case.finish(functions[name](case)) for name in ("noisy", rival, "dae")
        }
        figure = Figure(figsize=(12, 6.4), dpi=80, layout="constrained")
        axes = figure.subplots(2, 4)
        height, width = case.clean.shape
        zoom = slice(height // 2 - 50, height // 2 + 50), slice(width // 2 - 50, width // 2 + 50)
        for column, (name, pixels) in enumerate(panels.items()):
            title = name if name == "clean" else f"{name}: {case.psnr(pixels):.2f} dB"
            axes[0, column].set_title(title)
            for row, part in enumerate((pixels, pixels[zoom])):
                axes[row, column].imshow(part, cmap="gray", vmin=0, vmax=1)
                axes[row, column].set_axis_off()
        name = f"denoise_{noise}_{picture.replace(' ', '')}.jpg"
        write_whole(
            arguments.out / name,
            lambda file, figure=figure: figure.savefig(
                file, format="jpg", pil_kwargs={"quality": 85}
            ),
        )


# ------------------------------------------------------------------ ablation


def deep(*sizes: int) -> Any:
    return default_autoencoder().set_params(hidden_layer_sizes=sizes)


def variations() -> dict[str, dict[str, Any]]:
    """What differs from the defaults."""
    other = {"patch": "noise", "noise": "patch"}[ImageDenoiser().predict]
    return {
        "as it is": {},
        **{f"patches of {size}": {"patch_size": size} for size in (8, 9, 13, 17)},
        "mean not removed": {"center": False},
        f"the {other} predicted": {"predict": other},
        **{
            f"hidden layers {sizes}": {"autoencoder": deep(*sizes)}
            for sizes in ((512,), (256, 256), (512, 512), (768, 768), (512, 512, 512))
        },
        "constant learning rate": {"learning_rate": "constant"},
        "linear learning rate": {"learning_rate": "linear"},
        **{f"learning rate {rate}": {"learning_rate_init": rate} for rate in (5e-4, 2e-3)},
        **{f"batches of {size}": {"batch_size": size} for size in (64, 256)},
        "uniform window": {"window": "uniform"},
        **{f"stride {stride}": {"stride": stride} for stride in (1, 6)},
    }


def ablate(arguments: argparse.Namespace) -> None:
    """One thing changed at a time, the same patches for all."""
    pictures = training_pictures()
    step = len(pictures) // N_HELD_OUT
    held_out = pictures[::step][:N_HELD_OUT]
    rest = [p for i, p in enumerate(pictures) if i % step or i // step >= N_HELD_OUT]
    level = 25 / 255
    cases = [Case.of(f"h{i}", luminance(p), "gaussian", level) for i, p in enumerate(held_out)]
    record: dict[str, Any] = {
        "environment": environment(), "patches": arguments.patches, "level": level, "rows": []
    }  # fmt: skip
    for name, parameters in variations().items():
        started = time.perf_counter()
        denoiser = recipe("gaussian", level, arguments.patches, **parameters).fit(rest)
        seconds = time.perf_counter() - started
        psnr = np.mean([c.psnr(c.finish(denoiser.transform(c.noisy))) for c in cases])
        record["rows"].append({"what": name, "psnr": round(float(psnr), 3), "seconds": seconds})
        print(record["rows"][-1], flush=True)
        write_json(arguments.out / "denoise_ablation.json", record)
    base = record["rows"][0]["psnr"]
    lines = [
        "# What the recipe owes to what",
        "",
        f"`python -m bench.denoise --ablation`: sigma 25, {arguments.patches:,} patches each, mean "
        f"PSNR of {N_HELD_OUT} training pictures that were held out.",
        "",
        "| what is changed | PSNR (dB) | difference | training (s) |",
        "| --- | --- | --- | --- |",
        *(
            f"| {r['what']} | {r['psnr']:.2f} | {r['psnr'] - base:+.2f} | {r['seconds']:.0f} |"
            for r in record["rows"]
        ),
    ]
    write_whole(
        arguments.out / "denoise_ablation.md",
        lambda file: file.write(("\n".join(lines) + "\n").encode()),
    )


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m bench.denoise")
    options.add_argument(
        "--budget", type=float, default=1800, help="seconds of training; default: %(default)s"
    )
    options.add_argument("--every", type=int, default=1, help="judge every n-th picture")
    options.add_argument(
        "--skip", nargs="*", default=[], metavar="METHOD", help="methods not to judge"
    )
    options.add_argument("--ablation", action="store_true")
    options.add_argument(
        "--patches", type=int, default=1_000_000, help="of each variation of the ablation"
    )
    options.add_argument("--models", type=Path, default=ROOT / "build" / "denoise")
    options.add_argument("--out", type=Path, default=RESULTS)
    arguments = options.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.ablation:
        ablate(arguments)
        return
    path = arguments.out / "denoise.json"
    record: dict[str, Any] = {"training": {}, "tuning": {}, "scores": []}
    if path.exists():
        record = json.loads(path.read_text())
    record["environment"] = environment()
    denoisers = train(arguments, record)
    write_json(path, record)
    judge(arguments, record, denoisers)
    text = markdown(record)
    write_whole(arguments.out / "denoise.md", lambda file: file.write(text.encode()))
    draw(arguments, record, denoisers)
    print(text)


if __name__ == "__main__":
    main()

"""Pictures cleaned by `ImageDenoiser` and by hand-made filters: ``python -m bench.denoise``.

    1. train     one model a noise on bsd400_train_gray, within a budget
    2. tune      every rival at every level on a few training pictures (`bench.denoising_rivals`)
    3. judge     PSNR, SSIM, time a megapixel, on the luminance of kodak24 and on photographs that
                 come with scikit-image; neither was looked at in 1 and 2
    4. report    bench/results/denoise.json, denoise.md, and pictures

``--ablation`` trains one variation of the recipe after another for the same number of patches and
judges on training pictures that were held out: denoise_ablation.json and .md.

A run that was stopped goes on where it was: models are kept in ``--models``, and scores in the JSON
file. ``--retrain`` keeps the rivals' scores only. Real data are found through DAE_DATA_DIR.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import product, repeat
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from bench.denoising_rivals import RIVALS
from bench.machine import cpu_model, environment
from dae._files import write_whole
from dae.image import ImageDenoiser, default_autoencoder
from dae.image._noise import add_noise, lost_pixels

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"
CPU = cpu_model()

LEVELS = {
    "gaussian": (15 / 255, 25 / 255, 50 / 255),
    "salt_and_pepper": (0.1, 0.2, 0.5),
    "masking": (0.3, 0.5, 0.8),
}


@dataclass(frozen=True)
class Model:
    """A denoiser to train: its noise, the levels trained on, its share of the budget, the model
    that it goes on from, if any, and parameters of its own.
    """

    noise: str
    level: Any
    share: float
    start: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)


def deep(*sizes: int, noise: str = "gaussian") -> Any:
    return default_autoencoder(noise).set_params(hidden_layer_sizes=sizes)


# For a long training a larger network, larger patches and larger batches than by default. On
# held-out training pictures at sigma 15, 25 and 50, two scales, stride 1, after two million
# patches: hidden layers (1024, 512) are 0.04, 0.03 and 0.03 dB ahead of (768, 512), for 1.2 times
# the operations; patches of 13 are 0.03 and 0.02 behind those of 11, and 0.01 ahead. The longer
# the training, the more the larger ones gain.
LONG_TRAINING = {
    "patch_size": 13,
    "autoencoder": deep(1024, 512),
    "batch_size": 256,
    "learning_rate_init": 0.0014,
}

# One model serves all levels of pixels that are lost. Those for one level of Gaussian noise begin
# with what the one for all of them has learned, which most of the budget is for: they gain little.
MODELS = {
    "gaussian-10-50": Model("gaussian", (10 / 255, 50 / 255), 0.58),
    "gaussian-15": Model("gaussian", 15 / 255, 0.035, "gaussian-10-50"),
    "gaussian-25": Model("gaussian", 25 / 255, 0.035, "gaussian-10-50"),
    "gaussian-50": Model("gaussian", 50 / 255, 0.035, "gaussian-10-50"),
    "salt_and_pepper": Model(
        "salt_and_pepper",
        (0.05, 0.6),
        0.24,
        parameters={"patch_size": 11, "autoencoder": deep(768, 512, noise="salt_and_pepper")},
    ),
    # a small one: it has to be fast
    "masking": Model(
        "masking",
        (0.2, 0.85),
        0.075,
        parameters={"patch_size": 11, "autoencoder": deep(384, 256, noise="masking")},
    ),
}
GOING_ON_RATE = 2e-4  # initial learning rate of a model that begins with another

# Strides that a model is judged at: the default, the best, and for missing pixels a fast one.
STRIDES = {
    "gaussian": {"dae": 3, "dae, stride 1": 1},
    "salt_and_pepper": {"dae": 3, "dae, stride 1": 1},
    "masking": {"dae": 3, "dae, stride 1": 1, "dae, stride 5": 5},
}

# of scikit-image's bundled pictures, those that are photographs of scenes
PHOTOGRAPHS = ("astronaut", "camera", "chelsea", "coffee", "coins", "rocket")

# pictures drawn: of those whose licence lets them be shown here
SHOWN = (
    ("gaussian", 25 / 255, "astronaut"),
    ("salt_and_pepper", 0.2, "camera"),
    ("masking", 0.8, "coffee"),
)

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
    from dae.image._io import find_pictures, read

    return [read(path)[0] for path in find_pictures(folder("bsd400_train_gray"))]


def test_pictures() -> dict[str, np.ndarray]:
    from skimage import data

    from dae.image._io import find_pictures, read

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
        if noise == "masking":  # which pixels are missing is known, black ones are not
            lost = add_noise(noise, level, np.ones_like(clean), rng) == 0
            noisy = np.where(lost, np.float32(0), clean)
        else:
            noisy = add_noise(noise, level, clean, rng)
            lost = lost_pixels(noise, noisy)
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
    """The defaults, and a seed."""
    return ImageDenoiser(noise, level, n_patches=n_patches, random_state=0, **parameters)


def patches_within(seconds: float, model: Model, pictures: list[np.ndarray]) -> int:
    """Patches that can be trained on in that time, from the rate of a few blocks."""
    parameters = LONG_TRAINING | model.parameters
    trial = recipe(model.noise, model.level, 1, **parameters).partial_fit(pictures)
    before, started = trial.n_patches_, time.perf_counter()
    for _ in range(3):
        trial.partial_fit(pictures)
    rate = (trial.n_patches_ - before) / (time.perf_counter() - started)
    return max(1, int(rate * seconds))


def train(arguments: argparse.Namespace, record: dict[str, Any]) -> dict[str, ImageDenoiser]:
    """Models that are not there yet, within the budget; all of them."""
    pictures = training_pictures()
    arguments.models.mkdir(parents=True, exist_ok=True)
    denoisers: dict[str, ImageDenoiser] = {}
    for name, model in MODELS.items():
        path = arguments.models / f"{name}.npz"
        if not path.exists():
            started = time.perf_counter()
            n_patches = patches_within(0.98 * model.share * arguments.budget, model, pictures)
            print(f"{name}: {n_patches:,} patches", flush=True)
            parameters = LONG_TRAINING | model.parameters
            denoiser = recipe(model.noise, model.level, n_patches, **parameters)
            if model.start:
                denoiser = deepcopy(denoisers[model.start]).set_params(
                    level=model.level,
                    n_patches=n_patches,
                    warm_start=True,
                    learning_rate_init=GOING_ON_RATE,
                )
            denoiser.set_params(verbose=1).fit(pictures)
            denoiser.set_params(verbose=0, warm_start=False).save(path)
            record["training"][name] = {
                "patches": n_patches,
                "seconds": time.perf_counter() - started,
                "begins_with": model.start,
            }
            write_json(arguments.out / "denoise.json", record)
        denoisers[name] = ImageDenoiser.load(path)
    return denoisers


# ------------------------------------------------------------------ rivals


def scored(case: Case, clean: Callable[[Case], np.ndarray]) -> dict[str, Any]:
    """How well and how fast a case is cleaned."""
    started = time.perf_counter()
    cleaned = case.finish(clean(case))
    seconds = time.perf_counter() - started
    return {
        "picture": case.name,
        "psnr": round(case.psnr(cleaned), 3),
        "ssim": round(case.ssim(cleaned), 4),
        "seconds_per_megapixel": round(seconds / case.clean.size * 1e6, 3),
        "cpu": CPU,
    }


def by_rival(name: str, settings: dict[str, Any]) -> Callable[[Case], np.ndarray]:
    """A rival as a function of a case."""

    def clean(case: Case) -> np.ndarray:
        return RIVALS[case.noise][name].clean(case.noisy, case.lost, case.level, **settings)

    return clean


def rival_scored(case: Case, name: str, settings: dict[str, Any]) -> dict[str, Any]:
    """`scored` of a rival, on one core: none of them uses more."""
    with threadpool_limits(1):
        return scored(case, by_rival(name, settings))


def left_out(arguments: argparse.Namespace, noise: str, method: str) -> bool:
    """Whether `--skip` names the method, or the method at that noise."""
    return not {method, f"{noise} {method}"}.isdisjoint(arguments.skip)


def tuned(
    arguments: argparse.Namespace, noise: str, level: float, record: dict[str, Any], pool: Executor
) -> dict[str, dict[str, Any]]:
    """Settings of each rival with the best mean PSNR on training pictures."""
    pictures = training_pictures()[:: 400 // N_TUNING][:N_TUNING]
    cases = [Case.of(f"t{i}", luminance(p), noise, level) for i, p in enumerate(pictures)]
    chosen = record["tuning"].setdefault(f"{noise} {level:.4g}", {})
    for name, rival in RIVALS[noise].items():
        if name in chosen or not rival.available() or left_out(arguments, noise, name):
            continue
        options = rival.settings()
        if len(options) == 1:
            chosen[name] = options[0]
            continue
        grid = list(product(options, cases))
        scores = pool.map(
            rival_scored, [case for _, case in grid], repeat(name), [o for o, _ in grid]
        )
        psnr = np.array([score["psnr"] for score in scores])
        means = psnr.reshape(len(options), len(cases)).mean(axis=1)
        chosen[name] = options[int(np.argmax(means))]
        print(f"{noise} {level:.3g}: {name} {chosen[name]}", flush=True)
    return chosen


# ------------------------------------------------------------------ judging


def methods(
    noise: str,
    level: float,
    denoisers: dict[str, ImageDenoiser],
    chosen: Iterable[str],
) -> Iterator[tuple[str, Callable[[Case], np.ndarray] | None]]:
    """Name and function of a case, of all that take part at a level; of a rival, no function."""

    def by(denoiser: ImageDenoiser, **told: Any) -> Any:
        def clean(case: Case) -> np.ndarray:
            extra = dict(told)
            if noise == "masking":
                extra["mask"] = case.lost
            return denoiser.transform(np.clip(case.noisy, -1.4, 2.4), **extra)

        return clean

    yield "noisy", lambda case: case.noisy
    own = denoisers[f"gaussian-{round(255 * level)}" if noise == "gaussian" else noise]
    for name, stride in STRIDES[noise].items():
        yield name, by(deepcopy(own).set_params(stride=stride))
    if noise == "gaussian":
        yield "dae, 10 to 50", by(denoisers["gaussian-10-50"], sigma=level)
        yield "dae, blind", by(denoisers["gaussian-10-50"], sigma="auto")
    for name in chosen:
        yield name, None
    if noise == "gaussian" and round(255 * level) == 25:
        yield "dae, from the noisy picture alone", alone


def alone(case: Case) -> np.ndarray:
    """Trained on nothing but the picture that it cleans; the training is part of its time."""
    return recipe("unknown", 25 / 255, 500_000, patch_size=11).fit_transform([case.noisy])[0]


def levels_of_noises() -> Iterator[tuple[str, float]]:
    for noise, levels in LEVELS.items():
        for level in levels:
            yield noise, level


def judge(
    arguments: argparse.Namespace, record: dict[str, Any], denoisers: dict[str, ImageDenoiser]
) -> None:
    """Scores that are not there yet."""
    pictures = dict(list(test_pictures().items())[:: arguments.every])
    known = {(s["noise"], s["level"], s["method"], s["picture"]) for s in record["scores"]}
    workers = ProcessPoolExecutor(
        len(os.sched_getaffinity(0)), multiprocessing.get_context("spawn")
    )
    with workers as pool:
        for noise, level in levels_of_noises():
            chosen = tuned(arguments, noise, level, record, pool)
            cases = [Case.of(name, pixels, noise, level) for name, pixels in pictures.items()]
            for name, clean in methods(noise, level, denoisers, chosen):
                if left_out(arguments, noise, name):
                    continue
                new = [case for case in cases if (noise, level, name, case.name) not in known]
                if clean is alone:  # a training for each picture: on a few of them
                    new = [case for case in new if case.name in PHOTOGRAPHS]
                if clean is None:
                    scores = pool.map(rival_scored, new, repeat(name), repeat(chosen[name]))
                else:
                    scores = (scored(case, clean) for case in new)
                record["scores"] += [
                    {"noise": noise, "level": level, "method": name} | score for score in scores
                ]
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


def elsewhere(record: dict[str, Any], scores: Iterable[dict]) -> set[str]:
    """The processors, other than that of the last run, that some of these times were taken on."""
    return {s["cpu"] for s in scores} - {record["environment"]["cpu"]}


# ------------------------------------------------------------------ report


def write_json(path: Path, content: dict[str, Any]) -> None:
    write_whole(path, lambda file: file.write((json.dumps(content, indent=1) + "\n").encode()))


def summary(record: dict[str, Any]) -> list[str]:
    """Each target beside what was found: means over all pictures, in dB."""
    lines = [
        "| noise | dae | best scikit-image or SciPy filter | BM3D | target | met |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for noise, level in levels_of_noises():
        found = {
            name: mean(record, noise, level, name)
            for name in (*STRIDES[noise], "dae, 10 to 50", *RIVALS[noise])
        }
        psnr = {name: scores["psnr"] for name, scores in found.items() if scores}
        if "dae" not in psnr:
            continue
        seconds = {
            name: scores["seconds_per_megapixel"] for name, scores in found.items() if scores
        }
        ours = max(psnr[name] for name in STRIDES[noise] if name in psnr)
        filters = [name for name in RIVALS[noise] if name in psnr and name != "BM3D"]
        best = max(filters, key=psnr.__getitem__)
        block_matching = psnr.get("BM3D")
        if noise == "gaussian":
            target = "0.8 ahead of the filters, not behind BM3D; range within 0.3"
            met = [
                ours >= psnr[best] + 0.8,
                block_matching is None or ours >= block_matching,
                psnr["dae, 10 to 50"] >= psnr["dae"] - 0.3,
            ]
        elif noise == "salt_and_pepper":
            target = "2 ahead of all"
            met = [ours >= max(psnr[best], block_matching or 0) + 2]
        else:
            target = "ahead of all, faster than biharmonic (both at stride 5)"
            fast = "dae, stride 5"
            timed = [s for m in (fast, "biharmonic") for s in of_method(record, noise, level, m)]
            faster = seconds[fast] < seconds.get("biharmonic", np.inf)
            # times of two machines prove nothing
            met = [psnr[fast] > psnr[best], faster and not elsewhere(record, timed)]
        lines.append(
            f"| {noise.replace('_', ' ')}, {named(noise, level)} | "
            + ", ".join(
                f"{psnr[name]:.2f}{name.removeprefix('dae').replace(',', ' at')}"
                if name != "dae, 10 to 50"
                else f"{psnr[name]:.2f} by the range"
                for name in (*STRIDES[noise], "dae, 10 to 50")
                if name in psnr
            )
            + f" | {psnr[best]:.2f} {best} | "
            + ("-" if block_matching is None else f"{block_matching:.2f}")
            + f" | {target} | {', '.join('yes' if one else '**no**' for one in met)} |"
        )
    return lines


def named(noise: str, level: float) -> str:
    return f"sigma {255 * level:.0f}" if noise == "gaussian" else f"{100 * level:.0f} %"


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
        "has its best settings at the level, by mean PSNR on training pictures, and a core of "
        "its own (none of them uses two); dae has both. Salt and pepper, and missing pixels: every "
        "method replaces the pixels that look hit, and no others. -: not run."
        + "".join(f" *: a time on {cpu}." for cpu in sorted(elsewhere(record, record["scores"]))),
        "",
        *summary(record),
        "",
        *(f"![{noise}, {picture}]({picture_file(noise, picture)})" for noise, _, picture in SHOWN),
    ]
    for noise, levels in LEVELS.items():
        for level in levels:
            lines += [
                "",
                f"## {noise.replace('_', ' ')}, {named(noise, level)}",
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
                    + f" | {both['seconds_per_megapixel']:.2f}"
                    + ("*" if elsewhere(record, of_method(record, noise, level, name)) else "")
                    + f" | {both['pictures']} |"
                )
    lines += [
        "",
        "## Training",
        "",
        "| model | begins with | patches | seconds |",
        "| --- | --- | --- | --- |",
        *(
            f"| {name} | {t['begins_with'] or ''} | {t['patches']:,} | {t['seconds']:.0f} |"
            for name, t in record["training"].items()
        ),
    ]
    return "\n".join(lines) + "\n"


def best_rival(record: dict[str, Any], noise: str, level: float) -> str:
    names = [n for n in RIVALS[noise] if mean(record, noise, level, n)]
    return max(names, key=lambda n: mean(record, noise, level, n)["psnr"])


def picture_file(noise: str, picture: str) -> str:
    return f"denoise_{noise}_{picture}.jpg"


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
        functions = dict(methods(noise, level, denoisers, ()))
        functions[rival] = by_rival(rival, chosen[rival])
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
        write_whole(
            arguments.out / picture_file(noise, picture),
            lambda file, figure=figure: figure.savefig(
                file, format="jpg", pil_kwargs={"quality": 85}
            ),
        )


# ------------------------------------------------------------------ ablation


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


def ablate(arguments: argparse.Namespace) -> None:
    """One thing changed at a time, the same patches for all."""
    pictures = training_pictures()
    step = len(pictures) // N_HELD_OUT
    held_out = pictures[::step][:N_HELD_OUT]
    rest = [p for i, p in enumerate(pictures) if i % step or i // step >= N_HELD_OUT]
    record: dict[str, Any] = {
        "environment": environment(), "patches": arguments.patches, "rows": []
    }  # fmt: skip
    for (noise, level), changes in variations().items():
        cases = [Case.of(f"h{i}", luminance(p), noise, level) for i, p in enumerate(held_out)]
        for name, parameters in changes.items():
            started = time.perf_counter()
            parameters = {"n_patches": arguments.patches} | parameters
            denoiser = recipe(noise, level, **parameters).fit(rest)
            seconds = time.perf_counter() - started
            psnr = np.mean([c.psnr(c.finish(denoiser.transform(c.noisy))) for c in cases])
            record["rows"].append({
                "noise": noise, "level": level, "what": name,
                "psnr": round(float(psnr), 3), "seconds": seconds,
            })  # fmt: skip
            print(record["rows"][-1], flush=True)
            write_json(arguments.out / "denoise_ablation.json", record)
    text = ablation_markdown(record)
    write_whole(arguments.out / "denoise_ablation.md", lambda file: file.write(text.encode()))


def ablation_markdown(record: dict[str, Any]) -> str:
    """The tables, a noise each; the first row of each is what the others differ from."""
    rows = record["rows"]
    lines = [
        "# What the recipe owes to what",
        "",
        f"`python -m bench.denoise --ablation`: {record['patches']:,} patches each, mean PSNR of "
        f"{N_HELD_OUT} training pictures that were held out. A short training: after more patches "
        "larger ones and wider networks are ahead (`LONG_TRAINING` in `bench/denoise.py`).",
    ]
    for noise, level in dict.fromkeys((r["noise"], r["level"]) for r in rows):
        of_level = [r for r in rows if (r["noise"], r["level"]) == (noise, level)]
        base = of_level[0]["psnr"]
        lines += [
            "",
            f"## {noise.replace('_', ' ')}, {named(noise, level)}",
            "",
            "| what is changed | PSNR (dB) | difference | training (s) |",
            "| --- | --- | --- | --- |",
            *(
                f"| {r['what']} | {r['psnr']:.2f} | {r['psnr'] - base:+.2f} | {r['seconds']:.0f} |"
                for r in of_level
            ),
        ]
    return "\n".join(lines) + "\n"


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m bench.denoise")
    options.add_argument(
        "--budget", type=float, default=1800, help="seconds of training; default: %(default)s"
    )
    options.add_argument("--every", type=int, default=1, help="judge every n-th picture")
    options.add_argument(
        "--skip",
        nargs="*",
        default=[],
        metavar="[NOISE ]METHOD",
        help="what not to judge, for example BM3D or 'salt_and_pepper BM3D'",
    )
    options.add_argument(
        "--retrain", action="store_true", help="train anew; keep the rivals' settings and scores"
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
    if arguments.retrain:
        record["training"] = {}
        record["scores"] = [s for s in record["scores"] if not s["method"].startswith("dae")]
        for name in MODELS:
            (arguments.models / f"{name}.npz").unlink(missing_ok=True)
    record["environment"] = environment()
    write_json(path, record)
    denoisers = train(arguments, record)
    judge(arguments, record, denoisers)
    text = markdown(record)
    write_whole(arguments.out / "denoise.md", lambda file: file.write(text.encode()))
    draw(arguments, record, denoisers)
    print(text)


if __name__ == "__main__":
    main()

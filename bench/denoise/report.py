"""denoise.md, and the images beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from bench import records, render
from bench.denoise.cases import PHOTOGRAPHS, Case, levels_of_noises, named, test_pictures
from bench.denoise.filters import FILTERS
from bench.denoise.judging import STRIDES, by_filter, methods
from bench.denoise.scores import elsewhere, mean, of_method
from dae.image import ImageDenoiser

# pictures drawn: of those whose licence lets them be shown here
SHOWN = (
    ("gaussian", 25 / 255, "astronaut"),
    ("salt_and_pepper", 0.2, "camera"),
    ("masking", 0.8, "coffee"),
)

RANGE = "dae, 10 to 50"

SUMMARY = ["noise", "dae", "best scikit-image or SciPy filter", "BM3D", "target", "met"]


def summary(record: dict[str, Any]) -> list[list[str]]:
    """Rows of the targets beside the means over all pictures, in dB."""
    rows = []
    for noise, level in levels_of_noises():
        found = {
            name: scores
            for name in (*STRIDES[noise], RANGE, *FILTERS[noise])
            if (scores := mean(record, noise, level, name))
        }
        if "dae" not in found:
            continue
        psnr = {name: scores["psnr"] for name, scores in found.items()}
        filters = [name for name in FILTERS[noise] if name in psnr and name != "BM3D"]
        best = max(filters, key=psnr.__getitem__)
        target, met = verdicts(record, noise, level, found, best)
        rows.append(
            [
                f"{noise.replace('_', ' ')}, {named(noise, level)}",
                ", ".join(
                    ours(name, psnr[name]) for name in (*STRIDES[noise], RANGE) if name in psnr
                ),
                f"{psnr[best]:.2f} {best}",
                f"{psnr['BM3D']:.2f}" if "BM3D" in psnr else "-",
                target,
                ", ".join("yes" if one else "**no**" for one in met),
            ]
        )
    return rows


def ours(name: str, psnr: float) -> str:
    """A mean of ours, with the variant: "30.12", "30.20 at stride 1", "29.95 by the range"."""
    if name == RANGE:
        return f"{psnr:.2f} by the range"
    return f"{psnr:.2f}{name.removeprefix('dae').replace(',', ' at')}"


def verdicts(
    record: dict[str, Any], noise: str, level: float, found: dict[str, dict], best: str
) -> tuple[str, list[bool]]:
    """The target at a level, and whether each part of it is met."""
    psnr = {name: scores["psnr"] for name, scores in found.items()}
    highest = max(psnr[name] for name in STRIDES[noise] if name in psnr)
    block_matching = psnr.get("BM3D")
    if noise == "gaussian":
        return "0.8 ahead of the filters, not behind BM3D; range within 0.3", [
            highest >= psnr[best] + 0.8,
            block_matching is None or highest >= block_matching,
            psnr[RANGE] >= psnr["dae"] - 0.3,
        ]
    if noise == "salt_and_pepper":
        return "2 ahead of all", [highest >= max(psnr[best], block_matching or 0) + 2]
    fast = "dae, stride 5"
    seconds = {name: scores["seconds_per_megapixel"] for name, scores in found.items()}
    timed = [s for m in (fast, "biharmonic") for s in of_method(record, noise, level, m)]
    faster = seconds[fast] < seconds.get("biharmonic", np.inf)
    # times of two machines prove nothing
    met = [psnr[fast] > psnr[best], faster and not elsewhere(record, timed)]
    return "ahead of all, faster than biharmonic (both at stride 5)", met


LEVEL_COLUMNS = (
    "method | kodak24 PSNR | SSIM | scikit-image PSNR | SSIM | s/Mpixel | pictures".split(" | ")
)


def level_rows(record: dict[str, Any], noise: str, level: float) -> list[list[str]]:
    """Mean scores of every method at a level."""
    names = dict.fromkeys(
        s["method"] for s in record["scores"] if (s["noise"], s["level"]) == (noise, level)
    )
    rows = []
    for name in names:
        groups = [mean(record, noise, level, name, group) for group in ("kodak", "other")]
        both = mean(record, noise, level, name)
        mark = "*" if elsewhere(record, of_method(record, noise, level, name)) else ""
        rows.append([name])
        for m in groups:
            rows[-1] += [f"{m['psnr']:.2f}", f"{m['ssim']:.3f}"] if m else ["", ""]
        rows[-1] += [f"{both['seconds_per_megapixel']:.2f}{mark}", str(both["pictures"])]
    return rows


def markdown(record: dict[str, Any]) -> str:
    """The text of denoise.md."""
    machine = record["environment"]
    trained = sum(t["seconds"] for t in record["training"].values())
    lines = [
        "# Pictures cleaned",
        "",
        f"`python -m bench.denoise`: trained on bsd400_train_gray in {trained / 60:.1f} minutes in "
        f"all, judged on the luminance of kodak24 and on {len(PHOTOGRAPHS)} photographs of "
        f"scikit-image. {machine['cpu']}, {machine['cores']} cores, {machine['date']}.",
        "",
        "PSNR in dB and SSIM are means over pictures, time is in seconds per megapixel. Every "
        "filter has its best settings at the level, by mean PSNR on training pictures, and a core "
        "of its own (none of them uses two); dae has both. Salt and pepper, and missing pixels: "
        "every method replaces the pixels that look corrupted, and no others. -: not run."
        + "".join(f" *: a time on {cpu}." for cpu in sorted(elsewhere(record, record["scores"]))),
        "",
        render.markdown_rows(SUMMARY, summary(record)),
        "",
        *(f"![{noise}, {picture}]({picture_file(noise, picture)})" for noise, _, picture in SHOWN),
    ]
    for noise, level in levels_of_noises():
        lines += [
            "",
            f"## {noise.replace('_', ' ')}, {named(noise, level)}",
            "",
            render.markdown_rows(LEVEL_COLUMNS, level_rows(record, noise, level)),
        ]
    training = [
        [name, t["begins_with"] or "", f"{t['patches']:,}", f"{t['seconds']:.0f}"]
        for name, t in record["training"].items()
    ]
    columns = ["model", "begins with", "patches", "seconds"]
    lines += ["", "## Training", "", render.markdown_rows(columns, training)]
    return "\n".join(lines) + "\n"


def best_filter(record: dict[str, Any], noise: str, level: float) -> str:
    names = [n for n in FILTERS[noise] if mean(record, noise, level, n)]
    return max(names, key=lambda n: mean(record, noise, level, n)["psnr"])


def picture_file(noise: str, picture: str) -> str:
    return f"denoise_{noise}_{picture}.jpg"


def draw(folder: Path, record: dict[str, Any], denoisers: dict[str, ImageDenoiser]) -> None:
    """Clean, noisy, best filter and dae side by side, and a part of each enlarged."""
    from matplotlib.figure import Figure

    pictures = test_pictures()
    for noise, level, picture in SHOWN:
        case = Case.of(picture, pictures[picture], noise, level)
        best = best_filter(record, noise, level)
        chosen = record["tuning"][f"{noise} {level:.4g}"]
        functions = dict(methods(noise, level, denoisers, ()))
        functions[best] = by_filter(best, chosen[best])
        panels = {"clean": case.clean} | {
            name: case.finish(functions[name](case)) for name in ("noisy", best, "dae")
        }
        figure = Figure(figsize=(12, 6.4), dpi=80, layout="constrained")
        axes = figure.subplots(2, 4)
        height, width = case.clean.shape
        zoom = slice(height // 2 - 50, height // 2 + 50), slice(width // 2 - 50, width // 2 + 50)
        for column, (name, pixels) in enumerate(panels.items()):
            title = name if name == "clean" else f"{name}: {case.psnr(pixels):.2f} dB"
            axes[0, column].set_title(title)
            for row, shown in enumerate((pixels, pixels[zoom])):
                axes[row, column].imshow(shown, cmap="gray", vmin=0, vmax=1)
                axes[row, column].set_axis_off()
        with records.whole(folder / picture_file(noise, picture)) as part:
            figure.savefig(part, format="jpg", pil_kwargs={"quality": 85})

"""The bundled denoiser beside BM3D, on pictures it has not seen: ``python -m bench.bundled``.

Luminance of kodak24 and 24 pictures of bsd400_train_gray at sigma 15, 25 and 50, told, at the
default stride; time on all cores. --colour adds three channels at sigma 25 beside CBM3D, which
takes minutes. What BM3D came to before, here or in bench.denoise, whose noisy pictures of kodak24
are the same, is not computed again: another model is judged in a minute.

Writes bench/results/<processor>/bundled.json and .md. Real data are found through DAE_DATA_DIR.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed

from bench import data, machine, records
from bench.denoise.cases import Case, luminance
from bench.render import markdown_rows
from dae.image import ImageDenoiser

SIGMAS = (15, 25, 50)  # of 255
EVERY = 17  # picture of bsd400_train_gray
N_COLOUR, COLOUR_SIGMA = 6, 25
FACTOR = 1.0  # of the level that BM3D is told: the best on training pictures (bench.denoise)


def grey_cases(name: str, sigma: int) -> list[Case]:
    chosen = list(data.pictures(name).values())[:: EVERY if name.startswith("bsd") else 1]
    return [
        Case.of(f"{name[:5]} {number}", luminance(pixels), "gaussian", sigma / 255)
        for number, pixels in enumerate(chosen, 1)
    ]


def colour_cases() -> list[Case]:
    found = data.pictures("kodak24")
    return [
        Case.of(
            name, (found[name][..., :3] / 255).astype(np.float32), "gaussian", COLOUR_SIGMA / 255
        )
        for name in list(found)[:: len(found) // N_COLOUR]
    ]


def bm3d_of(case: Case) -> float:
    """PSNR, in dB."""
    from bm3d import bm3d, bm3d_rgb

    clean = bm3d if case.clean.ndim == 2 else bm3d_rgb
    return case.psnr(case.finish(clean(case.noisy, FACTOR * case.level).astype(np.float32)))


def bundled(cases: list[Case], denoiser: ImageDenoiser) -> tuple[list[float], float]:
    """PSNR of each, and seconds a megapixel."""
    started = time.perf_counter()
    cleaned = [denoiser.transform([case.noisy], sigma=case.level)[0] for case in cases]
    seconds = time.perf_counter() - started
    pixels = sum(case.clean.shape[0] * case.clean.shape[1] for case in cases)
    scores = [case.psnr(case.finish(found)) for case, found in zip(cases, cleaned, strict=True)]
    return scores, seconds / pixels * 1e6


def measured(
    what: str, cases: list[Case], denoiser: ImageDenoiser, known: dict[str, list[float]]
) -> dict:
    """One line of the table; `known` has what BM3D came to before, and what it comes to now."""
    if what not in known:
        known[what] = Parallel(-1)(delayed(bm3d_of)(case) for case in cases)
    noisy = [case.psnr(case.finish(case.noisy)) for case in cases]
    scores, seconds = bundled(cases, denoiser)
    return {"what": what, "noisy": noisy, "dae": scores, "bm3d": known[what], "seconds": seconds}


def known_scores(path: Path) -> dict[str, list[float]]:
    """PSNR of BM3D by line of the table."""
    found = {}
    scores = records.read(path.with_name("denoise.json")).get("scores", [])
    for sigma in SIGMAS:
        of_bm3d = [
            line["psnr"]
            for line in scores
            if (line["noise"], line["method"]) == ("gaussian", "BM3D")
            and round(255 * line["level"]) == sigma
            and line["picture"].startswith("kodak")
        ]
        if of_bm3d:
            found[f"kodak24, sigma {sigma}"] = of_bm3d
    return found | {line["what"]: line["bm3d"] for line in records.read(path).get("lines", [])}


def text(result: dict) -> str:
    rows = []
    for line in result["lines"]:
        apart = np.subtract(line["dae"], line["bm3d"])
        half = 1.96 * apart.std(ddof=1) / np.sqrt(len(apart))
        means = [f"{np.mean(line[name]):.2f}" for name in ("noisy", "dae", "bm3d")]
        rows.append(
            [line["what"], str(len(apart)), *means, f"{apart.mean():+.2f} +- {half:.2f}"]
            + [f"{line['seconds']:.2f}"]
        )
    environment = result["environment"]
    columns = ["pictures", "number", "noisy", "bundled denoiser", "BM3D", "difference"]
    return "\n".join(
        [
            "# The bundled denoiser beside BM3D",
            "",
            "`python -m bench.bundled`: mean PSNR in dB of pictures that it has not seen, the "
            "level told, default stride; the difference with its 95 % interval over the pictures. "
            f"{environment['cpu']}, {environment['cores']} cores; {environment['date']}.",
            "",
            markdown_rows([*columns, "s/Mpixel"], rows),
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.bundled", description=__doc__)
    parser.add_argument("--model", type=Path, help="another model file; nothing is kept")
    parser.add_argument("--colour", action="store_true")
    parser.add_argument("--sets", nargs="+", default=["kodak24", "bsd400_train_gray"])
    options = parser.parse_args()
    started = time.perf_counter()
    path = records.folder() / "bundled.json"
    known = known_scores(path)
    denoiser = ImageDenoiser.pretrained()
    if options.model:
        denoiser = ImageDenoiser.load(options.model)
    asked: dict[str, Callable[[], list[Case]]] = {}
    for sigma in SIGMAS:
        for name in options.sets:
            asked[f"{name}, sigma {sigma}"] = partial(grey_cases, name, sigma)
    if options.colour:
        asked[f"kodak24 in colour, sigma {COLOUR_SIGMA}"] = colour_cases
    lines = [measured(what, load(), denoiser, known) for what, load in asked.items()]
    result = {"lines": lines, "environment": machine.run_information(started)}
    print(text(result))
    if not options.model:
        records.write_with_report(path, result, text(result))


if __name__ == "__main__":
    main()

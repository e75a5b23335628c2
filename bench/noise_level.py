"""What `sigma="auto"` costs, what it does to clean pictures: ``python -m bench.noise_level``.

    found    noisy pictures of 256 x 256, as they are, as JPEG and as grey kept in RGB: PSNR with
             sigma="auto" and with the single level, told, that is best for that picture
    kept     clean pictures and pictures with little noise: PSNR before and after, sigma="auto"
    white    grey pictures with Gaussian noise: sigma told, and measured

Writes bench/results/noise_level.json and noise_level.md. Real data are found through DAE_DATA_DIR.
The bundled model was trained on photographs of scikit-image, camera among them; it has not seen
the others.
"""

from __future__ import annotations

import argparse
import io
import json
import warnings
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed

from bench.data import luminance, pictures
from bench.machine import environment
from dae._files import write_whole
from dae.image import ImageDenoiser

RESULTS = Path(__file__).parent / "results"
SIGMAS = (5, 10, 15, 25, 50)
LOW_SIGMAS = (0, 0.5, 1, 2, 3, 5)
WHITE_SIGMAS = (5, 15, 25, 50, 75)
TOLD = (0.7, 0.85, 1.0, 1.2, 1.45)  # times the noise made: levels to tell
KODAK = (1, 5, 8, 13, 19, 23)
MOST_LOSS = 0.5  # dB, against the best told level; what loses more is listed
N_HELD_OUT = 12  # pictures of bsd400_train_gray, every 33rd


def cropped(pixels: np.ndarray, size: int) -> np.ndarray:
    """The middle of a picture, at most `size` pixels high and wide, without alpha."""
    top, left = (max(0, (length - size) // 2) for length in pixels.shape[:2])
    pixels = pixels[..., :3] if pixels.ndim == 3 else pixels
    return np.ascontiguousarray(pixels[top : top + size, left : left + size])


def with_noise(pixels: np.ndarray, sigma: float, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(scale=sigma, size=pixels.shape)
    return np.clip(np.rint(pixels + noise), 0, 255).astype(np.uint8)


def jpeg(pixels: np.ndarray, quality: int, subsampling: int) -> np.ndarray:
    """The picture after JPEG; `subsampling` as Pillow's, 0 for 4:4:4 and 2 for 4:2:0."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality, subsampling=subsampling)
    return np.asarray(Image.open(file))


def grey_as_rgb(pixels: np.ndarray) -> np.ndarray:
    return np.stack([pixels] * 3, axis=-1)


def psnr(a: np.ndarray, b: np.ndarray) -> float | None:
    """PSNR in dB; None where there is no difference."""
    error = np.mean(np.square(np.asarray(a, np.float64) - b)) / 255**2
    return float(-10 * np.log10(error)) if error else None


FORMS: dict[str, Any] = {
    "as it is": lambda pixels: pixels,
    **{
        f"JPEG {quality}, {name}": partial(jpeg, quality=quality, subsampling=number)
        for quality in (95, 90, 75)
        for name, number in (("4:4:4", 0), ("4:2:0", 2))
    },
}


def photographs(size: int) -> dict[str, np.ndarray]:
    from skimage import data
    from sklearn.datasets import load_sample_image

    kodak = list(pictures("kodak24").values())
    found = {"flower": load_sample_image("flower.jpg")}
    found |= {name: getattr(data, name)() for name in ("camera", "astronaut", "coffee")}
    found |= {f"kodak {number}": kodak[number - 1] for number in KODAK}
    return {name: cropped(pixels, size) for name, pixels in found.items()}


def drawings(size: int = 200) -> dict[str, np.ndarray]:
    """Pictures with detail that looks like noise."""
    from skimage import data

    rows, columns = np.mgrid[:size, :size]
    lines = np.full((size, size), 235.0)
    for number in range(25):
        angle = number / 4
        across = (rows - 100) * np.cos(angle) - (columns - 100) * np.sin(angle)
        lines[np.abs(across - (number - 12) * 7) < 0.6] = 20
    return {
        **{name: cropped(getattr(data, name)(), size) for name in ("camera", "page", "text")},
        "line drawing": lines.astype(np.uint8),
        "grating of 8 grey levels": np.tile(
            np.array([100, 104, 100, 96], np.uint8), (size, size // 4)
        ),
        "slanted grating": np.rint(128 + 60 * np.sin(1.1 * rows + 1.43 * columns)).astype(np.uint8),
        "chequered": (((rows + columns) % 2) * 40 + 100).astype(np.uint8),
    }


def found(denoiser: ImageDenoiser, name: str, clean: np.ndarray) -> list[dict[str, Any]]:
    """Auto against the best told level, for all noises and forms of a picture."""
    warnings.filterwarnings("ignore", message=".* is outside the levels")  # told ones below 5
    rows = []
    grey = clean if clean.ndim == 2 else np.rint(luminance(clean)).astype(np.uint8)
    for sigma in SIGMAS:
        cases = {}
        for form, change in FORMS.items():
            if clean.ndim == 3 or "4:4:4" not in form:
                cases[form] = clean, change(with_noise(clean, sigma))
        cases["grey"] = grey, with_noise(grey, sigma)
        cases["grey as RGB"] = grey_as_rgb(grey), grey_as_rgb(with_noise(grey, sigma))
        for form, (target, noisy) in cases.items():
            if form != "grey as RGB":  # which is cleaned as grey: what is told does the same
                told = [
                    psnr(denoiser.transform(noisy, sigma=min(1.0, factor * sigma / 255)), target)
                    for factor in TOLD
                ]
            best = int(np.argmax(told))
            rows.append({
                "picture": name, "sigma": sigma, "form": form,
                "noisy": psnr(noisy, target),
                "auto": psnr(denoiser.transform(noisy), target),
                "estimate": 255 * denoiser.estimate_sigma(noisy),
                "best": told[best], "best_told": TOLD[best] * sigma,
            })  # fmt: skip
        print(name, sigma, flush=True)
    return rows


def kept(denoiser: ImageDenoiser) -> list[dict[str, Any]]:
    """Pictures with little noise, before and after."""
    rows = []
    for name, clean in (drawings() | photographs(200)).items():
        for sigma in LOW_SIGMAS:
            noisy = with_noise(clean, sigma)
            rows.append({
                "picture": name, "sigma": sigma, "estimate": 255 * denoiser.estimate_sigma(noisy),
                "noisy": psnr(noisy, clean), "auto": psnr(denoiser.transform(noisy), clean),
            })  # fmt: skip
    return rows


def white(denoiser: ImageDenoiser) -> list[dict[str, Any]]:
    """Gaussian noise that is not clipped, told and measured."""
    clean = [picture / np.float32(255) for picture in pictures("bsd400_train_gray").values()]
    clean = clean[::33][:N_HELD_OUT]
    rows = []
    for sigma in WHITE_SIGMAS:
        scores = []
        for index, picture in enumerate(clean):
            rng = np.random.default_rng([sigma, index])
            noise = rng.standard_normal(picture.shape, dtype=np.float32)
            noisy = np.clip(picture + np.float32(sigma / 255) * noise, -1.4, 2.4)
            cleaned = (
                denoiser.transform(noisy, sigma=sigma / 255),
                denoiser.transform(noisy),
            )
            scores.append([psnr(255 * result, 255 * picture) for result in cleaned])
        told, auto = np.mean(scores, axis=0)
        rows.append({"sigma": sigma, "told": told, "auto": auto})
    return rows


def markdown(record: dict[str, Any]) -> str:
    lines = [
        "# The level of the noise, and what is removed",
        "",
        f"`python -m bench.noise_level`, the bundled model, stride {record['stride']}. "
        "PSNR in dB, sigma in grey levels of 255.",
        "",
        "## Noise that is found",
        "",
        f"{len({r['picture'] for r in record['found']})} photographs. Mean PSNR of the noisy "
        'pictures, with `sigma="auto"`, and with the single level that is best for each picture; '
        "the mean and the largest of what auto loses against that.",
        "",
        "| picture is | sigma | noisy | auto | best told | mean loss | largest loss | at |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for form in dict.fromkeys(r["form"] for r in record["found"]):
        for sigma in SIGMAS:
            rows = [r for r in record["found"] if r["form"] == form and r["sigma"] == sigma]
            loss = [r["best"] - r["auto"] for r in rows]
            noisy, auto, best = (np.mean([r[k] for r in rows]) for k in ("noisy", "auto", "best"))
            lines.append(
                f"| {form} | {sigma} | {noisy:.2f} | {auto:.2f} | {best:.2f} | "
                f"{np.mean(loss):.2f} | {max(loss):.2f} | {rows[int(np.argmax(loss))]['picture']} |"
            )
    losses = [(r["best"] - r["auto"], r) for r in record["found"]]
    above = sorted((pair for pair in losses if pair[0] > MOST_LOSS), key=lambda pair: -pair[0])
    lines += [
        "",
        f"{len(above)} of {len(losses)} cases lose more than {MOST_LOSS} dB; the estimate is of "
        "the luminance, (R + G + B) / sqrt(3).",
        "",
        "| picture | is | sigma | estimate | best told | auto | loss |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *(
            f"| {r['picture']} | {r['form']} | {r['sigma']} | {r['estimate']:.1f} | "
            f"{r['best']:.2f} | {r['auto']:.2f} | {loss:.2f} |"
            for loss, r in above
        ),
        "",
        "## Detail that is kept",
        "",
        'PSNR of the noisy picture, and what `sigma="auto"` adds to it; `same` where it comes '
        "back as it was.",
        "",
        "| picture | " + " | ".join(f"sigma {sigma:g}" for sigma in LOW_SIGMAS) + " |",
        "| --- |" + " --- |" * len(LOW_SIGMAS),
    ]
    for name in dict.fromkeys(r["picture"] for r in record["kept"]):
        cells = []
        for row in (r for r in record["kept"] if r["picture"] == name):
            if row["noisy"] is None:
                cells.append("same" if row["auto"] is None else f"becomes {row['auto']:.1f}")
            else:
                cells.append(f"{row['noisy']:.2f} {row['auto'] - row['noisy']:+.2f}")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "## White noise",
        "",
        f"Mean PSNR of {N_HELD_OUT} pictures of bsd400_train_gray with Gaussian noise that is not "
        'clipped: level told, and `sigma="auto"`.',
        "",
        "| sigma | told | auto |",
        "| --- | --- | --- |",
        *(f"| {r['sigma']} | {r['told']:.2f} | {r['auto']:.2f} |" for r in record["white"]),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m bench.noise_level")
    options.add_argument("--size", type=int, default=256, help="of crops; default: %(default)s")
    options.add_argument("--stride", type=int, default=3, help="default: %(default)s")
    options.add_argument("--n-jobs", type=int, default=None, help="threads of a process")
    options.add_argument("--processes", type=int, default=1, help="pictures at a time")
    options.add_argument("--out", type=Path, default=RESULTS)
    arguments = options.parse_args()
    denoiser = ImageDenoiser.pretrained().set_params(
        stride=arguments.stride, n_jobs=arguments.n_jobs
    )
    by_picture = Parallel(n_jobs=arguments.processes)(
        delayed(found)(denoiser, name, clean) for name, clean in photographs(arguments.size).items()
    )
    record = {
        "environment": environment(), "stride": arguments.stride, "size": arguments.size,
        "white": white(denoiser), "kept": kept(denoiser),
        "found": list(chain.from_iterable(by_picture)),
    }  # fmt: skip
    text = markdown(record)
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, content in (("json", json.dumps(record, indent=1) + "\n"), ("md", text)):
        write_whole(
            arguments.out / f"noise_level.{name}",
            lambda file, content=content: file.write(content.encode()),
        )
    print(text)


if __name__ == "__main__":
    main()

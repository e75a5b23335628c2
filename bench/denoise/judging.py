"""Tuning of the filters, and the scores of every method on every case."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from copy import deepcopy
from itertools import product, repeat
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from bench import records
from bench.denoise.cases import (
    PHOTOGRAPHS,
    Case,
    levels_of_noises,
    luminance,
    test_pictures,
    training_pictures,
)
from bench.denoise.filters import FILTERS
from bench.denoise.models import recipe
from bench.denoise.scores import mean
from bench.machine import cpu_model
from dae.image import ImageDenoiser

CPU = cpu_model()
N_TUNING = 6  # training pictures that filters are tuned on

# Strides that a model is judged at: the default, the best, and for missing pixels a fast one.
STRIDES = {
    "gaussian": {"dae": 3, "dae, stride 1": 1},
    "salt_and_pepper": {"dae": 3, "dae, stride 1": 1},
    "masking": {"dae": 3, "dae, stride 1": 1, "dae, stride 5": 5},
}

Cleaning = Callable[[Case], np.ndarray]


def scored(case: Case, clean: Cleaning) -> dict[str, Any]:
    """Quality and time of a cleaning."""
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


def by_filter(name: str, settings: dict[str, Any]) -> Cleaning:
    """A filter as a function of a case."""

    def clean(case: Case) -> np.ndarray:
        return FILTERS[case.noise][name].clean(case.noisy, case.lost, case.level, **settings)

    return clean


def filter_scored(case: Case, name: str, settings: dict[str, Any]) -> dict[str, Any]:
    """`scored` of a filter, on one core: none of them uses more."""
    with threadpool_limits(1):
        return scored(case, by_filter(name, settings))


def left_out(skip: Collection[str], noise: str, method: str) -> bool:
    """Whether `skip` names the method, or the method at that noise."""
    return not {method, f"{noise} {method}"}.isdisjoint(skip)


def tuned(
    skip: Collection[str], noise: str, level: float, record: dict[str, Any], pool: Executor
) -> dict[str, dict[str, Any]]:
    """Settings of each filter with the best mean PSNR on training pictures."""
    pictures = training_pictures()[:: 400 // N_TUNING][:N_TUNING]
    cases = [Case.of(f"t{i}", luminance(p), noise, level) for i, p in enumerate(pictures)]
    chosen = record["tuning"].setdefault(f"{noise} {level:.4g}", {})
    for name, candidate in FILTERS[noise].items():
        if name in chosen or not candidate.available() or left_out(skip, noise, name):
            continue
        options = candidate.settings()
        if len(options) == 1:
            chosen[name] = options[0]
            continue
        grid = list(product(options, cases))
        scores = pool.map(
            filter_scored, [case for _, case in grid], repeat(name), [o for o, _ in grid]
        )
        psnr = np.array([score["psnr"] for score in scores])
        means = psnr.reshape(len(options), len(cases)).mean(axis=1)
        chosen[name] = options[int(np.argmax(means))]
        print(f"{noise} {level:.3g}: {name} {chosen[name]}", flush=True)
    return chosen


def methods(
    noise: str,
    level: float,
    denoisers: dict[str, ImageDenoiser],
    chosen: Iterable[str],
) -> Iterator[tuple[str, Cleaning | None]]:
    """Name and cleaning of each method that takes part at a level; None for a filter's cleaning."""

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


def judge(
    record: dict[str, Any],
    keep: Path,
    denoisers: dict[str, ImageDenoiser],
    *,
    every: int = 1,
    skip: Collection[str] = (),
) -> None:
    """Add the scores missing from `record`, which is written to `keep` after each method.

    `every` takes each n-th picture; `skip` names methods to leave out.
    """
    pictures = dict(list(test_pictures().items())[::every])
    known = {(s["noise"], s["level"], s["method"], s["picture"]) for s in record["scores"]}
    workers = ProcessPoolExecutor(
        len(os.sched_getaffinity(0)), multiprocessing.get_context("spawn")
    )
    with workers as pool:
        for noise, level in levels_of_noises():
            chosen = tuned(skip, noise, level, record, pool)
            cases = [Case.of(name, pixels, noise, level) for name, pixels in pictures.items()]
            for name, clean in methods(noise, level, denoisers, chosen):
                if left_out(skip, noise, name):
                    continue
                new = [case for case in cases if (noise, level, name, case.name) not in known]
                if clean is alone:  # a training for each picture: on a few of them
                    new = [case for case in new if case.name in PHOTOGRAPHS]
                if clean is None:
                    scores = pool.map(filter_scored, new, repeat(name), repeat(chosen[name]))
                else:
                    scores = (scored(case, clean) for case in new)
                record["scores"] += [
                    {"noise": noise, "level": level, "method": name} | score for score in scores
                ]
                print(f"{noise} {level:.3g}: {name} {mean(record, noise, level, name)}", flush=True)
                records.write(keep, record)

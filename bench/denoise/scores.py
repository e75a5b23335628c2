"""Scores of methods on pictures, and their means."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np


def of_method(record: dict[str, Any], noise: str, level: float, method: str) -> list[dict]:
    return [
        s
        for s in record["scores"]
        if (s["noise"], s["level"], s["method"]) == (noise, level, method)
    ]


def mean(
    record: dict[str, Any], noise: str, level: float, method: str, group: str = ""
) -> dict[str, float]:
    """Mean scores of a method; `group` selects pictures: "kodak", "other", or "" for all."""
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
    """Processors, other than that of the last run, that some of these times were taken on."""
    return {s["cpu"] for s in scores} - {record["environment"]["cpu"]}

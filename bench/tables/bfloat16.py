"""Steps of products with factors rounded to bfloat16: ours, and what other users do."""

from __future__ import annotations

from itertools import product

import numpy as np

from bench import targets
from bench.render import cell
from bench.settings import Setting
from bench.tables import Context, table
from bench.tables.steps import data_sets, measure, names_of
from bench.timing import ratios

OURS = ("ours", "ours_high", "ours_medium")
THEIRS = ("torch_autocast", "torch_bfloat16", "jax_bfloat16")


def bfloat16(context: Context) -> dict:
    """Plain SGD at three batch sizes, then Adam."""
    raws, rows = [], []
    settings = [
        Setting(data=data, batch_size=B) for data, B in product(data_sets(context), (20, 128, 512))
    ]
    settings.append(Setting(solver="adam", batch_size=128))
    for setting in settings:
        raw = measure(context, setting, (*OURS, *THEIRS), context.n_threads)
        raws.append(raw)
        wanted = {}
        if (setting.data, setting.solver) == ("dense", "sgd"):
            wanted = targets.BFLOAT16[setting.batch_size]
        rates = raw["rates"]
        row = [setting.data, setting.solver, str(setting.batch_size)]
        row += [cell(rates[name]) if name in rates else "-" for name in (*OURS, *THEIRS)]
        row += [_over_fastest(rates, wanted), _over_float32(rates, wanted), *_losses(raw)]
        rows.append(row)
    columns = ["data", "solver", "batch", *names_of(OURS), *names_of(THEIRS)]
    columns += ["ours over the fastest bfloat16", "medium over our float32"]
    columns += ["final loss, float32", "medium apart", "rivals apart"]
    return table(
        "bfloat16",
        "784-500, products of factors rounded to bfloat16",
        columns,
        rows,
        raws,
        [
            f"Samples per second, {context.n_threads} threads on all sides, in turn. The rivals' "
            "weights are float32. Ours is dae medium, where this machine has faster products for "
            "it, else dae: what matmul_precision='medium' then is.",
        ],
    )


def _over_fastest(rates: dict, wanted: dict) -> dict | str:
    """`matmul_precision="medium"` over the rival that it beats by least."""
    medium = rates.get("ours_medium", rates["ours"])
    theirs = [name for name in THEIRS if name in rates]
    if not theirs:
        return "-"
    name = min(theirs, key=lambda name: np.median(ratios(medium, rates[name])))
    ratio = ratios(medium, rates[name])
    return cell(ratio, "x", target=wanted.get("fastest"), word=names_of((name,))[0])


def _over_float32(rates: dict, wanted: dict) -> dict | str:
    if "ours_medium" not in rates:
        return "-"
    return cell(ratios(rates["ours_medium"], rates["ours"]), "x", target=wanted.get("float32"))


def _losses(raw: dict) -> list:
    """Our loss with float32, and how far those with bfloat16 are from it."""
    ours = raw["losses"]["ours"]
    cells = [cell(ours)]
    for names in (("ours_medium",), THEIRS):
        apart = [abs(raw["losses"][name] / ours - 1) for name in names if name in raw["losses"]]
        target = targets.LOSS_WITHIN if names[0] == "ours_medium" else None
        cells.append(cell(max(apart), "%", target=target, sense="<=") if apart else "-")
    return cells

"""The classic sets: three pretrained layers against the same network without them.

    set-NAME      SdA-3, the same with plain autoencoders (nu = 0), and without pretraining; on some
                  sets also with salt-and-pepper noise and full emphasis (JMLR, table 4)
    emphasis-NAME masking against salt and pepper with full emphasis as the paper had them: logistic
                  units, that noise in all layers, and long training
    noise-level   error against the level of masking on `rot_bg_img`, a smaller network

All networks of a set learn the classes alike: the same epochs, and the noise on the pixels that did
best for the network without pretraining. The level of masking is then chosen for SdA-3.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.papers import benchmarks
from bench.papers.baselines import best_of
from bench.papers.networks import SHARED, pretrained, tuned
from bench.papers.results import row, score

PAPER_SDA = {
    "basic": 0.0284, "rot": 0.0953, "bg_rand": 0.1030,
    "bg_img": 0.1668, "rect": 0.0199, "convex": 0.1906,
}  # fmt: skip
PAPER_EMPHASIS = {"rot": 0.0876, "bg_rand": 0.0852}

SETTINGS: dict[str, Any] = {
    "hidden_layer_sizes": (1000, 1000, 1000),
    "learning_rate_init": 0.001,
    "max_iter": 8,
    "fine_tune_max_iter": 20,
    "fine_tune_learning_rate_init": 0.0005,
}
# a thousand rows make few steps an epoch
SMALL = {"rect": {"max_iter": 100, "fine_tune_max_iter": 200, "batch_size": 20}}

LEVELS = (0.1, 0.3)  # of masking, in every layer
TUNINGS: tuple[dict[str, Any], ...] = (
    {"fine_tune_corruption": None},
    {"fine_tune_corruption": "gaussian", "fine_tune_corruption_level": 0.3},
    {"fine_tune_corruption": "gaussian", "fine_tune_corruption_level": 0.6},
)
# salt and pepper on pixels; codes of rectified units have no two ends
EMPHASISED: dict[str, Any] = {
    "corruption": ("salt_and_pepper", "masking", "masking"),
    "emphasis": (1.0, 0.0),
}


class Bench:
    """A set, and the networks that were tried on it."""

    def __init__(self, name: str, quick: bool, settings: dict | None = None) -> None:
        self.sets, self.quick = benchmarks.benchmark(name, quick), quick
        self.settings = SHARED | SETTINGS | SMALL.get(name, {}) | (settings or {})

    def tried(self, noise: dict, tunings: tuple[dict, ...]) -> list[dict]:
        """The errors on the validation rows of one pretraining and each of the tunings."""
        train, validation = self.sets.train, self.sets.validation
        settings = self.settings | noise
        stack, seconds = None, 0.0
        if settings["max_iter"]:
            stack, seconds = pretrained(settings, train.data, self.quick)
        records = []
        for tuning in tunings:
            network, more = tuned(settings | tuning, stack, train.data, train.target, self.quick)
            error = score(network.predict(validation.data), validation.target)["error"]
            records.append(
                noise | tuning | {"validation_error": error, "seconds": seconds + more}
                | {"network": network}
            )  # fmt: skip
        return records

    def levels(self, noise: dict, levels: tuple[float, ...], tuning: dict) -> list[dict]:
        """One pretraining and tuning for each level of the noise."""
        return [self.tried(noise | {"corruption_level": level}, (tuning,))[0] for level in levels]

    def row(self, method: str, records: list[dict], **more: Any) -> dict:
        """The best of the records, on the test rows."""
        best, test = best_of(records), self.sets.test
        scored = score(best["network"].predict(test.data), test.target)
        told = [without_network(record) for record in records]
        settings = {key: value for key, value in best_of(told).items() if key != "seconds"}
        return row(method, scored, seconds=best["seconds"], settings=settings, tried=told, **more)

    def entry(self, title: str, rows: list[dict], **more: Any) -> dict:
        sizes = [len(self.sets[part].data) for part in ("train", "validation", "test")]
        settings = self.settings | {"rows": sizes, "data_seed": benchmarks.SEED}
        return {"title": title, "settings": settings, "rows": rows, **more}


def without_network(record: dict) -> dict:
    return {key: value for key, value in record.items() if key != "network"}


def classic(name: str, folder: Path | None, quick: bool) -> dict:
    bench = Bench(name, quick)
    plain = bench.tried({"max_iter": 0}, TUNINGS)
    tuning = {key: value for key, value in best_of(plain).items() if key.startswith("fine_tune")}
    masked = bench.levels({}, LEVELS, tuning)
    rows = [
        bench.row("SdA-3", masked, paper=PAPER_SDA[name]),
        bench.row("nu = 0", bench.tried({"corruption": None}, (tuning,))),
        bench.row("no pretraining", plain),
    ]
    if name in PAPER_EMPHASIS:
        method = "salt and pepper, full emphasis"
        records = bench.levels(EMPHASISED, LEVELS, tuning)
        rows.insert(1, bench.row(method, records, paper=PAPER_EMPHASIS[name]))
    return bench.entry(
        f"`{name}`: SdA-3, and the same network without noise and without pretraining",
        rows,
        notes=[f"The SVM on the same rows stands under `svm-{name}`."],
    )


# ------------------------------------------------------------------ emphasis

# The paper's units, losses and noise; codes of logistic units have two ends, as pixels do
LOGISTIC: dict[str, Any] = {
    "activation": "logistic",
    "max_iter": 100,
    "fine_tune_max_iter": 40,
    "fine_tune_corruption": None,
    "matmul_precision": "medium",
}
LOGISTIC_LEVELS = (0.1, 0.25)


def emphasis(name: str, folder: Path | None, quick: bool) -> dict:
    bench = Bench(name, quick, LOGISTIC)
    masked = bench.levels({}, LOGISTIC_LEVELS, {})
    noise = EMPHASISED | {"corruption": "salt_and_pepper"}
    noisy = bench.levels(noise, LOGISTIC_LEVELS, {})
    return bench.entry(
        f"`{name}`: masking, and salt and pepper with full emphasis, logistic units",
        [
            bench.row("masking", masked, paper=PAPER_SDA[name]),
            bench.row("salt and pepper, full emphasis", noisy, paper=PAPER_EMPHASIS[name]),
        ],
        target="ahead of masking with salt and pepper, as in the paper",
    )


# ------------------------------------------------------------------ noise level

CURVE_LEVELS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.6)
CURVE: dict[str, Any] = {
    "hidden_layer_sizes": (500, 500, 500),
    "max_iter": 15,
    "fine_tune_max_iter": 30,
}


def noise_level(folder: Path | None, quick: bool) -> dict:
    """Each level is a network with its own test error: a curve, of which none is chosen."""
    bench = Bench("rot_bg_img", quick, CURVE)
    rows = []
    for level in CURVE_LEVELS:
        noise = {"corruption_level": level} if level else {"corruption": None}
        records = bench.tried(noise, ({"fine_tune_corruption": None},))
        rows.append(bench.row(f"masking of {100 * level:.0f} %", records))
    unpretrained = bench.tried({"max_iter": 0}, ({"fine_tune_corruption": None},))
    rows.append(bench.row("no pretraining", unpretrained))
    pictures = {}
    if folder:
        draw(rows, folder / "noise_level.png")
        pictures["noise_level.png"] = "Test error against the level of masking"
    return bench.entry(
        "`rot_bg_img`: error against the level of noise, 784-500-500-500",
        rows,
        target="better than nu = 0 from 10 % to 40 %",
        pictures=pictures,
    )


def draw(rows: list[dict], file: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, ax = pyplot.subplots(figsize=(6, 4), dpi=100)
    curve, last = rows[:-1], rows[-1]
    ax.errorbar(
        [100 * level for level in CURVE_LEVELS],
        [100 * line["error"] for line in curve],
        yerr=[100 * line["half_width"] for line in curve],
        marker="o", capsize=3, label="pretrained",
    )  # fmt: skip
    ax.axhline(100 * last["error"], color="grey", linestyle="--", label="no pretraining")
    ax.set_xlabel("masked, % of the entries of each layer's input")
    ax.set_ylabel("test error, %")
    ax.legend()
    figure.tight_layout()
    figure.savefig(file)
    pyplot.close(figure)

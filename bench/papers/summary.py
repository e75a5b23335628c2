"""Each target beside what was found, from the entries alone."""

from __future__ import annotations

from bench.papers.baselines import SETS

HEADER = ["experiment", "paper", "target", "found", "met"]


def rows_of(entry: dict) -> dict[str, dict]:
    return {line["method"]: line for line in entry["rows"]}


def percent(line: dict) -> str:
    return f"{100 * line['error']:.2f} ± {100 * line['half_width']:.2f}"


def yes(met: bool) -> str:
    return "yes" if met else "**no**"


def summary(entries: dict[str, dict]) -> list[list[str]]:
    found = []
    for make in (mnist, codes, sets, emphasis, noise, filters, few, adult):
        try:
            found += make(entries)
        except KeyError:
            continue  # not run yet
    return found


def mnist(entries: dict) -> list[list[str]]:
    line = rows_of(entries["sda-mnist"])["SdA-3"]
    minutes = line["seconds"] / 60
    alone = entries["sda-rate"]["minutes"]
    return [
        [
            "SdA-3 on MNIST", "1.28", "≤ 1.3 in ≤ 12 minutes",
            f"{percent(line)} in {minutes:.1f} minutes on a shared machine, {alone:.1f} alone",
            yes(line["error"] <= 0.013 and min(minutes, alone) <= 12),
        ]
    ]  # fmt: skip


def codes(entries: dict) -> list[list[str]]:
    lines = entries["rot-codes"]["rows"]  # one is chosen by validation rows
    line = min(lines, key=lambda row: row["settings"]["validation_error"])
    raw = rows_of(entries["raw-rot"])["linear SVM on pixels"]
    minutes = line["seconds"] / 60
    return [
        [
            "`rot`, linear SVM: pixels, codes of three layers", "43.47, 10.00",
            "≤ 10.0 in ≤ 15 minutes",
            f"{percent(raw)}, {percent(line)} in {minutes:.1f} minutes",
            yes(line["error"] <= 0.1 and minutes <= 15),
        ]
    ]  # fmt: skip


def sets(entries: dict) -> list[list[str]]:
    """Ahead of the SVM, and no more than a point above the paper's error."""
    found = []
    for name in SETS:
        if f"set-{name}" not in entries:
            continue
        lines = rows_of(entries[f"set-{name}"])
        machine = entries[f"svm-{name}"]["rows"][0]
        mine, plain, none = lines["SdA-3"], lines["nu = 0"], lines["no pretraining"]
        found.append(
            [
                f"`{name}`: SdA-3, SVM, nu = 0, no pretraining",
                f"{100 * mine['paper']:.2f}, {100 * machine['paper']:.2f}",
                "ahead of the SVM; at most a point above the paper",
                f"{percent(mine)}, {percent(machine)}, {percent(plain)}, {percent(none)}",
                f"{yes(mine['error'] < machine['error'])}; "
                f"{yes(mine['error'] - mine['paper'] <= 0.01)} "
                f"({100 * (mine['error'] - mine['paper']):+.2f})",
            ]
        )
    return found


def emphasis(entries: dict) -> list[list[str]]:
    found = []
    for experiment, mask, units in (
        ("set-rot", "SdA-3", "rectified"),
        ("set-bg_rand", "SdA-3", "rectified"),
        ("emphasis-rot", "masking", "logistic"),
        ("emphasis-bg_rand", "masking", "logistic"),
    ):
        if experiment not in entries:
            continue
        name = experiment.partition("-")[2]
        lines = rows_of(entries[experiment])
        noisy, masked = lines["salt and pepper, full emphasis"], lines[mask]
        found.append(
            [
                f"`{name}`, {units} units: salt and pepper with full emphasis, masking",
                f"{100 * noisy['paper']:.2f}, {100 * masked['paper']:.2f}", "better than masking",
                f"{percent(noisy)}, {percent(masked)}", yes(noisy["error"] < masked["error"]),
            ]
        )  # fmt: skip
    return found


def noise(entries: dict) -> list[list[str]]:
    lines = rows_of(entries["noise-level"])
    without = lines["masking of 0 %"]
    middle = [lines[f"masking of {level} %"] for level in (10, 20, 30, 40)]
    return [
        [
            "`rot_bg_img`: nu = 0; 10 to 40 %", "", "better than nu = 0 from 10 to 40 %",
            f"{percent(without)}; " + ", ".join(map(percent, middle)),
            yes(all(line["error"] < without["error"] for line in middle)),
        ]
    ]  # fmt: skip


def filters(entries: dict) -> list[list[str]]:
    found = []
    for name, what in (("filters-mnist", "MNIST"), ("filters-patches", "patches")):
        table = entries[name]["table"]["rows"]
        (_, plain, *_), (_, noisy, *_) = table
        found.append(
            [
                f"Filters, {what}: localisation without noise, with noise", "",
                "a number that separates them", f"{plain:.2f}, {noisy:.2f}",
                yes(noisy > 1.2 * plain),
            ]
        )  # fmt: skip
    return found


def few(entries: dict) -> list[list[str]]:
    lines = rows_of(entries["few-labels"]) | rows_of(entries["few-rivals"])
    mine, *others = (
        lines[name]
        for name in ("pretrained on 60,000", "no pretraining", "RBF SVM", "HistGradientBoosting")
    )
    return [
        [
            "10 % of the labels: pretrained, not, SVM, boosting", "", "ahead of all three",
            ", ".join(map(percent, (mine, *others))),
            yes(all(mine["error"] < other["error"] for other in others)),
        ]
    ]  # fmt: skip


def adult(entries: dict) -> list[list[str]]:
    lines = rows_of(entries["adult"])
    raw, mine = lines["columns"], lines["features of the stack"]
    return [
        [
            "Adult: columns, features", "", "a gain", f"{percent(raw)}, {percent(mine)}",
            yes(mine["error"] < raw["error"]),
        ]
    ]  # fmt: skip

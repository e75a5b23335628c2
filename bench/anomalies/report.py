"""The tables, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from bench.anomalies.sets import MOST_ROWS, UNSUPERVISED_ROWS
from bench.render import markdown_rows
from bench.timing import ratios, spread


def mean_auc(result: dict, rival: str) -> float:
    return float(np.mean(result["rivals"][rival]["auc"]))


def auc_rows(results: dict, names: Iterable[str], rivals: list[str]) -> list[list[str]]:
    rows = []
    for name in names:
        result = results[name]
        values = [mean_auc(result, rival) for rival in rivals]
        best = max(values)
        cells = [f"**{v:.3f}**" if v == best else f"{v:.3f}" for v in values]
        rows.append([f"{name} ({result['shape'][0]:,} x {result['shape'][1]})", *cells])
    return rows


def means(results: dict, names: list[str], rivals: list[str], label: str) -> list[str]:
    cells = [np.mean([mean_auc(results[name], rival) for name in names]) for rival in rivals]
    return [f"**{label}, {len(names)}**", *(f"{value:.3f}" for value in cells)]


def seconds(result: dict, rival: str, figure: str) -> str:
    return f"{np.median(result['rivals'][rival][figure]):.3g}"


def table(results: dict, groups: dict[str, list[str]], rivals: list[str]) -> str:
    """AUC ROC of each set, group by group with the mean of each, and of all."""
    rows = []
    for label, names in groups.items():
        rows += auc_rows(results, names, rivals)
        rows.append(means(results, names, rivals, label))
    rows.append(means(results, list(results), rivals, "mean of all"))
    return markdown_rows(["set (rows to learn from x features)", *rivals], rows)


def times(results: dict, rivals: list[str]) -> str:
    rows = [
        [name, *(seconds(result, rival, "fit") for rival in rivals)]
        for name, result in results.items()
    ]
    return markdown_rows(["set", *rivals], rows)


def compare(result: dict) -> str:
    semi, alone = result["semi_supervised"], result["unsupervised"]
    rivals = list(next(iter(semi.values()))["rivals"])
    chosen = result["chosen_on"]
    groups = {
        "mean of the sets that judge": [name for name in semi if name not in chosen],
        "mean of the sets that the defaults were chosen on": chosen,
    }
    environment = result["environment"]
    versions = environment["versions"]
    lines = [
        "# Anomalies in tables",
        "",
        "AUC ROC, means over "
        f"{len(result['seeds'])} seeds, of sets of ADBench with at least 1,000 rows. All at their "
        "defaults; no detector sees a label; nothing was tuned for a set. kNN is the distance to "
        "the fifth neighbour, PCA the residual beside 90 % of the variance; kNN, PCA, LOF and "
        "OCSVM get standardised features, the others scale by themselves or need not.",
        "",
        f"{environment['cpu']}, {environment['threads']} threads, machine shared with other work; "
        + ", ".join(
            f"{name} {versions[name]}"
            for name in ("scikit-learn", "torch", "pyod", "numpy")
            if name in versions
        )
        + f"; {environment['date']}."
        + (f" Rivals are from a run of {result['others']['date']}." if "others" in result else ""),
        "",
        "## Semi-supervised",
        "",
        "Learned from a random half of the normal rows; scored are the other half and all "
        f"anomalies. At most {MOST_ROWS:,} normal rows on either side (smtp has more). The "
        "published table of these sets learns from the first half in the order of the file, which "
        "is another problem: its figures cannot be compared with these.",
        "",
        table(semi, groups, rivals),
        "",
        "## Unsupervised",
        "",
        f"Learned from and scored on the same {UNSUPERVISED_ROWS:,} random rows, anomalies among "
        "them.",
        "",
        table(
            alone,
            {
                "mean of the sets that judge": [name for name in alone if name not in chosen],
                "mean of the sets that the defaults were chosen on": [
                    name for name in alone if name in chosen
                ],
            },
            list(next(iter(alone.values()))["rivals"]),
        ),
    ]
    if "others" not in result:  # else they are of different runs
        lines += [
            "",
            "## Seconds to fit, semi-supervised",
            "",
            "Medians over seeds; all detectors in turn. The load of the machine was "
            f"{environment['load'][0]:.0f} on {environment['cores']} cores at the end: the seconds "
            "are many times those of a quiet machine, see anomalies_speed.md for CPU seconds.",
            "",
            times(semi, rivals),
        ]
    return "\n".join(lines)


def candidates(results: dict) -> str:
    tried = list(next(iter(results.values()))["rivals"])
    rows = []
    for name in tried:
        values = [mean_auc(each, name) for each in results.values()]
        fit = np.mean([np.median(each["rivals"][name]["fit"]) for each in results.values()])
        rows.append([name, *(f"{value:.3f}" for value in values), f"{np.mean(values):.3f}",
                     f"{fit:.2f}"])  # fmt: skip
    return markdown_rows(["", *results, "mean", "seconds"], rows)


def choose(result: dict) -> str:
    return "\n".join(
        [
            "# Defaults of DenoisingOutlierDetector",
            "",
            f"AUC ROC, means over {len(result['seeds'])} seeds, learned from a random half of the "
            "normal rows, on the third of the sets that defaults were chosen on; the first line "
            "is the defaults, the others differ from them as they say. The seconds of a fit are "
            "means over the sets, on a machine shared with other work. "
            f"{result['environment']['cpu']}; {result['environment']['date']}.",
            "",
            candidates(result["semi_supervised"]),
            "",
            f"Learned from and scored on the same {UNSUPERVISED_ROWS:,} random rows, anomalies "
            "among them:",
            "",
            candidates(result["unsupervised"]),
        ]
    )


def speed(result: dict) -> str:
    rows = []
    names = ("dae", "PyOD AutoEncoder")
    for name, each in sorted(result["sets"].items(), key=lambda item: item[1]["shape"][0]):
        ours, theirs = (each["seconds"][rival] for rival in names)
        n_rows, n_features = each["shape"]
        rows.append(
            [f"{name} ({n_rows:,} x {n_features})", f"{np.median(ours):.3f}",
             f"{np.median(theirs):.2f}", f"{spread(ratios(theirs, ours))[0]:.1f}x"]
        )  # fmt: skip
    return "\n".join(
        [
            "# Time of a fit beside PyOD's AutoEncoder",
            "",
            f"CPU seconds on one thread, medians over {len(ours)} rounds in turn, defaults of "
            f"both; PyOD {result['environment']['versions']['pyod']}, torch "
            f"{result['environment']['versions']['torch']}, "
            f"{result['environment']['cpu']}. dae trains on about 2,000 mini-batches whatever the "
            "number of rows, PyOD for 10 epochs: short ones of small tables.",
            "",
            markdown_rows(["set (rows x features)", *names, "ratio"], rows),
        ]
    )


def threshold(result: dict) -> str:
    results = result["results"]
    labels = list(dict.fromkeys(row["held"] for row in results))
    rows = []
    for key in dict.fromkeys((row["set"], row["rows"]) for row in results):
        mine = {row["held"]: row for row in results if (row["set"], row["rows"]) == key}
        figures = [
            *(f"{100 * mine[label]['false']:.1f} %" for label in labels),
            *(f"{100 * mine[label]['found']:.0f} %" for label in labels),
            *(f"{mine[label]['auc']:.3f}" for label in labels),
        ]
        rows.append([key[0], f"{mine[labels[0]]['learned']:,.0f}", *figures])
    names = [f"{what}, {label}" for what in ("false", "found", "AUC") for label in labels]
    return "\n".join(
        [
            '# Where the threshold of `contamination="auto"` lies',
            "",
            "Shares of new normal rows that are called outliers (false) and of anomalies that are "
            "(found), learned from so many normal rows, on the sets that defaults were chosen on; "
            f"means over {len(result['seeds'])} seeds. A threshold of rows that were learned "
            "from finds more because it calls more of everything an outlier. "
            f"{result['environment']['cpu']}; {result['environment']['date']}.",
            "",
            markdown_rows(["set", "rows", *names], rows),
        ]
    )

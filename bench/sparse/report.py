"""The tables, as Markdown."""

from __future__ import annotations

import numpy as np

from bench.timing import ratios, spread

OURS = ("dae, dense rows", "dae, CSR", "dae, CSR sampled 1:1")


def speed(result: dict) -> str:
    """Samples per second, and medians of the ratios of each round."""
    n_rows, n_columns = result["shape"]
    rivals = [name for name in result["steps"][0]["rates"] if name not in OURS]
    lines = [
        f"Training samples per second: {n_rows:,} texts of {n_columns:,} words, "
        f"{result['entries'] / n_rows:.0f} of them in a text, 256 logistic units, cross-entropy, "
        f"masking 0.3, float32; {machine_of(result)}. Medians; ratios are medians over rounds.",
        "",
        "| solver, batch | " + " | ".join([*OURS, *rivals]) + " | sampled over the fastest "
        "PyTorch | sampled over dense | CSR over the fastest PyTorch |",
        "| --- |" + " --- |" * (len(OURS) + len(rivals) + 3),
    ]
    for step in result["steps"]:
        rates = step["rates"]
        fastest = max(rivals, key=lambda name: np.median(rates[name]), default=None)
        cells = [f"{np.median(rates[name]):,.0f}" for name in (*OURS, *rivals)]
        for mine, other in ((OURS[2], fastest), (OURS[2], OURS[0]), (OURS[1], fastest)):
            middle = spread(ratios(rates[mine], rates[other]))[0] if other else None
            cells.append("-" if middle is None else f"{middle:.1f}x")
        lines.append(f"| {step['solver']}, {step['batch_size']} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def clicks(result: dict) -> str:
    """Test users, with the settings that were best on the validation users."""
    dae = result["dae"]
    rows = {"multinomial denoising autoencoder (dae)": dae, **result["rivals"]}
    settings = ", ".join(f"{name}={value!r}" for name, value in dae["settings"].items())
    lines = [
        f"MovieLens 1M, ratings of 4 and more, {result['shape'][0]:,} users to learn from, 600 to "
        f"test; {machine_of(result)}. Chosen on 600 others of {len(result['validation'])} "
        f"settings: {settings}.",
        "",
        "| | Recall@20 | Recall@50 | NDCG@100 | seconds |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, row in rows.items():
        figures = [f"{row[score]:.3f}" for score in ("recall@20", "recall@50", "ndcg@100")]
        lines.append(f"| {name} | " + " | ".join(figures) + f" | {row['seconds']:.1f} |")
    return "\n".join(lines)


def machine_of(result: dict) -> str:
    return f"{result['environment']['cpu']}, {result['environment']['threads']} threads"

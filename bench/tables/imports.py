"""Import time in new interpreters, in turn."""

from __future__ import annotations

import subprocess
import sys

from bench.render import cell
from bench.tables import Context, table
from bench.timing import in_turn, ratios

STATEMENTS = {
    "dae": "import dae",
    "sklearn": "import sklearn",
    "sklearn.neural_network": "import sklearn.neural_network",
    "dae after sklearn.neural_network": "import dae",
    "torch": "import torch",
}


def seconds(statement: str, before: str = "pass") -> float:
    code = (
        f"import time\n{before}\nstart = time.perf_counter()\n{statement}\n"
        "print(time.perf_counter() - start)"
    )
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
    )
    return float(run.stdout.split()[-1])


def imports(context: Context) -> dict:
    tasks = {}
    for name, statement in STATEMENTS.items():
        before = "import sklearn.neural_network" if " after " in name else "pass"
        try:
            seconds(statement, before)  # the files are in the page cache from here on
        except subprocess.CalledProcessError:
            context.say(f"skipped {statement}: not installed")
            continue
        tasks[name] = lambda s=statement, b=before: seconds(s, b)
    taken = in_turn(tasks, 2 if context.quick else max(context.rounds, 9))
    rows = [
        [name, cell(values, "s"), cell(ratios(taken["dae"], values), "x")]
        for name, values in taken.items()
    ]
    return table(
        "imports",
        "Import time",
        ["import", "time", "import dae over it"],
        rows,
        {"seconds": taken},
        ["dae needs scikit-learn, so its import contains scikit-learn's."],
    )

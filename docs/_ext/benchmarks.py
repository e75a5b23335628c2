"""The benchmark pages, made from the files in ``bench/results``. Needs no Sphinx.

A figure is never typed into a page: it is read from the result that a committed script wrote. A
result that is not there yet has no page, and a new Markdown report in ``bench/results`` or in
``bench/results/<processor>`` gets one by itself.
"""

from __future__ import annotations

from pathlib import Path

from bench import readme, records, render

from _ext.from_markdown import convert, copied, table
from _ext.pages import write_if_changed

# reports that scripts have written as Markdown, in this order; the rest follows by name
REPORTS = {
    "defaults.md": "choosing-defaults",
    "papers.md": "papers",
    "zen4/denoise.md": "denoising",
    "zen4/denoise_ablation.md": "denoising-ablation",
    "zen4/sparse_speed.md": "sparse-speed",
}
# titles of reports that have none
TITLES = {
    "sparse_speed": "Sparse texts",
    "sparse_clicks": "Clicks",
    "sparse_columns": "Sparse rows by the number of columns",
    "sparse_inference": "Sparse texts encoded",
    "sparse_reviews": "Reviews of other domains",
    "sparse_few_labels": "Newsgroups with few labels",
    "sparse_memory": "Memory of a fit on sparse rows",
}
# the tables take the place of the table of contents
WIDE = ":html_theme.sidebar_secondary.remove: true\n\n"
INTRODUCTION = """\
.. This page is made by docs/_ext/benchmarks.py.

Benchmarks
==========

Every figure here is read from a file that a script of the repository wrote, with the processor,
the threads and the versions of its run; ``bench/results`` holds the files. Rivals are measured in
the same run, in turn with `dae`, and the final losses stand beside the times: a faster fit that
learns less is not faster. What is *not* here has not been measured.

.. toctree::
   :maxdepth: 1

"""
NAMES = {
    "zen4": "AMD Zen 4",
    "sapphire_rapids": "Intel Sapphire Rapids",
    "emerald_rapids": "Intel Emerald Rapids",
}


def speed(processor: str, result: dict) -> str:
    """One page for the comparison on one processor: all its tables."""
    title = f"Speed on {NAMES.get(processor, processor)}"
    environment = result.get("environment") or next(
        t["measured"]["environment"] for t in result["tables"].values() if "measured" in t
    )
    machine = ", ".join(
        str(environment[key]) for key in ("cpu", "simd_level", "date") if environment.get(key)
    )
    versions = environment.get("versions", {})
    packages = ", ".join(f"{name} {number}" for name, number in versions.items() if number)
    parts = [
        f".. This page is made from bench/results/{processor}/compare.json.\n",
        f"{title}\n{'=' * len(title)}",
        f"``python -m bench.compare`` on {machine} ({packages}). Medians, with quartiles in "
        "parentheses. A cell with a target says whether it was reached.",
    ]
    for one in result["tables"].values():
        heading = one["title"]
        parts.append(f"{heading}\n{'-' * len(heading)}")
        rows = render.markdown_rows(
            one["columns"], [[render.text(c) for c in row] for row in one["rows"]]
        )
        parts.append(table(rows.splitlines(), style="results wide"))
        parts += [convert(note).strip() for note in one.get("notes", [])]
    return "\n\n".join(parts) + "\n"


def name_of(report: Path) -> str:
    """Name of a report's page; that of a script run on several processors has the processor's."""
    relative = report.relative_to(records.FOLDER).as_posix()
    stem = report.stem.replace("_", "-")
    if relative not in REPORTS and len(processors(report)) > 1:
        stem += "-" + report.parent.name.replace("_", "-")
    return REPORTS.get(relative, stem)


def processors(report: Path) -> list[str]:
    """The processors that there is such a report of."""
    return sorted(path.parent.name for path in records.FOLDER.glob(f"*/{report.name}"))


def reports() -> list[Path]:
    known = [records.FOLDER / name for name in REPORTS]
    found = sorted(records.FOLDER.glob("*.md")) + sorted(records.FOLDER.glob("*/*.md"))
    return [path for path in known if path.exists()] + [p for p in found if p not in known]


def report_page(report: Path, folder: Path) -> str:
    """A report of a script, as a page with a title."""
    text = report.read_text(encoding="utf-8")
    if not text.startswith("# "):
        title = TITLES.get(report.stem, report.stem.replace("_", " ").capitalize())
        if len(processors(report)) > 1:
            title += f" on {NAMES.get(report.parent.name, report.parent.name)}"
        text = f"# {title}\n\n{text}"
    page = convert(text, picture=lambda source: copied(report.parent / source, folder))
    source = report.relative_to(records.FOLDER.parents[1]).as_posix()
    return f".. This page is made from {source}.\n\n{page}"


def pages(folder: Path) -> dict[str, str]:
    """Name -> text of every page but the index."""
    found = {}
    for path in sorted(records.FOLDER.glob("*/compare.json"), reverse=True):
        processor = path.parent.name
        found[f"speed-{processor.replace('_', '-')}"] = speed(processor, records.read(path))
    for report in reports():
        found[name_of(report)] = report_page(report, folder)
    return found


def write(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    made = pages(folder)
    for old in folder.glob("*.rst"):
        if old.stem not in made and old.stem != "index":
            old.unlink()
    for name, text in made.items():
        write_if_changed(folder / f"{name}.rst", WIDE + text)
    listed = "\n".join(f"   {name}" for name in made)
    glance = "At a glance\n-----------\n\n" + convert(readme.block(records.read(readme.RESULT)))
    write_if_changed(folder / "index.rst", f"{INTRODUCTION}{listed}\n\n{glance}")

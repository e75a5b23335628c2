"""Print the lowest versions that pyproject.toml declares, as requirements for pip.

    python .ci/lowest.py > lowest.txt && pip install -r lowest.txt

``numpy>=1.25`` becomes ``numpy==1.25.*``: the last correction of the oldest release. The extras are
those that the tests need.
"""

import re
import tomllib
from pathlib import Path

EXTRAS = ("image", "demo", "test")


def declared() -> list[str]:
    """Requirements at run time and of the extras."""
    text = Path(__file__).parents[1].joinpath("pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]
    return project["dependencies"] + [
        requirement for extra in EXTRAS for requirement in project["optional-dependencies"][extra]
    ]


def lowest() -> dict[str, str]:
    """The oldest release of each package; the newer one where two are declared."""
    found: dict[str, tuple[int, ...]] = {}
    for requirement in declared():
        if requirement.startswith("daecore["):
            continue
        match = re.fullmatch(r"([\w-]+)>=([\d.]+)", requirement)
        if match is None:
            raise ValueError(f"{requirement!r} in pyproject.toml must have the form name>=version.")
        release = tuple(map(int, match[2].split(".")))
        release += (0,) * (2 - len(release))
        found[match[1]] = max(release, found.get(match[1], release))
    return {name: ".".join(map(str, release)) for name, release in found.items()}


if __name__ == "__main__":
    for name, release in lowest().items():
        print(f"{name}=={release}.*")

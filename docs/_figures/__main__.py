"""``python docs/_figures FOLDER``: write every drawing as an SVG file."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # bench
sys.path.insert(0, str(Path(__file__).parents[1]))

from _figures import figures


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "figures")
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in figures().items():
        (folder / f"{name}.svg").write_text(draw().svg(name, alone=True))
    print(f"{len(figures())} drawings in {folder}")


if __name__ == "__main__":
    main()

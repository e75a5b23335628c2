"""``python -m dae``: the demonstration; ``python -m dae denoise`` is ``dae denoise``."""

import sys

from dae._cli import main

if __name__ == "__main__":
    arguments = sys.argv[1:]
    named = bool(arguments) and arguments[0] in ("demo", "denoise", "train", "--version")
    sys.exit(main(arguments if named else ["demo", *arguments]))

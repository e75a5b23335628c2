"""``python -m dae``: the demonstration; ``python -m dae denoise`` is ``dae denoise``."""

import sys

from dae._cli import main

if __name__ == "__main__":
    arguments = sys.argv[1:]
    # the demonstration has options only, so that all else names a command, also a misspelled one
    named = bool(arguments) and (arguments[0] == "--version" or not arguments[0].startswith("-"))
    sys.exit(main(arguments if named else ["demo", *arguments]))

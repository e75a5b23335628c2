"""``python -m dae``: the demonstration, see `dae._cli._demo`."""

import sys

from dae._cli._demo import main

if __name__ == "__main__":
    sys.exit(main())

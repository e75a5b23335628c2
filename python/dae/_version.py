"""The version, here and nowhere else.

A literal: the build reads it without importing the package (pyproject.toml, `attr`), so it cannot
be asked of the installed distribution, which may not be there or be another one.
"""

__version__ = "0.1.0.dev0"

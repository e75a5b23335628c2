"""The compiled core of `dae`."""

"""Benchmarks: `python -m bench.compare` and friends, `pytest bench/ --benchmark-only`.

settings.py     a problem: shape, data, solver; its rows and initial weights
rivals/         one adapter a file, ours among them; `rivals/_base.py` is their interface
timing.py       runs in turn, medians of ratios, calibrated lengths
machine.py      what the machine is, and the most it can do in this run
tables/         the tables of `compare`, one file each group
targets.py      what they are held to
render.py       tables as text and as Markdown
compare.py      the command
"""

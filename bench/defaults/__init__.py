"""How the defaults of `DenoisingAutoencoder` were chosen: ``python -m bench.defaults``.

tables.py      the tables, their held-out rows, and the error that judges
curves.py      training curves, and where a stopping rule ends them
search.py      learning rates, batch sizes and stopping rules
untuned.py     the untuned estimator beside other methods, and on tables that nobody prepared
report.py      defaults.md
__main__.py    the command
"""

"""How the defaults were chosen, and what they come to: ``python -m bench.defaults``.

tables.py      tables to repair, their held-out rows, and the error that judges
search.py      `DenoisingAutoencoder`: activation, solver, learning rate, batch size, epochs
untuned.py     the untuned estimator beside other methods, and on tables that nobody prepared
cases.py       tables with labels: some choose, others judge
candidates.py  supervised estimators: what else might have been their defaults
predictors.py  the untuned supervised estimators beside scikit-learn's
codes.py       a linear model of untuned codes beside one of the columns
report.py      defaults.md
__main__.py    the command
"""

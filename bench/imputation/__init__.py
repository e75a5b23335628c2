"""Imputation: hidden cells of complete tables, filled by `DenoisingImputer` and its rivals.

    python -m bench.imputation            # tables of numbers, cells hidden in five ways
    python -m bench.imputation --mixed    # numbers and categories of Adult, Credit and California

Defaults of `DenoisingImputer` were chosen on other tables: four toy sets of scikit-learn, four
generated ones and nine anomaly sets, MCAR 30 %.
"""

"""Imputation: hidden cells of complete tables, filled by `DenoisingImputer` and its rivals.

Defaults of `DenoisingImputer` were chosen on other tables: four toy sets of scikit-learn and nine
anomaly sets, MCAR 30 %.
"""

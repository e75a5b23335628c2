"""Features for linear models: codes of a denoising autoencoder that saw tables without labels.

    python -m bench.features           # Adult, Credit, California; 200, 1,000 and all labels
    python -m bench.features choose    # defaults, on tables that do not judge

Writes results/<processor>/features.json and .md, or features_defaults.json and .md. Real data are
found through DAE_DATA_DIR (bench/data.py).
"""

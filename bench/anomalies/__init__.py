"""Anomalies in tables: `DenoisingOutlierDetector` beside the detectors people use.

    python -m bench.anomalies compare    # AUC ROC of all on ADBench; pyod and torch are optional
    python -m bench.anomalies choose     # the experiment behind the defaults
    python -m bench.anomalies speed      # CPU seconds beside PyOD's autoencoder
    python -m bench.anomalies threshold  # false alarms among new rows, by rows to learn from

Each writes results/<processor>/anomalies*.json and .md. Real data are found through DAE_DATA_DIR
(bench/data.py).
"""

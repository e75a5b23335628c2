"""Sparse rows: speed beside PyTorch, and recommendations from clicks.

    python -m bench.sparse speed     # samples per second, 20 Newsgroups; torch is optional
    python -m bench.sparse clicks    # MovieLens 1M: films for users not seen in training

Each writes results/<processor>/sparse_<name>.json and .md. Real data are found through
DAE_DATA_DIR (bench/data.py).
"""

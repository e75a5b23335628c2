"""Sparse rows: speed beside PyTorch, and what is learned from clicks and texts.

    python -m bench.sparse speed     # samples per second, 20 Newsgroups; torch is optional
    python -m bench.sparse columns   # samples per second as columns are added
    python -m bench.sparse clicks    # MovieLens 1M: recommendations for users not seen in training
    python -m bench.sparse text      # 20 Newsgroups: few labels on codes

Each writes results/<processor>/sparse_<name>.json; `python -m bench.sparse report` makes
sparse.md from what is there. Real data are found through DAE_DATA_DIR (bench/data.py).
"""

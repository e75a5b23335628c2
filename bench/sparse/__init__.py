"""Sparse rows: how fast, and what they teach, beside what else users take.

    python -m bench.sparse speed        # training samples per second, 20 Newsgroups, beside PyTorch
    python -m bench.sparse inference    # `transform` of CSR and of the same rows dense
    python -m bench.sparse columns      # the cost of 10,000, 100,000 and 1,000,000 columns
    python -m bench.sparse memory       # what `fit` adds to a CSR of 1 GB
    python -m bench.sparse sampling     # held-out loss with sampled outputs and with all
    python -m bench.sparse clicks       # MovieLens 1M: films for users not seen in training
    python -m bench.sparse reviews      # Amazon: sentiment from one domain to another
    python -m bench.sparse few_labels   # 20 Newsgroups with 20 labels a class
    python -m bench.sparse cells        # single cells: counts before dropout

Each writes results/<processor>/sparse_<name>.json and .md; torch and implicit are optional. Real
data are found through DAE_DATA_DIR (bench/data.py).
"""

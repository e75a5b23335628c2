"""Training speed of the wide stack of tabular contests, beside the same network in PyTorch.

    python -m bench.wide_stack    # Adult one-hot and as mixed columns; PyTorch is optional

Three layers of 1,500 units, decoders of their own, swap noise, Adam, all layers together. Samples
per CPU second on one thread each, rivals in turn, medians; with the losses of the last round.
Writes results/<processor>/wide_stack.json and .md. Real data are found through DAE_DATA_DIR
(bench/data.py).
"""

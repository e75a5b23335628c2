"""Coding and reconstructing: many rows at once, and one row at a time."""

from __future__ import annotations

import numpy as np
from sklearn.neural_network import BernoulliRBM

from bench import targets
from bench.machine import gemm_peak
from bench.render import cell
from bench.rivals import load, sklearn_mlp
from bench.settings import Setting, initial_weights, rows_of
from bench.tables import Context, table
from bench.timing import calls_for, in_turn, per_call, ratios, repeat, seconds_of
from dae import DenoisingAutoencoder
from dae._core.arguments import decoder_record, encoder_record
from daecore import _inference

SETTING = Setting(batch_size=20)


def estimator(setting: Setting, n_jobs: int | None) -> DenoisingAutoencoder:
    """A fitted one, over the initial weights of the setting."""
    dae = DenoisingAutoencoder(
        setting.n_hidden,
        activation="logistic",
        loss="log_loss",
        solver="sgd",
        momentum=0.0,
        n_jobs=n_jobs,
        random_state=0,
    )
    dae.partial_fit(rows_of(setting)[:20])
    W, b, c = initial_weights(setting)
    dae.components_[...] = W.T
    dae.intercept_hidden_[...] = b
    dae.intercept_visible_[...] = c
    return dae


def functions(setting: Setting, X: np.ndarray, context: Context, n_jobs: int | None) -> dict:
    """(rival, what) -> a call on X. BernoulliRBM's transform is the same equation as ours."""
    W, b, c = initial_weights(setting)
    dae = estimator(setting, n_jobs)
    rbm = BernoulliRBM(setting.n_hidden)
    rbm.components_, rbm.intercept_hidden_, rbm.intercept_visible_ = W.T.copy(), b, c
    rbm.n_features_in_ = setting.n_features
    mlp = sklearn_mlp.Session(setting, W, b, c, rows_of(setting), context.n_threads).mlp
    found = {
        ("dae", "transform"): lambda: dae.transform(X),
        ("dae", "reconstruct"): lambda: dae.reconstruct(X),
        ("scikit-learn", "transform"): lambda: rbm.transform(X),
        ("scikit-learn", "reconstruct"): lambda: mlp.predict(X),
    }
    rivals, skipped = load(("torch_eager",), context.n_threads)
    for line in skipped:
        context.say(line)
    if rivals and "torch_eager" in context.rivals:
        found |= torch_functions(W, b, c, X)
    return found


def torch_functions(W, b, c, X) -> dict:
    import torch
    import torch.nn.functional as F

    tW, tb, tc, tX = (torch.from_numpy(array) for array in (W.T.copy(), b, c, X))

    @torch.inference_mode()
    def encode():
        return torch.sigmoid(F.linear(tX, tW, tb))

    @torch.inference_mode()
    def reconstruct():
        return torch.sigmoid(F.linear(encode(), tW.t(), tc))

    return {("PyTorch", "transform"): encode, ("PyTorch", "reconstruct"): reconstruct}


def activate(n_threads: int) -> None:
    for name in ("numpy_step", "torch_eager"):
        for rival in load((name,), n_threads)[0].values():
            tiny = Setting(1, 1, 1)
            session = rival.Session(
                tiny, *initial_weights(tiny), np.ones((1, 1), np.float32), n_threads
            )
            session.activate()


def many_rows(context: Context) -> dict:
    """10,000 rows, through the public methods, all checks of X included."""
    n_rows = 1000 if context.quick else 10_000
    rows, raws = [], []
    for dtype in ("float32", "float64"):
        setting = Setting(batch_size=20, dtype=dtype)
        X = rows_of(setting)[:n_rows]
        calls = functions(setting, X, context, context.n_threads)
        activate(context.n_threads)
        tasks = {" ".join(key): per_call(call, context.seconds) for key, call in calls.items()}
        seconds = in_turn(tasks, context.rounds)
        raws.append({"setting": vars(setting), "rows": n_rows, "seconds": seconds})
        peak = gemm_peak(context.peaks, dtype, context.n_threads)
        products = {"transform": 1, "reconstruct": 2}
        for what, count in products.items():
            ours = np.asarray(seconds[f"dae {what}"])
            operations = 2.0 * count * n_rows * setting.n_features * setting.n_hidden
            target = targets.INFERENCE_SHARE if dtype == "float32" else None
            row = [dtype, what, cell(ours, "ms")]
            row.append(cell(operations / ours / peak, "%", target=target))
            for rival in ("PyTorch", "scikit-learn"):
                theirs = seconds.get(f"{rival} {what}")
                row.append(cell(ratios(theirs, list(ours)), "x") if theirs else "-")
            rows.append(row)
    return table(
        "transform",
        f"Inference, 784-500, {n_rows:,} rows",
        ["type", "method", "dae", "of best gemm", "vs PyTorch", "vs scikit-learn"],
        rows,
        raws,
        ["scikit-learn: BernoulliRBM.transform and MLPRegressor.predict."],
    )


def one_row(context: Context) -> dict:
    """One row a call. The arithmetic is the core's own call on arrays that are ready."""
    x = rows_of(SETTING)[:1].copy()
    calls = functions(SETTING, x, context, None)
    activate(context.n_threads)
    network = estimator(SETTING, 1)._network()
    encoder, decoder = encoder_record(network), decoder_record(network)
    code, again = np.empty((1, SETTING.n_hidden), "f4"), np.empty_like(x)
    W, out = initial_weights(SETTING)[0], np.empty(SETTING.n_hidden, "f4")
    bare = {
        "core transform": lambda: _inference.encode(encoder, x, code, False, 1),
        "core reconstruct": lambda: _inference.reconstruct(encoder, decoder, x, again, False, 1),
        "gemv": lambda: np.dot(x[0], W, out=out),
    }
    named = {" ".join(key): call for key, call in calls.items()} | bare
    tasks = {name: per_call(call, min(context.seconds, 0.1)) for name, call in named.items()}
    seconds = in_turn(tasks, max(context.rounds, 3))
    rows = []
    for what in ("transform", "reconstruct"):
        ours = np.asarray(seconds[f"dae {what}"])
        above = np.subtract(ours, seconds[f"core {what}"])
        row = [what, cell(ours, "us"), cell(seconds[f"core {what}"], "us")]
        row.append(cell(above, "us", target=targets.ONE_ROW_MICROSECONDS * 1e-6, sense="<="))
        row.append(cell(seconds["gemv"], "us") if what == "transform" else "-")
        for rival in ("PyTorch", "scikit-learn"):
            theirs = seconds.get(f"{rival} {what}")
            row.append(cell(theirs, "us") if theirs else "-")
        rows.append(row)
    return table(
        "one-row",
        "Inference, 784-500, one row a call, float32",
        ["method", "dae", "core alone", "above the core", "NumPy gemv", "PyTorch", "scikit-learn"],
        rows,
        {"seconds": seconds},
        ["PyTorch: tensors ready, no checks. scikit-learn: as above. gemv: the product alone."],
    )


def partial_fit(context: Context) -> dict:
    """Calls of `partial_fit` with one row, plain SGD, against MLPRegressor's."""
    rows, raws = [], []
    for n, m in ((784, 500), (128, 32)):
        setting = Setting(n, m, batch_size=1)
        x = rows_of(setting)[:1].copy()
        dae = estimator(setting, None)
        W, b, c = initial_weights(setting)
        mlp = sklearn_mlp.Session(setting, W, b, c, rows_of(setting), context.n_threads)
        activate(context.n_threads)
        tasks = {}
        for name, call in (
            ("ours", lambda dae=dae, x=x: dae.partial_fit(x)),
            ("mlp", lambda mlp=mlp, x=x: mlp.fit(x, x)),
        ):
            run = repeat(call)
            count = calls_for(run, min(context.seconds, 0.2))
            tasks[name] = lambda run=run, count=count: count / seconds_of(lambda: run(count))
        rates = in_turn(tasks, context.rounds)
        raws.append({"setting": vars(setting), "rates": rates})
        ours, theirs = rates["ours"], rates["mlp"]
        rows.append([setting.shape, cell(ours), cell(theirs), cell(ratios(ours, theirs), "x")])
    return table(
        "partial-fit",
        "One-row partial_fit, plain SGD, calls per second",
        ["network", "dae", "MLPRegressor", "ratio"],
        rows,
        raws,
    )

"""20 Newsgroups with 20 labels a class: a linear classifier on codes of all texts.

Codes are learned from the 11,314 training texts without labels; logistic regression then learns
from 20 texts of each class, drawn five times. Settings are chosen on the other training texts;
test texts are looked at once. Beside it: TF-IDF, and its TruncatedSVD and NMF.
"""

from __future__ import annotations

import time
import warnings

import numpy as np
import scipy.sparse
from sklearn.decomposition import NMF, TruncatedSVD
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize

from bench import data
from bench.sparse import table
from dae import DenoisingAutoencoder

PER_CLASS, DRAWS = 20, 5
C = (1.0, 10.0, 100.0)


def texts() -> dict[str, tuple[scipy.sparse.csr_array, np.ndarray]]:
    """TF-IDF of unit length, float32, and classes, of "train" and "test"."""
    parts = {part: data.newsgroups(part) for part in ("train", "test")}
    tfidf = TfidfTransformer(sublinear_tf=True).fit(parts["train"][0].astype(np.float32))
    return {
        part: (scipy.sparse.csr_array(tfidf.transform(rows.astype(np.float32))), classes)
        for part, (rows, classes) in parts.items()
    }


def dae(**settings) -> DenoisingAutoencoder:
    return DenoisingAutoencoder(256, tol=None, random_state=0, **settings)


# Which words, given how much of them there is; TF-IDF is the weight of each.
MULTINOMIAL = {
    "activation": "tanh",
    "loss": "multinomial",
    "input_norm": "l2",
    "batch_size": 128,
    "max_iter": 10,
}
# Each output by itself: a few of them suffice.
SAMPLED = {
    "activation": "tanh",
    "loss": "log_loss",
    "reconstruction_sampling": 3.0,
    "batch_size": 128,
    "max_iter": 15,
}
METHODS = {
    "TF-IDF": [None],
    "TruncatedSVD": [lambda k=k: TruncatedSVD(k, random_state=0) for k in (50, 100, 200)],
    "NMF": [lambda k=k: NMF(k, init="nndsvd", max_iter=100, random_state=0) for k in (20, 50)],
    "dae": [
        lambda how=how, level=level: dae(**how, corruption_level=level)
        for how, level in ((MULTINOMIAL, 0.5), (MULTINOMIAL, 0.8), (SAMPLED, 0.5))
    ],
}


def draws(y: np.ndarray) -> list[np.ndarray]:
    """The labelled texts of each draw."""
    found = []
    for seed in range(DRAWS):
        rng = np.random.default_rng(seed)
        found.append(
            np.concatenate(
                [rng.choice(np.flatnonzero(y == k), PER_CLASS, False) for k in np.unique(y)]
            )
        )
    return found


def accuracies(codes, y, labelled, others, other_codes, other_y, strength: float) -> list[float]:
    """Of a classifier for each draw, on the rows `others` of that draw."""
    found = []
    for chosen, rest in zip(labelled, others, strict=True):
        model = LogisticRegression(C=strength, max_iter=300).fit(codes[chosen], y[chosen])
        found.append(model.score(other_codes[rest], other_y[rest]))
    return found


def run(quick: bool = False) -> dict:
    warnings.simplefilter("ignore")  # NMF, that it did not converge
    parts = texts()
    (X, y), (X_test, y_test) = parts["train"], parts["test"]
    labelled = draws(y)
    others = [np.setdiff1d(np.arange(len(y)), chosen) for chosen in labelled]
    everyone = [np.arange(len(y_test))] * DRAWS
    results = {}
    for name, makers in METHODS.items():
        tried = []
        for number, make in enumerate(makers[:1] if quick else makers):
            started = time.process_time()
            if make is None:
                codes, test_codes, how = X, X_test, ""
            else:
                model = make().fit(X)
                codes, test_codes = (normalize(model.transform(rows)) for rows in (X, X_test))
                how = repr(model)
            seconds = time.process_time() - started
            for strength in C:
                judged = np.mean(accuracies(codes, y, labelled, others, codes, y, strength))
                tried.append(
                    {"number": number, "how": how, "C": strength, "seconds": seconds,
                     "validation": float(judged)}
                )  # fmt: skip
                if judged == max(one["validation"] for one in tried):
                    best = tried[-1], codes, test_codes
            print(name, tried[-len(C) :], flush=True)
        chosen, codes, test_codes = best
        test = accuracies(codes, y, labelled, everyone, test_codes, y_test, chosen["C"])
        results[name] = {"tried": tried, "chosen": chosen, "test": test}
    return {"per_class": PER_CLASS, "methods": results}


def text(result: dict) -> str:
    rows = [
        [
            name,
            f"{100 * np.mean(method['test']):.1f} +- {100 * np.std(method['test']):.1f}",
            f"{100 * method['chosen']['validation']:.1f}",
            f"{method['chosen']['seconds']:.1f}",
            f"C={method['chosen']['C']:g} " + " ".join(method["chosen"]["how"].split()),
        ]
        for name, method in result["methods"].items()
    ]
    return table.markdown(
        f"20 Newsgroups by date, accuracy in % of logistic regression from {result['per_class']} "
        f"labels a class, mean and spread over {DRAWS} draws; codes learned from all training "
        f"texts without labels. Processor time of one thread, shared machine; "
        f"{table.machine_of(result)}.",
        ["features", "test", "validation", "seconds", "chosen"],
        rows,
    )

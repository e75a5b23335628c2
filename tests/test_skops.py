"""Files of skops: all that a reader has to trust is the estimator's own class.

What else an estimator consists of, skops knows: numbers, strings, lists, dicts and arrays.
"""

import pickle

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from dae import (
    DenoisingAutoencoder,
    DenoisingOutlierDetector,
    StackedDenoisingAutoencoder,
    StackedDenoisingClassifier,
    StackedDenoisingRegressor,
)
from dae.image import ImageDenoiser
from dae.tabular import DenoisingImputer, TabularDenoisingAutoencoder

QUICK = {"max_iter": 2, "tol": None, "random_state": 0}
TUNED = {"fine_tune_max_iter": 2, **QUICK}

STACK = "dae.stacked.StackedDenoisingAutoencoder"

# what is saved, how it is used, and what has to be trusted
CASES = {
    "autoencoder": (
        DenoisingAutoencoder(8, **QUICK),
        "transform",
        ["dae.autoencoder.DenoisingAutoencoder"],
    ),
    "untied, momentum": (
        DenoisingAutoencoder(8, tied_weights=False, solver="sgd", **QUICK),
        "score_samples",
        ["dae.autoencoder.DenoisingAutoencoder"],
    ),
    "stack": (StackedDenoisingAutoencoder((8, 5), fine_tune=True, **TUNED), "transform", [STACK]),
    "classifier": (
        StackedDenoisingClassifier((8, 5), **TUNED),
        "predict_proba",
        ["dae.classifier.StackedDenoisingClassifier"],
    ),
    "classifier of pretrained layers": (
        StackedDenoisingClassifier((8,), pretrained="a stack", **TUNED),
        "predict_proba",
        ["dae.classifier.StackedDenoisingClassifier", STACK],
    ),
    "regressor": (
        StackedDenoisingRegressor((8, 5), **TUNED),
        "predict",
        ["dae.regressor.StackedDenoisingRegressor"],
    ),
    "pipeline": (
        make_pipeline(MinMaxScaler(), DenoisingAutoencoder(8, **QUICK), LogisticRegression()),
        "predict_proba",
        ["dae.autoencoder.DenoisingAutoencoder"],
    ),
}


@pytest.fixture
def io():
    return pytest.importorskip("skops.io")


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES)
def test_round_trip(io, tmp_path, case, dtype):
    X, y = load_digits(return_X_y=True)
    X, y = (X[:200] / 16).astype(dtype), y[:200]
    model, method, trusted = CASES[case]
    if getattr(model, "pretrained", None) == "a stack":
        stack = StackedDenoisingAutoencoder((8,), **QUICK).fit(X)
        model = type(model)((8,), pretrained=stack, **TUNED)
    model.fit(X, y)
    path = tmp_path / "model.skops"
    io.dump(model, path)
    assert io.get_untrusted_types(file=path) == trusted
    with pytest.raises(TypeError, match="[Uu]ntrusted"):
        io.load(path)
    twin = io.load(path, trusted=trusted)
    np.testing.assert_array_equal(getattr(twin, method)(X), getattr(model, method)(X))
    if case != "pipeline":  # and training continues as if there had been no file
        for copy in (model, twin):
            copy.partial_fit(X, y)
        np.testing.assert_array_equal(getattr(twin, method)(X), getattr(model, method)(X))


def test_denoiser(io):
    denoiser = ImageDenoiser.pretrained()
    data = io.dumps(denoiser)
    trusted = io.get_untrusted_types(data=data)
    network = "dae.image.convolutional.ConvolutionalAutoencoder"
    assert trusted == ["dae.image.ImageDenoiser", network]
    noisy = np.random.default_rng(0).random((20, 20), dtype=np.float32)
    found = io.loads(data, trusted=trusted).transform(noisy, sigma=0.1)
    np.testing.assert_array_equal(found, denoiser.transform(noisy, sigma=0.1))


def noise(batch, rng):
    return batch + 0.1 * rng.standard_normal(batch.shape, dtype=batch.dtype)


def test_a_corruption_of_ones_own_has_to_be_trusted_too(io):
    X = np.random.default_rng(0).random((30, 6))
    model = DenoisingAutoencoder(4, corruption=noise, **QUICK).fit(X)
    data = io.dumps(model)
    trusted = io.get_untrusted_types(data=data)
    assert trusted == ["dae.autoencoder.DenoisingAutoencoder", f"{__name__}.noise"]
    twin = io.loads(data, trusted=trusted)
    assert twin.corruption is noise
    np.testing.assert_array_equal(
        twin.partial_fit(X).transform(X), model.partial_fit(X).transform(X)
    )


# ------------------------------------------------------------------ tables

N_ROWS = 40
TABULAR = {"hidden_layer_sizes": 4, "max_iter": 1, "random_state": 0}


def table_of_pandas(pd, columns):
    """A frame with columns of most kinds, with these labels."""
    number = np.random.default_rng(0).normal(size=N_ROWS)
    number[3] = np.nan
    ordered = pd.Categorical(["u", "v"] * 20, categories=["v", "u", "w"], ordered=True)
    days = pd.date_range("2020-01-01", periods=N_ROWS)
    frame = pd.DataFrame(
        {
            "number": number,
            "count": pd.Series(range(N_ROWS), dtype="Int64"),
            "text": ["x", "y"] * 20,
            "string": pd.Series(["x", "y"] * 20, dtype="string"),
            "ordered": ordered,
            "day": days,
            "local": days.tz_localize("Europe/Rome"),
        }
    )
    if columns == "levels":
        pairs = [(name, k) for k, name in enumerate(frame)]
        frame.columns = pd.MultiIndex.from_tuples(pairs, names=["name", None])
    elif columns == "named":
        frame.columns.name = "columns"
    elif columns == "numbers":
        frame.columns = range(len(frame.columns))
    return frame


@pytest.mark.parametrize("columns", ["named", "levels", "numbers"])
@pytest.mark.parametrize(
    "kind", [TabularDenoisingAutoencoder, DenoisingImputer, DenoisingOutlierDetector]
)
def test_tables_of_pandas(io, kind, columns):
    pd = pytest.importorskip("pandas")
    frame = table_of_pandas(pd, columns)
    model = kind(**TABULAR).fit(frame)
    data = io.dumps(model)
    trusted = io.get_untrusted_types(data=data)
    assert not [name for name in trusted if name.startswith("pandas")]
    twin = io.loads(data, trusted=trusted)
    method = "errors" if kind is DenoisingOutlierDetector else "transform"
    expected, found = (getattr(each, method)(frame) for each in (model, twin))
    if isinstance(expected, np.ndarray):
        np.testing.assert_array_equal(found, expected)
        expected, found = (each.inverse_transform(expected) for each in (model, twin))
    pd.testing.assert_frame_equal(found, expected)
    schema, read = model._encoder.schema, twin._encoder.schema
    assert list(map(repr, read.dtypes)) == list(map(repr, schema.dtypes))
    pd.testing.assert_index_equal(read.labels, schema.labels, exact=True)
    assert twin._encoder.columns[6].times == model._encoder.columns[6].times


def test_state_with_objects_of_pandas_is_read():
    """As it was written before it was made plain."""
    pd = pytest.importorskip("pandas")
    frame = table_of_pandas(pd, "named")
    schema = TabularDenoisingAutoencoder(**TABULAR).fit(frame)._encoder.schema
    assert isinstance(schema.__getstate__()["labels"], dict)
    old = dict(vars(schema))
    assert isinstance(old["labels"], pd.Index)
    read = type(schema).__new__(type(schema))
    read.__setstate__(old)
    assert list(map(repr, read.dtypes)) == list(map(repr, schema.dtypes))
    pd.testing.assert_index_equal(read.labels, schema.labels, exact=True)


def test_what_has_no_plain_form_is_kept():
    pd = pytest.importorskip("pandas")
    spans = pd.interval_range(0, 2)
    frame = pd.DataFrame({"a": np.arange(N_ROWS) / 2, "span": pd.Categorical(spans.repeat(20))})
    model = TabularDenoisingAutoencoder(**TABULAR).fit(frame)
    twin = pickle.loads(pickle.dumps(model))
    pd.testing.assert_frame_equal(twin.reconstruct(frame), model.reconstruct(frame))

"""`dae.onnx`: models that ONNX Runtime computes as the estimators do."""

import doctest
import subprocess
import sys
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

import dae
from dae import (
    DenoisingAutoencoder,
    StackedDenoisingAutoencoder,
    StackedDenoisingClassifier,
    StackedDenoisingRegressor,
)
from dae.image import ConvolutionalAutoencoder, ImageDenoiser
from dae.onnx import register, to_onnx

ACTIVATIONS = ("identity", "logistic", "tanh", "relu")
AUTOENCODER_METHODS = ("transform", "inverse_transform", "reconstruct", "score_samples")
DTYPES = ("float32", "float64")
QUICK = {"max_iter": 2, "tol": None, "batch_size": 16, "random_state": 0}


@pytest.fixture(scope="module")
def X():
    return np.random.default_rng(0).random((70, 13))


@pytest.fixture(scope="module")
def y(X):
    return (X[:, :3].sum(axis=1) * 2).astype(int)


def run(model, X, **inputs):
    """What ONNX Runtime computes, by the outputs' names; the model is checked."""
    onnx = pytest.importorskip("onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    onnx.checker.check_model(model, full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {"X": X, **inputs}), strict=True))


def assert_close(found, expected, dtype=None):
    """Equal but for the rounding of sums, in units of the largest value."""
    dtype = found.dtype if dtype is None else np.dtype(dtype)
    assert found.dtype == dtype
    atol = 16 * np.finfo(dtype).eps * max(1e-3, np.abs(expected).max())
    np.testing.assert_allclose(found, expected, rtol=0, atol=atol)


def assert_same_as_own(estimator, X, methods=AUTOENCODER_METHODS, **settings):
    for method in methods:
        given = estimator.transform(X) if method == "inverse_transform" else X
        expected = getattr(estimator, method)(given)
        name = "score_samples" if method == "score_samples" else "variable"
        model = to_onnx(estimator, method, **settings)
        for rows in (given, given[:1]):
            found = run(model, rows)
            assert list(found) == [name]
            own = expected[: len(rows)]
            assert_close(found[name], own.reshape(len(rows), -1), X.dtype)


def test_examples():
    pytest.importorskip("onnxruntime")
    pytest.importorskip("skl2onnx")
    failed, tried = doctest.testmod(dae.onnx)
    assert tried and not failed


# ------------------------------------------------------------------ autoencoders


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("decoder", [*ACTIVATIONS, "log_loss"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_autoencoder(X, activation, decoder, tied, dtype):
    how = {"loss": decoder} if decoder == "log_loss" else {"decoder_activation": decoder}
    coder = DenoisingAutoencoder(9, activation=activation, tied_weights=tied, **how, **QUICK)
    X = X.astype(dtype)
    assert_same_as_own(coder.fit(X), X)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", ["poisson", "multinomial"])
def test_losses_of_counts(X, loss, dtype):
    X = np.floor(5 * X).astype(dtype)  # some of them 0
    assert_same_as_own(DenoisingAutoencoder(9, loss=loss, **QUICK).fit(X), X)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("cls", [DenoisingAutoencoder, StackedDenoisingAutoencoder])
def test_outputs_in_blocks(X, cls, dtype):
    """Each with its activation and loss, also where there is only one."""
    X = np.c_[X[:, :4], np.eye(5)[(5 * X[:, 4]).astype(int)], X[:, 5:7], np.rint(3 * X[:, 7:9])]
    mixed = [("squared_error", 4), ("multinomial", 5, 0.7), ("log_loss", 2), ("poisson", 2, 3.0)]
    for blocks in (mixed, [("poisson", 13, 0.5)]):
        estimator = cls(6, output_blocks=blocks, **QUICK).fit(X.astype(dtype))
        assert_same_as_own(estimator, X.astype(dtype))


@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_of_unit_length(X, y, dtype):
    X = np.vstack([X, np.zeros_like(X[:1])]).astype(dtype)
    y = np.append(y, y[:1])
    how = {"input_norm": "l2"} | QUICK
    assert_same_as_own(DenoisingAutoencoder(9, **how).fit(X), X)
    assert_same_as_own(StackedDenoisingAutoencoder((9, 5), output_layers="all", **how).fit(X), X)
    classifier = StackedDenoisingClassifier((9,), fine_tune_max_iter=2, **how).fit(X, y)
    assert_close(run(to_onnx(classifier), X)["probabilities"], classifier.predict_proba(X), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("output_layers", ["last", "all", 0, 1, -3])
@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
@pytest.mark.parametrize("tied", [True, False])
def test_stack(X, tied, loss, output_layers, dtype):
    coder = StackedDenoisingAutoencoder(
        (9, 7, 5),
        activation=["relu", "tanh", "logistic"],
        loss=loss,
        tied_weights=tied,
        output_layers=output_layers,
        fine_tune=True,
        fine_tune_max_iter=1,
        **QUICK,
    )
    X = X.astype(dtype)
    assert_same_as_own(coder.fit(X), X)


def test_output_layers_are_read_when_the_model_is_written(X):
    coder = StackedDenoisingAutoencoder((9, 5), **QUICK).fit(X)
    assert run(to_onnx(coder), X)["variable"].shape == (70, 5)
    coder.set_params(output_layers="all")
    assert run(to_onnx(coder), X)["variable"].shape == (70, 14)


@pytest.mark.parametrize("opset", range(17, 23))
def test_every_opset(X, y, opset):
    coder = StackedDenoisingAutoencoder((9, 5), loss="log_loss", **QUICK).fit(X)
    assert_same_as_own(coder, X, target_opset=opset)
    model = to_onnx(coder, target_opset=opset)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", opset)]
    classifier = StackedDenoisingClassifier((9,), fine_tune_max_iter=2, **QUICK).fit(X, y)
    found = run(to_onnx(classifier, target_opset=opset), X)
    assert_close(found["probabilities"], classifier.predict_proba(X))


@pytest.mark.parametrize("fitted, asked", [("float64", "float32"), ("float32", "float64")])
def test_another_dtype(X, fitted, asked):
    coder = DenoisingAutoencoder(9, activation="tanh", **QUICK).fit(X.astype(fitted))
    found = run(to_onnx(coder, dtype=asked), X.astype(asked))["variable"]
    assert found.dtype == asked
    assert_close(found.astype("float32"), coder.transform(X.astype("float32")))


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_good_reconstruction_has_an_exact_score(dtype):
    """Losses far below the rounding of 1 keep their digits."""
    X = np.eye(6, dtype=dtype)
    coder = DenoisingAutoencoder(6, activation="identity", loss="log_loss", **QUICK).fit(X)
    coder.components_[...] = np.eye(6) * np.sqrt(50)
    coder.intercept_hidden_[...] = 0
    coder.intercept_visible_[...] = -25
    own = coder.score_samples(X)
    assert -1e-9 < own.min() and own.max() < 0
    found = run(to_onnx(coder, "score_samples"), X)["score_samples"][:, 0]
    np.testing.assert_allclose(found, own, rtol=1e-5 if dtype == "float32" else 1e-13)


def test_a_callable_corruption_is_no_obstacle(X):
    coder = DenoisingAutoencoder(9, corruption=lambda batch, rng: batch, **QUICK).fit(X)
    assert_same_as_own(coder, X)


def test_subclasses_are_written_as_what_they_extend(X):
    class Mine(DenoisingAutoencoder):
        pass

    assert_same_as_own(Mine(9, **QUICK).fit(X), X)


def test_tied_weights_are_stored_once(X):
    sizes = []
    for tied in (True, False):
        coder = DenoisingAutoencoder(200, tied_weights=tied, **QUICK).fit(X)
        sizes.append(len(to_onnx(coder, "reconstruct").SerializeToString()))
    assert sizes[0] < 0.6 * sizes[1]


# ------------------------------------------------------------------ classifier and regressor


LABELS = {
    "integers": lambda y: y * 3 - 1,
    "strings": lambda y: np.array(["zero", "une", "zwei", "drei", "fünf"])[y % 5],
    "objects": lambda y: np.array(["zero", "une"], dtype=object)[(y > 2) * 1],
    "booleans": lambda y: y > 2,
    "floats": lambda y: y.astype(float),
    "unsigned": lambda y: y.astype(np.uint8),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("labels", LABELS)
def test_classifier(X, y, labels, dtype):
    X, y = X.astype(dtype), LABELS[labels](y)
    classifier = StackedDenoisingClassifier((9, 7), fine_tune_max_iter=8, **QUICK).fit(X, y)
    found = run(to_onnx(classifier), X)
    assert list(found) == ["label", "probabilities"]
    assert found["label"].dtype == (object if labels in ("strings", "objects") else np.int64)
    np.testing.assert_array_equal(found["label"], classifier.predict(X))
    assert len(np.unique(found["label"])) > 1
    assert_close(found["probabilities"], classifier.predict_proba(X), dtype)


def test_a_single_class(X):
    classifier = StackedDenoisingClassifier((9,), fine_tune_max_iter=1, **QUICK)
    found = run(to_onnx(classifier.fit(X, np.full(70, 4))), X)
    np.testing.assert_array_equal(found["label"], np.full(70, 4))
    np.testing.assert_array_equal(found["probabilities"], np.ones((70, 1)))


@pytest.fixture(scope="module")
def Y(X):
    """Labels of which a sample has none, one or both."""
    return np.stack([X[:, 0] > 0.5, X[:, 1] + X[:, 2] > 1.2, X[:, 3] > 0.3], axis=1).astype(int)


@pytest.mark.parametrize("dtype", DTYPES)
def test_several_labels_for_each_sample(X, Y, dtype):
    X = X.astype(dtype)
    classifier = StackedDenoisingClassifier((9, 7), fine_tune_max_iter=150, **QUICK).fit(X, Y)
    found = run(to_onnx(classifier), X)
    assert list(found) == ["label", "probabilities"]
    assert found["label"].dtype == np.int64
    assert len(np.unique(found["label"], axis=0)) > 2
    np.testing.assert_array_equal(found["label"], classifier.predict(X))
    assert_close(found["probabilities"], classifier.predict_proba(X), dtype)


def test_labels_that_onnx_cannot_hold(X, y):
    classifier = StackedDenoisingClassifier((9,), fine_tune_max_iter=1, **QUICK)
    classifier.fit(X, y.astype(np.uint64) + np.uint64(2**63))
    with pytest.raises(ValueError, match="classes that are strings or integers of 64 bits"):
        to_onnx(classifier)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_regressor(X, n_outputs, dtype):
    X = X.astype(dtype)
    y = 1000 + X[:, :n_outputs] * [1, 20, 300][:n_outputs]
    regressor = StackedDenoisingRegressor((9, 7), fine_tune_max_iter=3, **QUICK)
    regressor.fit(X, y[:, 0] if n_outputs == 1 else y)
    found = run(to_onnx(regressor), X)
    assert list(found) == ["variable"]
    assert_close(found["variable"], regressor.predict(X).reshape(70, n_outputs), dtype)


# ------------------------------------------------------------------ what a model says of itself


def test_interface_and_metadata(X, y):
    onnx = pytest.importorskip("onnx")
    coder = DenoisingAutoencoder(9, **QUICK).fit(X.astype("float32"))
    model = to_onnx(coder, "score_samples")
    assert (model.producer_name, model.producer_version) == ("dae", dae.__version__)
    assert model.ir_version == onnx.helper.find_min_ir_version_for(model.opset_import)
    assert model.graph.name == "DenoisingAutoencoder"
    assert to_onnx(coder, name="coder").graph.name == "coder"
    assert {entry.key: entry.value for entry in model.metadata_props} == {
        "dae.version": dae.__version__,
        "dae.estimator": "dae.autoencoder.DenoisingAutoencoder",
        "dae.method": "score_samples",
    }
    classifier = StackedDenoisingClassifier((9,), fine_tune_max_iter=1, **QUICK).fit(X, y)
    for written, kind, width in (
        (model, onnx.TensorProto.FLOAT, 13),
        (to_onnx(coder, "inverse_transform"), onnx.TensorProto.FLOAT, 9),
        (to_onnx(classifier), onnx.TensorProto.DOUBLE, 13),
    ):
        [X_info] = written.graph.input
        tensor = X_info.type.tensor_type
        assert X_info.name == "X" and tensor.elem_type == kind
        assert [tensor.shape.dim[0].dim_param, tensor.shape.dim[1].dim_value] == ["batch", width]


def test_default_methods(X, y):
    models = {
        "transform": DenoisingAutoencoder(9, **QUICK),
        "predict": StackedDenoisingRegressor((9,), fine_tune_max_iter=1, **QUICK),
    }
    for method, estimator in models.items():
        model = to_onnx(estimator.fit(X, y))
        assert model == to_onnx(estimator, method)


# ------------------------------------------------------------------ errors


def test_import_without_onnx():
    program = (
        "import sys, dae, dae.onnx\n"
        "assert not {'onnx', 'skl2onnx', 'onnxruntime'} & set(sys.modules)\n"
        "sys.modules['onnx'] = sys.modules['skl2onnx'] = None\n"
        "coder = dae.DenoisingAutoencoder(2, max_iter=1, tol=None).fit([[0.0, 1.0]] * 5)\n"
        "for call in (lambda: dae.onnx.to_onnx(coder), dae.onnx.register):\n"
        "    try:\n"
        "        call()\n"
        "    except ImportError as error:\n"
        "        assert 'pip install \"daecore[onnx]\"' in str(error), error\n"
        "    else:\n"
        "        raise AssertionError\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(
    "estimator",
    [
        DenoisingAutoencoder(),
        StackedDenoisingAutoencoder(),
        StackedDenoisingClassifier(),
        StackedDenoisingRegressor(),
        ImageDenoiser(),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_not_fitted(estimator):
    pytest.importorskip("onnx")
    with pytest.raises(NotFittedError):
        to_onnx(estimator)


@pytest.mark.parametrize(
    "thing",
    [
        PCA(2),
        make_pipeline(MinMaxScaler(), DenoisingAutoencoder()),
        DenoisingAutoencoder,
        len,
        None,
    ],
    ids=["PCA", "pipeline", "class", "function", "None"],
)
def test_unsupported(thing):
    with pytest.raises(TypeError, match=r"estimator must be one of .*got .*dae\.onnx\.register"):
        to_onnx(thing)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"method": "predict"}, "method must be one of .*DenoisingAutoencoder, got 'predict'"),
        ({"target_opset": 16}, "target_opset must be an integer from 17 to 22, got 16"),
        ({"target_opset": 23}, "from 17 to 22, got 23"),
        ({"target_opset": "18"}, "from 17 to 22, got '18'"),
        ({"target_opset": True}, "from 17 to 22, got True"),
        ({"dtype": "float16"}, "dtype must be float32, float64 or None, got 'float16'"),
        ({"dtype": "floaty"}, "dtype must be float32, float64 or None, got 'floaty'"),
    ],
)
def test_bad_arguments(X, settings, message):
    pytest.importorskip("onnx")
    with pytest.raises(ValueError, match=message):
        to_onnx(DenoisingAutoencoder(9, **QUICK).fit(X), **settings)


def test_weights_beyond_float32(X):
    pytest.importorskip("onnx")
    coder = DenoisingAutoencoder(9, **QUICK).fit(X)
    coder.intercept_visible_[3] = 1e39
    with pytest.raises(ValueError, match=r"visible bias.*not finite in float32.*dtype=np\.float64"):
        to_onnx(coder, "reconstruct", dtype="float32")
    assert_same_as_own(coder, X, ["reconstruct"])
    coder.intercept_visible_[3] = np.nan
    with pytest.raises(ValueError, match=r"visible bias.*not finite in float64\. Fit it again"):
        to_onnx(coder, "reconstruct")


def test_more_than_a_file_can_hold(X):
    """The weights are zeros that were never touched: they take no memory."""
    pytest.importorskip("onnx")
    coder = DenoisingAutoencoder(16, **QUICK).fit(X.astype("float32"))
    coder.n_features_in_ = 2**25
    coder._encoder_weights = np.zeros((2**25, 16), dtype="float32")
    coder.intercept_visible_ = np.zeros(2**25, dtype="float32")
    with pytest.raises(ValueError, match=r"more than 2 GiB.*fewer units"):
        to_onnx(coder)


# ------------------------------------------------------------------ skl2onnx


@pytest.fixture
def skl2onnx():
    module = pytest.importorskip("skl2onnx")
    register()
    return module


def pipelines():
    return {
        "encoder": DenoisingAutoencoder(9, **QUICK),
        "stack": StackedDenoisingAutoencoder((9, 7), output_layers="all", **QUICK),
    }


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("which", pipelines())
def test_pipeline(skl2onnx, X, y, which, dtype):
    X = X.astype(dtype)
    steps = (MinMaxScaler(), pipelines()[which], LogisticRegression(max_iter=2000))
    pipeline = make_pipeline(*steps).fit(X, np.array(["low", "high"])[y % 2])
    found = run(skl2onnx.to_onnx(pipeline, X[:1], options={"zipmap": False}), X)
    assert list(found) == ["label", "probabilities"]
    np.testing.assert_array_equal(found["label"], pipeline.predict(X))
    atol = 2e-6 if dtype == "float32" else 2e-7  # skl2onnx normalises in float32
    np.testing.assert_allclose(found["probabilities"], pipeline.predict_proba(X), rtol=0, atol=atol)


@pytest.mark.parametrize("dtype", DTYPES)
def test_pipeline_that_ends_with_a_code(skl2onnx, X, dtype):
    X = X.astype(dtype)
    pipeline = make_pipeline(StandardScaler(), StackedDenoisingAutoencoder((9, 7), **QUICK)).fit(X)
    coder = pipeline[-1]
    found = run(skl2onnx.to_onnx(pipeline, X[:1]), X)
    assert list(found) == ["variable"]
    assert_close(found["variable"], pipeline.transform(X), dtype)
    options = {id(coder): {"score_samples": True}}
    found = run(skl2onnx.to_onnx(pipeline, X[:1], options=options), X)
    assert list(found) == ["variable", "score_samples"]
    assert_close(found["score_samples"][:, 0], pipeline.score_samples(X), dtype)


@pytest.mark.parametrize("labels", LABELS)
def test_pipeline_that_ends_with_our_classifier(skl2onnx, X, y, labels):
    X, y = X.astype("float32"), LABELS[labels](y)
    classifier = StackedDenoisingClassifier((9, 7), fine_tune_max_iter=8, **QUICK)
    pipeline = make_pipeline(MinMaxScaler(), classifier).fit(X, y)
    found = run(skl2onnx.to_onnx(pipeline, X[:1], options={"zipmap": False}), X)
    np.testing.assert_array_equal(found["label"], pipeline.predict(X))
    assert_close(found["probabilities"], pipeline.predict_proba(X), "float32")
    raw = {"zipmap": False, "raw_scores": True}
    scores = run(skl2onnx.to_onnx(pipeline, X[:1], options={id(classifier): raw}), X)
    shifted = scores["probabilities"] - scores["probabilities"].max(axis=1, keepdims=True)
    softmax = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
    assert_close(softmax, pipeline.predict_proba(X), "float32")
    assert scores["probabilities"].min() < 0
    without = {"zipmap": False, "nocl": True}
    numbers = run(skl2onnx.to_onnx(pipeline, X[:1], options={id(classifier): without}), X)["label"]
    np.testing.assert_array_equal(classifier.classes_[numbers], pipeline.predict(X))


@pytest.mark.parametrize("dtype", DTYPES)
def test_pipeline_that_ends_with_several_labels(skl2onnx, X, Y, dtype):
    X = X.astype(dtype)
    classifier = StackedDenoisingClassifier((9, 7), fine_tune_max_iter=40, **QUICK)
    pipeline = make_pipeline(MinMaxScaler(), classifier).fit(X, Y)
    model = skl2onnx.to_onnx(pipeline, X[:1], options={"zipmap": False})
    shapes = [len(output.type.tensor_type.shape.dim) for output in model.graph.output]
    assert shapes == [2, 2]
    found = run(model, X)
    np.testing.assert_array_equal(found["label"], pipeline.predict(X))
    assert_close(found["probabilities"], pipeline.predict_proba(X), dtype)
    raw = {id(classifier): {"zipmap": False, "raw_scores": True}}
    scores = run(skl2onnx.to_onnx(pipeline, X[:1], options=raw), X)["probabilities"]
    assert_close(1 / (1 + np.exp(-scores)), pipeline.predict_proba(X), dtype)


def test_zipmap(skl2onnx, X, y):
    X = X.astype("float32")
    classifier = StackedDenoisingClassifier((9,), fine_tune_max_iter=2, **QUICK).fit(X, y)
    found = run(skl2onnx.to_onnx(classifier, X[:1]), X)
    assert list(found) == ["output_label", "output_probability"]
    assert set(found["output_probability"][0]) == set(classifier.classes_)


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_pipeline_that_ends_with_our_regressor(skl2onnx, X, n_outputs):
    X = X.astype("float32")
    y = 3 + X[:, 0] if n_outputs == 1 else X[:, :3] * 7
    regressor = StackedDenoisingRegressor((9, 7), fine_tune_max_iter=3, **QUICK)
    pipeline = make_pipeline(StandardScaler(), regressor).fit(X, y)
    found = run(skl2onnx.to_onnx(pipeline, X[:1]), X)
    assert list(found) == ["variable"]
    assert_close(found["variable"], pipeline.predict(X).reshape(70, n_outputs), "float32")


def test_integers_in_a_converter(skl2onnx):
    X = np.random.default_rng(0).integers(0, 9, (40, 6))
    coder = DenoisingAutoencoder(4, **QUICK).fit(X.astype("float32"))
    found = run(skl2onnx.to_onnx(coder, X[:1]), X)["variable"]
    assert_close(found, coder.transform(X).astype("float32"), "float32")


def test_two_of_ours_in_one_pipeline(skl2onnx, X):
    X = X.astype("float32")
    both = ColumnTransformer(
        [
            ("a", DenoisingAutoencoder(5, **QUICK), slice(0, 6)),
            ("b", DenoisingAutoencoder(5, tied_weights=False, **QUICK), slice(6, 13)),
        ]
    )
    pipeline = make_pipeline(both, StackedDenoisingAutoencoder((4,), **QUICK)).fit(X)
    found = run(skl2onnx.to_onnx(pipeline, X[:1]), X)["variable"]
    assert_close(found, pipeline.transform(X), "float32")


def test_converters_refuse(skl2onnx, X):
    X = X.astype("float32")
    coder = DenoisingAutoencoder(5, **QUICK)
    with pytest.raises(NotFittedError):
        skl2onnx.to_onnx(clone(coder), X[:1])
    with pytest.raises(RuntimeError, match="needs target_opset=17 or more, got 15"):
        skl2onnx.to_onnx(coder.fit(X), X[:1], target_opset=15)


def test_the_converter_of_a_scaled_iris(skl2onnx):
    """The example of skl2onnx's own pages, with a code in the middle."""
    X, y = load_iris(return_X_y=True)
    X = X.astype("float32")
    coder = DenoisingAutoencoder(8, max_iter=20, tol=None, random_state=0)
    pipeline = make_pipeline(StandardScaler(), coder, LogisticRegression(max_iter=500)).fit(X, y)
    found = run(skl2onnx.to_onnx(pipeline, X[:1]), X)
    np.testing.assert_array_equal(found["output_label"], pipeline.predict(X))


# ------------------------------------------------------------------ pictures


def pictures(height=21, width=30, channels=3, n=2):
    """Smooth pictures with noise, as float32 from 0 (black) to 1 (white), and a little beyond."""
    rng = np.random.default_rng(0)
    y, x = (line[..., None, None] for line in np.mgrid[:height, :width])
    waves = 0.5 + 0.4 * np.sin(0.3 * x + 0.2 * y + np.arange(channels)[:, None] + np.arange(n))
    noisy = waves + 0.1 * rng.standard_normal(waves.shape)
    return np.ascontiguousarray(noisy.transpose(3, 0, 1, 2), dtype=np.float32)


def denoiser(**settings):
    settings = {"patch_size": 5, "n_patches": 600, "random_state": 0} | settings
    small = StackedDenoisingAutoencoder(
        (12, 10), corruption=None, tied_weights=False, fine_tune=True
    )
    settings.setdefault("autoencoder", small)
    clean = np.clip(pictures(40, 50), 0, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return ImageDenoiser(**settings).fit(list(clean))


CONVOLUTIONAL = ConvolutionalAutoencoder(n_channels=16, n_blocks=1)

DENOISERS = {
    "default": {},
    "range": {"level": (0.02, 0.3)},
    "one scale": {"scales": 1, "stride": 2},
    "three scales": {"scales": 3, "level": (0.02, 0.3)},
    "noise": {"predict": "noise", "stride": 1},
    "not centred": {"center": False, "window": "uniform"},
    "channels": {"color": "channels", "output_size": 3},
    "even patch": {"patch_size": 6, "output_size": 4},
    "one layer": {"autoencoder": DenoisingAutoencoder(12, corruption=None)},
    "unknown": {"noise": "unknown"},
    "unknown, noise": {"noise": "unknown", "predict": "noise", "patch_size": 7},
    "convolutional": {"autoencoder": CONVOLUTIONAL, "patch_size": 8, "level": (0.02, 0.3)},
    "convolutional, noise": {"autoencoder": CONVOLUTIONAL, "patch_size": 8, "predict": "noise"},
    "convolutional, two scales": {"autoencoder": CONVOLUTIONAL, "patch_size": 12, "scales": 2},
}


@pytest.mark.parametrize("case", DENOISERS)
def test_whole_pictures(case):
    fitted = denoiser(**DENOISERS[case])
    model = to_onnx(fitted)
    assert [value.name for value in model.graph.input] == ["X", "sigma"][: 1 + fitted.tells_level]
    for shape in ((21, 30, 3), (22, 13, 1), (9, 25, 3), (7, 7, 1)):
        noisy = pictures(*shape)
        told = {"sigma": np.float32([0.1, 0.1])} if fitted.tells_level else {}
        own = fitted.transform(list(noisy), sigma=0.1 if fitted.tells_level else None)
        found = run(model, noisy, **told)["variable"]
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, own, rtol=0, atol=3e-6)
        assert np.abs(found - noisy).max() > 1e-3


def test_each_picture_has_its_own_sigma():
    fitted = denoiser(level=(0.02, 0.3))
    noisy = pictures()
    found = run(to_onnx(fitted), noisy, sigma=np.float32([0.05, 0.9]))["variable"]
    for cleaned, picture, sigma in zip(found, noisy, (0.05, 0.9), strict=True):
        own = fitted.transform(picture, sigma=min(sigma, 0.3))  # beyond the range, its end
        np.testing.assert_allclose(cleaned, own, rtol=0, atol=3e-6)


def test_parameters_that_may_be_changed_after_fit():
    fitted = denoiser()
    models = [to_onnx(fitted), to_onnx(fitted.set_params(scales=1, stride=1))]
    noisy = pictures()
    found = [run(model, noisy)["variable"] for model in models]
    np.testing.assert_allclose(found[1], fitted.transform(list(noisy)), rtol=0, atol=3e-6)
    assert np.abs(found[0] - found[1]).max() > 1e-3


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"level": (0.02, 0.3)},
        {"noise": "masking", "level": 0.3},
        {"noise": "salt_and_pepper", "level": 0.3, "predict": "noise"},
        {"noise": "unknown"},
        {"autoencoder": CONVOLUTIONAL, "patch_size": 8, "level": (0.02, 0.3)},
        {"autoencoder": CONVOLUTIONAL, "patch_size": 8, "noise": "masking", "level": 0.3},
    ],
    ids=[
        "gaussian",
        "range",
        "masking",
        "salt_and_pepper",
        "unknown",
        "convolutional",
        "convolutional, masking",
    ],
)
def test_network_of_patches(settings):
    fitted = denoiser(**settings)
    rng = np.random.default_rng(0)
    first, second = rng.random((2, 40, fitted.patch_size**2), dtype=np.float32)
    noise = fitted.noise
    inputs, patches, level = {}, (first,), fitted.level_[0]
    if noise == "unknown":
        inputs, patches = {"neighbours": second}, (first, second)
    elif noise != "gaussian":
        lost = second < 0.3
        inputs, patches = {"mask": lost.astype(np.float32)}, (first, lost)
    elif fitted.tells_level:
        inputs, level = {"sigma": np.float32([0.1])}, 0.1
    task = fitted._checked_task()
    given = task.show(patches, level)
    own = task.cleaned(fitted.autoencoder_.reconstruct(given.shown), given)
    found = run(to_onnx(fitted, "reconstruct"), first, **inputs)["variable"]
    assert_close(found, own, "float32")
    if fitted.tells_level:
        found = run(to_onnx(fitted, "reconstruct"), first, sigma=np.full(40, 0.1, "f"))
        assert_close(found["variable"], own, "float32")


def test_pictures_that_cannot_be_written():
    pytest.importorskip("onnx")
    masked = denoiser(noise="masking", level=0.3)
    with pytest.raises(ValueError, match="lost pixels are first filled.*method='reconstruct'"):
        to_onnx(masked)
    with pytest.raises(ValueError, match="method must be one of"):
        to_onnx(masked, "predict")
    with pytest.raises(ValueError, match="dtype must be float32 for ImageDenoiser"):
        to_onnx(masked, "reconstruct", dtype="float64")

    class Foreign(PCA):
        def reconstruct(self, X):
            return X

        def partial_fit(self, X, y=None, X_corrupted=None):
            return self

    masked.set_params(autoencoder=Foreign()).autoencoder_ = Foreign()
    with pytest.raises(TypeError, match="autoencoder must be .*got Foreign"):
        to_onnx(masked, "reconstruct")

"""Fitted estimators as ONNX models, for programs without Python or without this package.

`to_onnx` writes one estimator as one model. `register` teaches skl2onnx about the estimators, so
that ``skl2onnx.to_onnx`` converts a pipeline that contains them.

Needs the package onnx (``pip install "daecore[onnx]"``), which is imported by the first call, not
by the import of this module. What is in the graphs: ``_networks.py`` for tables, ``_pictures.py``
for `ImageDenoiser`.
"""

from __future__ import annotations

import importlib
import sys
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from dae._version import __version__
from dae.autoencoder import DenoisingAutoencoder
from dae.classifier import StackedDenoisingClassifier
from dae.onnx._graph import Graph, Output
from dae.onnx._networks import AUTOENCODER_METHODS, network_outputs
from dae.regressor import StackedDenoisingRegressor
from dae.stacked import StackedDenoisingAutoencoder

if TYPE_CHECKING:
    import onnx

__all__ = ["register", "to_onnx"]

OPSETS = range(17, 23)

_METHODS: dict[type, tuple[str, ...]] = {
    DenoisingAutoencoder: AUTOENCODER_METHODS,
    StackedDenoisingAutoencoder: AUTOENCODER_METHODS,
    StackedDenoisingClassifier: ("predict",),
    StackedDenoisingRegressor: ("predict",),
}
_DENOISER_METHODS = ("transform", "reconstruct")


def to_onnx(
    estimator: Any,
    method: str | None = None,
    *,
    dtype: Any = None,
    target_opset: int = 17,
    name: str | None = None,
) -> onnx.ModelProto:
    """Write a fitted estimator as an ONNX model that computes one of its methods.

    Inputs and outputs are named and shaped as skl2onnx names and shapes them. The first dimension
    is free; all of X and the floating-point outputs have one dtype.

    =============================  ===================  ========================================
    estimator                      method               outputs
    =============================  ===================  ========================================
    `DenoisingAutoencoder`,        "transform"          ``variable`` (n_samples, n_components)
    `StackedDenoisingAutoencoder`  "inverse_transform"  ``variable`` (n_samples, n_features)
    ..                             "reconstruct"        ``variable`` (n_samples, n_features)
    ..                             "score_samples"      ``score_samples`` (n_samples, 1)
    `StackedDenoisingClassifier`   "predict"            ``label`` (n_samples,), int64 or string,
                                                        or (n_samples, n_labels), int64 0 and 1;
                                                        ``probabilities`` (n_samples, n_classes)
    `StackedDenoisingRegressor`    "predict"            ``variable`` (n_samples, n_outputs)
    `dae.image.ImageDenoiser`      "transform"          ``variable``, of the shape of X
    ..                             "reconstruct"        ``variable`` (n_patches, patch_size**2)
    =============================  ===================  ========================================

    Parameters
    ----------
    estimator : estimator
        A fitted estimator of this package. For a `Pipeline`, see `register`.

    method : str or None, default=None
        What the model computes: a method of the table. None: the first one for the estimator.

    dtype : {"float32", "float64"} or dtype, default=None
        The dtype that the model computes in. None: that of the weights, which is float32 when
        the estimator was fitted on float32 data.

    target_opset : int, default=17
        Version of ONNX's operators, from 17 to 22. The lowest is read by the most runtimes; no
        graph gains anything by a newer one.

    name : str or None, default=None
        Name of the graph. None: the name of the class.

    Returns
    -------
    model : onnx.ModelProto
        Write it with ``onnx.save(model, path)`` or ``model.SerializeToString()``. Its
        `producer_name` is "dae", its `producer_version` the version of this package, and its
        `metadata_props` say "dae.estimator", "dae.method" and "dae.version".

    Raises
    ------
    ImportError
        The package onnx is not installed.
    sklearn.exceptions.NotFittedError
        The estimator is not fitted.
    TypeError
        The estimator is not one of the table.
    ValueError
        A parameter has a value that it cannot have, a weight is too large for `dtype`, or the
        weights exceed the 2 GiB that an ONNX file can hold.

    See Also
    --------
    register : Converters for ``skl2onnx.to_onnx``.

    Notes
    -----
    A model's outputs equal those of `method` up to rounding. ``score_samples`` sums in float64
    and returns `dtype`.

    `StackedDenoisingAutoencoder.output_layers` is read when the model is written.

    Nothing checks the input of a model: NaN is neither refused nor a missing entry (write 0
    there, as the estimators do), and with ``loss="log_loss"``
    ``score_samples`` of values outside [0, 1] means nothing.

    Corruption plays no part after `fit`, so an estimator with a callable `corruption` can be
    written too.

    **Pictures.** The model of ``transform`` cleans whole pictures: X is float32 of shape
    (n_images, height, width, n_channels) without alpha, black 0 and white 1, and so is
    ``variable``, clipped to [0, 1] as `ImageDenoiser.transform` does. If the denoiser was trained
    on a range of levels, the second input ``sigma``, float32 of shape (n_images,), is the standard
    deviation of the noise, clipped to that range. All patches of all pictures are held in memory
    at once, about 6 kB for each of height * width * n_channels / stride**2 with the default
    network: cut large pictures into overlapping tiles. Pictures must not be smaller than a patch.
    With a `ConvolutionalAutoencoder` pictures may have any size, and a pixel needs about 0.4 kB
    for 64 channels; tiles must overlap by ``4 * n_blocks + 5`` pixels.

    Outside the graph, and up to its caller, is what `ImageDenoiser.transform` does around it:

    - the estimate of the noise (`ImageDenoiser.estimate_sigma`), and with an estimate the level of
      each plane and the limit to what is removed;
    - below the range, the blend of the cleaned and the noisy picture: at ``sigma=0`` that is
      returned as it is, where the graph removes noise of the lowest level;
    - a picture of three equal channels is cleaned as grey: pass the graph one channel. In three,
      the luminance has sqrt(3) times the noise that ``sigma`` says.

    For ``noise="masking"`` and ``"salt_and_pepper"`` there is no such model: lost pixels are first
    filled by an iteration that depends on where they are. ``reconstruct`` is the network with
    what belongs to it, from noisy to clean patches, for any noise. X is (n_patches,
    patch_size**2), the second input depends on the noise:

    - "gaussian", range of levels: ``sigma``, float32 (n_patches,), or (1,) for all patches.
    - "masking", "salt_and_pepper": ``mask``, float32 like X, 1 where a pixel is lost. X has
      these pixels filled.
    - "unknown": ``neighbours``, float32 like X, for each pixel the mean of the four beside it.

    Only pixels in the middle of a patch, `output_size` wide, are cleaned; the rest is to be
    thrown away. A `ConvolutionalAutoencoder` cleans all of a patch.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from dae import DenoisingAutoencoder
    >>> from dae.onnx import to_onnx
    >>> X = (load_digits().data / 16).astype("float32")
    >>> dae = DenoisingAutoencoder(32, max_iter=3, tol=None, random_state=0).fit(X)
    >>> encoder, scores = to_onnx(dae), to_onnx(dae, "score_samples")
    >>> [node.op_type for node in encoder.graph.node]
    ['Gemm', 'Relu']

    Any runtime gives what `transform` gives:

    >>> import numpy as np
    >>> import onnxruntime
    >>> session = onnxruntime.InferenceSession(encoder.SerializeToString())
    >>> [H] = session.run(["variable"], {"X": X})
    >>> np.allclose(H, dae.transform(X), rtol=1e-5, atol=1e-6)
    True
    """
    methods = _methods_of(estimator)
    if method is None:
        method = methods[0]
    elif method not in methods:
        raise ValueError(
            f"method must be one of {methods} for {type(estimator).__name__}, got {method!r}."
        )
    if (
        not isinstance(target_opset, Integral)
        or isinstance(target_opset, bool)
        or target_opset not in OPSETS
    ):
        raise ValueError(
            f"target_opset must be an integer from {OPSETS[0]} to {OPSETS[-1]}, got "
            f"{target_opset!r}."
        )
    onnx = _import("onnx")
    check_is_fitted(estimator)
    if methods is _DENOISER_METHODS:
        from dae.onnx._pictures import denoiser_graph

        if dtype is not None and _checked_dtype(dtype) != np.float32:
            raise ValueError(
                f"dtype must be float32 for {type(estimator).__name__}, got {dtype!r}."
            )
        graph, outputs = denoiser_graph(estimator, method)
    else:
        network = estimator._fitted()
        graph = Graph(network.dtype if dtype is None else _checked_dtype(dtype))
        width = estimator._n_features_out if method == "inverse_transform" else network.n_features
        X = graph.input("X", graph.dtype, ["batch", width])
        outputs = network_outputs(graph, estimator, network, method, X)
    return _model(onnx, graph, outputs, estimator, method, int(target_opset), name)


def register() -> None:
    """Register converters with skl2onnx for the estimators of this package.

    To be called once before ``skl2onnx.to_onnx`` or ``convert_sklearn``, as is
    ``skl2onnx.update_registered_converter`` for estimators of other packages. The import of this
    module registers nothing.

    A transformer becomes its `transform` with the output ``variable``; with the option
    ``score_samples`` it has a second output of that name. A classifier has the outputs ``label``
    and ``probabilities`` and takes the options ``zipmap``, ``nocl``, ``output_class_labels`` and
    ``raw_scores``, a regressor has the output ``variable``. As everywhere in skl2onnx, the dtype
    of the outputs is float64 where the input's is, and float32 otherwise. `ImageDenoiser`
    has no converter: its input is not a table.

    Raises
    ------
    ImportError
        The package skl2onnx is not installed.

    See Also
    --------
    to_onnx : One estimator, without skl2onnx, and its other methods.

    Examples
    --------
    >>> import dae.onnx
    >>> import skl2onnx
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import MinMaxScaler
    >>> X, y = load_digits(return_X_y=True)
    >>> X = X.astype("float32")
    >>> coder = dae.DenoisingAutoencoder(32, max_iter=3, tol=None, random_state=0)
    >>> pipeline = make_pipeline(MinMaxScaler(), coder, LogisticRegression(max_iter=500)).fit(X, y)
    >>> dae.onnx.register()
    >>> model = skl2onnx.to_onnx(pipeline, X[:1], options={"zipmap": False})
    >>> [output.name for output in model.graph.output]
    ['label', 'probabilities']
    """
    _import("skl2onnx")
    from dae.onnx._converters import register_all

    register_all()


# ------------------------------------------------------------------ helpers


def _import(package: str) -> Any:
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise ImportError(
            f"dae.onnx needs the package {package}, which cannot be imported: {error}. Install it "
            f'with pip install "daecore[onnx]"'
            f"{' skl2onnx' if package == 'skl2onnx' else ''}."
        ) from error


def _methods_of(estimator: Any) -> tuple[str, ...]:
    """The methods that can be written, the default first."""
    if not isinstance(estimator, type):
        for kind, methods in _METHODS.items():
            if isinstance(estimator, kind):
                return methods
        # whoever has a denoiser has imported its module
        image = sys.modules.get("dae.image")
        if image is not None and isinstance(estimator, image.ImageDenoiser):
            return _DENOISER_METHODS
    what = f"the class {estimator.__name__}" if isinstance(estimator, type) else (
        f"an object of type {type(estimator).__name__}"
    )  # fmt: skip
    raise TypeError(
        f"estimator must be one of {', '.join(kind.__name__ for kind in _METHODS)} or "
        f"ImageDenoiser, fitted; got {what}. For a Pipeline or another estimator of "
        "scikit-learn call dae.onnx.register() and then skl2onnx.to_onnx."
    )


def _checked_dtype(dtype: Any) -> np.dtype:
    try:
        checked = np.dtype(dtype)
    except TypeError:
        checked = np.dtype(object)
    if checked not in (np.float32, np.float64):
        raise ValueError(f"dtype must be float32, float64 or None, got {dtype!r}.")
    return checked


def _model(
    onnx: Any,
    graph: Graph,
    outputs: list[Output],
    estimator: Any,
    method: str,
    opset: int,
    name: str | None,
) -> onnx.ModelProto:
    kind = type(estimator)
    opsets = [onnx.helper.make_opsetid("", opset)]
    model = onnx.helper.make_model(
        graph.proto(kind.__name__ if name is None else name, outputs),
        opset_imports=opsets,
        # the oldest format that holds this opset, so that old runtimes read it
        ir_version=onnx.helper.find_min_ir_version_for(opsets),
        producer_name="dae",
        producer_version=__version__,
        doc_string=f"{kind.__name__}.{method} of dae {__version__}",
    )
    onnx.helper.set_model_props(
        model,
        {
            "dae.version": __version__,
            "dae.estimator": f"{kind.__module__}.{kind.__qualname__}",
            "dae.method": method,
        },
    )
    return model

"""
To other programs: ONNX
=======================

`dae.onnx.to_onnx` writes a fitted estimator as a small graph that any ONNX runtime computes,
without Python and without this package. The graph of an encoder is a product and an activation; a
pipeline goes through skl2onnx.
"""

import matplotlib.pyplot as plt
import numpy as np
import onnxruntime
from sklearn.datasets import load_digits

from dae import DenoisingAutoencoder
from dae.onnx import to_onnx

X = (load_digits().data / 16).astype("float32")
network = DenoisingAutoencoder(64, loss="log_loss", max_iter=30, tol=None, random_state=0).fit(X)

# %%
# One model for each method: codes, reconstructions, anomaly scores, and the decoder by itself.

sessions = {}
for method in ("transform", "reconstruct", "score_samples", "inverse_transform"):
    model = to_onnx(network, method)
    sessions[method] = onnxruntime.InferenceSession(model.SerializeToString())
    nodes = " -> ".join(node.op_type for node in model.graph.node)
    print(f"{method:<18}{len(model.SerializeToString()) / 1024:5.0f} KiB  {nodes}")

# %%
# The runtime's results are those of the method, up to rounding.

masked = network.corrupt(X[:500])
[repaired] = sessions["reconstruct"].run(None, {"X": masked})
difference = np.abs(repaired - network.reconstruct(masked))
print(f"largest difference: {difference.max():.1e}")

figure, axes = plt.subplots(3, 10, figsize=(9, 3.1))
rows = {
    "masked": (masked, 1),
    "repaired by\nONNX Runtime": (repaired, 1),
    "difference,\nx 5,000,000": (difference, 2e-7),
}
for line, (name, (pictures, black)) in zip(axes, rows.items(), strict=True):
    for axis, picture in zip(line, pictures, strict=False):
        axis.imshow(picture.reshape(8, 8), cmap="gray_r", vmin=0, vmax=black)
        axis.set_xticks([])
        axis.set_yticks([])
        axis.spines[:].set_visible(False)
    line[0].set_ylabel(name, rotation=0, ha="right", va="center")
figure.suptitle("Digits repaired outside Python's packages")
plt.show()

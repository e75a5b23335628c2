"""
Missing pixels
==============

Half of the pixels of a photograph are lost, and `mask` says which. A denoiser for
``noise="masking"`` fills these and leaves all others as they are.
"""

import matplotlib.pyplot as plt
import numpy as np
from skimage.metrics import peak_signal_noise_ratio
from skimage.restoration import inpaint_biharmonic
from sklearn.datasets import load_sample_images

from dae.image import ImageDenoiser

building, flower = load_sample_images().images
clean = flower[110:320, 165:445]
lost = np.random.default_rng(0).random(clean.shape[:2]) < 0.5
spoiled = np.where(lost[..., None], 0, clean).astype("uint8")

# %%
# Trained on the building, for any share of lost pixels from 20 to 80 %.

denoiser = ImageDenoiser("masking", level=(0.2, 0.8), n_patches=150_000, random_state=0)
denoiser.set_params(learning_rate_init=0.002, stride=2)
denoiser.fit([building])

# %%
# Colours are repaired channel by channel; `transform` returns what it was given, here uint8.

filled = denoiser.transform(spoiled, mask=lost)
biharmonic = inpaint_biharmonic(spoiled / 255, lost, channel_axis=-1)
pictures = {
    "half of the pixels lost": spoiled,
    "biharmonic inpainting": (255 * biharmonic.clip(0, 1)).round().astype("uint8"),
    "dae": filled,
}
figure, axes = plt.subplots(1, 3, figsize=(10.2, 3))
for axis, (name, picture) in zip(axes, pictures.items(), strict=True):
    axis.imshow(picture)
    axis.set_title(f"{name}: {peak_signal_noise_ratio(clean, picture):.1f} dB")
    axis.set_axis_off()
figure.suptitle("A flower, repaired by what a building has taught")
plt.show()

print("known pixels unchanged:", np.array_equal(filled[~lost], clean[~lost]))

# %%
# Seconds of training on one photograph do not reach biharmonic inpainting, which solves a system of
# equations around each hole. Minutes on hundreds of photographs do, at every share of lost pixels:
# :doc:`/benchmarks/denoising`.

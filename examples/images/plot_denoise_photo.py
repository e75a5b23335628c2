"""
A noisy photograph beside hand-made filters
===========================================

A bilateral filter averages neighbours of a similar value, non-local means averages patches that
look alike. Both are designed. `dae.image.ImageDenoiser` learns what photographs look like, here
from the bundled model for Gaussian noise, and from a minute's share of training on a single other
photograph.
"""

# %%
# The flower of scikit-learn, with noise of 25 grey levels of 255. The filters have the settings
# that `python -m dae` uses, which were the best on photographs.

import matplotlib.pyplot as plt
import numpy as np
from skimage.metrics import peak_signal_noise_ratio
from skimage.restoration import denoise_bilateral, denoise_nl_means
from sklearn.datasets import load_sample_images

from dae.image import ImageDenoiser

building, flower = (p.mean(axis=2).astype("float32") / 255 for p in load_sample_images().images)
clean = flower[60:330, 120:480]
SIGMA = 25 / 255
noisy = clean + np.random.default_rng(0).normal(scale=SIGMA, size=clean.shape).astype("float32")
noisy = noisy.clip(0, 1)

# %%
# A denoiser for one level, trained on the other photograph: 100,000 patches.

learned = ImageDenoiser(
    "gaussian", SIGMA, n_patches=100_000, learning_rate_init=0.002, stride=2, random_state=0
).fit([building])

cleaned = {
    "noisy": noisy,
    "bilateral filter": denoise_bilateral(noisy, sigma_color=2 * SIGMA, sigma_spatial=2),
    "non-local means": denoise_nl_means(
        noisy, patch_size=7, patch_distance=9, h=0.6 * SIGMA, sigma=SIGMA
    ),
    "learned from one photograph": learned.transform(noisy),
    "bundled denoiser": ImageDenoiser.pretrained().transform(noisy, sigma=SIGMA),
    "without noise": clean,
}

# %%
# The whole picture small, a part of it large. Neither denoiser has seen this photograph before.

part = slice(95, 185), slice(150, 270)
figure, axes = plt.subplots(2, 3, figsize=(10.2, 5.6))
for axis, (name, picture) in zip(axes.flat, cleaned.items(), strict=True):
    psnr = "" if name == "without noise" else f": {peak_signal_noise_ratio(clean, picture):.1f} dB"
    axis.imshow(picture[part], cmap="gray", vmin=0, vmax=1)
    axis.set_title(name + psnr)
    axis.set_axis_off()
figure.suptitle("Gaussian noise of 25 grey levels: a part of the picture")
plt.show()

# %%
# What was removed, enlarged in contrast: noise alone would show nothing of the flower.

figure, axes = plt.subplots(1, 3, figsize=(10.2, 3))
for axis, name in zip(axes, list(cleaned)[2:5], strict=True):
    axis.imshow(noisy - cleaned[name], cmap="gray", vmin=-3 * SIGMA, vmax=3 * SIGMA)
    axis.set_title(f"removed by {name}")
    axis.set_axis_off()
figure.suptitle("The difference between the noisy picture and the cleaned one")
plt.show()

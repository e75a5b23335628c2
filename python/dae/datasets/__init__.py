"""The classic benchmark variations of deep learning, generated from a seed.

Larochelle et al. (ICML 2007) placed digits, rectangles and convex regions in a world with more
factors of variation than the label. The functions here follow the published recipe; **they do
not return the published files**. The random draws differ, so do the background pictures, and
where the recipe leaves something open, the choice made is stated in the docstring. State this
wherever a figure is compared with a published one.

    `make_mnist_variation`     basic, rot, bg_rand, bg_img, rot_bg_img
    `make_rectangles`          borders of rectangles, tall or wide
    `make_rectangles_images`   the same with patches of pictures inside and behind
    `make_convex`              one convex region, or a union that is not convex
    `load_idx`                 reads MNIST's own files
"""

from dae.datasets._convex import make_convex
from dae.datasets._digits import make_mnist_variation
from dae.datasets._idx import load_idx
from dae.datasets._rectangles import make_rectangles, make_rectangles_images

__all__ = [
    "load_idx",
    "make_convex",
    "make_mnist_variation",
    "make_rectangles",
    "make_rectangles_images",
]

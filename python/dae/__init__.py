"""Denoising autoencoders for scikit-learn, on a compiled core."""

__version__ = "0.1.0.dev0"

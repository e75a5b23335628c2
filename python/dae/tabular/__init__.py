"""Denoising autoencoders of tables: columns of any kind, missing values, DataFrames in and out."""

from dae.tabular.autoencoder import TabularDenoisingAutoencoder
from dae.tabular.imputer import DenoisingImputer

__all__ = ["DenoisingImputer", "TabularDenoisingAutoencoder"]

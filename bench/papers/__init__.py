"""The experiments of the papers on denoising autoencoders, repeated: ``python -m bench.papers``."""

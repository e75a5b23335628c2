"""A network, its losses, solver and corruption, and their equations in NumPy."""

"""Does `matmul_precision="medium"` learn what "highest" learns? Pairs of fits, seed by seed."""

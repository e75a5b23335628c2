ACTIVATIONS: dict[str, int]
LOSSES: dict[str, int]
SOLVERS: dict[str, int]
CORRUPTIONS: dict[str, int]

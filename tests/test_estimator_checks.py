"""scikit-learn's own checks of an estimator."""

import inspect

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from dae import (
    DenoisingAutoencoder,
    DenoisingOutlierDetector,
    StackedDenoisingAutoencoder,
    StackedDenoisingClassifier,
    StackedDenoisingRegressor,
)

WEIGHTS = "a sample of weight 2 is not the same sample twice, in mini-batches and under corruption"
EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": WEIGHTS,
    "check_sample_weight_equivalence_on_sparse_data": WEIGHTS,
}

# before scikit-learn 1.8 pytest's own setting decides (pyproject.toml), which is strict too
STRICT = (
    {"xfail_strict": True}
    if "xfail_strict" in inspect.signature(parametrize_with_checks).parameters
    else {}
)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(
    [
        DenoisingAutoencoder(n_components=8, max_iter=5),
        DenoisingOutlierDetector((8,), max_iter=5, n_repeats=2),
        StackedDenoisingAutoencoder((8, 6), max_iter=2, fine_tune=True, fine_tune_max_iter=2),
        StackedDenoisingClassifier((16, 8), max_iter=2, fine_tune_max_iter=60, batch_size=16),
        StackedDenoisingRegressor((16, 8), max_iter=2, fine_tune_max_iter=60, batch_size=16),
    ],
    expected_failed_checks=lambda estimator: EXPECTED_FAILURES,
    **STRICT,
)
def test_scikit_learn_check(estimator, check):
    check(estimator)

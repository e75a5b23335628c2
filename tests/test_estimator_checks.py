"""scikit-learn's own checks of an estimator."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from dae import DenoisingAutoencoder

EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": (
        "a sample of weight 2 is not the same sample twice, in mini-batches and under corruption"
    ),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(
    [DenoisingAutoencoder(n_components=8, max_iter=5)],
    expected_failed_checks=lambda estimator: EXPECTED_FAILURES,
    xfail_strict=True,
)
def test_scikit_learn_check(estimator, check):
    check(estimator)

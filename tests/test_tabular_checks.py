"""scikit-learn's own checks of the estimators of tables."""

import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks
from test_estimator_checks import EXPECTED_FAILURES, STRICT

from dae.tabular import DenoisingImputer, TabularDenoisingAutoencoder

# tables are dense: the check of sparse weights has nothing to compare
DENSE_FAILURES = {name: why for name, why in EXPECTED_FAILURES.items() if "sparse" not in name}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(
    [TabularDenoisingAutoencoder(8, max_iter=3), DenoisingImputer(max_iter=3)],
    expected_failed_checks=lambda estimator: (
        DENSE_FAILURES if isinstance(estimator, TabularDenoisingAutoencoder) else {}
    ),
    **STRICT,
)
def test_scikit_learn_check(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", [TabularDenoisingAutoencoder(3), DenoisingImputer()])
def test_clone_keeps_parameters(estimator):
    assert clone(estimator).get_params() == estimator.get_params()

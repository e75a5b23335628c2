"""scikit-learn's own checks of the estimators of tables."""

import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks
from test_estimator_checks import EXPECTED_FAILURES, STRICT

from dae.tabular import DenoisingImputer, TabularDenoisingAutoencoder


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(
    [TabularDenoisingAutoencoder(8, max_iter=3), DenoisingImputer(max_iter=3)],
    expected_failed_checks=lambda estimator: (
        EXPECTED_FAILURES if isinstance(estimator, TabularDenoisingAutoencoder) else {}
    ),
    **STRICT,
)
def test_scikit_learn_check(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", [TabularDenoisingAutoencoder(3), DenoisingImputer()])
def test_clone_keeps_parameters(estimator):
    assert clone(estimator).get_params() == estimator.get_params()

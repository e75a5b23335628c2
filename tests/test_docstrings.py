"""Docstrings of the estimators: every parameter is documented, shared ones in the same words."""

import inspect
import re

import numpy
import pytest

from dae import (
    DenoisingAutoencoder,
    DenoisingOutlierDetector,
    StackedDenoisingAutoencoder,
    StackedDenoisingClassifier,
    StackedDenoisingRegressor,
)
from dae.tabular import DenoisingImputer, TabularDenoisingAutoencoder

ESTIMATORS = [
    DenoisingAutoencoder,
    StackedDenoisingAutoencoder,
    StackedDenoisingClassifier,
    StackedDenoisingRegressor,
]
SUPERVISED = ESTIMATORS[2:]
DOCUMENTED = [
    *ESTIMATORS,
    DenoisingOutlierDetector,
    TabularDenoisingAutoencoder,
    DenoisingImputer,
]

# One value in one estimator, one per layer in another; or trained by other means.
DIFFERENT = {
    "corruption", "corruption_level", "activation", "decoder_activation", "loss",
    "learning_rate_init", "max_iter", "early_stopping", "warm_start", "alpha",
    "fine_tune_corruption",
}  # fmt: skip
# of these, what the classifier and the regressor do not do in the same way
DIFFERENT_SUPERVISED = {"early_stopping", "fine_tune_corruption"}


def parameters_of(estimator):
    """Type and description of each parameter, by name."""
    text = inspect.getdoc(estimator)
    section = re.search(r"^Parameters\n-+\n(.*?)^\w+\n-+\n", text, re.M | re.S)[1]
    parts = re.split(r"^(\w+) : ", section, flags=re.M)[1:]
    return {
        name: " ".join(words.split()) for name, words in zip(parts[::2], parts[1::2], strict=True)
    }


@pytest.mark.parametrize("estimator", DOCUMENTED)
def test_every_parameter_is_documented_in_its_order(estimator):
    assert list(parameters_of(estimator)) == list(inspect.signature(estimator).parameters)


@pytest.mark.parametrize("estimator", DOCUMENTED)
def test_documented_defaults_are_true(estimator):
    described = parameters_of(estimator)
    for name, parameter in inspect.signature(estimator).parameters.items():
        default = re.search(r"default=(\([^)]*\)|\S+)", described[name])[1]
        said = eval(default, {"numpy": numpy})
        assert said == parameter.default or said is parameter.default, name


def test_shared_parameters_are_described_alike():
    described = [parameters_of(estimator) for estimator in ESTIMATORS]
    names = {name for each in described for name in each} - DIFFERENT
    for name in names:
        assert len({each[name] for each in described if name in each}) == 1, name


def test_the_exceptions_are_exceptions():
    described = [parameters_of(estimator) for estimator in ESTIMATORS]
    for name in DIFFERENT:
        assert len({each[name] for each in described if name in each}) > 1, name


def test_classifier_and_regressor_are_described_alike():
    classifier, regressor = (parameters_of(estimator) for estimator in SUPERVISED)
    assert classifier.keys() - {"class_weight"} == regressor.keys()
    different = {name for name in regressor if classifier[name] != regressor[name]}
    assert different == DIFFERENT_SUPERVISED


WORDS = [
    "goes on", "go on with", "comes along", "what becomes of", "anew", "is told", "stands for",
    "should be", "gives back", "under way", "whatever",
]  # fmt: skip


@pytest.mark.parametrize("estimator", DOCUMENTED)
def test_public_docstrings_are_in_the_words_of_the_field(estimator):
    methods = [member for name, member in inspect.getmembers(estimator) if name[0] != "_"]
    for member in (estimator, *methods):
        if getattr(member, "__module__", "").startswith("dae"):
            text = (inspect.getdoc(member) or "").lower()
            assert not [word for word in WORDS if word in text], member

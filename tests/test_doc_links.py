"""HTML representations link to the page of the estimator, where the site's address is known."""

import importlib
import pkgutil

import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import make_pipeline

import dae
from dae._estimator import doc_link
from dae.image import ImageDenoiser

ESTIMATORS = [getattr(dae, name) for name in dae.__all__ if isinstance(getattr(dae, name), type)]
PAGES = {kind: f"dae.{kind.__name__}" for kind in ESTIMATORS}
PAGES[ImageDenoiser] = "dae.image.ImageDenoiser"


@pytest.fixture
def published(monkeypatch):
    monkeypatch.setattr(doc_link, "ADDRESS", "https://example.org/dae")


@pytest.mark.parametrize("estimator", PAGES, ids=lambda kind: kind.__name__)
def test_the_page_is_that_of_the_public_name(published, estimator):
    link = f"https://example.org/dae/reference/{PAGES[estimator]}.html"
    assert estimator()._get_doc_link() == link


def test_every_public_estimator_has_a_link():
    for info in pkgutil.iter_modules(dae.__path__):
        try:
            module = importlib.import_module(f"dae.{info.name}")
        except ImportError:  # of an optional package
            continue
        for name in getattr(module, "__all__", ()):
            kind = getattr(module, name)
            if isinstance(kind, type) and issubclass(kind, BaseEstimator):
                assert issubclass(kind, doc_link.DocLinkMixin), f"{kind} needs DocLinkMixin"


def test_the_representation_has_the_link(published):
    model = make_pipeline(clone(dae.DenoisingAutoencoder()))
    assert "https://example.org/dae/reference/dae.DenoisingAutoencoder.html" in model._repr_html_()


def test_no_link_without_an_address(monkeypatch):
    monkeypatch.setattr(doc_link, "ADDRESS", "")
    assert dae.DenoisingAutoencoder()._get_doc_link() == ""
    assert '<a class="sk-estimator-doc-link' not in dae.DenoisingAutoencoder()._repr_html_()


def test_the_address_is_that_of_the_metadata(monkeypatch):
    class Metadata:
        def get_all(self, name):
            assert name == "Project-URL"
            return [
                "Source, https://example.org/source",
                "Documentation, https://example.org/site/",
            ]

    monkeypatch.setattr(doc_link, "metadata", lambda name: Metadata())
    doc_link._published.cache_clear()
    try:
        link = dae.StackedDenoisingRegressor()._get_doc_link()
        assert link == "https://example.org/site/reference/dae.StackedDenoisingRegressor.html"
    finally:
        doc_link._published.cache_clear()


def test_a_class_of_a_user_has_no_page_here(published):
    class Mine(dae.DenoisingAutoencoder):
        pass

    assert Mine()._get_doc_link() == ""

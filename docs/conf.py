"""Configuration of the documentation site. ``bash .ci/docs`` builds it; it needs no network."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path[:0] = [str(HERE), str(ROOT)]

from _ext import benchmarks, pages, reference  # noqa: E402

import dae  # noqa: E402
from dae._estimator import doc_link  # noqa: E402

# Pages that are made from the package, from the results and from Markdown files, before Sphinx
# looks for pages.
reference.write(HERE / "reference")
benchmarks.write(HERE / "benchmarks")
pages.write(HERE / "project")

# Estimators shown in the gallery link to this very site: two folders up from each example.
doc_link.ADDRESS = "../.."

project = "dae"
author = "the dae developers"
copyright = "the dae developers"
version = release = dae.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
    "sphinx_design",
    "sphinx_copybutton",
    "_ext.site",
    "_ext.mathtext",
]
exclude_patterns = ["_build", "**/GALLERY_HEADER.rst"]
default_role = "py:obj"
nitpicky = True
html_math_renderer = "mathtext"

autodoc_typehints = "none"
toc_object_entries_show_parents = "hide"
autosummary_generate = False  # _ext/reference.py writes the pages
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

GALLERY = ("features", "images", "tables", "sparse", "use")
sphinx_gallery_conf = {
    "examples_dirs": ["../examples"],
    "gallery_dirs": ["gallery"],
    "subsection_order": [f"../examples/{folder}" for folder in GALLERY],
    "within_subsection_order": "FileNameSortKey",
    "filename_pattern": os.environ.get("DAE_EXAMPLES", "/plot_"),
    "doc_module": ("dae",),
    "backreferences_dir": "gallery/backreferences",
    "nested_sections": False,
    "show_signature": False,
    "download_all_examples": False,
    "remove_config_comments": True,
    "abort_on_example_error": True,
    "matplotlib_animations": False,
    "min_reported_time": 1,
    "write_computation_times": False,  # the page would load scripts from elsewhere
    "reset_modules": ("matplotlib", "_ext.site.reset_plots"),
}

html_theme = "pydata_sphinx_theme"
html_title = "dae"
html_static_path = ["_static"]
html_css_files = ["dae.css"]
html_favicon = "_static/favicon.svg"
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "logo": {"text": "dae", "image_light": "_static/logo.svg", "image_dark": "_static/logo.svg"},
    "navbar_align": "left",
    "header_links_before_dropdown": 7,
    "show_prev_next": True,
    "show_toc_level": 2,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
}
html_context = {"default_mode": "auto"}
html_sidebars = {"index": [], "start": [], "core": []}

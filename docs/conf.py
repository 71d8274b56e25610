"""The site in both languages: `make docs`. English is docs/, Chinese docs/zh, with these settings for both."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(HERE / "_ext"))

CHINESE = os.environ.get("RECURRA_DOCS_LANGUAGE", "en") == "zh"

project = "Recurra"
author = copyright = "The Recurra developers"
language = "zh_CN" if CHINESE else "en"
extensions = ["myst_nb", "sphinx.ext.autodoc", "mathml", "plain_docstrings", "one_order", "generated", "executed_once"]
exclude_patterns = ["_*", "README.md"] if CHINESE else ["_*", "zh", "reference/_*"]
nitpicky = False
suppress_warnings = ["config.cache"]

html_theme = "furo"
html_title = "Recurra"
html_static_path = ["_static"]
templates_path = ["_templates"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_sidebars = {
    "**": [
        "sidebar/brand.html",
        "languages.html",
        "sidebar/search.html",
        "sidebar/scroll-start.html",
        "sidebar/navigation.html",
        "sidebar/scroll-end.html",
    ]
}

myst_enable_extensions = ["dollarmath", "amsmath", "deflist", "fieldlist", "colon_fence"]
myst_heading_anchors = 4

autodoc_member_order = "bysource"
autodoc_typehints = "signature"


def of_the_package() -> str:
    """A name for what the lessons were executed with: another version of the package executes them anew."""
    seen = hashlib.sha256()
    for path in sorted((ROOT / "src" / "recurra").rglob("*.py")):
        seen.update(path.read_bytes())
    return seen.hexdigest()[:12]


os.environ.setdefault("OMP_NUM_THREADS", "1")  # networks as small as those of lessons gain nothing from a second one
nb_execution_mode = "cache"
nb_execution_cache_path = str(ROOT / "build" / "docs-executed" / of_the_package())
nb_execution_in_temp = True  # lessons train into runs/
nb_execution_timeout = 900
nb_execution_raise_on_error = True
nb_ipywidgets_js: dict[str, str] = {}  # no lesson has widgets, and their scripts would come from the net
nb_merge_streams = True

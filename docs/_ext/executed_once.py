"""Lessons of both languages are executed once: what a cell computes does not depend on its picture's description.

jupyter-cache looks a notebook up by its code and all metadata of its cells, among which myst-nb keeps the descriptions
of pictures, which are in the page's language. Here it is looked up by its code alone.
"""

from __future__ import annotations

import functools
from typing import Any

from jupyter_cache.cache.main import JupyterCacheBase
from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict[str, Any]:
    hashed = JupyterCacheBase.create_hashed_notebook
    JupyterCacheBase.create_hashed_notebook = functools.partialmethod(hashed, cell_metadata=())
    return {"parallel_read_safe": True, "parallel_write_safe": True}

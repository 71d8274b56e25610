"""What a page gets on the site that its file, which is read elsewhere too, does without.

Chapters below a page that lists its parts by links; the same page in the other language; and the words of Chinese
texts for the search.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

BELOW = {
    "cells/README": ["/cells/*"],
    "wirings/index": [
        f"/wirings/{name}"
        for name in (
            "sentiment chinese frames sound clips generate generate-frames caption language score tag translate "
            "forecast fill vectors"
        ).split()
    ],
}
"""Pages with a table of others, by pattern, that stand below them on the site."""


def add_chapters(app: Sphinx, name: str, content: list[str]) -> None:
    if name in BELOW and (Path(app.srcdir) / f"{name}.md").is_file():
        listed = "\n".join(BELOW[name])
        content[0] += f"\n```{{toctree}}\n:hidden:\n:glob:\n\n{listed}\n```\n"


CHINESE = re.compile("[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef“”…—]")


def join_lines(app: Sphinx, doctree: nodes.document) -> None:
    """Lines of a Chinese paragraph, between which browsers would show a space that Chinese has not."""
    for text in [node for node in doctree.findall(nodes.Text) if node == "\n"]:
        around = text.parent
        at = around.index(text)
        before, after = (around[i].astext() if 0 <= i < len(around) else "" for i in (at - 1, at + 1))
        if CHINESE.match(before[-1:]) and CHINESE.match(after[:1]):
            around.remove(text)


def link_to_english(app: Sphinx, doctree: nodes.document) -> None:
    """Links of a Chinese page to files of the English tree, which are pages of the other build."""
    for link in list(doctree.findall(addnodes.pending_xref)):
        target = Path(link.get("reftarget", "")).with_suffix(".md")
        if link.get("refdomain") == "doc" and target.is_file() and not target.is_relative_to(app.srcdir):
            page = Path(app.srcdir, app.env.docname).parent
            address = os.path.relpath(target.with_suffix(".html"), page)
            anchor = f"#{link['reftargetid']}" if link.get("reftargetid") else ""
            link.replace_self(nodes.reference("", "", *link.children, refuri=address + anchor, internal=False))


def add_other_language(app: Sphinx, name: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """`other_language`: (where the page stands in the other one, or that one's first page; whether it is the same)."""
    home = Path(app.confdir)
    chinese = str(app.config.language).startswith("zh")
    other = home / ("" if chinese else "zh")
    same = any((other / f"{name}{ending}").is_file() for ending in (".md", ".rst"))
    up = "../" * name.count("/")
    base = f"{up}../" if chinese else f"{up}zh/"
    context["other_language"] = (base + (f"{name}.html" if same else "index.html"), same)
    context["in_chinese"] = chinese


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("source-read", add_chapters)
    app.connect("doctree-read", link_to_english)
    app.connect("doctree-read", join_lines)
    app.connect("html-page-context", add_other_language)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

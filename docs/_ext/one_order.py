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
    for around in {id(node.parent): node.parent for node in doctree.findall(nodes.Text) if node == "\n"}.values():
        texts = [child.astext() for child in around]
        around_it = [("".join(texts[:at])[-1:], "".join(texts[at + 1 :])[:1]) for at in range(len(texts))]
        joined = [
            at
            for at, (before, after) in enumerate(around_it)
            if texts[at] == "\n" and CHINESE.match(before) and CHINESE.match(after)
        ]
        for at in reversed(joined):
            del around[at]


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


REPAIRS = {
    '<p class="caption" role="heading">': '<p class="caption" role="heading" aria-level="2">',
    '<aside class="sidebar-drawer">': '<aside class="sidebar-drawer" aria-label="{pages}">',
    '<aside class="toc-drawer">': '<aside class="toc-drawer" aria-label="{contents}">',
    "<pre>": '<pre tabindex="0">',
    '<div class="table-wrapper ': '<div tabindex="0" class="table-wrapper ',
}
"""What screen readers and keyboards miss in the theme's pages."""


CHINESE_WORDS = {
    ">Next<": ">下一页<",
    ">Previous<": ">上一页<",
    ">Back to top<": ">回到页首<",
    ">On this page<": ">本页内容<",
    "Skip to content": "跳到正文",
    "Copyright &#169; ": "版权所有 &#169; ",
    "Made with ": "主题：",
    "Toggle site navigation sidebar": "展开或收起导航",
    "Toggle table of contents sidebar": "展开或收起目录",
    "Toggle Light / Dark / Auto color theme": "切换浅色、深色、自动",
    "Toggle navigation of ": "展开或收起：",
    "<title>Menu<": "<title>菜单<",
    "<title>Expand<": "<title>展开<",
    "<title>Light mode<": "<title>浅色<",
    "<title>Dark mode<": "<title>深色<",
    "<title>Auto light/dark, in light mode<": "<title>自动，现在是浅色<",
    "<title>Auto light/dark, in dark mode<": "<title>自动，现在是深色<",
}
"""What the theme says in English alone."""
EMPTY_HEADING = re.compile(r'<th class="head[^"]*"><p></p></th>')
"""Of a column without a name, which is no heading."""


def make_accessible(app: Sphinx, failed: Exception | None) -> None:
    if failed is not None or app.builder.name != "html":
        return
    chinese = str(app.config.language).startswith("zh")
    words = {"pages": "页面" if chinese else "pages", "contents": "本页内容" if chinese else "on this page"}
    for page in Path(app.outdir).rglob("*.html"):
        if not chinese and page.is_relative_to(Path(app.outdir) / "zh"):
            continue  # of the other build
        text = before = page.read_text(encoding="utf-8")
        for found, better in (REPAIRS | (CHINESE_WORDS if chinese else {})).items():
            text = text.replace(found, better.format(**words))
        text = EMPTY_HEADING.sub("<td></td>", text)
        if text != before:
            page.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("source-read", add_chapters)
    app.connect("doctree-read", link_to_english)
    app.connect("doctree-read", join_lines)
    app.connect("build-finished", make_accessible)
    app.connect("html-page-context", add_other_language)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

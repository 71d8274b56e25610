"""Check built pages: nothing is loaded from elsewhere, and every link within the site leads somewhere.

    python scripts/check_site.py build/docs

A link to go to another site is fine; a script, style, font, picture or request that a browser would fetch is not.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlparse

LOADS = {
    "script": ("src",),
    "img": ("src", "srcset"),
    "source": ("src", "srcset"),
    "video": ("src", "poster"),
    "audio": ("src",),
    "track": ("src",),
    "iframe": ("src",),
    "embed": ("src",),
    "object": ("data",),
    "use": ("href", "xlink:href"),
    "image": ("href", "xlink:href"),
}
"""Attributes of tags that a browser fetches without being asked."""
OTHER_RELATIONS = {"next", "prev", "index", "search", "canonical", "alternate", "author", "help", "license", "up"}
"""Of `link`: those that only say where something is."""
IN_STYLES = re.compile(r"(?:url\(\s*|@import\s+)[\"']?((?:https?:)?//[^\"')\s]+)")
IN_SCRIPTS = re.compile(r"(?:fetch|import|importScripts|Worker|open|src\s*=)\W{0,3}[\"'`]((?:https?:)?//[^\"'`]+)")


class Page(HTMLParser):
    """What one page loads, links to and has anchors for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        self.inside = tag if tag in ("script", "style") else ""
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        if tag == "link" and not set(given.get("rel", "").split()) <= OTHER_RELATIONS:
            self.loads.append(given.get("href", ""))
        for name in LOADS.get(tag, ()):
            if value := given.get(name):
                self.loads += [part.split()[0] for part in value.split(",")] if name == "srcset" else [value]
        self.loads += IN_STYLES.findall(given.get("style", ""))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.inside = ""

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.loads += (IN_STYLES if self.inside == "style" else IN_SCRIPTS).findall(data)


def elsewhere(address: str) -> bool:
    """Whether it is on another machine."""
    return address.startswith("//") or urlparse(address).scheme in ("http", "https", "ftp", "ws", "wss")


def problems(folder: Path) -> Iterator[str]:
    """One line for each thing that is wrong. Errors: FileNotFoundError for a folder without pages"""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("*.html"))}
    if not pages:
        raise FileNotFoundError(f"{folder} has no pages; build them first: make docs")
    for path, page in pages.items():
        name = path.relative_to(folder)
        yield from (f"{name} loads {each}" for each in page.loads if elsewhere(each))
        near = [each for each in [*page.links, *page.loads] if not elsewhere(each) and ":" not in each.split("/")[0]]
        for each in near:
            address, anchor = urldefrag(each)
            target = (path.parent / unquote(urlparse(address).path)).resolve() if address else path.resolve()
            if target.is_dir():
                target /= "index.html"
            if not target.is_file():
                yield f"{name} links to {each}, which is not there"
            elif anchor and target.suffix == ".html":
                other = pages.get(folder / target.relative_to(folder.resolve()))
                if other is not None and unquote(anchor) not in other.anchors:
                    yield f"{name} links to {each}, which has no such part"
    for pattern, endings in ((IN_STYLES, ("*.css", "*.svg")), (IN_SCRIPTS, ("*.js",))):
        for path in sorted(found for ending in endings for found in folder.rglob(ending)):
            text = path.read_text(encoding="utf-8")
            yield from (f"{path.relative_to(folder)} loads {each}" for each in pattern.findall(text))


def main() -> None:
    """As a command."""
    parser = argparse.ArgumentParser(description="Check that built pages load nothing from elsewhere and link right.")
    parser.add_argument("folder", type=Path)
    found = list(problems(parser.parse_args().folder))
    sys.stdout.write("\n".join(found) + f"\n{len(found)} problems\n" if found else "links and loads: no problem\n")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()

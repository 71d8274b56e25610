"""How much of the site is in Chinese, and which Chinese pages are older than the English ones.

    python scripts/compare_languages.py

A page and its translation have the same headings, code, tables, pictures, names in `code` and figures: where these
differ, one language alone was changed. `make docs` prints shares and stale pages, and fails for too small a share.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
CHINESE = DOCS / "zh"
LEAST = {"lessons": 1.0, "README": 1.0, "how-tos": 0.8}
"""The share of the pages of a kind that is there in Chinese; a stale page is none."""

FENCE = re.compile(r"^```(?P<kind>[^\n]*)\n(?P<body>.*?)^```$", re.M | re.S)
OPTIONS = re.compile(r"\A(?:---\n.*?\n---\n|(?::[^\n]*\n)+)", re.S)
INDENTED = re.compile(r"(?:^    [^\n]*\n)+", re.M)
TABLE = re.compile(r"(?:^\|[^\n]*\n)+", re.M)
COMMENTS = {"python": r"(?m)#.*$", "sh": r"(?m)(?:^|\s)#.*$", "c": r"/\*.*?\*/", "{code-cell}": r"(?!)"}
"""Of code: what is said in the language of the page. Cells of lessons are the same to the letter."""
FIGURE = re.compile(
    r"(?<![\w.,/-])(?:\d[\d,]*\.\d+|\d+(?= ?%)|\d{1,3}(?:,\d{3})+)(?![\d,.]*\d)(?! ?(?:million|[万亿]))"
)
"""Of prose: decimals, shares and thousands. Millions are counted otherwise in Chinese."""


def pages() -> dict[str, list[Path]]:
    """Of each kind of page the English ones."""
    return {
        "lessons": sorted((DOCS / "course").glob("[0-9]*.md")),
        "README": [ROOT / "README.md"],
        "how-tos": sorted(
            path
            for pattern in ("*.md", "howto/*.md", "wirings/*.md")
            for path in DOCS.glob(pattern)
            if path.name not in ("index.md", "glossary.md") or path.parent != DOCS
        ),
        "other pages": sorted(
            path
            for pattern in (
                "index.md",
                "glossary.md",
                "course/index.md",
                "reference/*.md",
                "explanation/*.md",
                "cells/*.md",
            )
            for path in DOCS.glob(pattern)
        ),
    }


def translation(page: Path) -> Path:
    """Where a page stands in Chinese."""
    return ROOT / "README.zh.md" if page.parent == ROOT else CHINESE / page.relative_to(DOCS)


def blocks(text: str) -> list[tuple[str, str]]:
    """Kind and body of each fenced block, without comments, options of cells and empty ends of lines."""
    found = []
    for block in FENCE.finditer(text):
        kind, body = block["kind"].strip(), OPTIONS.sub("", block["body"])
        if kind.startswith("{") and kind != "{code-cell}":
            continue
        body = re.sub(COMMENTS.get(kind, r"(?!)"), "", body, flags=re.S if kind == "c" else 0)
        found.append((kind, "\n".join(line.rstrip() for line in body.strip().splitlines())))
    return found


def features(text: str) -> dict[str, Sequence[object]]:
    """What a page and its translation have in common."""
    bare = FENCE.sub("", text)
    prose = INDENTED.sub(
        "", re.sub(r"^(?:[-*] .*\n)(?:  +.*\n)*", lambda item: re.sub(r"\n +", "\n", item[0]), bare, flags=re.M)
    )
    codes = {" ".join(code.split()) for code in re.findall(r"(?<!`)`([^`]+)`(?!`)", prose)}
    return {
        "headings": [len(marks) for marks in re.findall(r"^(#+) ", bare, re.M)],
        "code": list(blocks(text)),
        "commands": [
            re.sub(r"\s{3,}\S.*$", "", line.strip()) for each in INDENTED.findall(bare) for line in each.splitlines()
        ],
        "tables": [(table.count("\n"), table.split("\n")[1].count("|") - 1) for table in TABLE.findall(bare)],
        "pictures": [Path(target).name for target in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", bare)],
        "names in code": sorted(code for code in codes if code.isascii()),
        "figures": sorted(set(FIGURE.findall(re.sub(r"`[^`]*`", "", prose)))),
    }


def differences(english: str, chinese: str) -> Iterator[str]:
    """One line for each kind of content that the two pages do not share."""
    here, there = features(english), features(chinese)
    for name in here:
        if here[name] == there[name]:
            continue
        missing, more = (
            list((Counter(map(str, a)) - Counter(map(str, b))).elements())
            for a, b in ((here[name], there[name]), (there[name], here[name]))
        )
        yield f"{name} differ: only in English {missing or 'their order'}, only in Chinese {more or 'their order'}"


def report() -> tuple[list[str], list[str]]:
    """The lines with the shares and the stale pages, and one for each share that is too small."""
    lines, wrong = [], []
    for kind, english in pages().items():
        missing, stale = [], []
        for page in english:
            name, chinese = page.relative_to(ROOT).as_posix(), translation(page)
            if not chinese.is_file():
                missing.append(name)
            elif kind in LEAST:
                older = differences(page.read_text(encoding="utf-8"), chinese.read_text(encoding="utf-8"))
                stale += [f"stale: {chinese.relative_to(ROOT).as_posix()}: {line}" for line in older][:1]
        share = 1 - (len(missing) + len(stale)) / len(english)
        named = f"; not: {', '.join(missing)}" if missing and kind in LEAST else ""
        lines += [
            f"in Chinese: {kind} {len(english) - len(missing)} of {len(english)}, {share:.0%} up to date{named}",
            *stale,
        ]
        if share < LEAST.get(kind, 0):
            wrong.append(f"{share:.0%} of the {kind} are in Chinese and up to date, {LEAST[kind]:.0%} are asked for")
    return lines, wrong


def main() -> None:
    """As a command."""
    lines, wrong = report()
    sys.stdout.write("\n".join([*lines, *wrong]) + "\n")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()

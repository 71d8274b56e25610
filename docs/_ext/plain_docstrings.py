"""Docstrings in plain words as markup for autodoc: `code`, hanging `Shapes:` and `>>>` examples."""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

FIELD = re.compile(r"^(Maths|Shapes|Units|Errors|Source):\s*(.*)$")
LINE_BY_LINE = ("Maths", "Shapes")
LISTED_ELSEWHERE = "Settings of the "
CODE = re.compile(r"`+([^`]+)`+")
SPECIAL = re.compile(r"([\\*_|])")


def marked_up(line: str) -> str:
    """One line of prose as reStructuredText."""
    found, at = [], 0
    for code in CODE.finditer(line):
        found += [SPECIAL.sub(r"\\\1", line[at : code.start()]), f"``{code[1]}``"]
        at = code.end()
        if line[at : at + 1].isalnum():
            found.append("\\ ")
    return "".join([*found, SPECIAL.sub(r"\\\1", line[at:])])


def as_restructured(lines: list[str]) -> list[str]:
    """The whole docstring; a field ends where a line is no longer indented or a blank one comes."""
    made: list[str] = []
    inside, bar = "", ""  # "", "field", "prose", "code"; what begins a line of a field
    for line in lines:
        stripped = line.strip()
        if stripped.startswith(LISTED_ELSEWHERE):
            return [*made, "", "All settings stand on a page of their own, *Settings*."]
        field = FIELD.match(stripped)
        if not stripped:
            inside = ""
            made.append("")
        elif stripped.startswith(">>>"):
            if inside != "code":
                made += ["", ".. code-block:: python", ""]
            made.append("    " + stripped.removeprefix(">>>").strip())
            inside = "code"
        elif field:
            if inside != "field":
                made.append("")
            bar = "| " if field[1] in LINE_BY_LINE else ""
            made.append(f":{field[1]}: {bar}{marked_up(field[2])}")
            inside = "field"
        elif inside == "field" and line.startswith(" "):
            made.append(f"    {bar}{marked_up(stripped)}")
        elif inside == "field" and not bar:
            made.append(f"    {marked_up(stripped)}")
        elif inside == "field":
            made += ["", marked_up(stripped)]
            inside = "prose"
        else:
            if inside == "code":
                made.append("")
            made.append(marked_up(stripped))
            inside = "prose"
    return made


def process(app: Sphinx, what: str, name: str, of: Any, options: Any, lines: list[str]) -> None:
    lines[:] = as_restructured(lines)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("autodoc-process-docstring", process)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

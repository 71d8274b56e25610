"""docs/cells: a page for every cell, as scripts/write_cell_pages.py writes it from the catalogue."""

from __future__ import annotations

from pathlib import Path

from tests.scripts import loaded

ROOT = Path(__file__).resolve().parents[2]


def test_the_pages_are_the_catalogues() -> None:
    written = loaded(ROOT / "scripts" / "write_cell_pages.py")
    pages = written.pages()
    assert {p.name for p in (ROOT / "docs" / "cells").iterdir()} == set(pages)
    for name, text in pages.items():
        there = (ROOT / "docs" / "cells" / name).read_text(encoding="utf-8")
        assert there == text, f"{name} is of another catalogue; run python scripts/write_cell_pages.py"

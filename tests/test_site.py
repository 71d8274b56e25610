"""The site: its checker finds what it should; sources of pages keep the laws of the course."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]


def module(path: str) -> Any:
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


CHECK = module("scripts/check_site.py")


@pytest.mark.parametrize(
    "body",
    [
        '<script src="https://cdn.example.org/math.js"></script>',
        '<link rel="stylesheet" href="//fonts.example.org/a.css">',
        '<link rel="preconnect" href="https://fonts.example.org">',
        '<img src="http://example.org/a.png" alt="">',
        '<img srcset="a.png 1x, https://example.org/b.png 2x" alt="">',
        "<style>@import 'https://example.org/a.css';</style>",
        '<p style="background: url(https://example.org/a.png)">',
        '<script>fetch("https://example.org/a.json")</script>',
        '<iframe src="https://example.org/"></iframe>',
        '<a href="missing.html">',
        '<a href="#missing">',
        '<a href="sub/">',
        '<img src="missing.svg" alt="">',
    ],
)
def test_loads_from_elsewhere_and_broken_links_are_found(tmp_path: Path, body: str) -> None:
    (tmp_path / "a.png").touch()
    (tmp_path / "index.html").write_text(f"<html><body>{body}</body></html>", encoding="utf-8")
    assert len(list(CHECK.problems(tmp_path))) == 1


def test_links_to_go_to_and_own_files_are_fine(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text('// from https://example.org\nlet home = "https://example.org";', encoding="utf-8")
    (tmp_path / "a b.html").write_text('<h1 id="层">x</h1>', encoding="utf-8")
    body = '<a id="x" href="https://example.org">y</a><a href="a%20b.html#层"></a><a href="#x"></a><script src="a.js">'
    (tmp_path / "index.html").write_text(body, encoding="utf-8")
    assert not list(CHECK.problems(tmp_path))


def test_styles_and_scripts_of_the_site_are_read_too(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<p>", encoding="utf-8")
    (tmp_path / "a.css").write_text("@font-face { src: url('https://example.org/a.woff2') }", encoding="utf-8")
    (tmp_path / "a.js").write_text('import("https://example.org/a.js")', encoding="utf-8")
    assert len(list(CHECK.problems(tmp_path))) == 2


def test_a_folder_without_pages_is_no_site(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="make docs"):
        list(CHECK.problems(tmp_path))


def test_docstrings_become_markup() -> None:
    lines = [
        "One `x`.",
        "",
        "Shapes:  x [B, T]",
        "         ->  y_t [B]",
        "Errors:  ShapeError",
        "",
        ">>> a = 1",
        "after*",
    ]
    assert module("docs/_ext/plain_docstrings.py").as_restructured(lines) == [
        "One ``x``.",
        "",
        "",
        ":Shapes: | x [B, T]",
        "    | ->  y\\_t [B]",
        ":Errors: | ShapeError",
        "",
        "",
        ".. code-block:: python",
        "",
        "    a = 1",
        "",
        "after\\*",
    ]

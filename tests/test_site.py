"""The site: its checker finds what it should; sources of pages keep the laws of the course."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import recurra
from tests.scripts import loaded

ROOT = Path(__file__).resolve().parents[1]


def module(path: str) -> Any:
    return loaded(ROOT / path)


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
    pytest.importorskip("sphinx", reason="make docs installs it")
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
        ":Errors: ShapeError",
        "",
        "",
        ".. code-block:: python",
        "",
        "    a = 1",
        "",
        "after\\*",
    ]


# both languages

COMPARE = module("scripts/compare_languages.py")
PAGE = """# Title

Of `--lr` 1,000 rows 12.5 % are right, 0.75 and 3.3 million.

```sh
recurra train names  # a comment
```

    recurra inspect RUN          what it does

| a | b |
|---|---|
| 1 | 2 |

![alt](images/a.svg)

## Part
"""


def test_a_page_in_other_words_is_the_same_page() -> None:
    other = PAGE.replace("Title", "题目").replace("rows", "行").replace("alt", "图").replace("(images", "(../images")
    other = other.replace("a comment", "注释").replace("what it does", "做什么").replace("3.3 million", "330 万")
    assert not list(COMPARE.differences(PAGE, other))


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ("## Part", "### Part"),
        ("## Part", ""),
        ("train names", "train mr"),
        ("inspect RUN", "inspect"),
        ("| 1 | 2 |\n", ""),
        ("a.svg", "b.svg"),
        ("`--lr`", "`--learning-rate`"),
        ("12.5", "12.6"),
        ("1,000", "2,000"),
        ("0.75", "0.7"),
    ],
)
def test_a_page_that_was_changed_in_one_language_is_stale(here: str, there: str) -> None:
    assert here in PAGE
    assert len(list(COMPARE.differences(PAGE.replace(here, there), PAGE))) == 1


def test_chinese_pages_are_there_and_as_new_as_the_english_ones() -> None:
    """All lessons and the README, four fifths of the how-tos at least: `make docs` prints the shares."""
    lines, wrong = COMPARE.report()
    assert not wrong, "\n".join([*lines, *wrong])
    assert sum(line.startswith("in Chinese: ") for line in lines) == 4


# the course

LESSONS = sorted((ROOT / "docs" / "course").glob("[0-9]*.md"))
CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(.*?)^```$", re.M | re.S)
HEADER = re.compile(r"\A(?:---\n.*?\n---\n|(?::[^\n]*\n)+)", re.S)


def code(lesson: Path) -> list[str]:
    """Of each cell, without its tags and the description of its picture, which are in the page's language."""
    return [HEADER.sub("", cell).strip() for cell in CELL.findall(lesson.read_text(encoding="utf-8"))]


def chinese(lesson: Path) -> Path:
    return ROOT / "docs" / "zh" / "course" / lesson.name


def test_there_are_ten_lessons_in_both_languages() -> None:
    assert [lesson.name[:2] for lesson in LESSONS] == [f"{n:02}" for n in range(1, 11)]
    for tree in ("docs/course", "docs/zh/course"):
        index = (ROOT / tree / "index.md").read_text(encoding="utf-8")
        assert [lesson.stem for lesson in LESSONS] == re.findall(r"^\d\d-\S+$", index, re.M)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem)
def test_both_languages_run_the_same_code(lesson: Path) -> None:
    assert code(chinese(lesson)) == code(lesson), "what runs in one language is shown in both; copy the cells"


@pytest.mark.parametrize("lesson", [*LESSONS, *map(chinese, LESSONS)], ids=lambda path: "-".join(path.parts[-3:]))
def test_numbers_in_the_text_are_computed(lesson: Path) -> None:
    prose = CELL.sub("", lesson.read_text(encoding="utf-8"))
    cells = "\n".join(code(lesson))
    pasted = set(re.findall(r"\{glue:text\}`([^`:]+)", prose))
    given = "|".join(re.findall(r'glue\(\s*f?"([^"]+)"', cells))
    patterns = re.sub(r"\{[^{}]*\}", r"\\w+", given)
    missing = {name for name in pasted if not re.fullmatch(patterns, name)}
    assert not missing, f"no cell computes {missing}"
    written = re.findall(r"(?<![\w.])\d+(?:\.\d+)? ?%", prose)
    assert not written, f"shares that nobody computed: {written}; paste them with glue"


@pytest.mark.slow
@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem)
def test_lessons_run(lesson: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each alone, as a script; both languages have the same code."""
    script = tmp_path / "lesson.py"
    before = 'import sys, types, matplotlib\nmatplotlib.use("Agg")\n'
    before += 'sys.modules["myst_nb"] = types.SimpleNamespace(glue=lambda *a, **k: None)\n'
    script.write_text(before + "\n\n".join(code(lesson)), encoding="utf-8")
    monkeypatch.delenv("RECURRA_DATA", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_pages_for_newcomers_name_what_there_is() -> None:
    """Arguments in the right column of the tables: of layers, of `train`, of generating, or settings."""
    from recurra.api.listed_settings import listed

    page = (ROOT / "docs/howto/coming-from.md").read_text(encoding="utf-8")
    right = [line.rsplit("|", 2)[1] for line in page.splitlines() if line.startswith("| ")]
    asked = {name for cell in right for code in re.findall(r"`[^`]+`", cell) for name in re.findall(r"(\w+)=", code)}
    taken = {*listed(), *inspect.signature(recurra.RNN).parameters, *inspect.signature(recurra.LSTM).parameters}
    taken |= {*inspect.signature(recurra.train).parameters, *inspect.signature(recurra.unroll).parameters}
    assert asked - taken - {"temperature", "lengths", "horizon"} == set()


def test_the_catalogue_of_errors_has_each_with_a_remedy_that_there_is() -> None:
    from recurra.api.listed_settings import listed

    page = (ROOT / "docs/reference/errors.md").read_text(encoding="utf-8")
    rows = {row.split("`")[1]: row for row in page.splitlines() if row.startswith("| `")}
    tree = {name for name in recurra.__all__ if inspect.isclass(getattr(recurra, name)) and name.endswith("Error")}
    assert rows.keys() == tree - {"RecurraError"}
    own = {"StoppedError": 128, "RankError": 6}  # each of its own exit code, and these at least
    for name, row in rows.items():
        code = getattr(recurra, name).exit_code
        assert f"| {own.get(name, code)} " in row
        for option in re.findall(r"`--([\w-]+)", row):
            assert option.replace("-", "_") in {*listed(), "resume", "learning_rate"}, option

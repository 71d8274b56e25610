"""The README does what it says: its commands run in order, its links lead somewhere, its flags exist."""

from __future__ import annotations

import csv
import itertools
import re
import shlex
from html import unescape
from pathlib import Path
from typing import Any, NoReturn

import pytest
from PIL import Image

from recurra.api import run, training
from recurra.cells import catalogue
from recurra.cli import main
from recurra.data.datasets import named
from recurra.errors import DataError
from recurra.tasks.sources.file_names import TABLES
from tests.scripts import loaded

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = [
    (found["kind"], found["body"], README[: found.start("body")].count("\n"))
    for found in re.finditer(r"^```(?P<kind>\S*)\n(?P<body>.*?)^```$", README, re.M | re.S)
]
PROSE = re.sub(r"^```.*?^```$", "", README, flags=re.M | re.S)
INLINE = re.findall(r"`(recurra (?:train|evaluate|predict|generate|explain|data)\b[^`]*)`", PROSE)


FROM = {"Abakumtsev": "Russian", "Montefusco": "Italian", "McKenzie": "Scottish"}
"""The names of the demo."""


def commands(block: str) -> list[list[str]]:
    """The words of each line, without its comment."""
    return [words for line in block.splitlines() if (words := shlex.split(line, comments=True))]


def hurried(words: list[str]) -> list[str]:
    """The same command with less to do."""
    if words[:2] != ["recurra", "train"]:
        return words
    if "--minutes" in words:
        at = words.index("--minutes") + 1
        return [*words[:at], "0.03", *words[at + 1 :]]
    return words if "--epochs" in words else [*words, "--epochs", "1"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with the reader's own names, text and table; what is registered there is forgotten after."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECURRA_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("RECURRA_DATA", raising=False)
    monkeypatch.setattr(catalogue, "_cells", dict(catalogue._cells))
    (tmp_path / "names").mkdir()
    for label in ("Italian", "Russian", "Vietnamese"):
        surnames = (
            (ROOT / "src/recurra/data/datasets/surnames" / f"{label}.txt").read_text(encoding="utf-8").splitlines()
        )
        (tmp_path / "names" / f"{label}.txt").write_text("\n".join(surnames[:60]) + "\n", encoding="utf-8")
    docs = named.get("python-docs").files["all"].read_text(encoding="utf-8")
    text = docs[:40_000]
    assert set("ROMEO:") <= set(text[:36_000]), "the prompt needs letters of the training part"
    (tmp_path / "input.txt").write_text(text, encoding="utf-8")
    with (tmp_path / "reviews.csv").open("w", encoding="utf-8", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["text", "label"])
        for thing in ("book", "film", "play", "song", "meal"):
            for who in ("We", "They", "Both of us"):
                rows.writerow([f"{who} liked the {thing}, every minute of it", "good"])
                rows.writerow([f"{who} would see this {thing} again", "good"])
                rows.writerow([f"{who} left the {thing} early, it was dull", "bad"])
                rows.writerow([f"{who} found the {thing} long and poor", "bad"])
    return tmp_path


def test_every_block_in_order(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    space: dict[str, Any] = {"__name__": "readme"}
    ran = 0
    for kind, body, line in BLOCKS:
        assert kind in ("sh", "python", "text"), f"README.md:{line}: a block of kind {kind!r} is not tested"
        if kind == "python":
            code = re.sub(r"\bepochs=\d+", "epochs=0.2", body)
            exec(compile("\n" * line + code, "README.md", "exec"), space)
        elif kind == "sh":
            for words in commands(body):
                assert words[0] == "recurra", words
                exit_code = main(hurried(words)[1:])
                said = capsys.readouterr().err
                assert exit_code == 0, f"README.md:{line}: {shlex.join(words)}\n{said}"
                ran += 1
    assert ran >= 5, "the commands of the README are in blocks of another kind"
    assert sorted(path.name for path in (folder / "runs").iterdir()) == ["names-gru", "reviews-gru"]


def test_explained_cells_look_as_they_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Each line of a text block that follows a lone `recurra explain`; the engines differ between machines."""
    for (kind, body, _), (next_kind, shown, line) in itertools.pairwise(BLOCKS):
        asked = commands(body) if kind == "sh" else []
        if next_kind != "text" or len(asked) != 1 or asked[0][:2] != ["recurra", "explain"]:
            continue
        capsys.readouterr()
        assert main(asked[0][1:]) == 0
        printed = capsys.readouterr().out.splitlines()
        for expected in shown.split("engines on")[0].splitlines():
            assert expected in printed, f"README.md:{line}: `{shlex.join(asked[0])}` does not print {expected!r}"


def stop(*_given: object, **settings: Any) -> NoReturn:
    """In place of what does the work of a command: its line was accepted, and names a cell that there is."""
    if "cell" in settings:
        catalogue.get(settings["cell"])
    raise DataError("stopped before the work")


@pytest.mark.parametrize("command", sorted(set(INLINE)))
def test_commands_in_the_prose_are_accepted(command: str, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    words = shlex.split(command)[1:]
    monkeypatch.setattr(training, "train", stop)
    monkeypatch.setattr(run, "load", stop)
    code = main(words)
    helping = any(word.startswith("--help") for word in words)
    assert code == (0 if helping or words[0] in ("explain", "data") else 3), capsys.readouterr().err
    if words[0] == "train" and not words[1].startswith("-"):
        own = words[1].endswith(("/", ".txt", *TABLES))
        assert own or words[1] in named.names(), f"no data set is named {words[1]!r}"


def demo() -> Any:
    """scripts/make_demo.py, which writes the transcript and the pictures."""
    return script("make_demo")


def script(name: str) -> Any:
    return loaded(ROOT / "scripts" / f"{name}.py")


def test_the_transcript_is_that_of_the_demo_and_the_pictures_are_of_its_run() -> None:
    script = demo()
    (transcript,) = script.BLOCK.findall(README)
    assert re.findall(r"^\$ (.*)$", transcript, re.M) == script.commands(), "run: python scripts/make_demo.py"
    reached = script.scores(transcript)
    assert re.fullmatch(r"accuracy 0\.\d{4}, macro-F1 0\.\d{4}, balanced 0\.\d{4}", reached)
    drawn = (ROOT / "docs/images/confusion.svg").read_text(encoding="utf-8")
    with Image.open(ROOT / "docs/images/report.png") as image:
        described = image.info["Description"]
    assert [re.findall("<desc>(.*)</desc>", drawn), described] == [[reached], reached], "run: scripts/make_demo.py"
    counts = [int(found) for found in re.findall(r">(\d+)</text>", drawn)]
    count = int(re.search(r"([\d,]+) test;", transcript)[1].replace(",", ""))
    if counts:
        assert sum(counts) == count, "the numbers in the matrix are the test part"


def test_the_demo_shows_right_guesses_of_which_one_is_uncertain() -> None:
    (transcript,) = demo().BLOCK.findall(README)
    guesses = re.findall(r"^(\S+) +([A-Z]\w+) +([01]\.\d{3}) ", transcript.partition("$ recurra predict")[2], re.M)
    assert {name: guess for name, guess, _ in guesses} == FROM
    assert any(0.4 <= float(probability) <= 0.8 for _, _, probability in guesses)
    known = {line for path in named.get("surnames").files.values() for line in path.read_text().splitlines()}
    assert not known & FROM.keys(), "names of the demo that were learned from prove nothing"


def test_the_first_screen_shows_the_result_of_the_demo() -> None:
    (transcript,) = demo().BLOCK.findall(README)
    reached = float(re.search(r"^test: accuracy (0\.\d+)", transcript, re.M)[1])
    best = max(float(found) for found in re.findall(r"^baseline: .*?accuracy (0\.\d+)", transcript, re.M))
    shown = re.search(r"accuracy (0\.\d+) on held-out names, where the best\s+baseline reaches (0\.\d+)", README)
    assert shown
    assert abs(float(shown[1]) - reached) < 0.001
    assert abs(float(shown[2]) - best) < 0.001


CHINESE = (ROOT / "README.zh.md").read_text(encoding="utf-8")


def anchors(page: str) -> set[str]:
    """Those that readers of Markdown make of its headings."""
    bare = re.sub(r"^```.*?^```$", "", page, flags=re.M | re.S)
    return {
        re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", bare, re.M)
    }


@pytest.mark.parametrize("name", ["README.md", "README.zh.md"])
def test_links_lead_somewhere(name: str) -> None:
    page = (ROOT / name).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", page) if "://" not in link and "mailto:" not in link]
    assert len(links) > 30
    for link in links:
        target, _, anchor = link.partition("#")
        assert (ROOT / target).exists(), f"{name} links to {link}"
        if anchor:
            whole = (ROOT / (target or name)).read_text(encoding="utf-8")
            assert anchor in anchors(whole), f"{name} links to {link}, which has no such part"


def test_the_first_screen_has_the_session_of_the_demo_as_a_picture() -> None:
    (transcript,) = demo().BLOCK.findall(README)
    drawn = (ROOT / "docs/images/demo.svg").read_text(encoding="utf-8")
    assert drawn == script("draw_terminal").draw(transcript), "run: python scripts/draw_terminal.py"
    texts = [unescape(line) for line in re.findall(r">([^<>]+)</text>", drawn)]
    assert [line.removesuffix("; ...") in transcript for line in texts if line.strip() != "..."].count(False) == 0
    for readme in (README, CHINESE):
        assert "](docs/images/demo.svg)" in readme.split("\n## ")[0]


def test_at_most_ten_rows_of_results() -> None:
    for readme, heading in ((README, "## What it reaches"), (CHINESE, "## 能达到什么")):
        section = readme.split(heading + "\n")[1].split("\n## ")[0]
        rows = [line for line in section.splitlines() if line.startswith("| ")]
        assert len(rows) - 1 == 10


def test_files_named_in_the_prose_are_there() -> None:
    named_files = re.findall(r"`((?:tests|benchmarks|scripts|docs|src)/[\w./-]*)`", PROSE)
    missing = [name for name in named_files if not (ROOT / name).exists()]
    assert not missing, f"README.md names what is not there: {missing}"


def test_make_targets_are_there() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    indented = [line.split("#")[0].split() for line in re.findall(r"^    (\S.*)$", PROSE, re.M)]
    unknown = [words for words in indented if words[0] != "make"]
    assert not unknown, f"README.md: indented lines are make's; others belong into a block that is run: {unknown}"
    asked = {words[1] for words in indented} | set(re.findall(r"`make ([a-z]+)", PROSE))
    assert asked <= targets, f"README.md: make has no target {sorted(asked - targets)}"


def test_nothing_is_left_to_fill_in() -> None:
    left = [f"README.md:{n}: {line}" for n, line in enumerate(README.splitlines(), 1) if "@@" in line]
    assert not left, "\n".join(left)

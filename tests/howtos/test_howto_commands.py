"""Every shell block and every block of Python of the how-tos does what it says. Minutes long: `pytest -m slow`.

The commands of a page run in their order, in a folder with the reader's own files (`readers_data`), trainings for
three seconds each. A model that a page takes as there is trained before. Named data sets come from the folder in
`RECURRA_DATA`.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import readers_data as own

from recurra.cells import catalogue
from recurra.cli import main

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1500),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # of the redirect to a page, whose answer urllib keeps open
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # of Keras, on numpy 2
]

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
PROGRAMS = ("recurra", "pip", "python", "make", "curl", "torchrun", "arecord")
HURRY = ("--minutes", "0.05")

MODELS: dict[str, list[str]] = {
    "inside": [
        "recurra train reviews.csv --text review --label stars --out reviews",
        "recurra train airline --horizon 12 --out airline-gru",
        "recurra train input.txt",
        "recurra train input.txt --cell gru",
        "recurra train surnames --out runs/names-gru",
    ],
    "ship": [
        "recurra train amp.jsonl --task frames --cell lstm --no-bidirectional --hidden-size 16 --out runs/amp-lstm",
        "recurra train surnames --skip none --out runs/surnames-gru",
        "recurra train surnames --cell lstm --skip none --out runs/surnames-lstm",
        "recurra train input.txt --cell lstm --out runs/input-lstm",
    ],
    "wirings/score": ["recurra train ptb --out ptb-run"],
}
"""What a page takes as there."""
FILES: dict[str, tuple[Callable[[Path], None], ...]] = {
    "inside": (own.texts, partial(own.reviews, text="review", label="stars")),
    "howto/tune": (partial(own.reviews, text="review", label="stars"), own.names),
    "start": (own.texts, own.reviews),
    "ship": (own.texts, own.amplifier),
    "scale": (own.texts,),
    "wirings/caption": (own.photographs,),
    "wirings/chinese": (own.reviews,),
    "wirings/clips": (own.clips,),
    "wirings/forecast": (own.series,),
    "wirings/frames": (own.moves,),
    "wirings/generate-frames": (partial(own.sound, digits=False), own.moves),
    "wirings/language": (own.texts, partial(own.reviews, text="review")),
    "wirings/sound": (own.sound,),
    "wirings/vectors": (own.vectors,),
}


@dataclass(frozen=True)
class Block:
    """What a page has: a command, or lines of Python. refused: what it prints instead of an answer, "" if none"""

    line: int
    kind: str
    text: str
    refused: str = ""


def blocks(page: str) -> Iterator[Block]:
    """In their order."""
    for found in re.finditer(r"^```(\w*)\n(.*?)^```$|^((?:    \S[^\n]*\n(?:    [^\n]*\n)*)+)", page, re.M | re.S):
        line = page[: found.start()].count("\n") + 1
        kind, body, indented = found[1], found[2], found[3]
        if kind == "python":
            yield Block(line, "python", body)
        elif kind == "sh" and body.startswith("#!"):
            yield Block(line, "script", body)
        elif kind == "sh":
            for each in body.replace("\\\n", " ").splitlines():
                if words := shlex.split(each, comments=True):
                    assert words[0] in PROGRAMS, f"line {line}: {each}"
                    yield Block(line, "command", shlex.join(words) if "|" not in words else each.strip())
        elif indented is not None:
            for each in indented.splitlines():
                command = re.sub(r"\s{3,}\S.*$", "", each.strip())
                if command.split()[0] in PROGRAMS:
                    yield Block(line, "command", command)
        elif kind == "text":
            lines = body.splitlines()
            for at, each in enumerate(lines):
                if each.startswith("$ "):
                    after = lines[at + 1] if at + 1 < len(lines) else ""
                    yield Block(line, "command", each[2:], after if after.startswith("recurra: ") else "")


PAGES = [
    path.relative_to(DOCS).with_suffix("").as_posix()
    for pattern in ("*.md", "howto/*.md", "wirings/*.md")
    for path in sorted(DOCS.glob(pattern))
    if any(True for _ in blocks(path.read_text(encoding="utf-8"))) and path != DOCS / "index.md"
]


def hurried(words: list[str]) -> list[str]:
    """The same with less to do."""
    words = [word for word in words if word != "..."]
    if words[1] == "generate" and "-n" in words:
        words[words.index("-n") + 1] = "3"
    if words[1] == "tune":
        words += ["--minutes", "0.2"]
    if words[1] == "vectors" and "--out" in words:
        words += ["--epochs", "1"] if words[2] == "ptb" else ["--overwrite"]
    if words[1] == "export":
        words += ["--overwrite"]
    if words[1] == "diagnose" and words[2].endswith(".csv"):
        words += HURRY
    if words[1] != "train":
        return words
    for option in ("--minutes", "--epochs"):
        if option in words:
            at = words.index(option)
            words = words[:at] + words[at + 2 :]
    return [*words, *HURRY, "--overwrite"]


def installed(command: str) -> None:
    """An installation is not done: what it names is there to be installed."""
    for extra in re.findall(r"\[([a-z,]+)\]", command):
        assert set(extra.split(",")) <= EXTRAS.keys(), command


class Reader:
    """Somebody who types a page's commands."""

    def __init__(self, page: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.page, self.folder, self.capsys = page, folder, capsys
        self.ran = 0
        self.typed: set[str] = set()

    def type(self, block: Block) -> None:
        where = f"{self.page}.md:{block.line}: {block.text}"
        words = shlex.split(block.text)
        program = words[0]
        if program == "pip":
            installed(block.text)
        elif program == "recurra" and words[1] in ("push", "pull"):  # there is no hub here; tests/api has a made-up one
            assert main([words[1], "--help"]) == 0
            shown = self.capsys.readouterr().out
            assert all(word in shown for word in words if word.startswith("--")), where
        elif program == "recurra" and words[1] in ("serve", "inspect") and "--html" not in words:
            self.serve(words, where)
        elif program == "recurra" and block.text not in self.typed:
            self.typed.add(block.text)
            self.capsys.readouterr()
            code = main(hurried(words)[1:])
            said = self.capsys.readouterr()
            if block.refused:
                assert code, where
                assert block.refused in said.err.replace(f"{os.environ.get('RECURRA_DATA')}/", ""), where
            else:
                assert code == 0, f"{where}\n{said.err[-2000:]}"
            self.ran += 1
        elif program == "python" and words[1].startswith(("benchmarks/", "scripts/")):
            assert (ROOT / words[1]).is_file(), where
        elif program == "torchrun":
            self.several(words, where)
        elif program == "arecord":
            self.pipe(block.text, where)
        elif program == "make":
            self.check(where)
        else:
            assert program in ("recurra", "python", "curl"), where

    def pipe(self, command: str, where: str) -> None:
        """A recording in the place of the microphone."""
        listening = command.partition("| recurra")[2]
        with (self.folder / "call.raw").open("rb") as heard:
            done = subprocess.run(
                [sys.executable, "-m", "recurra", *shlex.split(listening)],
                stdin=heard, capture_output=True, text=True, timeout=120, check=False,
            )  # fmt: skip
        assert done.returncode == 0, f"{where}\n{done.stderr}"
        assert done.stdout.strip(), where
        self.ran += 1

    def check(self, where: str) -> None:
        """In the folder that an export wrote, by this machine's compiler."""
        if shutil.which("make") and shutil.which("cc"):
            (exported,) = (path.parent for path in self.folder.rglob("check.c"))
            done = subprocess.run(["make", "check"], cwd=exported, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{where}\n{done.stdout}{done.stderr}"
            self.ran += 1

    def serve(self, words: list[str], where: str) -> None:
        """Until it has been asked: a page, or the route that the page's own `curl` asks."""
        asked = re.search(
            r"curl -N localhost:8000(\S+) --json '([^']+)'", (DOCS / f"{self.page}.md").read_text("utf-8")
        )
        command = [sys.executable, "-m", *words, "--port", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            try:
                assert process.stdout is not None
                said = ""
                while not (found := re.search(r"http://\S+?(?=[;\s]|$)", said)) and (line := process.stdout.readline()):
                    said += line
                assert found is not None, f"{where}\n{said}"
                body = asked[2].encode() if asked and words[1] == "serve" else None
                address = found[0].rstrip("/") + asked[1] if asked and body else found[0]
                request = urllib.request.Request(address, body, {"content-type": "application/json"} if body else {})
                browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
                with browser.open(request, timeout=60) as answer:
                    assert answer.read(), where
            finally:
                process.terminate()
                process.communicate(timeout=60)
        self.ran += 1

    def several(self, words: list[str], where: str) -> None:
        """Two processes; several hosts are this one, and start together where the page's next line starts the other."""
        at = words.index("recurra")
        options = [
            {"10.0.0.1": "127.0.0.1", "29500": str(PORT), "4": "2"}.get(word, word) for word in words[1 : at - 1]
        ]
        command = [sys.executable, "-m", "torch.distributed.run", *options, "-m", *hurried(words[at:])]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
        if "--node-rank" in words and words[words.index("--node-rank") + 1] == "0":
            return
        for process in started:
            said, _ = process.communicate(timeout=600)
            assert process.returncode == 0, f"{where}\n{said[-2000:]}"
            self.ran += 1
        started.clear()


with socket.socket() as _free:
    _free.bind(("127.0.0.1", 0))
    PORT = _free.getsockname()[1]
started: list[subprocess.Popen[str]] = []


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECURRA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(catalogue, "_cells", dict(catalogue._cells))
    yield tmp_path
    for process in started:
        process.kill()
        process.communicate()
    started.clear()


def around(page: str, folder: Path) -> dict[str, Any]:
    """What blocks of Python take as there, by page."""
    import recurra

    made = np.random.default_rng(0)
    space: dict[str, Any] = {"__name__": "howto", "recurra": recurra}
    if page == "wirings/frames":
        space |= {"X": made.normal(size=(30, 12, 2)), "y": ["wave", "rest", "turn"] * 10}
    if page == "wirings/sound":
        space |= {"run": recurra.load("calls"), "microphone": [made.normal(size=4000) for _ in range(3)]}
    if page == "wirings/clips":
        recurra.train("moving-shapes", bidirectional=False, minutes=0.1, quiet=True, out="stream", overwrite=True)
        size = recurra.load("stream").model
        shape = next(iter(size.read(folder / "new-clip"))) if hasattr(size, "read") else None
        space |= {"run": recurra.load("stream"), "camera": [np.zeros((24, 24), np.uint8)] * 3, "_shape": shape}
    if page == "wirings/forecast":
        import polars

        space |= {"frame": polars.read_csv("sales.csv")}
    if page == "inside":
        told = [
            f"{person} is {what} number {n}" for n in range(15) for person, what in (("this", "good"), ("that", "bad"))
        ]
        space |= {"reviews": told, "praise_or_blame": ["praise", "blame"] * 15}
    return space


@pytest.mark.parametrize("page", PAGES)
def test_every_block_in_order(
    page: str, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(folder / "surnames-gru-onnx")  # the reader of an export

    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    if re.search(
        r"recurra (?:train|vectors) (?:ptb|mr|sst2|atis|names|multi30k|japanese|chnsenticorp)", text
    ) and not os.environ.get("RECURRA_DATA"):
        pytest.skip("the data sets of this page come from the folder in RECURRA_DATA")
    for make in FILES.get(page, ()):
        make(folder)
    if page in ("wirings/score", "wirings/language"):
        own.candidates(folder, (DOCS / "wirings/score.md").read_text(encoding="utf-8"))
    reader = Reader(page, folder, capsys)
    for command in MODELS.get(page, ()):
        reader.type(Block(0, "command", command))
    space: dict[str, Any] = {}
    for block in blocks(text):
        began = time.monotonic()
        if block.kind == "command":
            reader.type(block)
        elif block.kind == "script":
            done = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
        else:
            space = space or around(page, folder)
            importlib.invalidate_caches()
            exec(compile("\n" * block.line + block.text, f"{page}.md", "exec"), space)
            reader.ran += 1
        with capsys.disabled():
            sys.stdout.write(
                f"{time.monotonic() - began:6.1f} s  {page}.md:{block.line} {block.text.splitlines()[0][:80]}\n"
            )
    assert reader.ran


def test_every_how_to_with_commands_is_read() -> None:
    assert importlib.util.find_spec("recurra")
    assert len(PAGES) >= 20

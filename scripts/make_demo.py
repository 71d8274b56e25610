"""Run `make demo` and put what it said, and pictures of its report, into the README.

    python scripts/make_demo.py

The commands are those of the Makefile. Writes the first text block of README.md and README.zh.md, docs/images/demo.svg
(draw_terminal.py), docs/images/confusion.svg and docs/images/report.png, the top of the report as chromium shows it;
each picture says the scores of its run, and a test compares them with the README's. Times are this machine's: let it
do nothing else meanwhile.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from recurra import model_folder
from recurra.report.build import build_report
from recurra.report.matrix import draw_matrix
from recurra.report.record import RunRecord
from recurra.report.sections import Matrix
from recurra.report.svg import standalone

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
WIDTH, HEIGHT = 1200, 1500
BLOCK = re.compile(r"(?<=^```text\n)\$ recurra train surnames.*?(?=^```$)", re.M | re.S)
COLUMNS = 120
"""Of a line of the README."""


def commands() -> list[str]:
    """The command lines of the Makefile's demo, which begin with `recurra`."""
    target = re.search(r"^demo:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    assert target is not None
    return re.findall(r"^\t\$\(BIN\)/(recurra .*)$", target[1], re.M)


def scores(transcript: str) -> str:
    """What the run reached, as it says itself: `accuracy 0.76, ...`."""
    found = re.search(r"^test: (.*)$", transcript, re.M)
    assert found is not None
    return found[1]


def main() -> None:
    """Train, predict, write."""
    browser = shutil.which("chromium")
    if browser is None:
        raise SystemExit("the picture of the report needs chromium, which is not installed")
    with tempfile.TemporaryDirectory() as folder:
        transcript = "".join(f"$ {line}\n{said(shlex.split(line), folder)}" for line in commands())
        record = RunRecord.from_json(json.loads(model_folder.read(Path(folder, "demo-run")).read_extra("report.json")))
    for name in ("README.md", "README.zh.md"):
        readme = (ROOT / name).read_text(encoding="utf-8")
        whole, count = BLOCK.subn(lambda _: wrapped(transcript), readme, count=1)
        assert count == 1, f"{name} has no block with the demo"
        (ROOT / name).write_text(whole, encoding="utf-8")
    subprocess.run([sys.executable, Path(__file__).with_name("draw_terminal.py")], check=True)
    matrix = next(section for section in record.sections if isinstance(section, Matrix))
    reached = scores(transcript)
    (IMAGES / "confusion.svg").write_text(told(draw_matrix(matrix) or "", reached) + "\n", encoding="utf-8")
    photograph(browser, build_report(record), IMAGES / "report.png", reached)


def said(words: list[str], folder: str) -> str:
    """What a command prints, progress and results in their order."""
    command = [str(Path(sys.executable).with_name("recurra")), *words[1:]]
    return subprocess.run(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True
    ).stdout


def wrapped(transcript: str) -> str:
    """Lines that are too long for the README go on in the next; those that a terminal shows as a bar are left out."""
    lines = [line for line in transcript.splitlines() if not re.match(r" +\d+%  epoch ", line)]
    return "".join((line if len(line) <= COLUMNS else textwrap.fill(line, COLUMNS)) + "\n" for line in lines)


def told(drawn: str, reached: str) -> str:
    """As a file of its own, with the scores of the run."""
    return re.sub(r"<svg[^<>]*>", lambda root: f"{root.group()}\n<desc>{reached}</desc>", standalone(drawn), count=1)


def photograph(browser: str, page: str, picture: Path, reached: str) -> None:
    """The top of a page, WIDTH x HEIGHT pixels, with the scores of the run in its description."""
    with tempfile.TemporaryDirectory() as folder:
        shown, shot = Path(folder, "report.html"), Path(folder, "report.png")
        shown.write_text(page, encoding="utf-8")
        flags = ["--headless", "--disable-gpu", "--hide-scrollbars", f"--window-size={WIDTH},{HEIGHT}"]
        if os.geteuid() == 0:  # chromium has no sandbox for root; the page is ours and has no script
            flags.append("--no-sandbox")
        subprocess.run(
            [browser, *flags, f"--user-data-dir={folder}/browser", f"--screenshot={shot}", shown.as_uri()],
            check=True,
            capture_output=True,
            timeout=120,
        )
        description = PngInfo()
        description.add_text("Description", reached)
        with Image.open(shot) as image:
            image.convert("RGB").save(picture, optimize=True, pnginfo=description)


if __name__ == "__main__":
    main()

"""A page as a browser lays it out, on a telephone and on a desk, light and dark. Needs chromium."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from report_records import classifier

from recurra.report.build import build_report
from recurra.report.sections import Coloured, Shades

BROWSER = shutil.which("chromium")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="chromium is not installed")

MEASURE = """<!doctype html><html><body><script>
const found = [], frames = [400, 1200].map(width => {
  const frame = document.createElement("iframe");
  frame.width = width; frame.height = 900; frame.src = "report.html"; document.body.append(frame); return frame;
});
Promise.all(frames.map(frame => new Promise(done => frame.onload = done))).then(() => {
  for (const frame of frames) {
    const page = frame.contentDocument, letters = [];
    for (const text of page.querySelectorAll("svg text, svg text *")) {
      const matrix = text.getScreenCTM();
      letters.push(parseFloat(frame.contentWindow.getComputedStyle(text).fontSize) * Math.hypot(matrix.a, matrix.b));
    }
    for (const element of page.querySelectorAll("main *"))
      if (!element.closest("svg") && element.checkVisibility() && element.textContent.trim())
        letters.push(parseFloat(frame.contentWindow.getComputedStyle(element).fontSize));
    const head = [...page.querySelectorAll("th.sorts")].find(head => head.textContent === "Class");
    const table = head.closest("table"), place = head.cellIndex;
    head.click();
    const column = [...table.tBodies[0].rows].map(row => row.cells[place].textContent.trim());
    const order = head.getAttribute("aria-sort");
    head.dispatchEvent(new KeyboardEvent("keydown", {key: "Enter"}));
    const back = [...table.tBodies[0].rows].map(row => row.cells[place].textContent.trim());
    const token = page.querySelectorAll(".shades > i")[1];
    token.dispatchEvent(new PointerEvent("pointerover", {bubbles: true}));
    const ink = page.querySelector(".paper svg text");
    found.push({
      width: page.documentElement.scrollWidth, room: page.documentElement.clientWidth, smallest: Math.min(...letters),
      ground: frame.contentWindow.getComputedStyle(page.body).backgroundColor,
      text: frame.contentWindow.getComputedStyle(ink).fill,
      column, order, back, said: page.querySelector("output.said").textContent,
      marked: page.querySelectorAll(".shades .here").length,
      names: [...page.querySelectorAll(".bars .name")].every(name => name.scrollWidth <= name.clientWidth),
    });
  }
  document.title = JSON.stringify(found);
});
</script></body></html>"""


def measured(folder: Path, *, dark: bool) -> list[dict[str, Any]]:
    """What the browser says of the page at 400 and at 1200 CSS pixels."""
    (folder / "measure.html").write_text(MEASURE, encoding="utf-8")
    flags = [
        "--headless",
        "--disable-gpu",
        "--allow-file-access-from-files",
        f"--user-data-dir={folder}/browser",
        f"--blink-settings=preferredColorScheme={0 if dark else 1}",
        "--virtual-time-budget=20000",
        "--window-size=1800,1000",
    ]
    if os.geteuid() == 0:  # chromium has no sandbox for root; the page is ours
        flags.append("--no-sandbox")
    assert BROWSER is not None
    done = subprocess.run(
        [BROWSER, *flags, "--dump-dom", (folder / "measure.html").as_uri()],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    found = re.search(r"<title>(.*?)</title>", done.stdout)
    assert found is not None, done.stdout[:500] + done.stderr[-2000:]
    measured: list[dict[str, Any]] = json.loads(unescape(found[1]))
    return measured


def brightness(color: str) -> float:
    return sum(map(float, re.findall(r"[\d.]+", color)[:3])) / (3 * 255)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_page_can_be_read_at_any_width_light_and_dark(tmp_path: Path, dark: bool) -> None:
    shades = [
        Shades("probability", [0.1, 0.5, 1.0], ["0.1", "0.5", "1"]),
        Shades("unit 3", [1, -0.2, 0], ["1", "-0.2", "0"]),
    ]
    record = classifier()
    record = replace(record, sections=[*record.sections, Coloured("A text", ["T", "o", "\n"], shades)])
    (tmp_path / "report.html").write_text(build_report(record), encoding="utf-8")
    for found in measured(tmp_path, dark=dark):
        assert found["smallest"] >= 9
        assert found["width"] <= found["room"], "the page itself scrolls sideways"
        assert found["names"], "a bar's name is cut"
        assert found["order"] == "ascending"
        assert found["column"] == sorted(found["column"], key=str.casefold) == found["back"][::-1]
        assert found["said"] == "o · probability 0.5 · unit 3 -0.2"
        assert found["marked"] == 2
        assert (brightness(found["ground"]) < 0.3) == dark
        assert (brightness(found["text"]) > 0.5) == dark

"""The terminal session of the README as a picture, docs/images/demo.svg, from the transcript that stands there.

    python scripts/draw_terminal.py

`make_demo.py` calls it after it has run the session. Notes, hints and most epochs are left out, and the end of a long
line. Text stays text. Lines light up one after the other where a viewer plays it and nobody has asked for less motion.
"""

from __future__ import annotations

import re
from pathlib import Path
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "images" / "demo.svg"
BLOCK = re.compile(r"(?<=^```text\n)\$ recurra train surnames.*?(?=^```$)", re.M | re.S)
LEFT_OUT = re.compile(r"(?:note|hint|try|report): |demo-run$|The training ended")
EPOCH = re.compile(r" +\d+\.\d\d +\d+:\d\d ")
COLUMNS = 98
CHARACTER, LINE, MARGIN, BAR = 7.83, 19, 18, 34
"""Pixels of a character of 13 px and of a line; around the text; of the window's bar."""
STYLE = """
text { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; }
text { fill: #d6dce4; white-space: pre; }
.typed { fill: #ffffff; font-weight: 600; } .best { fill: #8fd19e; } .result { fill: #ffd479; } .less { fill: #98a3b3; }
@media (prefers-reduced-motion: no-preference) { g > text { animation: come 0.01s both; } }
@keyframes come { from { opacity: 0.3; } to { opacity: 1; } }
"""


def shown(transcript: str) -> list[str]:
    """The lines of the picture: `...` stands for epochs, nothing for what only helps to go on."""
    lines: list[str] = []
    inside = False
    epochs = [line for line in transcript.splitlines() if EPOCH.match(line)]
    kept = {*epochs[:2], *[line for line in epochs if line.rstrip().endswith("best")][-1:]}
    for line in transcript.splitlines():
        if LEFT_OUT.match(line):
            inside = True
        elif EPOCH.match(line):
            inside = False
            if line in kept:
                lines.append(line)
            elif lines[-1] != "   ...":
                lines.append("   ...")
        elif not inside or re.match(r"\$ |[a-z]+: |test: |  epoch|\w+ \d x ", line):
            inside = False
            lines.append(line if len(line) <= COLUMNS else line[: line.rindex(";", 0, COLUMNS)] + "; ...")
    return lines


def kind(line: str) -> str:
    """Its style."""
    if line.startswith("$ "):
        return "typed"
    if line.startswith(("test:", "verdict:")):
        return "result"
    if line.rstrip().endswith("best"):
        return "best"
    return "less" if line.startswith(("baseline:", "   ...", "  epoch")) else ""


def draw(transcript: str) -> str:
    """The picture as a file of its own."""
    lines = shown(transcript)
    width = round(max(map(len, lines)) * CHARACTER + 2 * MARGIN)
    height = BAR + LINE * len(lines) + MARGIN
    at, rows = 0.3, []
    for number, line in enumerate(lines):
        at += 1.0 if line.startswith("$ ") else 0.35 if EPOCH.match(line) else 0.12
        attributes = f' class="{kind(line)}"' if kind(line) else ""
        y = BAR + LINE * number + 14
        rows.append(f'<text{attributes} x="{MARGIN}" y="{y}" style="animation-delay: {at:.2f}s">{escape(line)}</text>')
    title = "recurra train surnames: baselines, epochs, test score, verdict; then recurra predict for three names"
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
            f"<title>{title}</title>",
            f"<style>{STYLE}</style>",
            f'<rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8" fill="#1b2129" stroke="#4a5563"/>',
            *(
                f'<circle cx="{x}" cy="17" r="5" fill="{colour}"/>'
                for x, colour in zip((20, 38, 56), ("#ef6b63", "#f3bd4e", "#62c554"), strict=True)
            ),
            '<g xml:space="preserve">',
            *rows,
            "</g>",
            "</svg>",
            "",
        ]
    )


def main() -> None:
    """As a command."""
    found = BLOCK.search((ROOT / "README.md").read_text(encoding="utf-8"))
    assert found is not None, "README.md has no block with the demo"
    PICTURE.write_text(draw(found[0]), encoding="utf-8")


if __name__ == "__main__":
    main()

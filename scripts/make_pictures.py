"""Draw the README's pictures from a finished classifier.

    python scripts/make_pictures.py RUN

Writes docs/images/curves.svg and confusion.svg and, where chromium is installed, report.png: the top of the
run's report as a browser shows it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from recurra import model_folder
from recurra.report.build import build_report
from recurra.report.course import draw_course
from recurra.report.matrix import draw_matrix
from recurra.report.record import RunRecord
from recurra.report.sections import Matrix
from recurra.report.svg import standalone

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
WIDTH, HEIGHT = 1200, 1500


def main(run: Path) -> None:
    """Write every picture that can be written here."""
    record = RunRecord.from_json(json.loads(model_folder.read(run).read_extra("report.json")))
    IMAGES.mkdir(parents=True, exist_ok=True)
    matrices = (draw_matrix(section) for section in record.sections if isinstance(section, Matrix))
    for name, drawn in (("curves", next(iter(draw_course(record)), None)), ("confusion", next(matrices, None))):
        if drawn is None:
            raise SystemExit(f"{run} has nothing to draw as {name}; give a finished classifier")
        (IMAGES / f"{name}.svg").write_text(standalone(drawn) + "\n", encoding="utf-8")
    browser = shutil.which("chromium")
    if browser is None:
        raise SystemExit("curves.svg and confusion.svg are drawn; report.png needs chromium, which is not installed")
    photograph(browser, build_report(record), IMAGES / "report.png")


def photograph(browser: str, page: str, picture: Path) -> None:
    """The top of a page, WIDTH x HEIGHT pixels."""
    with tempfile.TemporaryDirectory() as folder:
        shown, shot = Path(folder, "report.html"), Path(folder, "report.png")
        shown.write_text(page, encoding="utf-8")
        flags = ["--headless", "--disable-gpu", "--hide-scrollbars", f"--window-size={WIDTH},{HEIGHT}"]
        if os.geteuid() == 0:  # chromium has no sandbox for root; the page is ours and has no script
            flags.append("--no-sandbox")
        subprocess.run(
            [browser, *flags, f"--user-data-dir={folder}/browser", f"--screenshot={shot}", shown.as_uri()],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip
        with Image.open(shot) as image:
            image.convert("RGB").save(picture, optimize=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: python scripts/make_pictures.py RUN")
    main(Path(sys.argv[1]))

"""Draw docs/images/clips.svg anew: labels of the frames of held-out clips, from the page of a run.

recurra train moving-shapes --out RUN
python scripts/draw_clips.py RUN
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from recurra import model_folder
from recurra.report.svg import standalone

OUT = Path(__file__).parents[1] / "docs" / "images" / "clips.svg"
SECTION = "Labels over time"


def main(run: Path, place: int = 0) -> None:
    record = json.loads(model_folder.read(run).read_extra("report.json"))
    (section,) = (each for each in record["sections"] if each["title"] == SECTION)
    picture = section["pictures"][place]
    OUT.write_text(standalone(picture["svg"]) + "\n", encoding="utf-8")
    sys.stdout.write(f"{OUT}: {picture['title']}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:3]))

"""Draw docs/images/clips.svg anew: labels of the frames of held-out clips, from the page of a run.

recurra train moving-shapes --out RUN
python scripts/draw_clips.py RUN
"""

from __future__ import annotations

import sys
from pathlib import Path

import recurra
from recurra.api import provenance
from recurra.api.preparation import read_data
from recurra.report.svg import standalone
from recurra.tasks import registry

OUT = Path(__file__).parents[1] / "docs" / "images" / "clips.svg"
SECTION = "Labels over time"


def main(folder: Path, place: int = 0) -> None:
    run, task = recurra.load(folder), registry.get("frames").task
    dataset = read_data(provenance.find(run.stored, run.folder), run.settings, run.preprocessor)
    found = task.sections(dataset, run.model, task.evaluate(run.model, dataset.held_out, run.settings))
    (section,) = (each for each in found if each.title == SECTION)
    picture = section.pictures[place]  # type: ignore[union-attr]
    OUT.write_text(standalone(picture.svg) + "\n", encoding="utf-8")
    sys.stdout.write(f"{OUT}: {picture.title}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:3]))

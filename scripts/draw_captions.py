"""Draw docs/images/captions.svg anew: where a decoder looked for each word of what it says of a drawn picture.

recurra train shapes --out RUN
python scripts/draw_captions.py RUN
"""

from __future__ import annotations

import sys
from itertools import islice
from pathlib import Path

import recurra
from recurra.data.datasets.shapes import drawn, scenes
from recurra.report.svg import standalone

OUT = Path(__file__).parents[1] / "docs" / "images" / "captions.svg"


def main(folder: Path, place: int = 1) -> None:
    """place: of the picture in the test part, where all show a colour and a shape that never stood together before"""
    run = recurra.load(folder)
    name, things, captions = next(islice(scenes("test"), place, None))
    (found,) = run.predict(drawn(things, name))
    OUT.write_text(standalone(run.model.draw(found, name)) + "\n", encoding="utf-8")  # type: ignore[attr-defined]
    sys.stdout.write(f"{OUT}: {name}, {found.best!r} beside {captions[0]!r}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:3]))

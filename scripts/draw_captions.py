"""Draw docs/images/captions.svg anew: where a decoder looked for each word of what it says of drawn pictures.

recurra train shapes --out RUN
python scripts/draw_captions.py RUN

The first group and the first pair of the part are drawn, whatever is said of them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import recurra
from recurra.data.datasets.shapes import drawn, scenes
from recurra.report.svg import standalone
from recurra.report.tiles import Tile, draw_tiles
from recurra.tasks.caption.drawing import looks

OUT = Path(__file__).parents[1] / "docs" / "images" / "captions.svg"
SIZE = 76
"""CSS pixels of a picture."""
NOTHING = Tile(np.full((3, 1, 1), 255, np.uint8))


def main(folder: Path, part: str = "test") -> None:
    """part: "test", all its pictures with a colour and a shape that never stood together, or "validation" """
    run = recurra.load(folder)
    rows, said = list[list[Tile]](), list[str]()
    for pair in (False, True):
        name, things, captions = next(
            (name, things, captions)
            for name, things, captions in scenes(part)
            if (len({each.colour for each in things}) > 1) is pair
        )
        (found,) = run.predict(drawn(things, name))
        if found.weights is None or found.pixels is None:
            sys.exit(f"{folder} looks nowhere: train it with --condition attention")
        rows.append(looks(found.pixels, found.tokens[:-1], found.weights[:-1]))
        said.append(found.best)
        sys.stdout.write(f"{name}: {found.best!r}, drawn as {captions[0]!r}\n")
    columns = max(map(len, rows))
    tiles = [tile for row in rows for tile in [*row, *[NOTHING] * (columns - len(row))]]
    picture = draw_tiles(tiles, f"where it looked for each word of: {'; '.join(said)}", size=SIZE, columns=columns)
    OUT.write_text(standalone(picture) + "\n", encoding="utf-8")
    sys.stdout.write(f"{OUT}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:3])

"""Draw docs/images/drawn-seven.svg anew: the energies of a spoken seven that a generator of frames has drawn.

recurra train RECORDINGS --task generate-frames --names "{label}_{speaker}_{take}" --trim-db 30 --out RUN
python scripts/draw_generated.py RUN

The first one of the first seed is drawn, whatever it looks like.
"""

from __future__ import annotations

import sys
from pathlib import Path

import recurra
from recurra.data.frames.sequences import Frames
from recurra.report.svg import standalone
from recurra.tasks.sequences.sound.pictures import of_recording

OUT = Path(__file__).parents[1] / "docs" / "images" / "drawn-seven.svg"


def main(folder: Path) -> None:
    run = recurra.load(folder)
    (one,) = run.generate(condition="7", temperature=0.8, seed=0)
    if one.sound is None:
        sys.exit(f"{folder} draws no sound")
    frames = Frames("drawn", one.frames, ("7",), samples=one.samples())
    OUT.write_text(standalone(of_recording(frames, one.sound, "7, drawn", "drawn").svg) + "\n", encoding="utf-8")
    sys.stdout.write(f"{OUT}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

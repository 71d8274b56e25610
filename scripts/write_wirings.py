"""Write the drawings of docs/wirings/index.md.

    python scripts/write_wirings.py

They are derived from recurra.inspection.wirings; a test compares.
"""

from __future__ import annotations

from pathlib import Path

from recurra.inspection.wiring_pictures import draw_wiring
from recurra.inspection.wirings import WIRINGS, Wiring
from recurra.report.svg import standalone

TARGET = Path(__file__).resolve().parents[1] / "docs" / "images"


def path_of(wiring: Wiring) -> Path:
    return TARGET / f"wiring-{wiring.name.lower().replace(':', '-to-')}.svg"


def main() -> None:
    for wiring in WIRINGS:
        path_of(wiring).write_text(standalone(draw_wiring(wiring)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""A network rolled up: one box for each part, with its shape and its parameters, loops where states are carried."""

from __future__ import annotations

import textwrap
from collections import Counter, defaultdict

from recurra.inspection.drawings.blueprint import Block, Blueprint, Read
from recurra.inspection.drawings.colours import COLOURS
from recurra.report.lettering import text_width
from recurra.report.sheet import SMALL, TITLE, Point, Sheet
from recurra.report.svg import MUTED

HEIGHT, PITCH = 44.0, 70.0
"""Pixels of a box, and from one to the next."""
GAP, LOOP, EDGE, HEAD = 84.0, 26.0, 10.0, 34.0
"""Pixels between two lanes, that a loop reaches out, of the edge, of the title."""


def draw_blueprint(plan: Blueprint) -> str:
    """As one <svg> element, inputs below."""
    return _Rolled(plan).svg()


class _Rolled:
    def __init__(self, plan: Blueprint) -> None:
        self.plan = plan
        self.top = max(plan.levels.values())
        self.widths = [
            max(_width(block) for block in plan.blocks if block.lane == lane) for lane in range(len(plan.lanes))
        ]
        loops = [_loop_width(block) for block in plan.blocks if block.chains]
        self.outside = max(loops, default=0.0)
        several = len(plan.lanes) > 1
        left = any(b.chains and b.lane == 0 for b in plan.blocks) and several
        right = any(b.chains and (b.lane > 0 or not several) for b in plan.blocks)
        feeds = any(read.flow == "feed" for b in plan.blocks for read in b.reads)
        self.left = EDGE + (self.outside if left else 0)
        self.right = EDGE + (self.outside if right else 0) + (16 if feeds else 0)
        self.starts = [self.left]
        for width in self.widths[:-1]:
            self.starts.append(self.starts[-1] + width + GAP)
        self.slots: dict[int, int] = defaultdict(int)
        self.entries: Counter[tuple[str, str]] = Counter()

    def svg(self) -> str:
        plan = self.plan
        width = max(self.starts[-1] + self.widths[-1] + self.right, text_width(self._title(), TITLE) + 2 * EDGE)
        notes = textwrap.wrap(plan.note, max(30, int(width / 5.6))) if plan.note else []
        height = HEAD + PITCH * self.top + HEIGHT + EDGE + 15 * len(notes) + (8 if notes else 0)
        sheet = Sheet(width, height)
        sheet.words((EDGE, 14), self._title(), size=TITLE, align="left", strong=True)
        for block in plan.blocks:
            for read in block.reads:
                self._read(sheet, block, read)
        for block in plan.blocks:
            self._block(sheet, block)
        for number, line in enumerate(notes):
            sheet.words((EDGE, height - 15 * (len(notes) - number) + 4), line, color=MUTED, align="left")
        return sheet.svg(f"{self._title()}: {plan.description}")

    def _title(self) -> str:
        return f"{self.plan.heading}: {self.plan.parameters:,} parameters"

    def _centre(self, block: Block) -> Point:
        level = self.plan.levels[block.name]
        return self.starts[block.lane] + self.widths[block.lane] / 2, HEAD + HEIGHT / 2 + PITCH * (self.top - level)

    def _block(self, sheet: Sheet, block: Block) -> None:
        x, y = self._centre(block)
        round_ = block.kind in ("input", "output")
        sheet.box((x, y), (self.widths[block.lane], HEIGHT), COLOURS[block.kind], round_=round_)
        sheet.words((x, y - 9), block.title, size=TITLE)
        sheet.words((x, y + 9), block.words, color=MUTED)
        if block.chains:
            outward = -1 if block.lane == 0 and len(self.plan.lanes) > 1 else 1
            side = x + outward * self.widths[block.lane] / 2
            out = side + outward * LOOP
            sheet.arrow([(side, y - 8), (out, y - 8), (out, y + 8), (side, y + 8)])
            label = ", ".join(block.states)
            sheet.words((out + outward * 5, y), label, align="left" if outward > 0 else "right")

    def _read(self, sheet: Sheet, block: Block, read: Read) -> None:
        plan, source = self.plan, self.plan.block(read.name)
        (x, y), (from_x, from_y) = self._centre(block), self._centre(source)
        dashed = read.flow in ("state", "feed")
        if source.lane == block.lane:
            half = self.widths[block.lane] / 2
            if read.flow == "feed":
                side = x + half + self.outside
                sheet.arrow([(from_x + half, from_y), (side, from_y), (side, y + 15), (x + half, y + 15)], dashed=True)
            elif not dashed and not self._between(source, block):
                sheet.arrow([(from_x, from_y - HEIGHT / 2), (x, y + HEIGHT / 2)])
            else:
                gap = self._gap(block.lane, 1) if len(plan.lanes) > 1 else x + half + self.outside
                at = y + self._entry(block.name, "right")
                sheet.arrow([(from_x + half, from_y), (gap, from_y), (gap, at), (x + half, at)], dashed=dashed)
            return
        toward = 1 if block.lane > source.lane else -1
        start = from_x + toward * self.widths[source.lane] / 2
        end = x - toward * self.widths[block.lane] / 2
        gap = self._gap(block.lane, -toward)
        at = y + self._entry(block.name, "left" if toward > 0 else "right")
        out = from_y + self._entry(source.name, "right" if toward > 0 else "left")
        sheet.arrow([(start, out), (gap, out), (gap, at), (end, at)], dashed=dashed)

    def _between(self, low: Block, high: Block) -> bool:
        """Whether boxes of their lane stand between two blocks."""
        levels = self.plan.levels
        inside = range(levels[low.name] + 1, levels[high.name])
        return any(block.lane == low.lane and levels[block.name] in inside for block in self.plan.blocks)

    def _gap(self, lane: int, side: int) -> float:
        """Where a line runs up beside a lane, each at a place of its own."""
        number = self.slots[2 * lane + side]
        self.slots[2 * lane + side] += 1
        if side > 0:
            return self.starts[lane] + self.widths[lane] + 18 + 12 * number
        return self.starts[lane] - 18 - 12 * number

    def _entry(self, name: str, side: str) -> float:
        """How far above or below its middle a line ends or begins at a side of a box."""
        number = self.entries[name, side]
        self.entries[name, side] += 1
        return (0.0, 11.0, -11.0, 16.0, -16.0)[number % 5]


def _width(block: Block) -> float:
    return max(text_width(block.title, TITLE), text_width(block.words, SMALL)) + 22


def _loop_width(block: Block) -> float:
    return LOOP + 10 + text_width(", ".join(block.states), SMALL)

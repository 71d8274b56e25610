"""A network unrolled over some steps: a box for each part and step, states from step to step."""

from __future__ import annotations

import itertools
from collections import defaultdict

from recurra.inspection.drawings.blueprint import Block, Blueprint, Read
from recurra.inspection.drawings.colours import COLOURS
from recurra.report.lettering import text_width
from recurra.report.sheet import SMALL, TITLE, Point, Sheet
from recurra.report.svg import MUTED

COLUMN, GAP, EDGE, HEAD = 66.0, 46.0, 10.0, 34.0
"""Pixels of a step, between two lanes, of the edge, of the title."""
BOX = (40.0, 28.0)
BOTH = (52.0, 70.0)
"""Around the two boxes of a layer that reads both ways."""
ONCE = 42.0
ROOM = 26.0
"""Between two levels."""


def draw_unrolled_blueprint(plan: Blueprint) -> str:
    """As one <svg> element, inputs below."""
    return _Unrolled(plan).svg()


class _Unrolled:
    def __init__(self, plan: Blueprint) -> None:
        self.plan, levels = plan, plan.levels
        top = max(levels.values())
        heights = [max(_height(b) for b in plan.blocks if levels[b.name] == level) for level in range(top + 1)]
        self.middles: list[float] = []
        y = HEAD
        for height in reversed(heights):
            self.middles.insert(0, y + height / 2)
            y += height + ROOM
        self.bottom = y - ROOM
        self.labelled = [lane for lane in range(len(plan.lanes)) if plan.lanes[lane].steps]
        self.left = EDGE + self._margin(self.labelled[0]) + 8
        self.right = EDGE + (self._margin(self.labelled[-1]) + 8 if len(self.labelled) > 1 else 0)
        self.widths = [max([COLUMN * len(lane.steps), *self._once(number)]) for number, lane in enumerate(plan.lanes)]
        self.starts = [self.left]
        if self.labelled[0] > 0:  # lanes that happen once stand to the left of all, the labels at the right
            self.left, self.right = EDGE, EDGE + self._margin(self.labelled[-1]) + 8
            self.starts = [EDGE]
        for width in self.widths[:-1]:
            self.starts.append(self.starts[-1] + width + GAP)
        self.buses: dict[int, int] = defaultdict(int)

    def _margin(self, lane: int) -> float:
        texts = [t for b in self.plan.blocks if b.lane == lane and not b.once for t in (b.title, b.words)]
        return max((text_width(text, SMALL) for text in texts), default=0.0)

    def _once(self, lane: int) -> list[float]:
        return [
            max(text_width(b.title, SMALL), text_width(b.words, SMALL)) + 18
            for b in self.plan.blocks
            if b.lane == lane and b.once
        ]

    def svg(self) -> str:
        width = max(self.starts[-1] + self.widths[-1] + self.right, text_width(self._title(), TITLE) + 2 * EDGE)
        sheet = Sheet(width, self.bottom + EDGE)
        sheet.words((EDGE, 14), self._title(), size=TITLE, align="left", strong=True)
        for block in self.plan.blocks:
            for read in block.reads:
                self._read(sheet, block, self.plan.block(read.name), read)
        for block in self.plan.blocks:
            self._draw(sheet, block)
        return sheet.svg(f"{self._title()}: {self.plan.description}")

    def _title(self) -> str:
        return f"{self.plan.heading}, unrolled: the same weights at each step"

    # where things are

    def _y(self, block: Block) -> float:
        return self.middles[self.plan.levels[block.name]]

    def _middle(self, block: Block) -> float:
        return self.starts[block.lane] + self.widths[block.lane] / 2

    def _columns(self, block: Block) -> list[float]:
        """The middles of its boxes."""
        if block.once:
            return [self._middle(block)]
        count = len(self.plan.lanes[block.lane].steps)
        start = self._middle(block) - COLUMN * count / 2
        return [start + COLUMN * (k + 0.5) for k in range(count)]

    def _size(self, block: Block) -> Point:
        if block.once:
            return self.widths[block.lane] if self.plan.lanes[block.lane].steps else max(self._once(block.lane)), ONCE
        return BOTH if len(block.chains) == 2 else BOX

    # boxes

    def _draw(self, sheet: Sheet, block: Block) -> None:
        y, color = self._y(block), COLOURS[block.kind]
        width, height = self._size(block)
        round_ = block.kind in ("input", "output")
        if block.once:
            x = self._middle(block)
            sheet.box((x, y), (width, height), color, round_=round_)
            sheet.words((x, y - 8), block.title)
            sheet.words((x, y + 8), block.words, color=MUTED)
            return
        columns = self._columns(block)
        self._chains(sheet, block, columns)
        for number, x in enumerate(columns):
            sign = block.sign
            if block.kind == "input":
                sign = self.plan.lanes[block.lane].steps[number]
            elif block.kind == "output":
                sign = f"{sign}{number + 1}"
            for at in self._inner(block):
                sheet.box((x, y + at), BOX, color, round_=round_)
                sheet.words((x, y + at), sign, size=TITLE)
        right = (len(self.labelled) > 1 and block.lane == self.labelled[-1]) or self.labelled[0] > 0
        if block.lane not in (self.labelled[0], self.labelled[-1]):
            return
        edge = self.starts[-1] + self.widths[-1] + 8 if right else self.left - 8
        align = "left" if right else "right"
        sheet.words((edge, y - 7), block.title, align=align)
        sheet.words((edge, y + 7), block.words, color=MUTED, align=align)

    @staticmethod
    def _inner(block: Block) -> tuple[float, ...]:
        """Where the boxes of a step stand around its middle: of two chains the forward one below."""
        return (18.0, -18.0) if len(block.chains) == 2 else (0.0,)

    def _chains(self, sheet: Sheet, block: Block, columns: list[float]) -> None:
        y, half = self._y(block), BOX[0] / 2
        if not block.chains:
            return
        if len(block.chains) == 2:
            for x in columns:
                sheet.box((x, y), BOTH, MUTED, fill=0.04)
        for chain, at in zip(block.chains, self._inner(block), strict=True):
            for before, after in itertools.pairwise(columns):
                if chain == "forward":
                    sheet.arrow([(before + half, y + at), (after - half, y + at)])
                else:
                    sheet.arrow([(after - half, y + at), (before + half, y + at)])

    # arrows

    def _read(self, sheet: Sheet, block: Block, source: Block, read: Read) -> None:
        y, from_y = self._y(block), self._y(source)
        below, above = y + self._size(block)[1] / 2, from_y - self._size(source)[1] / 2
        ends, starts = self._columns(block), self._columns(source)
        if read.flow == "state":
            self._begin(sheet, block, source)
        elif read.flow == "feed":
            for start, end in zip(starts, ends[1:], strict=False):
                turn = start + COLUMN / 2
                under = below + 9
                sheet.arrow(
                    [(start + BOX[0] / 2, from_y), (turn, from_y), (turn, under), (end - 9, under), (end - 9, below)],
                    dashed=True,
                )
        elif source.lane == block.lane:
            chosen = starts
            if read.flow == "last":
                chosen = [starts[0 if chain == "backward" else -1] for chain in source.chains] or starts[-1:]
            for x in dict.fromkeys(chosen):
                to = x if block.once and not source.once else ends[starts.index(x)] if not block.once else ends[0]
                sheet.arrow([(x, above), (to, below)])
        else:
            self._across(sheet, block, source, read)

    def _across(self, sheet: Sheet, block: Block, source: Block, read: Read) -> None:
        """From one lane to another: up, across, up; what is at each step stands on one line."""
        y, from_y = self._y(block), self._y(source)
        size, toward = self._size(block), 1 if block.lane > source.lane else -1
        below, starts = y + size[1] / 2, self._columns(source)
        if block.once and source.once:
            side = self._middle(block) - toward * size[0] / 2
            x = starts[0]
            sheet.arrow([(x, from_y - ONCE / 2), (x, y), (side, y)])
            return
        if block.once:  # the nearest step, or the last one of its chain
            x = starts[-1] if toward > 0 else starts[0]
            to = self._middle(block) - toward * min(22.0, size[0] / 4)
            sheet.arrow([(x + toward * self._size(source)[0] / 2, from_y), (to, from_y), (to, below)])
            return
        level = self.plan.levels[block.name]
        bus = below + ROOM / 2 + 4 * self.buses[level]
        self.buses[level] += 1
        ends = [x - toward * 10 for x in self._columns(block)]
        above = from_y - self._size(source)[1] / 2
        far = ends[-1] if toward > 0 else ends[0]
        for x in starts:
            side = x + toward * (self._size(source)[0] / 2 + 10)  # beside what may stand above it
            sheet.line(
                [(side - toward * 10, from_y), (side, from_y), (side, bus), (far, bus)]
                if source.once
                else [(x, above), (x, bus), (far, bus)]
            )
        for x in ends:
            sheet.arrow([(x, bus), (x, below)])

    def _begin(self, sheet: Sheet, block: Block, source: Block) -> None:
        """What a chain begins from comes to its first step from the side."""
        y, from_y = self._y(block), self._y(source)
        side = self._columns(block)[0] - BOX[0] / 2
        start = self._middle(source) + self._size(source)[0] / 2
        gap = self.starts[block.lane] - GAP / 2
        sheet.arrow([(start, from_y), (gap, from_y), (gap, y), (side, y)], dashed=True)


def _height(block: Block) -> float:
    return ONCE if block.once else BOTH[1] if len(block.chains) == 2 else BOX[1] + 6

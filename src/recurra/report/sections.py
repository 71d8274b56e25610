"""What a report is built of. A task gives a list of these; `report` draws them in that order and knows no task.

    from recurra.report.sections import Column, Curves, Line, Picture, Pictures, Table, Text

    def sections(self, evaluation) -> list[Section]:
        return [
            Table("Errors by horizon", ["steps ahead", Column("MASE", "number")], [["1", 0.81], ["2", 0.93]],
                  note="Mean over all windows of the test part."),
            Curves("Reliability", [Line("this model", [0.1, 0.9], [0.15, 0.85])], "expected", "observed"),
            Picture("Forecasts", svg, text="12 windows, each with its forecast"),
            Pictures("Some windows", [Picture("1 May, 10:00", svg), Picture("2 May, 10:00", other_svg)]),
            Text("How windows were made", ["Each series was cut into ..."]),
        ]

Everything is plain data: strings, numbers, lists. Whatever the data hold may be in any of it; all is escaped. Only the
SVG of pictures is markup: make it with `recurra.report.svg`, whose figures look alike, follow light and dark and keep
readable letters; anything in it that could run or load something is refused. `drawing(name)` sets matplotlib's
defaults, and `name` must differ from that of the page's other pictures:

    from recurra.report.svg import BLUE, ORANGE, chart, drawing, to_svg

    with drawing(f"forecast-{number}"):
        figure, axes = chart()                              # 400 x 250 CSS pixels, a grid, letters of 11
        axes.plot(steps, values, color=BLUE)
        axes.fill_between(steps, low, high, color=BLUE, alpha=0.2, linewidth=0)
        svg = to_svg(figure, "what it shows, for those who cannot see it")

Draw with the colours of that module, and with alpha for what lies between them and the ground. Each section's title
is a heading and an entry of the page's contents; an empty section (no rows, lines, pictures ...) is left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from recurra.errors import DataError

Cell = str | int | float | list[str] | None
"""Text, a number, quoted texts, or nothing."""
Columns = list["Column | str"]
Tone = Literal["", "good", "bad", "muted"]


@dataclass(frozen=True)
class Column:
    """A column. number: to the right, floats with three decimals; bar: a fraction 0 to 1 as a bar; quotes: a list of
    texts; code: in the font of code"""

    title: str
    shows: Literal["text", "number", "bar", "quotes", "code"] = "text"


@dataclass(frozen=True)
class Table:
    """Rows under columns; a column that is a string is one of text.

    note: how to read it; folded: rows that are shown on demand, under the words of folded_as; marked: places of rows
    that stand out; first_is_name: the first cell of a row is its name
    Errors: DataError for a row that is not as long as there are columns
    """

    title: str
    columns: Columns
    rows: list[list[Cell]]
    note: str = ""
    folded: list[list[Cell]] = field(default_factory=list)
    folded_as: str = ""
    marked: list[int] = field(default_factory=list)
    kind: Literal["table"] = "table"

    def __post_init__(self) -> None:
        for row in [*self.rows, *self.folded]:
            if len(row) != len(self.columns):
                raise DataError(f"table {self.title!r}: expected {len(self.columns)} cells a row, got {len(row)}")

    @property
    def heads(self) -> list[Column]:
        """The columns, each as one."""
        return [Column(column) if isinstance(column, str) else column for column in self.columns]

    @property
    def empty(self) -> bool:
        return not (self.rows or self.folded)


@dataclass(frozen=True)
class Picture:
    """An SVG of `recurra.report.svg`. text: what it shows, for those who cannot see it; note: what to see in it

    audio: what is heard with it, a WAV as a data URI
    """

    title: str
    svg: str
    text: str = ""
    note: str = ""
    audio: str = ""
    kind: Literal["picture"] = "picture"

    @property
    def empty(self) -> bool:
        return not self.svg


@dataclass(frozen=True)
class Pictures:
    """Several pictures under one heading, beside each other where there is room; each one's title is its caption."""

    title: str
    pictures: list[Picture]
    note: str = ""
    kind: Literal["pictures"] = "pictures"

    @property
    def empty(self) -> bool:
        return not self.pictures


@dataclass(frozen=True)
class Line:
    """Points of a curve; what is not finite is left out.

    low, high: of a band around it; dashed: for what it is compared with
    Errors: DataError if they are not of one length
    """

    name: str
    x: list[float]
    y: list[float]
    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)
    dashed: bool = False

    def __post_init__(self) -> None:
        sizes = {len(self.x), len(self.y)} | {len(band) for band in (self.low, self.high) if band}
        if len(sizes) > 1 or bool(self.low) != bool(self.high):
            got = [len(values) for values in (self.x, self.y, self.low, self.high)]
            raise DataError(
                f"line {self.name!r}: expected x and y, or these with low and high, of one length, got {got}"
            )


@dataclass(frozen=True)
class Curves:
    """Lines in one picture with a legend. Labels carry the units; square: both axes on one scale"""

    title: str
    lines: list[Line]
    x_label: str
    y_label: str
    note: str = ""
    square: bool = False
    kind: Literal["curves"] = "curves"

    @property
    def empty(self) -> bool:
        return not any(line.x for line in self.lines)


MOST_NAMES = 80
"""Of a matrix that a picture has room for: those with the most examples."""


@dataclass(frozen=True)
class Matrix:
    """Counts of rows that were taken for columns: a confusion matrix. counts[i][j]: of name i taken for name j

    Colour is the share of the row, on the diagonal another than beside it. Of many names only some are in it:
    totals are then of each row with what was taken for the others, and `of` is how many there are.
    Errors: DataError if it is not as wide and as high as there are names
    """

    title: str
    names: list[str]
    counts: list[list[int]]
    rows: str = "true"
    columns: str = "predicted"
    note: str = ""
    totals: list[int] = field(default_factory=list)
    of: int = 0
    kind: Literal["matrix"] = "matrix"

    def __post_init__(self) -> None:
        size = len(self.names)
        if len(self.counts) != size or any(len(row) != size for row in self.counts):
            rows, columns = len(self.counts), sorted({len(row) for row in self.counts})
            raise DataError(f"matrix {self.title!r}: expected {size} x {size}, got {rows} rows of {columns}")
        if self.totals and len(self.totals) != size:
            raise DataError(f"matrix {self.title!r}: expected {size} totals, got {len(self.totals)}")

    def total(self, row: int) -> int:
        """Examples of a name."""
        return self.totals[row] if self.totals else sum(self.counts[row])

    @property
    def empty(self) -> bool:
        return not self.names


@dataclass(frozen=True)
class Sample:
    """A text that was written. prompt: what it was given, shown before it in grey; label: what the sample is of"""

    text: str
    prompt: str = ""
    label: str = ""


@dataclass(frozen=True)
class Samples:
    """Texts as they were written, line by line."""

    title: str
    samples: list[Sample]
    note: str = ""
    kind: Literal["samples"] = "samples"

    @property
    def empty(self) -> bool:
        return not self.samples


@dataclass(frozen=True)
class Token:
    """A piece of a sequence. under: what is said of it; tone: its colour"""

    text: str
    under: str = ""
    tone: Tone = ""


@dataclass(frozen=True)
class Sequence:
    """Tokens in a row. label: where it stands, or what is said of it as a whole"""

    tokens: list[Token]
    label: str = ""


@dataclass(frozen=True)
class Sequences:
    """Sequences of tokens with what is said of each token under it; folded: shown on demand, under folded_as."""

    title: str
    sequences: list[Sequence]
    note: str = ""
    folded: list[Sequence] = field(default_factory=list)
    folded_as: str = ""
    kind: Literal["sequences"] = "sequences"

    @property
    def empty(self) -> bool:
        return not (self.sequences or self.folded)


@dataclass(frozen=True)
class Shades:
    """What a text is coloured by: for each token a number from -1 (orange) to 1 (blue), and what is said of it."""

    name: str
    values: list[float]
    said: list[str]


@dataclass(frozen=True)
class Coloured:
    """A text, once for each thing that it is coloured by. tokens: one after the other, with their blanks

    Errors: DataError for shades that are not of as many tokens
    """

    title: str
    tokens: list[str]
    shades: list[Shades]
    note: str = ""
    kind: Literal["coloured"] = "coloured"

    def __post_init__(self) -> None:
        for one in self.shades:
            if not len(one.values) == len(one.said) == len(self.tokens):
                got = f"{len(one.values)} values and {len(one.said)} words"
                raise DataError(f"coloured text {self.title!r}: {len(self.tokens)} tokens, got {got} of {one.name!r}")

    @property
    def empty(self) -> bool:
        return not (self.tokens and self.shades)


@dataclass(frozen=True)
class Bar:
    """A name, whole, a share 0 to 1 of the longest bar, and the value in words. strong: the one that it is about"""

    name: str
    share: float
    value: str
    strong: bool = False


@dataclass(frozen=True)
class Bars:
    """Values beside each other."""

    title: str
    bars: list[Bar]
    note: str = ""
    kind: Literal["bars"] = "bars"

    @property
    def empty(self) -> bool:
        return not self.bars


@dataclass(frozen=True)
class Text:
    """Paragraphs. plain: in the font of code, lines as they are"""

    title: str
    paragraphs: list[str]
    plain: bool = False
    note: str = ""
    kind: Literal["text"] = "text"

    @property
    def empty(self) -> bool:
        return not self.paragraphs


@dataclass(frozen=True)
class Node:
    """A node of a tree. under: what is said of it"""

    text: str
    children: list[Node] = field(default_factory=list)
    under: str = ""
    tone: Tone = ""


@dataclass(frozen=True)
class Tree:
    """A tree, or several."""

    title: str
    roots: list[Node]
    note: str = ""
    kind: Literal["tree"] = "tree"

    @property
    def empty(self) -> bool:
        return not self.roots


Section = Table | Picture | Pictures | Curves | Matrix | Samples | Sequences | Coloured | Bars | Text | Tree

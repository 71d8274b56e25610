"""Which steps of a recurrent network read and which write: the ways to wire one, each with what it is for.

A wiring is drawn from its steps: here as text for a terminal, in wiring_pictures as a picture.
"""

from __future__ import annotations

from dataclasses import dataclass

COLUMN = 6
"""Letters from one step to the next."""


@dataclass(frozen=True)
class Wiring:
    """One way to wire a recurrent network.

    inputs, states, outputs: what stands at each step, "" for nothing: x is read, h is the state (s that of a second
    network), y is written, (y) is what the step before wrote; both: whether a second chain runs backwards;
    question: what one asks of it; commands: that train one; page: of the documentation
    """

    name: str
    title: str
    inputs: tuple[str, ...]
    states: tuple[str, ...]
    outputs: tuple[str, ...]
    both: bool
    question: str
    tasks: tuple[str, ...]
    commands: tuple[str, ...]
    page: str

    def text(self) -> str:
        """The wiring in letters and arrows."""
        steps = range(len(self.states))
        rows = [_row(self.outputs), _row(["↑" if self.outputs[k] else "" for k in steps])]
        if self.both:
            rows.append(_chain(self.states, "←"))
        rows.append(_chain(self.states, "→"))
        rows += [_row(["↑" if self.inputs[k] else "" for k in steps]), _row(self.inputs)]
        return "\n".join(row.rstrip() for row in rows)


def _row(cells: tuple[str, ...] | list[str]) -> str:
    return "".join(cell.center(COLUMN) for cell in cells)


def _chain(states: tuple[str, ...], arrow: str) -> str:
    """The states of one direction, joined by arrows."""
    row = list(_row(states))
    for k in range(1, len(states)):
        row[k * COLUMN - 1 + COLUMN % 2] = arrow
    return "".join(row)


def _same(sign: str, count: int = 4) -> tuple[str, ...]:
    return (sign,) * count


WIRINGS = (
    Wiring(
        "1:1", "one in, one out: no memory", ("x",), ("h",), ("y",), False,
        "What follows from these five values alone? What windowed perceptrons do.",
        ("forecast", "frames"),
        ("recurra train airline --horizon 12", "recurra train digits"),
        "forecast.md",
    ),
    Wiring(
        "N:1", "a sequence in, one answer out", _same("x"), _same("h"), ("", "", "", "y"), False,
        "Of which language is this surname? Is the film praised: its effects are not bad? Which word was said?",
        ("classify", "frames"),
        ("recurra train names", "recurra train chnsenticorp", "recurra train japanese_vowels"),
        "sentiment.md",
    ),
    Wiring(
        "1:N", "one thing in, a sequence out", ("x", "(y)", "(y)", "(y)"), _same("h"), _same("y"), False,
        "Write a name of this language, a tune of this rhythm, a sentence for this picture.",
        ("generate", "generate-frames", "caption"),
        ("recurra train names --task generate", "recurra train japanese_vowels --task generate-frames",
         "recurra train shapes"),
        "generate.md",
    ),
    Wiring(
        "N:N", "an answer for every step", _same("x"), _same("h"), _same("y"), False,
        "What comes next, letter by letter? Which part of speech is each word, which movement each frame?",
        ("language", "tag", "frames"),
        ("recurra train tinyshakespeare", "recurra train ud_english_ewt", "recurra train gesture_phase_a"),
        "language.md",
    ),
    Wiring(
        "N:M", "a sequence in, another one out", ("x", "x", "x", "", "(y)"), ("h", "h", "h", "s", "s"),
        ("", "", "", "y", "y"), False,
        "How is this said in French? Two networks, trained together. How will the year go on after the last ten?",
        ("translate", "forecast"),
        ("recurra train multi30k", "recurra train etth1 --target OT --horizon 24"),
        "translate.md",
    ),
    Wiring(
        "both", "in both directions", _same("x"), _same("h"), _same("y"), True,
        "Which word is missing, given what stands before and after it? My phone is broken, I shall ____ a new one.",
        ("fill", "tag", "classify"),
        ("recurra train ptb --task fill", "recurra train online_shopping --task fill"),
        "fill.md",
    ),
)  # fmt: skip
"""In the order in which tutorials tell them."""

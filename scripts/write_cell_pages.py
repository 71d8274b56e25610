"""Write docs/cells: a page for each cell of the catalogue, and their table.

    python scripts/write_cell_pages.py

Equations, counts and papers are the cells' own; a test compares. Here stands only what a cell is for.
"""

from __future__ import annotations

from pathlib import Path

from recurra.cells.catalogue import BUILT_IN
from recurra.cells.definition import Cell
from recurra.inspection.explain import Explanation, explain

TARGET = Path(__file__).resolve().parents[1] / "docs" / "cells"

ABOUT = {
    "rnn": "The plainest recurrence: the new state is a squashed sum of what comes in and what was there. "
    "Forgets soon.",
    "rnn-relu": "An Elman network that does not squash. Wants an orthogonal or identity start and clipped gradients.",
    "indrnn": "Each unit sees its own past alone, by one weight; stack several layers, which mix the units.",
    "lstm": "The standard: a memory cell that gates write, keep and read. The first thing to try, and what others "
    "are compared with. As torch.nn.LSTM.",
    "peephole-lstm": "The gates see the memory itself, not only what was read out of it; made for counting and timing.",
    "lstm-projected": "What the next step and the next layer read is narrower than the memory: `proj_size` numbers. "
    "As torch.nn.LSTM with proj_size; without it the projection is as wide as the units, as counted here.",
    "coupled-lstm": "What is written is what is forgotten: a fourth of the LSTM's weights less.",
    "lstm-layernorm": "Every gate's sum is normalised over the units before it is squashed, and so is the memory "
    "before it is read: scale of inputs and weights no longer matters, and deep stacks train with larger learning "
    "rates.",
    "slstm": "Gates that grow without bound, so that a late input can outweigh all earlier ones. A normaliser `n` "
    "divides by the sum of all writes, and `m` keeps the exponentials in range; neither changes the "
    "result. `n` is a sum of positive numbers: a state of one's own must have it so. The paper's block-diagonal "
    "`R` is dense here.",
    "janet": "The forget gate alone: half of the LSTM's weights.",
    "gru": "Two gates and no second state; three quarters of the LSTM's weights. As torch.nn.GRU.",
    "gru-cho": "The GRU as its paper has it, with the state reset before the product. One more level of products, so "
    "slower.",
    "gru-layernorm": "A GRU whose products are normalised over the units, those of the input and of the state apart.",
    "minimal-gru": "One gate for reset and update.",
    "fast-grnn": "Gate and candidate share their matrices and differ in the bias: the smallest gated cell here, for "
    "microcontrollers. Two learned numbers weigh the candidate.",
    "ugrnn": "One gate between the old state and a candidate.",
    "intersection-rnn": "Two coupled gates, one along time and one along depth: made for deep stacks.",
    "min-gru": "A GRU whose gate and candidate see the input alone.",
    "min-lstm": "As minGRU, with two gates that are scaled to add up to 1.",
    "sru": "Gates see the input and, unit by unit, the memory; a second gate lets the input pass by.",
    "qrnn": "An LSTM's gates of the input alone. With inputs of several steps side by side it is the QRNN of "
    "wider windows.",
    "rg-lru": "A decay between 0 and 1 for each unit, made slower by a gate; the input is scaled so that the state "
    "keeps its size. The recurrence of Griffin and RecurrentGemma.",
    "ctrnn": "A differential equation in steps of Euler's method, with a learned rate for each unit: for signals "
    "of slow and fast parts.",
    "cfc": "Two candidates and a gate that goes from the one to the other as time passes; a liquid network's "
    "solution in closed form. Steps are evenly spaced.",
}

HEAD = """# Cells

Written by `scripts/write_cell_pages.py` from the catalogue. `recurra explain NAME` prints what a page has, for any
sizes and with the engines of your machine; `recurra explain lstm gru sru` compares. Every cell runs on every layer
and task: `recurra.RNN(32, 64, cell="sru")`, `recurra train DATA --cell sru`. How to add one: [a cell from a new
paper](../own-cell.md).

One layer and direction, input 128, hidden 256; kept: bytes of a step and row that training keeps in float32.

"""

OUT_OF_REACH = """
## What does not fit

States are vectors, one number for each unit, and a step sees its own input and the states alone. So these are no
cells here:

- mLSTM (xLSTM), RWKV-5 and later, gated linear attention, DeltaNet, Mamba and S4: their memory is a matrix or has
  several numbers for each unit. Neural Turing machines and differentiable stacks likewise.
- Mogrifier LSTM, RWKV's token shift: the input itself is gated by the state, or the step before's input is read
  again; products of the input would no longer run once for all time. (QRNN: give the steps of a window side by side.)
- LTC, ODE-RNN, GRU-D: the time between two steps comes in beside the input.
- Convolutional LSTMs: a state is an image.
"""


def page(cell: Cell, found: Explanation) -> str:
    text = found.text().split("\n\nengines on ")[0].split("\n\n", 1)[1]
    starts = [f"`{w}` from {_start(s)}" for w, s in cell.initial.items()]
    starts += [f'`b.{gate}` from {value:g} with `init="orthogonal"`' for gate, value in cell.initial_bias.items()]
    begins = f"\nStarts: {'; '.join(starts)}.\n" if starts else ""
    use = f'import recurra\n\nlayer = recurra.RNN(128, 256, cell="{cell.name}")'
    return (
        f"# `{cell.name}`: {cell.title}\n\n{ABOUT[cell.name]}\n\nSource: {cell.source}.\n\n```text\n{text}\n```\n"
        f"{begins}\n```python\n{use}\n```\n\n[All cells](README.md)\n"
    )


def _start(start: float | tuple[float, float]) -> str:
    return f"{start[0]:g} to {start[1]:g}, drawn evenly" if isinstance(start, tuple) else f"{start:g}"


def pages() -> dict[str, str]:
    """The text of each file."""
    found = {cell.name: explain(cell) for cell in BUILT_IN}
    rows = [
        "| cell | | parameters | FLOPs a step | kept | products at every step | steps run |",
        "|---|---|---|---|---|---|---|",
    ]
    for cell in BUILT_IN:
        e = found[cell.name]
        steps = "many at once" if e.units_apart else "one by one"
        name = f"[`{cell.name}`]({cell.name}.md)"
        counts = f"{e.parameters:,} | {e.flops_per_step:,} | {e.saved_bytes:,} | {e.recurrent}"
        rows.append(f"| {name} | {cell.title} | {counts} | {steps} |")
    made = {f"{cell.name}.md": page(cell, found[cell.name]) for cell in BUILT_IN}
    return made | {"README.md": HEAD + "\n".join(rows) + "\n" + OUT_OF_REACH}


def main() -> None:
    TARGET.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (TARGET / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

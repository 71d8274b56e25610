"""Draw the pictures of docs/inside.md anew: gates, what is thought at each step, and the memory of three cells.

recurra train surnames --cell lstm --no-bidirectional --skip none --pooling last --hidden-size 64 --out NAMES
recurra train tinyshakespeare --minutes 2 --out SHAKESPEARE
python scripts/draw_inside.py NAMES SHAKESPEARE

The three cells learn the same task: the class of a text is its first letter, with LENGTH others behind it.
"""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

import recurra
from recurra.api.diagnosing import of_training
from recurra.api.evaluation import trained_on
from recurra.api.preparation import prepare_run, settings_for
from recurra.inspection.diagnosis import Diagnosis
from recurra.inspection.diagnosis_pictures import draw_diagnosis, draw_flows
from recurra.inspection.drawings.cell_graph import draw_cell
from recurra.inspection.drawings.pictures import draw_rolled, draw_unrolled
from recurra.inspection.stretches import states_of
from recurra.report.sheet import Sheet
from recurra.report.svg import drawing, standalone, to_svg
from recurra.tasks.abilities import Stretching, able
from recurra.tasks.sources.resolving import resolve

OUT = Path(__file__).parents[1] / "docs" / "images"
NAME = "Abakumtsev"
LENGTH, EXAMPLES, EPOCHS = 60, 1500, 30.0
CELLS = ("rnn", "gru", "lstm")
SETTINGS: dict[str, Any] = {
    "hidden_size": 32,
    "embedding_size": 8,
    "bidirectional": False,
    "pooling": "last",
    "skip": "none",
    "level": "char",
    "dropout": 0.0,
    "epochs": EPOCHS,
    "patience": 0,
    "learning_rate": 5e-3,
    "device": "cpu",
    "threads": 1,
}


def remembering(folder: Path) -> Path:
    rng, path = random.Random(0), folder / "remember.csv"
    rows = [f"{first}{''.join(rng.choices('cdefgh', k=LENGTH))},{first}" for first in rng.choices("ab", k=EXAMPLES)]
    path.write_text("text,label\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def trained(path: Path, cell: str) -> Diagnosis:
    setup = prepare_run(resolve(path, "classify"), settings_for(resolve(path, "classify"), SETTINGS | {"cell": cell}))
    return of_training(setup, every=15)


def side_by_side(found: dict[str, Diagnosis]) -> str:
    with drawing("memory"):
        figure = Figure(figsize=(780 / 72, 250 / 72), layout="constrained")
        charts = figure.subplots(1, len(found), sharey=True)
        for axes, (cell, one) in zip(charts, found.items(), strict=True):
            looks = one.evidence.watched.looks
            chosen = [looks[0], looks[len(looks) // 3], looks[-1]]
            draw_flows(axes, {f"step {look.step:,}": look.layers[0].flow for look in chosen})
            axes.grid(axis="y")
            axes.spines["left"].set_visible(False)
            accuracy = one.evidence.points[-1].validation_metrics["accuracy"]
            axes.set_title(f"{cell}: {accuracy:.0%} right", fontsize=11)
            axes.set_ylim(1e-9, 30)
        charts[0].set_ylabel("gradient, of the last step's")
        return to_svg(figure, f"the gradient by steps back of {', '.join(found)} over training")


def probed(run: recurra.Run) -> str:
    """What is probed in a language model, said; a text coloured by the unit that follows the line."""
    found = run.probe()
    sys.stdout.write(f"{found.text()}\n")
    line = found["position in the line"]
    model: Stretching = able(run.model, Stretching, "read running text")
    states, texts = states_of(model, trained_on(run).held_out, rows=2, length=430)
    key, unit = line.unit
    values, tokens = states[key][1, 100:, unit], texts[1][100:]
    title = (
        f"{line.unit_name} follows the position in the line: R² {line.unit_score:.2f}, control {line.unit_control:.2f}"
    )
    return coloured(tokens, values / np.abs(values).max(), title)


def coloured(tokens: list[str], values: Any, title: str) -> str:
    """A text of characters, each on a ground of its value: blue above 0, orange below."""
    lines: list[list[tuple[str, float]]] = [[]]
    for token, value in zip(tokens, values.tolist(), strict=True):
        lines[-1].append((token.replace("\n", "⏎"), value))
        if token == "\n":
            lines.append([])
    side, high = 8.0, 18.0
    sheet = Sheet(max(480.0, 20 + side * max(map(len, lines))), 36 + high * len(lines))
    sheet.words((8, 14), title, size=12, align="left", strong=True)
    for row, line in enumerate(lines):
        shades = np.array([[0.7 * value for _, value in line]])
        sheet.heat((8, 30 + high * row), (side, high - 2), shades)
        for place, (token, _) in enumerate(line):
            x, y = 8 + side * place, 30 + high * row
            sheet.words((x + side / 2, y + 8), token, size=12, code=True)
    return sheet.svg(title)


def write(name: str, svg: str) -> None:
    (OUT / f"{name}.svg").write_text(standalone(svg) + "\n", encoding="utf-8")
    sys.stdout.write(f"{OUT / name}.svg\n")


def main(folder: Path, written: Path) -> None:
    torch.set_num_threads(1)
    write("inside-unit", probed(recurra.load(written)))
    run = recurra.load(folder)
    write("inside-network", draw_rolled(run.network))
    write("inside-unrolled", draw_unrolled(run.network))
    write("inside-graph", draw_cell("lstm"))
    write("inside-gates", run.trace(NAME).plot(units=10))
    write("inside-thinking", run.probabilities(NAME).plot(top=4))
    with tempfile.TemporaryDirectory() as place:
        path = remembering(Path(place))
        found = {cell: trained(path, cell) for cell in CELLS}
    write("inside-memory", side_by_side(found))
    write("inside-diagnosis", draw_diagnosis(found["gru"].evidence.watched))
    for cell, one in found.items():
        sys.stdout.write(f"{cell}\n{one.text()}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

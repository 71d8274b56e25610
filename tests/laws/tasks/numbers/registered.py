"""The one row, and an example for the laws: importing this adds the task to the registry of this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import recurra
from recurra.tasks import registry
from tests.laws.tasks.tiny_tasks import TINY, Tiny

ROW = registry.Row(
    "numbers",
    "Predictor of numbers",
    "a table with a column of numbers",
    ("table",),
    "tests.laws.tasks.numbers",
    columns=("numbers",),
)


def write(folder: Path) -> Path:
    """Sequences that count up by one, two or three."""
    path = folder / "numbers.csv"
    rows = [" ".join(str(start + step * n) for n in range(4 + start % 3)) for start in range(15) for step in (1, 2, 3)]
    path.write_text("\n".join(["numbers", *rows]) + "\n", encoding="utf-8")
    return path


def ask(run: recurra.Run, inputs: list[Any]) -> list[Any]:
    """Plain answers."""
    return run.model.document(run.predict(inputs))


EXAMPLE = Tiny("numbers", write, [[1, 2, 3], [5.0], [9, 7]], {}, ask, without=frozenset({"embedding_size"}))


def register() -> None:
    """Add the row and its example."""
    registry.ROWS = (*registry.ROWS, ROW)
    registry.TASKS["numbers"] = ROW
    registry.forget()
    TINY["numbers"] = EXAMPLE


def remove() -> None:
    """Take them away again."""
    registry.ROWS = tuple(row for row in registry.ROWS if row is not ROW)
    del registry.TASKS["numbers"], TINY["numbers"]
    registry.forget()

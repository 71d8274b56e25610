"""What a shell may complete besides options and files: names of tasks, data sets and cells."""

from __future__ import annotations

from recurra.tasks.registry import TASKS


def tasks(incomplete: str) -> list[str]:
    """Tasks whose names begin so."""
    return [name for name in TASKS if name.startswith(incomplete)]


def datasets(incomplete: str) -> list[str]:
    """Data sets whose names begin so; none for nothing typed yet, so that the shell offers files."""
    from recurra.data.datasets.named import names

    return [name for name in names() if incomplete and name.startswith(incomplete)]


def cells(incomplete: str) -> list[str]:
    """Cells whose names begin so."""
    from recurra.cells.catalogue import names

    return [name for name in names() if name.startswith(incomplete)]

"""Files that a command writes where it is told to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from recurra.cli.output import note
from recurra.errors import DataError, UsageError


def check_svg(file: str | None) -> None:
    """Before anything is computed for a picture. Errors: UsageError for a name that does not end in .svg"""
    _check_ending(file, "pictures are written as SVG", "picture.svg")


def check_csv(file: str | None) -> None:
    """Before anything is computed for a table. Errors: UsageError for a name that does not end in .csv"""
    _check_ending(file, "tables are written as CSV", "table.csv")


def _check_ending(file: str | None, said: str, example: str) -> None:
    ending = Path(example).suffix
    if file is not None and Path(file).suffix.lower() != ending:
        name = Path(file).with_suffix(ending) if Path(file).name.strip(".") else example
        raise UsageError(f"{said}; name it {name}, not {file or 'nothing'}")


def write_svg(file: str, svg: str) -> None:
    """A picture that stands by itself. Errors: DataError if it cannot be written"""
    from recurra.report.svg import standalone

    write_file(file, lambda: Path(file).write_text(standalone(svg) + "\n", encoding="utf-8"))


def write_file(file: str, write: Callable[[], object]) -> None:
    """Have it written, in a folder that is made if there is none. Errors: DataError if it cannot be"""
    try:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        write()
    except OSError as error:
        raise DataError(f"cannot be written: {error.strerror or error}", file=file) from error
    note(f"written: {file}")

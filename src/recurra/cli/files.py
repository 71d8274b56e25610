"""Files that a command writes where it is told to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from recurra.cli.output import note
from recurra.errors import DataError, UsageError


def check_svg(file: str | None) -> None:
    """Before anything is computed for a picture. Errors: UsageError for a name that does not end in .svg"""
    if file is not None and Path(file).suffix.lower() != ".svg":
        name = Path(file).with_suffix(".svg") if Path(file).name else "picture.svg"
        raise UsageError(f"pictures are written as SVG; name it {name}, not {file or 'nothing'}")


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

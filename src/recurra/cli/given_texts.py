"""Texts on the command line that are rather the paths of files."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from recurra.data.files.tables import KINDS
from recurra.errors import DataError, UsageError, nearest_path

_TABLES = tuple(kind + packed for kind in KINDS for packed in ("", ".gz", ".zip"))


def refuse_files(run: str, texts: list[str]) -> None:
    """Errors: UsageError for the path of a file or a folder instead of a text"""
    for each in texts:
        path, quoted = Path(each), shlex.quote(each)
        if len(each) < 1000 and "\0" not in each and (path.suffix or os.sep in each) and os.path.exists(each):
            if path.is_dir():
                kind, remedy = "folder", ""
            elif path.name.lower().endswith(_TABLES):
                kind = "table"
                remedy = f"the texts of a column, one a line: recurra predict {run} - < COLUMN.txt; "
            else:
                kind, remedy = "file", f"its lines: recurra predict {run} - < {quoted}; "
            raise UsageError(
                f"{each!r} is a {kind}; predict reads texts\n"
                f"{remedy}scores, if it has labels: recurra evaluate {run} {quoted}"
            )


def refuse_missing(run: str, texts: list[str]) -> None:
    """Errors: DataError for the name of a data file that is not there, which would be read as a text"""
    from recurra.tasks.sources.file_names import names_data

    for each in texts:
        if names_data(each):
            near = nearest_path(Path(each))
            meant = "" if near is None else f"did you mean {str(near)!r}? "
            raise DataError(
                "no such file",
                remedy=f"{meant}if this is the text itself: echo {shlex.quote(each)} | recurra predict {run} -",
                file=each,
            )

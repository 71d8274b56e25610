"""Write src/recurra/api/train_settings.py: the settings of `recurra.train` as an editor and a type checker read them.

    python scripts/write_train_settings.py

The tasks' settings classes own names, types and descriptions; a test compares.
"""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from recurra.api.listed_settings import ALIASES, listed
from recurra.tasks.settings import PATHS, READ_AGAIN

TARGET = Path(__file__).resolve().parents[1] / "src" / "recurra" / "api" / "train_settings.py"
HEAD = '''"""The settings of `recurra.train` by type, as scripts/write_train_settings.py finds them in the tasks."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Literal, TypedDict


class TrainSettings(TypedDict, total=False):
    """What may be given to `recurra.train`; `help(recurra.train)` says which tasks read it."""
'''


def source() -> str:
    """The whole file."""
    lines = [HEAD]
    for name, about in sorted(listed().items()):
        parts = [part for kind in about.kinds for part in _written(kind, file=name in PATHS + READ_AGAIN).split(" | ")]
        kind = " | ".join(sorted(dict.fromkeys(parts), key=lambda part: part == "None"))
        lines += [*_folded(f"    {name}: {kind}"), f"    {_quoted(about.description)}"]
        for alias in ALIASES.get(name, ()):
            lines += [f"    {alias}: {kind}", f"    {_quoted(name)}"]
    return "\n".join(lines) + "\n"


def _folded(line: str) -> list[str]:
    """A field of one line of 120 characters, or its choices on a line of their own."""
    if len(line) <= 120:
        return [line]
    before, rest = line.split("[", 1)
    choices, after = rest.split("]", 1)
    return [f"{before}[", f"        {choices}", f"    ]{after}"]


def _quoted(text: str) -> str:
    """A docstring of one or more lines of 120 characters."""
    words, lines = text.replace("\\", "\\\\").split(), [""]
    for word in words:
        if len(lines[-1]) + len(word) > 100:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return '"""' + "\n    ".join(lines) + '"""'


def _written(kind: Any, *, file: bool) -> str:
    """A type as it is written: what is a tuple may be any sequence, what is a file any path."""
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return " | ".join(_written(part, file=file) for part in get_args(kind))
    if origin is Literal:
        return f"Literal[{', '.join(map(_literal, get_args(kind)))}]"
    if origin is tuple:
        return f"Sequence[{_written(get_args(kind)[0], file=False)}]"
    if kind is types.NoneType:
        return "None"
    return "str | PathLike[str]" if file and kind is str else str(kind.__name__)


def _literal(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


if __name__ == "__main__":
    TARGET.write_text(source(), encoding="utf-8")

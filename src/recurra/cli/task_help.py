"""`recurra train --help`, short, and `recurra train --help-task NAME`: all settings of one task."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import typer

from recurra.cli.help import Command, described, is_setting
from recurra.cli.output import write
from recurra.cli.settings import ALIASES, PANELS, brief, flag, kind_of, metavar_of, start_of
from recurra.cli.values import shown
from recurra.tasks import registry

USUAL = (
    "split", "validation", "test", "text", "label", "level",
    "cell", "hidden_size", "num_layers", "bidirectional", "dropout",
    "epochs", "minutes", "batch_size", "learning_rate", "patience", "seed", "threads",
)  # fmt: skip
"""Settings that everybody needs: those that the help of `recurra train` shows."""


class TrainCommand(Command):
    """`recurra train`, whose help leaves what few need to that of a task."""

    usual: ClassVar[tuple[str, ...] | None] = USUAL
    closing = f"All settings of a task: recurra train --help-task NAME, of {', '.join(registry.TASKS)}."

    def described(self, parameter: Any) -> str:
        return brief(parameter.name) if is_setting(parameter) else described(parameter)


class TuneCommand(TrainCommand):
    """`recurra tune`, which takes what `recurra train` does."""

    usual = ("split", "validation", "test", "text", "label", "cell", "epochs", "minutes", "seed", "threads")
    closing = "All settings of a task: recurra train --help-task NAME. What is given stays as it is."


def help_task(context: typer.Context, task: str | None) -> str | None:
    """What `--help-task` does. Errors: UnknownNameError"""
    if task is None or context.resilient_parsing:
        return task
    row = registry.get(task)
    formatter: Any = context.make_formatter()
    formatter.write_text(
        f"{row.name}: {row.title}, learned from {row.needs}. [What it starts from] stands in brackets."
    )
    for panel in PANELS:
        with formatter.section(panel.capitalize()):
            formatter.write_dl(list(_rows(row, panel)))
    write(formatter.getvalue())
    raise typer.Exit


def _rows(row: registry.Row, panel: str) -> Iterator[tuple[str, str]]:
    for name, field in type(row.defaults.settings.groups()[panel]).model_fields.items():
        kind = kind_of(field)
        typed = f"--[no-]{flag(name)[2:]}" if kind is bool else f"{flag(name)} {metavar_of(name, kind)}"
        typed = typed.replace(flag(name), ", ".join([flag(name), *ALIASES.get(name, ())]), 1)
        default = _default(row, panel, name)
        yield typed, f"{field.description} [{default}]" if default else str(field.description)


def _default(row: registry.Row, panel: str, name: str) -> str:
    """What the task starts from, and where its tokens are of some levels what it starts from there."""
    usual = start_of(row, panel, name)
    levels: dict[str, list[str]] = {}
    for level, changed in row.defaults.by_level.items():
        if name in changed and (other := shown(name, changed[name])) != usual:
            levels.setdefault(other, []).append(level)
    return "; ".join([*([usual] if usual else []), *(f"{value} for {', '.join(at)}" for value, at in levels.items())])

"""One option for each setting, made from the settings' own fields: names, types, descriptions, defaults."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable, Collection, Iterable
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin

import typer
from pydantic.fields import FieldInfo

from recurra.cli.completion import cells
from recurra.cli.help import SETTING_PANELS
from recurra.cli.values import OFF, PARSERS, PARSERS_OF_KINDS, shown
from recurra.errors import UsageError
from recurra.tasks import registry

PANELS = tuple(panel.lower() for panel in SETTING_PANELS)
ALIASES = {"learning_rate": ("--lr",)}
METAVARS = {
    "skip_lines": "FILE:LINE,...",
    "normalize": "NAME,...", "split": "SHARES", "bptt": "STEPS", "cell": "CELL", "text": "COLUMN", "label": "COLUMN",
    "time": "COLUMN", "id": "COLUMN", "target": "COLUMNS", "future": "COLUMNS", "past": "COLUMNS", "static": "COLUMNS",
    "quantiles": "LEVELS", "frequency": "NAME", "date_format": "FORMAT", "timezone": "ZONE", "decimal": "SIGN",
    "group": "COLUMN", "channels": "COLUMNS", "thousands": "SIGN", "until": "TIME",
    "split_column": "COLUMN", "validation": "FILE", "test": "FILE",
    "vectors": "FILE", "features": "FILE", "encoder_weights": "FILE",
}  # fmt: skip


def with_settings(
    command: Callable[..., None], *, panels: Iterable[str] = PANELS, without: Collection[str] = ()
) -> Callable[..., None]:
    """The command with an option for each setting in place of its `**settings`; what is not given is not passed on.

    panels: those that the command reads; without: settings of them that it does not
    Errors: the command raises UsageError for a value that no run could have, before it does anything
    """
    own = [
        parameter
        for parameter in inspect.signature(command, eval_str=True).parameters.values()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    fields = {
        name: (panel, field) for panel in panels for name, field in of_panel(panel).items() if name not in without
    }

    @functools.wraps(command)
    def call(**values: Any) -> None:
        given = {name: values.pop(name) for name in fields}
        command(**values, **_checked({name: value for name, value in given.items() if value is not None}))

    made = [_parameter(panel, name, field) for name, (panel, field) in fields.items()]
    call.__signature__ = inspect.Signature([*own, *made])  # type: ignore[attr-defined]
    return call


@functools.cache
def of_panel(panel: str) -> dict[str, FieldInfo]:
    """The settings of this group that any task reads."""
    found: dict[str, FieldInfo] = {}
    for row in registry.ROWS:
        for name, field in type(row.defaults.settings.groups()[panel]).model_fields.items():
            found.setdefault(name, field)
    return found


def brief(name: str) -> str:
    """A setting's description, with its default where that is the same in every task."""
    panel, field = next((panel, of_panel(panel)[name]) for panel in PANELS if name in of_panel(panel))
    starts = {start_of(registry.get(task), panel, name) for task in registry.readers(name)}
    start = starts.pop() if len(starts) == 1 else ""
    return f"{field.description} [{start}]" if start else str(field.description)


def flag(name: str) -> str:
    """The option of a setting."""
    return f"--{name.replace('_', '-')}"


def _parameter(panel: str, name: str, field: FieldInfo) -> inspect.Parameter:
    kind = _kind_of_any(panel, name, field)
    names = (f"{flag(name)}/--no-{name.replace('_', '-')}",) if kind is bool else (flag(name), *ALIASES.get(name, ()))
    default = _default(panel, name)
    tasks = registry.readers(name)
    of_tasks = "" if len(tasks) == len(registry.ROWS) else f" ({', '.join(tasks)})"
    described = f"{field.description}{of_tasks}{f' [{default}]' if default else ''}"
    option = typer.Option(
        *names,
        help=described,
        rich_help_panel=panel.capitalize(),
        metavar=metavar_of(name, kind),
        parser=PARSERS.get(name) or PARSERS_OF_KINDS.get(kind),
        autocompletion=cells if name == "cell" else None,
    )
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option]
    )


def kind_of(field: FieldInfo) -> Any:
    """The type of what is typed: the field's own, without None. Tuples come from a parser."""
    kind: Any = field.annotation
    if get_origin(kind) in (Union, types.UnionType):
        (kind,) = (part for part in get_args(kind) if part is not types.NoneType)
    return str if get_origin(kind) is tuple else kind


def _kind_of_any(panel: str, name: str, field: FieldInfo) -> Any:
    """`kind_of`, with the choices of every task that has the setting: which task it is for shows later."""
    models = [type(row.defaults.settings.groups()[panel]).model_fields for row in registry.ROWS]
    kinds = [kind_of(fields[name]) for fields in models if name in fields]
    choices = dict.fromkeys(choice for kind in kinds if get_origin(kind) is Literal for choice in get_args(kind))
    return cast(Any, Literal)[tuple(choices)] if choices else kind_of(field)


WIDEST = 48
"""Characters of choices that stand for a value; of longer ones the description speaks."""


def metavar_of(name: str, kind: Any) -> str:
    """What stands for its value in a help."""
    if name in METAVARS:
        return METAVARS[name]
    choices = "|".join(get_args(kind))
    return choices if 0 < len(choices) <= WIDEST else {int: "N", float: "X"}.get(kind, "NAME")


def _default(panel: str, name: str) -> str:
    """As it would be typed; with the tasks where they differ. Empty for what is off unless given."""
    found = {task: start_of(registry.get(task), panel, name) for task in sorted(registry.readers(name))}
    if len(set(found.values())) == 1:
        return next(iter(found.values()))
    values = [value for value in dict.fromkeys(found.values()) if value]
    return "; ".join(f"{value} ({', '.join(task for task in found if found[task] == value)})" for value in values)


def start_of(row: registry.Row, panel: str, name: str) -> str:
    """What a task starts from, as it would be typed; empty for what is off unless given."""
    if name == "epochs":
        return shown(name, row.defaults.epochs)
    return shown(name, getattr(row.defaults.settings.groups()[panel], name))


def _checked(given: dict[str, Any]) -> dict[str, Any]:
    """What was switched off as None. Errors: UsageError that names the option, of a value that no task takes"""
    values = {name: None if value is OFF else value for name, value in given.items()}
    for name, value in values.items():
        refused = [_refused(task, name, value) for task in registry.readers(name)]
        if None not in refused:
            raise UsageError(str(refused[0]).replace(name, flag(name), 1))
    return values


def _refused(task: str, name: str, value: Any) -> UsageError | None:
    try:
        registry.get(task).defaults.settings.changed(**{name: value})
    except UsageError as error:
        return error
    return None

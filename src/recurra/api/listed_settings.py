"""All settings of `recurra.train`, as the tasks' own classes have them, for people and for editors."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recurra.errors import UsageError
from recurra.tasks import registry
from recurra.tasks.given import plain

ALIASES = {"learning_rate": ("lr",)}
"""Shorter names that are taken too."""
GROUPS = ("data", "network", "training")


@dataclass(frozen=True)
class About:
    """A setting. kinds: its types in the tasks that read it; readers: these tasks; default: what they start from"""

    group: str
    kinds: tuple[Any, ...]
    description: str
    readers: tuple[str, ...]
    default: str

    @property
    def text(self) -> str:
        """All of it."""
        tasks = "" if len(self.readers) == len(registry.ROWS) else f" ({', '.join(self.readers)})"
        return f"{self.description}{tasks}{f' [{self.default}]' if self.default else ''}"


def listed() -> dict[str, About]:
    """Every setting that a task reads, by name, in the order of the groups."""
    found: dict[str, About] = {}
    for group in GROUPS:
        for row in registry.ROWS:
            for name in type(row.defaults.settings.groups()[group]).model_fields:
                found.setdefault(name, _about(group, name))
    return found


def by_name(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings under their own names, numbers of NumPy and torch as Python's. Errors: UsageError for one given twice"""
    found = {name: plain(value) for name, value in settings.items()}
    for name, aliases in ALIASES.items():
        for alias in aliases:
            if alias in found:
                if name in found:
                    raise UsageError(f"{alias} is {name}; give one of them")
                found[name] = found.pop(alias)
    return found


def help_text() -> str:
    """The settings as the end of a docstring."""
    lines: list[str] = []
    group = ""
    for name, about in listed().items():
        if about.group != group:
            group = about.group
            lines += ["", f"Settings of the {group}:"]
        names = ", ".join([name, *ALIASES.get(name, ())])
        lines += textwrap.wrap(
            f"{names}: {about.text}", 112, initial_indent="  ", subsequent_indent="      ", break_on_hyphens=False
        )
    return "\n".join(lines)


def _about(group: str, name: str) -> About:
    readers = registry.readers(name)
    fields = [type(registry.get(task).defaults.settings.groups()[group]).model_fields[name] for task in readers]
    starts: dict[str, list[str]] = {}
    for task in readers:
        starts.setdefault(_start(task, group, name), []).append(task)
    if len(starts) == 1:
        default = next(iter(starts))
    else:
        default = "; ".join(f"{value} for {', '.join(tasks)}" for value, tasks in starts.items() if value)
    kinds = tuple(dict.fromkeys(field.annotation for field in fields))
    return About(group, kinds, str(fields[0].description), tuple(readers), default)


def _start(task: str, group: str, name: str) -> str:
    """What a task starts from, as Python writes it, and what it starts from instead at a level of tokens; "" if off."""
    defaults = registry.get(task).defaults
    if name == "epochs":
        return f"{defaults.epochs:g}"
    usual = getattr(defaults.settings.groups()[group], name)
    levels: dict[str, list[str]] = {}
    for level, changed in defaults.by_level.items():
        if changed.get(name, usual) != usual:
            levels.setdefault(repr(changed[name]), []).append(level)
    shown = [] if usual in (None, ()) else [repr(usual)]
    return ", ".join([*shown, *(f"{value} with level {' or '.join(at)}" for value, at in levels.items())])

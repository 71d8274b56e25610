"""Help in two columns, options below the headings of their panels; nothing in it is cut."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, ClassVar

from typer.core import TyperCommand, TyperGroup

NAMES = ["-h", "--help"]
"""What shows the help of every command."""


class Command(TyperCommand):
    """A command whose options stand in panels in plain text too, with room for their descriptions at 80 columns.

    usual: the options of settings that the help shows, all if None; closing: its last lines
    """

    usual: ClassVar[tuple[str, ...] | None] = None
    closing: ClassVar[str] = ""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        arguments = [p for p in self.get_params(ctx) if p.param_type_name == "argument"]
        shown = [(_typed(p) if p.required else f"[{_typed(p)}]") + ("..." if p.nargs == -1 else "") for p in arguments]
        return [str(self.options_metavar), *shown]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        write_options([(p, self.described(p)) for p in self.shown(ctx)], formatter)

    def described(self, parameter: Any) -> str:
        """What the help says of a parameter."""
        return described(parameter)

    def shown(self, ctx: Any) -> list[Any]:
        """The parameters that the help describes."""
        found = [p for p in self.get_params(ctx) if not getattr(p, "hidden", False)]
        if self.usual is None:
            return found
        return [p for p in found if not is_setting(p) or p.name in self.usual]

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        if self.closing:
            formatter.write_paragraph()
            formatter.write_text(self.closing)


class Group(TyperGroup):
    """The commands with the first sentences of their help, whole."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        write_options([(p, described(p)) for p in self.get_params(ctx)], formatter)
        with formatter.section("Commands"):
            formatter.write_dl([(name, _first(self.get_command(ctx, name))) for name in self.list_commands(ctx)])


def write_options(parameters: Sequence[tuple[Any, str]], formatter: Any) -> None:
    """Arguments and options with their descriptions, a panel after the other."""
    sections: dict[str, list[tuple[str, str]]] = {}
    for parameter, text in parameters:
        usual = "Arguments" if parameter.param_type_name == "argument" else "Options"
        title = getattr(parameter, "rich_help_panel", None) or usual
        sections.setdefault(title, []).append((_typed(parameter), text))
    for title, rows in sections.items():
        with formatter.section(title):
            formatter.write_dl(rows)


def is_setting(parameter: Any) -> bool:
    """Whether it is an option that was made from a setting."""
    return getattr(parameter, "rich_help_panel", None) in SETTING_PANELS


COMPLETION = {
    "install_completion": "have your shell complete commands, options and names",
    "show_completion": "print the script that does so",
}
"""In place of what typer says of its own options."""
SETTING_PANELS = ("Data", "Network", "Training")


def _first(command: Any) -> str:
    """The first paragraph of a command's help, in one line."""
    return " ".join(inspect.cleandoc(command.help or "").split("\n\n")[0].split())


def _typed(parameter: Any) -> str:
    """What is typed for it: `--out, -o FOLDER`, `--[no-]bidirectional`."""
    if parameter.param_type_name == "argument":
        return str(parameter.metavar or parameter.name.upper())
    if parameter.secondary_opts:
        return f"--[no-]{parameter.opts[0].removeprefix('--')}"
    names = ", ".join(sorted(parameter.opts, key=lambda name: not name.startswith("--")))
    return names if parameter.is_flag else f"{names} {parameter.metavar or 'VALUE'}"


def described(parameter: Any) -> str:
    """Its help, with the default where that is a number."""
    if "--help" in parameter.opts:
        return "show this message"
    text = getattr(parameter, "help", None) or ""
    if parameter.name in COMPLETION:
        text = COMPLETION[parameter.name]
    number = isinstance(parameter.default, (int, float)) and not isinstance(parameter.default, bool)
    return f"{text} [{parameter.default}]" if number else text

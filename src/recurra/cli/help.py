"""Help in two columns, options below the headings of their panels."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand


class Command(TyperCommand):
    """A command whose options stand in panels in plain text too, with room for their descriptions at 80 columns."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        arguments = [p for p in self.get_params(ctx) if p.param_type_name == "argument"]
        shown = [(_typed(p) if p.required else f"[{_typed(p)}]") + ("..." if p.nargs == -1 else "") for p in arguments]
        return [str(self.options_metavar), *shown]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            if getattr(parameter, "hidden", False):
                continue
            usual = "Arguments" if parameter.param_type_name == "argument" else "Options"
            title = getattr(parameter, "rich_help_panel", None) or usual
            sections.setdefault(title, []).append((_typed(parameter), _described(parameter)))
        for title, rows in sections.items():
            with formatter.section(title):
                formatter.write_dl(rows)


def _typed(parameter: Any) -> str:
    """What is typed for it: `--out, -o FOLDER`, `--[no-]bidirectional`."""
    if parameter.param_type_name == "argument":
        return str(parameter.metavar or parameter.name.upper())
    if parameter.secondary_opts:
        return f"--[no-]{parameter.opts[0].removeprefix('--')}"
    names = ", ".join(parameter.opts)
    return names if parameter.is_flag else f"{names} {parameter.metavar or 'VALUE'}"


def _described(parameter: Any) -> str:
    """Its help, with the default where that is a number."""
    if "--help" in parameter.opts:
        return "show this message"
    described = getattr(parameter, "help", None) or ""
    number = isinstance(parameter.default, (int, float)) and not isinstance(parameter.default, bool)
    return f"{described} [{parameter.default}]" if number else described

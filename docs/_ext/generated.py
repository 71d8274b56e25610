"""Reference pages that programs write, in docs/reference/generated before a build: settings, commands, benchmarks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx


def cell_of_table(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


def settings_page() -> str:
    """Every setting of `recurra train` and `recurra.train`."""
    from recurra.api.listed_settings import ALIASES, GROUPS, listed
    from recurra.tasks import registry

    lines = ["# Settings", "", "Of `recurra.train(...)`; on the command line `--hidden-size` is `hidden_size`."]
    lines += [
        "A setting that a task does not read is refused. This page is written from the tasks' own definitions.",
        "",
    ]
    about = listed()
    for group in GROUPS:
        lines += [f"## Of the {group}", "", "| setting | meaning | tasks | default |", "|---|---|---|---|"]
        for name, each in about.items():
            if each.group != group:
                continue
            names = ", ".join(f"`{one}`" for one in (name, *ALIASES.get(name, ())))
            tasks = "all" if len(each.readers) == len(registry.ROWS) else ", ".join(each.readers)
            lines.append(f"| {names} | {cell_of_table(each.description)} | {tasks} | {cell_of_table(each.default)} |")
        lines.append("")
    lines += ["## What each task learns from", "", "| task | what | data |", "|---|---|---|"]
    lines += [f"| `{row.name}` | {cell_of_table(row.title)} | {cell_of_table(row.needs)} |" for row in registry.ROWS]
    return "\n".join(lines) + "\n"


def commands_page() -> str:
    """`--help` of every command, as it prints it."""
    import typer

    from recurra.cli.application import COMMANDS, application

    group: Any = typer.main.get_command(application())
    with typer.Context(group, info_name="recurra") as top:
        lines = ["# Commands", "", "Written by the commands themselves: `recurra COMMAND --help`.", ""]
        lines += ["```text", group.get_help(top).rstrip(), "```", ""]
        for name in COMMANDS:
            command = group.commands[name]
            lines += [f"## recurra {name}", ""]
            inner = list(getattr(command, "commands", {}).items())
            for words, each in inner or [(name, command)]:
                info = f"recurra {name} {words}" if inner else f"recurra {name}"
                with typer.Context(each, info_name=info) as context:
                    lines += ["```text", each.get_help(context).rstrip(), "```", ""]
    return "\n".join(lines) + "\n"


BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


def benchmarks_page() -> str:
    """What the benchmarks wrote last, of the machines that they name."""
    lines = [
        "# Benchmarks",
        "",
        "Both parts are written by scripts from what they measured; no figure is typed by hand. Machines differ: the",
        "commands measure yours. A ratio is that of two times of the same run, after the results had been compared.",
        "",
    ]
    for title, name in (("What trainings reach", "REACHED.md"), ("How fast it is", "RESULTS.md")):
        text = (BENCHMARKS / name).read_text(encoding="utf-8")
        body = re.sub(r"^(#+) ", r"#\1 ", text.split("\n", 1)[1], flags=re.M)
        lines += [f"## {title}", "", re.sub(r"\[([^\]]*)\]\(README\.md\)", r"`benchmarks/\1`", body).strip(), ""]
    return "\n".join(lines)


PAGES = {"settings.md": settings_page, "commands.md": commands_page, "benchmarks.md": benchmarks_page}


def write_pages(app: Sphinx) -> None:
    if str(app.config.language).startswith("zh"):
        return
    folder = Path(app.srcdir) / "reference" / "generated"
    folder.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        text, file = page(), folder / name
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("builder-inited", write_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

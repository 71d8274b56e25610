"""`recurra runs` and `recurra compare`: trained models beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recurra.cli.output import note, score, visible, write, write_json, write_table
from recurra.errors import UsageError

if TYPE_CHECKING:
    from recurra.api.runs import Summary
    from recurra.report.compared import Row
    from recurra.training.history import Point

LONGEST = 30
"""Characters of a baseline's name in the table of runs."""
LONGEST_STATUS = 80
JsonOption = Annotated[bool, typer.Option("--json", help="one JSON document on stdout")]


def runs(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="a folder of model folders, runs/ if not given")] = (
        "runs"
    ),
    json: JsonOption = False,
) -> None:
    """List the runs of a folder: task, data, headline metric beside the best baseline, time, status.

    The oldest stands first.

    \b
    recurra runs
    recurra runs experiments/ --json
    """
    from recurra.api.progress import duration
    from recurra.api.runs import summaries
    from recurra.report.metric import find

    found, broken = summaries(folder)
    for error in broken:
        note(str(error))
    if json:
        write_json({"folder": folder, "runs": [run.document() for run in found]})
        return
    if not found:
        note(f"no runs are in {folder}")
        return
    rows = [["run", "task", "data", "metric", "score", "best baseline", "its name", "time", "status", "created"]]
    for run in found:
        name, best = run.headline, run.best_baseline
        scored = [find(run.rows, name).short, score(run.metrics[name])] if name is not None else ["", ""]
        beaten = [score(best[1]), visible(best[0], longest=LONGEST)] if best is not None else ["", ""]
        rows.append(
            [
                str(run.folder),
                run.task,
                run.data,
                *scored,
                *beaten,
                duration(run.seconds),
                visible(run.standing, longest=LONGEST_STATUS),
                run.created[:16].replace("T", " "),
            ]
        )
    write_table(rows, right=(4, 5, 7))


def compare(
    folders: Annotated[list[str], typer.Argument(metavar="RUN", help="model folders, two or more")],
    out: Annotated[
        str | None, typer.Option("--out", "-o", metavar="FILE", help="a page with the curves in one picture: .html")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Compare runs: their metrics, the settings that differ, their curves.

    The best value of a metric has a star.

    \b
    recurra compare runs/names-gru runs/names-lstm
    recurra compare runs/*-gru --out compared.html       a page with the curves
    """
    from recurra.api.runs import compared, differing, doubts

    if out is not None and Path(out).suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"--out {out}: the page is HTML; give a name that ends in .html")
    found = compared(folders)
    settings, notes = differing(found), list(doubts(found))
    for line in notes:
        note(line)
    if out is not None:
        _write_page(Path(out), found, notes)
    if json:
        write_json({"runs": [run.document() for run in found], "settings": settings, "notes": notes})
        return
    names = ["", *(str(run.folder) for run in found)]
    curves = [["validation loss", *_sparklines([run.history for run in found])]]
    results = [[row.name, *_starred(row)] for row in _results(found)]
    write_table([names, *results, *curves])
    write("\nsettings that differ\n" if settings else "\nno setting differs\n")
    write_table([[row.name, *row.cells] for row in _settings(found)])


def _results(found: Sequence[Summary]) -> list[Row]:
    from recurra.api.progress import duration
    from recurra.api.runs import metrics_of, winners
    from recurra.report.compared import Row
    from recurra.report.metric import find

    rows = [
        Row("task", [run.task for run in found]),
        Row("data", [f"{run.data}, {run.evaluated_on} part" for run in found]),
        Row("cell", [run.cell for run in found]),
    ]
    for metric in metrics_of(found):
        values = [run.metrics.get(metric.name) for run in found]
        cells = ["" if value is None else score(value) for value in values]
        rows.append(Row(metric.short, cells, winners(metric, values)))
    beaten = [(run.headline, run.best_baseline) for run in found]
    of_baselines = ["" if best is None else f"{score(best[1])} {best[0]}" for _, best in beaten]
    named = ((run, run.headline) for run, (_, best) in zip(found, beaten, strict=True) if best is not None)
    metrics = dict.fromkeys(find(run.rows, name).short for run, name in named if name is not None)
    return [
        *rows,
        *([Row(f"best baseline ({', '.join(metrics)})", of_baselines)] if metrics else []),
        Row("parameters", [f"{run.parameters:,}" for run in found]),
        Row("training time", [duration(run.seconds) for run in found]),
        Row("status", [run.standing for run in found]),
    ]


def _settings(found: Sequence[Summary]) -> list[Row]:
    from recurra.api.runs import differing
    from recurra.report.compared import Row
    from recurra.report.numbers import write_setting

    named = differing(found).items()
    return [Row(name.split(".", 1)[-1], [write_setting(value) for value in values]) for name, values in named]


def _write_page(out: Path, found: Sequence[Summary], notes: list[str]) -> None:
    from recurra.report.compared import Comparison, build_comparison

    names, histories = [str(run.folder) for run in found], [run.history for run in found]
    page = build_comparison(Comparison(names, histories, _results(found), _settings(found), notes))
    out.write_text(page, encoding="utf-8")
    note(f"the page is {out}")


def _starred(row: Row) -> list[str]:
    return [f"{cell} *" if best else cell for cell, best in zip(row.cells, row.best or [False] * 99, strict=False)]


BLOCKS = "▁▂▃▄▅▆▇█"
WIDTH = 24


def _sparklines(histories: Sequence[Sequence[Point]]) -> list[str]:
    """The validation losses of each run as blocks, on one scale of losses and of time."""
    from recurra.report.compared import losses

    lines = [list(losses(history)) for history in histories]
    found = [loss for line in lines for _, loss in line]
    if not found:
        return ["" for _ in lines]
    low, span = min(found), (max(found) - min(found)) or 1.0
    longest = max(at for line in lines for at, _ in line) or 1.0
    return ["".join(_blocks(line, low, span, longest)) for line in lines]


def _blocks(line: Sequence[tuple[float, float]], low: float, span: float, longest: float) -> list[str]:
    """A block for each share of the longest run's time, of the last evaluation until then."""
    found: list[str] = []
    for column in range(WIDTH):
        until = [loss for at, loss in line if at <= (column + 1) / WIDTH * longest * (1 + 1e-9)]
        over = not line or line[-1][0] < column / WIDTH * longest
        block = BLOCKS[round((until[-1] - low) / span * (len(BLOCKS) - 1))] if until else " "
        found.append(" " if over else block)
    return found

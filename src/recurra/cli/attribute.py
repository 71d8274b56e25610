"""`recurra attribute`"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from recurra.cli.files import check_csv, check_svg, write_file, write_svg
from recurra.cli.given_files import read_input
from recurra.cli.models import JsonOption, RunArgument
from recurra.cli.output import visible, visible_token, write, write_json, write_table


def attribute(
    run: RunArgument,
    given: Annotated[
        str | None,
        typer.Argument(metavar="TEXT|FILE", help="what to read; if not given, the run's own series (forecast)"),
    ] = None,
    target: Annotated[
        str | None, typer.Option(metavar="NAME", help="a class or a tag [what the model answers]")
    ] = None,
    at: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, help="a token or a frame, from 0; of a forecast steps ahead, from 1 [all]"),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="the baseline: zero, mean, unknown (classify); last, mean (forecast)"),
    ] = None,
    plot: Annotated[str | None, typer.Option(metavar="FILE", help="the input, coloured, as SVG")] = None,
    out: Annotated[str | None, typer.Option("--out", "-o", metavar="FILE", help="all values as a table, .csv")] = None,
    engine: Annotated[str | None, typer.Option(metavar="NAME", help="computes the layers [as trained]")] = None,
    json: JsonOption = False,
) -> None:
    """Say what of an input an answer is due to, by integrated gradients.

    Prints what each token, frame or step adds to the score of the answer, the linear skip apart. Of a tagger it prints
    for each token what its tag is due to most.

    \b
    recurra attribute runs/names-gru "Abakumtsev"
    recurra attribute runs/mr-gru "not bad" --target negative --plot why.svg
    recurra attribute runs/ud_english_ewt-gru "The dog barks." --at 2
    recurra attribute runs/airline-gru --at 12
    """
    from recurra.api.run import load
    from recurra.tasks.abilities import Attributable, able

    check_svg(plot)
    check_csv(out)
    model = load(run)
    able(model.model, Attributable, "attribute its answer to its input")
    inputs = read_input(model.model, given)
    asked = {"target": target, "at": at, "against": against}
    found = model.attribute(inputs, engine=engine, **{name: v for name, v in asked.items() if v is not None})
    if out is not None:
        write_file(out, lambda: found.frame().write_csv(out))
    if plot is not None:
        write_svg(plot, found.plot())
    if json:
        write_json({"folder": run} | found.to_json())
        return
    write(_said(found))
    write_table(_rows(found))


def _said(found: Any) -> str:
    lines = [f"score: {found.score}", f"baseline: {found.baseline}"]
    if len(found.targets) == 1:
        (output,), (base,) = found.outputs.tolist(), found.base_outputs.tolist()
        lines.append(f"{visible(found.targets[0])}: {output:.3f}, of the baseline {base:.3f}")
    lines.append(f"sums miss {found.error:.2%} of the difference at most, {found.points} points")
    return "\n".join(lines) + "\n\n"


def _rows(found: Any) -> list[list[str]]:
    if len(found.targets) == 1:
        parts = [values[0] for values in found.parts.values()]
        several = len(parts) > 1
        head = ["step", *(["together"] if several else []), *found.parts]
        total = found.total[0]
        return [
            head,
            *(
                [
                    visible_token(step),
                    *([f"{total[k]:+.3f}"] if several else []),
                    *(f"{part[k]:+.3f}" for part in parts),
                ]
                for k, step in enumerate(found.steps)
            ),
        ]
    from recurra.inspection.attribution import strongest

    rows = []
    for target, values in zip(found.targets, found.total, strict=True):
        best = strongest(values.tolist(), 3)
        rows.append(
            [
                visible_token(target),
                *(cell for k in best for cell in (visible_token(found.steps[k]), f"{values[k]:+.2f}")),
            ]
        )
    return rows

"""`recurra trace`"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from recurra.cli.files import check_svg, write_file, write_svg
from recurra.cli.given_files import read_input
from recurra.cli.models import JsonOption, RunArgument
from recurra.cli.output import visible_token, write_json, write_table
from recurra.cli.values import columns, text

Picture = Annotated[str | None, typer.Option(metavar="FILE", help="heat maps of gates and states, as SVG")]


def trace(
    run: RunArgument,
    given: Annotated[
        str | None,
        typer.Argument(metavar="TEXT|FILE", help="what to read; if not given, the run's own series (forecast)"),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option("--out", "-o", metavar="FILE", help="all values: arrays as .npz, a tidy table as .csv, .parquet"),
    ] = None,
    plot: Picture = None,
    probabilities: Annotated[
        str | None, typer.Option(metavar="FILE", help="the classes that were most probable at each step, as SVG")
    ] = None,
    layer: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="layer of --plot, from 0 [the last one]")
    ] = None,
    values: Annotated[
        str | None, typer.Option(metavar="NAMES", help="what --plot draws, by the equations: i,f,c,h [all]")
    ] = None,
    units: Annotated[int, typer.Option(metavar="N", min=1, help="units of each that --plot draws")] = 16,
    top: Annotated[int, typer.Option(metavar="N", min=1, help="classes at each step")] = 3,
    condition: Annotated[
        str | None, typer.Option("--class", metavar="CLASS", help="the class of the text (generate)")
    ] = None,
    engine: Annotated[str | None, typer.Option(metavar="NAME", help="computes the states [as trained]")] = None,
    json: JsonOption = False,
) -> None:
    """Look into a trained model while it reads: its gates and states at every step, and what it thinks there.

    Prints each step with the most probable classes, tags or next tokens.

    \b
    recurra trace runs/names-gru "Abakumtsev"
    recurra trace runs/input-lstm "To be or" --plot heat.svg --values f,c
    recurra trace runs/multi30k-gru "Two dogs play." --out values.parquet
    recurra trace runs/airline-gru --out values.npz
    """
    from recurra.api.run import load

    check_svg(plot)
    check_svg(probabilities)
    model = load(run)
    inputs = read_input(model.model, given)
    options = {} if condition is None else {"condition": text(condition)}
    found = model.trace(inputs, engine=engine, **options)
    if out is not None:
        write_file(out, lambda: found.save(out))
    if plot is not None:
        names = () if values is None else columns(values)
        write_svg(plot, found.plot(names, layer=layer, units=units))
    thought = _thought(model, inputs, options, asked=probabilities is not None)
    if probabilities is not None:
        write_svg(probabilities, thought.plot(top=top))
    best = [] if thought is None else thought.top(top)
    if json:
        rows = [] if thought is None else zip(thought.tokens, best, strict=True)
        steps = [
            {"token": token, "classes": [{"label": label, "probability": chance} for label, chance in row]}
            for token, row in rows
        ]
        shapes = {key: list(value.shape) for key, value in found.arrays().items()}
        write_json({"folder": run, "steps": steps, "values": shapes})
    elif thought is None:
        write_table([[key, " x ".join(map(str, value.shape))] for key, value in found.arrays().items()])
    else:
        write_table(
            [
                [
                    visible_token(token),
                    *(cell for label, chance in row for cell in (visible_token(label), f"{chance:.3f}")),
                ]
                for token, row in zip(thought.tokens, best, strict=True)
            ]
        )


def _thought(model: Any, inputs: Any, options: dict[str, Any], *, asked: bool) -> Any:
    """None for a model whose answers have no classes, unless they are asked for: then it says why not."""
    from recurra.tasks.abilities import Plotting

    if not asked and isinstance(model.model, Plotting):  # its answers are courses
        return None
    return model.probabilities(inputs, **options)

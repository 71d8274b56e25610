"""The commands that use a trained model: evaluate, predict, generate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from recurra.cli import forecasts, streaming, translations
from recurra.cli.given_files import read_inputs
from recurra.cli.given_texts import refuse_files, refuse_missing
from recurra.cli.mixtures import MixtureOption, fitted_mixture
from recurra.cli.output import score, visible, write, write_json, write_table
from recurra.cli.standard_input import arriving_lines
from recurra.cli.values import text
from recurra.data.files.text import check_encoding
from recurra.errors import ModelFolderError, UsageError
from recurra.tasks import registry

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="a model folder")]
JsonOption = Annotated[bool, typer.Option("--json", help="one JSON document on stdout")]
TokensOption = Annotated[bool, typer.Option("--tokens", help="texts are tokens already, separated by spaces")]


def settings_of_evaluate() -> dict[str, Any]:
    """Those of the data that are not a run's own."""
    from recurra.cli.settings import of_panel

    return {"panels": ("data",), "without": tuple(n for n in of_panel("data") if n not in registry.reading())}


def evaluate(
    run: RunArgument,
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="DATA",
            help="a file, a folder or a data set's name; if not given, what the run held out",
        ),
    ] = None,
    baselines: Annotated[
        bool, typer.Option("--baselines", help="compare with its baselines, fitted again on the run's training data")
    ] = False,
    groups: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="column of groups: how often all texts of a group are right"),
    ] = None,
    mixture: MixtureOption = None,
    json: JsonOption = False,
    **reading: Any,
) -> None:
    """Evaluate a model on other data, or again on what it held out.

    DATA are read as the run's, but for what is said below; they are UTF-8 unless --encoding says otherwise.

    \b
    recurra evaluate runs/names-gru --baselines  the held-out part again
    recurra evaluate runs/reviews-gru new.csv    other rows with a label
    recurra evaluate runs/reviews-gru new.csv --text review --label stars
    recurra evaluate runs/input-lstm --mixture n-grams,cache
    """
    from recurra.api.progress import ProgressLogger
    from recurra.api.run import load
    from recurra.report.metric import find
    from recurra.tasks import registry

    model = load(run)
    fitted = None if mixture is None else fitted_mixture(model, mixture)
    with ProgressLogger().doing("evaluating"):
        found = model.evaluate(data, baselines=baselines, groups=groups, mixture=fitted, **reading)
    if json:
        write_json({"folder": run, "task": model.task} | found)
        return
    values = {name: value for name, value in found.items() if name not in ("on", "count", "baselines", "mixture")}
    write(f"{visible(found['on'])}: {found['count']:,} {model.model.unit}\n")
    columns = [("this run" if baselines or mixture else "", values)]
    if mixture is not None:
        columns.append(("with " + ", ".join(found["mixture"]["parts"]), found["mixture"]["metrics"]))
    columns += [(baseline["name"], baseline["metrics"]) for baseline in found.get("baselines", ())]
    metrics = registry.get(model.task).metrics
    rows = [[find(metrics, name).short, *(score(c[name]) if name in c else "" for _, c in columns)] for name in values]
    head = [["", *(title for title, _ in columns)]] if baselines or mixture else []
    write_table([*head, *rows], right=range(1, len(columns) + 1))


def predict(
    run: RunArgument,
    texts: Annotated[
        list[str] | None,
        typer.Argument(metavar="TEXT", help="what to read; `-` or nothing: the lines of standard input"),
    ] = None,
    top: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="number of answers, best first [3, translations 1]")
    ] = None,
    beam: translations.Beam = None,
    n_best: translations.NBest = None,
    length_penalty: translations.LengthPenalty = None,
    block_ngrams: translations.BlockNgrams = None,
    sample: translations.Sample = False,
    temperature: translations.Temperature = None,
    top_k: translations.TopK = None,
    top_p: translations.TopP = None,
    seed: translations.Seed = None,
    attention: translations.Attention = None,
    horizon: forecasts.Horizon = None,
    plot: forecasts.Plot = None,
    stream: streaming.Stream = None,
    rate: streaming.Rate = None,
    sample_format: streaming.SampleFormat = None,
    input_channels: streaming.InputChannels = None,
    encoding: Annotated[str | None, typer.Option(metavar="NAME", help="encoding of standard input [utf-8]")] = None,
    tokens: TokensOption = False,
    json: JsonOption = False,
) -> None:
    """Ask a trained model: for classes, tags, what fills a blank, the next token, a translation, a forecast.

    Prints each text with the best answers and their probabilities.

    \b
    recurra predict runs/names-gru "Abakumtsev" "Nguyen" --top 3
    recurra predict runs/names-gru - < names.txt     lines, answered as they come
    recurra predict runs/input-lstm "To be or not to"    the next token
    recurra predict runs/multi30k-gru "Two dogs play." --attention pictures/
    recurra predict runs/airline-gru --plot out.svg  its own series goes on
    recurra predict runs/airline-gru new.csv         these series go on
    recurra predict runs/calls-gru --stream call.wav a label every 10 ms
    """
    options = translations.given(
        beam=beam,
        n_best=n_best,
        length_penalty=length_penalty,
        block_ngrams=block_ngrams,
        sample=sample,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        seed=seed,
    )
    if stream is not None:
        if texts:
            raise UsageError("--stream names what to read; leave the other inputs out")
        from recurra.api.run import load

        streaming.write_stream(
            load(run).model, stream, rate=rate, sample_format=sample_format, channels=input_channels, json=json
        )
        return
    if any(each is not None for each in (rate, sample_format, input_channels)):
        raise UsageError("--rate, --sample-format and --input-channels go with --stream")
    named = bool(texts) and texts != ["-"]
    if texts and named:
        if encoding is not None:
            raise UsageError("--encoding applies to standard input; here the texts are arguments")
        given = [text(each) for each in texts]
    else:
        given = []
    from recurra.api.run import load
    from recurra.cli.answers import Notes, answering, write_answers
    from recurra.tasks.abilities import Attending, GoingOn, ReadingFiles

    try:
        model = load(run)
    except ModelFolderError:
        refuse_files(run, given)
        raise
    if named and not isinstance(model.model, ReadingFiles):
        refuse_files(run, given)
        refuse_missing(run, given)
    if attention is not None and not isinstance(model.model, Attending):
        raise UsageError(f"--attention draws where a translator looked; {model.model.does}")
    if (shown := model.model.alternatives if top is None else top) is not None:
        options["top"] = shown
    options |= {"horizon": horizon} if horizon is not None else {}
    batches: Iterable[Any] = [given]
    arriving = not named and not isinstance(model.model, GoingOn)
    if not named and isinstance(model.model, GoingOn):
        batches = [model.model.tail()]
    elif arriving:
        batches = arriving_lines(check_encoding(encoding or "utf-8"), asked=bool(texts))
    if tokens:
        batches = (given_tokens(model.model, each) for each in batches)
    if isinstance(model.model, ReadingFiles) and (named or not isinstance(model.model, GoingOn)):
        batches = read_inputs(model.model, batches)
    notes = Notes(model)
    with answering(model, batches, notes, arriving=arriving, **options) as found:
        answers: Iterable[list[Any]] = found
        if plot is not None or attention is not None:
            predictions = [each for some in found for each in some]
            answers = [predictions]
            if plot is not None:
                forecasts.write_plot(model.model, predictions, plot)
            if attention is not None and isinstance(model.model, Attending):
                translations.write_pictures(model.model, predictions, attention)
        write_answers(model, answers, folder=run, json=json)
    notes.write()


def generate(
    run: RunArgument,
    prompt: Annotated[str, typer.Option(metavar="TEXT", help="what the text begins with", show_default=False)] = "",
    length: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, help="number of characters, words or bytes [500; with a class: to the end]"),
    ] = None,
    condition: Annotated[
        str | None,
        typer.Option("--class", metavar="CLASS", help="write for this class, or for attributes: a=x,b=y (generate)"),
    ] = None,
    count: Annotated[int, typer.Option("--count", "-n", metavar="N", min=1, help="number of texts")] = 1,
    temperature: Annotated[
        float, typer.Option(metavar="T", help="0: always the most probable token; higher: more surprising")
    ] = 0.8,
    top_k: Annotated[int | None, typer.Option(metavar="K", help="sample from the K most probable tokens")] = None,
    top_p: Annotated[
        float | None, typer.Option(metavar="P", help="sample from the most probable tokens that sum to P")
    ] = None,
    repetition_penalty: Annotated[float, typer.Option(metavar="X", help="above 1: fewer repetitions (language)")] = 1.0,
    stop: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help=r"end before this text, \n for a line's end; may be repeated (language)"),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, max=2**32 - 1, help="the same text each time; random if not given"),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option(metavar="N,N,...", help="letters of each clause of verse, as 5,5,5,5 (generate)"),
    ] = None,
    mixture: MixtureOption = None,
    interactive: Annotated[
        bool, typer.Option("--interactive", "-i", help="ask for one prompt after another, until Ctrl-D")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="write there: .wav, .flac, .ogg; numbers as .csv (generate-frames)"),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Write text with a trained language model, texts of a class, or draw sounds and other frames of one.

    Prints the prompt and what follows, as it is drawn.

    \b
    recurra generate runs/input-lstm --prompt "ROMEO:" --length 500 --top-k 40
    recurra generate runs/input-lstm --interactive  one prompt after another
    recurra generate runs/names-lstm --class Italian -n 10
    recurra generate runs/digits-gru --class 7 --out seven.wav
    """
    if interactive and (json or prompt):
        raise UsageError(f"--interactive asks for prompts; leave out {'--json' if json else '--prompt'}")
    if out is not None and (interactive or json):
        raise UsageError(f"--out writes a file; leave out {'--interactive' if interactive else '--json'}")
    from recurra.api.run import load
    from recurra.cli.generated import (
        noting_refusals,
        prompts,
        refuse_class,
        refuse_sampling,
        write_files,
        write_generated,
        write_streams,
    )
    from recurra.tasks.abilities import Conditioned, Streaming, able, generating

    prompt, condition = text(prompt), None if condition is None else text(condition)
    model = load(run)
    sampling: dict[str, Any] = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "seed": seed}
    sampling |= {} if form is None else {"form": form}
    if isinstance(generating(model.model), Conditioned):
        refuse_sampling(model, repetition_penalty=repetition_penalty != 1, stop=bool(stop), mixture=mixture is not None)
        if out is not None:
            write_files(model, model.generate(prompt, length, condition=condition, count=count, **sampling), out)
            return
        for begun in prompts(model, condition=condition, **sampling) if interactive else (prompt,):
            with noting_refusals() if interactive else nullcontext():
                write_generated(model, begun, length, condition, count, sampling, json=json)
        return
    refuse_class(model, condition, out, form)
    stops = [text(each).replace("\\n", "\n") for each in stop or ()]
    sampling |= {"repetition_penalty": repetition_penalty, "stop": stops}
    fitted = {} if mixture is None else {"mixture": fitted_mixture(model, mixture)}
    seeds = [None if seed is None else (seed + i) % 2**32 for i in range(count)]

    def texts(begun: str) -> Iterator[Iterator[str]]:
        return (model.stream(begun, length, **sampling | fitted | {"seed": each}) for each in seeds)

    if json:
        written = [prompt + "".join(pieces) for pieces in texts(prompt)]
        more = {"texts": written} if count > 1 else {}
        length = able(model.model, Streaming, "generate text piece by piece").length if length is None else length
        write_json(
            {"folder": run, "prompt": prompt, "text": written[0], "length": length}
            | more
            | sampling
            | {name: mixed.to_json() for name, mixed in fitted.items()}
        )
        return
    for begun in prompts(model, **sampling) if interactive else (prompt,):
        with noting_refusals() if interactive else nullcontext():
            write_streams(begun, texts(begun))


def given_tokens(model: Any, texts: list[str]) -> list[str]:
    """Texts as tokens. Errors: UsageError for a model that reads no texts"""
    from recurra.data.tokens.given_tokens import Tokenised
    from recurra.tasks.abilities import ReadingText, able

    able(model, ReadingText, "read texts, which --tokens is about")
    return [Tokenised(text.split()) for text in texts]

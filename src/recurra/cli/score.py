"""`recurra score`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from recurra.cli.mixtures import MixtureOption, fitted_mixture
from recurra.cli.models import JsonOption, RunArgument, TokensOption, given_tokens
from recurra.cli.output import note, write, write_json, write_table

if TYPE_CHECKING:
    from recurra.tasks.language.score import Ranking


def score(
    run: RunArgument,
    candidates: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            help="groups of candidates, one per line, with a blank line between groups",
            show_default=False,
        ),
    ],
    by: Annotated[
        Literal["total", "token"], typer.Option(help="rank by the log-probability or by its mean over the tokens")
    ] = "total",
    baseline: Annotated[
        bool, typer.Option(help="rank with a Kneser-Ney 5-gram too, counted on the run's training data")
    ] = True,
    mixture: MixtureOption = None,
    encoding: Annotated[str, typer.Option(metavar="NAME", help="encoding of FILE [utf-8]")] = "utf-8",
    tokens: TokensOption = False,
    json: JsonOption = False,
) -> None:
    """Rank candidates with a trained language model, as speech and text recognition need.

    Prints each group with the log-probability of every candidate, whole and per token, in nats, and marks the best one
    with *; beside them the n-gram's.

    \b
    recurra score runs/ptb-lstm --candidates candidates.txt
    recurra score runs/ptb-lstm --candidates candidates.txt --by token --json
    """
    from pathlib import Path

    from recurra.api.progress import ProgressLogger
    from recurra.api.run import load
    from recurra.data.files.candidates import read_candidates
    from recurra.tasks.abilities import ReadingText, able

    model = load(run)
    groups = read_candidates(Path(candidates), encoding)
    candidate_texts = [given_tokens(model.model, list(g.texts)) if tokens else list(g.texts) for g in groups]
    fitted = None if mixture is None else fitted_mixture(model, mixture)
    with ProgressLogger().doing("ranking the candidates"):
        rankings = model.score(candidate_texts, by=by, baseline=baseline, mixture=fitted)
    texts = [text for group in candidate_texts for text in group]
    unknown = able(model.model, ReadingText, "read texts").unknown(texts)
    if unknown:
        shown = ", ".join(repr(piece) for piece in unknown[:8]) + (", ..." if len(unknown) > 8 else "")
        note(f"{len(unknown):,} tokens that the model has never seen, all scored as <unk>: {shown}")
    if json:
        found = [{"line": group.line} | ranking.to_json() for group, ranking in zip(groups, rankings, strict=True)]
        write_json({"folder": run, "by": by, "groups": found})
        return
    for number, ranking in enumerate(rankings):
        if number:
            write("\n")
        rows = _rows(ranking)
        write_table(rows, right=range(1, len(rows[0]) - 1))
    _agreement(rankings)


def _rows(ranking: Ranking) -> list[list[str]]:
    beside = [("5-gram", "baseline", ranking.baseline_winner), ("mixture", "mixture", ranking.mixture_winner)]
    beside = [each for each in beside if each[2] is not None]
    rows = [["", "log p", "per token", *(title for title, _, _ in beside), "candidate"]]
    for i, candidate in enumerate(ranking.candidates):
        others = [f"{getattr(candidate, name):.2f}{' *' if i == best else '  '}" for _, name, best in beside]
        mark = "*" if i == ranking.winner else ""
        numbers = [f"{candidate.log_probability:.2f}", f"{candidate.per_token:.3f}"]
        rows.append([mark, *numbers, *others, candidate.text])
    return rows


def _agreement(rankings: list[Ranking]) -> None:
    both = [r for r in rankings if r.baseline_winner is not None]
    if len(both) > 1:
        same = sum(r.winner == r.baseline_winner for r in both)
        note(f"model and 5-gram choose the same candidate in {same:,} of {len(both):,} groups")

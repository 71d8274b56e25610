"""What is mixed with a language model, as commands ask for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from recurra.cli.output import note

if TYPE_CHECKING:
    from recurra.api.run import Run

MixtureOption = Annotated[
    str | None,
    typer.Option(
        metavar="PARTS",
        help="mix with n-grams, cache, dynamic (weights that go on learning), with commas between, or all (language)",
    ),
]


def fitted_mixture(model: Run, asked: str) -> Any:
    """A mixture of these parts; what was fitted is noted. Errors: DataError, UsageError"""
    from recurra.api.progress import ProgressLogger

    with ProgressLogger().doing("fitting the mixture"):
        fitted = model.mixture(asked)
    note(f"mixture, fitted on the validation part: {described(fitted.to_json())}")
    return fitted


def described(fitted: dict[str, Any]) -> str:
    """What was fitted, in a line."""
    words = [f"{share:.3f} {name}" for name, share in fitted["shares"].items()]
    if "order" in fitted:
        words.append(f"n-grams of {fitted['order']} tokens")
    if "cache" in fitted:
        words.append("cache of {size:,} tokens, theta {theta:.3g}".format(**fitted["cache"]))
    if "dynamic" in fitted:
        words.append("dynamic: rate {rate:g}, decay {decay:g} every {chunk} tokens".format(**fitted["dynamic"]))
    return "; ".join(words)

"""Values that were read from a file, checked against what they must be before anything uses them."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from recurra.errors import DataError


class Stored(BaseModel):
    """The base of what is stored: nothing is converted, no number is infinite; what is not named here is not read."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, allow_inf_nan=False)


class Exact(Stored):
    """As `Stored`, and nothing else may stand there."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


Count = Annotated[int, Field(ge=0, lt=1 << 53)]
"""A whole number that floating point holds too."""
Amount = Annotated[float, Field(ge=0, le=1e15)]
Name = Annotated[str, Field(max_length=10_000)]
Text = Annotated[str, Field(max_length=1_000_000)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]

T = TypeVar("T", bound=BaseModel)


def checked(kind: type[T], value: Any, what: str) -> T:
    """`value` as this kind. Errors: DataError names what, the place in it and what is wrong there"""
    try:
        return kind.model_validate(value)
    except (ValidationError, RecursionError) as error:
        raise DataError(f"{what}: {reason(error)}") from None


def reason(error: ValidationError | RecursionError) -> str:
    """The first thing that is wrong, in a line of bounded length."""
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    first = error.errors(include_url=False, include_context=False)[0]
    place = ".".join(str(part)[:60] for part in first["loc"][:6])
    said = str(first["msg"]).removeprefix("Value error, ")
    said = said[:1].lower() + said[1:300]
    if first["type"] == "missing":
        return f"{place} is missing"
    got = f"{first['input']!r:.60}" if isinstance(first["input"], str | int | float | bool | None) else ""
    return f"{place}: {said}" + (f", got {got}" if got else "")

"""Routes whose answers are found in one call of the model: predict, forecast, score, and writing texts of a class."""

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from recurra.errors import UsageError
from recurra.serve.asking import answer
from recurra.serve.calls import in_time
from recurra.serve.schemas import as_array, body, listed, number_type, options, text
from recurra.serve.service import Service
from recurra.tasks.abilities import Conditioned, GoingOn, Ranks, ReadingNumbers, ReadingText


class Predictions(BaseModel):
    """One for each input, in their order."""

    predictions: list[dict[str, Any]]


class Forecasts(BaseModel):
    """One for each series and column."""

    forecasts: list[dict[str, Any]]


class Rankings(BaseModel):
    """One for each group."""

    groups: list[dict[str, Any]]


class Texts(BaseModel):
    """Texts, or sequences, that were written."""

    texts: list[dict[str, Any]]


def routes(service: Service) -> APIRouter:
    """Those that the model has the abilities for."""
    router = APIRouter(tags=["model"])
    model = service.model
    if isinstance(model, GoingOn):
        _forecast(router, service)
    elif isinstance(model, Conditioned):
        _write(router, service)
    elif isinstance(model, ReadingText | ReadingNumbers):
        _predict(router, service)
    if isinstance(model, Ranks):
        _score(router, service)
    return router


def _predict(router: APIRouter, service: Service) -> None:
    model, limits = service.model, service.limits
    numeric = model.numeric() if isinstance(model, ReadingNumbers) else None
    if numeric is None:
        inputs = listed(text(limits), limits.items, "texts")
    else:
        most = limits.frames if numeric.depth > 1 else limits.most_bytes
        inputs = listed(number_type(numeric, most), limits.items, numeric.what)
    asking = body(
        "Predict", {"inputs": inputs} | options(model.predict, limits) | options(model.searching, limits, ["n_best"])
    )

    @router.post("/predict", response_model=Predictions)
    async def predict(request: Request, asked: asking) -> Response:  # type: ignore[valid-type]
        """One answer for each input."""
        given = asked.inputs if numeric is None else _arrays(asked.inputs, numeric)  # type: ignore[attr-defined]
        how = _set(asked, "inputs")
        if model.alternatives is not None:
            how.setdefault("top", model.alternatives)

        def one(some: Sequence[Any]) -> list[Any]:
            return model.document(service.run.predict(list(some), **how))

        return answer({"predictions": await in_time(request, service.call(given, one), limits.seconds)})


def _forecast(router: APIRouter, service: Service) -> None:
    model, limits = service.model, service.limits
    assert isinstance(model, ReadingNumbers)
    assert isinstance(model, GoingOn)
    numeric = model.numeric()
    kind: Any = number_type(numeric, limits.most_bytes)
    if numeric.table:
        cells = list[str | int | float | None]
        kind = kind | dict[str, cells]
    what = f"{numeric.what}; or a table: the columns of training by their names; the series of training go on without"
    fields = {"series": (list[kind] | None, Field(None, description=what, min_length=1, max_length=limits.items))}
    asking = body("Forecast", fields | options(model.predict, limits))

    @router.post("/forecast", response_model=Forecasts)
    async def forecast(request: Request, asked: asking) -> Response:  # type: ignore[valid-type]
        """A forecast of each series, from its end on."""
        series: Any = asked.series  # type: ignore[attr-defined]

        def one(some: Sequence[Any]) -> list[Any]:
            read = model.tail() if series is None else [_series(each, numeric) for each in some]
            return model.document(service.run.predict(read, **_set(asked, "series")))

        found = service.call([None] if series is None else series, one)
        return answer({"forecasts": await in_time(request, found, limits.seconds)})


def _score(router: APIRouter, service: Service) -> None:
    limits = service.limits
    candidate: Any = text(limits, least=1)
    group = Annotated[list[candidate], Field(min_length=2, max_length=limits.items, fail_fast=True)]
    by = (Literal["total", "token"], Field("total", description="what decides: the log-probability, or its mean"))
    asking = body("Score", {"groups": listed(group, limits.items, "texts of which one is chosen"), "by": by})

    @router.post("/score", response_model=Rankings)
    async def score(request: Request, asked: asking) -> Response:  # type: ignore[valid-type]
        """The log-probability of each candidate, and which is the best of its group."""
        groups: list[list[str]] = asked.groups  # type: ignore[attr-defined]
        if (count := sum(map(len, groups))) > limits.items:
            raise UsageError(f"{count:,} candidates are more than {limits.items:,}\nsend them in several requests")
        parts = [partial(_ranked, service, one, asked.by) for one in groups]  # type: ignore[attr-defined]
        return answer({"groups": await in_time(request, service.calls.run(parts), limits.seconds)})


def _ranked(service: Service, group: list[str], by: str) -> list[Any]:
    assert isinstance(service.model, Ranks)
    return [ranking.to_json() for ranking in service.model.rank([group], by=by)]


def _write(router: APIRouter, service: Service) -> None:
    model, limits = service.model, service.limits
    assert isinstance(model, Conditioned)
    asking = body("Write", options(model.generate, limits))

    @router.post("/generate", response_model=Texts)
    async def generate(request: Request, asked: asking) -> Response:  # type: ignore[valid-type]
        """Texts of a class, or of attributes; sequences of frames, where the model draws those."""
        how = _bounded(_set(asked), model, limits.tokens)

        def write() -> list[Any]:
            return [each.document() for each in service.run.generate(**how)]

        return answer({"texts": await in_time(request, service.calls.run([write]), limits.seconds)})


def _bounded(how: dict[str, Any], model: Conditioned, most: int) -> dict[str, Any]:
    """What is asked, with a length where the model's own would be more than `most` tokens of all texts together.

    Errors: UsageError where more are asked for
    """
    count, prompt, form = how.get("count", 1), how.get("prompt", ""), how.get("form")
    own = model.longest_text(form) if how.get("length") is None else how["length"]
    each = most // count
    if own > each and how.get("length") is None and form is None:
        how, own = how | {"length": each}, each
    if max(own, len(prompt)) > each:
        raise UsageError(f"{count:,} times {max(own, len(prompt)):,} are more than {most:,}\nask for less at a time")
    return how


def _set(asked: Any, *without: str) -> dict[str, Any]:
    """What a body says, but for these; what it leaves out is the model's own default."""
    found: dict[str, Any] = asked.model_dump(exclude_unset=True, exclude=set(without))
    return found


def _arrays(inputs: list[Any], numeric: Any) -> list[Any]:
    try:
        return [as_array(each, numeric) for each in inputs]
    except ValueError as error:
        raise UsageError(f"expected {numeric.what}; rows have different lengths") from error


def _series(given: Any, numeric: Any) -> Any:
    return given if isinstance(given, dict) else _arrays([given], numeric)[0]

"""From a request to its answer: what every route does around the model."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from recurra.data.files.json_text import storable
from recurra.serve.calls import in_time
from recurra.serve.events import EventStream, events_of
from recurra.serve.refused import ClientLeftError, RefusedError
from recurra.serve.service import Service
from recurra.serve.sessions import LEFT, Session
from recurra.serve.worker import Work
from recurra.tasks.lanes import Lane


def answer(document: dict[str, Any], status: int = 200) -> JSONResponse:
    """A document; numbers that JSON lacks are null."""
    return JSONResponse(storable(document), status)


async def stepped(
    service: Service,
    request: Request,
    lane: Lane,
    begin: Callable[[], None],
    *,
    session: Session | None,
    document: Callable[[list[dict[str, Any]]], dict[str, Any]],
    stream: tuple[str, Callable[[], dict[str, Any]]] | None = None,
) -> Response:
    """What a sequence finds when it is asked, as one document, or as events as it is found.

    session: whose the sequence is, taken already: given back after a whole answer, closed where the client has left
    before or the sequence failed; stream: the name of the events, and what the last of them says
    Errors: RefusedError, ClientLeftError, RecurraError
    """
    assert service.worker is not None
    work: Work | None = None

    def closed(failed: str | None) -> None:
        if work is not None and failed is not None:
            service.worker.cancel(work)  # type: ignore[union-attr]
        if session is None:
            return
        if failed is None or (failed != LEFT and lane.failed is None and not lane.busy):
            service.sessions.give_back(session)  # also where what was asked could not be, with nothing done
        else:
            reason = failed if failed == LEFT else f"this session was closed: {failed}"
            service.sessions.close(session, reason, "left" if failed == LEFT else "failed")

    try:
        try:
            work = service.worker.submit(lane, begin)
        except RuntimeError as error:
            raise RefusedError(503, str(error)) from error
        if stream is None:
            found = await in_time(request, work.all(), service.limits.seconds)
            closed(None)
            return answer(document(found))
        answers = work.answers()
        first = await in_time(request, _first(answers), service.limits.seconds)
    except BaseException as error:
        closed(LEFT if isinstance(error, ClientLeftError) or not isinstance(error, Exception) else str(error))
        raise
    events: AsyncGenerator[bytes, None] = events_of(
        first, answers, stream[0], stream[1], closed, service.limits.seconds
    )
    return EventStream(events)


async def _first(answers: Any) -> Any:
    return await anext(answers, None)

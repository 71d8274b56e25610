"""Routes that step sequences: writing a text as it is drawn, and sessions that go on where they were."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from recurra.serve.asking import answer, stepped
from recurra.serve.events import ALIVE, EventStream, event
from recurra.serve.schemas import Problem, Whole, as_array, body, number_type, options, text
from recurra.serve.service import Service
from recurra.serve.sessions import LEFT, Session
from recurra.tasks.abilities import Listening, ReadingNumbers, Streaming
from recurra.terminal import whole

EVENT = {
    "type": "object",
    "properties": {"event": {"type": "string"}, "data": {"type": "string", "description": "JSON"}},
    "required": ["event", "data"],
}
EVENTS = {"text/event-stream": {"schema": EVENT}}
ALIVE_SECONDS = 10.0
TOKENS: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "no session has such a token"},
    409: {"model": Problem, "description": "the session is answering another request"},
    410: {"model": Problem, "description": "the session has ended, or is one of another model"},
}
Token = Annotated[str, Path(min_length=1, max_length=200, description="as POST /sessions gave it")]


class Written(BaseModel):
    """The text that follows the prompt. tokens: that were drawn; stopped: at one of `stop`"""

    text: str
    tokens: int
    stopped: bool


class Begun(BaseModel):
    """A session. seconds: until it expires if nobody asks it; bytes: that it holds, at most"""

    token: str
    seconds: float
    bytes: int


class Candidates(BaseModel):
    """What may follow, most probable first."""

    next: list[dict[str, Any]]


class Labels(BaseModel):
    """Of each frame that has one now; ended: no more are taken"""

    labels: list[dict[str, Any]]
    ended: bool


def routes(service: Service) -> APIRouter:
    """Those that the model has the abilities for."""
    router = APIRouter(tags=["sessions"])
    if service.lanes is None:
        return router
    _sessions(router, service)
    if isinstance(service.model, Streaming):
        _writing(router, service)
    if isinstance(service.model, Listening):
        _hearing(router, service)
    return router


def _sessions(router: APIRouter, service: Service) -> None:
    model, limits = service.model, service.limits
    lanes: Any = service.lanes
    rate = (Whole | None, Field(None, ge=1_000, le=1_000_000, description="samples a second, if not the model's"))
    fields: dict[str, Any] = {"stream": (bool, Field(False, description="stay connected: who leaves closes it"))}
    asking = body("Session", fields | ({"rate": rate} if isinstance(model, Listening) else {}))

    offered = [
        name for name, can in (("go_on", Streaming), ("read", Streaming), ("push", Listening)) if isinstance(model, can)
    ]
    where = {"parameters": {"token": "$response.body#/token"}}
    links = {name: {"operationId": name} | where for name in ("look", *offered, "close")}

    @router.post(
        "/sessions",
        status_code=201,
        response_model=Begun,
        responses={
            201: {"content": EVENTS, "links": links},
            429: {"model": Problem, "description": "there are as many sessions as may be"},
        },
    )
    async def begin(asked: asking) -> Response:  # type: ignore[valid-type]
        """A session: a sequence whose state stays here. With `stream` it ends when the connection does."""
        given = asked.model_dump(exclude_unset=True, exclude={"stream"})  # type: ignore[attr-defined]
        held: bool = asked.stream  # type: ignore[attr-defined]
        session = service.sessions.open(lanes.new(**given), held=held)
        begun = {"token": session.token, "seconds": limits.session_seconds, "bytes": lanes.bytes}
        if not held:
            return answer(begun, 201)
        stream = EventStream(_held(service, session, begun))
        stream.status_code = 201
        return stream

    @router.get("/sessions/{token}", response_model=Begun, responses=TOKENS)
    async def look(token: Token) -> Response:
        """Whether a session is alive; its time begins anew."""
        session = service.sessions.find(token)
        return answer({"token": session.token, "seconds": limits.session_seconds, "bytes": lanes.bytes})

    @router.delete("/sessions/{token}", status_code=204, responses=TOKENS)
    async def close(token: Token) -> Response:
        """Close a session and free its state."""
        session = service.sessions.take(token)
        service.sessions.close(session)
        return Response(status_code=204)


async def _held(service: Service, session: Session, begun: dict[str, Any]) -> AsyncGenerator[bytes, None]:
    try:
        yield event("session", begun)
        while session.reason is None:
            try:
                async with asyncio.timeout(ALIVE_SECONDS):
                    await session.ended.wait()
            except TimeoutError:
                yield ALIVE
        yield event("end", {"reason": session.reason})
    finally:
        service.sessions.close(session, LEFT, "left")


def _writing(router: APIRouter, service: Service) -> None:
    model: Any = service.model
    limits, lanes = service.limits, service.lanes
    assert lanes is not None
    own = {
        "prompt": (text(limits), Field("", description="what the text begins with, or goes on with")),
        "length": (
            Whole,
            Field(min(model.length, limits.tokens), ge=0, le=limits.tokens, description="tokens at most"),
        ),
        "stream": (bool, Field(False, description="send server-sent events as the text is drawn")),
    }
    asking = body("Generate", own | options(model.sampling, limits))
    reading = body(
        "Read", {"text": (text(limits), Field("", description="what is read"))} | options(model.predict, limits)
    )
    answers: dict[int | str, dict[str, Any]] = {200: {"content": EVENTS}}

    async def write(request: Request, asked: Any, lane: Any, session: Session | None) -> Response:
        how = model.sampling(**asked.model_dump(exclude={"prompt", "length", "stream"}))
        prompt, length = whole(asked.prompt), asked.length

        def end() -> dict[str, Any]:
            return {"tokens": lane.drawn, "stopped": lane.stopped}

        def document(found: list[dict[str, Any]]) -> dict[str, Any]:
            return {"text": "".join(each["text"] for each in found)} | end()

        return await stepped(
            service,
            request,
            lane,
            lambda: lane.generate(prompt, length, how),
            session=session,
            document=document,
            stream=("text", end) if asked.stream else None,
        )

    @router.post("/generate", response_model=Written, responses=answers, tags=["model"])
    async def generate(request: Request, asked: asking) -> Response:  # type: ignore[valid-type]
        """The text that follows a prompt; with `stream` as events: text, text, ..., end."""
        return await write(request, asked, lanes.new(), None)

    @router.post("/sessions/{token}/generate", response_model=Written, responses=answers | TOKENS)
    async def go_on(request: Request, token: Token, asked: asking) -> Response:  # type: ignore[valid-type]
        """Read a further text, if any, and go on writing after all that the session has read and written."""
        session = service.sessions.take(token)
        return await write(request, asked, session.lane, session)

    @router.post("/sessions/{token}/predict", response_model=Candidates, responses=TOKENS)
    async def read(request: Request, token: Token, asked: reading) -> Response:  # type: ignore[valid-type]
        """Read a further text, if any, and say what may follow."""
        session = service.sessions.take(token)
        lane, given, top = session.lane, whole(asked.text), asked.top  # type: ignore[attr-defined]
        begin = lambda: lane.predict(given, top)  # noqa: E731
        return await stepped(service, request, lane, begin, session=session, document=lambda found: found[0])


def _hearing(router: APIRouter, service: Service) -> None:
    model, limits = service.model, service.limits
    assert isinstance(model, ReadingNumbers)
    numeric = model.numeric()
    most = limits.frames if numeric.depth > 1 else limits.most_bytes
    kind = number_type(numeric, most)
    fields = {
        "input": (kind | None, Field(None, description=numeric.what)),
        "end": (bool, Field(False, description="there are no more after these")),
        "stream": (bool, Field(False, description="send server-sent events as labels are found")),
    }
    asking = body("Frames", fields)
    answers: dict[int | str, dict[str, Any]] = {200: {"content": EVENTS}}

    @router.post("/sessions/{token}/frames", response_model=Labels, responses=answers | TOKENS)
    async def push(request: Request, token: Token, asked: asking) -> Response:  # type: ignore[valid-type]
        """The labels of the frames that are whole with these."""
        session = service.sessions.take(token)
        lane: Any = session.lane
        given, last = asked.input, asked.end  # type: ignore[attr-defined]
        frames = None if given is None else as_array(given, numeric)

        def end() -> dict[str, Any]:
            return {"ended": lane.ended}

        return await stepped(
            service,
            request,
            lane,
            lambda: lane.push(frames, last=last),
            session=session,
            document=lambda found: {"labels": found} | end(),
            stream=("label", end) if asked.stream else None,  # type: ignore[attr-defined]
        )

"""What the page asks. Inputs are texts and numbers; nothing here takes a path."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from recurra.data.files.json_text import storable
from recurra.errors import RecurraError, UsageError
from recurra.inspector import documents, page
from recurra.inspector.activity import most_active
from recurra.inspector.comparing import distance
from recurra.inspector.inspected import Inspected
from recurra.inspector.looks import Look, seen
from recurra.inspector.networks import drawings, of_run
from recurra.inspector.sent_files import FIRST, Files, SentFiles
from recurra.inspector.strips import Strip
from recurra.inspector.writing import write
from recurra.tasks.own_inputs import OwnInput
from recurra.web import guarded, refusal

MOST_BYTES = 1 << 20
"""Of a request: some 300,000 characters."""
MOST_FILE_BYTES = 32 << 20
"""Of a request with files: 24 MB of them, in base 64."""
FILES = "/api/files"
SLICE = 0.04
"""Seconds that one request reads for; a long text is read in several."""
STEPS = 1024
"""That one request for values may ask for."""

Run = Annotated[int, Query(ge=0, le=1)]
Number = Annotated[int, Query(ge=0)]
Names = Annotated[list[str], Query(min_length=1, max_length=64)]


class Asked(BaseModel, extra="forbid"):
    """An input: text that was typed, or one of the first run's own by its place.

    before: a reading to go on from, which the page has; reference: one that this one will be compared with; look: what
    the page will show of it
    """

    run: int = Field(0, ge=0, le=1)
    text: str | None = None
    input: int | None = Field(None, ge=0)
    condition: str | None = None
    before: int | None = None
    reference: int | None = None
    look: Look | None = None


class Further(BaseModel, extra="forbid"):
    """Go on with a reading."""

    run: int = Field(0, ge=0, le=1)
    reading: int
    look: Look | None = None


class Writing(BaseModel, extra="forbid"):
    """Go on with a text. first: the token that was chosen for the first step"""

    run: int = Field(0, ge=0, le=1)
    text: str = ""
    condition: str | None = None
    temperature: float = Field(1.0, ge=0, le=10, allow_inf_nan=False)
    top_k: int | None = Field(None, ge=1)
    length: int = Field(200, ge=1, le=2000)
    seed: int | None = Field(None, ge=0, lt=2**53)
    first: int | None = Field(None, ge=0)


def application(runs: Sequence[Inspected], *, token: str, hosts: Sequence[str]) -> ASGIApp:
    """The page of one run or two, reached with a token by the names of this machine alone. Errors: UsageError"""
    return guarded(
        unguarded(runs),
        hosts=hosts,
        token=token,
        pages=True,
        policy=page.POLICY,
        most_bytes=MOST_BYTES,
        larger={FILES: MOST_FILE_BYTES},
    )


def unguarded(runs: Sequence[Inspected]) -> FastAPI:
    """What stands behind the guards."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    _refusals(app)
    _files(app)

    def run_of(run: int) -> Inspected:
        if run >= len(runs):
            raise UsageError(f"there is no run {run}: {len(runs)} are looked at")
        return runs[run]

    def strip_of(run: int, reading: int, strip: str) -> Strip:
        return run_of(run).reading(reading).strip(strip)

    sent = SentFiles(runs)

    def offered(run: int, place: int) -> OwnInput:
        if place >= FIRST:
            return sent.of(run, place)
        with runs[0].lock:
            if place >= len(runs[0].offered):
                raise UsageError(f"there is no input {place}: {len(runs[0].offered)} are offered")
            return runs[0].offered[place]

    @app.get("/api/runs")
    def _runs() -> Response:
        return _json([of_run(one) for one in runs])

    @app.get("/api/drawings")
    def _drawings(run: Run = 0) -> Response:
        return _json(drawings(run_of(run).run.network))

    @app.get("/api/inputs")
    def _inputs() -> Response:
        with runs[0].lock:
            return _json([documents.of_input(each) for each in runs[0].offered])

    @app.post(FILES)
    def _files_of(asked: Files) -> Response:
        found, count = sent.add(asked.files)
        return _json({"inputs": [documents.of_input(one) | {"place": place} for place, one in found], "count": count})

    @app.post("/api/read")
    def _read(asked: Asked) -> Response:
        one, found = run_of(asked.run), None if asked.input is None else offered(asked.run, asked.input)
        with one.lock:
            if found is not None:
                given, options = found.given, dict(found.options)
            else:
                given = one.typed(asked.text or "")
                options = {} if asked.condition is None else {"condition": asked.condition}
            before = one.kept(asked.before)
            reading = one.read(given, options, before=asked.before, reference=asked.reference, seconds=SLICE)
            document = documents.of_reading(reading, before)
            if asked.look is not None:
                document["look"] = seen(reading, asked.look, reading.shared, asked.before)
            return _json(document)

    @app.post("/api/continue")
    def _continue(asked: Further) -> Response:
        one = run_of(asked.run)
        with one.lock:
            reading = one.reading(asked.reading)
            kept = reading.read
            reading.advance(SLICE)
            document = documents.progress(reading)
            if asked.look is not None:
                document["look"] = seen(reading, asked.look, kept, asked.reading)
            return _json(document)

    @app.get("/api/answer")
    def _answer(reading: Number, run: Run = 0) -> Response:
        one = run_of(run)
        with one.lock:
            return _json(documents.of_answer(one.reading(reading).answer))

    @app.get("/api/thoughts")
    def _thoughts(reading: Number, start: Number, stop: Number, top: int = 5, run: Run = 0) -> Response:
        one = run_of(run)
        with one.lock:
            return _json(documents.of_thoughts(one.reading(reading), start, min(stop, start + STEPS), top))

    @app.get("/api/column")
    def _column(reading: Number, run: Run = 0) -> Response:
        one = run_of(run)
        with one.lock:
            thoughts = one.reading(reading).thoughts
            found = None if thoughts is None else thoughts.column()
            return Response(status_code=204) if found is None else _bytes(documents.floats(found))

    @app.get("/api/values")
    def _values(reading: Number, strip: str, names: Names, start: Number, stop: Number, run: Run = 0) -> Response:
        with run_of(run).lock:
            found = strip_of(run, reading, strip)
            stop = min(stop, start + STEPS, found.length)
            return _bytes(documents.packed([found.values(name, min(start, stop), stop) for name in names]))

    @app.get("/api/unit")
    def _unit(reading: Number, strip: str, name: str, unit: Number, run: Run = 0) -> Response:
        with run_of(run).lock:
            return _bytes(documents.floats(strip_of(run, reading, strip).unit(name, unit)))

    @app.get("/api/step")
    def _step(reading: Number, strip: str, unit: Number, step: Number, run: Run = 0) -> Response:
        with run_of(run).lock:
            found = strip_of(run, reading, strip)
            found.check_unit(found.first.cell.states[0], unit)
            return _json(documents.of_step(found, unit, step))

    @app.get("/api/active")
    def _active(reading: Number, strip: str, step: Number, count: int = 10, run: Run = 0) -> Response:
        one = run_of(run)
        with one.lock:
            return _json(most_active(one.reading(reading), strip, step, min(count, 50)))

    @app.get("/api/difference")
    def _difference(reading: Number, reference: Number, strip: str, run: Run = 0) -> Response:
        with run_of(run).lock:
            found = distance(strip_of(run, reading, strip), strip_of(run, reference, strip))
            values = [None if value != value else float(f"{value:.4g}") for value in found.values.tolist()]
            return _json({"values": values, "begin": found.begin, "forgotten": found.forgotten})

    @app.get("/api/contexts")
    def _contexts(strip: str, name: str, unit: Number, run: Run = 0) -> Response:
        contexts = run_of(run).contexts
        contexts.begin()
        found: dict[str, Any] = {"share": contexts.share, "done": contexts.done, "problem": contexts.problem}
        return _json(found | {"steps": contexts.steps} | contexts.of(strip, name, unit))

    @app.post("/api/write")
    def _write(asked: Writing) -> Response:
        options = {} if asked.condition is None else {"condition": asked.condition}
        how = {name: getattr(asked, name) for name in ("length", "temperature", "top_k", "seed", "first")}
        steps = write(run_of(asked.run), asked.text, options, **how)
        return StreamingResponse(_lines(steps), media_type="application/x-ndjson")

    return app


def _files(app: FastAPI) -> None:
    known = page.contents()

    @app.get("/")
    def _page() -> Response:
        content, kind = known["index.html"]
        return Response(content, media_type=kind)

    @app.get("/static/{name:path}")
    def _file(name: str) -> Response:
        if name not in known:
            raise HTTPException(404, "no such file")
        content, kind = known[name]
        return Response(content, media_type=kind)


def _refusals(app: FastAPI) -> None:
    @app.exception_handler(RecurraError)
    def _refused(request: Request, error: RecurraError) -> Response:
        return refusal(400, str(error))

    @app.exception_handler(RequestValidationError)
    def _invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        return refusal(422, f"{'.'.join(str(part) for part in first['loc'][1:])}: {first['msg']}")

    @app.exception_handler(HTTPException)
    def _other(request: Request, error: HTTPException) -> Response:
        return refusal(error.status_code, str(error.detail), error.headers)


def _lines(steps: Iterator[dict[str, Any]]) -> Iterator[str]:
    """An error in the middle is the last line: the status has been sent."""
    try:
        for step in steps:
            yield json.dumps(storable(step)) + "\n"
    except RecurraError as error:
        yield json.dumps({"error": documents.in_a_line(error)}) + "\n"


def _json(document: Any) -> Response:
    return Response(json.dumps(storable(document), allow_nan=False), media_type="application/json")


def _bytes(content: bytes) -> Response:
    return Response(content, media_type="application/octet-stream")

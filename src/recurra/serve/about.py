"""Routes about the server itself: whether it is well, what it holds, what it can be asked."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from recurra.serve.schemas import Problem
from recurra.serve.service import Service

VERSION_OF_METRICS = "text/plain; version=0.0.4; charset=utf-8"


class Health(BaseModel):
    """status: "ok", "stopping" or "dead"."""

    status: str


class About(BaseModel):
    """The model, and what its server takes.

    sessions: how many there may be, bytes of each, and why there are none of such a model
    """

    task: str
    does: str
    unit: str
    mark: str
    classes: list[str]
    limits: dict[str, Any]
    sessions: dict[str, Any]


def routes(service: Service) -> APIRouter:
    """/health, /metrics, /model"""
    router = APIRouter(tags=["server"])

    @router.get("/health", responses={200: {"model": Health}, 503: {"model": Health}}, response_class=JSONResponse)
    async def health() -> Response:
        """Whether requests are answered: 503 when the worker is dead or the server stops."""
        status = "ok" if service.alive else "stopping" if service.stopping else "dead"
        return JSONResponse({"status": status}, 200 if service.alive else 503)

    @router.get(
        "/metrics",
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
        response_class=Response,
    )
    async def metrics() -> Response:
        """Numbers for Prometheus."""
        return Response(service.metrics.text(), media_type=VERSION_OF_METRICS)

    @router.get("/model")
    async def model() -> About:
        """What is served, and within which bounds."""
        run, held = service.run, service.lanes
        sessions = {"most": service.limits.sessions, "alive": len(service.sessions), "bytes": service.session_bytes}
        return About(
            task=run.task,
            does=run.model.does,
            unit=run.model.unit,
            mark=service.mark,
            classes=run.classes,
            limits=asdict(service.limits),
            sessions=sessions if held is not None else {"most": 0, "why": service.why_no_sessions},
        )

    return router


PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": what}
    for status, what in {
        400: "the body is no JSON",
        403: "the page of another site asks",
        408: "the body did not arrive",
        413: "the body is too long",
        415: "the body is compressed, or does not say that it is JSON",
        421: "another name was asked",
        422: "what is asked is not within its bounds, or the model cannot read it",
        503: "too much is asked at a time",
    }.items()
}
"""How any request may be refused."""

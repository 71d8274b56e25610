"""How a request is refused: a status and a sentence, as JSON."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import JSONResponse


def refusal(status: int, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """{"error": message}: what is wrong, with its numbers, then what to do. Half surrogates are replaced."""
    text = message.encode("utf-8", "replace").decode("utf-8")
    return JSONResponse({"error": text}, status_code=status, headers=dict(headers or {}))

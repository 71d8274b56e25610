"""Who may ask, how much, and what an answer tells a browser."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse

from recurra.errors import UsageError
from recurra.web import guarded
from recurra.web.bodies import BodyBound
from recurra.web.origins import host_name, origin
from recurra.web.tokens import COOKIE, new_token
from tests.web.asking import Answer, ask


async def echo(scope: Any, receive: Any, send: Any) -> None:
    body = await Request(scope, receive).body()
    await JSONResponse({"read": len(body)})(scope, receive, send)


def asked(*given: Any, hosts: Any = ("127.0.0.1", "localhost", "[::1]"), origins: Any = (), **named: Any) -> Answer:
    return ask(guarded(echo, hosts=hosts, origins=origins), *given, **named)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8000", "LocalHost:1", "[::1]:8000"])
def test_its_own_names_are_answered(host: str) -> None:
    assert asked(headers={"host": host}).status == 200


OTHERS = (
    "evil.example 127.0.0.1.evil.example localhost.evil.example:80 127.0.0.1@evil.example 127.0.0.1:80:80 localhost."
)


@pytest.mark.parametrize(
    "host", [*OTHERS.split(), "127.0.0.1/", "[::1", "0.0.0.0", "[::1]:999999", "", "a b", "x" * 9999]
)
def test_other_names_are_refused(host: str) -> None:
    answer = asked(headers={"host": host})
    assert answer.status == 421
    assert "does not answer to" in answer.error
    assert len(answer.body) < 500


def test_two_hosts_are_refused() -> None:
    assert asked(headers=[("host", "localhost"), ("host", "evil.example")]).status == 421


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://127.0.0.1:8000"}, 200),
        ({"origin": "http://localhost:8000", "host": "localhost:8000"}, 200),
        ({"origin": "http://127.0.0.1:8001"}, 403),
        ({"origin": "https://127.0.0.1:8000"}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": ""}, 403),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "none"}, 200),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, 200),
    ],
)
def test_pages_of_others_may_not_ask(headers: dict[str, str], status: int) -> None:
    assert asked(headers=headers).status == status


def test_a_form_of_another_page_is_no_link() -> None:
    assert asked("POST", headers={"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}).status == 403


def test_a_page_that_may_ask_gets_its_headers_and_no_other_does() -> None:
    page = "https://app.example"
    wish = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    assert asked(headers={"origin": page}, origins=[page]).headers["access-control-allow-origin"] == page
    assert asked("OPTIONS", headers={"origin": page} | wish, origins=[page]).status == 200
    assert asked("OPTIONS", headers={"origin": "https://evil.example"} | wish, origins=[page]).status == 403
    assert "access-control-allow-origin" not in asked(headers={"origin": "http://127.0.0.1:8000"}).headers


@pytest.mark.parametrize("text", ["*", "example.org:80", "http://example.org", "", "a b", "x/y"])
def test_a_host_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no host name"):
        host_name(text)


@pytest.mark.parametrize("text", ["*", "example.org", "http://example.org/", "ftp://example.org", "null"])
def test_an_origin_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no origin"):
        origin(text)


# bodies


def test_a_body_within_the_bound_arrives_whole() -> None:
    assert ask(BodyBound(echo, most=10), "POST", pieces=[b"12345", b"", b"67890"]).body == b'{"read":10}'


def test_an_announced_body_beyond_the_bound_is_not_read() -> None:
    for length in ("11", "1" * 5000):
        answer = ask(BodyBound(echo, most=10), "POST", headers={"content-length": length}, pieces=[b"1"] * 11)
        assert answer.status == 413
        assert "10 bytes at most" in answer.error
        assert answer.pieces_read == 0


def test_a_gigabyte_that_nobody_announced_is_left_at_the_bound() -> None:
    piece = bytes(1 << 16)

    def gigabyte() -> Iterator[bytes]:
        for _ in range(1 << 14):
            yield piece

    tracemalloc.start()
    try:
        answer = ask(BodyBound(echo, most=1 << 20), "POST", pieces=gigabyte())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert answer.status == 413
    assert answer.pieces_read == 17
    assert peak < 4 << 20


def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    async def dripping() -> AsyncIterator[bytes]:
        yield b"1"
        while True:
            await asyncio.sleep(0.001)
            yield b""

    answer = ask(BodyBound(echo, most=10, seconds=0.02), "POST", pieces=dripping())
    assert answer.status == 408
    assert answer.headers["connection"] == "close"


def test_a_compressed_body_is_refused() -> None:
    assert ask(BodyBound(echo), "POST", headers={"content-encoding": "gzip"}).status == 415


# tokens


def test_a_token_is_asked_for_but_where_all_may() -> None:
    app = guarded(echo, token="s3cret", public=["/health"])
    assert ask(app).status == 401
    assert ask(app).headers["www-authenticate"] == "Bearer"
    assert ask(app, headers={"authorization": "Bearer s3cret"}).status == 200
    assert ask(app, headers={"authorization": "Bearer s3cre\xff"}).status == 401
    assert ask(app, headers={"authorization": "Basic s3cret"}).status == 401
    assert ask(app, target="/?token=s3cret").status == 401
    assert ask(app, headers={"cookie": f"{COOKIE}-8000=s3cret"}).status == 401
    assert ask(app, target="/health").status == 200
    assert len(new_token()) > 40
    assert new_token() != new_token()


def test_a_visitor_gets_a_cookie_and_leaves_the_token_behind() -> None:
    app = guarded(echo, token="s3cret", pages=True)
    answer = ask(app, target="//evil.example/a?x=1&token=s3cret&y=a%20b")
    assert answer.status == 303
    assert answer.headers["location"] == "/evil.example/a?x=1&y=a+b"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert ask(app, headers={"cookie": cookie.split(";")[0]}).status == 200
    other = {"host": "127.0.0.1:8001", "cookie": cookie.split(";")[0]}
    assert ask(app, headers=other).status == 401  # a server of another port has a cookie of its own
    assert ask(app, target="/?token=other").status == 401
    assert ask(app, "POST", target="/?token=s3cret").status == 401


# headers


def test_every_answer_bears_the_headers() -> None:
    for answer in (asked(), asked(headers={"host": "evil.example"}), asked(headers={"origin": "null"})):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert answer.headers["cache-control"] == "no-store"


def test_a_header_of_the_application_stands() -> None:
    own = PlainTextResponse("", headers={"cache-control": "max-age=60"})
    answer = ask(guarded(own, policy="default-src 'self'"))
    assert answer.headers["cache-control"] == "max-age=60"
    assert answer.headers["content-security-policy"] == "default-src 'self'"

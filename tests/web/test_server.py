"""A real port: starting, stopping, and clients that are slow."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from typing import Any

import pytest
from starlette.responses import PlainTextResponse, StreamingResponse

from recurra.errors import UsageError
from recurra.web import Server, guarded
from recurra.web.connections import Patience

hello = PlainTextResponse("hello")
IMPATIENT = Patience(head=0.05, idle=0.05, reading=0.05, unread=0.05)


def connected(address: str, *sent: bytes) -> socket.socket:
    host, port = address.removeprefix("http://").split(":")
    found = socket.create_connection((host, int(port)), timeout=20)
    for piece in sent:
        found.sendall(piece)
    return found


def everything(connection: socket.socket) -> bytes:
    """Until the other side closes."""
    found = b""
    try:
        while piece := connection.recv(65_536):
            found += piece
    except ConnectionResetError:
        pass
    connection.close()
    return found


def test_it_answers_on_a_free_port_and_then_no_more() -> None:
    server = Server(guarded(hello))
    with server.running() as address:
        assert urllib.request.urlopen(address).read() == b"hello"
    with pytest.raises(OSError):
        connected(address)


def test_a_port_in_use_is_said() -> None:
    server = Server(hello)
    port = int(server.address.rpartition(":")[2])
    with pytest.raises(UsageError, match=f"127.0.0.1:{port} cannot be had: address already in use\nport 0 takes"):
        Server(hello, port=port)
    server._socket.close()
    with pytest.raises(UsageError, match="from 0 to 65535, got 65536"):
        Server(hello, port=65_536)


def test_slow_clients_are_left() -> None:
    """A head that does not come or drips, also the second one, an answer that is not read, a body beyond the bound."""
    left = threading.Event()

    async def endless(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] != "/endless":
            await hello(scope, receive, send)
            return

        async def pieces() -> Any:
            try:
                while True:
                    yield bytes(1 << 16)
                    await asyncio.sleep(0)
            finally:
                left.set()

        await StreamingResponse(pieces())(scope, receive, send)

    with Server(guarded(endless, most_bytes=10), patience=IMPATIENT).running() as address:
        assert everything(connected(address)) == b""
        assert everything(connected(address, b"GET / HTTP/1.1\r\nHost: local")) == b""
        request = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
        assert everything(connected(address, request, b"G")).startswith(b"HTTP/1.1 200")
        unread = connected(address, request.replace(b"/ ", b"/endless ", 1))
        assert left.wait(20)
        unread.close()
        head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n"
        assert everything(connected(address, head, b"1")).startswith(b"HTTP/1.1 413")


def test_what_is_being_answered_is_answered_before_the_end() -> None:
    begun, go_on = threading.Event(), threading.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            begun.set()
            await asyncio.to_thread(go_on.wait)
        await hello(scope, receive, send)

    server = Server(slow)
    with server.running() as address:
        connection = connected(address, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        begun.wait()
        server.stop()
        go_on.set()
        assert everything(connection).endswith(b"hello")


ALONE = """
import asyncio
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from recurra.web import Server

async def hello(request):
    return PlainTextResponse("hello")

async def slow(request):
    print("asked", flush=True)
    await asyncio.sleep(600)

app = Starlette(routes=[Route("/", hello), Route("/slow", slow)])
Server(app, drain=600).run(lambda address: print(address, flush=True))
print("ended", flush=True)
"""


def test_signals_stop_it_the_second_one_at_once_and_without_a_traceback() -> None:
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", ALONE], text=True, **pipes) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            assert urllib.request.urlopen(address).read() == b"hello"
            with connected(address, b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n"):
                assert process.stdout.readline() == "asked\n"
                process.send_signal(signal.SIGTERM)
                while not _refuses(address):  # the first one has been obeyed
                    pass
                process.send_signal(signal.SIGTERM)
                rest = process.communicate(timeout=60)
        finally:
            process.kill()
    assert rest == ("ended\n", "")
    assert process.returncode == 0


def _refuses(address: str) -> bool:
    try:
        connected(address).close()
    except ConnectionResetError:  # it waited to be accepted when the port closed
        return False
    except ConnectionRefusedError:
        return True
    return False

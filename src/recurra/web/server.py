"""Starting and stopping."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from recurra.errors import UsageError
from recurra.web.connections import Patience, connections
from recurra.web.origins import bracketed

HOST = "127.0.0.1"
_STOPPING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Server:
    """An application behind a port, which is taken when this is made.

    port: 0 takes a free one; most_connections: more get 503; drain: seconds that what is being answered has after a
    signal to stop, a second signal ends it at once; patience: with slow clients, see `connections`
    Errors: UsageError for a port that is in use or may not be had
    """

    def __init__(
        self,
        app: ASGIApp,
        host: str = HOST,
        port: int = 0,
        *,
        most_connections: int = 512,
        drain: float = 20.0,
        patience: Patience | None = None,
    ) -> None:
        self._socket = _listening(host, port)
        self.address = f"http://{bracketed(host)}:{self._socket.getsockname()[1]}"
        patience = patience or Patience()
        config = uvicorn.Config(
            app,
            http=connections(patience),
            ws="none",
            loop="asyncio",
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            proxy_headers=False,  # who may be believed stands in no header
            limit_concurrency=most_connections,
            timeout_keep_alive=patience.idle,  # type: ignore[arg-type]  # it is given to call_later
            timeout_graceful_shutdown=max(1, round(drain)),
        )
        logging.getLogger("uvicorn.error").addFilter(_reported)
        self._uvicorn = _Uvicorn(config)

    def run(self, ready: Callable[[str], None] | None = None) -> None:
        """Serve until SIGINT, SIGTERM or SIGHUP, then answer what was asked and return.

        ready: hears the address when it answers there
        """
        self._uvicorn.ready = lambda: None if ready is None else ready(self.address)
        with self._socket:
            asyncio.run(self._uvicorn.serve([self._socket]))

    def stop(self) -> None:
        """As a signal does. From any thread."""
        self._uvicorn.should_exit = True

    @contextmanager
    def running(self) -> Iterator[str]:
        """Serve in a thread while this is entered: the address. Errors: RuntimeError if it ends before it began"""
        begun = threading.Event()
        failed: list[BaseException] = []

        def serve() -> None:
            try:
                self.run(lambda _: begun.set())
            except (Exception, SystemExit) as error:  # noqa: BLE001, it is raised where this was entered
                failed.append(error)
            finally:
                begun.set()

        thread = threading.Thread(target=serve, name="recurra-server", daemon=True)
        thread.start()
        begun.wait()
        try:
            if failed:
                raise RuntimeError(f"the server of {self.address} did not start: {failed[0]!r}")
            yield self.address
        finally:
            self.stop()
            thread.join()
        if failed:
            raise RuntimeError(f"the server of {self.address} failed: {failed[0]!r}")


class _Uvicorn(uvicorn.Server):
    """Says when it answers; a signal stops it and is not raised anew, for it was obeyed."""

    ready: Callable[[], None] = staticmethod(lambda: None)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self.ready()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._stop) for number in _STOPPING}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True


def _reported(record: logging.LogRecord) -> bool:
    """Whether it is an error: what the end of the server cuts off is none. That of a lifespan is text."""
    cut = record.exc_info is not None and isinstance(record.exc_info[1], asyncio.CancelledError)
    return not cut and not record.getMessage().rstrip().endswith("CancelledError")


def _listening(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65_535:
        raise UsageError(f"a port is a number from 0 to 65535, got {port}")
    kind = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(kind, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host, port))
        found.listen(2048)
        found.setblocking(False)
    except OSError as error:
        found.close()
        reason = error.strerror or str(error)
        raise UsageError(
            f"{host}:{port} cannot be had: {reason[:1].lower()}{reason[1:]}\nport 0 takes a free one"
        ) from error
    return found

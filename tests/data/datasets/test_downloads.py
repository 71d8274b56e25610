"""Sets that are fetched: kept, counted, verified."""

from __future__ import annotations

import http.server
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny_set import CONTENTS, pinned

from recurra.data.datasets import named
from recurra.data.datasets.registry import REGISTRY
from recurra.errors import DataError

pytestmark = pytest.mark.usefixtures("folders")


class _Handler(http.server.BaseHTTPRequestHandler):
    answers: dict[str, bytes]

    def do_GET(self) -> None:
        content = self.answers.get(self.path)
        self.send_response(404 if content is None else 200)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def web(folders: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bytes]]:
    """What a server on this machine answers, by path; `tiny` is pinned to it."""
    answers = {f"/{label}.txt": content for label, content in CONTENTS.items()}
    handler = type("Handler", (_Handler,), {"answers": answers})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setitem(REGISTRY, "tiny", pinned(f"http://127.0.0.1:{server.server_port}"))
    yield answers
    server.shutdown()
    server.server_close()
    thread.join()


def test_offline_says_what_and_what_to_do() -> None:
    with pytest.raises(DataError) as caught:
        named.get("tiny")
    first, second = str(caught.value).split("\n")
    assert first == "could not fetch http://127.0.0.1:9/cat.txt: ConnectionError"
    assert second == (
        "set RECURRA_DATA to a folder that holds tiny/ with cat.txt, dog.txt; "
        "or use a built-in set: surnames or python-docs"
    )


def test_a_download_is_kept(web: dict[str, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = named.get("tiny")
    assert data.folder == tmp_path / "cache" / "data" / "tiny"
    assert {label: path.read_bytes() for label, path in data.files.items()} == CONTENTS
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "fetching tiny 1/2 cat.txt, 11 bytes\nfetching tiny 2/2 dog.txt, 5 bytes\n"
    web.clear()  # from here on it answers 404
    assert named.get("tiny") == data
    assert capsys.readouterr().err == ""
    data.files["dog"].write_bytes(b"altered")
    with pytest.raises(DataError, match=r"could not fetch http://\S+/dog.txt: HTTP status 404"):
        named.get("tiny")


def test_a_terminal_sees_it_count(
    web: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    named.get("tiny")
    lines = capsys.readouterr().err.split("\n")
    assert [line.split("\r")[-1] for line in lines] == [
        "fetching tiny 1/2 cat.txt 100 %",
        "fetching tiny 2/2 dog.txt 100 %",
        "",
    ]


def test_what_the_url_gives_is_verified(web: dict[str, bytes], tmp_path: Path) -> None:
    web["/dog.txt"] = b"grrr\n"
    with pytest.raises(DataError, match=r"/dog\.txt no longer gives the pinned file.*\n.*RECURRA_DATA"):
        named.get("tiny")
    assert not (tmp_path / "cache" / "data" / "tiny" / "dog.txt").exists()


@pytest.mark.parametrize("name", ["tiny", "python-docs"])
def test_a_cache_that_cannot_be(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("RECURRA_CACHE", str(tmp_path / "file"))
    with pytest.raises(DataError, match=r"the cache cannot be written to: .*\nset RECURRA_CACHE"):
        named.get(name)

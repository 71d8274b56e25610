"""A page from the command line."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import pytest
from command_line import Recurra

from recurra import web


def content_of(page: Path) -> dict[str, Any]:
    found = re.search(
        r'<script type="application/json" id="content">(.*?)</script>', page.read_text(encoding="utf-8"), re.S
    )
    assert found
    return json.loads(found[1])  # type: ignore[no-any-return]


def test_the_page_as_a_file_shows_what_is_given(recurra: Recurra, classifier: Path, tmp_path: Path) -> None:
    found = recurra("inspect", classifier, "--html", "new/page.html", "--input", "abc", "--input", "<b>ovich")
    assert found.code == 0, found.err
    assert "page.html" in found.err
    content = content_of(tmp_path / "new" / "page.html")
    assert [one["text"] for one in content["inputs"]] == ["abc", "<b>ovich"]
    assert content["readings"][0][0]["document"]["views"] == [{"same": [0, 0], "tokens": ["a", "b", "c"]}]


def test_without_an_input_it_shows_the_runs_own_data(recurra: Recurra, classifier: Path, tmp_path: Path) -> None:
    assert recurra("inspect", classifier, classifier, "--html", "page.html").code == 0
    content = content_of(tmp_path / "page.html")
    assert len(content["runs"]) == len(content["readings"]) == 2
    assert re.search("elli|ovich|Trần", content["inputs"][0]["text"])


def test_what_cannot_be_is_refused(recurra: Recurra, classifier: Path) -> None:
    recurra("inspect", classifier, classifier, classifier).refused(2, "3 runs are named")
    recurra("inspect", classifier, "--input", "abc").refused(2, "--html FILE")
    recurra("inspect", classifier, "--html", "page.txt").refused(2, "ends in .html")
    recurra("inspect", classifier, "--html", "p.html", *["--input", "a"] * 9).refused(2, "9 inputs", "8 at most")
    recurra("inspect", "nowhere").refused(4, "nowhere")


def test_it_serves_a_page_behind_a_token(recurra: Recurra, classifier: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    addresses: list[str] = []

    def run(server: web.Server, ready: Callable[[str], None]) -> None:
        """As `Server.run`, until the page was looked at."""
        monkeypatch.setattr(web.Server, "run", serve)
        ready(server.address)
        with server.running() as address:
            for path in ("/", "/api/runs"):
                with pytest.raises(urllib.error.HTTPError, match="401"):
                    urllib.request.urlopen(address + path)
            visitor = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
            seen.append(visitor.open(addresses[-1].strip()).read())
            seen.append(json.loads(visitor.open(address + "/api/runs").read()))

    serve = web.Server.run
    monkeypatch.setattr(web.Server, "run", run)
    monkeypatch.setattr("recurra.cli.inspect.write", addresses.append)
    assert recurra("inspect", classifier).code == 0
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{43}\n", addresses[0])
    assert b"<main>" in seen[0]
    assert seen[1][0]["task"] == "classify"

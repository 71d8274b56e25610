"""A hub of this process: as much of its protocol as huggingface_hub asks for to push and pull a model."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit


class Hub(ThreadingHTTPServer):
    """commits: repository -> [(hash, its files)], the newest last; asked: every path; tampered: served instead"""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.commits: dict[str, list[tuple[str, dict[str, bytes]]]] = {}
        self.asked: list[str] = []
        self.tampered: dict[str, bytes] = {}
        self.refuses = False

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def commit(self, repo: str, files: dict[str, bytes]) -> str:
        made = hashlib.sha1(f"{repo} {len(self.commits.get(repo, []))}".encode()).hexdigest()
        self.commits.setdefault(repo, []).append((made, files))
        return made

    def at(self, repo: str, revision: str) -> tuple[str, dict[str, bytes]] | None:
        found = self.commits[repo]
        return found[-1] if revision == "main" else next((each for each in found if each[0] == revision), None)


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hub

    def log_message(self, *given: Any) -> None:
        return None

    def _send(self, code: int, body: bytes, **headers: str) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _json(self, value: Any, code: int = 200, **headers: str) -> None:
        self._send(code, json.dumps(value).encode(), Content_Type="application/json", **headers)

    def _none(self, error: str) -> None:
        self._json({"error": error}, 404, X_Error_Code=error, X_Error_Message=error)

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.server.asked.append(path)
        if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/(.+))?", path):
            repo, revision = match[1], match[2] or "main"
            if repo not in self.server.commits:
                return self._none("RepoNotFound")
            if (found := self.server.at(repo, revision)) is None:
                return self._none("RevisionNotFound")
            siblings = [{"rfilename": name, "size": len(content)} for name, content in found[1].items()]
            return self._json({"id": repo, "modelId": repo, "sha": found[0], "siblings": siblings, "tags": []})
        if match := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            found = self.server.at(match[1], match[2])
            if found is None or match[3] not in found[1]:
                return self._none("EntryNotFound")
            content = self.server.tampered.get(match[3], found[1][match[3]])
            tag = hashlib.sha1(content).hexdigest()
            return self._send(200, content, X_Repo_Commit=found[0], ETag=f'"{tag}"')
        return self._none("RepoNotFound")

    do_HEAD = do_GET

    def do_POST(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.server.asked.append(path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.server.refuses:
            return self._json({"error": "no"}, 403)
        if path == "/api/validate-yaml":
            return self._json({"errors": [], "warnings": []})
        if path == "/api/repos/create":
            asked = json.loads(body)
            repo = f"{asked.get('organization') or 'me'}/{asked['name']}"
            self.server.commits.setdefault(repo, [])
            return self._json({"url": f"{self.server.address}/{repo}", "name": repo})
        if path.startswith("/api/models/") and "/preupload/" in path:
            names = [each["path"] for each in json.loads(body)["files"]]
            return self._json(
                {"files": [{"path": n, "uploadMode": "regular", "shouldIgnore": False, "oid": None} for n in names]}
            )
        if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/commit/(.+)", path):
            lines = [json.loads(line) for line in body.splitlines()]
            files = {
                line["value"]["path"]: base64.b64decode(line["value"]["content"])
                for line in lines
                if line["key"] == "file"
            }
            made = self.server.commit(match[1], files)
            url = f"{self.server.address}/{match[1]}/commit/{made}"
            return self._json({"success": True, "commitOid": made, "commitUrl": url, "hookOutput": ""})
        return self._none("RepoNotFound")


@contextmanager
def running() -> Iterator[Hub]:
    with Hub() as hub:
        thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield hub
        finally:
            hub.shutdown()
            thread.join()

"""What the page asks its server, and what the server refuses."""

from __future__ import annotations

import base64
import json
import math
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from starlette.testclient import TestClient

from recurra.data.pictures.showing import png
from recurra.inspector.application import FILES, MOST_BYTES, MOST_FILE_BYTES, application, unguarded
from recurra.inspector.inspected import Inspected

Clients = Callable[..., TestClient]
Page = Callable[[str], Inspected]
TOKEN = "t" * 43
Floats = npt.NDArray[np.float32]


def read(client: TestClient, text: str, **more: object) -> dict[str, object]:
    found = client.post("/api/read", json={"text": text} | more).json()
    while found["read"] < found["total"]:
        found |= client.post("/api/continue", json={"reading": found["reading"]}).json()
    return found


def test_a_text_is_read_and_looked_into(client: Clients, inspected: Page) -> None:
    asked = client("language")
    (info,) = asked.get("/api/runs").json()
    assert (info["reads"], info["writes"], info["task"]) == ("text", True, "language")
    found = read(asked, "sun moon")
    assert found["views"] == [{"same": [0, 0], "tokens": list("sun moon")}]
    assert found["thoughts"] == {"view": 0, "classes": info_classes(inspected("language"))}
    trace = inspected("language").run.trace("sun moon")
    for strip in found["strips"]:
        query = {"reading": found["reading"], "strip": strip["key"]}
        names = [value["name"] for value in strip["values"]]
        content = asked.get("/api/values", params=query | {"names": names, "start": 2, "stop": 6}).content
        for value, (values, scales) in zip(strip["values"], unpacked(content, strip["values"], 4), strict=True):
            expected = trace[f"stack.{value['name']}_l{strip['layer']}"][2:6]
            assert (np.abs(values - expected) <= scales / 250).all()
            one = query | {"name": value["name"], "unit": 1}
            column = np.frombuffer(asked.get("/api/unit", params=one).content, "<f4")
            np.testing.assert_allclose(column[2:6], expected[:, 1], atol=1e-6)
    query = {"reading": found["reading"], "strip": strip["key"]}
    step = asked.get("/api/step", params=query | {"unit": 1, "step": 3}).json()
    assert step["values"]["h"] == pytest.approx(float(trace[f"stack.h_l{strip['layer']}"][3, 1]), rel=1e-3)
    assert step["before"]["h"] == pytest.approx(float(trace[f"stack.h_l{strip['layer']}"][2, 1]), rel=1e-3)
    assert len(asked.get("/api/active", params=query | {"step": 3}).json()) > 0
    rows = asked.get("/api/thoughts", params={"reading": found["reading"], "start": 0, "stop": 99, "top": 2}).json()
    assert [len(row) for row in rows] == [2] * 8
    other = read(asked, "sun noon", before=found["reading"])
    query = {"reading": other["reading"], "reference": found["reading"], "strip": strip["key"]}
    assert asked.get("/api/difference", params=query).json()["begin"] == 5


def unpacked(content: bytes, values: list[dict[str, int]], time: int) -> list[tuple[Floats, Floats]]:
    """Of each value its numbers [T, H] and the scale of each step [T, 1]."""
    scales = np.frombuffer(content, "<f4", len(values) * time).reshape(len(values), time, 1)
    at, found = 4 * scales.size, []
    for value, scale in zip(values, scales, strict=True):
        numbers = np.frombuffer(content, np.int8, time * value["units"], at).reshape(time, -1)
        found.append((numbers * scale / 127, scale))
        at += time * value["units"]
    assert at == len(content)
    return found


def test_an_answer_brings_what_is_shown_and_only_what_is_new(client: Clients, inspected: Page) -> None:
    asked, text = client("language"), "sun moon rose nose sea tea"
    before = read(asked, text)
    look = {"columns": 6, "thoughts": 4, "coloured": before["reading"], "values": before["reading"]}
    found = read(asked, text + "s", before=before["reading"], look=look)
    assert found["before"] == before["reading"]
    assert found["views"] == [{"same": [26, 0], "tokens": ["s"]}]
    seen, trace = found["look"], inspected("language").run.trace(text + "s")
    assert (seen["kept"], seen["step"]) == (26, 26)
    assert (seen["values"]["start"], seen["values"]["stop"]) == (26, 27)  # of six columns the one that is new
    layer = next(strip for strip in found["strips"] if strip["key"] == seen["strip"])
    some = unpacked(base64.b64decode(seen["values"]["data"]), layer["values"], 1)
    for name, (values, scales) in zip(seen["values"]["names"], some, strict=True):
        assert (np.abs(values - trace[f"stack.{name}_l{layer['layer']}"][26:]) <= scales / 250).all()
    query = {"reading": found["reading"]}
    column = np.frombuffer(asked.get("/api/column", params=query).content, "<f4")
    assert seen["colours"]["start"] == 26
    assert np.frombuffer(base64.b64decode(seen["colours"]["data"]), "<f4").tolist() == column[26:].tolist()
    rows = asked.get("/api/thoughts", params=query | {"start": 23, "stop": 27}).json()
    assert seen["thoughts"] == {"start": 23, "rows": rows}
    more = query | {"strip": seen["strip"], "step": 26}
    assert seen["active"] == asked.get("/api/active", params=more).json()
    assert seen["at"] == asked.get("/api/step", params=more | {"unit": 0}).json()
    assert seen["answer"] == asked.get("/api/answer", params=query).json()
    whole = asked.post("/api/read", json={"text": text, "before": found["reading"], "look": {"columns": 6}}).json()
    assert whole["views"] == [{"same": [26, 0], "tokens": []}]
    assert whole["look"]["values"]["start"] == 20  # the page holds nothing
    assert whole["look"]["colours"]["start"] == 0
    middle = read(asked, text[:8] + "t" + text[9:], before=whole["reading"])
    assert middle["views"] == [{"same": [8, len(text) - 9], "tokens": ["t"]}]


def info_classes(page: Inspected) -> int:
    return len(page.run.probabilities("sun").classes)


def test_two_runs_read_the_same_text(client: Clients) -> None:
    asked = client("language", "classify")
    assert len(asked.get("/api/runs").json()) == 2
    first, second = (asked.post("/api/read", json={"text": "abc", "run": run}).json() for run in (0, 1))
    assert first["reading"] != second["reading"]
    answer = asked.get("/api/answer", params={"reading": second["reading"], "run": 1}).json()
    assert len(answer["ranked"]) == 2
    assert client("classify").get("/api/answer", params={"reading": 1, "run": 1}).status_code == 400


def test_one_of_the_first_runs_inputs_is_read_by_both(inspected: Page) -> None:
    runs = [inspected("classify"), inspected("classify")]
    runs[1].offered = list(reversed(runs[0].offered))
    asked = TestClient(unguarded(runs))
    first, second = (asked.post("/api/read", json={"input": 0, "run": run}).json() for run in (0, 1))
    assert first["views"] == second["views"]
    assert first["views"][0]["tokens"] != list(runs[1].offered[0].given)


def test_it_writes_and_goes_on_from_a_choice(client: Clients) -> None:
    asked = client("language")
    how = {"text": "sun ", "length": 6, "temperature": 0.9, "top_k": 3, "seed": 5}
    lines = [json.loads(line) for line in asked.post("/api/write", json=how).text.splitlines()]
    assert len(lines) == 6
    again = [json.loads(line) for line in asked.post("/api/write", json=how).text.splitlines()]
    assert again == lines
    assert all(line["id"] in [place for place, _, _ in line["candidates"][:3]] for line in lines)
    other = lines[2]["candidates"][4]
    prompt = "sun " + "".join(line["piece"] for line in lines[:2])
    chosen = asked.post("/api/write", json=how | {"text": prompt, "first": other[0], "length": 2}).text.splitlines()
    assert json.loads(chosen[0])["name"] == other[1]
    assert [place for place, _, _ in json.loads(chosen[0])["candidates"]] == [p for p, _, _ in lines[2]["candidates"]]
    assert asked.post("/api/write", json=how | {"text": "☃"}).status_code == 400
    assert "got token 9,999" in json.loads(asked.post("/api/write", json=how | {"first": 9999}).text)["error"]


def test_a_generator_ends_its_text(client: Clients) -> None:
    asked = client("generate")
    (info,) = asked.get("/api/runs").json()
    assert len(info["conditions"]) > 1
    how = {"length": 200, "temperature": 0, "condition": info["conditions"][0]}
    lines = [json.loads(line) for line in asked.post("/api/write", json=how).text.splitlines()]
    assert len(lines) == 200 or lines[-1]["name"] == "</s>"
    assert asked.post("/api/read", json={"text": "a", "condition": "nowhere"}).status_code == 400


def test_labels_that_look_like_markup_stay_text(client: Clients) -> None:
    asked = client("classify")
    answer = asked.get("/api/answer", params={"reading": read(asked, "<script>alert(1)</script>")["reading"]})
    assert answer.headers["content-type"] == "application/json"
    assert any("<b>" in label for label, _ in answer.json()["ranked"])


@pytest.mark.parametrize(
    ("method", "path", "given", "status"),
    [
        ("POST", "/api/read", {"text": ""}, 400),
        ("POST", "/api/read", {"text": 3}, 422),
        ("POST", "/api/read", {"text": "a", "path": "/etc/passwd"}, 422),
        ("POST", "/api/read", {"text": "a", "run": 2}, 422),
        ("POST", "/api/read", {"input": 10**9}, 400),
        ("POST", "/api/continue", {"reading": 10**9}, 400),
        ("POST", "/api/write", {"text": "a"}, 400),
        ("POST", "/api/write", {"text": "a", "temperature": -1}, 422),
        ("GET", "/api/values?reading=1&strip=x&names=h&start=0&stop=1", None, 400),
        ("GET", "/api/thoughts?reading=-1&start=0&stop=1", None, 422),
        ("GET", "/static/../application.py", None, 404),
        ("GET", "/static/..%2fapplication.py", None, 404),
        ("GET", "/static//etc/passwd", None, 404),
        ("GET", "/openapi.json", None, 404),
        ("GET", "/docs", None, 404),
    ],
)
def test_what_cannot_be_is_refused(client: Clients, method: str, path: str, given: object, status: int) -> None:
    answer = client("classify").request(method, path, json=given)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]


@pytest.fixture
def guarded(inspected: Page) -> TestClient:
    app = application([inspected("classify")], token=TOKEN, hosts=["127.0.0.1", "localhost"])
    return TestClient(app, base_url="http://127.0.0.1:8000", follow_redirects=False)


def test_the_page_wants_its_token(guarded: TestClient) -> None:
    for path in ("/", "/api/runs", "/static/main.js"):
        assert guarded.get(path).status_code == 401
        assert guarded.get(path, params={"token": "other"}).status_code == 401
    answer = guarded.get("/", params={"token": TOKEN})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert guarded.get("/").status_code == 200
    assert guarded.get("/api/runs").status_code == 200


ASKED = {"authorization": f"Bearer {TOKEN}"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "attacker.example"}, 421),
        ({"host": "attacker.example:8000"}, 421),
        ({"origin": "https://attacker.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, 403),
        ({"origin": "http://127.0.0.1:8000"}, 200),
        ({}, 200),
    ],
)
def test_other_names_and_pages_are_refused(guarded: TestClient, headers: dict[str, str], status: int) -> None:
    assert guarded.get("/api/runs", headers=ASKED | headers).status_code == status


def test_a_body_over_the_bound_is_refused(guarded: TestClient) -> None:
    answer = guarded.post("/api/read", json={"text": "a" * MOST_BYTES}, headers=ASKED)
    assert answer.status_code == 413
    assert f"{MOST_BYTES:,}" in answer.json()["error"]


def test_files_have_a_larger_bound_and_no_folder(guarded: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = {"files": [{"name": "a.csv", "data": "A" * MOST_BYTES}]}  # more than other bodies may have
    assert guarded.post(FILES, json=whole, headers=ASKED).status_code == 400  # a classifier of texts reads no files
    huge = b"{" + b" " * MOST_FILE_BYTES
    answer = guarded.post(FILES, content=huge, headers=ASKED | {"content-type": "application/json"})
    assert answer.status_code == 413
    assert f"{MOST_FILE_BYTES:,}" in answer.json()["error"]


def test_a_file_of_ones_own_is_read_as_the_runs_data_are(
    client: Clients, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for task, name, content, count in (
        ("forecast", "own.csv", _series(), 1),
        ("frames", "own.csv", _frames(), 2),
        ("caption", "own.png", png(np.full((3, 20, 24), 200, np.uint8)), 1),
    ):
        asked = client(task)
        assert asked.get("/api/runs").json()[0]["files"]
        sent = asked.post(FILES, json=_sent((name, content)))
        assert sent.status_code == 200, sent.text
        found = sent.json()
        assert (found["count"], len(found["inputs"])) == (count, count)
        assert found["inputs"][0]["name"].startswith(name)
        read_ = asked.post("/api/read", json={"input": found["inputs"][-1]["place"]}).json()
        assert read_["read"] == read_["total"] > 1
        assert list(tmp_path.iterdir()) == []  # nothing of it stays
    assert not client("language").get("/api/runs").json()[0]["files"]
    gone = asked.post("/api/read", json={"input": 10**6 + 500})
    assert (gone.status_code, "choose its file again" in gone.json()["error"]) == (400, True)


@pytest.mark.parametrize(
    "name", ["../own.csv", "/etc/passwd", "a/b.csv", "a\\b.csv", "..", "a\x00.csv", "x" * 300, "C:b"]
)
def test_a_file_with_a_folder_is_refused(client: Clients, name: str) -> None:
    answer = client("frames").post(FILES, json=_sent((name, b"1")))
    assert (answer.status_code, "no name of a file" in answer.json()["error"]) == (400, True)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ([{"name": "a.csv", "data": "?"}], "base 64"),
        ([{"name": "a.csv", "data": "MQ=="}, {"name": "a.csv", "data": "MQ=="}], "twice"),
        ([{"name": "a.csv", "data": ""}], "a.csv"),
        ([], "at least 1"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error(client: Clients, files: list[dict[str, str]], words: str) -> None:
    answer = client("frames").post(FILES, json={"files": files})
    assert answer.status_code in (400, 422)
    assert words in answer.json()["error"]
    assert "/tmp" not in answer.json()["error"]


def _sent(*files: tuple[str, bytes]) -> dict[str, list[dict[str, str]]]:
    return {"files": [{"name": name, "data": base64.b64encode(data).decode()} for name, data in files]}


def _series() -> bytes:
    rows = [f"own,{2015 + k // 12}-{k % 12 + 1:02},{20 + 5 * math.sin(k * math.pi / 6):.2f}" for k in range(72)]
    return "\n".join(["unique_id,ds,y", *rows]).encode()


def _frames() -> bytes:
    rows = [f"{one},{math.sin(t / 2):.3f},{math.cos(t / 3):.3f}" for one in ("a", "b") for t in range(8)]
    return "\n".join(["id,x,y", *rows]).encode()


def test_the_policy_allows_the_pages_own_files_alone(guarded: TestClient) -> None:
    policy = guarded.get("/", headers=ASKED).headers["content-security-policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"
    assert rules["frame-ancestors"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert "unsafe" not in policy


def test_no_address_takes_a_path(inspected: Page) -> None:
    paths = [route.path for route in unguarded([inspected("classify")]).routes]  # type: ignore[attr-defined]
    assert [path for path in paths if "{" in path] == ["/static/{name:path}"]  # a name of a list that is fixed

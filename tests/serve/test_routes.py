"""What a server answers: by its routes, without a port."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from recurra.serve.application import application, json_alone
from recurra.serve.limits import Limits
from recurra.serve.service import Service
from tests.serve.served import Client, events, frames, labeller, run_of, with_client, writer
from tests.web.asking import Answer, ask, asked

SMALL = Limits(items=20, characters=200, tokens=300, sessions=4, seconds=30)


def value(answer: Answer, status: int = 200) -> Any:
    assert answer.status == status, (answer.status, answer.body)
    return json.loads(answer.body) if answer.body else None


def test_a_text_whole_and_as_events_is_the_models(tmp_path: Path) -> None:
    model = writer()

    async def scene(client: Client) -> None:
        how = {"prompt": "one", "length": 12, "seed": 3, "temperature": 0.9, "top_k": 5}
        found = value(await client.post("/generate", **how))
        assert found == {"text": model.generate(**how).removeprefix("one"), "tokens": 12, "stopped": False}
        answer = await client.post("/generate", **how, stream=True)
        assert answer.headers["content-type"].startswith("text/event-stream")
        *pieces, (last, end) = events(answer)
        assert "".join(data["text"] for _, data in pieces) == found["text"]
        assert {name for name, _ in pieces} == {"text"}
        assert (last, end) == ("end", {"tokens": 12, "stopped": False})
        stop = found["text"][5:8]
        cut = value(await client.post("/generate", **how, stop=[stop]))
        assert cut["stopped"]
        assert cut["text"] == found["text"].partition(stop)[0]

    with_client(model, tmp_path, scene, SMALL)


def test_a_session_goes_on_and_others_beside_it_change_nothing(tmp_path: Path) -> None:
    model = writer()

    async def scene(client: Client) -> None:
        how = {"length": 6, "temperature": 0}
        one, other = await client.session(), await client.session()
        first, _, _ = await asyncio.gather(
            client.post(f"/sessions/{one}/generate", prompt="one", **how),
            client.post(f"/sessions/{other}/generate", prompt="six", **how),
            client.post("/generate", prompt="two", length=40),
        )
        await client.post(f"/sessions/{other}/predict", text="two")
        second = await client.post(f"/sessions/{one}/generate", **how, stream=True)
        text = value(first)["text"] + "".join(data["text"] for name, data in events(second) if name == "text")
        assert text == model.generate("one", 12, temperature=0).removeprefix("one")
        follows = value(await client.post(f"/sessions/{one}/predict", top=2))["next"]
        (expected,) = model.document(model.predict("one" + text, top=2))
        assert [each["token"] for each in follows] == [each["token"] for each in expected["next"]]
        assert value(await client.get(f"/sessions/{one}"))["bytes"] == client.service.session_bytes
        assert (await client.delete(f"/sessions/{one}")).status == 204
        assert "was closed" in value(await client.get(f"/sessions/{one}"), 410)["error"]
        assert value(await client.post(f"/sessions/{other}/predict", text="t"))["next"]

    with_client(model, tmp_path, scene, SMALL)


def test_frames_arrive_in_a_session(tmp_path: Path) -> None:
    async def scene(client: Client) -> None:
        token = await client.session()
        path, given = f"/sessions/{token}/frames", frames(7)
        given[2] = [None, 0.5]  # type: ignore[list-item]
        found = value(await client.post(path, input=given[:4]))["labels"]
        answer = events(await client.post(path, input=given[4:], end=True, stream=True))
        found += [data for name, data in answer if name == "label"]
        assert answer[-1] == ("end", {"ended": True})
        (whole,) = value(await client.post("/predict", inputs=[given]))["predictions"]
        stretches = [
            label for each in whole["stretches"] for label in [each["label"]] * (each["to"] - each["from"] + 1)
        ]
        assert [each["label"] for each in found] == stretches
        assert "this stream has ended" in value(await client.post(path, input=given), 422)["error"]
        assert (
            "frames"
            in value(await client.get("/openapi.json"))["components"]["schemas"]["Frames"]["properties"]["input"][
                "description"
            ]
        )

    with_client(labeller(), tmp_path, scene, SMALL)


def test_values_that_are_too_large_are_not_taken_and_what_is_no_number_ends_its_own_session(tmp_path: Path) -> None:
    async def scene(client: Client) -> None:
        good = await client.session()
        answer = await client.post(f"/sessions/{good}/frames", input=[[1e308, -1e308]] * 3)
        assert "too far from the mean" in value(answer, 422)["error"]
        (first,) = value(await client.post(f"/sessions/{good}/frames", input=frames(1)))["labels"]
        assert first["frame"] == 1
        session = client.service.sessions.find(good)
        lane = session.lane
        lane.state = tuple(s * float("nan") for s in lane.state)
        answer = await client.post(f"/sessions/{good}/frames", input=frames(2))
        assert "no number" in value(answer, 422)["error"]
        assert "no number" in value(await client.post(f"/sessions/{good}/frames", input=frames(2)), 410)["error"]
        token = await client.session()
        assert value(await client.post(f"/sessions/{token}/frames", input=frames(2)))["labels"]

    with_client(labeller(), tmp_path, scene, SMALL)


BODIES: list[tuple[str, Any, int]] = [
    ("/generate", {"length": 1_000_000_000}, 422),
    ("/generate", {"length": -1}, 422),
    ("/generate", {"length": "12"}, 422),
    ("/generate", {"max_tokens": 5}, 422),
    ("/generate", {"temperature": -1}, 422),
    ("/generate", {"temperature": 1e999}, 422),
    ("/generate", {"top_p": 0}, 422),
    ("/generate", {"seed": 2**32}, 422),
    ("/generate", {"stop": [""]}, 422),
    ("/generate", {"stop": ["a"] * 9}, 422),
    ("/generate", {"prompt": "one Ж"}, 422),
    ("/generate", {"prompt": "o" * 201}, 422),
    ("/generate", {"mixture": "all"}, 422),
    ("/generate", [], 422),
    ("/predict", {"inputs": ["a"] * 21}, 422),
    ("/predict", {"inputs": []}, 422),
    ("/predict", {"inputs": [1]}, 422),
    ("/predict", {"inputs": ["a"], "top": 0}, 422),
    ("/predict", {}, 422),
    ("/score", {"groups": [["a", "b"]] * 11}, 422),
    ("/score", {"groups": [["a"]]}, 422),
    ("/score", {"groups": [["a", "b"]], "by": "sum"}, 422),
    ("/sessions", {"rate": 8000}, 422),
    ("/nothing", {}, 404),
    ("/health", {}, 405),
    ("/sessions/x/generate", {}, 404),
]


def test_what_is_not_within_its_bounds_is_refused(tmp_path: Path) -> None:
    async def scene(client: Client) -> None:
        for path, document, status in BODIES:
            answer = await client.send(path, json.dumps(document).encode())
            assert answer.status == status, (path, document, answer.status)
            assert set(json.loads(answer.body)) == {"error"}
            assert len(answer.body) < 700
        for body in (b"", b"{", b"[" * 100_000, b'{"length":' + b"9" * 5_000 + b"}", b"\xff\xfe", b"\x80\x04N."):
            assert (await client.send("/generate", body)).status in (400, 422), body[:20]
        assert value(await client.send("/generate", b'{"prompt": "\\ud800", "length": 0}'), 422)
        assert client.service.worker is not None
        assert client.service.worker.alive

    with_client(writer(), tmp_path, scene, SMALL)


def test_answers_of_one_call(tmp_path: Path) -> None:
    model = writer()

    async def scene(client: Client) -> None:
        texts = ["one", "", "two three"] * 6
        found = value(await client.post("/predict", inputs=texts, top=2))["predictions"]
        assert found == model.document(model.predict(texts, top=2))
        (ranking,) = value(await client.post("/score", groups=[["one two", "eno owt"]], by="token"))["groups"]
        (expected,) = model.rank([["one two", "eno owt"]], by="token")
        assert ranking == expected.to_json()

    with_client(model, tmp_path, scene, SMALL)


def test_a_full_server_says_so_and_a_closed_session_makes_room(tmp_path: Path) -> None:
    async def scene(client: Client) -> None:
        tokens = [await client.session() for _ in range(4)]
        answer = await client.post("/sessions")
        assert "as many as may be" in value(answer, 429)["error"]
        assert int(answer.headers["retry-after"]) > 0
        await client.delete(f"/sessions/{tokens[0]}")
        assert await client.session()

    with_client(writer(), tmp_path, scene, SMALL)


async def leaving(client: Client, path: str, document: Any, after: int) -> Answer:
    """A client that hangs up after so many pieces of the answer."""
    left, answer = asyncio.Event(), Answer()
    body = json.dumps(document).encode()
    sent = False

    async def receive() -> dict[str, Any]:
        nonlocal sent
        if not sent:
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        answer.body += message.get("body", b"")
        answer.pieces_read += 1
        if answer.pieces_read > after:
            left.set()

    if after < 0:
        asyncio.get_running_loop().call_later(0.05, left.set)
    scope = {"type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": "POST"}
    scope |= {"path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "scheme": "http"}
    scope |= {"headers": [(b"host", b"localhost"), (b"content-type", b"application/json")], "state": {}}
    scope |= {"server": ("localhost", 80), "client": ("localhost", 1)}
    await client.app(scope, receive, send)
    return answer


def test_who_leaves_frees_what_was_held(tmp_path: Path) -> None:
    async def scene(client: Client) -> None:
        service, worker = client.service, client.service.worker
        assert worker is not None
        much: dict[str, Any] = {"length": 300, "prompt": "one"}
        limits = len(service.sessions)
        await leaving(client, "/generate", much | {"stream": True}, after=2)
        await leaving(client, "/generate", much | {"length": 300}, after=-1)
        token = await client.session()
        await leaving(client, f"/sessions/{token}/generate", much | {"stream": True}, after=1)
        assert "its client left" in value(await client.get(f"/sessions/{token}"), 410)["error"]
        answer = await leaving(client, "/sessions", {"stream": True}, after=1)
        held = json.loads(answer.body.split(b"data: ")[1].split(b"\n")[0])["token"]
        assert "its client left" in value(await client.get(f"/sessions/{held}"), 410)["error"]
        assert len(service.sessions) == limits == 0
        while worker.busy:
            await asyncio.sleep(0.001)

    with_client(writer(), tmp_path, scene, SMALL)


def test_what_takes_too_long_is_ended(tmp_path: Path) -> None:
    async def scene(client: Client) -> None:
        assert "within 0.02 s" in value(await client.post("/generate", length=100_000), 503)["error"]
        answer = events(await client.post("/generate", length=100_000, stream=True))
        assert answer[-1][0] == "error"
        assert "longer than 0.02 s" in answer[-1][1]["error"]

    with_client(writer(), tmp_path, scene, Limits(seconds=0.02, tokens=100_000))


def test_health_metrics_and_the_model(tmp_path: Path) -> None:
    async def scene(client: Client) -> None:
        await client.session()
        assert value(await client.get("/health")) == {"status": "ok"}
        about = value(await client.get("/model"))
        assert about["sessions"] == {"most": 4, "alive": 1, "bytes": client.service.session_bytes}
        assert about["limits"]["tokens"] == 300
        metrics = await client.get("/metrics")
        assert metrics.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert b"\nrecurra_sessions 1.0\n" in metrics.body
        assert b"\nrecurra_worker_alive 1.0\n" in metrics.body
        assert client.service.worker is not None
        client.service.worker.stop()
        assert value(await client.get("/health"), 503) == {"status": "dead"}
        assert "worker has ended" in value(await client.post("/generate"), 503)["error"]

    with_client(writer(), tmp_path, scene, SMALL)


def test_requests_are_counted_by_route_and_not_by_path(tmp_path: Path) -> None:
    service = Service(run_of(writer(), tmp_path))
    app = application(service, token="s3cret" * 3)
    bearer = {"authorization": "Bearer " + "s3cret" * 3}

    async def scene() -> None:
        assert (await asked(app, "GET", "/model")).status == 401
        async with service.running():
            assert (await asked(app, "GET", "/health")).status == 200
        for k in range(5):
            assert (await asked(app, "GET", f"/sessions/{k}", bearer)).status == 404
        assert (await asked(app, "GET", "/x/y", bearer)).status == 404
        assert (await asked(app, "GET", "/health", bearer | {"host": "evil.example"})).status == 421

    asyncio.run(scene())
    text = service.metrics.text().decode()
    assert 'recurra_requests_total{route="/sessions/{token}",status="404"} 5.0' in text
    assert 'recurra_requests_total{route="none",status="404"} 1.0' in text


def test_a_body_that_is_no_json_by_its_name_is_refused() -> None:
    async def never(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError

    for kind in ("application/x-python-pickle", "text/plain", "application/x-www-form-urlencoded", ""):
        headers = {"content-type": kind, "content-length": "4"}
        assert ask(json_alone(never), "POST", headers=headers, pieces=[b"\x80\x04N."]).status == 415


def test_routes_follow_from_abilities(tmp_path: Path) -> None:
    def paths(model: Any) -> set[str]:
        from recurra.serve.application import unguarded

        return set(unguarded(Service(run_of(model, tmp_path))).openapi()["paths"]) - {"/health", "/metrics", "/model"}

    sessions = {"/sessions", "/sessions/{token}"}
    text = {"/sessions/{token}/generate", "/sessions/{token}/predict"}
    assert paths(writer()) == {"/predict", "/score", "/generate"} | sessions | text
    assert paths(labeller()) == {"/predict", "/sessions/{token}/frames"} | sessions
    assert paths(labeller(bidirectional=True)) == {"/predict"}
    assert "bidirectional" in (Service(run_of(labeller(bidirectional=True), tmp_path)).why_no_sessions or "")


@pytest.mark.parametrize("model", [writer, labeller])
def test_a_session_holds_no_more_than_it_says(model: Any, tmp_path: Path) -> None:
    import tracemalloc

    service = Service(run_of(model(), tmp_path), Limits(sessions=1_000))
    assert service.lanes is not None
    opened = [service.sessions.open(service.lanes.new()) for _ in range(3)]
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        opened += [service.sessions.open(service.lanes.new()) for _ in range(100)]
        held = (tracemalloc.get_traced_memory()[0] - before) / 100
    finally:
        tracemalloc.stop()
    assert held < service.session_bytes

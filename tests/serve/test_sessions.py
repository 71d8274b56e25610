"""Who may go on with which sequence, and until when."""

from __future__ import annotations

import gc
import weakref

import pytest

from recurra.serve.limits import Limits
from recurra.serve.refused import RefusedError
from recurra.serve.sessions import REMEMBERED, Sessions

MARK = "0123456789abcdef"


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def of(clock: Clock | None = None, **limits: float) -> Sessions:
    given = {"sessions": 3, "session_seconds": 100.0, "idle_seconds": 10.0} | limits
    return Sessions(Limits(**given), MARK, clock=clock or Clock())  # type: ignore[arg-type]


def refused(sessions: Sessions, token: str) -> tuple[int, str]:
    with pytest.raises(RefusedError) as error:
        sessions.find(token)
    return error.value.status, error.value.message


def test_a_token_is_its_sessions_alone() -> None:
    sessions = of()
    first, second = sessions.open("first"), sessions.open("second")
    assert sessions.find(first.token).lane == "first"
    assert sessions.find(second.token).lane == "second"
    assert first.token.startswith(MARK)
    assert len(first.token) == 60
    assert len({sessions.open(None).token for _ in range(1)} | {first.token, second.token}) == 3


def test_one_that_nobody_asks_expires_and_is_gone_for_good() -> None:
    clock = Clock()
    sessions = of(clock)
    token = sessions.open("state").token
    clock.now += 99
    assert sessions.find(token).lane == "state"
    clock.now += 100
    assert refused(sessions, token) == (
        410,
        "this session has expired: nobody asked it for 100 s\nbegin a new one: POST /sessions",
    )
    assert len(sessions) == 0
    assert refused(sessions, token)[0] == 410


def test_one_that_is_answered_or_held_does_not_expire() -> None:
    clock = Clock()
    sessions = of(clock)
    busy, held = sessions.open("busy").token, sessions.open("held", held=True).token
    taken = sessions.take(busy)
    clock.now += 1_000
    assert len({sessions.find(busy).token, sessions.find(held).token}) == 2
    sessions.give_back(taken)
    clock.now += 100
    assert refused(sessions, busy)[0] == 410
    assert sessions.find(held).lane == "held"


def test_a_full_house_refuses_and_says_when_there_is_room() -> None:
    clock = Clock()
    sessions = of(clock)
    for _ in range(3):
        sessions.open(None)
        clock.now += 1
    with pytest.raises(RefusedError, match="there are 3 sessions, as many as may be\ntry again in 7 s") as error:
        sessions.open(None)
    assert error.value.status == 429
    assert error.value.headers == {"retry-after": "7"}


def test_the_one_asked_least_recently_makes_room_if_it_is_idle() -> None:
    clock = Clock()
    sessions = of(clock)
    tokens = []
    for _ in range(3):
        tokens.append(sessions.open(None).token)
        clock.now += 1
    sessions.find(tokens[0])
    clock.now += 9
    new = sessions.open("new")
    assert refused(sessions, tokens[1])[1].startswith("this session made room for a new one")
    assert sessions.find(tokens[0]).reason is None
    assert sessions.find(new.token).lane == "new"
    sessions.take(tokens[2])
    clock.now += 9.5
    sessions.find(tokens[0])
    with pytest.raises(RefusedError, match="as many as may be"):
        sessions.open(None)  # one is busy, one was asked now, the new one 9.5 s ago


@pytest.mark.parametrize(
    ("token", "status", "says"),
    [
        (f"{'f' * 16}.{'A' * 43}", 410, "one of another model"),
        (f"{MARK}.{'A' * 43}", 410, "the server was started anew"),
        ("", 404, "no session has such a token"),
        (MARK, 404, "no session has such a token"),
        (f"{MARK}.{'A' * 42}", 404, "no session has such a token"),
        ("../../etc/passwd", 404, "no session has such a token"),
    ],
)
def test_other_tokens_begin_nothing(token: str, status: int, says: str) -> None:
    sessions = of()
    sessions.open(None)
    assert refused(sessions, token)[0] == status
    assert says in refused(sessions, token)[1]
    assert len(sessions) == 1


def test_a_session_answers_one_at_a_time() -> None:
    sessions = of()
    token = sessions.open(None).token
    session = sessions.take(token)
    with pytest.raises(RefusedError, match="answering another request") as error:
        sessions.take(token)
    assert error.value.status == 409
    sessions.give_back(session)
    assert sessions.take(token) is session


def test_closing_frees_the_state_and_says_why() -> None:
    sessions = of()
    counted: list[str] = []
    sessions._counted = counted.append
    session = sessions.open(type("State", (), {})())
    state = weakref.ref(session.lane)
    sessions.close(session, "its client left", "left")
    sessions.close(session)
    gc.collect()
    assert state() is None
    assert counted == ["left"]
    assert refused(sessions, session.token)[1].startswith("its client left")


def test_what_is_remembered_of_the_gone_is_bounded() -> None:
    sessions = of(sessions=1)
    for _ in range(REMEMBERED + 50):
        sessions.close(sessions.open(None))
    assert len(sessions._gone) == REMEMBERED
    assert len(sessions) == 0

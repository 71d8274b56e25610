"""Answers of sequences that are stepped together are, bit for bit, those of each alone; nothing goes across."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from recurra.errors import ModelFolderError
from recurra.tasks.frames.lanes import FrameLane, FrameLanes
from recurra.tasks.language.lanes import CHUNK, CHUNKS, TextLane, TextLanes
from recurra.tasks.language.writing import Sampling
from tests.serve.served import frames, labeller, writer

PROMPTS = ["one", "two\n", "", "three four five", "o" * 150, "six", "t", "one two", "five"] * 2
NETWORKS: tuple[dict[str, Any], ...] = ({}, {"num_layers": 2, "cell": "gru", "learned_state": True})


def answers(lanes: Any, some: list[Any]) -> list[list[dict[str, Any]]]:
    """What each says until none is busy."""
    found: list[list[dict[str, Any]]] = [[] for _ in some]
    while any(lane.busy for lane in some):
        lanes.advance([lane for lane in some if lane.busy])
        for own, lane in zip(found, some, strict=True):
            own += lane.answers()
    return found


def text(found: list[dict[str, Any]]) -> str:
    return "".join(each["text"] for each in found)


def asked(lanes: TextLanes, k: int) -> TextLane:
    lane = lanes.new()
    lane.generate(PROMPTS[k], 4 + k % 3, Sampling(seed=k, temperature=0.9, repetition_penalty=1 + k % 2))
    return lane


@pytest.mark.parametrize("how", NETWORKS, ids=str)
def test_texts_and_states_together_are_those_alone(how: dict[str, Any]) -> None:
    lanes = TextLanes(writer(**how))
    together = [asked(lanes, k) for k in range(len(PROMPTS))]
    found = answers(lanes, together)
    for k in (0, 4, 17):
        alone = asked(lanes, k)
        assert answers(lanes, [alone]) == [found[k]]
        assert all(map(torch.equal, alone.state, together[k].state))
        assert alone.waiting == together[k].waiting


def test_probabilities_together_are_those_alone() -> None:
    lanes = TextLanes(writer())
    some = [lanes.new() for _ in range(11)]
    for k, lane in enumerate(some):
        lane.predict(PROMPTS[k], 5)
    found = answers(lanes, some)
    alone = lanes.new()
    alone.predict(PROMPTS[4], 5)
    assert answers(lanes, [alone]) == [found[4]]


@pytest.mark.parametrize("level", ["char", "word", "byte"])
def test_a_text_is_the_one_that_the_model_writes(level: str) -> None:
    model = writer(level)
    lanes = TextLanes(model)
    lane = lanes.new()
    lane.generate("one two", 20, Sampling(seed=5, stop=("\n\n",)))
    (found,) = answers(lanes, [lane])
    assert "one two" + text(found) == model.generate("one two", 20, seed=5, stop=("\n\n",))


def test_a_text_in_parts_is_the_text() -> None:
    """Read and written in several calls: the state, and the token that waits, go on."""
    lanes = TextLanes(writer())
    whole, parts = lanes.new(), lanes.new()
    whole.generate("one two three", 12, Sampling(temperature=0))
    (expected,) = answers(lanes, [whole])
    parts.predict("one ", 1)
    answers(lanes, [parts])
    parts.predict("", 1)
    answers(lanes, [parts])
    parts.generate("two three", 5, Sampling(temperature=0))
    found = answers(lanes, [parts])[0]
    parts.generate("", 7, Sampling(temperature=0))
    found += answers(lanes, [parts])[0]
    assert text(found) == text(expected)
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(whole.state, parts.state, strict=True))


def test_a_long_text_is_read_in_chunks_beside_others() -> None:
    lanes = TextLanes(writer())
    long, short = lanes.new(), lanes.new()
    long.generate("o" * (3 * CHUNK * CHUNKS), 1, Sampling(seed=0))
    short.generate("one", 3, Sampling(seed=0))
    lanes.advance([short, long])
    assert len(short.answers()) == 1
    assert len(long.waiting) > CHUNK * CHUNKS


def test_what_is_no_number_ends_its_own_sequence_alone() -> None:
    lanes = TextLanes(writer())
    some = [asked(lanes, k) for k in range(5)]
    some[2].state = tuple(torch.full_like(s, float("nan")) for s in some[2].state)
    found = answers(lanes, some)
    assert isinstance(some[2].failed, ModelFolderError)
    for k in (0, 1, 3, 4):
        assert some[k].failed is None
        assert answers(lanes, [asked(lanes, k)]) == [found[k]]


@pytest.mark.parametrize("network", [{}, {"cell": "lstm", "num_layers": 2, "delay": 3}], ids=str)
def test_frames_together_are_those_alone_and_those_of_a_stream(network: dict[str, Any]) -> None:
    model = labeller(**network)
    lanes = FrameLanes(model)
    given = [frames(6 + k, seed=k) for k in range(9)]
    given[3][2] = [float("nan"), 1.0]  # a missing value

    def pushed(k: int) -> FrameLane:
        lane = lanes.new()
        lane.push(given[k], last=True)
        return lane

    found = answers(lanes, [pushed(k) for k in range(9)])
    for k in (0, 3, 8):
        assert answers(lanes, [pushed(k)]) == [found[k]]
        stream = model.listen()
        expected = stream.push(given[k]) + stream.end()
        assert [each["label"] for each in found[k]] == [each.label for each in expected]
        assert [each["frame"] for each in found[k]] == list(range(1, len(given[k]) + 1))
        assert found[k][-1]["probability"] == pytest.approx(expected[-1].probability, abs=1e-6)


def test_frames_in_pieces_are_the_frames() -> None:
    lanes = FrameLanes(labeller(delay=2))
    whole, pieces = lanes.new(), lanes.new()
    whole.push(frames(9), last=True)
    (expected,) = answers(lanes, [whole])
    found = []
    for part in (frames(9)[:4], None, frames(9)[4:]):
        pieces.push(part)
        found += answers(lanes, [pieces])[0]
    pieces.push(None, last=True)
    assert found + answers(lanes, [pieces])[0] == expected

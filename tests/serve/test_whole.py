"""Answers of one call: how much of a model a request may ask for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra.data.attributes import Attributes
from recurra.data.tokens.vocabulary import Vocabulary
from recurra.serve.limits import Limits
from recurra.serve.service import Service
from recurra.tasks.generate.preprocessor import GeneratePreprocessor
from recurra.tasks.generate.trainee import Generator, build_network
from recurra.topologies.settings import ConditionedSettings
from tests.serve.served import Client, labeller, run_of, with_client


def _generator(longest: int) -> Generator:
    vocabulary, attributes = Vocabulary(["<unk>", *"ab,"]), Attributes.of(("class",), [("x",), ("y",)])
    settings = ConditionedSettings(cell="gru", hidden_size=4, embedding_size=3)
    network = build_network(GeneratePreprocessor(vocabulary, attributes, longest), settings)
    network.head.bias.data[-1] = -1e4  # no text ends by itself
    return Generator(network, vocabulary, attributes, longest)


def test_texts_of_a_class_are_no_longer_together_than_a_request_may_be(tmp_path: Path) -> None:
    limits = Limits(tokens=30, characters=40)

    async def scene(client: Client) -> None:
        async def lengths(**asked: Any) -> list[int]:
            answer = await client.post("/generate", seed=1, **asked)
            assert answer.status == 200, answer.body
            return [len(each["text"]) for each in json.loads(answer.body)["texts"]]

        assert await lengths() == [30]
        assert await lengths(count=4) == [7] * 4
        assert await lengths(count=3, length=10) == [10] * 3
        for asked in (
            {"count": 4, "length": 10},
            {"count": 2, "prompt": "a" * 16},
            {"count": 4, "form": "5,5"},
        ):
            answer = await client.post("/generate", **asked)
            assert answer.status == 422
            assert "more than 30" in json.loads(answer.body)["error"]
        assert (await client.post("/generate", form="x")).status == 422

    with_client(_generator(100), tmp_path, scene, limits)


def test_frames_that_no_float_holds_are_refused_whole(tmp_path: Path) -> None:
    async def scene(client: Client) -> None:
        answer = await client.post("/predict", inputs=[[[1, 2]], [[1, None], [1.5e308, 2]]])
        assert answer.status == 422
        assert "'a' is 1.5e+308 in frame 2, too far from the mean of 0.5" in json.loads(answer.body)["error"]

    with_client(labeller(), tmp_path, scene)


@pytest.mark.parametrize(("lengths", "slices"), [([4, 4, 4], [2, 1]), ([10, 1], [1, 1]), ([1] * 20, [10, 10])])
def test_long_sequences_are_answered_a_few_at_a_time(lengths: list[int], slices: list[int], tmp_path: Path) -> None:
    service = Service(run_of(labeller(), tmp_path), Limits(frames=10))
    assert [len(each) for each in service._slices([np.zeros((n, 2)) for n in lengths])] == slices

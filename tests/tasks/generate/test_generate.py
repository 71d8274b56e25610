from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recurra.data.batching.batches import BucketedBatches
from recurra.errors import UsageError
from recurra.tasks.generate.data import GenerateData, prepare
from recurra.tasks.generate.settings import GenerateDataSettings
from recurra.tasks.generate.trainee import (
    GenerateTrainee,
    Generator,
    build_network,
    draw,
    evaluate_part,
    filtered_rows,
    nats,
    tensors,
)
from recurra.tasks.sources.resolving import resolve
from recurra.topologies.one_to_many import Conditioned, ConditionedDecoder
from recurra.topologies.sampling import filtered
from recurra.topologies.settings import ConditionedSettings
from recurra.training.fit import fit
from recurra.training.settings import TrainingSettings

SETTINGS = ConditionedSettings(hidden_size=16, embedding_size=8)


@pytest.fixture
def data(tmp_path: Path) -> GenerateData:
    for label, ending in (("Italian", "elli"), ("Russian", "ov")):
        lines = [f"{first}{vowel}{ending}" for first in "BDMPST" for vowel in "aeo"]
        (tmp_path / f"{label}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return prepare(resolve(tmp_path, "generate"), GenerateDataSettings(level="char"))


@pytest.fixture
def task(data: GenerateData) -> GenerateTrainee:
    torch.manual_seed(0)
    return GenerateTrainee(build_network(data.preprocessor, SETTINGS), data, batch_size=8, seed=0)


def network_of(task: GenerateTrainee) -> ConditionedDecoder:
    assert isinstance(task.network, ConditionedDecoder)
    return task.network


def generator(task: GenerateTrainee) -> Generator:
    return Generator(network_of(task), task.data.vocabulary, task.data.attributes, task.data.longest)


def test_it_learns_its_classes(task: GenerateTrainee) -> None:
    before = task.evaluate(task.network)
    outcome = fit(task, TrainingSettings(epochs=40, learning_rate=2e-2, device="cpu", warmup=0.0))
    task.network.load_state_dict(outcome.best)
    after = task.evaluate(task.network)
    assert after["loss"] < before["loss"] / 2
    assert after["perplexity"] == pytest.approx(math.exp(after["nats_per_character"]))
    model = generator(task)
    for label, ending in (("Italian", "elli"), ("Russian", "ov")):
        drawn = model.generate(condition=label, count=10, temperature=0.5, seed=1)
        assert {each.condition for each in drawn} == {label}
        assert sum(each.text.endswith(ending) and each.ended for each in drawn) >= 8


def test_a_loss_is_the_mean_over_real_tokens(task: GenerateTrainee) -> None:
    train = task.data.parts["train"]
    (batch,) = BucketedBatches(train.encoded, train.labels, len(train), shuffle=False).epoch(0)
    with torch.no_grad():
        task.network.eval()
        network = network_of(task)
        losses, _ = network.losses(tensors(network, batch, task.conditions, task.data.end + 1))
        loss, units, state = task.loss(task.network, batch, None)
    assert len(losses) == units == train.tokens
    assert state is None
    assert float(loss) == pytest.approx(float(losses.mean()))
    assert evaluate_part(task.network, train, task.data.vocabulary)["loss"] == pytest.approx(float(loss), rel=1e-5)


def test_what_a_text_costs_is_the_chance_to_write_it(task: GenerateTrainee) -> None:
    part, network = task.data.parts["test"], network_of(task)
    costs = nats(network, part, task.data.end + 1)
    for row, ids in enumerate(part.encoded):
        state, total, token = None, 0.0, task.data.end + 1
        indices = task.conditions[part.labels[row : row + 1]]
        for target in ids.tolist():
            with torch.no_grad():
                logits, state = network(Conditioned(torch.tensor([[token]]), indices), state=state)
                total -= float(logits[0, -1].log_softmax(-1)[target])
            token = target
        assert costs[row] == pytest.approx(total, rel=1e-4)


def test_the_same_epoch_has_the_same_batches(task: GenerateTrainee) -> None:
    first = [batch.index.tolist() for batch in task.batches(3)]
    assert first == [batch.index.tolist() for batch in task.batches(3)]
    assert len(first) == task.steps(3)


def test_tunes_come_in_a_key_drawn_anew_each_epoch(task: GenerateTrainee) -> None:
    train = task.data.parts["train"]
    train.variants.extend([[ids[::-1].copy()] for ids in train.encoded])
    moved = [
        not np.array_equal(row[:length], train.encoded[place])
        for batch in task.batches(0)
        for row, length, place in zip(batch.tokens, batch.lengths, batch.index, strict=True)
    ]
    assert 0 < sum(moved) < len(moved)


def test_a_row_does_not_change_with_the_rows_beside_it(task: GenerateTrainee) -> None:
    network, begin = network_of(task), task.data.end + 1
    options: dict[str, Any] = {"begin": begin, "length": 12, "seed": 5}
    many = draw(network, torch.tensor([[0], [1], [0], [1]]), **options)
    few = draw(network, torch.tensor([[0], [1]]), **options)
    assert many[:2] == few
    assert many[0] != many[2]
    assert all(task.data.end not in row[:-1] and len(row) <= 13 for row in many)
    assert all(0 not in row for row in many)


def test_a_prompt_begins_every_text(task: GenerateTrainee) -> None:
    model = generator(task)
    assert all(each.text.startswith("Be") for each in model.generate("Be", count=5, seed=0))
    assert model.generate("Bell", 2, seed=0)[0].text == "Bell"


def test_without_a_class_they_are_as_frequent_as_in_training(task: GenerateTrainee) -> None:
    drawn = generator(task).generate(count=40, seed=0, temperature=0)
    assert 8 < sum(each.condition == "Italian" for each in drawn) < 32


@pytest.mark.parametrize(
    ("given", "piece"),
    [
        ({"condition": "Italic"}, "unknown class 'Italic'; did you mean 'Italian'"),
        ({"prompt": "Bé"}, "never seen: 'é'"),
        ({"temperature": -1.0}, "temperature"),
        ({"top_k": 0}, "top_k"),
        ({"count": 0}, "count"),
        ({"length": -1}, "length"),
    ],
)
def test_what_cannot_be_asked_for(given: dict[str, Any], piece: str, task: GenerateTrainee) -> None:
    with pytest.raises(UsageError, match=piece):
        generator(task).generate(**given)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"temperature": 0.5},
        {"temperature": 0},
        {"top_k": 3},
        {"top_p": 0.6},
        {"temperature": 2.0, "top_k": 4, "top_p": 0.9},
    ],
)
def test_rows_are_filtered_as_one(given: dict[str, Any]) -> None:
    logits = torch.randn(6, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    rows = filtered_rows(logits, **given)
    rows = rows / rows.sum(-1, keepdim=True)
    for row, one in zip(rows, logits, strict=True):
        torch.testing.assert_close(row, filtered(one, **given))

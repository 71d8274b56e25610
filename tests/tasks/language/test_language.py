"""The language model: every token scored once, texts generated as they were asked for."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from recurra.data.corpus.mapped import Corpus
from recurra.data.tokens.vocabulary import Vocabulary
from recurra.tasks.language import trainee as language
from recurra.tasks.language.trainee import LanguageTrainee, nats_per_token
from recurra.topologies.many_to_many import NextToken
from recurra.topologies.settings import NextTokenSettings

SMALL = NextTokenSettings(cell="gru", hidden_size=6, embedding_size=4, num_layers=2)


def network(vocabulary: int, seed: int = 0, settings: NextTokenSettings = SMALL) -> NextToken:
    torch.manual_seed(seed)
    made = NextToken(vocabulary, settings)
    for parameter in made.parameters():  # livelier than a fresh network, so that the state matters
        nn.init.normal_(parameter, std=0.4)
    return made.eval()


@torch.inference_mode()
def one_at_a_time(model: NextToken, tokens: np.ndarray) -> float:
    total, state = 0.0, None
    for now, then in zip(tokens[:-1].tolist(), tokens[1:].tolist(), strict=True):
        logits, state = model(torch.tensor([[now]]), state=state)
        total -= float(functional.log_softmax(logits[0, -1].double(), -1)[then])
    return total / (len(tokens) - 1)


@pytest.mark.parametrize("count", [2, 3, 127, 128, 129, 130, 500, 1023])
def test_a_short_text_is_scored_as_one_token_at_a_time(count: int) -> None:
    tokens = np.random.default_rng(0).integers(1, 9, count)
    model = network(9)
    assert nats_per_token(model, tokens) == pytest.approx(one_at_a_time(model, tokens), rel=1e-5)


@pytest.mark.parametrize("learned", [False, True])
def test_a_long_text_in_streams_differs_by_their_warm_up_alone(learned: bool) -> None:
    tokens = np.random.default_rng(0).integers(1, 9, 1300).astype(np.uint16)
    model = network(9, settings=SMALL.model_copy(update={"learned_state": learned}))
    assert nats_per_token(model, tokens) == pytest.approx(one_at_a_time(model, tokens), rel=1e-4)


class Recorder(NextToken):
    """Keeps the positions that it reads and those it is asked about: the text is its own positions."""

    def __init__(self) -> None:
        super().__init__(2, NextTokenSettings(cell="rnn", hidden_size=1, embedding_size=1))
        self.calls: list[tuple[np.ndarray, bool]] = []
        self.scored: list[int] = []

    def hidden(self, tokens: Tensor, lengths: Any = None, state: Any = None) -> tuple[Tensor, Any]:
        self.calls.append((tokens.numpy(), state is None))
        return torch.ones(tokens.shape), (torch.zeros(1, len(tokens), 1),)

    def losses_and_outputs(
        self, tokens: Tensor, targets: Tensor, lengths: Any = None, state: Any = None
    ) -> tuple[Tensor, Tensor, Any]:
        self.scored += targets.flatten().tolist()
        ones, state = self.hidden(tokens, lengths, state)
        return ones, ones, state


@pytest.mark.parametrize("count", [2, 100, 511, 513, 1024, 1025, 1026, 1500, 5001, 16385, 16386, 20011])
def test_every_token_is_scored_once(count: int) -> None:
    model = Recorder()
    found = nats_per_token(model, np.arange(count))
    assert found == pytest.approx(1)  # each counts 1 and the sum is divided by their number: none twice, none left out
    times = Counter(model.scored)
    assert sorted(times) == list(range(1, count))
    again = sum(n - 1 for n in times.values())  # the end of the text stands in for what the last stream lacks
    assert again <= language.STREAMS
    for tokens, fresh in model.calls:
        assert fresh or (np.diff(tokens[:-1], axis=1) == 1).all()


# training


def corpus(count: int) -> Corpus:
    tokens = np.random.default_rng(0).integers(1, 5, count).astype(np.uint16)
    vocabulary = Vocabulary(["<unk>", "a", "b", "c", "d"])
    return Corpus(vocabulary, tokens, tokens[:50], tokens[:0], {}, {})


@pytest.mark.parametrize("count", [2, 3, 33, 64, 65, 200, 1000])
@pytest.mark.parametrize("bptt", [None, 1, 7, 64])
@pytest.mark.parametrize("batch_size", [1, 8])
def test_as_many_batches_come_as_were_predicted(count: int, bptt: int | None, batch_size: int) -> None:
    task = LanguageTrainee(NextToken(5, SMALL), corpus(count), batch_size=batch_size, bptt=bptt, seed=3)
    for epoch in range(4):
        found = [inputs.shape[1] for inputs, _ in task.batches(epoch)]
        assert len(found) == task.steps(epoch) > 0
        if bptt is None:  # in one piece, whole in every epoch
            assert found == [(count - 1) // min(batch_size, count // 2)]


def test_training_carries_the_state() -> None:
    task = LanguageTrainee(NextToken(5, SMALL), corpus(300), batch_size=2, bptt=50, seed=0)
    inputs = np.concatenate([x for x, _ in task.batches(0)], 1)
    with torch.no_grad():
        whole, _ = task.network(torch.from_numpy(inputs))
        state, parts = None, []
        for batch in task.batches(0):
            loss, units, state = task.loss(task.network, batch, state)
            parts.append(float(loss) * units)
    targets = np.concatenate([y for _, y in task.batches(0)], 1)
    expected = functional.cross_entropy(whole.flatten(0, 1), torch.from_numpy(targets).flatten())
    assert sum(parts) / targets.size == pytest.approx(float(expected), rel=1e-5)

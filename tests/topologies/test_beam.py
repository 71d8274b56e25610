from __future__ import annotations

import itertools

import pytest
import torch

from recurra.errors import UsageError
from recurra.topologies.beam import Hypothesis, write
from recurra.topologies.encoder_decoder import EncoderDecoder, EncoderDecoderBatch
from recurra.topologies.search import Search, repeating
from recurra.topologies.settings import EncoderDecoderSettings

SOURCE, LENGTHS = torch.tensor([[3, 1, 4, 1], [2, 4, 0, 0], [0, 0, 4, 0]]), torch.tensor([4, 2, 3])
END = 4


def build(seed: int = 0, **given: object) -> EncoderDecoder:
    torch.manual_seed(seed)
    plain = {"cell": "gru", "hidden_size": 8, "embedding_size": 6, "bidirectional": True}
    network = EncoderDecoder(5, 5, EncoderDecoderSettings(**plain | given)).eval()
    with torch.no_grad():
        for weight in network.parameters():
            weight.mul_(3)  # sharper than at the start
    return network


def log_probability(network: EncoderDecoder, row: int, tokens: list[int]) -> float:
    """As training's loss says it."""
    target = torch.tensor([[*tokens, END]])
    with torch.no_grad():
        source = SOURCE[row : row + 1, : LENGTHS[row]]
        batch = EncoderDecoderBatch(source, LENGTHS[row : row + 1], target, torch.tensor([target.shape[1]]))
        loss = network.loss(batch).mean
    return -loss.item() * target.shape[1]


@pytest.mark.parametrize("wiring", [{}, {"attention": "none"}, {"input_feeding": True, "num_layers": 2}], ids=str)
def test_a_wide_beam_finds_the_best_of_all_sequences(wiring):
    network = build(**wiring)
    found = write(network, SOURCE, LENGTHS, Search(beam=200, length_penalty=0), longest=3)
    for row in range(3):
        every = [list(s) for size in (1, 2) for s in itertools.product(range(END), repeat=size)]
        best = max(every, key=lambda tokens: log_probability(network, row, tokens))
        (first,) = found[row]
        assert first.tokens == best
        assert first.log_probability == pytest.approx(log_probability(network, row, best), abs=1e-4)
        assert first.score == first.log_probability


def test_hypotheses_come_best_first_and_differ():
    network = build()
    for hypotheses in write(network, SOURCE, LENGTHS, Search(beam=4, n_best=4)):
        scores = [h.score for h in hypotheses]
        assert scores == sorted(scores, reverse=True)
        assert len({tuple(h.tokens) for h in hypotheses}) == len(hypotheses) == 4


def test_a_beam_of_one_takes_the_most_probable_token_each_time():
    network = build(seed=2)
    found = write(network, SOURCE, LENGTHS, Search(beam=1))
    with torch.inference_mode():
        for row in range(3):
            reading = network.read(SOURCE[row : row + 1, : LENGTHS[row]], LENGTHS[row : row + 1])
            token, written = network.begin, []
            while True:
                logits, _, reading = network.step(torch.tensor([token]), reading)
                if not written:
                    logits[0, END] = -torch.inf
                token = int(logits.argmax())
                if token == END or len(written) == 2 * int(LENGTHS[row]) + 9:
                    break
                written.append(token)
            assert found[row][0].tokens == written


def test_rows_do_not_depend_on_their_batch_mates():
    network = build()
    together = write(network, SOURCE, LENGTHS, Search(beam=3))
    for row in range(3):
        alone = write(network, SOURCE[row : row + 1, : LENGTHS[row]], LENGTHS[row : row + 1], Search(beam=3))
        assert alone[0][0].tokens == together[row][0].tokens
        torch.testing.assert_close(alone[0][0].weights, together[row][0].weights)


def test_weights_say_where_each_token_and_the_end_looked():
    for hypotheses, length in zip(write(build(), SOURCE, LENGTHS, Search(beam=3)), LENGTHS.tolist(), strict=True):
        weights = hypotheses[0].weights
        assert weights is not None
        assert weights.shape == (len(hypotheses[0].tokens) + 1, length)
        torch.testing.assert_close(weights.sum(-1), torch.ones(len(weights)))
    assert write(build(attention="none"), SOURCE, LENGTHS, Search())[0][0].weights is None


def test_a_higher_length_penalty_never_makes_shorter_ones_win():
    network = build(seed=5)
    lengths = []
    for alpha in (0.0, 0.6, 5.0):
        found = write(network, SOURCE, LENGTHS, Search(beam=8, length_penalty=alpha), longest=8)
        lengths.append(sum(len(h[0].tokens) for h in found))
    assert lengths == sorted(lengths)
    assert Search(length_penalty=1.0).score(-12.0, 7) == pytest.approx(-6.0)


def stutterer() -> EncoderDecoder:
    """A network that would write the token 2 for ever."""
    network = build()
    with torch.no_grad():
        network.bias.copy_(torch.tensor([0.0, 5.0, 50.0, 1.0, -50.0]))
    return network


@pytest.mark.parametrize("size", [1, 2, 3])
def test_no_sequence_of_blocked_length_is_written_twice(size):
    plain = write(stutterer(), SOURCE, LENGTHS, Search(beam=2), longest=9)[0][0].tokens
    assert plain == [2] * 8
    for hypotheses in write(stutterer(), SOURCE, LENGTHS, Search(beam=2, block_ngrams=size), longest=9):
        tokens = hypotheses[0].tokens
        grams = [tuple(tokens[i : i + size]) for i in range(len(tokens) - size + 1)]
        assert len(set(grams)) == len(grams)


def test_tokens_that_would_repeat():
    assert repeating([1, 2, 3, 1, 2], 3) == [3]
    assert repeating([1, 2, 1, 3, 1], 2) == [2, 3]
    assert repeating([1, 2], 1) == [1, 2]
    assert repeating([1], 3) == []


def test_banned_tokens_are_never_written_and_nothing_is_empty():
    for hypotheses in write(stutterer(), SOURCE, LENGTHS, Search(beam=3), banned=[2], longest=6):
        assert 2 not in hypotheses[0].tokens
    network = build()
    with torch.no_grad():
        network.bias[END] = 100.0
    assert all(len(h[0].tokens) == 1 for h in write(network, SOURCE, LENGTHS, Search(beam=3)))


def test_every_sequence_ends_where_it_must():
    assert [len(h[0].tokens) for h in write(stutterer(), SOURCE, LENGTHS, Search(beam=1))] == [17, 13, 15]


def test_draws_repeat_with_a_seed_and_differ_without():
    network = build()

    def draw(seed: int | None) -> list[list[Hypothesis]]:
        return write(network, SOURCE, LENGTHS, Search(sample=True, n_best=3, seed=seed, temperature=2.0))

    def tokens(found: list[list[Hypothesis]]) -> list[list[list[int]]]:
        return [[h.tokens for h in row] for row in found]

    assert tokens(draw(1)) == tokens(draw(1))
    assert tokens(draw(1)) != tokens(draw(2))
    assert all(len(row) == 3 for row in draw(None))
    drawn = draw(1)[0][0]
    assert drawn.log_probability == pytest.approx(log_probability(network, 0, drawn.tokens), abs=1e-3)


def test_draws_at_temperature_zero_are_greedy():
    network = build(seed=2)
    drawn = write(network, SOURCE, LENGTHS, Search(sample=True, temperature=0.0))
    greedy = write(network, SOURCE, LENGTHS, Search(beam=1))
    assert [d[0].tokens for d in drawn] == [g[0].tokens for g in greedy]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"beam": 0}, "beam must be a whole number from 1"),
        ({"n_best": 6}, "a beam of 5 has no 6 best"),
        ({"block_ngrams": -1}, "block_ngrams must be a whole number from 0"),
        ({"length_penalty": -1.0}, "length_penalty must be a number from 0 to 10"),
        ({"sample": True, "temperature": -1.0}, "temperature must be a number from 0"),
    ],
)
def test_searches_that_cannot_be(given, says):
    with pytest.raises(UsageError, match=says):
        Search(**given)

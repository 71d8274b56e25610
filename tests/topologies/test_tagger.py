"""A tagger's network: distinct forms read once, padding without effect."""

from __future__ import annotations

import pytest
import torch

from recurra.topologies.settings import TaggerSettings
from recurra.topologies.tagger import Forms, Tagger


def network(**given: object) -> Tagger:
    torch.manual_seed(0)
    settings = {"hidden_size": 6, "embedding_size": 5, "char_size": 4, "char_embedding_size": 3, "bidirectional": True}
    return Tagger(10, 8, 6, 3, TaggerSettings(**settings | given)).eval()  # type: ignore[arg-type]


WORDS = torch.tensor([1, 2, 0])
LETTERS, SIZES = torch.tensor([[1, 2, 0], [3, 0, 0], [4, 5, 6]]), torch.tensor([2, 1, 3])
TOKENS, LENGTHS = torch.tensor([[0, 1, 0, 2], [2, 2, 0, 0]]), torch.tensor([4, 2])


@pytest.mark.parametrize("given", [{}, {"char_size": 0}, {"bidirectional": False, "num_layers": 2}, {"cell": "gru"}])
def test_a_sentence_alone_gets_the_same_answer(given: dict[str, object]) -> None:
    model = network(**given)
    together = model(Forms(TOKENS, WORDS, LETTERS, SIZES), LENGTHS)[0]
    assert together.shape == (2, 4, 3)
    alone = model(Forms(torch.tensor([[0, 0]]), WORDS[2:], LETTERS[2:], SIZES[2:]), torch.tensor([2]))[0]
    torch.testing.assert_close(together[1:, :2], alone)
    wider = model(Forms(TOKENS, WORDS, torch.nn.functional.pad(LETTERS, (0, 2), value=7), SIZES), LENGTHS)[0]
    torch.testing.assert_close(together[0], wider[0])


def test_pairs_are_a_part_of_a_form() -> None:
    model = network(pair_size=2, char_size=0)
    vectors = model.forms(torch.tensor([1, 1]), pairs=torch.tensor([3, 0]))
    assert vectors.shape == (2, 7)
    torch.testing.assert_close(vectors[0, :5], vectors[1, :5])
    assert (vectors[0, 5:] != vectors[1, 5:]).all()
    assert model(Forms(TOKENS, WORDS, pairs=torch.tensor([1, 2, 3])), LENGTHS)[0].shape == (2, 4, 3)


def test_the_order_of_forms_does_not_matter() -> None:
    model = network()
    order = torch.tensor([2, 0, 1])
    moved = model(Forms(order.argsort()[TOKENS], WORDS[order], LETTERS[order], SIZES[order]), LENGTHS)[0]
    torch.testing.assert_close(moved, model(Forms(TOKENS, WORDS, LETTERS, SIZES), LENGTHS)[0])


def test_unknown_words_differ_by_their_characters() -> None:
    letters = torch.tensor([[1, 2, 0], [1, 3, 0]])
    vectors = network().forms(torch.tensor([0, 0]), letters, torch.tensor([2, 2]))
    torch.testing.assert_close(vectors[0, :5], vectors[1, :5])
    assert (vectors[0, 5:] != vectors[1, 5:]).all()


def test_in_training_words_are_taken_as_unknown_now_and_then() -> None:
    model = network(embedding_dropout=0.5, char_size=0).train()
    torch.manual_seed(1)
    words = torch.full((200,), 3)
    vectors = model.forms(words)
    unknown = (vectors == model.forms.words.weight[0]).all(1)
    assert 60 < int(unknown.sum()) < 140
    assert torch.equal(vectors[~unknown], model.forms.words.weight[3].expand(200 - int(unknown.sum()), -1))
    assert torch.equal(model.eval().forms(words), model.forms.words(words))

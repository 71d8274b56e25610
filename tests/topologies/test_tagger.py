"""A tagger's network: distinct forms read once, padding without effect."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from recurra.topologies.settings import TaggerSettings
from recurra.topologies.tagger import UNKNOWN_TAG, Forms, Tagger, TaggerBatch


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


def test_fx_finds_its_layers_whole() -> None:
    """A call of the module is a call of its layers' own, whatever the loss does without."""

    class Scores(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            settings = TaggerSettings(cell="lstm", hidden_size=4, embedding_size=5, bidirectional=True, char_size=0)
            self.tagger = Tagger(9, 0, 0, 3, settings).eval()

        def forward(self, tokens: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
            found: torch.Tensor = self.tagger(Forms(tokens, words))[0]
            return found

    scores, given = Scores(), (torch.tensor([[0, 1, 2], [2, 1, 0]]), torch.tensor([3, 4, 5]))
    graph = torch.fx.symbolic_trace(scores)
    assert "tagger.stack" in {node.target for node in graph.graph.nodes}
    assert torch.equal(graph(*given), scores(*given))


@pytest.mark.parametrize("crf", [True, False])
def test_a_loss_counts_whole_sentences_alone(crf: bool) -> None:
    """Where rows score as a whole; past a sentence's end no tag counts, whatever it is."""
    model, forms = network(crf=crf), Forms(TOKENS, WORDS, LETTERS, SIZES)
    tags = torch.tensor([[0, 2, 1, 1], [2, 0, UNKNOWN_TAG, UNKNOWN_TAG]])
    whole = model.loss(TaggerBatch(forms, LENGTHS, tags))
    assert whole.units == 6
    if crf:
        beyond = tags.masked_fill(tags == UNKNOWN_TAG, 2)
        assert torch.equal(model.loss(TaggerBatch(forms, LENGTHS, beyond)).mean, whole.mean)
    tags[0, 1] = UNKNOWN_TAG
    some = model.loss(TaggerBatch(forms, LENGTHS, tags))
    assert some.units == (2 if crf else 5)
    if crf:
        alone = model.loss(TaggerBatch(Forms(TOKENS[1:, :2], WORDS, LETTERS, SIZES), LENGTHS[1:], tags[1:, :2]))
        torch.testing.assert_close(some.mean, alone.mean)


def test_a_hook_on_the_layers_changes_no_loss() -> None:
    model, forms = network(), Forms(TOKENS, WORDS, LETTERS, SIZES)
    batch = TaggerBatch(forms, LENGTHS, torch.tensor([[0, 2, 1, 1], [2, 0, UNKNOWN_TAG, UNKNOWN_TAG]]))
    plain, heard = model.loss(batch).mean, list[int]()
    for stack in (model.stack, model.forms.reader):
        stack.register_forward_hook(lambda *_: heard.append(1))
    assert torch.equal(model.loss(batch).mean, plain)
    assert len(heard) == 2

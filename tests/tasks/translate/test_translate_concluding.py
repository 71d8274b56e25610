from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from recurra.tasks.decoding.bleu import scores
from recurra.tasks.decoding.glossary import Glossary
from recurra.tasks.translate.concluding import PENALTIES, before_conclusion, conclude
from recurra.tasks.translate.model import Translator
from recurra.tasks.translate.trainee import build_network
from recurra.topologies.encoder_decoder import NEVER
from recurra.topologies.search import Search
from recurra.topologies.settings import EncoderDecoderSettings
from tests.tasks.translate.test_glossed_sources import made

SETTINGS = EncoderDecoderSettings(cell="gru", hidden_size=8, embedding_size=6, attention="additive")


def model(*, dictionary: bool = True) -> Translator:
    """Of a network that has learned nothing."""
    torch.manual_seed(0)
    data = made()
    train = data.parts["train"]
    glossary = Glossary.learned(train.sources, train.targets) if dictionary else None
    learned = replace(data, glossary=glossary).preprocessor
    network = build_network(learned, SETTINGS)
    if network.copying is not None:
        torch.nn.init.constant_(network.copying.gate.bias, -9.0)  # or it writes what the dictionary says
    return Translator(network, learned.source, learned.target, glossary=glossary)


def test_what_a_network_does_not_know_is_left_to_the_dictionary():
    found = model()
    part = made().parts["validation"]
    numbers, (note,) = conclude(found, part, lowercase=False)
    assert numbers["doubt"] == 1.0
    assert numbers["length_penalty"] in PENALTIES
    assert note.startswith("every sentence is left to the dictionary")
    assert found.glossary is not None
    answers = found.predict(list(part.sources[:3]), n_best=2)
    for text, answer in zip(part.sources, answers, strict=False):
        first, second = answer.candidates
        assert first.text == found.glossary.of(text) == answer.best
        assert second.text != first.text
        assert answer.weights is not None
        assert answer.weights.shape == (len(answer.target_tokens), len(answer.source_tokens))
    assert found.texts(part.encoded_sources[:3], part.sources[:3], found.search) == [a.best for a in answers]
    step = found.forward_pass(part.sources[0]).answer()
    assert step.texts == [answers[0].best]


def test_the_score_of_a_dictionarys_answer_is_the_networks(monkeypatch):
    found = model()
    found.network.doubt.fill_(1.0)
    (answer,) = found.predict("the dog sees")
    forward = found.forward_pass("the dog sees")
    assert forward.probabilities is not None
    chances = forward.probabilities()
    tokens = [*found.target.encode(answer.best), len(found.target)]
    expected = float(np.log(chances[np.arange(len(tokens)), tokens]).sum())
    assert answer.candidates[0].log_probability == pytest.approx(expected, rel=1e-4)


def test_nothing_is_left_where_a_network_is_sure():
    found = model()
    assert float(found.network.doubt) == pytest.approx(NEVER)
    text = "the man sees the cat."
    own = found.predict(text)[0].best
    with torch.no_grad():
        found.network.doubt.fill_(1.0)
    assert found.predict(text)[0].best != own
    drawn = found.predict(text, sample=True, seed=0)[0].best
    with torch.no_grad():
        found.network.doubt.fill_(NEVER)
    assert found.predict(text, sample=True, seed=0)[0].best == drawn  # draws are the network's own


def test_without_a_dictionary_nothing_is_settled():
    found = model(dictionary=False)
    assert conclude(found, made().parts["validation"], lowercase=False) == ({}, [])
    assert found.search == Search()


def test_what_was_settled_is_taken_back_to_go_on_training():
    found = model()
    numbers, _ = conclude(found, made().parts["validation"], lowercase=False, seconds=60.0)
    weights = before_conclusion(found.network.state_dict(), numbers)
    assert float(weights["doubt"]) == pytest.approx(NEVER)
    assert float(weights["penalty"]) == pytest.approx(Search().length_penalty)
    assert before_conclusion({"a": torch.ones(1)}, {}) == {"a": torch.ones(1)}


def test_the_dictionary_is_not_asked_if_it_adds_nothing():
    found = model()
    assert found.glossary is not None
    found.glossary = Glossary(dict.fromkeys(found.glossary.translations, "x"))
    part = made().parts["validation"]
    numbers, (note,) = conclude(found, part, lowercase=False)
    drafts = [found.glossary.of(text) for text in part.sources]
    assert scores(drafts, part.targets)["chrf"] < 5
    assert numbers["doubt"] == NEVER
    assert note.startswith("no sentence is left")


def test_neither_score_is_below_the_dictionarys(monkeypatch):
    """However good the other one is, and however little the sum gains."""
    found, part, given = model(), made().parts["validation"], iter([])
    own, mixed, alone = (60.0, 20.0), (50.0, 29.0), (8.0, 30.0)

    def scored(texts, targets, **how):
        asked = [found.glossary.of(text) for text in part.sources]
        bleu, chrf = alone if list(texts) == asked else next(given, mixed)
        return {"bleu": bleu, "chrf": chrf}

    given = iter([own] * len(PENALTIES))
    monkeypatch.setattr("recurra.tasks.translate.concluding.scores", scored)
    numbers, (note,) = conclude(found, part, lowercase=False)
    assert numbers["doubt"] == 1.0
    assert note.startswith("every sentence")

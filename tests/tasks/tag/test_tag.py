"""Training and using a tagger: it learns, its tags are valid, and a sentence's tags never depend on the others."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recurra.data.tagged import spans
from recurra.data.tagged.sentences import Sentence
from recurra.errors import UsageError
from recurra.tasks.sources.resolving import resolve
from recurra.tasks.tag.baselines import tag_baselines
from recurra.tasks.tag.data import TagData, encode_part, prepare
from recurra.tasks.tag.model import TagModel
from recurra.tasks.tag.settings import TagDataSettings
from recurra.tasks.tag.trainee import TagTrainee, build_network, collate, probabilities, scores, tag_part
from recurra.topologies.settings import TaggerSettings
from recurra.topologies.tagger import UNKNOWN_TAG


def write(path: Path, count: int = 60) -> Path:
    """Cities of one or two words after "to": the same words elsewhere are none."""
    rng = random.Random(0)
    lines = []
    for number in range(count):
        city = rng.choice([["Rome"], ["New", "York"], ["San", "Jose"]])
        tokens = [*(["I"] * rng.randint(0, 2)), f"go{number}", "to", *city, "now"]
        tags = ["O"] * (len(tokens) - 1 - len(city)) + ["B-city", "I-city"][: len(city)] + ["O"]
        lines += [f"{token} {tag}" for token, tag in zip(tokens, tags, strict=True)] + [""]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> TagData:
    return prepare(resolve(write(tmp_path_factory.mktemp("tagged") / "go.bio")), TagDataSettings(min_count=2))


def small(**given: Any) -> TaggerSettings:
    settings = {"hidden_size": 8, "embedding_size": 6, "char_size": 4, "char_embedding_size": 4, "bidirectional": True}
    return TaggerSettings(**settings | given)


def trained(data: TagData, epochs: int = 12, **given: Any) -> TagTrainee:
    torch.manual_seed(0)
    task = TagTrainee(build_network(data.preprocessor, small(**given)), data, batch_size=8, seed=0)
    optimizer = torch.optim.Adam(task.network.parameters(), 2e-2)
    for epoch in range(epochs):
        for batch in task.batches(epoch):
            optimizer.zero_grad()
            task.loss(task.network.train(), batch, None)[0].backward()
            optimizer.step()
    task.network.eval()
    return task


@pytest.mark.parametrize("crf", [False, True])
def test_it_learns(data: TagData, crf: bool) -> None:
    task = trained(data, crf=crf)
    found = task.evaluate(task.network)
    assert found["span_f1"] == 1.0 == found["accuracy"]
    assert found["loss"] < 0.1
    assert task.rank(found)[0] == -1.0
    baselines = tag_baselines(data, data.parts["test"])
    assert [set(baseline.metrics) for baseline in baselines] == [
        {"span_f1", "span_precision", "span_recall", "accuracy"}
    ] * 3


def test_each_distinct_form_stands_once_in_a_batch(data: TagData) -> None:
    part = data.parts["train"]
    batch = collate(part, [3, 0, 5])
    forms = batch.forms
    assert forms.tokens.shape == batch.tags.shape == (3, int(batch.lengths.max()))
    assert forms.letters is not None
    assert len(set(map(tuple, forms.letters.tolist()))) == len(forms.letters) == len(forms.words)
    for row, place in enumerate((3, 0, 5)):
        length = int(batch.lengths[row])
        assert forms.words[forms.tokens[row, :length]].tolist() == part.words[part.encoded[place]].tolist()
        assert batch.tags[row, :length].tolist() == part.labels[place].tolist()
        assert (batch.tags[row, length:] == UNKNOWN_TAG).all()


def test_batches_go_through_every_sentence_once_an_epoch(data: TagData) -> None:
    task = TagTrainee(build_network(data.preprocessor, small()), data, batch_size=7, seed=0)
    for epoch in (0, 1):
        batches = list(task.batches(epoch))
        assert len(batches) == task.steps(epoch)
        assert sum(int(batch.lengths.sum()) for batch in batches) == data.parts["train"].tokens


@pytest.mark.parametrize("crf", [False, True])
def test_an_untrained_tagger_still_writes_valid_tags(data: TagData, crf: bool) -> None:
    torch.manual_seed(3)
    task = TagTrainee(build_network(data.preprocessor, small(crf=crf)), data, batch_size=8, seed=0)
    torch.nn.init.normal_(task.network.get_parameter("head.weight"), std=5)
    predicted, _ = tag_part(task.network.eval(), data.parts["train"])
    rows = [[data.tags[i] for i in ids] for ids in predicted]
    assert all(spans.SCHEMES["bio"].first_invalid(tags) is None for tags in rows)
    assert {tag for tags in rows for tag in tags} == set(data.tags)


@pytest.mark.parametrize("crf", [False, True])
def test_answers_are_in_order_and_do_not_depend_on_the_other_sentences(data: TagData, crf: bool) -> None:
    task = trained(data, 2, crf=crf)
    part = data.parts["train"]
    together, _ = tag_part(task.network, part)
    chances = probabilities(task.network, part)
    for row in (0, 7, 20):
        alone = encode_part([part.sentences[row]], data.lexicon, data.tags)
        assert np.array_equal(tag_part(task.network, alone)[0][0], together[row])
        ((best, own),) = probabilities(task.network, alone)
        assert np.array_equal(best, together[row])
        np.testing.assert_allclose(own, chances[row][1], atol=1e-5)
        np.testing.assert_allclose(own.sum(1), 1, atol=1e-5)


@pytest.mark.parametrize("crf", [False, True])
def test_a_tag_that_was_never_in_training_counts_as_a_mistake(data: TagData, crf: bool) -> None:
    task = trained(data, 1, crf=crf)
    sentence = Sentence(("to", "Rome"), ("O", "B-planet"), Path("x"), (1, 2))
    part = encode_part([sentence], data.lexicon, data.tags)
    predicted, loss = tag_part(task.network, part)
    assert np.isfinite(loss)
    found = scores(part, [[data.tags[i] for i in predicted[0]]], "bio")
    assert found["accuracy"] <= 0.5
    assert found["span_recall"] == 0


# in use


def model(data: TagData, **given: Any) -> TagModel:
    task = trained(data, **given)
    return TagModel(task.network, data.lexicon, data.tags, data.scheme, level="word", word_split="words")


def test_predictions(data: TagData) -> None:
    tagger = model(data, crf=True)
    first, second = tagger.predict(["I go7 to New York, now", "to Rome"], top=2)
    assert first.tokens == ["I", "go7", "to", "New", "York", ",", "now"]
    assert first.spans == [spans.Span(3, 5, "city")]
    assert (second.tags, second.text) == (["O", "B-city"], "to Rome")
    for tag, chance, candidates in zip(first.tags, first.probabilities, first.candidates, strict=True):
        assert len(candidates) == 2
        assert candidates[0] == (tag, pytest.approx(chance))
        assert candidates[0][1] >= candidates[1][1]
    assert tagger.rows([first, second])[6:9] == [
        ["now", first.tags[6], f"{first.probabilities[6]:.3f}"],
        [],
        ["to", "O", f"{second.probabilities[0]:.3f}"],
    ]
    (document,) = tagger.document([second])
    assert document["spans"] == [{"type": "city", "start": 1, "end": 2, "tokens": ["Rome"]}]
    assert document["tokens"] == ["to", "Rome"]
    assert tagger.unknown(["to Oslo", "Oslo now"]) == ["Oslo"]
    assert tagger.predict([]) == []


def test_predictions_that_cannot_be(data: TagData) -> None:
    tagger = model(data, epochs=0)
    with pytest.raises(UsageError, match="text 2 is empty"):
        tagger.predict(["a", "  "])
    with pytest.raises(UsageError, match="top"):
        tagger.predict("a", top=0)
    with pytest.raises(UsageError, match="it tags the tokens of a sentence"):
        tagger.predict("a", beam=3)


def test_sentences_are_cut_as_the_data_were(data: TagData) -> None:
    tagger = model(data, epochs=0)
    tagger.word_split = "space"
    assert tagger.tokens("what's new?") == ["what's", "new?"]
    tagger.level = "char"
    assert tagger.tokens("我 在\n北京") == ["我", "在", "北", "京"]

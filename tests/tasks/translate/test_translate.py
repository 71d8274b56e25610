from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from recurra.data.tokens.subwords import Subwords
from recurra.data.tokens.vocabulary import Vocabulary
from recurra.errors import UnknownNameError, UsageError
from recurra.tasks.abilities import generating
from recurra.tasks.decoding.bleu import scores
from recurra.tasks.decoding.searching import search_for
from recurra.tasks.translate.baselines import translate_baselines
from recurra.tasks.translate.data import TranslateData
from recurra.tasks.translate.encoding import PairPart, encode_side, ended
from recurra.tasks.translate.model import Translator
from recurra.tasks.translate.trainee import TranslateTrainee, build_network, nats_per_token
from recurra.topologies.encoder_decoder import EncoderDecoder
from recurra.topologies.search import Search
from recurra.topologies.settings import EncoderDecoderSettings

NETWORK = EncoderDecoderSettings(cell="gru", hidden_size=16, embedding_size=12, bidirectional=True)
SOURCES = [f"{a} {b} {c}" for a in "abcd" for b in "abcd" for c in "abcd"]
TARGETS = [" ".join(reversed(s.upper().split())) for s in SOURCES]


@pytest.fixture(scope="module")
def data() -> TranslateData:
    source, target = (Vocabulary.build(texts, level="word") for texts in (SOURCES, TARGETS))
    parts = {}
    for name, chosen in (("train", slice(0, 56)), ("validation", slice(56, 64)), ("test", slice(0, 0))):
        rows = [
            [ended(row, vocabulary) for row in encode_side(texts[chosen], vocabulary)]
            for texts, vocabulary in ((SOURCES, source), (TARGETS, target))
        ]
        parts[name] = PairPart(SOURCES[chosen], TARGETS[chosen], *rows)
    return TranslateData(source, target, parts)


def task(data: TranslateData, **given: object) -> TranslateTrainee:
    torch.manual_seed(0)
    return TranslateTrainee(build_network(data.preprocessor, NETWORK), data, **{"batch_size": 8, "seed": 0} | given)


def test_a_sentence_is_learned_backwards(data):
    trainee = task(data)
    optimizer = torch.optim.Adam(trainee.network.parameters(), lr=2e-2)
    before = trainee.evaluate(trainee.network)["loss"]
    for epoch in range(12):
        for batch in trainee.batches(epoch):
            loss, _, _ = trainee.loss(trainee.network, batch, None)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert trainee.evaluate(trainee.network)["loss"] < before / 10
    model = Translator(trainee.network, data.source, data.target)
    assert [t.best for t in model.predict(["d b a", "a a c"])] == ["A B D", "C A A"]


def test_loss_units_and_order_are_those_of_the_seed(data):
    trainee = task(data)
    batches = list(trainee.batches(0))
    assert len(batches) == trainee.steps(0)
    _, units, state = trainee.loss(trainee.network, batches[0], None)
    assert units == batches[0][0].target_lengths.sum()
    assert state is None
    again = [b.index.tolist() for b, _ in task(data).batches(0)]
    assert again == [b.index.tolist() for b, _ in batches]


def test_pieces_are_cut_anew_in_every_epoch(data):
    pytest.importorskip("tokenizers")
    sides = [[f"{s.replace(' ', '')} {s.replace(' ', '')}" for s in texts] for texts in (SOURCES, TARGETS)]
    source, target = (Subwords.build(texts, max_size=40) for texts in sides)
    rows = [[ended(r, v) for r in encode_side(t, v)] for t, v in zip(sides, (source, target), strict=True)]
    part = PairPart(*sides, *rows)
    pieces = TranslateData(source, target, {"train": part, "validation": part, "test": PairPart([], [], [], [])})
    trainee = task(pieces, piece_dropout=0.3)
    seen = []
    for epoch in range(2):
        batches = [batch for batch, _ in trainee.batches(epoch)]
        assert len(batches) == trainee.steps(epoch)
        found = {}
        for batch in batches:
            for row, length, index in zip(batch.target, batch.target_lengths, batch.index, strict=True):
                found[int(index)] = row[:length].tolist()
        assert {i: target.decode(row[:-1]) for i, row in found.items()} == dict(enumerate(sides[1]))
        assert all(row[-1] == len(target) for row in found.values())
        seen.append(found)
    assert seen[0] != seen[1]
    with pytest.raises(UsageError, match="level word has none"):
        task(data, piece_dropout=0.3)


def test_scheduled_sampling_ramps_up(data):
    trainee = task(data, scheduled_sampling=0.5)
    chances = [chance for epoch in range(7) for _, chance in trainee.batches(epoch)]
    assert chances[0] == 0
    assert chances == sorted(chances)
    assert chances[-1] == 0.5
    loss, _, _ = trainee.loss(trainee.network, (next(iter(trainee.batches(6)))[0], 0.5), None)
    assert torch.isfinite(loss)


def test_smoothing_is_of_training_alone(data):
    smooth, plain = task(data, smoothing=0.3), task(data)
    part = data.parts["validation"]
    assert smooth.evaluate(smooth.network) == plain.evaluate(plain.network)
    batch = next(iter(plain.batches(0)))
    assert smooth.loss(smooth.network, batch, None)[0] != plain.loss(plain.network, batch, None)[0]
    assert nats_per_token(plain.network, part) == plain.evaluate(plain.network)["loss"]


def test_bleu_and_chrf_are_sacrebleus():
    same = ["Ein Mann schläft heute im Haus.", "Zwei Hunde laufen durch den Park."]
    assert scores(same, same) == {"bleu": pytest.approx(100), "chrf": pytest.approx(100)}
    lowered = [text.lower() for text in same]
    assert scores(lowered, same)["bleu"] < 60
    assert scores(lowered, same, lowercase=True)["bleu"] == pytest.approx(100)


def test_bleu_of_chinese_is_of_characters():
    written, references = ["她很漂亮，不是吗？"], ["她非常漂亮，不是吗？"]
    whole = scores(written, references)
    cut = scores(written, references, cut_by="zh")
    assert whole["bleu"] < 5 < 40 < cut["bleu"]
    assert whole["chrf"] == cut["chrf"]


def test_without_sacrebleu_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    monkeypatch.setitem(sys.modules, "sacrebleu.metrics", None)
    with pytest.raises(UsageError, match=r"pip install sacrebleu$"):
        scores(["a"], ["a"])


@pytest.fixture
def model(data: TranslateData) -> Translator:
    torch.manual_seed(0)
    network = EncoderDecoder(len(data.source) + 1, len(data.target) + 1, NETWORK)
    return Translator(network, data.source, data.target, max_length=5)


def test_translations_come_in_the_order_of_the_texts(model):
    texts = ["a b c d", "a", "b c"]
    assert [t.text for t in model.predict(texts)] == texts
    assert [t.best for t in model.predict(texts)] == [model.predict(t)[0].best for t in texts]
    assert model.predict([]) == []


def test_n_best_and_what_is_shown_of_them(model):
    (found,) = model.predict("a b", n_best=3, beam=4)
    assert len(found.candidates) == 3
    assert found.weights is not None
    assert found.weights.shape == (len(found.target_tokens), len(found.source_tokens))
    assert found.source_tokens == ["a", "b", "</s>"]
    rows = model.rows([found])
    assert [row[0] for row in rows] == ["a b", "", ""]
    assert [row[1] for row in rows] == [c.text for c in found.candidates]
    assert model.document([found])[0]["translations"][0]["text"] == found.best


def test_a_text_that_is_too_long_is_cut_and_said(model):
    (found,) = model.predict("a b c d a b c")
    assert found.left_out == 2
    assert found.best == model.predict("a b c d a")[0].best
    assert "last 2 tokens" in model.rows([found])[0][-1]


def test_an_unknown_token_is_copied_from_where_the_decoder_looked(model, data):
    with torch.no_grad():
        model.network.bias[0] = 50.0
    (found,) = model.predict("Zanzibar")
    assert set(found.best.split()) == {"Zanzibar"}
    assert model.unknown(["a Zanzibar"]) == ["Zanzibar"]


def test_without_attention_no_unknown_token_is_written(data):
    torch.manual_seed(0)
    settings = NETWORK.model_copy(update={"attention": "none"})
    network = EncoderDecoder(len(data.source) + 1, len(data.target) + 1, settings)
    with torch.no_grad():
        network.bias[0] = 50.0
    (found,) = Translator(network, data.source, data.target).predict("a b")
    assert "<unk>" not in found.best
    assert found.weights is None


def test_what_cannot_be_asked(model):
    with pytest.raises(UsageError, match="text 2 is empty"):
        model.predict(["a", "  "])
    with pytest.raises(UnknownNameError, match="did you mean 'beam'"):
        model.predict("a", beams=3)
    with pytest.raises(UsageError, match="it translates texts"):
        generating(model)
    assert search_for(8, {}, "a text") == Search(beam=8, n_best=8)
    assert search_for(1, {"beam": 2}, "a text") == Search(beam=2)


def test_the_dictionary_beats_copying(data):
    part = data.parts["validation"]
    copied, learned = translate_baselines(data, part, lowercase=False)
    assert copied.metrics["chrf"] < learned.metrics["chrf"]
    assert learned.size_bytes is not None
    assert learned.size_bytes > 0
    assert np.isfinite(learned.seconds)

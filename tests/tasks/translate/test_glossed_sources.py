from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from recurra.data.tokens.vocabulary import Vocabulary
from recurra.errors import UsageError
from recurra.tasks.decoding.glossary import Glossary, crossed, glossed, most_of, tokens_read
from recurra.tasks.translate import data as translate_data
from recurra.tasks.translate.data import TranslateData, with_glossary
from recurra.tasks.translate.encoding import PairPart, encode_side, ended, read_rows
from recurra.tasks.translate.preprocessor import TranslatePreprocessor
from recurra.topologies.settings import EncoderDecoderSettings

NOUNS = {"dog": "Hund", "cat": "Katze", "man": "Mann", "house": "Haus"}
SOURCES = [f"the {a} sees the {b}." for a in NOUNS for b in NOUNS]
TARGETS = [f"der {NOUNS[a]} sieht der {NOUNS[b]}." for a in NOUNS for b in NOUNS]
ATTENTION, NONE = EncoderDecoderSettings(), EncoderDecoderSettings(attention="none")


def made() -> TranslateData:
    source, target = (Vocabulary.build(texts, level="word") for texts in (SOURCES, TARGETS))
    rows = [
        [ended(row, words) for row in encode_side(texts, words)]
        for texts, words in ((SOURCES, source), (TARGETS, target))
    ]
    part = PairPart(SOURCES, TARGETS, *rows)  # type: ignore[arg-type]
    return TranslateData(source, target, {"train": part, "validation": part, "test": part})


def test_words_become_their_most_probable_translations_others_stay():
    found = Glossary.learned(SOURCES, TARGETS)
    assert found.of("man Zanzibar dog") == "Mann Zanzibar Hund"
    assert len(found) == len(found.translations)


def test_a_training_pair_is_glossed_by_a_dictionary_that_never_saw_it():
    lone, answer = "nobody knows xyzzy.", "niemand kennt Plugh."
    found = crossed([*SOURCES, lone, lone], [*TARGETS, answer, answer])
    assert "xyzzy" in found[-1]
    assert "Plugh" not in found[-1]
    assert found[0].split().count("Hund") == 2
    assert Glossary.learned([*SOURCES, lone], [*TARGETS, answer]).of(lone) != lone
    assert crossed(["a b"], ["c d"]) == ["a b"]


def test_a_gloss_stands_behind_its_source_in_numbers_of_its_own():
    row, gloss = np.array([3, 1, 5]), np.array([0, 2])
    assert glossed(row, gloss, (5, 4)).tolist() == [3, 1, 5, 6, 8, 10]
    assert len(glossed(row, np.zeros(99, np.int64), (5, 4))) == 3 + most_of(3) + 1


def test_what_is_read_has_a_name_for_each_token():
    data = replace(made(), glossary=Glossary({"the": "der", "dog": "Hund"}))
    text = "the dog Zanzibar"
    own = [ended(row, data.source) for row in encode_side([text], data.source)]
    (row,) = read_rows(data.preprocessor, own, [text])
    names = tokens_read(data.source, data.target, data.glossary, text, len(own[0]))
    assert names == ["the", "dog", "Zanzibar", None, "der", "Hund", "Zanzibar", None]
    assert len(row) == len(names)
    assert row[4:6].tolist() == [len(data.source) + 1 + data.target.encode(word)[0] for word in ("der", "Hund")]
    assert read_rows(made().preprocessor, own, [text]) is own


def test_few_pairs_get_a_dictionary_many_do_not(monkeypatch):
    data = made()
    found = with_glossary(data, ATTENTION, None)
    assert found.glossary is not None
    assert len(found.glosses) == len(SOURCES)
    assert any("dictionary" in note for note in found.notes)
    assert with_glossary(data, ATTENTION.model_copy(update={"skip": "none"}), None) is data
    assert with_glossary(data, NONE, None) is data
    monkeypatch.setattr(translate_data, "FEW_PAIRS", len(SOURCES) - 1)
    assert with_glossary(data, ATTENTION, None) is data
    asked = with_glossary(data, ATTENTION.model_copy(update={"skip": "lexical"}), None)
    assert asked.glossary is not None


def test_a_dictionary_needs_attention():
    with pytest.raises(UsageError, match="give another attention than none, or skip none"):
        with_glossary(made(), NONE.model_copy(update={"skip": "lexical"}), None)


def test_a_dictionary_that_is_kept_is_read_and_so_is_none():
    data = made()
    kept = TranslatePreprocessor(data.source, data.target, glossary=Glossary({"the": "die"}))
    again = TranslatePreprocessor.from_json(kept.to_json())
    assert again.glossary is not None
    assert again.glossary.translations == {"the": "die"}
    assert with_glossary(data, ATTENTION, again).glossary is again.glossary
    plain = TranslatePreprocessor(data.source, data.target)
    assert "glossary" not in plain.to_json()
    assert TranslatePreprocessor.from_json(plain.to_json()).glossary is None
    assert with_glossary(data, ATTENTION, plain).glossary is None

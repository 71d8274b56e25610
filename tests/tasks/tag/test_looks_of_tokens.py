"""What a tagger sees of each different token is looked up once, and numbered as its sentences come."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from recurra.data.tagged.sentences import Sentence
from recurra.data.tokens.vocabulary import Vocabulary
from recurra.tasks.tag.lexicon import Lexicon
from recurra.tasks.tag.looks import Looks, by_appearance


def sentence(*tokens: str) -> Sentence:
    return Sentence(tokens, ("X",) * len(tokens), Path("a"), range(1, len(tokens) + 1))


def test_tokens_that_no_tagger_tells_apart_are_alike() -> None:
    words = Vocabulary(["<unk>", "the", "cat"], level="word", normalize=["lowercase"], split="space")
    letters = Vocabulary(["<unk>", *"thecaTC"], level="char")
    sentences = [sentence("the", "Cat", "odd"), sentence("cat", "The", "the", "öde")]
    for characters, same in ((None, [0, 1, 2, 1, 0, 2]), (letters, [0, 1, 2, 3, 4, 5])):
        looks = Looks.of(sentences, Lexicon(words, characters))
        assert list(looks.index) == ["the", "Cat", "odd", "cat", "The", "öde"]
        assert looks.alike().tolist() == same
        assert looks.words.tolist() == [1, 2, 0, 2, 1, 0]
        assert [row.tolist() for row in looks.ids(sentences)] == [[0, 1, 2], [3, 4, 0, 5]]
    assert looks.letters[1].tolist() == letters.encode("Cat").tolist()


def test_numbers_are_counted_as_they_appear() -> None:
    found, ids = by_appearance(np.array([7, 2, 7, 9, 2]), 10)
    assert found.tolist() == [7, 2, 9]
    assert ids.tolist() == [0, 1, 0, 2, 1]
    assert by_appearance(np.zeros(0, np.int64), 3)[0].tolist() == []

from __future__ import annotations

from recurra.baselines.ibm1 import Ibm1, words

SOURCES = ["the house", "the book", "a book", "the red house", "a red book"]
TARGETS = ["das Haus", "das Buch", "ein Buch", "das rote Haus", "ein rotes Buch"]


def test_words_find_their_translations_whatever_stands_beside_them():
    learned = Ibm1.fit(SOURCES, TARGETS, rounds=20)
    assert {e: learned.dictionary[e] for e in ("the", "a", "house", "book")} == {
        "the": "das",
        "a": "ein",
        "house": "Haus",
        "book": "Buch",
    }
    assert learned.translate(["the book, Anna"]) == [["das", "Buch", ",", "Anna"]]


def test_one_round_counts_how_often_words_stand_together():
    learned = Ibm1.fit(["a b"], ["x y"], rounds=1)
    assert learned.entries == 6  # two words and the empty one, two translations each
    assert learned.dictionary == {"a": "x", "b": "x"}  # equal chances: the more frequent, else the first
    assert learned.size_bytes() == 2 * 4


def test_more_pairs_of_words_than_there_is_memory_for_are_left_out(monkeypatch):
    monkeypatch.setattr("recurra.baselines.ibm1.MOST", 20)
    learned = Ibm1.fit(["a b", "c", "d e f g h"], ["x y", "z", "u v w"], rounds=1)
    assert learned.dictionary.keys() == {"a", "b", "c"}
    assert Ibm1.fit(["a " * 5_000], ["b " * 5_000], rounds=1).dictionary == {"a": "b"}


def test_signs_are_words():
    assert words("it's here!") == ["it", "'", "s", "here", "!"]

"""Spans in tags: schemes told apart, mended and scored, with figures worked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.data.tagged import spans
from recurra.data.tagged.spans import SCHEMES, Span, recognise, score
from recurra.errors import ShapeError, UnknownNameError


def rows(*texts: str) -> list[list[str]]:
    return [text.split() for text in texts]


@pytest.mark.parametrize(
    ("sentences", "name"),
    [
        (["B-LOC I-LOC O", "O B-PER"], "bio"),
        (["O O", "B-LOC B-LOC"], "bio"),
        (["I-LOC I-LOC O I-PER", "O I-PER B-PER I-PER"], "iob1"),
        (["O I-LOC I-LOC"], "iob1"),
        (["I-LOC B-PER"], "bio"),  # no PER before it: IOB1 would have written I-PER
        (["B-ORG M-ORG E-ORG S-LOC"], "bmes"),
        (["B-ORG I-ORG E-ORG O S-LOC"], "bioes"),
        (["B-ORG I-ORG L-ORG O U-LOC"], "bilou"),
        (["B M E S", "B E"], "bmes"),
        (["B I O"], "bio"),
        (["NOUN VERB"], None),
        (["O O O"], None),
        (["S O", "O S"], None),  # subject and object, say: no beginnings
        (["B-LOC I"], None),  # with types and without
        (["B-LOC X-LOC"], None),
        (["B-LOC M-LOC I-LOC E-LOC"], None),
        ([], None),
    ],
)
def test_schemes_are_recognised(sentences: list[str], name: str | None) -> None:
    assert recognise(rows(*sentences)) == name


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        ("B-A I-A O B-B", [(0, 2, "A"), (3, 4, "B")]),
        ("B-A B-A", [(0, 1, "A"), (1, 2, "A")]),
        ("I-A I-A B-A", [(0, 2, "A"), (2, 3, "A")]),  # IOB1
        ("O I-A I-B", [(1, 2, "A"), (2, 3, "B")]),  # another type ends it
        ("B-A M-A E-A S-B E-B", [(0, 3, "A"), (3, 4, "B"), (4, 5, "B")]),  # E after S begins
        ("B-A I-A L-A U-A", [(0, 3, "A"), (3, 4, "A")]),
        ("B-A O M-A", [(0, 1, "A"), (2, 3, "A")]),
        ("B M E S", [(0, 3, ""), (3, 4, "")]),
        ("NOUN O", []),
        ("B-a-b I-a-b", [(0, 2, "a-b")]),
    ],
)
def test_spans_are_read_as_the_conll_evaluation_reads_them(tags: str, found: list[tuple[int, int, str]]) -> None:
    assert spans.spans(tags.split()) == [Span(*one) for one in found]


@pytest.mark.parametrize(
    ("name", "tags", "mended", "first"),
    [
        ("bio", "O I-A I-A B-A", "O B-A I-A B-A", 1),
        ("bio", "B-A I-B", "B-A B-B", 1),
        ("bio", "B-A I-A O", "B-A I-A O", None),
        ("bmes", "B-A O S-A", "S-A O S-A", 1),
        ("bmes", "M-A M-A E-A", "B-A M-A E-A", 0),
        ("bmes", "O B-A M-A", "O B-A E-A", 2),  # wrong at the end: nothing ends it
        ("bmes", "B-A E-A", "B-A E-A", None),
        ("bioes", "B-A I-A S-B", "B-A E-A S-B", 2),
        ("bilou", "U-A L-A", "U-A U-A", 1),
    ],
)
def test_invalid_tags_are_mended(name: str, tags: str, mended: str, first: int | None) -> None:
    scheme = SCHEMES[name]
    assert scheme.repair(tags.split()) == mended.split()
    assert scheme.first_invalid(tags.split()) == first


def test_iob1_becomes_bio() -> None:
    scheme = spans.scheme("iob1")
    assert scheme.repair("I-A I-A B-A O I-B I-A".split()) == "B-A I-A B-A O B-B B-A".split()
    with pytest.raises(UnknownNameError, match="bmes"):
        spans.scheme("bmse")


@st.composite
def sentences(draw: st.DrawFn) -> tuple[list[Span], int]:
    """Spans that do not overlap, and a length that holds them."""
    found, place = [], 0
    for gap, length, kind in draw(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4), st.sampled_from("XY")))):
        found.append(Span(place + gap, place + gap + length, kind))
        place += gap + length
    return found, place + draw(st.integers(0, 2))


@given(sentences(), st.sampled_from(sorted(SCHEMES)))
def test_what_is_written_is_valid_and_read_again(sentence: tuple[list[Span], int], name: str) -> None:
    found, length = sentence
    tags = SCHEMES[name].encode(found, length)
    assert spans.spans(tags) == found
    assert SCHEMES[name].first_invalid(tags) is None
    assert SCHEMES[name].repair(tags) == tags


@given(st.lists(st.sampled_from(["O", "B-X", "I-X", "B-Y", "I-Y"]), min_size=1))
def test_mending_keeps_the_spans_and_is_needed_only_for_invalid_tags(tags: list[str]) -> None:
    mended = SCHEMES["bio"].repair(tags)
    assert spans.spans(mended) == spans.spans(tags)
    assert SCHEMES["bio"].first_invalid(mended) is None
    assert (SCHEMES["bio"].first_invalid(tags) is None) == (mended == tags)


def test_scores_by_hand() -> None:
    """LOC: there are 3, 2 predicted, 1 right. PER: there is 1, 2 predicted, 1 right. ORG is only predicted."""
    true = rows("B-LOC I-LOC O B-PER", "B-LOC O B-LOC")
    guess = rows("B-LOC I-LOC O B-PER", "B-PER O O", "B-LOC")[:2]
    guess[1] = ["B-PER", "B-LOC", "B-ORG"]
    found = score(true, guess)
    assert (found.precision, found.recall) == (2 / 5, 2 / 4)
    assert found.f1 == pytest.approx(2 * 0.4 * 0.5 / 0.9)
    loc, org, per = found.rows
    assert (loc.type, loc.precision, loc.recall, loc.support, loc.predicted) == ("LOC", 1 / 2, 1 / 3, 3, 2)
    assert loc.f1 == pytest.approx(2 / 5)
    assert (org.type, org.f1, org.support, org.predicted) == ("ORG", 0.0, 0, 1)
    assert (per.precision, per.recall, per.f1) == (1 / 2, 1.0, pytest.approx(2 / 3))


def test_a_span_is_found_only_with_both_ends_and_its_type() -> None:
    for wrong in ("B-A O O", "B-A I-A I-A", "O B-A O", "B-B I-B O", "B-A B-A O"):
        assert score(rows("B-A I-A O"), rows(wrong)).f1 == 0
    assert score(rows("B-A I-A O"), rows("I-A I-A O")).f1 == 1  # read, not compared tag by tag


def test_nothing_there_and_nothing_found_is_zero() -> None:
    assert score(rows("O O"), rows("O O")).f1 == 0
    assert score([], []).rows == []


def test_scores_of_other_sentences_are_refused() -> None:
    with pytest.raises(ShapeError, match="as many predicted as true sentences, 2, got 1"):
        score(rows("O", "O"), rows("O"))
    with pytest.raises(ShapeError, match="sentence 2 has 2 tags, 1 were predicted"):
        score(rows("O", "O O"), rows("O", "O"))

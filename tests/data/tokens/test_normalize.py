from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.data.tokens.normalize import ASCII_KEPT, check_names, fold_ascii, is_safe_cut, normalize
from recurra.errors import UnknownNameError

TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]))


def test_ascii_folding_gives_the_tutorials_examples() -> None:
    assert fold_ascii("Ślusàrski") == "Slusarski"
    assert fold_ascii("O'Néàl") == "O'Neal"
    assert fold_ascii("Łódź 2; d'Ångström-Löf\n") == "odz ; d'Angstrom-Lof\n"


def test_normalisations_apply_in_the_order_given() -> None:
    assert normalize("ÀÉ", ("lowercase",)) == "àé"
    assert normalize("ÀÉ", ("ascii", "lowercase")) == "ae"
    assert normalize("e\u0301", ("nfc",)) == "é"
    assert normalize("ﬁ", ("nfkc",)) == "fi"
    assert normalize("Àﬁ", ()) == "Àﬁ"


def test_an_unknown_normalisation_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'lowercase'"):
        check_names(["lower-case"])


@given(TEXT)
def test_ascii_folding_keeps_ascii_only_and_is_idempotent(text: str) -> None:
    folded = fold_ascii(text)
    assert set(folded) <= ASCII_KEPT
    assert fold_ascii(folded) == folded


HARD = st.text(alphabet=st.sampled_from("ab e\u0301\u0327\u1112\u1161\u11ab가ｶﾞ\u09c7\u09be\u0958 ﬁ\u00a8\u0344"))


@given(HARD | TEXT, st.sampled_from(["nfc", "nfkc", "ascii"]))
def test_cutting_before_a_safe_character_changes_nothing(text: str, name: str) -> None:
    cuts = [i for i in range(1, len(text)) if is_safe_cut(text[i])]
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert "".join(normalize(piece, (name,)) for piece in pieces) == normalize(text, (name,))


def test_an_accent_is_no_place_to_cut() -> None:
    assert not is_safe_cut("\u0301")
    assert not is_safe_cut("\u11ab")
    assert is_safe_cut("a")
    assert is_safe_cut("中")
    assert unicodedata.normalize("NFC", "\u1112\u1161\u11ab") == "한"


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("name", "marks"),
    [("nfc", "\u0301\u0327"), ("ascii", "\u0344\u0327"), ("nfc", "\u0f73"), ("nfkc", "\uff9e\u0301")],
)
def test_long_rows_of_marks_take_time_in_proportion(marks: str, name: str) -> None:
    assert normalize("a" + marks * 100_000, [name])


@given(
    st.lists(st.sampled_from("ae가ᄀéàあか\u0301\u0327\u0344\u0f73\u0f75\u0f81\u3099\uff9e\u05b0\u094d"), max_size=120),
    st.sampled_from(["NFC", "NFKC"]),
)
def test_rows_of_marks_are_normalised_as_unicode_says(letters: list[str], form: str) -> None:
    text = "".join(letters) + "".join(reversed(letters))
    assert normalize(text, [form.lower()]) == unicodedata.normalize(form, text)


@pytest.mark.parametrize("form", ["nfc", "nfkc"])
def test_lines_and_words_of_a_long_text_are_normalised_as_the_whole(form: str) -> None:
    odd = [
        "e\u0301",
        "\u0301 e",
        "\n\u0301",
        "o\u0323\u0302",
        "\u00b4",
        "\uac00\u11a8",
        " \u0344",
        "<\u0338",
        "\ufb01 x",
        "\r\u0301",
    ]
    for shift in range(len(odd)):
        text = "plain words\n".join(odd[shift:] + odd[:shift]) * 3
        assert normalize(text, [form]) == unicodedata.normalize(form.upper(), text)

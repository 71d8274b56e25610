"""Probes find the unit that follows something, and the control says what a unit could learn by heart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra.errors import UsageError
from recurra.inspection.following import FEATURES, Feature, named
from recurra.inspection.probing import balanced, explained, probe, probe_labels

BY_NAME = {feature.name: feature for feature in FEATURES}
TEXT = 'He said "no (not 42)" once.\nShe left.\n\n'


def follows(name: str, text: str = TEXT) -> list[float]:
    return BY_NAME[name].values(list(text)).tolist()


def test_what_is_followed_is_counted_by_hand() -> None:
    assert follows("position in the line", "ab\nc") == [1, 2, 0, 1]
    assert follows("position in the word", "ab, c") == [1, 2, 0, 0, 1]
    assert follows("inside quotes", 'a"b"c') == [0, 1, 1, 0, 0]
    assert follows("inside quotes", 'a"b\n\nc') == [0, 1, 1, 1, 0, 0]
    assert follows("inside quotes", "「a『b』」c") == [1, 1, 1, 1, 1, 0, 0]
    assert follows("inside brackets", "(a[b])c") == [1, 1, 1, 1, 1, 0, 0]
    assert follows("start of a word", "ab c1") == [1, 0, 0, 1, 0]
    assert BY_NAME["start of a word"].values([" ab", "c", " d"]).tolist() == [1, 0, 1]
    assert follows("digit", "a4") == [0, 1]
    assert BY_NAME["capital letter"].values([" Ab", "c"]).tolist() == [1, 0]
    assert follows("end of a sentence", "a.?b") == [0, 1, 1, 0]


@pytest.fixture(scope="module")
def built() -> tuple[dict[str, Any], list[list[str]]]:
    """Units: noise, the place in the line, whether a quotation is open, the token itself."""
    rng = np.random.default_rng(0)
    lines = ['a "b c d" e', "bc de", 'd "e a" b c d', "e"]
    texts = [list("\n".join(rng.choice(lines, 60).tolist())[:300]) for _ in range(8)]
    place = np.stack([BY_NAME["position in the line"].values(text) for text in texts])
    quoted = np.stack([BY_NAME["inside quotes"].values(text) for text in texts])
    letters = np.array([[ord(c) % 7 for c in text] for text in texts], float)
    noise = rng.normal(size=(4, *place.shape))
    low = np.stack([noise[0], place + 0.3 * noise[1], np.zeros_like(place)], -1)
    high = np.stack([letters, 3 - 2 * quoted + 0.2 * noise[2], noise[3]], -1)
    return {"stack.h_l0": low, "stack.h_l1": high}, texts


def test_the_unit_that_follows_is_found_with_its_score_and_a_low_control(built: Any) -> None:
    found = probe(*built)
    assert found["position in the line"].unit == ("stack.h_l0", 1)
    assert found["position in the line"].unit_score > 0.95
    assert found["inside quotes"].unit == ("stack.h_l1", 1)
    assert found["inside quotes"].unit_score > 0.99
    for one in (found["position in the line"], found["inside quotes"]):
        assert one.unit_score - one.unit_control == one.selectivity
        assert one.units_score > 0.9
    assert found["position in the line"].selectivity > 0.5
    assert {"digit", "capital letter"} <= set(found.left_out)
    assert found.tokens == (1200, 1200)
    assert [p.selectivity for p in found.probes] == sorted((p.selectivity for p in found.probes), reverse=True)
    assert probe(*built).rows() == found.rows()
    assert "stack.h_l0[1]" in found.text()
    assert len(found.to_json()["probes"]) == len(found.probes)


def test_what_only_the_token_says_is_not_selective(built: Any) -> None:
    """Whether the token is a letter of a kind: the control's probe learns as much of tokens."""
    heavy = Feature("odd letter", False, lambda tokens: np.array([float(ord(c) % 7 > 3) for c in tokens]))
    one = probe(*built, [heavy])["odd letter"]
    line = probe(*built)["position in the line"]
    assert one.unit == ("stack.h_l1", 0)
    assert one.selectivity < line.selectivity


def test_noise_follows_nothing(built: Any) -> None:
    states, texts = built
    rng = np.random.default_rng(1)
    found = probe({"n": rng.normal(size=states["stack.h_l0"].shape)}, texts)
    assert all(abs(p.unit_score - (0 if p.number else 0.5)) < 0.1 for p in found.probes)


def test_own_features_and_warm_steps(built: Any) -> None:
    own = list(named({"a": lambda tokens: [c == "a" for c in tokens], "code": lambda tokens: [ord(c) for c in tokens]}))
    found = probe(*built, own, warm=50)
    assert found.tokens == (1000, 1000)
    assert (found["a"].number, found["code"].number) == (False, True)
    with pytest.raises(UsageError, match="nothing was probed that is called 'b'"):
        found["b"]


@pytest.mark.parametrize("values", [[1], [float("nan")] * 300, ["x"] * 300, [[1, 2]] * 300, None])
def test_own_features_without_a_number_for_each_token_are_refused(built: Any, values: Any) -> None:
    with pytest.raises(UsageError, match=r"feature 'own' must give a finite number.* for each of 300 tokens, got"):
        probe(*built, list(named({"own": lambda tokens: values})))


def test_labels_of_texts_are_found_at_their_ends() -> None:
    rng = np.random.default_rng(0)
    labels = rng.choice(["good", "bad"], 200).tolist()
    states = rng.normal(size=(200, 5))
    states[:, 3] += 4 * np.array([label == "good" for label in labels])
    (one,) = probe_labels({"stack.h_l0": states}, labels).probes
    assert (one.feature, one.unit) == ("label bad", ("stack.h_l0", 3))
    assert one.unit_score > 0.9
    assert one.unit_control < 0.7
    with pytest.raises(UsageError, match="two at least"):
        probe_labels({"h": states}, ["good"] * 200)


def test_rows_of_unequal_length_and_what_the_data_say_of_each_step() -> None:
    rng = np.random.default_rng(3)
    texts = [["a", "b", "c", "d"][: 2 + k % 3] * 20 for k in range(8)]
    noun = [rng.integers(0, 2, len(text)).astype(float) for text in texts]
    states = [np.stack([rng.normal(size=len(row)), 3 * row + 0.1 * rng.normal(size=len(row))], 1) for row in noun]
    found = probe({"stack.h_l0": states}, texts, [], extra={"tag NOUN": noun})
    one = found["tag NOUN"]
    assert (one.unit, one.number) == (("stack.h_l0", 1), False)
    assert one.unit_score > 0.99
    assert one.unit_control < 0.65
    assert found.tokens == (sum(map(len, texts[::2])), sum(map(len, texts[1::2])))


def test_scores_by_hand() -> None:
    y = np.array([0.0, 1.0, 2.0])
    assert explained(y, y) == 1
    assert explained(y, np.ones(3)) == 0
    assert explained(y, np.array([0.0, 1.0, 1.0])) == 0.5
    assert balanced(np.array([1.0, 0, 0, 0]), np.array([True, True, False, False])) == pytest.approx((1 + 2 / 3) / 2)


def test_a_single_text_has_no_halves(built: Any) -> None:
    states, texts = built
    with pytest.raises(UsageError, match="got 1"):
        probe({name: value[:1] for name, value in states.items()}, texts[:1])

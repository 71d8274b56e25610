"""Readings: in parts, going on from earlier ones, compared."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from recurra.errors import UnknownNameError, UsageError
from recurra.inspector import inspected as inspecteds
from recurra.inspector import reading as readings
from recurra.inspector import strips
from recurra.inspector.activity import most_active
from recurra.inspector.comparing import agreement, distance
from recurra.inspector.inspected import KEPT, Inspected
from recurra.inspector.reading import Reading
from recurra.inspector.strips import FEW, Windows
from recurra.inspector.thoughts import AsRead

Page = Callable[[str], Inspected]
TEXT = "sun moon rose nose sea tea "


def same(some: Reading, other: Reading) -> None:
    assert some.complete
    assert other.complete
    for key, strip in other.strips.items():
        for name in strip.widths:
            found, expected = (each.strip(key).values(name, 0, strip.length) for each in (some, other))
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
    assert some.thoughts is not None
    assert other.thoughts is not None
    for step in range(other.thoughts.length):
        ours, others = some.thoughts.best(step), other.thoughts.best(step)
        np.testing.assert_allclose([p for _, p in ours], [p for _, p in others], atol=1e-6)
    np.testing.assert_allclose(some.thoughts.column(), other.thoughts.column(), atol=1e-6)


@pytest.mark.parametrize("block", [1, 7, 1000])
@pytest.mark.parametrize("window", [4, 256])
def test_a_text_is_read_in_parts_as_it_is_whole(
    inspected: Page, monkeypatch: pytest.MonkeyPatch, block: int, window: int
) -> None:
    page = inspected("language")
    whole = page.read(TEXT, seconds=60)
    monkeypatch.setattr(readings, "FIRST", min(block, 3))
    monkeypatch.setattr(readings, "BLOCK", block)
    monkeypatch.setattr(strips, "WINDOW", window)
    found = page.read(TEXT, seconds=0)
    assert found.read == min(block, 3)
    while not found.complete:
        found.advance(0)
    same(found, whole)


@pytest.mark.parametrize("text", [TEXT + "s", TEXT[:-1], TEXT[:5] + "x" + TEXT[6:], "x" + TEXT, TEXT, TEXT[:1], ""])
@pytest.mark.parametrize("task", ["language", "generate"])
def test_a_reading_goes_on_from_the_one_before(inspected: Page, task: str, text: str) -> None:
    page = inspected(task)
    before = page.read(TEXT if task == "language" else "abcdeabcde", seconds=60)
    for strip in before.strips.values():  # computed before, and gone on from
        strip.values(next(iter(strip.widths)), 0, strip.length)
    text = text if task == "language" else text[:9].translate(str.maketrans("sunmorecta x", "abcdeabcdeab"))
    same(page.read(text, before=before.number, seconds=60), page.read(text, seconds=60))


def test_what_is_shared_is_not_read_again(inspected: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    page = inspected("language")
    monkeypatch.setattr(readings, "FIRST", 1)
    before = page.read(TEXT, seconds=60)
    found = page.read(TEXT + "s", before=before.number, seconds=0)
    assert (found.shared, found.read) == (len(TEXT), len(TEXT) + 1)  # the new step alone
    found = page.read(TEXT[:9] + "x" + TEXT[9:], before=found.number, seconds=0)
    assert (found.shared, found.read) == (8, 9)  # what follows the eighth is another token


def test_typed_tokens_are_joined(inspected: Page) -> None:
    page, text = inspected("language"), TEXT
    found = page.read(text, seconds=60)
    for letter in "sun moon rose nose sea tea sun moon rose nose":
        text += letter
        found = page.read(text, before=found.number, seconds=60)
        strip = found.strip("stack.l0")
        strip.unit("i", 0)
    assert len(strip.courses) < FEW
    same(found, page.read(text, seconds=60))


def test_the_column_is_the_probability_of_what_came(inspected: Page) -> None:
    page = inspected("language")
    found = page.read(TEXT, seconds=60)
    thought = page.run.probabilities(TEXT)
    assert isinstance(found.thoughts, AsRead)
    column = found.thoughts.column()
    assert column is not None
    assert np.isnan(column[0])
    for step in range(1, len(TEXT)):
        expected = thought.values[step - 1, list(thought.classes).index(thought.tokens[step])]
        assert column[step] == pytest.approx(expected, abs=1e-6)


def test_a_class_is_thought_of_as_if_the_text_ended_there(inspected: Page) -> None:
    page = inspected("classify")
    found = page.read("abcdefgh", seconds=60)
    assert found.thoughts is not None
    label, chance = found.thoughts.best(2)[0]
    (answer,) = page.run.predict(["abc"])
    assert (found.thoughts.classes[label], pytest.approx(chance, abs=1e-5)) == answer.classes[0]


def test_what_a_change_leaves_is_measured_behind_it(inspected: Page) -> None:
    page = inspected("language")
    before, after = page.read(TEXT, seconds=60), page.read(TEXT[:4] + "t" + TEXT[5:], seconds=60)
    key = next(iter(after.strips))
    found = distance(after.strip(key), before.strip(key))
    assert agreement(after.strip(key), before.strip(key)) == (4, len(TEXT) - 5)
    assert found.begin == 5
    assert not found.values[:4].any()
    assert np.isnan(found.values[4])
    assert found.values[5] > 0
    states = [before.strip(key).values(name, 5, 6) for name in before.strip(key).first.cell.states]
    others = [after.strip(key).values(name, 5, 6) for name in after.strip(key).first.cell.states]
    apart = sum(((a - b) ** 2).sum() for a, b in zip(states, others, strict=True)) ** 0.5
    assert found.values[5] == pytest.approx(apart / sum((b**2).sum() for b in others) ** 0.5, rel=1e-4)


def test_a_deleted_token_is_compared_where_the_texts_agree_again(inspected: Page) -> None:
    page = inspected("language")
    before, after = page.read(TEXT, seconds=60), page.read(TEXT[:4] + TEXT[5:], seconds=60)
    key = next(iter(after.strips))
    found = distance(after.strip(key), before.strip(key))
    assert found.begin == 4
    assert np.isfinite(found.values).all()
    assert distance(after.strip(key), after.strip(key)).forgotten == 0


def test_the_units_that_stand_out_are_those_farthest_from_their_mean(inspected: Page) -> None:
    page = inspected("language")
    found = page.read(TEXT, seconds=60)
    key = next(iter(found.strips))
    (first, *_) = rows = most_active(found, key, 6, 3)
    assert len(rows) == 3
    values = found.strip(key).values(first["name"], 0, len(TEXT))
    apart = np.abs(values[6] - values.mean(0)) / np.maximum(values.std(0), 0.05)
    assert first["unit"] == apart.argmax()


def test_only_the_newest_readings_are_kept(inspected: Page) -> None:
    page = inspected("language")
    first = page.read("sun")
    for _ in range(KEPT):
        page.read("moon")
    with pytest.raises(UsageError, match=f"reading {first.number} is not kept"):
        page.reading(first.number)
    reference = page.read("sun")
    for _ in range(KEPT):
        page.read("moon", reference=reference.number)
    assert page.reading(reference.number) is reference  # however fast somebody types who compares with it


def test_what_readings_keep_is_bounded(inspected: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    page = inspected("language")
    first = page.read(TEXT * 4, seconds=60)
    kept = sum(first.storages().values())
    assert 0 < kept <= first.bytes_needed
    monkeypatch.setattr(inspecteds, "MOST_BYTES", int(2.5 * kept))
    for text in ("s", "r", "m"):
        page.read(text + TEXT * 4, seconds=60)
    assert page.bytes <= 2.5 * kept
    assert page.kept(first.number) is None
    after = last = page.read(TEXT * 4, seconds=60)
    for count in range(1, 4):  # what goes on from it shares its states
        after = page.read(TEXT * 4 + count * "s", before=after.number, seconds=60)
    assert page.kept(last.number) is last
    monkeypatch.setattr(inspecteds, "MOST_BYTES", first.bytes_needed)
    with pytest.raises(UsageError, match=f"{len(TEXT * 4)} steps at most"):
        page.read(TEXT * 5)


@pytest.mark.parametrize("task", ["classify", "tag", "translate", "caption", "frames"])
def test_what_is_needed_is_not_less_than_what_is_kept(inspected: Page, task: str) -> None:
    page = inspected(task)
    one = page.offered[0]
    found = page.read(one.given, one.options, seconds=60)
    assert 0 < sum(found.storages().values()) <= found.bytes_needed
    monkeyed = found.bytes_needed - 1
    with pytest.raises(UsageError, match="MB"):
        Reading(found.network, found.given, {}, most=monkeyed)


def test_what_was_computed_is_bounded() -> None:
    kept = Windows(most=100)
    row = {"i": np.zeros((1, 10), np.float32)}
    for at in range(4):
        kept.put(1, at, row)
    assert kept.bytes == 80
    assert [kept.get(1, at) is not None for at in range(4)] == [False, False, True, True]
    kept.put(2, 0, {"i": np.zeros((9, 10), np.float32)})  # the newest one stays
    assert kept.get(1, 3) is None
    assert kept.bytes == 360
    kept.take(2, 0)
    assert kept.bytes == 0


def test_what_there_is_not_is_refused(inspected: Page) -> None:
    found = inspected("language").read(TEXT, seconds=60)
    strip = next(iter(found.strips.values()))
    with pytest.raises(UnknownNameError):
        found.strip("stack.l9")
    with pytest.raises(UnknownNameError):
        strip.values("q", 0, 1)
    with pytest.raises(UsageError, match="have been read"):
        strip.values("h", 0, 10_000)
    with pytest.raises(UsageError, match="6 units"):
        strip.unit("h", 6)


def test_contexts_are_the_highest_values_of_the_training_data(inspected: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    from recurra.inspector import contexts as module

    page = inspected("classify")
    monkeypatch.setattr(module, "INPUTS", 20)
    page.contexts.join()
    assert page.contexts.done
    assert not page.contexts.problem
    found = page.contexts.of("stack.l0", "h", 2)
    values = [
        (float(value), one.given, place)
        for one in page.own_inputs("train", 20)
        for place, value in enumerate(page.run.trace(one.given)["stack.h_l0"][:, 2])
    ]
    highest, lowest = max(values), min(values)
    assert found["highest"][0]["value"] == pytest.approx(highest[0], abs=1e-5)
    assert found["lowest"][0]["value"] == pytest.approx(lowest[0], abs=1e-5)
    assert found["highest"][0]["tokens"][found["highest"][0]["at"]] == highest[1][highest[2]]
    with pytest.raises(UsageError, match="got unit 99"):
        page.contexts.of("stack.l0", "h", 99)


def test_numbers_are_read_as_rows(inspected: Page) -> None:
    page = inspected("frames")
    assert page.typed("1 2\n3,4\n\n5;6").tolist() == [[1, 2], [3, 4], [5, 6]]
    assert page.typed("1 2").tolist() == [[1, 2]]
    with pytest.raises(UsageError, match="1 to 2 numbers"):
        page.typed("1 2\n3")
    with pytest.raises(UsageError, match="expected numbers"):
        page.typed("one two")
    for text in ("1\n2\n3", "1 2 3"):
        assert inspected("forecast").typed(text).tolist() == [1, 2, 3]

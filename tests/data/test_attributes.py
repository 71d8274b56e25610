"""What a model can be asked for."""

from __future__ import annotations

import pytest

from recurra.data.attributes import Attributes
from recurra.errors import DataError, UnknownNameError, UsageError

ONE = Attributes.of(("class",), [("it",), ("ru",), ("it",), ("a,b=c",)])
TWO = Attributes.of(("land", "sex"), [("it", "f"), ("it", "m"), ("it", "m"), ("ru", "f"), ("x,y", "f")])


def test_attributes_count_what_was_seen() -> None:
    assert ONE.values == (("a,b=c", "it", "ru"),)
    assert ONE.seen == (((1,), 2), ((0,), 1), ((2,), 1))
    assert TWO.sizes() == [3, 2]
    assert TWO.describe((0, 1)) == "land=it,sex=m"
    assert Attributes.from_json(TWO.to_json()) == TWO


@pytest.mark.parametrize(
    ("attributes", "asked", "found"),
    [
        (ONE, None, ["it", "a,b=c", "ru"]),
        (ONE, "it", ["it"]),
        (ONE, "class=ru", ["ru"]),
        (ONE, "a,b=c", ["a,b=c"]),
        (TWO, "land=it", ["land=it,sex=m", "land=it,sex=f"]),
        (TWO, "sex=f,land=ru", ["land=ru,sex=f"]),
        (TWO, "land=x,y,sex=f", ["land=x,y,sex=f"]),
        (TWO, "land=ru,sex=m", ["land=ru,sex=m"]),  # never seen together, but both are known
    ],
)
def test_what_is_asked_for(attributes: Attributes, asked: str | None, found: list[str]) -> None:
    assert [attributes.describe(indices) for indices, _ in attributes.matching(asked)] == found


@pytest.mark.parametrize(
    ("attributes", "asked", "piece"),
    [
        (ONE, "itt", "unknown class 'itt'; did you mean 'it'"),
        (TWO, "land=itt", "unknown land 'itt'; did you mean 'it'"),
        (TWO, "lnd=it", "unknown attribute 'lnd'; did you mean 'land'"),
        (TWO, "it", "name the attribute, as in --class land=it,sex=f"),
    ],
)
def test_what_cannot_be_asked_for(attributes: Attributes, asked: str, piece: str) -> None:
    with pytest.raises(UsageError) as refused:
        attributes.matching(asked)
    assert piece in str(refused.value)
    assert len(str(refused.value).splitlines()) <= 2


def test_half_of_a_combination_that_was_never_seen() -> None:
    three = Attributes.of(("a", "b", "c"), [("1", "1", "1"), ("2", "2", "1")])
    with pytest.raises(UsageError, match="name c too"):
        three.matching("a=1,b=2")


@pytest.mark.parametrize(
    "content",
    [
        None,
        {},
        {"names": ["a"], "values": [["x"]], "seen": [[[1], 2]]},
        {"names": ["a"], "values": [["x"]], "seen": [[[0], True]]},
        {"names": ["a"], "values": [["x"]], "seen": [[0, 2]]},
        {"names": ["a"], "values": ["x"], "seen": [[[0], 2]]},
        {"names": ["a"], "values": [["x"]], "seen": [[[0], 2]], "more": 1},
        {"names": ["a", "a"], "values": [["x"], ["x"]], "seen": [[[0, 0], 2]]},
    ],
)
def test_stored_attributes_that_do_not_fit(content: object) -> None:
    with pytest.raises(DataError):
        Attributes.from_json(content)


def test_places_of_an_unknown_value() -> None:
    with pytest.raises(UnknownNameError, match="unknown sex 'n'"):
        TWO.indices(("it", "n"))


@pytest.mark.timeout(60)
def test_many_values_are_found_soon() -> None:
    conditions = [(f"value {i}",) for i in range(30_000)]
    known = Attributes.of(("class",), conditions)
    assert len({known.indices(one) for one in conditions}) == len(conditions)
    assert known.unknown(("value 7",)) is None
    assert known.unknown(("value",)) == "class"

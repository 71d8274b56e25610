"""What a user gives in Python: one clear error for what cannot be, NumPy's and torch's numbers taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from recurra.data.tokens.given_tokens import Tokenised
from recurra.errors import UsageError
from recurra.tasks import given


@pytest.mark.parametrize(
    "several",
    [
        ["a", "b"],
        ("a", "b"),
        np.array(["a", "b"]),
        np.array(["a", "b"], dtype=object),
        pl.Series(["a", "b"]),
        iter(["a", "b"]),
        {"a": 1, "b": 2}.keys(),
    ],
    ids=["list", "tuple", "strings", "objects", "series", "iterator", "keys"],
)
def test_ordered_collections_of_texts_are_taken(several: Any) -> None:
    if isinstance(several, type({}.keys())):
        several = list(several)
    found = given.texts(several)
    assert found == ["a", "b"]
    assert {type(text) for text in found} == {str}


@pytest.mark.parametrize("tokens", [["a", "b-c"], ("a", "b-c"), np.array(["a", "b-c"]), pl.Series(["a", "b-c"])])
def test_a_text_may_be_a_list_of_its_tokens(tokens: Any) -> None:
    first, second = given.texts([tokens, "d e"])
    assert isinstance(first, Tokenised)
    assert (first, first.tokens, second) == ("a b-c", ("a", "b-c"), "d e")
    assert given.texts(first)[0].tokens == first.tokens


def test_one_text_is_a_list_of_one() -> None:
    assert given.texts("ab") == given.texts(np.str_("ab")) == ["ab"]
    assert given.texts([]) == []


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (["a", None], "text 2 is None, not a text"),
        (["a", float("nan")], "text 2 is nan, not a text"),
        (["a", 5], "text 2 is 5, not a text"),
        (["a", b"b"], "text 2 is a bytes, not a text"),
        ([["Anna", 5]], "text 1 is a list, not a text"),
        ([[]], "text 1 is a list, not a text"),
        ([["Anna went", "home"]], "token 1 of 2 is 'Anna went'; a token is not empty, without white space"),
        (np.array([["a"], ["b"]]), "expected one text or a list of them, got a ndarray|got an ndarray"),
        (np.array("a"), "expected one text or a list of them"),
        (np.array([1.0, 2.0]), "text 1 is 1.0, not"),
        (pl.Series(["a", None]), "text 2 is None"),
        (pl.DataFrame({"text": ["a"]}), r"got a DataFrame; give the texts alone, as in data\['text'\]"),
        ({"text": "a"}, "got a dict; give the texts alone"),
        ({"a", "b"}, "got a set"),
        (b"a", "got bytes; decode them first"),
        (Path("nosuch.csv"), "got the path 'nosuch.csv'; there is no such file"),
        (Path(__file__), r"got the path '.*test_given.py'; read the file first"),
        (["a", Path("nosuch.csv")], "text 2 is the path 'nosuch.csv'; there is no such file"),
        (None, "expected one text or a list of them, got None"),
        (5, "got 5"),
        (True, "got True"),
    ],
)
def test_what_is_no_text_is_refused(wrong: Any, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        given.texts(wrong)


def test_numbers_of_numpy_and_torch_are_taken() -> None:
    found = given.options(
        {
            "top": np.int64(3),
            "temperature": np.float32(0.5),
            "sample": np.bool_(True),
            "seed": torch.tensor(7),
            "top_p": np.array(0.5),
            "condition": np.str_("x"),
            "length": None,
            "stop": np.array(["a", "b"]),
        }
    )
    assert found == {
        "top": 3,
        "temperature": 0.5,
        "sample": True,
        "seed": 7,
        "top_p": 0.5,
        "condition": "x",
        "length": None,
        "stop": ["a", "b"],
    }
    assert [type(found[name]) for name in ("top", "temperature", "sample", "seed")] == [int, float, bool, int]
    assert type(given.plain(np.float64(2.0))) is float
    assert type(given.plain(np.str_("a"))) is str
    assert given.plain([np.int64(1), (np.float64(2.0),)]) == (1, (2.0,))
    assert given.plain(np.array([0.9, 0.1])) == (0.9, 0.1)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("top", 0), ("top", 2.0), ("top", "2"), ("top", None), ("top", True), ("beam", 0), ("count", -1), ("seed", -1),
        ("seed", 1 << 32), ("seed", 1.5), ("length", -1), ("temperature", "hot"), ("temperature", None),
        ("top_p", [0.5]), ("sample", 1), ("prompt", b"a"), ("prompt", None), ("condition", 5), ("word", None),
        ("baselines", "yes"), ("groups", 5), ("by", None),
    ],
)  # fmt: skip
def test_options_of_a_wrong_type_are_named(name: str, wrong: Any) -> None:
    with pytest.raises(UsageError, match=rf"^{name} must be "):
        given.options({name: wrong})


@pytest.mark.parametrize("wrong", [None, 5, b"a", "", " ", "a\0b", ["a"], {"text": ["a"]}, pl.DataFrame({"a": [1]})])
def test_what_is_no_path_is_refused(wrong: Any) -> None:
    with pytest.raises(UsageError, match=r"^data must be .*path"):
        given.path(wrong, "data")

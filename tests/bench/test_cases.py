"""What is measured, and what cannot be."""

from __future__ import annotations

import pytest

from recurra.bench.cases import GALLERY, KINDS, OWN_CELL, PLAIN, Shape, plan, shape
from recurra.errors import UnknownNameError, UsageError


def test_a_shape_is_four_sizes() -> None:
    assert shape("100x32x128x256") == Shape(100, 32, 128, 256)
    assert shape(" 1X2x3x4 ") == Shape(1, 2, 3, 4)
    assert str(Shape(1, 2, 3, 4)) == "1x2x3x4"


@pytest.mark.parametrize("text", ["", "1x2x3", "1x2x3x4x5", "0x2x3x4", "1x2x3x00", "axbxcxd", "1x-2x3x4", "1.5x2x3x4"])
def test_a_shape_that_cannot_be(text: str) -> None:
    with pytest.raises(UsageError, match="TxBxIxH"):
        shape(text)


def test_every_kind_has_cases_of_its_own() -> None:
    found = plan(["all"])
    assert [kind for kind in KINDS if any(case.kind == kind for case in found)] == list(KINDS)
    assert {case.cell for case in found} == {*GALLERY, OWN_CELL}
    assert len(found) == len(set(found))


def test_the_shapes_are_those_of_the_table() -> None:
    shapes = {(case.cell, str(case.shape)) for case in plan(["training"], precision="float32")}
    assert len(shapes) == 12
    assert ("lstm", "50x64x512x512") in shapes
    assert ("rnn", "100x1x128x128") in shapes
    half = plan(["training"], precision="bfloat16")
    assert [(case.cell, str(case.shape)) for case in half] == [("lstm", "50x64x512x512"), ("lstm", "35x128x1024x1024")]


def test_shapes_stand_in_the_place_of_the_kinds_own() -> None:
    small = shape("40x2x3x4")
    assert {case.shape for case in plan(["all"], shapes=[small])} == {small}
    assert {case.cell for case in plan(["training"], shapes=[small])} == set(PLAIN)
    ragged = plan(["ragged"], shapes=[small])
    assert [(case.cell, case.lengths, case.directions) for case in ragged] == [
        ("lstm", (2, 40), 1),
        ("gru", (2, 40), 2),
    ]
    assert {case.precision for case in plan(["all"], shapes=[small])} == {"float32"}


def test_layers_of_8_bits_are_only_asked_to_answer() -> None:
    assert {case.kind for case in plan(["all"]) if case.precision == "int8"} == set()
    assert {case.kind for case in plan(["all"], precision="int8")} == {"inference", "stream"}


def test_a_precision_that_a_kind_has_not_of_its_own() -> None:
    found = plan(["inference"], precision="bfloat16", cells=["gru"])
    assert {case.precision for case in found} == {"bfloat16"}
    assert len(found) == 4


@pytest.mark.parametrize(
    ("asked", "error", "says"),
    [
        ({"kinds": ["trainig"]}, UnknownNameError, "'training'"),
        ({"kinds": ["training"], "cells": ["lsmt"]}, UnknownNameError, "'lstm'"),
        ({"kinds": ["training"], "precision": "bf16"}, UnknownNameError, "'bfloat16'"),
        ({"kinds": ["cells"], "cells": ["lstm"]}, UsageError, "nothing to measure: cells is not done with lstm"),
        ({"kinds": ["stream"], "precision": "bfloat16"}, UsageError, "nothing to measure"),
        ({"kinds": []}, UsageError, "nothing to measure"),
    ],
)
def test_what_cannot_be_planned(asked: dict, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        plan(**asked)

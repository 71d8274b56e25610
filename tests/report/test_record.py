"""Records to JSON and back."""

from __future__ import annotations

import json
import math

import pytest
from report_records import classifier, language_model

from recurra.errors import DataError
from recurra.report.record import RunRecord
from recurra.report.sections import Text
from recurra.training.history import Point


@pytest.mark.parametrize("make", [classifier, language_model])
def test_a_record_survives_json(make):
    record = make()
    text = json.dumps(record.to_json(), allow_nan=False)
    assert RunRecord.from_json(json.loads(text)) == record


def test_what_is_no_number_survives_json():
    record = RunRecord("t", "classify", history=[Point(1.0, 1, 1.0, math.inf, math.nan)], metrics={"loss": -math.inf})
    again = RunRecord.from_json(json.loads(json.dumps(record.to_json(), allow_nan=False)))
    assert again.history[0].train_loss == math.inf
    assert math.isnan(again.history[0].validation_loss)
    assert again.metrics == {"loss": -math.inf}


def test_defaults_may_be_left_out():
    assert RunRecord.from_json({"title": "t", "task": "language"}) == RunRecord("t", "language")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([], "record: expected an object, got list"),
        ({"title": "t", "task": 3}, "record.task: expected str, got 3"),
        ({"title": "t", "task": "classify", "colour": 1}, "record: unknown name 'colour'"),
        ({"task": "classify"}, "record: .*title"),
        ({"title": 3, "task": "classify"}, "record.title: expected str, got 3"),
        ({"title": "t", "task": "classify", "threads": True}, "record.threads: expected int, got True"),
        ({"title": "t", "task": "classify", "metrics": {"loss": "low"}}, "record.metrics.loss: expected float"),
        ({"title": "t", "task": "classify", "history": [{"epoch": 1}]}, r"record.history\[0\]: "),
    ],
)
def test_a_malformed_record_names_the_place(values, words):
    with pytest.raises(DataError, match=words):
        RunRecord.from_json(values)


def test_sections_know_their_kind_in_json() -> None:
    values = {"title": "t", "task": "classify", "sections": [{"kind": "text", "title": "a", "paragraphs": ["b"]}]}
    assert RunRecord.from_json(values).sections == [Text("a", ["b"])]
    values["sections"][0]["kind"] = "film"
    with pytest.raises(DataError, match=r"record.sections\[0\]: unknown kind 'film'"):
        RunRecord.from_json(values)

"""The rows of tasks: found by name, and what each reads."""

from __future__ import annotations

import pytest

from recurra.errors import UnknownNameError, UsageError
from recurra.tasks.registry import ROWS, TASKS, get, readers


def test_a_task_is_found_by_its_name() -> None:
    assert all(get(row.name) is row for row in ROWS)
    assert len(TASKS) == len(ROWS)
    with pytest.raises(UnknownNameError, match="unknown task 'clasify'; did you mean 'classify'"):
        get("clasify")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_what_a_row_names_is_there(row) -> None:
    assert row.task.name == row.name
    assert row.defaults.epochs > 0
    for level in row.defaults.by_level:
        assert row.defaults.at(level) != row.defaults.settings
    assert row.defaults.at(None) == row.defaults.settings
    assert row.title
    assert row.needs
    assert row.sources


def test_of_some_settings_those_that_a_task_reads() -> None:
    assert get("fill").read({"blank_tokens": 2, "crf": True, "level": "char"}) == {"blank_tokens": 2, "level": "char"}
    assert readers("crf") == ["tag"]
    with pytest.raises(UnknownNameError, match="did you mean 'level'"):
        get("fill").read({"levle": "char"})
    with pytest.raises(UsageError, match=r"^crf is a setting of the task tag; this run's task is fill$"):
        get("fill").refuse_unread(["level", "crf"])


@pytest.mark.parametrize(("steps", "epochs"), [(100_000, 12), (100, 15), (1, 50)])
def test_few_data_are_gone_through_more_often(steps: int, epochs: float) -> None:
    assert get("classify").defaults.epochs_for(steps) == epochs


@pytest.mark.parametrize(("steps", "epochs"), [(100_000, 4), (10, 200), (2, 400)])
def test_a_short_series_is_gone_through_until_its_steps_are_worth_it(steps: int, epochs: float) -> None:
    assert get("forecast").defaults.epochs_for(steps) == epochs


@pytest.mark.parametrize(("tokens", "epochs"), [(200_000, 16), (20_000, 40), (1_000, 50), (None, 16)])
def test_short_sentences_are_few_tokens(tokens: int | None, epochs: float) -> None:
    assert get("tag").defaults.epochs_for(400, tokens) == epochs
    assert get("classify").defaults.epochs_for(400, tokens) == get("classify").defaults.epochs_for(400)

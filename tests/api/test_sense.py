"""Settings that would have no effect are refused by name; those that have one are taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest

from recurra.api.preparation import settings_for
from recurra.errors import UsageError
from recurra.tasks.defaults import DEFAULTS, READ_BY
from recurra.tasks.settings import TASKS
from recurra.tasks.sources.file_kinds import Kind
from recurra.tasks.sources.resolving import SUITS, Source

KIND_OF: dict[str, Kind] = {"language": "text", "classify": "table", "tag": "tagged", "fill": "text",
                            "translate": "parallel", "generate": "labels"}  # fmt: skip
GIVEN: dict[str, Any] = {
    "merge": "concat", "pooling": "last", "max_length": 9, "keep_repeats": True, "transpose": True, "condition": "both",
    "balance": 0.5, "batch_tokens": 9, "crop": 0.5, "blank_tokens": 2, "drawn_outputs": 9, "parallel": "b.txt",
    "languages": "a,b", "swap": True, "too_long": "drop", "attention": "general", "input_feeding": True,
    "bridge": "dense", "label_smoothing": 0.1, "scheduled_sampling": 0.1, "tie_weights": True, "state_reset": 0.1,
    "scheme": "bio", "strict": True, "skip_lines": ("a:1",), "crf": True, "char_size": 9, "pair_size": 9,
    "char_embedding_size": 9, "output": "auto", "input_dropout": 0.1, "variational": True, "label": "b",
    "split_column": "c",
}  # fmt: skip
"""A value of each setting that not every task reads, often the usual one: it is refused all the same."""


def source(task: str, kind: Kind | None = None, **files: str) -> Source:
    paths = {part: Path(name) for part, name in (files or {"all": "a.txt"}).items()}
    return Source("a", task, kind or KIND_OF[task], paths)  # type: ignore[arg-type]


def test_a_value_is_given_of_each_setting_that_not_every_task_reads() -> None:
    assert GIVEN.keys() == READ_BY.keys()


@pytest.mark.parametrize("task", TASKS)
def test_what_a_task_does_not_read_is_refused_by_name(task: str) -> None:
    for name, value in GIVEN.items():
        if task not in READ_BY[name]:
            with pytest.raises(UsageError, match=rf"^{name} is a setting of the task.*; this run's task is {task}$"):
                settings_for(source(task), {name: value})


@pytest.mark.parametrize("kind", get_args(Kind))
@pytest.mark.parametrize("name", ["text", "label", "split_column"])
def test_columns_are_named_of_tables_and_tagged_files_alone(kind: Kind, name: str) -> None:
    for task in SUITS[kind]:
        reads = task in READ_BY.get(name, TASKS) and (kind in ("table", "tagged") or (name, kind) == ("label", "tunes"))
        if reads:
            settings_for(source(task, kind), {name: "c"})
        else:
            with pytest.raises(UsageError, match=f"^{name} "):
                settings_for(source(task, kind), {name: "c"})


@pytest.mark.parametrize(
    ("data", "given", "says"),
    [
        (source("classify"), {"merge": "sum", "bidirectional": False}, "merge joins two directions"),
        (source("classify"), {"momentum": 0.5}, "momentum is of the optimizer sgd; this run's is adamw"),
        (source("classify"), {"clip_norm": 2.0, "clip_value": 0.1}, "clip_norm and clip_value both"),
        (source("language"), {"state_reset": 0.1, "bptt": None}, "state_reset is for truncated BPTT"),
        (source("tag"), {"char_embedding_size": 9, "char_size": 0}, "char_embedding_size is of the encoder"),
        (source("translate"), {"word_split": "space", "level": "bpe"}, "word_split is how words end.*level bpe"),
        (source("classify"), {"word_split": "space", "level": "char"}, "word_split is how words end.*level char"),
        (source("classify", all="a.parquet"), {"encoding": "latin-1"}, "encoding is of text files"),
        (source("classify"), {"split": (0.5, 0.5, 0.0), "split_column": "c"}, "split and split_column"),
        (
            source("classify", train="a.csv", validation="b.csv"),
            {"split": (0.5, 0.5, 0.0)},
            "split divides data in one",
        ),
        (source("language", train="a.txt", test="b.txt"), {"split": (0.5, 0.5, 0.0)}, "split divides data in one"),
        (source("tag", "tagged", **{"all": "a.words", "all.tags": "a.tags"}), {"text": "2"}, "text names a column"),
    ],
)
def test_settings_that_mean_nothing_together_are_refused(data: Source, given: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=f"^{says}"):
        settings_for(data, given)


@pytest.mark.parametrize("task", ["language", "classify", "fill", "generate", "translate"])
def test_how_words_end_means_words(task: str) -> None:
    assert settings_for(source(task), {"word_split": "space"}).data.level == "word"
    assert settings_for(source(task), {}).data.level == DEFAULTS[task].data.level  # type: ignore[index]


def test_what_is_off_anyway_may_be_said() -> None:
    for task in TASKS:
        settings_for(source(task), {"crf": False, "swap": False, "bptt": None} if task != "tag" else {"swap": False})

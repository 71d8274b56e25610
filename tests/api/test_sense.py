"""Settings that would have no effect on these data are refused by name; those that have one are taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest

from recurra.api.preparation import settings_for
from recurra.errors import UsageError
from recurra.tasks.registry import ROWS, get
from recurra.tasks.sources.source import Source, SourceKind

KIND_OF: dict[str, SourceKind] = {
    "language": "text",
    "classify": "table",
    "tag": "tagged",
    "fill": "text",
    "translate": "parallel",
    "generate": "labels",
}


NAMED = ("sounds", "events", "clips", "images", "captions")
"""Files whose names have fields, which are columns too."""


def source(task: str, kind: SourceKind | None = None, **files: str) -> Source:
    paths = {part: Path(name) for part, name in (files or {"all": "a.txt"}).items()}
    return Source("a", task, kind or KIND_OF[task], paths)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", get_args(SourceKind))
@pytest.mark.parametrize("name", ["text", "label", "split_column"])
def test_columns_are_named_of_tables_and_tagged_files_alone(kind: SourceKind, name: str) -> None:
    files = {"all": "a.ts"} if kind == "sequences" else {}  # a table of frames has columns too
    for task in (row.name for row in ROWS if kind in row.sources):
        reads = name in get(task).defaults.settings.names() and (
            kind in ("table", "tagged", *NAMED) or (name, kind) == ("label", "tunes")
        )
        if reads:
            settings_for(source(task, kind, **files), {name: "c"})
        else:
            with pytest.raises(UsageError, match=f"^{name} "):
                settings_for(source(task, kind, **files), {name: "c"})


@pytest.mark.parametrize(
    ("data", "given", "says"),
    [
        (source("classify"), {"merge": "sum", "bidirectional": False}, "merge joins two directions"),
        (source("classify"), {"momentum": 0.5}, "momentum needs the optimizer sgd; this run's is adamw"),
        (source("classify"), {"clip_norm": 2.0, "clip_value": 0.1}, "clip_norm and clip_value both"),
        (source("language"), {"state_reset": 0.1, "bptt": None}, "state_reset needs truncated BPTT"),
        (
            source("tag"),
            {"char_embedding_size": 9, "char_size": 0},
            "char_embedding_size belongs to",
        ),
        (
            source("translate"),
            {"word_split": "space", "level": "bpe"},
            "word_split applies to .*level is bpe",
        ),
        (
            source("classify"),
            {"word_split": "space", "level": "char"},
            "word_split applies to .*level is char",
        ),
        (source("classify", all="a.parquet"), {"encoding": "latin-1"}, "encoding applies to text files"),
        (source("classify"), {"split": (0.5, 0.5, 0.0), "split_column": "c"}, "split and split_column"),
        (
            source("classify", train="a.csv", validation="b.csv"),
            {"split": (0.5, 0.5, 0.0)},
            "split divides data in one",
        ),
        (source("tag", train="a.bio", validation="b.bio"), {"split_seed": 1}, "split_seed divides data in one"),
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
    assert settings_for(source(task), {}).data.level == get(task).defaults.settings.data.level


def test_what_is_off_anyway_may_be_said() -> None:
    settings_for(source("tag"), {"strict": False, "scheme": "auto"})
    settings_for(source("classify"), {"bptt": None, "merge": "concat", "bidirectional": True})
    settings_for(source("fill"), {"freeze_vectors": False, "train_vectors": False})

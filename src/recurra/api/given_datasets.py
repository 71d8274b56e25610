"""Data sets of Hugging Face's library `datasets`: rows as JSON has them, labels by their names, parts by theirs.

The library itself is not imported: who has such an object has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from recurra.errors import UsageError, listed

PARTS = {"validation": ("validation", "valid", "val", "dev"), "test": ("test",)}
"""A setting of `recurra.train` -> what such a part may be called."""


def is_dataset(data: Any) -> bool:
    """Whether it has rows and columns, in memory or as a stream."""
    return _of_the_library(data) and hasattr(data, "column_names") and not isinstance(data, Mapping)


def is_parted(data: Any) -> bool:
    """Whether it is several of them, by the names of parts."""
    return _of_the_library(data) and isinstance(data, Mapping)


def _of_the_library(data: Any) -> bool:
    return type(data).__module__.partition(".")[0] == "datasets"


def parts_of(data: Mapping[str, Any]) -> tuple[Any, dict[str, Any], list[str]]:
    """The training part, the others by their settings, and the names of those that are left out.

    Errors: UsageError without a part `train`
    """
    if "train" not in data:
        raise UsageError(f"the data set has no part 'train', but {listed(list(data))}; give one of them alone")
    found = {}
    for setting, names in PARTS.items():
        there = [name for name in names if name in data]
        if there:
            found[setting] = there[0]
    left = [name for name in data if name not in ("train", *found.values())]
    return data["train"], {setting: data[name] for setting, name in found.items()}, left


def rows_of_dataset(data: Any) -> Iterator[dict[str, Any]]:
    """Its rows; a label that is a number of a list of names is that name, one that is -1 is none."""
    features = getattr(data, "features", None) or {}
    names = {column: feature.names for column, feature in features.items() if hasattr(feature, "int2str")}
    within = {
        column: feature.feature.names
        for column, feature in features.items()
        if hasattr(getattr(feature, "feature", None), "int2str")
    }
    for row in data:
        yield {
            column: _named(value, names[column])
            if column in names
            else [_named(each, within[column]) for each in value]
            if column in within and value is not None
            else value
            for column, value in row.items()
        }


def _named(value: Any, names: list[str]) -> Any:
    if not isinstance(value, int):
        return value
    return names[value] if 0 <= value < len(names) else None

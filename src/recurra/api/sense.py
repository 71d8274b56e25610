"""Settings that would have no effect on a run are refused by name, never passed over."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from recurra.data.splits import PARTS
from recurra.errors import UsageError
from recurra.tasks import registry
from recurra.tasks.settings import AnySettings, TextSettings
from recurra.tasks.sources.file_names import ending
from recurra.tasks.sources.source import Source
from recurra.tasks.sources.tagged_pairs import TAGS


def check_sense(source: Source, settings: AnySettings, given: Mapping[str, Any]) -> None:
    """Errors: UsageError for a setting of the user's that would have no effect on this run

    What says only that something is off, as it is anyway, is no such setting.
    """
    registry.get(source.task).refuse_unread(given)
    fields = {name: field for group in settings.groups().values() for name, field in type(group).model_fields.items()}
    asked = {name for name, value in given.items() if value or value != fields[name].default}
    _check_columns(source, asked)
    _check_division(source, asked)
    _check_tokens(source, settings, asked)
    _check_training(settings, asked)


def check_reading(source: Source, asked: Collection[str]) -> None:
    """As `check_sense`, of the names of settings alone."""
    registry.get(source.task).refuse_unread(asked)
    _check_columns(source, asked)


def _check_columns(source: Source, asked: Collection[str]) -> None:
    tables = source.kind == "sequences" and any(ending(path) != ".ts" for path in source.files.values())
    named = (
        source.kind in ("table", "sounds", "events", "clips", "images", "captions")  # fields of names are columns too
        or tables
        or (source.kind == "tagged" and not any(k.endswith(TAGS) for k in source.files))
    )
    for name in ("text", "label", "split_column"):
        if name in asked and not named and (name, source.kind) != ("label", "tunes"):
            raise UsageError(f"{name} names a column, but these data are not a table: {source.why}")
    if "split_column" in asked and source.files.keys() != {"all"}:
        raise UsageError(f"split_column divides a single table; here each part has its own: {', '.join(source.files)}")
    if "encoding" in asked and all(path.suffix.lower() == ".parquet" for path in source.files.values()):
        raise UsageError("encoding applies to text files; Parquet files have none")


def _check_division(source: Source, asked: Collection[str]) -> None:
    named = [name for name in ("split", "split_seed") if name in asked]
    if not named:
        return
    if "split" in asked and "split_column" in asked:
        raise UsageError("split and split_column exclude each other; give one of them")
    parts = [part for part in PARTS if part in {key.partition(".")[0] for key in source.files}]
    held_out = registry.get(source.task).task.holds_out and "validation" not in parts
    if "train" in parts and not held_out:
        raise UsageError(f"{named[0]} divides data in one piece; here each part has its own file: {', '.join(parts)}")


def _check_tokens(source: Source, settings: AnySettings, asked: Collection[str]) -> None:
    if not isinstance(settings.data, TextSettings):
        return
    level = settings.data.level
    for name in ("min_count", "max_vocabulary"):
        if name in asked and level == "byte":
            raise UsageError(f"{name} does not apply to bytes: all 256 are known")
    if "word_split" in asked and level in ("char", "byte", "bpe"):
        raise UsageError(f"word_split applies to words; this run's level is {level}")


def _check_training(settings: AnySettings, asked: Collection[str]) -> None:
    network, training = settings.network, settings.training
    if "merge" in asked and not network.bidirectional:
        raise UsageError("merge joins two directions; this network reads in one, give bidirectional too")
    if "momentum" in asked and training.optimizer != "sgd":
        raise UsageError(f"momentum needs the optimizer sgd; this run's is {training.optimizer}")
    if "clip_norm" in asked and "clip_value" in asked:
        raise UsageError("clip_norm and clip_value both limit the gradient; give one of them")
    if "state_reset" in asked and training.bptt is None:
        raise UsageError("state_reset needs truncated BPTT; with the full bptt there is nothing to reset")
    if "char_embedding_size" in asked and network.char_size == 0:
        raise UsageError("char_embedding_size belongs to the character encoder, which char_size 0 switches off")

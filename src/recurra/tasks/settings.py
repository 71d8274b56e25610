"""All that can be set about a run, in three groups; what several tasks read of data. A task composes its own."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from recurra.errors import UnknownNameError, UsageError
from recurra.tasks.given import plain
from recurra.topologies.settings import NetworkSettings
from recurra.training.settings import LARGEST, TrainingSettings

Mark = Literal["reading", "of_files", "learned", "free"]
"""What is said of a setting: "reading": how files are read, so that new data may have it otherwise; "of_files": it is
about the files of a run, so that a run on others begins from the default; "learned": it makes the preprocessor, which a
run that begins with another keeps; "free": it changes no weight of the network."""
Marks = Mapping[Mark, tuple[str, ...]]
PATHS = ("validation", "test", "parallel", "vectors")
"""Settings that are files; of their paths only the names are kept."""
READ_AGAIN = ("features", "encoder_weights")
"""Settings that are files which an evaluation reads too; their paths are kept."""


class DataSettings(BaseModel):
    """Which files the parts are, and how data are divided. Units: split in shares"""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)
    MARKS: ClassVar[Marks] = {"of_files": ("validation", "test")}

    split: tuple[float, float, float] = Field((0.8, 0.1, 0.1), description="shares of train, validation and test")
    validation: str | None = Field(None, description="file of the validation part")
    test: str | None = Field(None, description="file of the test part")


class TextSettings(DataSettings):
    """How texts become tokens, and what their vectors start from. Units: min_count in occurrences"""

    MARKS: ClassVar[Marks] = {
        "reading": ("encoding", "text"),
        "of_files": ("encoding", "text", "vectors", "vectors_encoding", "train_vectors"),
        "learned": (
            "level",
            "word_split",
            "segment",
            "normalize",
            "min_count",
            "max_vocabulary",
            "vectors",
            "vectors_encoding",
            "train_vectors",
        ),
    }

    level: Literal["char", "word", "byte", "bpe", "both"] | None = Field(
        None, description="tokens; bpe: pieces of words, both: words and their characters"
    )
    word_split: Literal["words", "space", "chinese"] = Field(
        "words", description="words end at signs, at spaces only, or are Chinese words of a dictionary"
    )
    segment: Literal["word", "char"] | None = Field(
        None, description="cut Chinese into words (needs rjieba) or characters"
    )
    normalize: tuple[str, ...] = Field((), max_length=16, description="nfc, nfkc, lowercase, ascii, in the order given")
    min_count: int = Field(1, ge=1, le=LARGEST, description="rarer tokens become <unk>")
    max_vocabulary: int | None = Field(None, ge=2, le=LARGEST, description="largest vocabulary, <unk> included")
    encoding: str = Field("utf-8", description="encoding of text files")
    text: str | None = Field(None, description="column of the text, the tokens, the source")
    vectors: str | None = Field(
        None, description="file of word vectors to start from: GloVe or word2vec, text or binary, .gz, .zip"
    )
    vectors_encoding: str = Field("utf-8", description="encoding of the tokens in that file")
    train_vectors: bool = Field(False, description="learn word vectors from the training part first: skip-gram")


class DrawnSettings(BaseModel):
    """Data that are divided at random."""

    MARKS: ClassVar[Marks] = {"of_files": ("split_seed",)}

    split_seed: int | None = Field(
        None, ge=0, lt=1 << 32, description="seed of the split alone, so that runs of other seeds have the same parts"
    )


class LabelledSettings(BaseModel):
    """Texts with a label, tags or a translation beside them."""

    MARKS: ClassVar[Marks] = {"reading": ("label",), "of_files": ("label",)}

    label: str | None = Field(
        None, description="column of the label, of the tags, or of the translation (tables, tagged files)"
    )


class DividedSettings(BaseModel):
    """Tables that say themselves which part a row is of."""

    MARKS: ClassVar[Marks] = {"of_files": ("split_column",)}

    split_column: str | None = Field(None, description="column that names each row's part (tables)")


class LengthSettings(BaseModel):
    """Texts that are read as wholes. Units: tokens"""

    max_length: int | None = Field(
        None, ge=1, le=LARGEST, description="longer texts are cut (fill: divided) after so many tokens"
    )


class RepeatsSettings(BaseModel):
    """Examples of which each different one is kept once."""

    keep_repeats: bool = Field(False, description="keep repeated examples")


def marked(settings: BaseModel, mark: Mark) -> frozenset[str]:
    """The settings of a group that have a mark: those that MARKS of its classes name."""
    return frozenset(name for cls in type(settings).__mro__ for name in vars(cls).get("MARKS", {}).get(mark, ()))


D = TypeVar("D", bound=DataSettings)
N = TypeVar("N", bound=NetworkSettings)
T = TypeVar("T", bound=TrainingSettings)


@dataclass(frozen=True)
class Settings(Generic[D, N, T]):
    """Everything that can be set about a run of a task. What its groups lack the task does not read."""

    data: D
    network: N
    training: T

    def changed(self, **given: Any) -> Settings[D, N, T]:
        """With some settings set, by their own names.

        Errors: UnknownNameError, with the nearest; UsageError for a value that cannot be
        """
        groups = self.groups()
        homes = {name: group for group, model in groups.items() for name in type(model).model_fields}
        new: dict[str, dict[str, Any]] = {}
        for name, value in given.items():
            if name not in homes:
                raise UnknownNameError("setting", name, homes)
            value = plain(value)
            if name == "split" and isinstance(value, tuple) and len(value) == 2:
                value = (*value, 0.0)  # without a test part
            new.setdefault(homes[name], {})[name] = value
        return replace(self, **{group: _validated(groups[group], values) for group, values in new.items()})

    def groups(self) -> dict[str, BaseModel]:
        """The three groups by name."""
        return {"data": self.data, "network": self.network, "training": self.training}

    def names(self) -> frozenset[str]:
        """All settings."""
        return frozenset(name for model in self.groups().values() for name in type(model).model_fields)

    @property
    def split_seed(self) -> int:
        """The seed that data are divided by: one of their own, or that of all else."""
        own = getattr(self.data, "split_seed", None)
        return int(self.training.seed if own is None else own)

    def to_json(self) -> dict[str, Any]:
        """Plain values by group and name."""
        return {group: model.model_dump(mode="json") for group, model in self.groups().items()}

    def from_json(self, values: Mapping[str, Any]) -> Settings[D, N, T]:
        """What `to_json` of settings of the same task gave.

        Errors: UnknownNameError, UsageError for anything else
        """
        made, groups = self, self.groups()
        for group, names in values.items():
            if group not in groups or not isinstance(names, dict):
                raise UsageError(f"settings are of data, network and training, with a name for each; got {group!r:.60}")
            own = type(groups[group]).model_fields
            for name in names:
                if name not in own:
                    raise UnknownNameError("setting", str(name), own)
            made = made.changed(**names)
        return made


AnySettings = Settings[Any, Any, Any]

FEWEST_STEPS = 1500
MOST_EPOCHS = 50


@dataclass(frozen=True)
class Defaults(Generic[D, N, T]):
    """What a run of a task starts from.

    epochs: how long it is when neither epochs nor minutes are given, unless the data are few; by_level: what it starts
    from instead where its tokens are of that level; by_kind: where its source is of that kind
    """

    settings: Settings[D, N, T]
    epochs: float
    by_level: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    by_kind: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    fewest_steps: int = FEWEST_STEPS
    """Of a run whose length nobody asked for."""
    fewest_tokens: int | None = None
    """Instead of steps, where the tokens of an epoch are known."""
    most_epochs: int = MOST_EPOCHS
    """However few the data are."""

    def at(self, level: str | None) -> Settings[D, N, T]:
        """For tokens of a level, None if nothing says of which."""
        return self.settings.changed(**self.by_level.get(level or "", {}))

    def epochs_for(self, steps: int, tokens: int | None = None) -> float:
        """Epochs when none are asked for: few data are gone through more often, until the steps are worth it.

        steps, tokens: of an epoch; tokens count where the task says how many, for a batch of short texts is little
        """
        fewest = self.fewest_steps / steps
        if tokens and self.fewest_tokens is not None:
            fewest = self.fewest_tokens / tokens
        return min(max(self.epochs, math.ceil(fewest)), self.most_epochs)


def segmented(data: TextSettings, given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that `segment` stands for; given: what the user set. How words end means that tokens are words.

    Errors: UsageError if the user set one of them otherwise
    """
    if data.segment is None:
        return {"level": "word"} if "word_split" in given and "level" not in given else {}
    words = "both" if given.get("level") == "both" else "word"
    meant = {"level": words, "word_split": "chinese"} if data.segment == "word" else {"level": "char"}
    for name, value in meant.items():
        if given.get(name, value) != value:
            raise UsageError(f"segment={data.segment!r} means {name}={value!r}; {name}={given[name]!r} contradicts it")
    return meant


def _validated(model: BaseModel, values: dict[str, Any]) -> Any:
    values = {k: os.fspath(v) if k in READ_AGAIN and isinstance(v, os.PathLike) else v for k, v in values.items()}
    try:
        return type(model).model_validate({**model.model_dump(), **values})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(p) for p in first["loc"] if isinstance(p, str)) or "?"
        reason = str(first["msg"]).replace("Input should be", "must be")
        shown = ", ".join(f"{k}={v!r}" for k, v in first.get("ctx", {}).items() if k == "reason")
        got = repr(first["input"])
        got = got if len(got) <= 200 else f"{got[:200]}..."
        raise UsageError(f"{name} {reason[0].lower() + reason[1:]}, got {got} {shown}".rstrip()) from None

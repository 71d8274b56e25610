"""The tasks, a row each. What a row names is imported when it is first asked for."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from recurra.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from recurra.report.metric import Metric
    from recurra.tasks.settings import Defaults
    from recurra.tasks.sources.source import SourceKind
    from recurra.tasks.task import Task


@dataclass(frozen=True)
class Row:
    """One task.

    title: what the report calls its models; needs: data that it can be learned from, for people; sources: kinds of
    sources that it can be learned from; home: its package; learns: those of the sources that are for it if nothing else
    is asked for; columns: what those of data in memory are called, one where they are texts or numbers alone
    """

    name: str
    title: str
    needs: str
    sources: tuple[SourceKind, ...]
    home: str
    learns: tuple[SourceKind, ...] = ()
    columns: tuple[str, ...] = ("text", "label")

    @property
    def task(self) -> Task:
        """The task itself."""
        return cast("Task", importlib.import_module(f"{self.home}.task").TASK)

    @property
    def defaults(self) -> Defaults[Any, Any, Any]:
        """What a run of it starts from."""
        return cast("Defaults[Any, Any, Any]", importlib.import_module(f"{self.home}.settings").DEFAULTS)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """What its scores are, the headline first."""
        return cast("tuple[Metric, ...]", importlib.import_module(f"{self.home}.metrics").METRICS)

    def read(self, options: Mapping[str, Any], *, known: bool = True) -> dict[str, Any]:
        """Those of some settings that it reads. Errors: UnknownNameError for one of no task, if all must be known"""
        names = self.defaults.settings.names()
        for name in options if known else ():
            _check_known(name)
        return {name: value for name, value in options.items() if name in names}

    def refuse_unread(self, given: Iterable[str]) -> None:
        """Errors: UsageError for a setting of other tasks, which are named; UnknownNameError for one of none"""
        own = self.defaults.settings.names()
        for name in given:
            if name not in own:
                _check_known(name)
                tasks = readers(name)
                one = f"the task {tasks[0]}" if len(tasks) == 1 else f"the tasks {', '.join(tasks)}"
                raise UsageError(f"{name} is a setting of {one}; this run's task is {self.name}")


ROWS = (
    Row("language", "Language model", "a single text file",
        ("text", "texts", "table", "poems"), "recurra.tasks.language", ("text", "texts", "poems"), ("text",)),
    Row("classify", "Text classifier", "a table or a folder with <label>.txt files",
        ("table", "labels", "labelled"), "recurra.tasks.classify", ("table", "labels", "labelled")),
    Row("tag", "Sequence tagger", "a .conllu file, or lines of a token and its tag",
        ("text", "table", "tagged"), "recurra.tasks.tag", ("tagged",), ("tokens", "tags")),
    Row("fill", "Fill-in-the-blank model", "a text with a sentence a line, or a table with a column of texts",
        ("text", "texts", "table", "labels"), "recurra.tasks.fill", columns=("text",)),
    Row("translate", "Translator", "a table of two columns, or two files of which line n is the same sentence",
        ("table", "parallel"), "recurra.tasks.translate", ("parallel",), ("source", "target")),
    Row("generate", "Conditioned generator", "a folder with <label>.txt files, a table, or tunes in .abc files",
        ("table", "labels", "tunes"), "recurra.tasks.generate", ("tunes",)),
    Row("generate-frames", "Generator of frames",
        "labelled sequences: a .ts or .arff file, tables with a row a frame, recordings of sound",
        ("sequences", "table", "sounds"), "recurra.tasks.generate_frames", columns=("frames", "label")),
    Row("forecast", "Forecaster", "a table with a column of times and columns of numbers, or a .tsf or .ts file",
        ("series", "table"), "recurra.tasks.forecast", ("series",), ("value",)),
    Row("frames", "Model of frames",
        "labelled sequences: a .ts or .arff file, tables with a row a frame, recordings of sound, folders of clips or "
        "pictures",
        ("sequences", "table", "sounds", "events", "clips", "images"), "recurra.tasks.frames",
        ("sequences", "sounds", "events", "clips", "images"),
        ("frames", "label")),
    Row("caption", "Captioner of pictures", "a file of pictures and their captions, the pictures beside it",
        ("captions",), "recurra.tasks.caption", ("captions",), ("image", "caption")),
)  # fmt: skip
TASKS = {row.name: row for row in ROWS}


def get(name: str) -> Row:
    """The task of this name. Errors: UnknownNameError, with the nearest"""
    if name not in TASKS:
        raise UnknownNameError("task", name, TASKS)
    return TASKS[name]


def learner(kind: SourceKind) -> str:
    """The task that sources of a kind are for if nothing else is asked for."""
    return next(row.name for row in ROWS if kind in row.learns)


def readers(setting: str) -> list[str]:
    """The tasks that read a setting."""
    return [task for task, names in _names().items() if setting in names]


@functools.cache
def reading() -> tuple[str, ...]:
    """The settings of any task that say how files are read, so that new data may have them otherwise."""
    from recurra.tasks.settings import marked

    return tuple(sorted(frozenset[str]().union(*(marked(row.defaults.settings.data, "reading") for row in ROWS))))


def forget() -> None:
    """Look at the rows anew, after some were added."""
    _names.cache_clear()
    reading.cache_clear()


def _check_known(name: str) -> None:
    if not readers(name):
        raise UnknownNameError("setting", name, sorted(set().union(*_names().values())))


@functools.cache
def _names() -> dict[str, frozenset[str]]:
    return {row.name: row.defaults.settings.names() for row in ROWS}

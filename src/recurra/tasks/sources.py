"""What the user's data are: which files, which task."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar

from recurra.data import named
from recurra.data.sources import sha256
from recurra.data.splits import PARTS
from recurra.errors import DataError, UnknownNameError
from recurra.tasks.settings import TASKS, TaskName
from recurra.tasks.tag_files import TAGS, paired_parts, partner

Kind = Literal["text", "table", "labels", "tagged", "parallel", "tunes", "poems"]

TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
PACKED = (".gz", ".zip")
TAGGED = (".conllu", ".conll", ".bmes", ".bioes", ".bio", ".iob", ".iob2")
TUNES = (".abc",)
TUNE_SETTINGS = {"transpose": True, "batch_size": 8, "learning_rate": 5e-3, "dropout": 0.1, "recurrent_dropout": 0.0}
"""What tunes are learned with: they are few and long, and other keys make more of them."""
POEMS = (".json",)
SUITS: dict[Kind, tuple[TaskName, ...]] = {
    "text": ("language", "fill", "tag"),
    "table": ("classify", "translate", "generate", "tag", "fill", "language"),
    "labels": ("classify", "generate", "fill"),
    "tagged": ("tag",),
    "parallel": ("translate",),
    "tunes": ("generate",),
    "poems": ("language",),
}
"""What can be learned from a kind of source; the first is meant where nothing is said."""
ALIASES = {"train": "train", "valid": "validation", "validation": "validation", "val": "validation",
           "dev": "validation", "test": "test"}  # fmt: skip


@dataclass(frozen=True)
class Source:
    """Files and what they are.

    kind: "text" (running text), "table" (rows with columns), "labels" (a file of lines for each label), "tagged"
    (tokens with tags), "parallel" (line n of two files is the same sentence), "tunes" (ABC) or "poems" (JSON);
    files: by part ("train", ...) or label, or all of it under "all"; options: settings that belong to these data;
    why: how the task was found, for people; named: it is the named data set, nothing else.
    """

    name: str
    task: TaskName
    kind: Kind
    files: dict[str, Path]
    options: dict[str, Any] = field(default_factory=dict)
    why: str = ""
    named: bool = False


def resolve(
    data: str | Path,
    task: str | None = None,
    *,
    validation: str | None = None,
    test: str | None = None,
    parallel: str | None = None,
) -> Source:
    """What `data` (a file, a folder or the name of a data set) is, and what can be learned from it.

    parallel: the file whose line n is the translation of line n of `data`

    Errors: DataError if there is no such thing or it does not suit the task; UnknownNameError for a task
    """
    if task is not None and task not in TASKS:
        raise UnknownNameError("task", task, TASKS)
    path = Path(data)
    if parallel is not None:
        source = _two_files(path, Path(parallel))
    elif path.is_dir():
        source = _folder(path, task)
    elif path.exists():
        source = _file(path, task)
    elif str(data) in named.names():
        source = named_source(str(data))
    else:
        known = ", ".join(named.names())
        raise DataError(f"no such file or folder, and no data set of this name (there are {known})", file=str(data))
    if task is not None and task != source.task:
        source = _as_task(source, task)
    return _with_parts(source, validation, test)


def named_source(name: str) -> Source:
    """A named data set. Errors: UnknownNameError; DataError if its files cannot be had"""
    found = named.get(name)
    options: dict[str, Any] = {"word_split" if k == "split" else k: v for k, v in found.options.items()}
    if found.label_files:
        return Source(name, "classify", "labels", found.label_files, options, f"{name} has a file for each label", True)
    if found.kind == "tunes":
        options = TUNE_SETTINGS | options
    kind = found.kind or ("table" if found.task == "classify" else "text")
    return Source(name, found.task, kind, found.files, options, f"{name} is a data set of this task", True)


def _file(path: Path, task: str | None) -> Source:
    if task == "tag" and (tags := partner(path)) is not None:
        files = {"all": path, f"all{TAGS}": tags}
        return Source(path.stem, "tag", "tagged", files, {}, f"{path.name} holds tokens, {tags.name} their tags")
    if _ends(path, TAGGED):
        return Source(
            path.name.partition(".")[0], "tag", "tagged", {"all": path}, {}, f"{path.name} holds tagged tokens"
        )
    if _ends(path, TUNES):
        return Source(path.stem, "generate", "tunes", {"all": path}, dict(TUNE_SETTINGS), f"{path.name} holds tunes")
    if _ends(path, POEMS):
        return Source(path.stem, "language", "poems", {"all": path}, {}, f"{path.name} holds poems")
    if task == "translate" and not _is_table(path):
        name = path.name.partition(".")[0]
        return Source(name, "translate", "parallel", {"all": path}, {}, f"{path.name} is read as two columns")
    if task == "tag" and not _is_table(path):
        return Source(path.stem, "tag", "tagged", {"all": path}, {}, f"{path.name} is read as tokens and tags")
    if _is_table(path):
        name = Path(path.stem).stem if path.suffix.lower() in PACKED else path.stem
        return Source(name, "classify", "table", {"all": path}, {}, f"{path.name} is a table")
    return Source(path.stem, "language", "text", {"all": path}, {}, f"{path.name} is running text")


def _two_files(source: Path, target: Path) -> Source:
    for path in (source, target):
        if not path.is_file():
            raise DataError("parallel joins two files, this is none", file=path)
    files = {"all.source": source, "all.target": target}
    name = source.name.partition(".")[0]
    return Source(name, "translate", "parallel", files, {}, f"{target.name} is the translation of {source.name}")


def _ends(path: Path, endings: tuple[str, ...]) -> bool:
    suffixes = [s.lower() for s in path.suffixes if s.lower() not in PACKED]
    return bool(suffixes) and suffixes[-1] in endings


def _is_table(path: Path) -> bool:
    suffixes = [s.lower() for s in path.suffixes if s.lower() not in PACKED]
    return bool(suffixes and suffixes[-1] in TABLES) or path.suffix.lower() == ".zip"


def _folder(path: Path, task: str | None) -> Source:
    files = sorted(p for p in path.iterdir() if p.is_file() and not p.name.startswith("."))
    tables = [p for p in files if _is_table(p)]
    texts = [p for p in files if p.suffix.lower() == ".txt"]
    if pairs := paired_parts(path, ALIASES):
        return Source(path.name, "tag", "tagged", pairs, {}, "the folder holds files of tokens beside files of tags")
    tagged = [p for p in files if _ends(p, TAGGED)]
    if len(tagged) == 1:
        return Source(path.name, "tag", "tagged", {"all": tagged[0]}, {}, f"{tagged[0].name} holds tagged tokens")
    if tagged and (tagged_parts := _parts(tagged)):
        return Source(
            path.name, "tag", "tagged", tagged_parts, {}, "the folder holds tagged files named train, test, ..."
        )
    if tunes := [p for p in files if _ends(p, TUNES)]:
        why = f"the folder holds {len(tunes)} files of tunes"
        by_name = {p.name.partition(".")[0]: p for p in tunes}
        return Source(path.name, "generate", "tunes", by_name, dict(TUNE_SETTINGS), why)
    if not tables and not texts and (poems := [p for p in files if _ends(p, POEMS)]):
        by_part = _parts(poems) or {p.stem: p for p in poems}
        return Source(path.name, "language", "poems", by_part, {}, f"the folder holds {len(poems)} files of poems")
    if languages := _parallel(files):
        why = f"the folder holds each part in {' and '.join(dict.fromkeys(k.partition('.')[2] for k in languages))}"
        return Source(path.name, "translate", "parallel", languages, {}, why)
    parts = _parts(tables or texts)
    if parts and tables:
        return Source(path.name, "classify", "table", parts, {}, "the folder holds tables named train, test, ...")
    if parts:
        return Source(path.name, "language", "text", parts, {}, "the folder holds texts named train, test, ...")
    if len(texts) > 1 and task != "language":
        why = f"the folder holds {len(texts)} files <label>.txt"
        return Source(path.name, "classify", "labels", {p.stem: p for p in texts}, {}, why)
    if len(texts) == 1:
        return Source(path.name, "language", "text", {"all": texts[0]}, {}, f"{texts[0].name} is running text")
    if len(tables) == 1:
        return Source(path.name, "classify", "table", {"all": tables[0]}, {}, f"{tables[0].name} is a table")
    found = f"{len(texts)} .txt files and {len(tables)} tables"
    raise DataError(
        f"cannot tell what to learn from this folder: it holds {found}",
        remedy="put one <label>.txt per class into it (classify), or name a single file",
        file=path,
    )


def _parts(files: list[Path]) -> dict[str, Path]:
    """Files whose names say train, validation or test; empty unless all do and one is train."""
    found: dict[str, Path] = {}
    for path in files:
        words = path.name.lower().replace("-", ".").replace("_", ".").split(".")
        part = next((ALIASES[w] for w in words if w in ALIASES), None)
        if part is None or part in found:
            return {}
        found[part] = path
    return found if "train" in found else {}


def _parallel(files: list[Path]) -> dict[str, Path]:
    """Files <part>.<language>, packed or not, by that name; empty unless train is there in two languages.

    Errors: DataError for two files of one part and language
    """
    found: dict[str, Path] = {}
    for path in files:
        name = path.name[: -len(path.suffix)] if path.suffix.lower() in PACKED else path.name
        stem, _, language = name.rpartition(".")
        words = stem.lower().replace("-", ".").replace("_", ".").split(".")
        part = next((ALIASES[word] for word in words if word in ALIASES), None)
        if part is None or not language.isalpha() or f".{language}" in (".txt", *TABLES, *TAGGED, *TUNES):
            continue
        key = f"{part}.{language}"
        if key in found:
            raise DataError(f"{found[key].name} and {path.name} are both the {part} part in {language}",
                            remedy="leave one of them in this folder", file=path.parent)  # fmt: skip
        found[key] = path
    return found if sum(key.startswith("train.") for key in found) > 1 else {}


def _as_task(source: Source, task: TaskName) -> Source:
    if task in SUITS[source.kind]:
        return replace(source, task=task, why=f"asked for; {source.why}")
    if task == "classify" and source.kind == "text" and source.files.keys() == {"all"}:
        raise DataError(
            "a single running text has no labels to learn",
            remedy="give a table with a text and a label column, or a folder with one <label>.txt per class",
            file=source.files["all"],
        )
    raise DataError(
        f"{source.name} suits the task {source.task} ({source.why}), not {task}",
        remedy=f"give {NEEDS[task]}",
    )


NEEDS: dict[TaskName, str] = {
    "language": "a single text file",
    "fill": "a text with a sentence a line, or a table with a column of texts",
    "classify": "a table or a folder with <label>.txt files",
    "tag": "a .conllu file, or lines of a token and its tag",
    "translate": "a table of two columns, or two files of which line n is the same sentence",
    "generate": "a folder with <label>.txt files, a table, or tunes in .abc files",
}


def _with_parts(source: Source, validation: str | None, test: str | None) -> Source:
    given = {"validation": validation, "test": test}
    more = {part: Path(path) for part, path in given.items() if path is not None}
    if not more:
        return source
    if source.kind == "parallel" and all("." in key for key in source.files):
        raise DataError(
            "files for validation and test go with one file of two columns",
            remedy="put train.<language>, validation.<language> and test.<language> into a folder",
        )
    if source.kind == "labels":
        raise DataError("files for validation and test go with a table or a text, not with a folder of labels")
    if source.kind == "poems" and not set(source.files) <= {"all", *PARTS}:
        raise DataError(
            "files for validation and test go with a single file of poems",
            remedy="name the files train.json, validation.json and test.json and give their folder",
        )
    for path in more.values():
        if not path.is_file():
            raise DataError("no such file", file=path)
    if any(key.endswith(TAGS) for key in source.files):
        raise DataError(
            "files of tokens beside files of tags go by their names",
            remedy="put them into folders train, valid and test",
        )
    files = {("train" if key == "all" else key): path for key, path in source.files.items()} | more
    return Source(
        source.name, source.task, source.kind, {p: files[p] for p in PARTS if p in files}, source.options, source.why
    )


_Given = ParamSpec("_Given")
_Read = TypeVar("_Read")


def in_memory(
    read: Callable[Concatenate[Source, _Given], _Read],
) -> Callable[Concatenate[Source, _Given], _Read]:
    """A function that holds what it reads of a source in memory. Errors: DataError if there is not enough of it"""

    @functools.wraps(read)
    def reading(source: Source, /, *given: _Given.args, **named: _Given.kwargs) -> _Read:
        try:
            return read(source, *given, **named)
        except MemoryError:
            size = sum(path.stat().st_size for path in source.files.values())
            raise DataError(
                f"there is not enough memory to read this: {size:,} bytes in {len(source.files)} "
                f"file{'' if len(source.files) == 1 else 's'}",
                remedy="give less of it, or more memory",
                file=next(iter(source.files.values())),
            ) from None

    return reading


def hashes(files: Mapping[str, Path]) -> list[dict[str, Any]]:
    """Name, size in bytes and SHA-256 of each file."""
    return [{"name": path.name, "sha256": sha256(path), "size_bytes": path.stat().st_size} for path in files.values()]

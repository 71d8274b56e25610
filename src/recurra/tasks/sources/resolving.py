"""What the user's data are: which files, which task."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from recurra.data.datasets import named
from recurra.data.datasets.download import cache_folder, unwritable
from recurra.data.files.sources import refuse_streams
from recurra.data.files.unpacked import is_packed_folder, unpacked
from recurra.data.splits import PARTS
from recurra.errors import DataError, nearest, nearest_path
from recurra.tasks import registry
from recurra.tasks.sources import folders
from recurra.tasks.sources.formats import TEXT, format_of
from recurra.tasks.sources.source import Source, SourceKind
from recurra.tasks.sources.tagged_pairs import LABELS, TAGS, partner


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
    if task is not None:
        registry.get(task)
    path = Path(data)
    for given in (path, validation, test, parallel):
        if given is not None:
            refuse_streams(Path(given))
    if parallel is not None:
        source = _two_files(path, Path(parallel))
    elif os.path.isdir(path):
        found = _looked_into(path, task)
        source = Source(path.name, registry.learner(found.kind), found.kind, found.files, why=found.why)
    elif os.path.exists(path) and is_packed_folder(path):
        found = _looked_into(_unpacked(path), task)
        source = Source(path.stem, registry.learner(found.kind), found.kind, found.files, why=f"packed: {found.why}")
    elif os.path.exists(path):
        source = _file(path, task)
    elif str(data) in named.names():
        source = named_source(str(data))
    else:
        raise _not_there(path)
    if task is not None and task != source.task:
        source = _as_task(source, task)
    return _written(_with_parts(source, validation, test))


def _not_there(path: Path) -> DataError:
    if str(path).lower().startswith(("http:", "https:", "ftp:")):
        return DataError(
            "nothing is read from the network but data sets that have a name",
            remedy="download it, and name the file",
            file=path,
        )
    set_name, near = nearest(str(path), named.names()), nearest_path(path)
    meant = [repr(str(each)) for each in (set_name, near) if each is not None]
    remedy = f"did you mean {' or '.join(meant)}?" if meant else f"the data sets are {', '.join(named.names())}"
    return DataError("no such file or folder, and no data set of this name", remedy=remedy, file=str(path))


def _written(source: Source) -> Source:
    """Errors: DataError for a file whose name is not UTF-8: classes, runs and reports are named after files"""
    for key, path in source.files.items():
        for name in (key, path.name, source.name):
            try:
                name.encode()
            except UnicodeEncodeError:
                raise DataError("this file's name is not UTF-8", remedy="rename it", file=path) from None
    return source


def _unpacked(path: Path) -> Path:
    """Errors: DataError"""
    try:
        return unpacked(path, cache_folder())
    except OSError as error:
        raise unwritable(cache_folder(), error) from error


def _looked_into(path: Path, task: str | None) -> folders.Found:
    """Errors: DataError if the folder, or what is in it, cannot be looked at"""
    try:
        return folders.look(path, task)
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", file=error.filename or path) from error


def named_source(name: str) -> Source:
    """A named data set. Errors: UnknownNameError; DataError if its files cannot be had"""
    found = named.get(name)
    options: dict[str, Any] = {"word_split" if k == "split" else k: v for k, v in found.options.items()}
    if found.label_files:
        task = registry.learner("labels")
        return Source(name, task, "labels", found.label_files, options, f"{name} has a file for each label", True)
    kind = found.kind or registry.get(found.task).sources[0]
    files = found.files if found.folder is None else {"all": found.folder}
    return Source(name, found.task, kind, files, options, f"{name} is a data set of this task", True)


def _file(path: Path, task: str | None) -> Source:
    asked = None if task is None else registry.get(task)
    if asked is not None and "tagged" in asked.sources and (tags := partner(path)) is not None:
        files = {"all": path, f"all{TAGS}": tags}
        return _source(path, "tagged", f"{path.name} holds tokens, {tags.name} their tags", files)
    if asked is not None and asked.learns == ("captions",):
        return _source(path, "captions", f"{path.name} is read as captions of pictures")
    found = format_of(path, None if asked is None else asked.sources)
    if found is TEXT and asked is not None and "parallel" in asked.sources:
        return _source(path, "parallel", f"{path.name} is read as two columns", name=path.name.partition(".")[0])
    if found is TEXT and asked is not None and "tagged" in asked.sources:
        return _source(path, "tagged", f"{path.name} is read as tokens and tags")
    return _source(path, found.kind, f"{path.name} {found.holds}", name=found.name(path))


def _source(
    path: Path, kind: SourceKind, why: str, files: dict[str, Path] | None = None, *, name: str | None = None
) -> Source:
    """A file, as what its kind is learned by if nothing else is asked for."""
    return Source(name or path.stem, registry.learner(kind), kind, files or {"all": path}, why=why)


def _two_files(source: Path, target: Path) -> Source:
    for path in (source, target):
        if not os.path.isfile(path):
            raise DataError("parallel joins two files; this is not a file", file=path)
    files = {"all.source": source, "all.target": target}
    name = source.name.partition(".")[0]
    return Source(
        name, registry.learner("parallel"), "parallel", files, why=f"{target.name} is the translation of {source.name}"
    )


def _as_task(source: Source, task: str) -> Source:
    there = registry.get(task).sources
    if source.kind in there:
        return replace(source, task=task, why=f"asked for; {source.why}")
    if "labels" in there and source.kind == "text" and source.files.keys() == {"all"}:
        raise DataError(
            "a single running text has no labels to learn",
            remedy="give a table with a text and a label column, or a folder with one <label>.txt per class",
            file=source.files["all"],
        )
    raise DataError(
        f"{source.name} suits the task {source.task} ({source.why}), not {task}",
        remedy=f"give {registry.get(task).needs}",
    )


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
    if source.kind == "tunes":
        raise DataError("files for validation and test go with a table or a text; tunes are divided by --split")
    if source.kind == "labels":
        raise DataError("files for validation and test go with a table or a text, not with a folder of labels")
    if source.kind == "sequences" and not set(source.files) <= {"all", *PARTS}:
        raise DataError(
            "files for validation and test go with a single file of frames",
            remedy="name files train, validation and test and give their folder, or divide by --split",
        )
    if source.kind in ("poems", "texts") and not set(source.files) <= {"all", *PARTS}:
        kind, end = ("file of poems", "json") if source.kind == "poems" else ("text", "txt")
        raise DataError(
            f"files for validation and test go with a single {kind}",
            remedy=f"name the files train.{end}, validation.{end} and test.{end} and give their folder",
        )
    for path in more.values():
        if not os.path.isfile(path) and not (source.kind == "sounds" and os.path.isdir(path)):
            raise DataError("no such file", file=path)
    if any(key.endswith((TAGS, LABELS)) for key in source.files):
        raise DataError(
            "files of tokens or texts beside files of tags or labels go by their names",
            remedy="put them into folders train, valid and test",
        )
    files = {("train" if key == "all" else key): path for key, path in source.files.items()} | more
    return Source(
        source.name, source.task, source.kind, {p: files[p] for p in PARTS if p in files}, source.options, source.why
    )

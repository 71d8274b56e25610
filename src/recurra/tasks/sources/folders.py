"""What the user's folder holds: which of its files are read, as what, and which are not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from recurra.data.files.examples import likeness
from recurra.data.frames.clip_folders import look_for_pictures
from recurra.data.pictures.decoding import is_picture
from recurra.data.splits import PART_NAMES
from recurra.errors import DataError
from recurra.tasks import registry
from recurra.tasks.sources import file_kinds, file_names
from recurra.tasks.sources.file_names import PACKED, TABLES, TAGGED, TEXTS, TUNES, part_of, stem
from recurra.tasks.sources.formats import FORMATS, TEXT, Format, format_of
from recurra.tasks.sources.prose import why_prose
from recurra.tasks.sources.sounds import holds_recordings
from recurra.tasks.sources.source import SourceKind
from recurra.tasks.sources.tagged_pairs import LABELS, label_partner, paired_parts

SHOWN = 4
"""Names of files in a message."""


@dataclass(frozen=True)
class Found:
    """See tasks.sources.Source."""

    kind: SourceKind
    files: dict[str, Path]
    why: str


def look(folder: Path, task: str | None) -> Found:
    """What can be learned from a folder. Files that are not read are named in `why`.

    task: what the user asked for, which decides where a folder of texts can be both classes and running text
    Errors: DataError for a folder that can be read in several ways, or in none
    """
    entries = sorted(p for p in folder.iterdir() if not p.name.startswith("."))
    files = [p for p in entries if p.is_file()]
    if {"manifest.json", "config.json", "weights.safetensors"} <= {p.name for p in files}:
        raise DataError(
            "this is a model folder, not data",
            remedy=f"use it by recurra predict {folder}, or begin with its weights by --from {folder}; "
            "a data set of this name is found from another folder",
            file=folder,
        )
    captioned = any(file_kinds.is_captions(p) for p in files if not is_picture(p))
    if not captioned and (task is None or {"clips", "images"} & set(registry.get(task).sources)):
        pictured = look_for_pictures(folder)
        if pictured is not None:
            kind, parts = pictured
            return Found(kind, parts, f"the folder holds {'clips' if kind == 'clips' else 'pictures'} and their labels")
    data = [p for p in files if not file_names.is_document(p) and not is_picture(p)]
    found = _found(folder, data, task)
    read = set(found.files.values())
    if found.kind in ("sounds", "events"):  # its reader names what it leaves
        return found
    left = [f"{p.name}/" for p in entries if p.is_dir() and not any(p in path.parents for path in read)]
    left += [p.name for p in files if p not in read]
    if found.kind == "captions":  # what is not read by name is looked through for the pictures
        left = [name for name in left if not name.endswith("/") and not is_picture(Path(name))]
    if not left:
        return found
    return Found(found.kind, found.files, f"{found.why}; not read: {_some(left)}")


def _found(folder: Path, data: list[Path], task: str | None) -> Found:
    labelled = paired_parts(folder, PART_NAMES, key=LABELS, beside=label_partner)
    if labelled and task is not None and "labelled" in registry.get(task).sources:
        return Found("labelled", labelled, "the folder holds files of texts beside files of labels")
    if pairs := paired_parts(folder, PART_NAMES):
        more = "; --task classify learns the labels beside them" if labelled else ""
        return Found("tagged", pairs, f"the folder holds files of tokens beside files of tags{more}")
    if labelled and task is None:
        return Found("labelled", labelled, "the folder holds files of texts beside files of labels")
    if languages := _parallel(data):
        why = f"the folder holds each part in {' and '.join(dict.fromkeys(k.partition('.')[2] for k in languages))}"
        return Found("parallel", languages, why)
    kinds = None if task is None else registry.get(task).sources
    if (kinds is None or "sounds" in kinds) and holds_recordings(folder, data):
        return _sounds(folder, data, task)
    of = {path: format_of(path, kinds) for path in data}
    there = {each: [path for path in data if of[path] is each and each.is_one(path)] for each in (*FORMATS, TEXT)}
    there = {each: paths for each, paths in there.items() if paths}
    if {each.kind for each in there} == {"tagged", "text"}:  # treebanks have their texts beside them
        del there[TEXT]
    if len(there) > 1:
        said = " and ".join(f"{each.noun} ({_some([p.name for p in paths])})" for each, paths in there.items())
        raise DataError(
            f"this folder holds {said}", remedy="name one file, or put those you mean into a folder", file=folder
        )
    for each, paths in there.items():
        return _texts(folder, paths, task) if each is TEXT else _of_format(each, folder, paths, task)
    raise _nothing(folder)


def _sounds(folder: Path, data: list[Path], task: str | None) -> Found:
    """By a table that lists them, or tables of parts; else the folder itself."""
    tables = {path: format_of(path) for path in data if file_names.ending(path) in TABLES}
    for each in FORMATS:
        if each.kind in ("sounds", "events") and (paths := [path for path in tables if tables[path] is each]):
            return _of_format(each, folder, paths, task)
    return Found("sounds", {"all": folder}, "the folder holds recordings")


def _of_format(each: Format, folder: Path, paths: list[Path], task: str | None = None) -> Found:
    """Files of one format: parts, one file, or several by name. Errors: DataError if they are none of these"""
    if each.parts and (parts := _parts(paths)):
        return Found(each.kind, parts, f"the folder holds {each.noun} named train, test, ...")
    framed = each.kind == "table" and task is not None and "sequences" in registry.get(task).sources
    recordings = len(paths) > 1 and (each.kind == "sequences" or framed)
    kind: SourceKind = "sequences" if recordings else each.kind
    if each.by_name or recordings:
        by_name = _named(paths, {path: each.name(path) for path in paths}, "name")
        return Found(kind, by_name, f"the folder holds {_count(paths, 'file')} of {each.noun}")
    if len(paths) == 1:
        return Found(each.kind, {"all": paths[0]}, f"{paths[0].name} {each.holds}")
    raise _undivided(folder, paths, each.noun)


def _texts(folder: Path, paths: list[Path], task: str | None) -> Found:
    if _parts(paths) or len(paths) == 1:
        return _of_format(TEXT, folder, paths)
    said = {part for p in paths if (part := part_of(p)) is not None}
    if len(said) > 1 or (said and task is None):
        raise _undivided(folder, paths, "texts")
    if task is not None and "texts" in (there := registry.get(task).sources) and "labels" not in there:
        by_name = {p.name: p for p in paths}
        return Found("texts", by_name, f"the folder holds {_count(paths, 'text')}, each divided by itself")
    by_label = _named(paths, {p: stem(p) for p in paths}, "class")
    if task is None:
        _ask(folder, paths)
    classes = {likeness(label): path for label, path in by_label.items()}
    for below in (p for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".")):
        if (path := classes.get(likeness(below.name))) is not None:
            raise DataError(
                f"{path.name} and the folder {below.name} are both the class {stem(path)!r}",
                remedy="leave one of them in this folder",
                file=folder,
            )
    return Found("labels", by_label, f"the folder holds {len(paths)} files <label>.txt")


def _ask(folder: Path, paths: list[Path]) -> None:
    """Errors: DataError for texts that may be running text, not classes with an example a line"""
    reasons = [(path, reason) for path in paths if (reason := why_prose(path))]
    problem = f"{reasons[0][0].name} {reasons[0][1]}" if 2 * len(reasons) >= len(paths) else ""
    if len({re.sub(r"\d+", "", stem(path)) for path in paths}) == 1:
        problem = f"their names differ by numbers only, as {paths[0].name} and {paths[1].name}"
    if problem:
        raise DataError(
            f"these {len(paths)} texts may be one running text, not classes with an example a line: {problem}",
            remedy="say which: --task language, or --task classify",
            file=folder,
        )


def _parts(paths: list[Path]) -> dict[str, Path]:
    """Files whose names say train, validation or test; empty unless all do, each another part, and one is train."""
    found: dict[str, Path] = {}
    for path in paths:
        part = part_of(path)
        if part is None or part in found:
            return {}
        found[part] = path
    return found if "train" in found else {}


def _named(paths: Sequence[Path], names: dict[Path, str], what: str) -> dict[str, Path]:
    """Files by name. Errors: DataError for two whose names are the same but for case or the form of a letter"""
    found: dict[str, Path] = {}
    for path in paths:
        other = found.get(likeness(names[path]))
        if other is not None:
            raise DataError(
                f"{other.name} and {path.name} are both the {what} {names[path]!r}",
                remedy="put them into one file, or rename one",
                file=path.parent,
            )
        found[likeness(names[path])] = path
    return {names[path]: path for path in found.values()}


def _parallel(files: list[Path]) -> dict[str, Path]:
    """Files <part>.<language>, packed or not, by that name; empty unless train is there in two languages.

    Errors: DataError for two files of one part and language
    """
    found: dict[str, Path] = {}
    for path in files:
        name = path.name[: -len(path.suffix)] if path.suffix.lower() in PACKED else path.name
        before, _, language = name.rpartition(".")
        part = part_of(Path(before))
        if part is None or not language.isalpha() or f".{language}" in (*TEXTS, *TABLES, *TAGGED, *TUNES, ".json"):
            continue
        key = f"{part}.{language}"
        if key in found:
            raise DataError(
                f"{found[key].name} and {path.name} are both the {part} part in {language}",
                remedy="leave one of them in this folder",
                file=path.parent,
            )
        found[key] = path
    return found if sum(key.startswith("train.") for key in found) > 1 else {}


def _undivided(folder: Path, paths: list[Path], what: str) -> DataError:
    """Of several files that are no parts of one whole: which one stands in the way."""
    parts: dict[str, Path] = {}
    problem = "no file is the train part"
    for path in paths:
        part = part_of(path)
        if part is None:
            problem = f"the name of {path.name} says no part"
            break
        if part in parts:
            problem = f"{parts[part].name} and {path.name} are both the {part} part"
            break
        parts[part] = path
    return DataError(
        f"cannot tell what to learn from {len(paths)} {what}: {problem}",
        remedy="put the ones you mean into a folder as train, validation and test, or name one file",
        file=folder,
    )


def _nothing(folder: Path) -> DataError:
    below = [p for p in sorted(folder.iterdir()) if p.is_dir() and not p.name.startswith(".")]
    if len(below) > 1 and any(file_kinds.is_text(p) for b in below[:2] for p in sorted(b.iterdir())[:3] if p.is_file()):
        return DataError(
            f"this folder holds {len(below)} folders of texts, as {below[0].name}/ and {below[1].name}/",
            remedy="a class is a file <label>.txt with an example a line: write each folder's texts into one file",
            file=folder,
        )
    return DataError(
        "cannot tell what to learn from this folder: it holds 0 .txt files and 0 tables",
        remedy="put one <label>.txt per class into it (classify), or name a single file",
        file=folder,
    )


def _count(paths: Sequence[Path], noun: str) -> str:
    return f"{len(paths)} {noun}{'' if len(paths) == 1 else 's'}"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")

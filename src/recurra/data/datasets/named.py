"""Data sets by name: some come with Recurra, see registry.BUILT_IN; the others are pinned by SHA-256.

A pinned set is taken from $RECURRA_DATA/<name>/ where that folder is, else from the cache, else from its url.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from platform import python_version
from typing import Any, Literal

from recurra.data.datasets.digits import write_digits
from recurra.data.datasets.download import cached_folder, fetch, local_folder, place_of, unwritable, verify
from recurra.data.datasets.moving import write_clips
from recurra.data.datasets.registry import BUILT_IN_PAIRS, BUILT_IN_PICTURES, REGISTRY, Kind, Layout, PinnedSet
from recurra.data.datasets.shapes import draw_set
from recurra.data.files.sources import sha256
from recurra.data.files.whole import write_whole
from recurra.errors import DataError, UnknownNameError
from recurra.locks import holding
from recurra.terminal import standard_error

SURNAMES = Path(__file__).with_name("surnames")
PAIRS = Path(__file__).with_name("pairs")
SHAPES_BYTES = 19_000_000
"""Of the drawn set, about."""


@dataclass(frozen=True)
class DatasetInfo:
    """One line of the list of data sets.

    bytes: of all files together; where: "local" is $RECURRA_DATA or the cache
    """

    name: str
    task: str
    bytes: int
    licence: str
    description: str
    where: Literal["built in", "local", "download"]
    defects: str = ""


@dataclass(frozen=True)
class NamedData:
    """The files of a data set, each verified.

    files:       by label, or by part ("train", "validation", "test"), or all of it under "all"
    options:     what a reader must be told: encoding, text and label columns, level, split
    sha256:      by the keys of files
    folder:      where every file is <label>.txt, their folder, with no other .txt in it, and that of pictures; else
                 None
    label_files: files, where their keys are labels; else empty
    kind:        what the files are where the task alone does not say, see tasks.sources
    """

    name: str
    task: str
    files: dict[str, Path]
    options: dict[str, Any]
    sha256: dict[str, str]
    folder: Path | None = None
    label_files: dict[str, Path] = field(default_factory=dict)
    kind: Kind | None = None
    beside: tuple[Path, ...] = ()
    """Files that those of `files` speak of, in their folder."""


def names() -> list[str]:
    """All names: the built-in sets first."""
    return [*_BUILT_IN, *REGISTRY]


def describe() -> list[DatasetInfo]:
    """Every data set in the order of names(). Reads no network and hashes nothing."""
    return [*(about() for about, _ in _BUILT_IN.values()), *map(_about_pinned, REGISTRY.values())]


def get(name: str, *, destination: str | Path | None = None) -> NamedData:
    """The verified files of a data set; with a destination, copied into that folder.

    Errors: UnknownNameError; DataError if a file is missing, altered, cannot be fetched or cannot be written,
            or if another file of that name is at the destination
    """
    if name in _BUILT_IN:
        data = _BUILT_IN[name][1]()
    elif name in REGISTRY:
        data = _get_pinned(REGISTRY[name])
    else:
        raise UnknownNameError("data set", name, names())
    return data if destination is None else _copied(data, Path(destination))


def _named(
    name: str,
    task: str,
    layout: Layout,
    files: dict[str, Path],
    options: dict[str, Any],
    hashes: dict[str, str],
) -> NamedData:
    folder = next(iter(files.values())).parent if layout == "folder" else None
    if folder is not None:
        _refuse_strangers(name, folder, files)
    label_files = dict(files) if layout in ("folder", "labels") else {}
    return NamedData(name, task, files, dict(options), hashes, folder, label_files)


def _refuse_strangers(name: str, folder: Path, files: dict[str, Path]) -> None:
    """DataError if a folder of <label>.txt holds another .txt, which a reader would take for a class."""
    strangers = sorted(set(folder.glob("*.txt")) - set(files.values()))
    if strangers:
        raise DataError(
            f"is not part of {name!r}, but would be read as a class of it",
            file=strangers[0],
            remedy="move it out of this folder",
        )


# pinned sets


def _about_pinned(pinned: PinnedSet) -> DatasetInfo:
    folders = [folder for folder in (cached_folder(pinned.name), local_folder(pinned.folder or pinned.name)) if folder]
    here = any(all(place_of(folder, file).is_file() for file in pinned.files.values()) for folder in folders)
    return DatasetInfo(
        name=pinned.name,
        task=pinned.task,
        bytes=sum(file.bytes for file in pinned.files.values()),
        licence=pinned.licence,
        description=pinned.description,
        where="local" if here else "download",
        defects=pinned.defects,
    )


def _get_pinned(pinned: PinnedSet) -> NamedData:
    folder = local_folder(pinned.folder or pinned.name)
    if folder is None:
        files = fetch(pinned)
    else:
        files = {key: verify(place_of(folder, file), file) for key, file in pinned.files.items()}
    hashes = {
        key: file.sha256 if files[key].name == Path(file.name).name else sha256(files[key])
        for key, file in pinned.files.items()
    }
    found = _named(pinned.name, pinned.task, pinned.layout, files, pinned.options, hashes)
    return replace(found, kind=pinned.kind)


# built-in sets


def _about_surnames() -> DatasetInfo:
    return DatasetInfo(
        name="surnames",
        task="classify",
        bytes=sum(path.stat().st_size for path in SURNAMES.glob("*.txt")),
        licence="Apache-2.0, as Recurra itself",
        description="Surnames of 18 languages, some 200 to 300 each, written for Recurra",
        where="built in",
    )


def _get_surnames() -> NamedData:
    files = {path.stem: path for path in sorted(SURNAMES.glob("*.txt"))}
    hashes = {label: sha256(path) for label, path in files.items()}
    return _named("surnames", "classify", "folder", files, {}, hashes)


def _python_docs() -> bytes:
    """Every topic of the language reference that `help()` shows, in the order of their names."""
    try:
        from pydoc_data.topics import topics
    except ImportError as error:
        raise DataError(
            "this Python was installed without the module pydoc_data, which holds the text of `python-docs`",
            remedy="install the whole standard library, or use another set",
        ) from error
    return "\n\n".join(topics[name].strip("\n") for name in sorted(topics)).encode() + b"\n"


def _about_python_docs() -> DatasetInfo:
    defects = "differs from one Python version to the next"
    try:
        size = len(_python_docs())
    except DataError:
        size, defects = 0, "this Python was installed without it"
    return DatasetInfo(
        name="python-docs",
        task="language",
        bytes=size,
        licence="PSF-2.0",
        description=f"The language reference that ships inside Python {python_version()}",
        where="built in",
        defects=defects,
    )


def _get_python_docs() -> NamedData:
    path = cached_folder("python-docs") / f"python-{python_version()}.txt"
    text = _python_docs()
    try:
        if not path.is_file() or path.read_bytes() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, text)
    except OSError as error:
        raise unwritable(path, error) from error
    return _named("python-docs", "language", "one", {"all": path}, {}, {"all": sha256(path)})


_PAIRS_OF = {
    "chinese-pairs": (
        "chinese.tsv",
        "72 pairs of Chinese reviews: the same characters, opposite opinions by their order",
    ),
    "chinese-pairs-tuning": (
        "chinese-tuning.tsv",
        "24 further pairs, to choose settings on before evaluating on the others",
    ),
}


def _about_pairs(name: str) -> DatasetInfo:
    file, description = _PAIRS_OF[name]
    return DatasetInfo(
        name=name,
        task="classify",
        bytes=(PAIRS / file).stat().st_size,
        licence="Apache-2.0, as Recurra itself",
        description=description,
        where="built in",
        defects="to evaluate on, not to learn from",
    )


def _get_pairs(name: str) -> NamedData:
    path = PAIRS / _PAIRS_OF[name][0]
    options = {"text": "text", "label": "label"}
    return _named(name, "classify", "one", {"all": path}, options, {"all": sha256(path)})


@dataclass(frozen=True)
class _Drawn:
    """A set of pictures that is written into the cache when it is first asked for. bytes: about"""

    description: str
    licence: str
    kind: Kind
    bytes: int
    write: Callable[[Path], list[Path]]
    options: dict[str, Any] = field(default_factory=dict)


_DRAWN = {
    "digits": _Drawn(
        "Handwritten digits, 8 x 8 pixels, read row by row; from scikit-learn, which must be installed",
        "CC BY 4.0 (UCI)", "images", 240_000, write_digits,
    ),
    "moving-shapes": _Drawn(
        "480 clips of a shape that moves, grows or shrinks; a label a frame: what happens",
        "Apache-2.0, as Recurra itself", "clips", 4_650_000, partial(write_clips, per_frame=True), {"epochs": 8.0},
    ),
    "moving-shapes-whole": _Drawn(
        "The same clips with a label each: what happens first, and what then",
        "Apache-2.0, as Recurra itself", "clips", 4_630_000, partial(write_clips, per_frame=False), {"epochs": 12.0},
    ),
}  # fmt: skip


def _about_drawn(name: str) -> DatasetInfo:
    drawn = _DRAWN[name]
    return DatasetInfo(
        name=name, task="frames", bytes=drawn.bytes, licence=drawn.licence, description=drawn.description,
        where="built in",
    )  # fmt: skip


def _get_drawn(name: str) -> NamedData:
    drawn, folder = _DRAWN[name], cached_folder(name)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with holding(folder, patience=math.inf, notify=standard_error().log):
            written = drawn.write(folder)
    except OSError as error:
        raise unwritable(folder, error) from error
    files = {path.relative_to(folder).as_posix(): path for path in written}
    hashes = {key: sha256(path) for key, path in files.items()}
    return NamedData(name, "frames", files, drawn.options, hashes, folder, kind=drawn.kind)


def _about_shapes() -> DatasetInfo:
    return DatasetInfo(
        name="shapes",
        task="caption",
        bytes=SHAPES_BYTES,
        licence="Apache-2.0, as Recurra itself",
        description="6,480 drawn pictures of coloured shapes and their captions; the test part shows unseen pairs",
        where="built in",
    )


def _get_shapes() -> NamedData:
    folder = cached_folder("shapes")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with holding(folder, patience=math.inf, notify=standard_error().log):
            files = draw_set(folder)
    except OSError as error:
        raise unwritable(folder, error) from error
    options = {"epochs": 8.0, "learning_rate": 4e-3, "dropout": 0.1, "word_dropout": 0.6}
    found = _named("shapes", "caption", "parts", files, options, {part: sha256(path) for part, path in files.items()})
    return replace(found, kind="captions", beside=tuple(sorted(folder.glob("*.png"))))


_BUILT_IN: dict[str, tuple[Callable[[], DatasetInfo], Callable[[], NamedData]]] = {
    "surnames": (_about_surnames, _get_surnames),
    "python-docs": (_about_python_docs, _get_python_docs),
    **{name: (partial(_about_pairs, name), partial(_get_pairs, name)) for name in BUILT_IN_PAIRS},
    "shapes": (_about_shapes, _get_shapes),
    **{name: (partial(_about_drawn, name), partial(_get_drawn, name)) for name in BUILT_IN_PICTURES},
}


# copies


def _copied(data: NamedData, folder: Path) -> NamedData:
    """The same data set with every file in `folder`. What is there already and the same is left alone."""
    base = data.folder or Path(os.path.commonpath([path.parent for path in data.files.values()]))
    files = {key: folder / path.relative_to(base) for key, path in data.files.items()}
    if data.folder is not None:
        _refuse_strangers(data.name, folder, files)
    for key, target in files.items():
        if target.exists() and (not target.is_file() or sha256(target) != data.sha256[key]):
            raise DataError(
                f"another file of this name is in the way of {data.name!r}",
                file=target,
                remedy="name a new folder, or move this file",
            )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for key, target in files.items():
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                write_whole(target, data.files[key].read_bytes())
        for path in data.beside:
            if not (target := folder / path.relative_to(base)).exists():
                write_whole(target, path.read_bytes())
    except OSError as error:
        raise DataError(f"cannot be written: {error.strerror}", file=error.filename or folder) from error
    return replace(
        data,
        files=files,
        folder=folder if data.folder else None,
        label_files=dict(files) if data.label_files else {},
    )

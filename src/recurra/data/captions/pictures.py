"""Captions and the pictures that they speak of, brought together."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from recurra.data.captions.reading import Caption
from recurra.data.pictures.decoding import is_picture
from recurra.data.splits import PARTS, check_fractions
from recurra.errors import DataError, listed, quoted

SHOWN = 3
DEEPEST = 2
"""Folders below a caption file in which its pictures are looked for."""


@dataclass(frozen=True)
class Captioned:
    """A picture and what is said of it.

    name: as the captions call it; path: None where vectors stand for pictures and there is none; file, line: of its
    first caption; part: as the captions name it
    """

    name: str
    path: Path | None
    captions: list[str]
    file: Path
    line: int | None = None
    part: str = ""


@dataclass
class Gathered:
    """Pictures with captions, and what was left out: names of pictures."""

    pictures: list[Captioned] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    uncaptioned: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)

    @property
    def left_out(self) -> int:
        """Captions without a picture count once a picture."""
        return len(self.missing) + len(self.uncaptioned) + len(self.empty)


class Shelf:
    """The pictures that caption files may speak of: in their folders, below them, and beside a folder `annotations`."""

    def __init__(self, files: Iterable[Path]) -> None:
        homes = list(dict.fromkeys(file.resolve().parent for file in files))
        self.home = homes[0]
        above = [home.parent for home in homes if home.name.lower() in ("annotations", "captions")]
        roots = list(dict.fromkeys([*homes, *above]))
        self.paths = list(dict.fromkeys(path for root in roots for path in _below(root, DEEPEST)))
        self._by_name: dict[str, list[Path]] = {}
        for path in self.paths:
            for key in {path.name, path.stem, *_tails(path, roots)}:
                self._by_name.setdefault(key, []).append(path)

    def find(self, name: str, *, file: Path, line: int | None) -> Path | None:
        """The picture of a name, with its folders or without, with its ending or without; None if there is none.

        Errors: DataError if there are several
        """
        key = name.replace("\\", "/").removeprefix("./")
        found = list(dict.fromkeys(self._by_name.get(key, ()) or self._by_name.get(Path(key).name, ())))
        exact = [path for path in found if path.name == Path(key).name]
        found = exact or found
        if len(found) > 1:
            shown = " and ".join(str(path.relative_to(self.home.parent)) for path in found[:2])
            raise DataError(
                f"the picture {quoted(name)} may be {shown}",
                remedy="write its folder before its name",
                file=file,
                line=line,
            )
        return found[0] if found else None


def gather(captions: Sequence[Caption], shelf: Shelf | None, *, strict: bool = False) -> Gathered:
    """The pictures in the order of their first captions. shelf: None where vectors stand for pictures

    What has no picture, no caption or an empty one is left out and counted.
    Errors: DataError if strict and anything would be left out; if nothing is left; for a picture in two parts
    """
    found, by_name = Gathered(), dict[str, Captioned | None]()
    for one in captions:
        if not one.text.strip():
            _refuse(strict, f"an empty caption of {quoted(one.picture)}", one.file, one.line)
            found.empty.append(one.picture)
            continue
        if one.picture not in by_name:
            path = None if shelf is None else shelf.find(one.picture, file=one.file, line=one.line)
            if path is None and shelf is not None:
                _refuse(strict, f"there is no picture {quoted(one.picture)}", one.file, one.line)
                found.missing.append(one.picture)
                by_name[one.picture] = None
                continue
            made = Captioned(one.picture, path, [], one.file, one.line, one.part)
            found.pictures.append(made)
            by_name[one.picture] = made
        known = by_name[one.picture]
        if known is None:
            continue
        if known.part != one.part:
            raise DataError(
                f"the picture {quoted(one.picture)} is in the parts {quoted(known.part)} and {quoted(one.part)}",
                remedy="put it into one",
                file=one.file,
                line=one.line,
            )
        known.captions.append(one.text)
    if not found.pictures:
        where = "" if shelf is None else f"; {len(shelf.paths):,} pictures are below {shelf.home.name}/"
        names = [one.picture for one in captions]
        raise DataError(
            f"no caption has its picture: {listed(names, SHOWN)}{where}",
            remedy="put the pictures beside the caption file, or into a folder there",
            file=captions[0].file,
        )
    return found


def without_captions(gathered: Gathered, shelf: Shelf, *, strict: bool, file: Path) -> None:
    """Count the pictures that nobody speaks of, in folders of which some are spoken of. Errors: DataError if strict"""
    used = {one.path for one in gathered.pictures}
    folders = {path.parent for path in used if path is not None}
    for path in shelf.paths:
        if path.parent in folders and path not in used:
            _refuse(strict, f"the picture {path.name} has no caption", file, None)
            gathered.uncaptioned.append(path.name)


def divide(
    pictures: Sequence[Captioned], contents: Sequence[str], fractions: Sequence[float], *, seed: int = 0
) -> dict[str, list[int]]:
    """Train, validation and test by a hash of each picture's name, so that new pictures move few of the old ones.

    contents: a hash of what each picture shows; the same picture under two names goes to one part, that of the first.
    The counts are those of the shares, rounded. Errors: UsageError for shares that cannot be
    """
    shares = check_fractions(fractions)
    first: dict[str, int] = {}
    for place, content in enumerate(contents):
        first.setdefault(content, place)
    owners = sorted(first.values(), key=lambda place: _order(pictures[place].name, seed))
    edges = [round(len(owners) * share) for share in (shares[0], shares[0] + shares[1], 1.0)]
    part_of, start = dict[int, str](), 0
    for part, stop in zip(PARTS, edges, strict=True):
        part_of |= dict.fromkeys(owners[start:stop], part)
        start = stop
    found: dict[str, list[int]] = {part: [] for part in PARTS}
    for place, content in enumerate(contents):
        found[part_of[first[content]]].append(place)
    return found


def _order(name: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}/{name}".encode(errors="surrogateescape")).hexdigest()


def _refuse(strict: bool, problem: str, file: Path, line: int | None) -> None:
    if strict:
        raise DataError(problem, remedy="correct it, or leave out --strict", file=file, line=line)


def _below(root: Path, deep: int) -> list[Path]:
    found: list[Path] = []
    for path in sorted(root.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            found += _below(path, deep - 1) if deep else []
        elif is_picture(path):
            found.append(path)
    return found


def _tails(path: Path, roots: Sequence[Path]) -> set[str]:
    return {path.relative_to(root).as_posix() for root in roots if path.is_relative_to(root)}

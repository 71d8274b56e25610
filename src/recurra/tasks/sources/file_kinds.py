"""What a file is, by its name and, where that says nothing, by its first bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from recurra.data.captions.reading import looks_like_captions
from recurra.data.files.labelled_lines import is_labelled
from recurra.data.files.sources import inner_name, read_blocks
from recurra.data.frames.archive import is_labelled_archive
from recurra.data.frames.table import looks_like_frames
from recurra.data.series.looking import looks_like_series
from recurra.data.splits import PART_NAMES
from recurra.data.tagged.looking import looks_tagged
from recurra.errors import DataError

SourceKind = Literal[
    "text", "texts", "table", "labels", "labelled", "tagged", "parallel", "tunes", "poems", "series",
    "sequences", "sounds", "events", "clips", "images", "captions",
]  # fmt: skip

TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
PACKED = (".gz", ".zip")
TAGGED = (".conllu", ".conll", ".bmes", ".bioes", ".bio", ".iob", ".iob2")
TUNES = (".abc",)
JSON = (".json",)
TEXTS = (".txt",)
SERIES = (".tsf", ".ts")
FRAMES = (".arff",)
NAMED_SO = (*TABLES, *TAGGED, *TUNES, *JSON, *TEXTS, *SERIES, *FRAMES)
"""The endings by which a file is known to hold data."""
DOCUMENTS = ("readme", "license", "licence", "copying", "copyright", "changelog", "contributing", "citation", "notice")
"""What a file beside the data is called that tells of them."""


def ending(path: Path) -> str:
    """The last ending that is no packing, in lower case; of a zip that has no other, of the file in it."""
    suffixes = [s.lower() for s in path.suffixes if s.lower() not in PACKED]
    if suffixes or path.suffix.lower() != ".zip":
        return suffixes[-1] if suffixes else ""
    try:
        return Path(inner_name(path)).suffix.lower()
    except DataError:
        return ".csv"  # told when it is read


def names_data(text: str) -> bool:
    """Whether a text is the name of a data file by its form: one word with such an ending, and no address."""
    if len(text) > 1000 or text.split() != [text] or "://" in text:
        return False
    suffixes = [suffix.lower() for suffix in Path(text).suffixes if suffix.lower() not in PACKED]
    return bool(suffixes) and suffixes[-1] in NAMED_SO


def is_tagged(path: Path) -> bool:
    """Whether its name says that it holds tagged tokens."""
    return ending(path) in TAGGED


def is_columns(path: Path) -> bool:
    """Whether it holds tagged tokens in columns, though its name does not say so."""
    kind = ending(path)
    return (kind in TEXTS or kind not in NAMED_SO) and looks_tagged(path)


def is_tunes(path: Path) -> bool:
    """Whether it holds tunes in ABC."""
    return ending(path) in TUNES


def is_poems(path: Path) -> bool:
    """Whether it holds poems in JSON: objects with `paragraphs`."""
    if ending(path) not in JSON:
        return False
    before = b""
    for block in read_blocks(path):
        bare = block.replace(b"\0", b"")  # of UTF-16
        if b'"paragraphs"' in before + bare:
            return True
        before = bare[-12:]
    return False


def is_table(path: Path) -> bool:
    """Whether it holds rows with columns, or lines that begin with their label as fastText has them."""
    kind = ending(path)
    if kind in TABLES or (kind in JSON and not is_poems(path)):
        return True
    return kind not in (*TAGGED, *TUNES, *JSON) and is_labelled(path)


def is_text(path: Path) -> bool:
    """Whether its name says that it is text, and it does not begin with a label."""
    return ending(path) in TEXTS and not is_labelled(path)


def is_series(path: Path) -> bool:
    """Whether it holds series over time: an archive of them, or a table of times and numbers, without texts."""
    return ending(path) in SERIES or (ending(path) in TABLES and looks_like_series(path))


def is_frames(path: Path) -> bool:
    """Whether it holds labelled sequences of frames: a .ts file with classes, an .arff file, or such a table."""
    if ending(path) == ".ts":
        return is_labelled_archive(path)
    if ending(path) in FRAMES:
        return True
    return ending(path) in TABLES and looks_like_frames(path)


def is_captions(path: Path) -> bool:
    """Whether it says what pictures show."""
    return looks_like_captions(path)


def is_document(path: Path) -> bool:
    """Whether it tells of the data beside it."""
    return path.name.lower().partition(".")[0].rstrip("_-0123456789") in DOCUMENTS


def stem(path: Path) -> str:
    """The name without its packing and its ending: the label of a file of labels."""
    name = path.name.removesuffix(path.suffix) if path.suffix.lower() in PACKED else path.name
    return Path(name).stem if Path(name).suffix.lower() in TEXTS else name


def part_of(path: Path) -> str | None:
    """The part that a file's name says it is: "train", "validation" or "test"."""
    words = path.name.lower().replace("-", ".").replace("_", ".").split(".")
    return next((PART_NAMES[word] for word in words if word in PART_NAMES), None)

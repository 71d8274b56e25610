"""What a file's name says that it holds."""

from __future__ import annotations

from pathlib import Path

from recurra.data.files.sources import inner_name
from recurra.data.splits import PART_NAMES
from recurra.errors import DataError

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


def is_tunes(path: Path) -> bool:
    """Whether it holds tunes in ABC."""
    return ending(path) in TUNES


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

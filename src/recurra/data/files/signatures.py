"""Files that are no text, known by their first bytes whatever their name says."""

from __future__ import annotations

import re
from pathlib import Path

from recurra.errors import DataError

_UNPACK = "unpack it first"
_EXPORT = "save it as .csv or .txt first"
_SIGNATURES: tuple[tuple[re.Pattern[bytes], str, str], ...] = tuple(
    (re.compile(pattern, re.DOTALL), kind, remedy)
    for pattern, kind, remedy in (
        (rb"\x1f\x8b[\x00-\x08]", "gzip data", "name it with .gz at the end, as in {name}.gz"),
        (rb"\xfd7zXZ\x00", "xz data", _UNPACK),
        (rb"[\x22-\x28]\xb5\x2f\xfd", "zstd data", _UNPACK),
        (rb"\x04\x22\x4d\x18", "lz4 data", _UNPACK),
        (rb"BZh[1-9]1AY&SY", "bzip2 data", _UNPACK),
        (rb"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
        (rb"Rar!\x1a\x07", "a rar archive", _UNPACK),
        (rb".{257}ustar", "a tar archive", "unpack it and name one of its files, or its folder"),
        (rb"PK\x03\x04.{26}xl/", "an Excel workbook", _EXPORT),
        (rb"PK\x03\x04.{26}(?:\[Content_Types\]\.xml|docProps/|_rels/|word/)", "an Office document", _EXPORT),
        (rb"PK\x03\x04.{26}mimetypeapplication/", "an OpenDocument or EPUB file", _EXPORT),
        (rb"PK(?:\x03\x04|\x05\x06|\x07\x08)", "a zip archive", "name it {name}.zip, or unpack it"),
        (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document (.xls, .doc)", _EXPORT),
        (rb"PAR1\x15", "a Parquet file", "name it with .parquet at the end"),
        (rb"ARROW1\x00\x00|\xff\xff\xff\xff.{3}\x00\x10\x00\x00\x00", "an Arrow file", "save it as .parquet first"),
        (rb"Obj\x01", "an Avro file", "save it as .parquet first"),
        (rb"ORC[\x00-\x0a]", "an ORC file", "save it as .parquet first"),
        (rb"SQLite format 3\x00", "an SQLite database", "export a table as .csv first"),
        (rb"%PDF-[0-9]", "a PDF file", "save it as text first"),
        (rb"\x93NUMPY", "a NumPy array", _EXPORT),
        (rb"\x80[\x02-\x05](?:\x95|c|\}|\]|\()", "a pickle, which is never opened", _EXPORT),
        (rb"\x89HDF\r\n", "an HDF5 file", _EXPORT),
        (rb"\x89PNG\r\n|\xff\xd8\xff|GIF8[79]a", "a picture", "give a file of text"),
        (rb"\x7fELF", "a program", "give a file of text"),
    )
)


def refuse_foreign(path: Path, start: bytes) -> None:
    """Errors: DataError if `start`, the first bytes of a file that should be text, are those of another format"""
    for pattern, kind, remedy in _SIGNATURES:
        if pattern.match(start):
            raise DataError(f"this is {kind}, not text", remedy=remedy.format(name=path.name), file=path)

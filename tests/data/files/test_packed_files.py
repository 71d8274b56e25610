"""Packed files: what they may unpack to, and everything that is wrong with them."""

from __future__ import annotations

import gzip
import io
import random
import resource
import struct
import zipfile
from pathlib import Path

import pytest

from recurra.data.files import sources
from recurra.data.files.sources import read_blocks
from recurra.data.files.tables import read_table
from recurra.errors import DataError

FREE = 1 << 20


@pytest.fixture(autouse=True)
def _small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "FREE", FREE)


def put(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def zipped(name: str, content: bytes, how: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", how) as archive:
        archive.writestr(name, content)
    return stream.getvalue()


@pytest.mark.parametrize("name", ["a.csv.gz", "a.csv.zip", "a.txt.gz"])
def test_a_small_pack_of_much_is_refused_before_it_is_unpacked(tmp_path: Path, name: str) -> None:
    much = b"text,label\n" + b"a,b\n" * (FREE // 2)
    packed = gzip.compress(much, 9) if name.endswith("gz") else zipped("a.csv", much)
    path = put(tmp_path / name, packed)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(
        DataError, match=r"bytes unpack to .* may hold 100 times .*\nif that is right, unpack it yourself"
    ):
        next(read_blocks(path))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # kilobytes


def test_a_false_size_in_a_pack_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = gzip.compress(b"\n" * (4 * FREE), 9)
    path = put(tmp_path / "a.gz", packed[:-4] + struct.pack("<I", 7))
    with pytest.raises(DataError, match="unpack to more than 1,048,576"):
        next(read_blocks(path))
    monkeypatch.setattr(sources, "_TRIED", 0)  # as if it were large: its size is believed, and counted while reading
    with pytest.raises(DataError, match="unpack to more than 1,048,576"):
        list(read_blocks(path))
    with pytest.raises(DataError, match="unpack to 4,194,304"):
        next(read_blocks(put(path, packed)))


def test_a_zip_that_hides_its_size_is_cut_there(tmp_path: Path) -> None:
    packed = zipped("a.txt", b"\n" * (2 * FREE))
    true, false = struct.pack("<I", 2 * FREE), struct.pack("<I", 5)
    with pytest.raises(DataError, match="damaged: Bad CRC"):
        list(read_blocks(put(tmp_path / "a.zip", packed.replace(true, false))))


def test_what_compresses_as_texts_do_is_read(tmp_path: Path) -> None:
    drawn = random.Random(0)
    some = b"".join(b"%d,some words of a text\n" % drawn.randrange(100) for _ in range(100_000))
    path = put(tmp_path / "a.gz", gzip.compress(some, 1))
    assert path.stat().st_size * 100 > len(some) > FREE
    assert sum(map(len, read_blocks(path))) == len(some)


@pytest.mark.parametrize("how", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, zipfile.ZIP_STORED])
def test_a_damaged_zip_is_an_error_of_ours(tmp_path: Path, how: int) -> None:
    whole = zipped("a.csv", b"text,label\n" + b"a,b\nc,d\n" * 40, how)
    drawn, path = random.Random(0), tmp_path / "a.zip"
    for _ in range(100):
        broken = bytearray(whole)
        for _ in range(drawn.randint(1, 4)):
            broken[drawn.randrange(len(broken))] = drawn.randrange(256)
        put(path, bytes(broken[: drawn.choice([len(broken), drawn.randrange(len(broken))])]))
        try:
            read_table(path)
        except DataError as error:
            told = str(error)
            assert len(told) < 2_000


def test_a_text_that_is_named_gz_is_no_large_pack(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.gz: this archive is damaged: Not a gzipped file"):
        list(read_blocks(put(tmp_path / "a.gz", b"some text\n" * 1_000_000)))


def test_names_that_no_file_can_have() -> None:
    for name in ("a\0b.csv", "a" * 5_000 + ".csv"):
        with pytest.raises(DataError):
            list(read_blocks(Path(name)))

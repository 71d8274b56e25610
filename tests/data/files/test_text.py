from __future__ import annotations

import codecs
import gzip
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recurra.data.files.sources import inner_name, sha256
from recurra.data.files.text import check_text_file, iter_lines, iter_text, read_text
from recurra.errors import DataError, UsageError


def _file(folder: Path, content: bytes, name: str = "a.txt") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def test_the_byte_order_mark_is_dropped_and_crlf_is_lf(tmp_path: Path) -> None:
    assert read_text(_file(tmp_path, codecs.BOM_UTF8 + b"a\r\nb\n\rc\r")) == "a\nb\n\rc\r"
    assert read_text(_file(tmp_path, "é\r\n".encode("utf-16")), "utf-16") == "é\n"
    assert read_text(_file(tmp_path, b"caf\xe9 \x85"), "cp1252") == "café …"
    assert read_text(_file(tmp_path, b"x\ny"), "UTF8") == "x\ny"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text("a\r\n\ufeffé中\U0001f600").map(lambda text: "a" + text),
    chunk=st.integers(1, 7),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-32"]),
)
def test_text_is_the_same_however_it_is_cut(tmp_path: Path, text: str, chunk: int, encoding: str) -> None:
    pieces = list(iter_text(_file(tmp_path, text.encode(encoding)), encoding, chunk))
    assert "".join(pieces) == text.replace("\r\n", "\n")
    assert max(map(len, pieces)) <= chunk + 1


def test_lines_end_at_line_feeds_only(tmp_path: Path) -> None:
    text = "a\u2028b\u0085c\x0bd\n\ne\r\nf"
    assert list(iter_lines(_file(tmp_path, text.encode()))) == ["a\u2028b\u0085c\x0bd", "", "e", "f"]
    assert list(iter_lines(_file(tmp_path, b"a\n"))) == ["a"]


@pytest.mark.parametrize("before", [b"", b"x" * 3_000_000 + b"\n", "é".encode() * 600_000 + b"\nyy\n"])
def test_an_undecodable_byte_is_named_with_line_and_byte(tmp_path: Path, before: bytes) -> None:
    path = _file(tmp_path, before + b"one\ncaf\xe9 noir\n")
    line = before.count(b"\n") + 2
    with pytest.raises(DataError) as caught:
        check_text_file(path)
    assert str(caught.value).startswith(f"{path}:{line}: 0xE9, byte 4 of the line, is not utf-8")
    assert "pass --encoding" in str(caught.value)
    assert (caught.value.file, caught.value.line) == (path, line)


def test_a_character_that_the_file_breaks_off_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.txt:2: 0xE4, byte 2 of the line, is not utf-8 \(unexpected end"):
        check_text_file(_file(tmp_path, b"a\nb\xe4\xb8"))
    with pytest.raises(DataError, match=r"a\.txt:2: 0x62, byte 5 of the file, is not utf-16"):
        check_text_file(_file(tmp_path, "a\n".encode("utf-16-le") + b"b"), "utf-16-le")
    with pytest.raises(DataError, match=r"a\.txt:3: 0x81, byte 1 of the line, is not cp1252"):
        check_text_file(_file(tmp_path, b"a\n\n\x81"), "cp1252")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_utf_16_is_recognised(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(
        DataError, match=f"byte order mark FF FE.* of {encoding.upper()}, not utf-8\npass --encoding {encoding}"
    ):
        check_text_file(_file(tmp_path, "ab\n".encode(encoding)))


def test_nul_bytes_are_named_with_their_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.txt:3: a NUL byte; this looks like a binary file or UTF-16"):
        check_text_file(_file(tmp_path, b"a\n\nb\0\n"))


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    for content in (b"", codecs.BOM_UTF8):
        with pytest.raises(DataError, match=r"a\.txt: the file is empty"):
            check_text_file(_file(tmp_path, content))


def test_a_ten_megabyte_line_is_text_but_no_example(tmp_path: Path) -> None:
    path = _file(tmp_path, b"short\n" + b"long " * 2_000_000)
    check_text_file(path)
    with pytest.raises(
        DataError, match=r"a\.txt:2: this line has more than 1,000,000 characters\nis this one example per line"
    ):
        check_text_file(path, max_line=1_000_000)


def test_an_unknown_encoding_names_the_nearest(tmp_path: Path) -> None:
    path = _file(tmp_path, b"a")
    with pytest.raises(UsageError, match=r"unknown text encoding 'cp1253x'; did you mean 'cp1253'"):
        read_text(path, "cp1253x")
    for name in ("hex", "rot13", "zzzzzz", "", "undefined", "a\0b"):
        with pytest.raises(UsageError, match="unknown text encoding"):
            read_text(path, name)


def test_packed_text_is_unpacked(tmp_path: Path) -> None:
    packed = _file(tmp_path, gzip.compress("é\n".encode()), "a.txt.gz")
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("b/inner.csv", "é\n")
        archive.writestr("__MACOSX/b/._inner.csv", "x")
    assert read_text(packed) == read_text(tmp_path / "b.zip") == "é\n"
    assert inner_name(packed) == "a.txt"
    assert inner_name(tmp_path / "b.zip") == "inner.csv"
    assert len(sha256(packed)) == 64


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none.txt: no such file"):
        read_text(tmp_path / "none.txt")
    with pytest.raises(DataError, match="this is a folder, not a file"):
        read_text(tmp_path)
    whole = gzip.compress(b"abc" * 1000)
    for content in (whole[:-20], b"no gzip", whole[:10] + b"\xff" * 20):
        with pytest.raises(DataError, match="this archive is damaged"):
            read_text(_file(tmp_path, content, "a.gz"))
    with pytest.raises(DataError, match="this archive is damaged"):
        read_text(_file(tmp_path, b"PK no zip", "a.zip"))
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a", "x")
        archive.writestr("b", "x")
    with pytest.raises(DataError, match="holds 2 files, it must hold one"):
        read_text(tmp_path / "two.zip")


def test_utf_8_is_not_read_as_something_else(tmp_path: Path) -> None:
    path = _file(tmp_path, "eins\nzwei für äöüßéèê\n".encode())
    for encoding in ("latin-1", "cp1252", "mac-roman"):
        with pytest.raises(DataError, match=rf"a.txt:2: this is UTF-8, not {encoding}, in which 'zwei für ä"):
            read_text(path, encoding)
    assert read_text(_file(tmp_path, "Ã©, ein Rest von früher".encode("latin-1")), "latin-1").startswith("Ã©")
    assert read_text(_file(tmp_path, "für äöüßéèêâ".encode("latin-1")), "latin-1") == "für äöüßéèêâ"
    assert read_text(_file(tmp_path, "联通中文字符测试文本".encode("gb18030")), "gb18030") == "联通中文字符测试文本"
    assert read_text(_file(tmp_path, "für äöüßéèêâ".encode("utf-16")), "utf-16") == "für äöüßéèêâ"

"""Files of word vectors: their three formats, packed or not, and what is wrong with them."""

from __future__ import annotations

import gzip
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from recurra.data.vectors import file as vector_file
from recurra.data.vectors.file import VectorFile
from recurra.data.vectors.table import EXACT, FOLDED, MISSING, read_vectors, write_vectors
from recurra.errors import DataError, UsageError

ROWS = {"sun": (1.0, -2.5), "moon": (0.25, 4e-3), "new york": (3.0, 0.5)}


def glove(rows: dict[str, tuple[float, ...]] = ROWS) -> bytes:
    return "".join(f"{token} {' '.join(map(str, row))}\n" for token, row in rows.items()).encode()


def binary(rows: dict[str, tuple[float, ...]] = ROWS, line_end: bytes = b"\n") -> bytes:
    rows = {token.replace(" ", "_"): row for token, row in rows.items()}  # the format has no token with a space
    head = f"{len(rows)} {len(next(iter(rows.values())))}\n".encode()
    return head + b"".join(
        token.encode() + b" " + struct.pack(f"<{len(row)}f", *row) + line_end for token, row in rows.items()
    )


def put(folder: Path, content: bytes, name: str = "v.txt") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "content",
    [
        glove(),
        b"3 2\n" + glove(),
        b"3 2\r\n" + glove().replace(b"\n", b" \r\n"),
        b"\xef\xbb\xbf" + glove(),
        glove().replace(b" 0.5", b"\t0.5").removesuffix(b"\n"),
        b"\n" + glove() + b"\n\n",
        binary(),
        binary(line_end=b""),
    ],
    ids=[
        "glove",
        "word2vec text",
        "crlf and trailing spaces",
        "byte order mark",
        "tab, no last line feed",
        "blank lines",
        "binary",
        "binary without line feeds",
    ],
)
@pytest.mark.parametrize("packing", ["", ".gz", ".zip"])
def test_every_format_gives_the_same_vectors(tmp_path: Path, content: bytes, packing: str) -> None:
    path = tmp_path / f"v.txt{packing}"
    if packing == ".gz":
        path.write_bytes(gzip.compress(content))
    elif packing == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("v.txt", content)
    else:
        path.write_bytes(content)
    city = "new york" if b"new york" in content else "new_york"
    found = read_vectors(path, ["moon", "<unk>", city, "sun"])
    assert found.rows.dtype == np.float32
    np.testing.assert_allclose(found.rows, [ROWS["moon"], (0, 0), ROWS["new york"], ROWS["sun"]], rtol=1e-6)
    assert found.known.tolist() == [True, False, True, True]
    assert found.read == 3


def test_the_width_is_what_most_first_lines_have_so_that_the_first_token_may_hold_spaces(tmp_path: Path) -> None:
    path = put(tmp_path, b". . 1.0 2.0\nsun 0.5 0.25\nroute 66 0.125 0.0\nmoon 3.0 4.0\n")
    assert VectorFile(path).width == 2
    assert read_vectors(path, [". .", "route 66"]).rows.tolist() == [[1, 2], [0.125, 0]]


def test_blocks_may_end_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = vector_file.read_blocks
    monkeypatch.setattr(vector_file, "read_blocks", lambda path: read(path, 256))
    rows = {f"token{i}": (i / 7, -i / 3, 2.0**i) for i in range(60)}
    for content in (glove(rows), binary(rows), binary(rows, b"")):
        found = read_vectors(put(tmp_path, content), list(rows))
        np.testing.assert_allclose(found.rows, list(rows.values()), rtol=1e-6)


def test_a_token_that_is_missing_takes_the_vector_of_its_lower_case(tmp_path: Path) -> None:
    path = put(tmp_path, b"the 1.0\nparis 2.0\nParis 3.0\nUSA 4.0\n")
    found = read_vectors(path, ["The", "the", "Paris", "usa", "PARIS"])
    assert found.rows[:, 0].tolist() == [1, 1, 3, 0, 2]
    assert found.how.tolist() == [FOLDED, EXACT, EXACT, MISSING, FOLDED]


def test_the_first_of_duplicates_counts_and_they_are_counted(tmp_path: Path) -> None:
    found = read_vectors(put(tmp_path, b"a 1.0\nb 2.0\na 3.0\na 4.0\nz 1.0\nz 1.0\n"), ["a", "b"])
    assert found.rows[:, 0].tolist() == [1, 2]
    assert (found.read, found.duplicates) == (6, 2)


def test_tokens_of_broken_bytes_are_counted_with_their_line_and_read_in_their_encoding(tmp_path: Path) -> None:
    path = put(tmp_path, b"a 1.0\nclich\xe9 2.0\nb 3.0\n\x97 4.0\n")
    found = read_vectors(path, ["a", "cliché"])
    assert (found.undecodable, found.undecodable_at, found.known.tolist()) == (2, 2, [True, False])
    found = read_vectors(path, ["a", "cliché"], encoding="cp1252")
    assert (found.undecodable, found.undecodable_at, found.known.tolist()) == (0, None, [True, True])


@pytest.mark.parametrize(
    ("content", "line", "problem"),
    [
        (b"a 1.0 2.0\nb 1.0\nc 1.0 2.0\n", 2, "1 numbers, the first lines have 2"),
        (b"a 1.0 2.0\nb 1.0 2.0\nc 1.0 2.0 3.0\n", 3, "3 or more numbers, the first lines have 2"),
        (b"2 3\na 1.0 2.0 3.0\nb 1.0 2.0\n", 3, "2 numbers, its header says 3"),
        (b"2 2\na 1.0 2.0 3.0\nb 1.0 2.0 4.0\n", 2, "3 or more numbers, its header says 2"),
        (b"2 2\na 1 2 3\nb 1 2 4\n", 2, "3 or more numbers, its header says 2"),
        (b"a 1.0 2.0\nb 1.0 2,0\n", 2, "'2,0' is not a number"),
        (b"a 1.0 2.0\nb 1.0 nan\n", 2, "not finite"),
        (b"a 1.0 2.0\nb 1.0 1e99\n", 2, "not finite"),
        (b"3 1\na 1.0\nb 1.0\n", 1, "says 3 vectors, the file holds 2"),
        (b"1 1\na 1.0\nb 1.0\n", 1, "says 1 vectors, the file holds 2"),
        (b"just a text\nof some lines\n", 1, "'text' is not a number"),
        (b"\xff\xfea\x00", 1, "UTF-16"),
    ],
)
def test_one_error_names_file_and_line(tmp_path: Path, content: bytes, line: int, problem: str) -> None:
    path = put(tmp_path, content)
    with pytest.raises(DataError, match=problem) as caught:
        read_vectors(path, ["a", "b", "c"])
    assert (caught.value.file, caught.value.line) == (path, line)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (vector_file.FASTTEXT + b"\0\0", "fastText model"),
        (b"\x80\x03\0pickle", "binary file without"),
        (binary()[:-6], "vector 3: the file ends here"),
        (binary() + b"more", "more follows after the 3 vectors of 2"),
        (b"3 4\n" + binary().partition(b"\n")[2], "vector 2: the file ends here, or the width is not 4"),
        (binary({"sun": (1.0, float("inf")), "moon": (0.0, 0.0)}), "vector 1: .*not finite"),
        (glove({"other": (1.0, 2.0)}), "none of the 3 tokens wanted"),
    ],
)
def test_what_is_no_vector_file_is_one_error(tmp_path: Path, content: bytes, problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        read_vectors(put(tmp_path, content), ["sun", "moon", "new york"])


def test_an_encoding_in_which_a_space_is_no_byte_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="utf-16"):
        VectorFile(put(tmp_path, glove()), "utf-16")


def test_only_wanted_numbers_are_read(tmp_path: Path) -> None:
    rows = read_vectors(put(tmp_path, b"a 1.0\nother x\n"), ["a"]).rows
    assert rows.shape == (1, 1)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    tokens = ["a", "\n", "new york", "中文", " "]
    rows = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    path = tmp_path / "out.txt"
    assert write_vectors(path, tokens, rows) == (2, 3)
    found = read_vectors(path, tokens)
    assert found.known.tolist() == [True, False, False, True, False]
    np.testing.assert_allclose(found.rows[[0, 3]], rows[[0, 3]], rtol=1e-5)
    with pytest.raises(UsageError, match="--overwrite"):
        write_vectors(path, tokens, rows)
    write_vectors(path, tokens[:1], rows[:1], overwrite=True)
    assert [p.name for p in tmp_path.iterdir()] == ["out.txt"]


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be written"):
        write_vectors(tmp_path / "no" / "out.txt", ["a"], np.ones((1, 1), np.float32))


@pytest.mark.parametrize(
    "content",
    [
        b"4 1000000000\na 1 2 3\n",
        b"4 100\na 1 2 3\n",
        b"99999999999999999999 99999999999999999999\na 1 2 3\n",
        b"1 1000000000\na \x00\x00\x80\x3f",
        b"2 9\na \x00\x00\x80\x3f" + b"\0" * 20,
        b"1 9999999\na " + b"1 " * 1_000_000,
    ],
)
def test_a_width_that_cannot_be_is_no_width(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.vec"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"the header says vectors of [\d,]+ numbers, which take") as caught:
        VectorFile(path)
    assert caught.value.line == 1


@pytest.mark.parametrize("gap", [b"\x0b", b"\x0c", b"\r", b"\x1c", b"\x85"])
def test_other_white_space_parts_numbers_or_is_no_number(tmp_path: Path, gap: bytes) -> None:
    path = tmp_path / "a.vec"
    path.write_bytes(b"1 3\na 1 2" + gap + b"3 4\n")
    with pytest.raises(DataError, match=r"this vector has 4|is not a number|which take 12 bytes"):
        read_vectors(path, ["a"])

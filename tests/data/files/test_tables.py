from __future__ import annotations

import bz2
import csv
import datetime
import gzip
import io
import json
import lzma
import zipfile
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recurra.data.files.tables import Table, column_names, read_table
from recurra.errors import DataError


def _table(folder: Path, name: str, content: str | bytes, **options: object) -> Table:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table(path, **options)  # type: ignore[arg-type]


def test_every_cell_of_a_csv_is_text(tmp_path: Path) -> None:
    table = _table(tmp_path, "a.csv", "\ufeffname, n \r\nNA,1\r\nnull,007\r\n,1e3\r\n")
    assert table.columns == {"name": ["NA", "null", ""], "n": ["1", "007", "1e3"]}
    assert table.lines == [2, 3, 4]
    assert len(table) == 3


def test_lines_are_counted_through_quoted_line_feeds(tmp_path: Path) -> None:
    content = 'text,label\n"a\n\n""b"", c",x\n\nplain \u2028 \u0085 one,y\n"d\ne",z\n'
    table = _table(tmp_path, "a.csv", content)
    assert table.columns["text"] == ['a\n\n"b", c', "plain \u2028 \u0085 one", "d\ne"]
    assert table.lines == [2, 6, 7]


CELL = st.text(alphabet="a ,\"\n\t'é\u2028;", max_size=6).map(lambda text: text + "z")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(rows=st.lists(st.tuples(CELL, CELL), min_size=1, max_size=8))
def test_a_written_csv_is_read_as_it_was(tmp_path: Path, rows: list[tuple[str, str]]) -> None:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([("text", "label"), *rows])
    table = _table(tmp_path, "a.csv", buffer.getvalue())
    assert list(zip(table.columns["text"], table.columns["label"], strict=True)) == rows
    starts = [2]
    for row in rows[:-1]:
        starts.append(starts[-1] + 1 + sum(cell.count("\n") for cell in row))
    assert table.lines == starts


@pytest.mark.parametrize("opening", ["", "\n", "sep=;\n"])
@pytest.mark.parametrize("sign", [";", "\t"])
def test_a_csv_without_a_comma_in_its_header_is_separated_otherwise(tmp_path: Path, opening: str, sign: str) -> None:
    content = f'\ufeff{opening}"text, all"{sign}label\n"a{sign}b"{sign}1,5\nc, d{sign}2,5\n'
    table = _table(tmp_path, "a.csv", content.replace("sep=;", f"sep={sign}"))
    assert table.columns == {"text, all": [f"a{sign}b", "c, d"], "label": ["1,5", "2,5"]}
    assert table.lines == [line + bool(opening) for line in (2, 3)]


def test_quotes_are_literal_in_tsv(tmp_path: Path) -> None:
    table = _table(tmp_path, "a.tsv", 'text\tlabel\n"un\'closed \t1\n\nsay "x"\t0\r\n')
    assert table.columns == {"text": ["\"un'closed ", 'say "x"'], "label": ["1", "0"]}
    assert table.lines == [2, 4]


def test_json_lines_keep_strings_and_write_the_rest_as_json(tmp_path: Path) -> None:
    content = '{"text": "NA", "n": 1.50, "more": false}\n\n{"n": null, "text": "a\\nb", "more": true}\n'
    table = _table(tmp_path, "a.jsonl", content)
    assert table.columns == {"text": ["NA", "a\nb"], "n": ["1.5", ""], "more": ["false", "true"]}
    assert table.lines == [1, 3]
    wanted = _table(tmp_path, "a.ndjson", '{"text": "a", "x": 1}\n{"text": "b"}\n', columns=["text"])
    assert wanted.columns == {"text": ["a", "b"]}


def test_parquet_values_become_text(tmp_path: Path) -> None:
    path = tmp_path / "a[1].parquet"
    moment = datetime.datetime(2024, 2, 29, 12, 30)
    pl.DataFrame(
        {
            "text": ["NA", None, "x"],
            "label": [1, 0, 1],
            "flag": [True, False, None],
            "none": [None, None, None],
            "bytes": [b"neg", "é".encode(), None],
            "number": [1.0, float("nan"), None],
            "kind": pl.Series(["a", "b", None], dtype=pl.Categorical),
            "price": [Decimal("1.50"), None, Decimal("-2")],
            "day": [moment.date(), None, moment.date()],
            "list": [["é"], [], None],
        }
    ).write_parquet(path)
    names = ["text", "label", "flag", "none", "bytes", "number", "kind", "price", "day"]
    assert column_names(path) == [*names, "list"]
    table = read_table(path, columns=names)
    assert table.columns == {
        "text": ["NA", "", "x"],
        "label": ["1", "0", "1"],
        "flag": ["true", "false", ""],
        "none": ["", "", ""],
        "bytes": ["neg", "é", ""],
        "number": ["1.0", "", ""],
        "kind": ["a", "b", ""],
        "price": ["1.50", "", "-2.00"],
        "day": ["2024-02-29", "", "2024-02-29"],
    }
    assert table.lines == [1, 2, 3]
    with pytest.raises(DataError, match=r"no column 'labels'; there are 'text', 'label', .*\ndid you mean 'label'"):
        read_table(path, columns=["labels"])


@pytest.mark.parametrize("cell", [["a"], [], {"x": "a"}, [[1]]])
def test_what_is_no_text_is_refused_in_the_columns_asked_for(tmp_path: Path, cell: object) -> None:
    pl.DataFrame({"text": ["a"], "label": [cell]}).write_parquet(tmp_path / "a.parquet")
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": "a", "label": cell}) + "\n")
    (tmp_path / "a.json").write_text(json.dumps([{"text": "a", "label": cell}]))
    for name in ("a.parquet", "a.jsonl", "a.json"):
        assert read_table(tmp_path / name, columns=["text"]).columns == {"text": ["a"]}
        with pytest.raises(DataError, match=r"'label' .*(list|object|List|Struct).*text.*\n.*another column"):
            read_table(tmp_path / name, columns=["text", "label"])


def test_bytes_that_are_no_utf_8_are_refused_with_their_row(tmp_path: Path) -> None:
    pl.DataFrame({"text": [b"a", b"caf\xe9"]}).write_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"a.parquet:2: the 'text' of this row is bytes that are not UTF-8 \(byte 4\)"):
        read_table(tmp_path / "a.parquet")


def test_columns_that_nobody_asks_for_may_have_no_name_or_one_name(tmp_path: Path) -> None:
    table = _table(tmp_path, "a.csv", "v1,v2,,,\nham,hello,,,\nspam,win,,,x\n", columns=["v2", "v1"])
    assert table.columns == {"v2": ["hello", "win"], "v1": ["ham", "spam"]}
    assert column_names(tmp_path / "a.csv") == ["v1", "v2", "", "", ""]


@pytest.mark.parametrize(
    "content",
    [
        '[{"text": "a", "n": 1},\n {"text": "b\\n", "n": null}\n]\n',
        '{"text": "a", "n": 1}\n{"text": "b\\n", "n": null}\n',
        '  [\r\n{"text": "a",\n"n": 1}, {"text": "b\\n",\n"n": NaN}]',
    ],
)
def test_records_in_one_json_file(tmp_path: Path, content: str) -> None:
    table = _table(tmp_path, "a.json", content)
    assert table.columns == {"text": ["a", "b\n"], "n": ["1", ""]}
    starts = [i for i, line in enumerate(content.split("\n"), start=1) for _ in range(line.count('{"text"'))]
    assert table.lines == starts


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('[{"text": "a"}\n{"text": "b"}]', r"a.json:2: this list of objects ends early or lacks a comma"),
        ('[{"text": "a"},\n{"text": "b"}', r"a.json:2: this list of objects ends early"),
        ('[{"text": "a"}] [1]', r"a.json: something follows the end of the list"),
        ('[{"text": "a"},\n\n{"text": }]', r"a.json:3: this is not JSON: Expecting value at character 10"),
        ('["a", "b"]', r"a.json:1: this line is a JSON str, not an object"),
        ("[]", r"a.json: the table has a header and no rows"),
        ('[{"text": "\\ud800"}]', r"a.json:1: half of a surrogate pair"),
    ],
)
def test_json_that_holds_no_records(tmp_path: Path, content: str, problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        _table(tmp_path, "a.json", content)


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.json"])
@pytest.mark.parametrize(
    ("content", "what"),
    [
        (
            gzip.compress(b"text,label\na,b\n", mtime=0),
            r"gzip data, not text\nname it with .gz at the end, as in a.\w+.gz",
        ),
        (lzma.compress(b"text,label\n"), "xz data.*\nunpack it"),
        (bz2.compress(b"text,label\n"), "bzip2 data.*\nunpack it"),
        (b"\x28\xb5\x2f\xfd\x04\x00text", "zstd data.*\nunpack it"),
        (b"PAR1\x15\x04\x15", "a Parquet file.*\nname it with .parquet"),
        (b"PK\x03\x04" + bytes(26) + b"xl/workbook.xml", "an Excel workbook.*\nsave it as .csv"),
        (b"PK\x03\x04" + bytes(26) + b"[Content_Types].xml", "an Office document.*\nsave it as .csv"),
        (b"PK\x03\x04" + bytes(26) + b"a.csv", r"a zip archive.*\nname it a.\w+.zip"),
        (b"%PDF-1.4\n", "a PDF file"),
    ],
)
def test_other_formats_are_known_by_their_bytes(tmp_path: Path, name: str, content: bytes, what: str) -> None:
    for encoding in ("utf-8", "latin-1"):
        with pytest.raises(DataError, match=f"{name}: this is {what}"):
            _table(tmp_path, name, content, encoding=encoding)


def test_packed_tables_are_unpacked(tmp_path: Path) -> None:
    assert _table(tmp_path, "a.csv.gz", gzip.compress(b"a,b\n1,2\n")).columns == {"a": ["1"], "b": ["2"]}
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("inner/c.tsv", "a\n1\n")
    assert read_table(tmp_path / "b.zip").columns == {"a": ["1"]}


def test_another_encoding_is_read_when_asked_for(tmp_path: Path) -> None:
    content = "text,label\ncafé…,x\n".encode("cp1252")
    assert _table(tmp_path, "a.csv", content, encoding="cp1252").columns["text"] == ["café…"]
    with pytest.raises(DataError, match=r"a\.csv:2: 0xE9, byte 4 of the line"):
        _table(tmp_path, "a.csv", content)


BIG = "x" * 600_000
BAD = [
    ("a.csv", "", "a.csv: the file is empty"),
    ("a.csv", "\n\n", "a.csv: the table has only blank lines"),
    ("a.csv", "text,label\n", "a.csv: the table has a header and no rows"),
    ("a.csv", "text,label,text\na,b,c\n", "a.csv:1: the column 'text' appears twice"),
    ("a.csv", 'text,label\n"a\nb",x\nc\n', "a.csv:4: this row has 1 cells, the header has 2"),
    ("a.csv", "text,label\na,b,c\n", "a.csv:2: this row has 3 cells, the header has 2\nquote cells"),
    ("a.csv", 'text,label\na,x\n"b,y\nc,z\n', "a.csv:3: a quote that this row opens is never closed"),
    ("a.csv", 'text,label\n"a"b,x\n', "a.csv:2: this row is no CSV"),
    ("a.csv", "text,label\ra,x\r", "a.csv:1: a carriage return stands inside this row"),
    ("a.csv", f'text,label\n"{BIG}\n{BIG}",x\n', "a.csv:2: a cell of this row has over 1,000,000 characters"),
    ("a.csv", f"text,label\n{BIG}{BIG},x\n", "a.csv:2: this line has more than 1,000,000 characters"),
    ("a.csv", "text,label\na\0,x\n", "a.csv:2: a NUL byte"),
    ("a.tsv", "text\tlabel\na b c\n", "a.tsv:2: this row has 1 cells, the header has 2"),
    ("a.jsonl", '{"text": "a"}\n{"text": \n', "a.jsonl:2: this is not JSON: Expecting value"),
    ("a.jsonl", '{"text": "a"}\n["b"]\n', "a.jsonl:2: this line is a JSON list, not an object"),
    ("a.jsonl", '{"text": "a", "label": "x"}\n{"text": "b"}\n', "a.jsonl:2: no column 'label'; there are 'text'"),
    ("a.jsonl", '{"text": "\\ud800"}\n', "a.jsonl:1: half of a surrogate pair"),
    ("a.jsonl", "[" * 200_000 + "\n", "a.jsonl:1: this JSON is nested too deeply"),
    ("a.jsonl", "\n", "a.jsonl: the table has a header and no rows"),
    ("a.parquet", "", "a.parquet: the file is empty"),
    ("a.parquet", "PAR1 this is not one", "a.parquet: this is not a Parquet file"),
    ("a.parquet", "PAR1 this is not one PAR1", "a.parquet: this Parquet file cannot be read"),
    ("a.xlsx", "x", "a.xlsx: .xlsx is not a table format that can be read\nthere are .csv"),
    ("a", "x", "a: a file without an ending is not a table format"),
]


@pytest.mark.parametrize(("name", "content", "message"), BAD)
def test_a_bad_table_is_an_error_that_says_where(tmp_path: Path, name: str, content: str, message: str) -> None:
    limit = csv.field_size_limit()
    with pytest.raises(DataError) as caught:
        _table(tmp_path, name, content)
    assert str(caught.value).removeprefix(f"{tmp_path}/").startswith(message)
    assert str(caught.value).count("\n") <= 1
    assert csv.field_size_limit() == limit


def test_half_a_parquet_file_is_an_error(tmp_path: Path) -> None:
    whole = io.BytesIO()
    pl.DataFrame({"text": ["a" * 50] * 100}).write_parquet(whole)
    content = whole.getvalue()
    for damaged in (content[:-40], content[:40] + content[80:], content[:4] + b"\xff" * 40 + content[44:]):
        with pytest.raises(DataError, match="Parquet"):
            _table(tmp_path, "a.parquet", damaged)


def test_other_separators_are_guessed_at_in_the_message(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no column 'text'; there are 'text;label'\n.*here by ';'"):
        _table(tmp_path, "a.tsv", "text;label\na;x\n", columns=["text"])
    with pytest.raises(DataError, match="no such file"):
        read_table(tmp_path / "none.csv")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(content=st.binary(max_size=60), kind=st.sampled_from(["csv", "tsv", "jsonl", "parquet", "csv.gz", "zip"]))
def test_no_bytes_whatever_are_a_traceback(tmp_path: Path, content: bytes, kind: str) -> None:
    try:
        table = _table(tmp_path, f"a.{kind}", content)
    except DataError:
        return
    assert len(table.lines) == len(next(iter(table.columns.values())))
    json.dumps(table.columns)


def test_lines_that_begin_with_their_label(tmp_path: Path) -> None:
    table = _table(tmp_path, "a.txt", "__label__good  a fine film\r\n\n__label__bad\n__label__very-bad\tdull\n")
    assert table.columns == {"label": ["good", "bad", "very-bad"], "text": ["a fine film", "", "dull"]}
    assert table.lines == [1, 3, 4]
    assert column_names(tmp_path / "a.txt") == ["label", "text"]
    for content, problem in (
        ("__label__a x\nno label\n", "a.txt:2: this line does not begin with its label"),
        ("__label__a __label__b x\n", "a.txt:1: this line has 2 labels"),
        ("__label__a x\nx __label__b\n", "a.txt:2: this line does not begin with its label"),
    ):
        with pytest.raises(DataError, match=problem):
            _table(tmp_path, "a.txt", content)


@pytest.mark.timeout(60)
def test_a_header_of_many_columns_is_read_soon_and_told_shortly(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(",".join(f"c{i}" for i in range(100_000)) + "\n" + "," * 99_999 + "\n", encoding="utf-8")
    assert len(read_table(path).columns) == 100_000
    with pytest.raises(DataError, match=r"no column 'text'; there are 'c0', .* and 99,980 more") as caught:
        read_table(path, columns=["text"])
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ({"text": ["a"] * 3_000_000}, "bytes unpack to .* and 3,000,000 cells, 16,777,216 bytes are allowed"),
        ({"text": ["a" * 100_000] * 300}, "the column 'text' holds 30,000,000 bytes of text, 16,777,216 are"),
    ],
)
def test_a_small_parquet_file_of_much_is_refused(tmp_path: Path, frame: dict[str, list[str]], message: str) -> None:
    path = tmp_path / "a.parquet"
    pl.DataFrame(frame).write_parquet(path)
    with pytest.raises(DataError, match=message):
        read_table(path)


def test_a_parquet_page_that_says_it_is_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pl.DataFrame({"text": ["abc"] * 9}).write_parquet(path, compression="uncompressed", statistics=False)
    whole = path.read_bytes()
    assert whole[4:8] == b"\x15\x04\x15\x0e"  # PageHeader: type 2 (dictionary), uncompressed size 7
    path.write_bytes(whole[:7] + b"\xfe\xff\xff\xff\x0f" + whole[8:])
    with pytest.raises(DataError, match=r"cannot be read|unpack to 2,147,483,6"):
        read_table(path)

"""Numbers, codes and binary data are told from text; what is text, in any language or notation, is left alone."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from recurra.data.datasets import named
from recurra.errors import DataError
from recurra.tasks import registry
from recurra.tasks.sources.resolving import resolve
from recurra.tasks.sources.unlike_text import UnlikeTextError, look_at, refuse_unlike_text

RNG = random.Random(0)
CODE = ["function ", "a(", "b)", "{return ", "c+d;", "}", "var e=", "f.g(h),", "!0&&"]
SERIES = "@problemName Coffee\n@classLabel true 0 1\n@data\n"
NUMBERS = {
    "a column": "".join(f"{RNG.gauss(0, 1):.5f}\n" for _ in range(500)),
    "columns": "".join(f"{i} {RNG.random():.4f}\t{RNG.random():.4e};-{i}\n" for i in range(300)),
    "with gaps": "".join(RNG.choice(["NaN, ", "?, ", "1e-3, ", "17%, ", '"4.5", ']) for _ in range(300)),
    "series in .ts": SERIES + "".join(f"{RNG.gauss(0, 1):.3f}" + RNG.choice([",", ",", ":1\n"]) for _ in range(900)),
    "dates and addresses": "".join(f"2024-01-{i % 28 + 1:02}T12:{i % 60:02}:11 10.0.{i % 255}.7\n" for i in range(300)),
}
OTHERS = {
    "base64": (base64.encodebytes(RNG.randbytes(9_000)).decode(), "base64"),
    "hexadecimal": ("\n".join(RNG.randbytes(16).hex() for _ in range(400)), "hexadecimal digits"),
    "minified": ("".join(RNG.choices(CODE, k=5_000)), "minified"),
    "controls": ("".join(RNG.choices("\x01\x02\x03\x0e\x0f\x7fAB ", k=3_000)), "control characters"),
    "binary": (RNG.randbytes(5_000), "control characters"),
}
TEXTS = {
    "prose with years": "In 1914, 1915 and 1916 about 25 of the 300 men came back, 12 % of them ill. " * 40,
    "Chinese without an end of line": "他说：“一九一四年，我们有二十五个人。”" * 300,
    "GB 18030": ("今天天气很好，我们去公园。" * 100).encode("gb18030"),
    "UTF-16 without a mark": ("Nobody knows it. " * 90).encode("utf-16-le"),
    "Latin-1": ("Käse für Söhne, déjà vu. " * 60).encode("latin-1"),
    "words by number": "".join(f"w{i} w{i % 7}\n" for i in range(900)),
    "genes": "\n".join("".join(RNG.choices("ACGT", k=70)) for _ in range(200)),
    "code": "export function add(a: number, b: number): number {\n  return a + b;\n}\n\n" * 60,
    "verses": "ROMEO:\nBut, soft! what light through yonder window breaks?\n\n" * 60,
    "one long line": "It is a truth universally acknowledged, that a single man must want a wife. " * 300,
    "ANSI colours": "\x1b[31mfailed\x1b[0m: the test of the parser at line 12\n" * 60,
    "few numbers": "1 2 3 4 5",
}


def encoded(content: str | bytes) -> bytes:
    return content if isinstance(content, bytes) else content.encode()


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers(name: str) -> None:
    found = look_at(encoded(NUMBERS[name]))
    assert found is not None
    assert found.numbers


@pytest.mark.parametrize("name", OTHERS)
def test_what_else_is_no_text(name: str) -> None:
    content, reason = OTHERS[name]
    found = look_at(encoded(content))
    assert found is not None
    assert reason in found.reason
    assert not found.numbers


@pytest.mark.parametrize("name", TEXTS)
def test_text_is_left_alone(name: str) -> None:
    assert look_at(encoded(TEXTS[name])) is None


def test_the_data_that_come_along_are_text() -> None:
    for name in ("surnames", "python-docs", "chinese-pairs"):
        for path in named.get(name).files.values():
            assert look_at(path.read_bytes()[: 1 << 16]) is None, path


@pytest.fixture
def put(tmp_path: Path) -> Callable[[str, str], Path]:
    def write(name: str, content: str) -> Path:
        (tmp_path / name).write_text(content, encoding="utf-8")
        return tmp_path / name

    return write


def test_the_error_says_what_forces_it(put: Callable[[str, str], Path]) -> None:
    with pytest.raises(UnlikeTextError, match=r"holds numbers, 100% .*\n.*all the same: --task language") as caught:
        refuse_unlike_text(resolve(put("air.dat", NUMBERS["columns"])))
    assert caught.value.task == "language"
    table = "month,passengers\n" + "".join(f"{i},{RNG.randint(100, 600)}\n" for i in range(200))
    with pytest.raises(UnlikeTextError, match=r"--task classify --text COLUMN"):
        refuse_unlike_text(resolve(put("air.csv", table)))
    with pytest.raises(DataError, match="a NumPy array"):
        refuse_unlike_text(resolve(put("x.txt", "\x00")).__class__("x", "language", "text", {"all": npy(put)}))


def npy(put: Callable[[str, str], Path]) -> Path:
    path = put("weights.npy", "")
    path.write_bytes(b"\x93NUMPY\x01\x00v\x00" + bytes(1000))
    return path


def test_a_table_with_a_column_of_texts_is_what_its_user_says(put: Callable[[str, str], Path]) -> None:
    sums = "text,label\n" + "".join(f"{i}+{i + 1},{2 * i + 1}\n" for i in range(300))
    refuse_unlike_text(resolve(put("sums.csv", sums)))


def test_tasks_that_read_numbers_are_named(put: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the registry has."""
    no_text = SimpleNamespace(settings=SimpleNamespace(data=None))
    row = SimpleNamespace(name="weigh", title="Scale", needs="a table of weights", defaults=no_text)
    monkeypatch.setattr(registry, "ROWS", (*registry.ROWS, row))
    with pytest.raises(UnlikeTextError, match=r"\n.*--task weigh reads a table of weights; .*--task language"):
        refuse_unlike_text(resolve(put("air.dat", NUMBERS["columns"])))
    with pytest.raises(UnlikeTextError, match=r"base64, .*\nto train on it"):
        refuse_unlike_text(resolve(put("b.txt", OTHERS["base64"][0])))  # type: ignore[arg-type]


def test_columns_are_a_question_where_nobody_named_the_task(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("".join(f"sentence {i}\tSatz {i}\n" for i in range(40)), encoding="utf-8")
    with pytest.raises(
        UnlikeTextError, match="it has 2 columns with tabs between them on every line\n--task translate"
    ):
        refuse_unlike_text(resolve(tmp_path / "a.txt"))
    (tmp_path / "b.txt").write_text("a list:\n" + "one\ttwo\n" * 40, encoding="utf-8")
    refuse_unlike_text(resolve(tmp_path / "b.txt"))

"""What readers read: small good files of every format, words of their formats, and the call that reads each."""

from __future__ import annotations

import functools
import gzip
import io
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from recurra.data.abc.bars import complete
from recurra.data.abc.keys import transposed
from recurra.data.abc.tunes import read_tunes, written
from recurra.data.files import parallel
from recurra.data.files.candidates import read_candidates
from recurra.data.files.poems import read_poems
from recurra.data.files.tables import column_names, read_table
from recurra.data.files.text import read_text
from recurra.data.tagged.sentences import read_tagged
from recurra.data.vectors.table import read_vectors
from recurra.errors import DataError
from recurra.tasks import registry
from recurra.tasks.classify import data as classify_data
from recurra.tasks.fill import data as fill_data
from recurra.tasks.generate import data as generate_data
from recurra.tasks.language import data as language_data
from recurra.tasks.sources.resolving import resolve
from recurra.tasks.sources.source import hashes
from recurra.tasks.tag import data as tag_data
from recurra.tasks.translate import data as translate_data

PACKED = (".gz", ".zip", ".parquet")


@dataclass(frozen=True)
class Target:
    """Files by name, words to put into them, and what reads them: `read(path)` of the first file, or of the folder."""

    name: str
    files: dict[str, bytes]
    read: Callable[[Path], object]
    words: list[bytes] = field(default_factory=list)
    whole: bool = False


def prepare(task: str, *, settings: dict[str, object] | None = None, **files: str) -> Callable[[Path], object]:
    """Read, divide and encode as `recurra train --task` does. files: further ones by setting, beside the first"""

    def read(path: Path) -> object:
        more = {name: str(path.with_name(file)) for name, file in files.items()}
        source = resolve(path, task, **more)
        hashes(source.files)
        asked = type(registry.get(source.task).defaults.settings.data)(
            **({"split": (0.6, 0.2, 0.2)} | (settings or {}))
        )
        match source.task:
            case "classify":
                return classify_data.prepare(source, asked)
            case "fill":
                return fill_data.prepare(source, asked)
            case "generate":
                return generate_data.prepare(source, asked)
            case "tag":
                return tag_data.prepare(source, asked)
            case "translate":
                return translate_data.prepare(source, asked)
            case _:
                return language_data.read_corpus(source, asked)

    return read


def tunes(path: Path) -> None:
    for tune in read_tunes(path):
        try:
            text = written(tune)
        except DataError:
            continue
        complete(text)
        transposed(text, 1)
        transposed(text, -2)


def table(path: Path) -> None:
    names = column_names(path)
    read_table(path)
    read_table(path, columns=names[:1])
    read_table(path, columns=["text", "label"])


def _csv(mark: str = ",") -> bytes:
    rows = [f"word {i} of all{mark}{'ab'[i % 2]}" for i in range(24)]
    return "\n".join([f"text{mark}label", *rows, f'"a, ""quoted""\nword"{mark}a', ""]).encode()


def _jsonl() -> bytes:
    return b"".join(b'{"text": "word %d of \\u00e9 all", "label": "%c"}\n' % (i, 97 + i % 2) for i in range(24))


def _parquet(**options: object) -> bytes:
    stream = io.BytesIO()
    texts = [f"word {i} of all" for i in range(24)]
    frame = pl.DataFrame({"text": texts, "label": list("ab" * 12), "number": range(24), "share": [0.5] * 24})
    frame.write_parquet(stream, **options)  # type: ignore[arg-type]
    return stream.getvalue()


def _zip(name: str, content: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return stream.getvalue()


def _conllu() -> bytes:
    words = [("Anna", "PROPN"), ("went", "VERB"), ("home", "NOUN"), (".", "PUNCT")]
    found = ""
    for number in range(12):
        found += f"# sent_id = {number}\n1-2\tAnnawent" + "\t_" * 8 + "\n"
        for place, (word, tag) in enumerate(words, 1):
            found += f"{place}\t{word}{number}\t{word}\t{tag}\tX\t_\t0\troot\t_\t_\n"
        found += "4.1\tdid" + "\t_" * 8 + "\n\n"
    return found.encode()


def _columns(gap: str = "\t") -> bytes:
    rows = [("Anna", "B-PER"), ("Maria", "I-PER"), ("saw", "O"), ("Rome", "B-LOC")]
    return "".join("".join(f"{w}{n}{gap}{t}\n" for w, t in rows) + "\n" for n in range(12)).encode()


def _tagged_jsonl() -> bytes:
    return b"".join(b'{"tokens": ["Anna%d", "went"], "tags": ["B-PER", "O"]}\n' % i for i in range(12))


def _vectors(*, binary: bool, header: bool = True) -> bytes:
    words = ["the", "of", "Rome", "naïve"]
    if binary:
        return b"4 3\n" + b"".join(w.encode() + b" " + struct.pack("<3f", 1, -2, 0.5) + b"\n" for w in words)
    return (b"4 3\n" if header else b"") + "".join(f"{w} 0.1 -2 3e-2\n" for w in words).encode()


TEXT = "".join(f"A line of text, number {i}.\nÉ 中文 line\n\n" for i in range(40)).encode()
TUNES = b"".join(
    b'X:%d\nT:A tune\nR:jig\nM:6/8\nL:1/8\nK:G\n"G"GAB d2e|~f3 {a}gfe|[1 (3abc d2 z:|[2 [CEG]3 A>B c//|]\n\n' % i
    for i in range(12)
)
_POEM = '{"title": "t%d", "paragraphs": ["春眠%d，", "處處。"]}'
POEMS = ("[" + ",\n".join(_POEM % (i, i) for i in range(30)) + "]").encode()
LISTS = b"the cat sat\nthe cat sad\n\nan old house\nan owed house\na house\n"
PAIRS = "".join(f"go {i} home\tgeh {i} heim\n" for i in range(24)).encode()
SIDES = ("".join(f"go {i} home\n" for i in range(24)).encode(), "".join(f"geh {i} heim\n" for i in range(24)).encode())
NAMES = b"".join(b"Name%d\n" % i for i in range(12))

CELLS = [b",", b'"', b'""', b'",', b"\n", b"a,b", b"text", b"label", b"\t", b"a,b,c,d,e,f", b'"\n', b",,,,", b'\r\n"']
JSON = [b"{", b"}", b"[", b"]", b":", b'"text"', b'"label"', b"null", b"NaN", rb'"\ud83d"', b"1e999", b"-0", b"{}",
        b'"text": 1, ', b'"tokens"', b'"tags"', b"[[", b'{"a":', b"1" * 4_400]  # fmt: skip
ABC = [b"X:", b"K:", b"K:C", b"M:", b"L:", b"V:2", b"[", b"]", b"{", b"}", b"+", b"!", b'"', b"(3", b"(3:2:", b"|",
       b":|", b"||", b"[1", b"A", b"A/", b"99", b"<", b">", b"^^", b"__", b"z", b"Z9", b"[K:", b"%", b"P:A", b"1+",
       b"/", b","]  # fmt: skip
TAGS = [b"\t", b"O", b"B-", b"I-PER", b"E-", b"S-X", b"1", b"1-2", b"1.1", b"#", b"# a = b", b"_", b"\n\n", b"0",
        b"-DOCSTART- O"]  # fmt: skip
NUMBERS = [b"4 3\n", b"0.1", b"-", b"e", b"nan", b"inf", b" ", b"\t", b"999999999 3", b"4 99999999", b"1 1000000000",
           b"the 1 2 3", b"\n", b"  ", b"9" * 400]  # fmt: skip
PART = [b"PAR1", b"\x15\x04", b"\x15\xfe\xff\xff\xff\x0f", b"\xff\xff\xff\x7f", b"\x00\x00\x00\x80", b"\x19", b"\x2c"]

WORDS = {"level": "word", "normalize": ("nfkc", "lowercase")}
CHARS = {"level": "char", "normalize": ("ascii",)}


@functools.cache
def targets() -> list[Target]:
    """All of them."""
    found = [
        Target("csv", {"a.csv": _csv()}, table, CELLS),
        Target("tsv", {"a.tsv": _csv("\t")}, table, CELLS),
        Target("jsonl", {"a.jsonl": _jsonl()}, table, JSON),
        Target("json records", {"a.json": b"[" + _jsonl().strip().replace(b"\n", b",\n") + b"]"}, table, JSON),
        Target("parquet", {"a.parquet": _parquet()}, table, PART),
        Target("plain parquet", {"a.parquet": _parquet(compression="uncompressed")}, table, PART),
        Target("parquet groups", {"a.parquet": _parquet(compression="snappy", row_group_size=5)}, table, PART),
        Target("csv.gz", {"a.csv.gz": gzip.compress(_csv(), mtime=0)}, table, CELLS),
        Target("csv.zip", {"a.zip": _zip("a.csv", _csv())}, table, CELLS),
        Target("text", {"a.txt": TEXT}, read_text),
        Target("text.gz", {"a.txt.gz": gzip.compress(TEXT, mtime=0)}, read_text),
        *(
            Target(f"text {name}", {"a.txt": TEXT.decode().encode(name, "ignore")}, functools.partial(_text, name))
            for name in ("utf-16", "utf-32", "gb18030", "utf-7", "shift_jis", "hz", "unicode_escape", "utf-8-sig")
        ),
        Target("conllu", {"a.conllu": _conllu()}, read_tagged, TAGS),
        Target("columns", {"a.bio": _columns()}, read_tagged, TAGS),
        Target("spaced columns", {"a.conll": _columns(" ")}, read_tagged, TAGS),
        Target("tagged jsonl", {"a.jsonl": _tagged_jsonl()}, read_tagged, JSON),
        Target("tunes", {"a.abc": TUNES}, tunes, ABC),
        Target("poems", {"a.json": POEMS}, read_poems, JSON),
        Target("candidates", {"a.txt": LISTS}, read_candidates),
        Target("pairs", {"a.tsv": PAIRS}, parallel.from_columns, CELLS),
        Target("two sides", {"a.en": SIDES[0], "a.de": SIDES[1]}, _two_sides),
        *(
            Target(f"vectors {name}", {"a.vec": content}, _vectors_of, NUMBERS)
            for name, content in (
                ("text", _vectors(binary=False)),
                ("bare", _vectors(binary=False, header=False)),
                ("binary", _vectors(binary=True)),
            )
        ),
        Target("vectors.gz", {"a.vec.gz": gzip.compress(_vectors(binary=True), mtime=0)}, _vectors_of, NUMBERS),
        Target("classify csv", {"a.csv": _csv()}, prepare("classify"), CELLS),
        Target("classify words", {"a.csv": _csv()}, prepare("classify", settings=WORDS), CELLS),
        Target("classify jsonl", {"a.jsonl": _jsonl()}, prepare("classify", settings=CHARS), JSON),
        Target("classify parquet", {"a.parquet": _parquet()}, prepare("classify"), PART),
        Target("classify labels", {"a.txt": NAMES, "b.txt": NAMES[:40]}, prepare("classify"), whole=True),
        Target("classify parts", {"train.csv": _csv(), "test.csv": _csv()}, prepare("classify"), CELLS, whole=True),
        Target("generate csv", {"a.csv": _csv()}, prepare("generate"), CELLS),
        Target("generate tunes", {"a.abc": TUNES}, prepare("generate", settings={"transpose": True}), ABC),
        Target("generate by M", {"a.abc": TUNES}, prepare("generate", settings={"label": "M,K"}), ABC),
        Target("fill text", {"a.txt": TEXT}, prepare("fill", settings={"max_length": 8})),
        Target("fill csv", {"a.csv": _csv()}, prepare("fill"), CELLS),
        Target("tag conllu", {"a.conllu": _conllu()}, prepare("tag"), TAGS),
        Target("tag columns", {"a.bio": _columns()}, prepare("tag"), TAGS),
        Target("tag jsonl", {"a.jsonl": _tagged_jsonl()}, prepare("tag"), JSON),
        Target("tag pairs", {"a.words": SIDES[0], "a.tags": SIDES[1]}, prepare("tag"), whole=True),
        Target("translate pairs", {"a.tsv": PAIRS}, prepare("translate", settings={"level": "word"}), CELLS),
        Target("translate bpe", {"a.tsv": PAIRS}, prepare("translate", settings={"max_vocabulary": 60}), CELLS),
        Target(
            "translate two",
            {"a.en": SIDES[0], "a.de": SIDES[1]},
            prepare("translate", settings={"level": "char"}, parallel="a.de"),
        ),
        Target("language text", {"a.txt": TEXT}, prepare("language", settings=WORDS)),
        Target("language bytes", {"a.txt": TEXT}, prepare("language", settings={"level": "byte"})),
        Target("language bpe", {"a.txt": TEXT}, prepare("language", settings={"level": "bpe", "max_vocabulary": 90})),
        Target("language poems", {"a.json": POEMS}, prepare("language"), JSON),
        Target("language csv", {"a.csv": _csv()}, prepare("language", settings={"text": "text"}), CELLS),
    ]
    return found


def _text(encoding: str, path: Path) -> str:
    return read_text(path, encoding)


def _two_sides(path: Path) -> object:
    return parallel.from_files(path, path.with_name("a.de"))


def _vectors_of(path: Path) -> object:
    return read_vectors(path, ["the", "of", "Rome", "naïve"])

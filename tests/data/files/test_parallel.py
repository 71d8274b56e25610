from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import numpy as np
import pytest

from recurra.data.files.pair_rows import Pair, Pairs
from recurra.data.files.parallel import distinct, from_columns, from_files, from_table, has_header, split
from recurra.errors import DataError


def write(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def test_columns_are_pairs_and_a_third_one_is_not_read(tmp_path):
    path = write(tmp_path / "pairs.tsv", "a house\tein Haus", "", " a tree \t ein Baum\tby somebody")
    pairs = from_columns(path)
    assert [(p.source, p.target, p.line) for p in pairs] == [("a house", "ein Haus", 1), ("a tree", "ein Baum", 3)]
    assert pairs.blank == 1
    assert list(from_columns(path, swap=True).sources) == ["ein Haus", "ein Baum"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("alone", "one column"),
        ("a\tb\tc\td", "4 columns"),
        ("\tein Haus", "the source of this pair is empty"),
        ("a house\t ", "the translation of this pair is empty"),
    ],
)
def test_a_line_that_is_no_pair_is_named(tmp_path, line, says):
    path = write(tmp_path / "pairs.tsv", "a house\tein Haus", line)
    with pytest.raises(DataError, match=says) as caught:
        from_columns(path)
    assert (caught.value.file, caught.value.line) == (path, 2)


def test_blank_lines_alone_are_an_error(tmp_path):
    with pytest.raises(DataError, match="no sentence pair"):
        from_columns(write(tmp_path / "pairs.tsv", "", ""))


def test_two_files_line_by_line_packed_or_not(tmp_path):
    source = write(tmp_path / "train.en", "a house", "", "a tree")
    target = tmp_path / "train.de.gz"
    target.write_bytes(gzip.compress(b"ein Haus\n\nein Baum\n"))
    pairs = from_files(source, target)
    assert [(p.source, p.target, p.line) for p in pairs] == [("a house", "ein Haus", 1), ("a tree", "ein Baum", 3)]
    assert pairs.blank == 1


@pytest.mark.parametrize("longer", ["source", "target"])
def test_files_of_different_length_are_refused_with_both_lengths(tmp_path, longer):
    long = write(tmp_path / "long.en", "a", "b", "c", "d")
    short = write(tmp_path / "short.de", "A", "B")
    with pytest.raises(DataError, match=r"long.en has 4 lines, short.de 2") as caught:
        from_files(*((long, short) if longer == "source" else (short, long)))
    assert (caught.value.file, caught.value.line) == (long, 3)


@pytest.mark.parametrize(("first", "second", "named"), [("", "B", "a.en"), ("b", "", "a.de")])
def test_an_empty_side_is_named_with_its_own_file_and_line(tmp_path, first, second, named):
    source, target = write(tmp_path / "a.en", "a", first, "c"), write(tmp_path / "a.de", "A", second, "C")
    with pytest.raises(DataError, match="of this pair is empty") as caught:
        from_files(source, target)
    assert (Path(caught.value.file).name, caught.value.line) == (named, 2)


def test_a_zip_may_hold_a_note_beside_its_one_file(tmp_path):
    path = tmp_path / "pairs.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("deu-eng/_about.txt", "about these pairs")
        archive.writestr("deu-eng/pairs.txt", "a house\tein Haus\tby somebody\n")
        archive.writestr("__MACOSX/._pairs.txt", "x")
    assert list(from_columns(path).targets) == ["ein Haus"]


def pairs_of(*both: tuple[str, str]) -> Pairs:
    return Pairs([Pair(s, t, Path("pairs.tsv"), i) for i, (s, t) in enumerate(both, start=1)])


def test_repeats_are_dropped_but_not_other_translations():
    found, dropped = distinct(pairs_of(("a", "A"), ("a", "B"), ("a", "A")))
    assert [(p.source, p.target) for p in found] == [("a", "A"), ("a", "B")]
    assert dropped == 1


def test_all_translations_of_a_sentence_stay_together():
    pairs = pairs_of(*((f"s{i % 40}", f"t{i}") for i in range(120)))
    parts = split(pairs, (0.5, 0.25, 0.25), seed=3)
    sources = [set(part.sources) for part in parts.values()]
    assert [len(s) for s in sources] == [20, 10, 10]
    assert sum(map(len, parts.values())) == 120
    assert not sources[0] & sources[1] | sources[0] & sources[2] | sources[1] & sources[2]
    assert [list(part) for part in split(pairs, (0.5, 0.25, 0.25), seed=3).values()] == list(map(list, parts.values()))
    assert [list(part) for part in split(pairs, (0.5, 0.25, 0.25), seed=4).values()] != list(map(list, parts.values()))
    upper = split(pairs, (0.5, 0.25, 0.25), seed=3, form=str.upper)
    keys = np.array([int(item.source[1:]) for item in pairs], np.uint64)
    known = split(pairs, (0.5, 0.25, 0.25), seed=3, keys=keys)
    assert list(map(list, upper.values())) == list(map(list, known.values())) == list(map(list, parts.values()))


def test_every_part_with_a_share_gets_a_sentence():
    parts = split(pairs_of(*((f"s{i}", "t") for i in range(3))), (0.98, 0.01, 0.01))
    assert [len(p) for p in parts.values()] == [1, 1, 1]
    with pytest.raises(DataError, match="2 different sentences cannot be divided into 3 parts"):
        split(pairs_of(("a", "A"), ("b", "B")), (0.8, 0.1, 0.1))


def test_two_named_columns_are_pairs(tmp_path):
    path = write(tmp_path / "a.csv", "id,de,en", "1,ein Haus, a house ", "2,,", "3,ein Baum,a tree")
    pairs, said = from_table(path, source="en", target="de")
    assert [(p.source, p.target, p.line) for p in pairs] == [("a house", "ein Haus", 2), ("a tree", "ein Baum", 4)]
    assert pairs.blank == 1
    assert said == "sentences are in the column 'en', their translations in 'de'"
    swapped, said = from_table(path, source="en", target="de", swap=True)
    assert list(swapped.sources) == ["ein Haus", "ein Baum"]
    assert said == "sentences are in the column 'de', their translations in 'en'"
    usual = write(tmp_path / "b.jsonl", '{"target": "ein Haus", "source": "a house"}')
    assert list(from_table(usual, source=None, target=None)[0].sources) == ["a house"]
    chinese = write(tmp_path / "c.csv", "序号,译文,原文", "1,a house,房子")
    pairs, said = from_table(chinese, source=None, target=None)
    assert (list(pairs.sources), said) == (["房子"], "sentences are in the column '原文', their translations in '译文'")


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ((None, None), "a.csv: no column is named like a source usually is; there are 'de', 'en', 'id'"),
        (("en", None), "a.csv: no column is named like a translation usually is"),
        (("en", "fr"), "a.csv:1: no column 'fr'"),
        (("en", "en"), "'en' cannot be both the source and its translation"),
        (("en", "de"), "a.csv:3: the source of this pair is empty"),
    ],
)
def test_columns_that_are_no_pair(tmp_path, names, says):
    path = write(tmp_path / "a.csv", "de,en,id", "ein Haus,a house,1", "ein Baum,,2")
    with pytest.raises(DataError, match=says):
        from_table(path, source=names[0], target=names[1])


@pytest.mark.parametrize(
    ("names", "columns"),
    [
        ((None, None), ("en", "zh")),
        (("zh", None), ("zh", "en")),
        (("en", None), ("en", "zh")),
        ((None, "zh"), ("en", "zh")),
        ((None, "en"), ("zh", "en")),
    ],
)
def test_two_columns_are_pairs_whatever_their_names(tmp_path, names, columns):
    path = write(tmp_path / "a.csv", "en,zh", "a house,房子")
    pairs, said = from_table(path, source=names[0], target=names[1])
    assert said == f"sentences are in the column {columns[0]!r}, their translations in {columns[1]!r}"
    assert list(pairs.sources) == ["a house" if columns[0] == "en" else "房子"]
    with pytest.raises(DataError, match="no column 'fr'"):
        from_table(path, source="en", target="fr")


def test_a_header_of_two_columns_is_known_by_its_names(tmp_path):
    assert has_header(write(tmp_path / "a.tsv", "source\ttarget", "a\tb"))
    assert not has_header(write(tmp_path / "b.tsv", "a house\tein Haus"))

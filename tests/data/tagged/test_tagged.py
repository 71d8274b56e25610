"""Files of tagged sentences: every format, and every way in which one can be wrong, with its line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import polars as pl
import pytest

from recurra.data.tagged.sentences import Reading, Tagged, read_tagged
from recurra.errors import DataError, UnknownNameError, UsageError


def put(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


def pairs(found: Tagged) -> list[list[tuple[str, str]]]:
    return [list(zip(s.tokens, s.tags, strict=True)) for s in found]


def refused(
    match: str, path: Path, line: int | None, *, reading: Reading | None = None, tags: Path | None = None
) -> None:
    with pytest.raises(DataError, match=match) as caught:
        read_tagged(path, reading, tags=tags)
    assert caught.value.line == line
    assert len(str(caught.value).splitlines()) <= 2


# columns

CAT = [[("the", "D"), ("cat", "N")], [("it", "P")]]


@pytest.mark.parametrize(
    "text",
    [
        "the D\ncat N\n\nit P\n",
        "the\tD\ncat\tN\n\nit\tP",
        "the D\r\ncat N\r\n\r\nit P\r\n",
        "\n\nthe   D\ncat \t N\n \t\n\nit P\n\n\n",
        "-DOCSTART- -X-\n\nthe D\ncat N\n-DOCSTART- -X-\nit P\n",
    ],
)
def test_columns(tmp_path: Path, text: str) -> None:
    found = read_tagged(put(tmp_path / "a.bio", text))
    assert pairs(found) == CAT
    assert [item.lines for item in found][1][0] > found.items[0].lines[-1]


def test_columns_by_number_and_tokens_with_spaces_between_tabs(tmp_path: Path) -> None:
    path = put(tmp_path / "a.conll", "New York\tB-NP\tB-LOC\nis\tB-VP\tO\n")
    assert pairs(read_tagged(path)) == [[("New York", "B-LOC"), ("is", "O")]]
    assert pairs(read_tagged(path, Reading(label="2"))) == [[("New York", "B-NP"), ("is", "B-VP")]]
    assert pairs(read_tagged(path, Reading(text="3", label="1"))) == [[("B-LOC", "New York"), ("O", "is")]]


def test_a_wide_space_is_a_token(tmp_path: Path) -> None:
    assert pairs(read_tagged(put(tmp_path / "a.bmes", "\u3000 O\n\xa0 O\n"))) == [[("\u3000", "O"), ("\xa0", "O")]]


@pytest.mark.parametrize(
    ("text", "match", "line"),
    [
        ("a X\n-NAME\n", r"'-NAME' stands alone on its line, without its token or its tag", 2),
        ("a X\n X\n", "'X' stands alone on its line, without its token", 2),
        ("a\tX\n\tX\n", "'X' stands alone on its line, without its token", 2),
        ("a\tX\nb\t\n", "'b' stands alone on its line, without its tag", 2),
        ("a\n", "'a' stands alone", 1),
        ("a X\n\nb c X\n", "this line has 3 columns, expected 2", 3),
        ("a X Y\nb X\n", "this line has 2 columns, expected 3", 2),
    ],
)
def test_lines_without_a_token_or_a_tag(tmp_path: Path, text: str, match: str, line: int) -> None:
    refused(match, put(tmp_path / "a.bio", text), line)


def test_a_defective_line_is_left_out_as_asked(tmp_path: Path) -> None:
    path = put(tmp_path / "a.bio", "a X\n-NAME\nb X\n")
    with pytest.raises(DataError, match=r"--skip-lines a\.bio:2"):
        read_tagged(path)
    found = read_tagged(path, Reading(skip={2}))
    assert pairs(found) == [[("a", "X"), ("b", "X")]]
    assert found.left_out == ["a.bio:2"]
    assert tuple(found.items[0].lines) == (1, 3)


def test_columns_that_cannot_be(tmp_path: Path) -> None:
    path = put(tmp_path / "a.bio", "a X\n")
    for wrong in ("0", "x", "-1"):
        with pytest.raises(UsageError, match="label is a number from 1, got"):
            read_tagged(path, Reading(label=wrong))
    refused("no column 3, this line has 2", path, 1, reading=Reading(text="3"))


def test_a_file_of_blank_lines(tmp_path: Path) -> None:
    refused("has no sentence", put(tmp_path / "a.bio", "\n \n"), None)
    refused("is empty", put(tmp_path / "b.bio", ""), None)


# CoNLL-U


def word(number: str, form: str, upos: str = "X", xpos: str = "x") -> str:
    return "\t".join([number, form, form.lower(), upos, xpos, "_", "0", "root", "_", "_"])


UD = "\n".join(
    [
        "# text = Don't go", word("1-2", "Don't", "_", "_"), word("1", "Do", "AUX", "VB"),
        word("2", "n't", "PART", "RB"),
        word("3", "go", "VERB", "VB"), word("3.1", "ghost", "_", "_"), "", "# next", word("1", "#", "SYM", "SYM"), "",
    ]
)  # fmt: skip


def test_conllu_passes_over_multiword_lines_and_empty_nodes(tmp_path: Path) -> None:
    found = read_tagged(put(tmp_path / "a.conllu", UD))
    assert pairs(found) == [[("Do", "AUX"), ("n't", "PART"), ("go", "VERB")], [("#", "SYM")]]
    assert (found.multiword, found.empty_nodes) == (1, 1)
    assert [tuple(item.lines) for item in found] == [(3, 4, 5), (9,)]
    assert read_tagged(put(tmp_path / "b.conllu", UD.replace("\n", "\r\n"))).words() == 4


def test_conllu_by_column_and_packed(tmp_path: Path) -> None:
    path = tmp_path / "a.conllu.gz"
    path.write_bytes(gzip.compress(UD.encode()))
    assert read_tagged(path, Reading(text="lemma", label="XPOS")).items[0].tags == ("VB", "RB", "VB")
    assert read_tagged(path, Reading(label="deprel")).tags() == ["root"]
    with pytest.raises(UnknownNameError, match="did you mean 'xpos'"):
        read_tagged(path, Reading(label="xposs"))


@pytest.mark.parametrize(
    ("lines", "match", "line"),
    [
        ([word("1", "a"), "2\tb"], "this line has 2 columns, CoNLL-U has 10", 2),
        ([word("1", "a").replace("\t", " ")], "CoNLL-U has 10", 1),
        ([word("1", "a"), word("3", "b")], "number '3', expected 2", 2),
        ([word("1", "a"), word("x", "b")], "number 'x', expected 2", 2),
        (["# c", word("1", "a", "_")], "'a' has no upos", 2),
    ],
)
def test_conllu_that_is_wrong(tmp_path: Path, lines: list[str], match: str, line: int) -> None:
    refused(match, put(tmp_path / "a.conllu", "\n".join(lines)), line)


# JSON lines


def test_jsonl(tmp_path: Path) -> None:
    path = put(tmp_path / "a.jsonl", '{"tokens": ["a", "b"], "tags": ["X", "Y"]}\n\n{"tokens": [], "tags": []}\n')
    found = read_tagged(path)
    assert pairs(found) == [[("a", "X"), ("b", "Y")]]
    assert found.skipped == 1
    path = put(tmp_path / "b.jsonl", '{"words": ["a"], "ner_tags": [3], "slots": ["B-x"]}\n')
    assert pairs(read_tagged(path)) == [[("a", "3")]]
    assert pairs(read_tagged(path, Reading(label="slots"))) == [[("a", "B-x")]]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ('{"tokens": ["a", "b"], "tags": ["X"]}', "2 tokens, but 1 tags"),
        ('{"tokens": ["a"]}', "there is no 'tags', the keys are 'tokens'"),
        ('{"tokens": "a", "tags": ["X"]}', "'tokens' is not a list of texts"),
        ('{"tokens": [1], "tags": ["X"]}', "'tokens' is not a list of texts"),
        ('{"tokens": ["a"], "tags": [true]}', "'tags' is not a list of texts"),
        ('{"tokens": ["a", ""], "tags": ["X", "X"]}', "number 2 of 'tokens' is empty"),
        ("[1]", "expected an object, got list"),
        ("{", "this is not JSON"),
        ('{"tokens": ["a"], "tags": [' + "9" * 5_000 + "]}", "more than 4,300 digits"),
        (r'{"tokens": ["\ud83d"], "tags": ["X"]}', "half of a surrogate pair"),
        ('{"tokens": ' + "[" * 100_000, "nested too deeply"),
        ('{"tokens": ["a"], "tokens": ["b"], "tags": ["X"]}', "the key 'tokens' appears twice"),
    ],
)
def test_jsonl_that_is_wrong(tmp_path: Path, text: str, match: str) -> None:
    good = '{"tokens": ["a"], "tags": ["X"]}'
    refused(match, put(tmp_path / "a.jsonl", f"{good}\n{text}\n"), 2)


# two files


def test_parallel_files(tmp_path: Path) -> None:
    words, tags = put(tmp_path / "seq.in", "the  cat\n\nit \r\n"), put(tmp_path / "seq.out", "D N\n \nP")
    found = read_tagged(words, tags=tags)
    assert pairs(found) == CAT
    assert found.skipped == 1


def test_parallel_files_that_do_not_fit(tmp_path: Path) -> None:
    words, tags = put(tmp_path / "seq.in", "a b\nc d\n"), put(tmp_path / "seq.out", "X Y\nX\n")
    refused("2 tokens, but 1 tags on line 2 of seq.out", words, 2, tags=tags)
    assert pairs(read_tagged(words, Reading(skip={2}), tags=tags)) == [[("a", "X"), ("b", "Y")]]
    refused("ends after 2 lines, more.out goes on", words, 2, tags=put(tmp_path / "more.out", "X Y\nX Y\nX\n"))
    refused("ends after 1 lines, seq.in goes on", words, 1, tags=put(tmp_path / "less.out", "X Y\n"))


# comments and headers


def test_comments_of_columns_are_no_tokens_and_are_counted(tmp_path: Path) -> None:
    text = "# id ab domain=en\n# text = a cat\na _ _ B-X\ncat _ _ I-X\n\n# id ac domain=en\n# _ _ O\n\n#end document\n"
    found = read_tagged(put(tmp_path / "a.conll", text))
    assert pairs(found) == [[("a", "B-X"), ("cat", "I-X")], [("#", "O")]]
    assert found.comments == ["a.conll:1", "a.conll:2", "a.conll:6", "a.conll:9"]


def test_a_comment_with_the_width_of_tokens_stays_a_comment(tmp_path: Path) -> None:
    found = read_tagged(put(tmp_path / "a.bio", "# id=7\nthe D\n# SYM\n\n#end O\n#1 SYM\n"))
    assert pairs(found) == [[("the", "D"), ("#", "SYM")], [("#end", "O"), ("#1", "SYM")]]
    assert found.comments == ["a.bio:1"]
    assert found.doubtful == ["a.bio:3", "a.bio:5", "a.bio:6"]


def test_hash_tags_are_tokens(tmp_path: Path) -> None:
    text = "#Pray NN B-X\nfor IN O\n\n# SYM O\n1 CD O\n"
    found = read_tagged(put(tmp_path / "a.bio", text))
    assert pairs(found)[0][0] == ("#Pray", "B-X")
    assert pairs(found)[1][0] == ("#", "O")
    assert not found.doubtful


def test_a_comment_inside_a_sentence_is_refused(tmp_path: Path) -> None:
    refused("begins with # like a comment", put(tmp_path / "a.bio", "a _ _ O\n# id 7 domain=en\nb _ _ O\n"), 2)
    refused("begins with # like a comment", put(tmp_path / "b.bio", "a O\n#tag\nb O\n"), 2)


def test_comments_and_documents_are_counted_in_every_format(tmp_path: Path) -> None:
    word = "1\ta\t_\tX\t_\t_\t_\t_\t_\t_\n"
    found = read_tagged(put(tmp_path / "a.conllu", f"# sent_id = 1\n# text = a\n{word}\n# sent_id = 2\n{word}"))
    assert found.comments == ["a.conllu:1", "a.conllu:2", "a.conllu:5"]
    assert read_tagged(put(tmp_path / "a.bio", "-DOCSTART- -X-\n\na O\n")).comments == ["a.bio:1"]


def test_a_first_line_that_names_the_columns_is_no_token(tmp_path: Path) -> None:
    found = read_tagged(put(tmp_path / "a.tsv", "Word\tTag\nthe\tD\ncat\tN\n"))
    assert pairs(found) == [[("the", "D"), ("cat", "N")]]
    assert found.header == ["a.tsv:1"]
    assert read_tagged(put(tmp_path / "c.tsv", "字\t标签\n我\tO\n")).header == ["c.tsv:1"]
    listed = read_tagged(put(tmp_path / "c.jsonl", '{"词": ["我", "去"], "词性": ["PN", "VV"]}\n'))
    assert pairs(listed) == [[("我", "PN"), ("去", "VV")]]
    kept = read_tagged(put(tmp_path / "b.tsv", "text\tlabel\nlabel\tlabel\n"))
    assert pairs(kept) == [[("text", "label"), ("label", "label")]]


# tables


def test_lists_of_tokens_and_tags_in_parquet_and_json(tmp_path: Path) -> None:
    rows = [{"id": 1, "tokens": ["the", "cat"], "ner_tags": [0, 1]}, {"id": 2, "tokens": ["it"], "ner_tags": [0]}]
    pl.DataFrame(rows).write_parquet(tmp_path / "a.parquet")
    put(tmp_path / "a.json", json.dumps(rows, indent=1))
    for name in ("a.parquet", "a.json"):
        assert pairs(read_tagged(tmp_path / name)) == [[("the", "0"), ("cat", "1")], [("it", "0")]]
        refused("there is no 'pos'", tmp_path / name, 2 if name == "a.json" else 1, reading=Reading(label="pos"))
    pl.DataFrame({"tokens": ["the cat"], "tags": ["D N"]}).write_parquet(tmp_path / "b.parquet")
    refused("'tokens' is not a list of texts", tmp_path / "b.parquet", 1)


def test_tables_of_one_token_a_row_are_refused(tmp_path: Path) -> None:
    refused("tagged sentences cannot be read from this table", put(tmp_path / "a.csv", "word,tag\na,X\n"), None)


def test_a_token_that_comes_again_and_lines_in_a_row_take_no_memory_again(tmp_path: Path) -> None:
    path = tmp_path / "a.bio"
    path.write_text("Rome B-city\nRome B-city\n\nto O\nRome B-city\n")
    first, second = read_tagged(path).items
    assert first.tokens[0] is first.tokens[1] is second.tokens[1]
    assert first.tags[0] is second.tags[1]
    assert (first.lines, second.lines) == (range(1, 3), range(4, 6))

"""Tagged sentences as a tagger takes them: parts, schemes, what is mended, cut, left out, and that it is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra.errors import DataError, UsageError
from recurra.tasks.sources.resolving import resolve
from recurra.tasks.sources.source import Source
from recurra.tasks.tag import data as tag_data
from recurra.tasks.tag.data import TagData, encode_part, prepare
from recurra.tasks.tag.lexicon import Lexicon
from recurra.tasks.tag.settings import TagDataSettings
from recurra.topologies.tagger import UNKNOWN_TAG


def put(path: Path, *sentences: str, gap: str = " ") -> Path:
    """Sentences as "token/tag token/tag", written as columns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ["\n".join(pair.replace("/", gap) for pair in sentence.split()) for sentence in sentences]
    path.write_text("\n\n".join(lines) + "\n", encoding="utf-8")
    return path


def read(
    path: Path, *, characters: bool | None = None, pairs: bool | None = None, seed: int = 0, **given: Any
) -> TagData:
    return prepare(resolve(path, "tag"), TagDataSettings(**given), characters=characters, pairs=pairs, seed=seed)


def many(count: int = 20) -> list[str]:
    return [f"word{i}/N is/V here/R" for i in range(count)]


def said(data: TagData, part: str) -> bool:
    return any(part in note for note in data.notes)


def test_one_file_is_divided_by_distinct_sentence(tmp_path: Path) -> None:
    data = read(put(tmp_path / "a.conll", *many(), *many()))
    counts = data.facts["counts"]
    assert sum(counts.values()) == 40
    assert counts["validation"] == counts["test"] == 4
    texts = {name: {s.tokens for s in part.sentences} for name, part in data.parts.items()}
    assert not texts["train"] & (texts["validation"] | texts["test"])
    again = read(put(tmp_path / "a.conll", *many(), *many()))
    assert [s.tokens for s in again.parts["test"].sentences] == [s.tokens for s in data.parts["test"].sentences]
    other = read(tmp_path / "a.conll", seed=1)
    assert [s.tokens for s in other.parts["test"].sentences] != [s.tokens for s in data.parts["test"].sentences]


def test_parts_of_their_own_and_what_they_share(tmp_path: Path) -> None:
    put(tmp_path / "d" / "x-train.bio", *many(10))
    put(tmp_path / "d" / "x-dev.bio", "word1/N is/V here/R", "new/N is/Z")
    put(tmp_path / "d" / "x-test.bio", "unseen/N was/V")
    data = read(tmp_path / "d")
    assert data.facts["counts"] == {"train": 10, "validation": 2, "test": 1}
    assert data.facts["tokens"] == {"train": 30, "validation": 5, "test": 2}
    assert data.tags == ["N", "R", "V"]
    assert said(data, "in both train and validation: 1 distinct sentence")
    assert said(data, "never in training, so mistakes in validation: 1 tag, Z (1 token)")
    assert data.parts["validation"].labels[1].tolist() == [0, UNKNOWN_TAG]
    assert data.facts["unknown_rate"] == 1.0


def test_without_a_validation_part_one_is_split_off(tmp_path: Path) -> None:
    put(tmp_path / "d" / "train.bio", *many(20))
    put(tmp_path / "d" / "test.bio", "x/N is/V")
    data = read(tmp_path / "d")
    assert data.facts["counts"] == {"train": 18, "validation": 2, "test": 1}
    assert said(data, "the validation part, 11%, was split off")


def test_forms_are_read_once_and_words_are_normalised(tmp_path: Path) -> None:
    put(tmp_path / "d" / "train.bio", "The/D cat/N the/D", "the/D Cat/N")
    put(tmp_path / "d" / "dev.bio", "THE/D Dog/N")
    data = read(tmp_path / "d", normalize=("lowercase",))
    train, held = data.parts["train"], data.parts["validation"]
    assert train.forms == ["The", "cat", "the", "Cat"]
    assert train.words[0] == train.words[2] != train.words[1] == train.words[3]
    assert [ids.tolist() for ids in train.encoded] == [[0, 1, 2], [2, 3]]
    assert held.words.tolist() == [train.words[0], 0]
    characters = data.lexicon.characters
    assert characters is not None
    assert characters.decode(train.letters[0]) == "The"  # as they stand
    assert (held.letters[0] == 0).tolist() == [False, True, True]  # T is known, H and E are not
    assert Lexicon.from_json(data.lexicon.to_json()) == data.lexicon


def test_single_characters_are_read_in_pairs_and_words_by_their_characters(tmp_path: Path) -> None:
    single = read(put(tmp_path / "a.bmes", *[f"{c}/O 大/B-X 学/E-X" for c in "我你他她它们这那哪谁"]))
    assert single.lexicon.characters is None
    assert single.lexicon.pairs is not None
    assert single.lexicon.pairs.tokens[1:] == ["大 学", "学 "]  # those that occur twice
    part = single.parts["train"]
    assert part.pairs is not None
    assert [part.pairs[i] for i in part.encoded[0]] == [0, 1, 2]
    assert part.forms.count("大") == 1
    assert single.facts["vocabulary_level"] == "char"
    assert said(single, "single characters")
    words = read(put(tmp_path / "b.bio", *many()))
    assert words.lexicon.pairs is None
    assert words.parts["train"].pairs is None
    assert words.lexicon.characters is not None
    other = read(tmp_path / "b.bio", characters=False, pairs=True)
    assert other.lexicon.characters is None
    assert Lexicon.from_json(other.lexicon.to_json()) == other.lexicon


def test_a_form_is_another_one_before_another_word_where_pairs_are_read(tmp_path: Path) -> None:
    put(tmp_path / "d" / "train.bio", "a/X b/Y a/X c/Z", "a/X b/Y")
    put(tmp_path / "d" / "dev.bio", "a/X b/Y")
    part = read(tmp_path / "d", pairs=True).parts["train"]
    assert part.forms == ["a", "b", "a", "c", "b"]
    assert [ids.tolist() for ids in part.encoded] == [[0, 1, 2, 3], [0, 4]]


def test_iob1_becomes_bio(tmp_path: Path) -> None:
    data = read(put(tmp_path / "a.iob", *[f"w{i}/O Rome/I-LOC Oslo/B-LOC" for i in range(10)]))
    assert data.scheme == "bio"
    assert data.parts["train"].sentences[0].tags == ("O", "B-LOC", "B-LOC")
    assert said(data, "IOB1 (as the tags look), which become BIO")


def invalid(tmp_path: Path) -> Path:
    return put(tmp_path / "a.bio", *[f"w{i}/O Rome/B-LOC" for i in range(10)], "in/O Oslo/I-LOC now/I-LOC")


def test_invalid_tags_are_mended_and_counted(tmp_path: Path) -> None:
    data = read(invalid(tmp_path), split=(0.5, 0.5, 0.0))
    tags = {s.tags for part in data.parts.values() for s in part.sentences if "Oslo" in s.tokens}
    assert tags == {("O", "B-LOC", "I-LOC")}
    assert said(data, ": 1 invalid BIO tag, the first at")
    assert said(data, "a.bio:32")


def test_invalid_tags_are_refused_if_strict(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.bio:32: invalid BIO tags: 'I-LOC' follows 'O'"):
        read(invalid(tmp_path), strict=True)
    put(tmp_path / "b.bmes", *[f"w{i}/O Rome/S-LOC a/B-X b/M-X c/E-X" for i in range(10)], "x/O y/B-X")
    with pytest.raises(DataError, match=r"b\.bmes:62: invalid BMES tags: 'B-X' ends a sentence"):
        read(tmp_path / "b.bmes", strict=True)
    put(tmp_path / "c.bio", "x/I-X y/O", *[f"w{i}/O Rome/B-X" for i in range(10)])
    with pytest.raises(DataError, match=r"c\.bio:1: invalid BIO tags: 'I-X' begins a sentence"):
        read(tmp_path / "c.bio", strict=True)


def test_a_scheme_can_be_set(tmp_path: Path) -> None:
    path = invalid(tmp_path)
    assert read(path, scheme="none").scheme is None
    assert read(path, scheme="iob1", strict=True).scheme == "bio"  # I begins a span there
    with pytest.raises(DataError, match=r"'I-LOC' is not a tag of the scheme bmes"):
        read(path, scheme="bmes")


def test_a_defective_line_is_refused_left_out_and_refused_again_if_strict(tmp_path: Path) -> None:
    path = put(tmp_path / "a.bio", *many(10), "x/N -NAME y/N")
    with pytest.raises(DataError, match=r"a\.bio:42: '-NAME' stands alone"):
        read(path)
    data = read(path, skip_lines=("a.bio:42",))
    assert said(data, "left out: 1 defective line, a.bio:42")
    assert any(s.tokens == ("x", "y") for part in data.parts.values() for s in part.sentences)
    with pytest.raises(DataError, match=r"a\.bio:42"):
        read(path, skip_lines=("a.bio:42",), strict=True)
    for wrong, match in (
        ("b.bio:42", "the data are a.bio"),
        ("42", "FILE:LINE"),
        ("a.bio:" + "9" * 5_000, "FILE:LINE"),
        ("a.bio:x", "FILE:LINE"),
    ):
        with pytest.raises(UsageError, match=match):
            read(path, skip_lines=(wrong,))


def test_long_sentences_are_truncated_in_training_alone(tmp_path: Path) -> None:
    put(tmp_path / "d" / "train.bio", *many(5))
    put(tmp_path / "d" / "dev.bio", "x/N is/V here/R")
    data = read(tmp_path / "d", max_length=2)
    assert {len(s) for s in data.parts["train"].sentences} == {2}
    assert data.facts["tokens"]["validation"] == 3
    assert said(data, "truncated to 2 tokens: 5 sentences of the training part")


def test_what_nothing_can_be_learned_from(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="all tokens have the same tag, 'N'"):
        read(put(tmp_path / "a.bio", *[f"w{i}/N" for i in range(10)]))
    with pytest.raises(UsageError, match="there is 'word"):
        read(put(tmp_path / "c.bio", *many()), level="char")
    with pytest.raises(UsageError, match="level 'byte' is neither"):
        read(tmp_path / "c.bio", level="byte")
    with pytest.raises(DataError, match="validation part is empty"):
        read(put(tmp_path / "b.bio", "a/N b/V"))


def test_pairs_of_files_in_folders_of_parts(tmp_path: Path) -> None:
    for part, count in (("train", 8), ("valid", 2), ("test", 1)):
        folder = tmp_path / "flights" / part
        folder.mkdir(parents=True)
        (folder / "seq.in").write_text("".join(f"to w{i}\n" for i in range(count)))
        (folder / "seq.out").write_text("O B-city\n" * count)
        (folder / "label").write_text("x\n" * count)
    source = resolve(tmp_path / "flights")
    assert (source.task, source.kind) == ("tag", "tagged")
    assert list(source.files) == ["test", "test.tags", "train", "train.tags", "validation", "validation.tags"]
    data = prepare(source, TagDataSettings())
    assert data.facts["counts"] == {"train": 8, "validation": 2, "test": 1}
    assert data.scheme == "bio"
    alone = resolve(tmp_path / "flights" / "train" / "seq.in", "tag")
    assert list(alone.files) == ["all", "all.tags"]
    assert list(resolve(tmp_path / "flights" / "train").files) == ["all", "all.tags"]
    with pytest.raises(DataError, match="go by their names"):
        resolve(tmp_path / "flights", validation=str(tmp_path / "flights" / "train" / "seq.in"))


def test_pairs_named_by_part(tmp_path: Path) -> None:
    for part in ("train", "dev"):
        (tmp_path / f"{part}.words").write_text("a b\n")
        (tmp_path / f"{part}.tags").write_text("X Y\n")
    assert list(resolve(tmp_path).files) == ["validation", "validation.tags", "train", "train.tags"]


@pytest.mark.parametrize("name", ["a.tsv", "a.txt", "a.jsonl"])
def test_other_endings_with_the_task_named(tmp_path: Path, name: str) -> None:
    rows = '{"tokens": ["a"], "tags": ["X"]}\n' if name.endswith("jsonl") else "a\tX\n"
    (tmp_path / name).write_text(rows)
    assert resolve(tmp_path / name, "tag").task == "tag"
    assert resolve(tmp_path / name).task != "tag"


def test_encoding_is_in_the_order_of_sentences(tmp_path: Path) -> None:
    data = read(put(tmp_path / "a.bio", *many()))
    part = encode_part(data.parts["train"].sentences, data.lexicon, data.tags)
    for sentence, ids, labels in zip(part.sentences, part.encoded, part.labels, strict=True):
        assert tuple(part.forms[i] for i in ids) == sentence.tokens
        assert tuple(data.tags[i] for i in labels) == sentence.tags
    assert np.array_equal(part.words, data.parts["train"].words)


def test_a_training_part_alone_gives_its_validation_part(tmp_path: Path) -> None:
    path = put(tmp_path / "a.bio", *many())
    source = Source("a", "tag", "tagged", {"train": path})
    data = prepare(source, TagDataSettings(split=(0.9, 0.1, 0.0)))
    assert data.facts["counts"] == {"train": 18, "validation": 2, "test": 0}


def spans_of(count: int = 20) -> list[str]:
    return [f"Anna{i}/B-PER Smith/I-PER went/O to/O Rome/B-LOC" for i in range(count)]


@pytest.mark.parametrize(
    ("wrong", "tag", "scheme"),
    [
        ("word/0", "0", "BIO"),
        ("word/o", "o", "BIO"),
        ("word/b-PER", "b-PER", "BIO"),
        ("word/B_PER", "B_PER", "BIO"),
        ("word/B", "B", "BIO"),
        ("word/PER", "PER", "BIO"),
        ("word/M-PER", "M-PER", "BIO"),
    ],
)
def test_the_tag_that_prevents_spans_is_named(tmp_path: Path, wrong: str, tag: str, scheme: str) -> None:
    data = read(put(tmp_path / "a.bio", *spans_of(), f"one/O {wrong}", *spans_of(3)))
    assert data.scheme is None
    assert said(data, f"without spans: {tag!r} at a.bio:122 is not a tag of {scheme}, as 116 of 117 tags are")
    with pytest.raises(DataError, match=f"a.bio:122 is not a tag of {scheme}"):
        read(tmp_path / "a.bio", strict=True)
    assert not said(read(tmp_path / "a.bio", scheme="none"), "without spans")


def test_spans_in_lower_case_are_named_too(tmp_path: Path) -> None:
    rows = [row.replace("B-", "b-").replace("I-", "i-").replace("/O", "/o") for row in spans_of()]
    data = read(put(tmp_path / "a.bio", *rows))
    assert data.scheme is None
    assert said(data, "without spans: 'b-PER' at a.bio:1")


def test_words_in_characters_with_an_odd_tag(tmp_path: Path) -> None:
    data = read(put(tmp_path / "a.bmes", *(f"a/B b/M {chr(0x4E00 + i)}/E d/S" for i in range(20)), "x/s y/S"))
    assert data.scheme is None
    assert said(data, "without spans: 's' at a.bmes:101 is not a tag of BMES, as 81 of 82 tags are")


def test_tags_that_write_no_spans_are_not_spoken_of(tmp_path: Path) -> None:
    assert not said(read(put(tmp_path / "a.conll", *many())), "without spans")
    nouns = [f"w{i}/B-NOUN is/VERB here/ADV or/CC not/ADV" for i in range(20)]
    assert not said(read(put(tmp_path / "b.conll", *nouns)), "without spans")


def test_what_was_passed_over_is_said(tmp_path: Path) -> None:
    path = put(tmp_path / "a.bio", *spans_of())
    path.write_text("token tag\n# id=1\n\n" + path.read_text().replace("\n\n", "\n\n# sent id=3 4\n", 2) + "\n# SYM\n")
    data = read(path)
    assert said(data, "passed over: 3 comments, the first at a.bio:2")
    assert said(data, "passed over: names of columns, at a.bio:1")
    assert said(data, "read as tokens, though they begin with #: 1 line, a.bio:")
    with pytest.raises(DataError, match=r"a.bio:1, names the columns"):
        read(path, strict=True)


def test_pairs_are_counted_where_they_are_read_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[int] = []
    plain = tag_data._pairs
    monkeypatch.setattr(tag_data, "_pairs", lambda *given: counted.append(1) or plain(*given))
    assert read(put(tmp_path / "a.conll", *many())).lexicon.pairs is None
    assert not counted

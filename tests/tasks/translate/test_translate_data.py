from __future__ import annotations

import gzip
import random
from pathlib import Path

import pytest

from recurra.errors import DataError, UsageError
from recurra.tasks.sources.resolving import resolve
from recurra.tasks.sources.source import Source
from recurra.tasks.translate.baselines import translate_baselines
from recurra.tasks.translate.data import prepare
from recurra.tasks.translate.encoding import SIZE, build_vocabulary
from recurra.tasks.translate.preprocessor import TranslatePreprocessor
from recurra.tasks.translate.reading import chosen_files, read_pairs
from recurra.tasks.translate.settings import TranslateDataSettings

EN = [f"the {a} {n} sleeps" for a in ("old", "new", "red", "big") for n in ("dog", "cat", "man", "bird", "horse")]
DE = [f"{n} {a} schläft" for a in ("alt", "neu", "rot", "groß") for n in ("Hund", "Katze", "Mann", "Vogel", "Pferd")]


def folder(path: Path, **parts: int) -> Path:
    path.mkdir()
    for part, count in parts.items():
        (path / f"{part}.en").write_text("".join(f"{line}\n" for line in EN[:count]), encoding="utf-8")
        (path / f"{part}.de.gz").write_bytes(gzip.compress("".join(f"{line}\n" for line in DE[:count]).encode()))
    return path


def settings(**given: object) -> TranslateDataSettings:
    return TranslateDataSettings(**{"level": "word"} | given)


def resolved(*data: object, **given: object) -> Source:
    return resolve(*data, **given)


def test_a_folder_of_parts_in_two_languages(tmp_path):
    source = resolved(folder(tmp_path / "pairs", train=20, val=4, test_2016=3))
    assert (source.task, source.kind, sorted(source.files)[0]) == ("translate", "parallel", "test.de")
    data = prepare(source, settings(languages="en,de"))
    assert data.facts["counts"] == {"train": 20, "validation": 4, "test": 3}
    assert list(data.parts["test"].sources) == EN[:3]
    assert list(data.parts["test"].targets) == DE[:3]
    row = data.parts["train"].encoded_targets[0]
    assert row[-1] == len(data.target)
    assert data.target.decode(row[:-1]) == DE[0]
    assert "4 pairs of the validation part stand in the training part too" in data.notes


def test_languages_and_swap_say_which_way(tmp_path):
    source = resolved(folder(tmp_path / "pairs", train=5, val=2))
    assert list(read_pairs(source, settings(languages="de,en"))["train"].sources) == DE[:5]
    assert list(read_pairs(source, settings(languages="de,en", swap=True))["train"].sources) == EN[:5]
    assert list(read_pairs(source, settings())["train"].sources) == DE[:5]  # by the alphabet
    for asked in ("en", "en,fr", "en,en"):
        with pytest.raises(UsageError, match=r"languages must be two of de, en, .*; got"):
            chosen_files(source, settings(languages=asked))


def test_a_third_language_must_be_chosen_from(tmp_path):
    path = folder(tmp_path / "pairs", train=5, val=2)
    for part, count in (("train", 5), ("val", 2)):
        (path / f"{part}.fr").write_text("oui\n" * count, encoding="utf-8")
    source = resolved(path)
    with pytest.raises(UsageError, match="two of de, en, fr, as in de,en; got none"):
        read_pairs(source, settings())
    assert list(read_pairs(source, settings(languages="en,fr"))["validation"].targets) == ["oui", "oui"]
    (path / "val.fr").unlink()
    with pytest.raises(DataError, match="the validation part lacks its file of fr"):
        read_pairs(resolved(path), settings(languages="en,fr"))


def test_two_files_for_one_part_and_language(tmp_path):
    path = folder(tmp_path / "pairs", train=5, test_2016=3, test_2017=3)
    with pytest.raises(DataError, match=r"test_2016.* and test_2017.* are both the test part"):
        resolved(path)


def test_two_single_files_are_divided_by_sentence(tmp_path):
    path = folder(tmp_path / "pairs", all=20)
    source = resolved(path / "all.en", parallel=str(path / "all.de.gz"))
    data = prepare(source, settings(split=(0.5, 0.25, 0.25)))
    assert data.facts["counts"] == {"train": 10, "validation": 5, "test": 5}
    with pytest.raises(DataError, match="parallel joins two files"):
        resolved(path / "all.en", parallel=str(tmp_path / "none"))
    with pytest.raises(DataError, match=r"put train\.<language>"):
        resolved(path / "all.en", parallel=str(path / "all.de.gz"), test=str(path / "all.en"))


def test_files_of_different_length(tmp_path):
    path = folder(tmp_path / "pairs", train=20, val=4)
    (path / "train.en").write_text("just one\n", encoding="utf-8")
    with pytest.raises(DataError, match="have no partner"):
        prepare(resolved(path), settings())


@pytest.mark.parametrize("name", ["pairs.tsv", "pairs.txt"])
def test_columns_with_repeats(tmp_path, name):
    path = tmp_path / name
    path.write_text("".join(f"{s}\t{t}\n" for s, t in zip(EN + EN[:2], DE + DE[:2], strict=True)), encoding="utf-8")
    source = resolved(path, "translate")
    data = prepare(source, settings())
    assert sum(data.facts["counts"].values()) == 20
    assert "2 repeated pairs were dropped" in data.notes
    assert prepare(source, settings(swap=True)).parts["train"].sources[0] in DE
    with pytest.raises(UsageError, match="swap turns two columns round"):
        prepare(source, settings(languages="en,de"))


def test_without_a_validation_part_some_of_training_is_held_out(tmp_path):
    data = prepare(resolved(folder(tmp_path / "pairs", train=20, test=3)), settings())
    assert data.facts["counts"] == {"train": 18, "validation": 2, "test": 3}
    assert any("was split off the training part" in note for note in data.notes)


def long_pairs(tmp_path: Path) -> Source:
    path = tmp_path / "pairs"
    path.mkdir()
    lines = {
        "train": [("a b c d e f", "A B"), ("a", "A B C D E F"), ("a b", "A B"), ("b a", "B A")],
        "validation": [("a b c d", "A B C D E"), ("a", "A")],
    }
    for part, pairs in lines.items():
        (path / f"{part}.en").write_text("".join(f"{s}\n" for s, _ in pairs), encoding="utf-8")
        (path / f"{part}.xx").write_text("".join(f"{t}\n" for _, t in pairs), encoding="utf-8")
    return resolved(path)


def test_long_training_pairs_are_dropped_and_counted(tmp_path):
    data = prepare(long_pairs(tmp_path), settings(max_length=3, too_long="drop"))
    assert list(data.parts["train"].sources) == ["a b", "b a"]
    assert data.facts["left_out"] == 2
    assert "2 training pairs are longer than 3 tokens and were dropped" in data.notes
    # what is evaluated is never dropped: the source is cut, the reference is not
    part = data.parts["validation"]
    assert len(part) == 2
    assert [len(row) for row in part.encoded_sources] == [4, 2]
    assert len(part.encoded_targets[0]) == 6
    assert "validation: 1 sentences were truncated to 3 tokens" in data.notes


def test_long_training_pairs_are_cut_and_counted(tmp_path):
    data = prepare(long_pairs(tmp_path), settings(max_length=3, too_long="cut"))
    train = data.parts["train"]
    assert (len(train), train.truncated, train.left_out) == (4, 2, 0)
    assert "train: 2 sentences were truncated to 3 tokens" in data.notes
    end = len(data.target)
    assert train.encoded_sources[0][-1] == len(data.source)  # a cut source still ends
    assert end not in train.encoded_targets[1]  # a cut translation does not end there
    assert len(train.encoded_targets[1]) == 3


def test_nothing_left_to_learn_from(tmp_path):
    with pytest.raises(DataError, match="every pair of the training part is longer than 1 tokens"):
        prepare(long_pairs(tmp_path), settings(max_length=1))


def test_a_table_says_which_columns_are_pairs(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text("de,en\n" + "".join(f"{d},{e}\n" for d, e in zip(DE, EN, strict=True)), encoding="utf-8")
    assert list(read_pairs(resolved(path, task="translate"), settings())["all"].sources) == DE
    (tmp_path / "three.csv").write_text("de,en,fr\nein,a,un\n", encoding="utf-8")
    with pytest.raises(DataError, match="name both, as in --text COLUMN --label COLUMN"):
        read_pairs(resolved(tmp_path / "three.csv", task="translate"), settings())
    found = prepare(resolved(path, task="translate"), settings(text="en", label="de"))
    assert set(found.parts["train"].sources) <= set(EN)
    assert "sentences are in the column 'en', their translations in 'de'" in found.notes
    lines = "".join(f"{d}\t{e}\n" for d, e in zip(DE, EN, strict=True))
    (tmp_path / "a.tsv").write_text(f"de\ten\n{lines}", encoding="utf-8")
    named = read_pairs(resolved(tmp_path / "a.tsv", task="translate"), settings(text="en", label="de"))
    assert list(named["all"].sources) == EN
    (tmp_path / "b.tsv").write_text(lines, encoding="utf-8")
    assert list(read_pairs(resolved(tmp_path / "b.tsv", task="translate"), settings())["all"].sources) == DE


ENGLISH = ["She left.", "He left home.", "She is pretty.", "He is at home.", "Is he pretty?", "Home is here."]
CHINESE = ["她走了。", "他离开了家。", "她很漂亮。", "他在家。", "他漂亮吗？", "家在这里。"]


@pytest.mark.parametrize("swap", [False, True])
def test_chinese_is_scored_and_looked_up_by_characters(tmp_path, swap):
    lines = [f"{e}\t{c}" for e, c in zip(ENGLISH, CHINESE, strict=True)]
    (tmp_path / "zh.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    settings = TranslateDataSettings(split=(0.5, 0.25, 0.25), level="bpe", swap=swap)
    data = prepare(resolve(tmp_path / "zh.tsv", "translate"), settings)
    assert data.bleu == ("13a" if swap else "zh")
    assert TranslatePreprocessor.from_json(data.preprocessor.to_json()).bleu == data.bleu
    by_name = {each.name: each for each in translate_baselines(data, data.parts["train"], lowercase=False)}
    found = by_name["word-for-word dictionary (IBM model 1)"].metrics
    assert found["bleu"] > by_name["copying the source"].metrics["bleu"]
    assert found["chrf"] > 10


def test_characters_of_chinese_leave_room_for_pieces_of_several_where_pairs_are_many():
    texts = ["".join(chr(0x4E00 + 7 * i + k) for k in range(7)) for i in range(SIZE // 7)] * 2
    asked = TranslateDataSettings(level="bpe")
    many = build_vocabulary([*texts, "我们的我们的"] * 20, asked)
    assert sum(len(piece) > 1 for piece in many.tokens) > 1000
    some = build_vocabulary([*texts, "我们的我们的"], asked)
    assert max(map(len, some.tokens[1:])) == 1
    assert len(some) >= 7 * (SIZE // 7)
    assert len(build_vocabulary(texts, TranslateDataSettings(level="bpe", max_vocabulary=50))) == 50


def test_few_pairs_have_few_sub_words():
    draw = random.Random(0)
    texts = ["".join(draw.choices("abcdefghij", k=8)) for _ in range(4000)]
    asked = TranslateDataSettings(level="bpe")
    assert [len(build_vocabulary(texts[:count], asked)) for count in (1000, 4000)] == [500, 800]
    assert len(build_vocabulary(texts * 6, asked)) == SIZE
    assert len(build_vocabulary(texts[:1000], TranslateDataSettings(level="bpe", max_vocabulary=900))) == 900

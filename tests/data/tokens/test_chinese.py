"""Chinese words: cut by a segmenter that a model names, so that another one is noticed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from recurra.data.corpus.mapped import build_corpus
from recurra.data.tokens import chinese
from recurra.data.tokens.chinese import han_share, is_han, matching, segmenter
from recurra.data.tokens.segment import END_OF_LINE, end_of_word, join, words
from recurra.data.tokens.vocabulary import Vocabulary
from recurra.errors import DataError, UsageError

TEXTS = ["这个电影特效不差,推荐大家去看", "这个电影特效差,不推荐大家去看"]


@pytest.fixture
def packages(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """A world in which only the segmenters that a test puts there are installed."""
    here: dict[str, tuple[str, ModuleType]] = {}

    def find(name: str) -> ModuleType:
        if name not in here:
            raise ModuleNotFoundError(name)
        return here[name][1]

    monkeypatch.setattr(chinese, "importlib", SimpleNamespace(import_module=find))
    monkeypatch.setattr(chinese, "metadata", SimpleNamespace(version=lambda name: here[name][0]))
    chinese._installed.cache_clear()

    def install(name: str, version: str, width: int) -> None:
        """A segmenter that cuts every `width` characters."""
        module = ModuleType(name)

        def cut(text: str) -> list[str]:
            return [text[i : i + width] for i in range(0, len(text), width)]

        module.__dict__.update(
            Jieba=lambda: SimpleNamespace(cut=cut),
            Tokenizer=lambda: SimpleNamespace(lcut=cut),
            setLogLevel=lambda _: None,
        )
        here[name] = (version, module)
        chinese._installed.cache_clear()

    def remove(name: str) -> None:
        del here[name]
        chinese._installed.cache_clear()

    yield SimpleNamespace(install=install, remove=remove)
    chinese._installed.cache_clear()


def test_words_of_a_dictionary() -> None:
    assert words(TEXTS[0], "chinese") == "这个 电影 特效 不差 , 推荐 大家 去 看".split()
    assert words(" 很 好\n\n iPhone 8\t不卡 \r\n", "chinese") == [
        "很", "好", END_OF_LINE, END_OF_LINE, "iPhone", "8", "不卡", END_OF_LINE,
    ]  # fmt: skip
    assert words("", "chinese") == []


def test_each_word_stands_where_it_is_found() -> None:
    text = "房间 很大,\n　下次iPhone再来"
    found = segmenter().words(text)
    assert [text[at : at + len(word)] for at, word in found] == [word for _, word in found]
    assert "".join(word for _, word in found) == "".join(c for c in text if not c.isspace() or c == "\n")
    for count in range(len(found) + 1):
        start, word = found[count - 1]
        assert end_of_word(text, count, "chinese") == (start + len(word) if count else 0)
    assert end_of_word("", 3, "chinese") == 0


def test_chinese_words_are_joined_without_spaces() -> None:
    assert (
        join(["我", "的", "iPhone", "8", "很", "好", END_OF_LINE, "不", "卡", "!"], "chinese")
        == "我的iPhone 8很好\n不卡!"
    )
    assert join(["a", END_OF_LINE, "b", "c"]) == "a\nb c"


def test_a_vocabulary_of_chinese_words_goes_there_and_back() -> None:
    made = Vocabulary.build(TEXTS, level="word", split="chinese")
    assert made.decode(made.encode(TEXTS[0])) == TEXTS[0]
    assert made.unknown("电影院不差") == ["电影院"]
    stored = made.to_json()
    assert stored["segmenter"].keys() == {"name", "version", "dictionary"}
    assert len(stored["segmenter"]["dictionary"]) == 64
    assert Vocabulary.from_json(stored) == made


def test_characters_and_other_words_name_no_segmenter(packages: SimpleNamespace) -> None:
    for level, split in (("char", "chinese"), ("word", "space"), ("word", "words")):
        made = Vocabulary.build(TEXTS, level=level, split=split)
        assert "segmenter" not in made.to_json()
        assert Vocabulary.from_json(made.to_json()) == made


def test_rjieba_first_then_jieba_then_a_remedy(packages: SimpleNamespace) -> None:
    with pytest.raises(UsageError, match=r"pip install rjieba\n.*--segment char"):
        words("好", "chinese")
    packages.install("jieba", "0.42.1", 2)
    assert segmenter().describe() == "Chinese words are cut by jieba 0.42.1; rjieba is not installed"
    assert words("推荐大家", "chinese") == ["推荐", "大家"]
    packages.install("rjieba", "0.2.2", 1)
    assert segmenter().describe() == "Chinese words are cut by rjieba 0.2.2"
    assert words("推荐", "chinese") == ["推", "荐"]


def test_a_segmenter_that_cuts_the_same_serves_and_another_does_not(packages: SimpleNamespace) -> None:
    packages.install("rjieba", "0.2.2", 2)
    stored = Vocabulary.build(TEXTS, level="word", split="chinese").to_json()
    packages.install("rjieba", "0.3.0", 2)
    assert Vocabulary.from_json(stored).encode(TEXTS[1]).all()
    packages.install("rjieba", "0.4.0", 3)
    with pytest.raises(
        DataError, match=r"by rjieba 0\.2\.2; rjieba 0\.4\.0 here cuts .*\n.*pip install rjieba==0\.2\.2"
    ):
        Vocabulary.from_json(stored)
    packages.install("jieba", "1.0", 2)
    assert Vocabulary.from_json(stored).segmenter.name == "jieba"  # type: ignore[union-attr]
    packages.remove("rjieba")
    packages.remove("jieba")
    with pytest.raises(DataError, match=r"no segmenter is installed here\n.*rjieba==0\.2\.2"):
        Vocabulary.from_json(stored)


@pytest.mark.parametrize("record", [None, {}, {"name": "rjieba"}, "rjieba"])
def test_a_record_of_a_segmenter_that_is_none(record: object) -> None:
    with pytest.raises(UsageError, match="name, version and dictionary"):
        matching(record)
    stored = Vocabulary.build(TEXTS, level="word", split="chinese").to_json()
    with pytest.raises(DataError):
        Vocabulary.from_json(stored | {"segmenter": record})
    del stored["segmenter"]
    with pytest.raises(DataError, match="segmenter"):
        Vocabulary.from_json(stored)


def test_the_hash_tells_dictionaries_apart() -> None:
    import rjieba

    jieba = rjieba.Jieba()
    before = chinese.Segmenter("rjieba", "0", jieba.cut).identity.dictionary
    assert before == segmenter().identity.dictionary
    jieba.add_word("新房", 10**6, None)
    assert chinese.Segmenter("rjieba", "0", jieba.cut).identity.dictionary != before


def test_a_corpus_of_chinese_words(tmp_path: Path) -> None:
    path = tmp_path / "reviews.txt"
    path.write_text("\n".join(TEXTS * 20), encoding="utf-8")
    corpus = build_corpus(
        path, fractions=(0.5, 0.5, 0), level="word", split="chinese", min_count=1, cache=tmp_path / "cache"
    )
    again = build_corpus(
        path, fractions=(0.5, 0.5, 0), level="word", split="chinese", min_count=1, cache=tmp_path / "cache"
    )
    text = corpus.vocabulary.decode(corpus.train) + corpus.vocabulary.decode(corpus.validation)
    assert text.replace("\n", "") == "".join(TEXTS * 20)
    assert again.vocabulary == corpus.vocabulary
    assert sum(corpus.characters.values()) == len("\n".join(TEXTS * 20))


def test_which_characters_are_chinese() -> None:
    assert all(map(is_han, "不差推荐龍𠀀々〇"))
    assert not any(map(is_han, "aあ한,，。 1😀"))
    assert han_share(["好 good 好好好"]) == 0.5
    assert han_share([]) == han_share(["12 34!"]) == 0.0

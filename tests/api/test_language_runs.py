"""Language models from data to use: levels with defaults of their own, poems, ranking beside the n-gram."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import recurra
from recurra.api.preparation import settings_for
from recurra.errors import DataError, UsageError
from recurra.tasks.sources.source import Source

Train = Callable[..., recurra.Run]


def test_words_start_from_other_defaults_than_characters() -> None:
    source = Source("a", "language", "text", {})
    plain, words, pieces = (settings_for(source, {"level": level}) for level in ("char", "word", "bpe"))
    tied = [settings.network.tie_weights for settings in (plain, words, pieces)]
    assert tied == [False, True, True]
    varied = [settings.network.variational for settings in (plain, words, pieces)]
    assert varied == [False, False, True]
    assert words.network.hidden_size == pieces.network.hidden_size
    assert settings_for(source, {"level": "word", "dropout": 0.1}).network.dropout == 0.1
    named = Source("a", "language", "text", {}, {"level": "word"})
    assert settings_for(named, {}).network.tie_weights
    assert not settings_for(named, {"level": "char"}).network.tie_weights


def test_a_learning_rate_is_that_of_its_optimizer() -> None:
    source = Source("a", "language", "text", {})

    def chosen(**given: object) -> tuple[str, float]:
        training = settings_for(source, given).training
        return training.optimizer, training.learning_rate

    assert chosen() == ("muon", 2e-2)
    assert chosen(optimizer="adamw") == ("adamw", 1e-2)
    assert chosen(optimizer="adamw", learning_rate=3e-2) == ("adamw", 3e-2)
    assert chosen(level="word") == ("muon", 4e-3)
    assert chosen(level="word", optimizer="adamw") == ("adamw", 2e-3)
    assert chosen(level="bpe") == ("adamw", 2e-3)
    assert chosen(level="word", optimizer="adamw", learning_rate=4e-3) == ("adamw", 4e-3)
    poems = Source("a", "language", "poems", {}, {"optimizer": "adamw", "learning_rate": 2e-3})
    assert settings_for(poems, {}).training.learning_rate == 2e-3


@pytest.mark.parametrize("level", ["word", "bpe"])
def test_models_of_words_and_their_pieces(train: Train, text: Path, tmp_path: Path, level: str) -> None:
    if level == "bpe":
        pytest.importorskip("tokenizers")
    more = {"max_vocabulary": 70} if level == "bpe" else {}
    run = train(text, level=level, hidden_size=6, embedding_size=6, output="softmax", **more)
    again = recurra.load(run.folder)
    assert again.generate("sun moon", 5, seed=1) == run.generate("sun moon", 5, seed=1)
    (found,) = again.predict("sun", top=4)
    assert len(found.tokens) == 4
    assert again.evaluate()["loss"] == pytest.approx(run.metrics["metrics"]["loss"])
    assert again.evaluate(text)["count"] > again.evaluate()["count"]


def test_a_large_vocabulary_gets_an_adaptive_output(train: Train, tmp_path: Path) -> None:
    path = tmp_path / "many.txt"
    path.write_text("".join(f"w{i} w{i % 7}\n" for i in range(2300)), encoding="utf-8")
    run = train(path, level="word", hidden_size=4, embedding_size=4)
    assert run.settings.network.output == "adaptive"
    assert run.config["notes"][0].startswith("words start from other defaults than characters: hidden_size")
    assert run.config["notes"][1].startswith("the output is adaptive, for 2,")
    assert recurra.load(run.folder).evaluate()["loss"] == pytest.approx(run.metrics["metrics"]["loss"])


def test_poems_are_learned_and_written(train: Train, tmp_path: Path) -> None:
    path = tmp_path / "tang.json"
    path.write_text(json.dumps([{"paragraphs": [f"明月{i}。", "春風。"]} for i in range(60)], ensure_ascii=False))
    run = train(path)
    assert run.task == "language"
    poem = run.generate("明月", 30, stop="\n", seed=0)
    assert poem.startswith("明月")
    assert "\n" not in poem
    assert recurra.load(run.folder).evaluate()["on"] == "tang, validation part"


def test_ranking_beside_the_n_gram(train: Train, text: Path, tmp_path: Path) -> None:
    run = train(text, level="word", hidden_size=6, embedding_size=6, epochs=3.0)
    lists = tmp_path / "nbest.txt"
    lists.write_text("sun moon rose\nsun sun sun sun sun sun sun sun\n\nsea\nnose tea\n", encoding="utf-8")
    found = run.score(lists)
    assert [len(r.candidates) for r in found] == [2, 2]
    assert all(c.baseline is not None and c.baseline < 0 for r in found for c in r.candidates)
    same = run.score([["sun moon rose", "sun sun sun sun sun sun sun sun"], ["sea", "nose tea"]])
    assert same == found
    assert all(c.baseline is None for r in run.score(lists, baseline=False) for c in r.candidates)
    text.unlink()
    with pytest.raises(DataError, match=r"on the run's data, but .*are gone\nrestore them, or use"):
        run.score(lists)
    assert run.score(lists, baseline=False)[0].winner == found[0].winner


def test_a_classifier_ranks_nothing(train: Train, labels: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="this model does not score candidates: it"):
        train(labels).score([["a", "b"]])

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import recurra
from recurra.api import training
from recurra.api.progress import ProgressLogger
from recurra.errors import ModelFolderError, StoppedError, UsageError
from recurra.tasks.stored import settings_of

NOUNS = {"dog": "Hund", "cat": "Katze", "man": "Mann", "house": "Haus", "tree": "Baum", "book": "Buch"}
VERBS = {"sees": "sieht", "has": "hat", "likes": "mag"}


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    lines = [
        f"a {s} {v} a {o}.\tein {NOUNS[s]} {VERBS[v]} ein {NOUNS[o]}.\n" for s in NOUNS for v in VERBS for o in NOUNS
    ]
    path = tmp_path / "pairs.tsv"
    path.write_text("".join(lines), encoding="utf-8")
    return path


@pytest.fixture
def translator(train: Callable[..., recurra.Run], pairs: Path) -> recurra.Run:
    return train(pairs, task="translate", split=(0.6, 0.2, 0.2), max_vocabulary=60, batch_size=8)


def test_a_run_is_whole_and_loads(translator, pairs):
    loaded = recurra.load(translator.folder)
    asked = ["a dog sees a cat.", "a tree."]
    assert [t.candidates for t in loaded.predict(asked)] == [t.candidates for t in translator.predict(asked)]
    metrics = translator.metrics
    assert metrics["metrics"].keys() == {"loss", "bleu", "chrf", "perplexity"}
    assert [r["name"] for r in metrics["baselines"]] == [
        "copying the source",
        "word-for-word dictionary (IBM model 1)",
    ]
    again = loaded.evaluate()
    assert again["bleu"] == pytest.approx(metrics["metrics"]["bleu"])
    assert again["count"] == 22
    anew = loaded.evaluate(pairs)
    assert anew["count"] == 108
    assert any("case counts" in note for note in translator.config["notes"])


def test_the_report_shows_translations_and_attention(pairs, tmp_path):
    run = recurra.train(
        pairs,
        task="translate",
        out=tmp_path / "whole",
        quiet=True,
        epochs=1.0,
        hidden_size=6,
        embedding_size=5,
        max_vocabulary=60,
        level="word",
        normalize=("lowercase",),
        device="cpu",
    )
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    for shown in ("Translations", "Where the decoder looked", "By the length of the source", "BLEU", "chrF"):
        assert shown in page
    assert "lower case" in page
    assert page.count("attention of") >= 4


@pytest.mark.parametrize(
    "wiring",
    [
        {"attention": "none", "bidirectional": False},
        {"attention": "additive", "input_feeding": True},
        {"attention": "dot", "merge": "sum", "scheduled_sampling": 0.5, "num_layers": 2},
        {"level": "char", "max_vocabulary": None, "tie_weights": False, "cell": "lstm"},
    ],
    ids=str,
)
def test_every_wiring_trains_and_loads(train, pairs, wiring):
    run = train(pairs, task="translate", **{"max_vocabulary": 60, "batch_size": 32, "epochs": 0.5} | wiring)
    assert recurra.load(run.folder).predict("a dog sees a cat.")[0].best


def test_merges_that_there_are_none_of_are_refused_before_the_data_are_prepared(train, pairs, monkeypatch):
    monkeypatch.setattr("recurra.tasks.translate.task.prepare", None)
    with pytest.raises(UsageError, match="piece_dropout leaves out merges of sub-words, of which level char has none"):
        train(pairs, task="translate", level="char", piece_dropout=0.2)


def test_a_stopped_run_goes_on_as_if_it_had_not_been(train, pairs, tmp_path, monkeypatch):
    given = {
        "task": "translate",
        "max_vocabulary": 60,
        "batch_size": 8,
        "dropout": 0.2,
        "epochs": 2.0,
        "piece_dropout": 0.2,
    }
    whole = train(pairs, out=tmp_path / "whole", **given)
    sent: list[int] = []

    class Interrupting(ProgressLogger):
        def tick(self, tick: Any) -> None:
            if tick.step == 12 and not sent:
                sent.append(tick.step)
                signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(training, "ProgressLogger", Interrupting)
    with pytest.raises(StoppedError):
        train(pairs, out=tmp_path / "stopped", **given)
    resumed = train(resume=tmp_path / "stopped")
    assert resumed.metrics["metrics"] == whole.metrics["metrics"]


def test_settings_of_other_tasks_and_of_this_one(train, pairs, labels, translator):
    with pytest.raises(UsageError, match="bptt is a setting of the tasks language, classify"):
        train(pairs, task="translate", bptt=5, out="bptt")
    with pytest.raises(UsageError, match="attention is a setting of the tasks translate, caption"):
        train(labels, attention="dot", out="labels")
    with pytest.raises(UsageError, match="bridge is the only path"):
        train(pairs, task="translate", attention="none", bridge="none", out="cut")
    vocabulary = translator.folder / "preprocessing.json"
    vocabulary.write_text(vocabulary.read_text(encoding="utf-8").replace("bpe", "bpx"), encoding="utf-8")
    with pytest.raises(ModelFolderError):
        recurra.load(translator.folder)


def test_few_pairs_have_a_dictionary_and_what_is_left_to_it_is_kept(train, pairs, translator):
    concluded = translator.config["concluded"]
    assert concluded.keys() == {"doubt", "length_penalty"}
    assert any("left to the dictionary" in note for note in translator.config["notes"])
    loaded = recurra.load(translator.folder)
    assert loaded.preprocessor.glossary is not None
    assert loaded.model.search.length_penalty == pytest.approx(concluded["length_penalty"])
    assert float(loaded.network.doubt) == pytest.approx(concluded["doubt"])
    plain = train(pairs, task="translate", skip="none", max_vocabulary=60, batch_size=32, epochs=0.5, out="plain")
    assert plain.config["concluded"] == {}
    assert "glossary" not in plain.preprocessor.to_json()
    with pytest.raises(UsageError, match="skip must be 'auto', 'none' or 'lexical', got 'linear'"):
        train(pairs, task="translate", skip="linear", out="linear")
    with pytest.raises(UsageError, match="give another attention than none, or skip none"):
        train(pairs, task="translate", skip="lexical", attention="none", out="none")


def test_a_run_on_other_pairs_keeps_the_dictionary(pairs, translator, tmp_path):
    more = recurra.train(pairs, start_from=translator.folder, out=tmp_path / "more", quiet=True, epochs=0.5)
    assert more.preprocessor.to_json() == translator.preprocessor.to_json()
    assert more.config["concluded"].keys() == {"doubt", "length_penalty"}


def test_a_folder_from_before_there_was_a_dictionary_has_none(translator):
    settings = {group: dict(values) for group, values in translator.stored.settings.items()}
    assert settings["network"].pop("skip") == "auto"
    before = translator.stored.model_copy(update={"settings": settings})
    assert settings_of(before).network.skip == "none"
    assert settings_of(translator.stored).network.skip == "auto"

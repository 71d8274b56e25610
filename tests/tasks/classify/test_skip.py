"""The linear skip of a classifier: chosen on validation, whole in its folder, gone on from, refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

import recurra
from recurra import model_folder, runtime
from recurra.errors import UsageError
from recurra.tasks.classify import concluding, few, linear
from recurra.tasks.classify.concluding import conclude
from recurra.tasks.classify.settings import DEFAULTS
from recurra.tasks.classify.task import TASK
from recurra.tasks.sources.resolving import resolve
from recurra.topologies.many_to_one import SPELT, Spelt
from tests.small_folders import relist

SMALL: dict[str, Any] = {
    "hidden_size": 4,
    "embedding_size": 4,
    "min_count": 1,
    "threads": 1,
    "device": "cpu",
    "quiet": True,
    "learning_rate": 1e-4,
}


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows of letters of which a pair tells the class: easy for n-grams, too hard for a network of four units."""
    rng, rows = np.random.default_rng(0), ["text,label"]
    for _ in range(240):
        kind = int(rng.integers(2))
        letters = list(rng.choice(list("cdefgh"), 6))
        letters[2:4] = ["ab", "ba"][kind]
        rows.append(f"{''.join(letters)}{rng.integers(1000):03d},{'xy'[kind]}")
    path = tmp_path_factory.mktemp("skip") / "rows.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.fixture(params=["few", "many"])
def count(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Whether validation texts count as few, of which cross-validation is asked instead."""
    if request.param == "many":
        monkeypatch.setattr(few, "FEW", 0)
    return str(request.param)


def weights(run: recurra.Run) -> dict[str, torch.Tensor]:
    return model_folder.read(run.folder).weights()


@pytest.mark.usefixtures("drawn", "count")
def test_validation_asks_for_it_and_the_folder_holds_it(labelled: Path, tmp_path: Path) -> None:
    run = recurra.train(labelled, out=tmp_path / "run", epochs=1.0, **SMALL)
    without = recurra.train(labelled, out=tmp_path / "none", epochs=1.0, skip="none", **SMALL)
    accuracy, alone = (each.metrics["metrics"]["accuracy"] for each in (run, without))
    assert accuracy > 0.95 > alone
    assert run.config["concluded"]["skip_share"] > 0
    assert any("a linear skip of n-grams of 1 to 4 tokens is added" in note for note in run.config["notes"])
    assert "Linear skip</h2>" in run.report.read_text()
    assert not any(name.startswith("skip.") for name in weights(without))
    assert run.metrics["parameters"] > without.metrics["parameters"] + 1000
    again = recurra.load(run.folder)
    assert again.evaluate()["accuracy"] == accuracy
    assert again.evaluate()["loss"] == pytest.approx(run.metrics["metrics"]["loss"], rel=1e-6)
    texts = ["cdabef001", "ghbacd002", "ab"]
    assert np.array_equal(again.predict_proba(texts), run.predict_proba(texts))
    assert np.allclose(run.predict_proba(texts[2:]), run.predict_proba(texts)[2:], atol=1e-6)
    assert [found.label for found in again.predict(texts[:2])] == ["x", "y"]
    for name in weights(without):
        if not name.startswith("head."):
            assert torch.equal(weights(without)[name], weights(run)[name]), name  # it is no part of training


def test_validation_chooses_how_its_ngrams_count(
    labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: str
) -> None:
    monkeypatch.setattr(few if count == "few" else linear, "strength", lambda odds, labels: torch.zeros(len(odds)))
    run = recurra.train(labelled, out=tmp_path / "run", epochs=1.0, **SMALL)
    assert run.metrics["metrics"]["accuracy"] > 0.95
    assert any("count by how rare they are, which validation likes better" in note for note in run.config["notes"])
    assert recurra.load(run.folder).evaluate()["loss"] == pytest.approx(run.metrics["metrics"]["loss"], rel=1e-6)


def test_with_little_time_it_is_one_of_the_training_texts_all_the_same(labelled: Path) -> None:
    settings = DEFAULTS.settings.changed(text="text", label="label", min_count=1)
    dataset = TASK.prepare(resolve(str(labelled), "classify"), settings)
    network, part = TASK.network(dataset.preprocessor, settings).eval(), dataset.parts["validation"]
    conclude(dataset.data, network, part, "linear", 0.0, seconds=2.0)
    assert network.skip is not None
    assert torch.equal(network.skip.keys, dataset.data.skip_features[0])
    assert torch.equal(network.skip.scale, dataset.data.skip_features[1])
    assert network.skip.weight.any()


@pytest.mark.usefixtures("count")
def test_a_run_with_it_goes_on_bit_for_bit(labelled: Path, tmp_path: Path) -> None:
    whole = recurra.train(labelled, out=tmp_path / "whole", epochs=2.0, schedule="constant", **SMALL)
    recurra.train(labelled, out=tmp_path / "part", epochs=1.0, schedule="constant", **SMALL)
    resumed = recurra.train(resume=tmp_path / "part", epochs=2.0, quiet=True)
    assert whole.config["concluded"] == resumed.config["concluded"]
    for name, value in weights(whole).items():
        if name.startswith("skip."):
            assert torch.equal(value, weights(resumed)[name]), name


@pytest.mark.usefixtures("count")
def test_a_folder_of_before_short_texts_had_a_share_of_their_own_says_what_it_said(
    labelled: Path, tmp_path: Path
) -> None:
    texts = ["cdabef001", "ghbacd002", "ab"]
    run = recurra.train(labelled, out=tmp_path / "run", epochs=1.0, schedule="constant", **SMALL)
    said = run.predict_proba(texts)
    for name in ("weights", "training_state"):
        tensors = safetensors.torch.load_file(run.folder / f"{name}.safetensors")
        kept = {key: value for key, value in tensors.items() if not key.endswith("skip_alone")}
        assert len(kept) < len(tensors)
        relist(run.folder, f"{name}.safetensors", safetensors.torch.save(kept))
    assert np.array_equal(recurra.load(run.folder).predict_proba(texts), said)
    assert np.allclose(runtime.load(run.folder).predict_proba(texts), said, atol=1e-6)
    resumed = recurra.train(resume=run.folder, epochs=2.0, quiet=True)
    assert float(weights(resumed)["skip_alone"]) == 1


def test_short_texts_are_left_to_a_network_that_learned_from_clauses(tmp_path: Path) -> None:
    """Short and long texts of which n-grams tell the class, the long ones by far the most."""
    rng, rows = np.random.default_rng(0), ["text,label"]
    for number in range(300):
        kind = int(rng.integers(2))
        clauses = ["".join(rng.choice(list("cdefgh"), 5)) + ["ab", "ba"][kind] for _ in range(1 if number % 12 else 9)]
        clauses = clauses if number % 4 else clauses * 9
        rows.append(f"{'; '.join(clauses)} {rng.integers(1000):03d},{'xy'[kind]}")
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(rows) + "\n")
    run = recurra.train(path, out=tmp_path / "run", epochs=1.0, crop=0.5, skip="linear", **SMALL)
    after = float(weights(run)["skip_after"])
    whole = recurra.train(path, out=tmp_path / "whole", epochs=1.0, skip="linear", **SMALL)
    assert float(weights(whole)["skip_after"]) == 0
    assert float(weights(whole)["skip_alone"]) == 1
    note = f"texts of up to {after:g} tokens are left to the network"
    assert any(note in each for each in run.config["notes"]) == (after > 0)
    network = run.network
    network.skip_after.fill_(10)
    network.skip_alone.fill_(3)
    lengths = torch.tensor([4, 10, 15, 20, 40])
    tokens = torch.ones(5, 40, dtype=torch.int64)
    assert run.preprocessor.skip_spelling  # its tokens are words
    with pytest.raises(UsageError, match="characters beside tokens"):
        network(tokens, lengths)
    texts = Spelt(tokens, tokens + SPELT, lengths)
    with torch.inference_mode():
        both = network(texts, lengths)[0]
        network.skip_after.fill_(0)
        full = network(texts, lengths)[0]
        network.skip.share.zero_()
        own = network(texts, lengths)[0]
    shares = torch.tensor([0.0, 0.0, 0.5, 1.0, 1.0]).unsqueeze(1)
    assert torch.allclose(both - own * (3 - 2 * shares), shares * (full - own), atol=1e-5)


def test_words_that_were_never_seen_are_read_by_their_spelling(tmp_path: Path) -> None:
    """Every word of more than a letter stands in one text alone; its ending tells the class."""
    rng, rows = np.random.default_rng(0), ["text,label"]
    for _ in range(300):
        kind = int(rng.integers(2))
        ending = ["ment", "able"][kind]
        words = ["".join(rng.choice(list("bcdfgh"), 6)) + ending for _ in range(3)]
        rows.append(f"{' '.join([*words, *rng.choice(list('klmnpqrstv'), 4)])},{'xy'[kind]}")
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(rows) + "\n")
    run = recurra.train(path, out=tmp_path / "run", epochs=1.0, level="word", **SMALL)
    assert any("of 1 to 2 tokens and 3 to 5 characters is added" in note for note in run.config["notes"])
    unseen = ["zzzzzzment yyyyment qqqment", "zzzzzzable yyyyable qqqable"]
    again = recurra.load(run.folder)
    assert [found.label for found in again.predict(unseen)] == ["x", "y"]
    assert [again.predict(text)[0].label for text in unseen] == ["x", "y"]
    assert again.evaluate()["loss"] == pytest.approx(run.metrics["metrics"]["loss"], rel=1e-6)
    assert run.metrics["metrics"]["accuracy"] == 1.0
    tf_idf = next(each for each in run.metrics["baselines"] if "TF-IDF" in each["name"])
    assert tf_idf["metrics"]["accuracy"] < 0.8
    chances = again.model.forward_pass(unseen[0]).probabilities()
    assert chances[-1] == pytest.approx(again.predict_proba(unseen[:1])[0], rel=1e-5)
    second = recurra.train(path, start_from=run.folder, out=tmp_path / "second", epochs=1.0, quiet=True)
    assert second.preprocessor.skip_spelling
    assert second.metrics["metrics"]["accuracy"] == 1.0


def test_another_run_begins_with_it(labelled: Path, tmp_path: Path) -> None:
    first = recurra.train(labelled, out=tmp_path / "first", epochs=1.0, **SMALL)
    rows = labelled.read_text().splitlines()
    new = tmp_path / "new.csv"
    new.write_text("\n".join([rows[0], *rows[1:230]]) + "\n")
    second = recurra.train(new, start_from=first.folder, out=tmp_path / "second", epochs=1.0, quiet=True)
    assert torch.equal(weights(first)["skip.keys"], weights(second)["skip.keys"])
    assert not torch.equal(weights(first)["skip.weight"], weights(second)["skip.weight"])
    assert second.metrics["metrics"]["accuracy"] > 0.9
    with pytest.raises(UsageError, match="skip"):
        recurra.train(new, start_from=first.folder, skip="none", quiet=True)


def test_rare_classes_may_weigh_more_with_it_too(labelled: Path, tmp_path: Path) -> None:
    run = recurra.train(labelled, out=tmp_path / "run", epochs=1.0, balance=1.0, skip="linear", **SMALL)
    assert run.config["concluded"]["skip_share"] > 0


@pytest.mark.parametrize("others", [1, 40])
def test_how_frequent_a_class_is_counts_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, others: int) -> None:
    """Network and linear model have each seen something of the class, and how frequent it is. others: texts for one"""
    monkeypatch.setattr(few, "FEW", 0)
    monkeypatch.setattr(concluding, "FEW", 0)
    rng, rows = np.random.default_rng(0), ["text,label"]
    for number in range(800):
        kind = int(number % (others + 1) == 0)
        sign = "ab"[kind if rng.random() < 0.8 else 1 - kind]
        rows.append(f"{sign}{number:04d},{'xy'[kind]}")
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(rows) + "\n")
    settings = DEFAULTS.settings.changed(text="text", label="label", split=(0.5, 0.5), level="char")
    dataset = TASK.prepare(resolve(str(path), "classify"), settings)
    network, part = TASK.network(dataset.preprocessor, settings).eval(), dataset.parts["validation"]
    seen = 2 * np.eye(2)[part.labels] + rng.normal(size=(len(part), 2)) + np.log(np.bincount(part.labels) / len(part))
    monkeypatch.setattr(concluding, "_logs", lambda *_: seen)
    _, notes = conclude(dataset.data, network, part, "linear", 0.0)
    assert any("taken off" in note for note in notes) == (others > 20)


def test_words_are_read_in_lower_case_unless_another_normalisation_is_set(tmp_path: Path) -> None:
    path = tmp_path / "films.csv"
    kinds = (("good", "a GORGEOUS film of note {}"), ("bad", "a dull film of note {}"))
    path.write_text("text,label\n" + "\n".join(f"{text.format(i)},{label}" for label, text in kinds for i in range(60)))
    run = recurra.train(path, out=tmp_path / "run", epochs=1.0, **SMALL)
    assert "gorgeous" in run.preprocessor.vocabulary.tokens
    assert "words are read in lower case; --normalize nfc keeps capitals" in run.config["notes"]
    assert np.array_equal(run.predict_proba(["A GORGEOUS FILM"]), run.predict_proba(["a gorgeous film"]))
    kept = recurra.train(path, out=tmp_path / "kept", epochs=1.0, normalize=("nfc",), **SMALL)
    assert "GORGEOUS" in kept.preprocessor.vocabulary.tokens

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from recurra.tasks.generate.baselines import ClassGrams, TextGrams, generate_baselines, mixed
from recurra.tasks.generate.data import GenerateData, prepare
from recurra.tasks.generate.samples import (
    Drawn,
    evenly,
    fixed_forms,
    from_grams,
    from_network,
    held_out,
    in_proportion,
    metre_of,
    naive_bayes,
    quality,
)
from recurra.tasks.generate.settings import GenerateDataSettings
from recurra.tasks.generate.trainee import build_network
from recurra.tasks.sources.resolving import resolve
from recurra.topologies.one_to_many import ConditionedDecoder
from recurra.topologies.settings import ConditionedSettings

ROWS = [np.array(row, dtype=np.int64) for row in ([1, 2, 4], [1, 1, 2, 4], [3, 2, 4], [3, 3])]


@pytest.fixture
def data(tmp_path: Path) -> GenerateData:
    for label, ending, firsts in (("Italian", "elli", "BDMPST"), ("Russian", "ov", "BDM")):
        lines = [f"{first}{vowel}{ending}" for first in firsts for vowel in "aeo"]
        (tmp_path / f"{label}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return prepare(resolve(tmp_path, "generate"), GenerateDataSettings(level="char"))


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_texts_do_not_reach_into_each_other(order: int) -> None:
    grams = TextGrams.fit(ROWS, 4, order)
    together = grams.log_prob(ROWS)
    assert len(together) == sum(map(len, ROWS))
    alone = np.concatenate([grams.log_prob([row]) for row in ROWS])
    np.testing.assert_allclose(together, alone)


def test_what_is_drawn_has_the_frequency_of_its_chance() -> None:
    grams = TextGrams.fit(ROWS, 4, 3)
    drawn = grams.draw(1000, length=30, seed=1)
    assert all(row[-1] == 4 and 4 not in row[:-1] for row in drawn)
    share = sum(row == [1, 2, 4] for row in drawn) / 1000
    expected = float(np.exp(grams.log_prob([np.array([1, 2, 4])]).sum()))
    assert share == pytest.approx(expected, rel=0.2)  # the unknown token is never drawn, which adds a little
    assert len({tuple(row) for row in grams.draw(20, length=1, temperature=0.01)}) <= 2
    assert all(len(row) - (row[-1] == 4) <= 1 for row in grams.draw(20, length=1))


def test_a_mixture_lies_between() -> None:
    own, blind = np.log(np.array([0.5, 0.2])), np.log(np.array([0.1, 0.4]))
    assert mixed(own, blind, 1.0) == pytest.approx(-own.mean())
    assert mixed(own, blind, 0.0) == pytest.approx(-blind.mean())
    assert mixed(own, blind, 0.5) == pytest.approx(-np.log([0.3, 0.3]).mean())


def test_n_grams_of_a_class_beat_those_of_all(data: GenerateData) -> None:
    baselines = generate_baselines(data, data.parts["test"])
    losses = {baseline.name: baseline.metrics["nats_per_character"] for baseline in baselines}
    assert losses["Kneser-Ney 3-gram of each class"] < losses["Kneser-Ney 3-gram, blind to classes"]
    assert baselines[-1].name.endswith("of the class's own")
    assert all(baseline.size_bytes for baseline in baselines)


def test_labels_are_spread(data: GenerateData) -> None:
    assert np.bincount(evenly(data, 11)).tolist() in ([5, 6], [6, 5])
    assert np.bincount(in_proportion(data, 30)).tolist() == [20, 10]


def test_samples_are_evaluated(data: GenerateData) -> None:
    train = data.parts["train"]
    recognise = naive_bayes(data)
    known = quality(Drawn(train.texts, train.labels), data, recognise)
    assert known["recognised"] == 1.0
    assert (known["new"], known["distinct"]) == (0.0, 1.0)
    wrong = quality(Drawn(["Zov", "Zov"], np.array([0, 1])), data, recognise)
    assert wrong == {"recognised": 0.5, "new": 1.0, "distinct": 0.5, "characters": 3.0}
    assert quality(held_out(data, "test"), data)["new"] == 1.0


def test_samples_of_n_grams_and_of_a_network(data: GenerateData) -> None:
    labels = np.array([1, 0, 1, 0, 0])
    grams = from_grams(ClassGrams.fit(data.parts["train"], data, 5), data, labels, temperature=0.1)
    assert [text.endswith("ov") for text in grams.texts] == [True, False, True, False, False]
    torch.manual_seed(0)
    network = build_network(data.preprocessor, ConditionedSettings(hidden_size=4))
    assert isinstance(network, ConditionedDecoder)
    drawn = from_network(network, data, labels, seed=1)
    assert len(drawn.texts) == 5
    assert max(map(len, drawn.texts)) <= data.longest


def test_verse_in_fixed_forms_is_evaluated_by_its_form(data: GenerateData, tmp_path: Path) -> None:
    assert fixed_forms(data) is None
    signs = "春花秋月何时了往事知多少小楼昨夜又东风故国不堪回首明中"
    (tmp_path / "verse").mkdir()
    for name, long in (("五言", 5), ("七言", 7)):
        clauses = [[signs[(k * j + k) % 20 :][:long] for j in range(1, 5)] for k in range(1, 30)]
        lines = ["{}，{}。{}，{}。".format(*found) for found in clauses]
        (tmp_path / "verse" / f"{name}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    verse = prepare(resolve(tmp_path / "verse", "generate"), GenerateDataSettings())
    assert fixed_forms(verse) == {verse.names().index("五言"): {(5,) * 4}, verse.names().index("七言"): {(7,) * 4}}
    drawn = ["春花秋月何，往事知多少。春花秋月何，往事知多少。", "春花秋月何，往事知多少。", "不是"]
    assert quality(Drawn(drawn, np.full(3, verse.names().index("五言"))), verse)["own_form"] == pytest.approx(1 / 3)
    assert quality(held_out(verse, "test"), verse)["own_form"] == 1


def test_tunes_are_evaluated_by_bars_and_metre(tmp_path: Path) -> None:
    for name, metre, bar in (("jigs", "6/8", "GAB c2"), ("reels", "4/4", "GABc d2e")):
        text = "\n".join(f"X:{i}\nM:{metre}\nL:1/8\nK:G\n{bar}{n}|\n" for i, n in enumerate("ABcdefga"))
        (tmp_path / f"{name}.abc").write_text(text, encoding="utf-8")
    data = prepare(resolve(tmp_path), GenerateDataSettings())
    tunes = [f"M:{m}\nL:1/8\nK:G\n{music}||" for m, music in (("6/8", "GAB c3"), ("C", "GAB c3g3"), ("C|", "G8"))]
    found = quality(Drawn(tunes, np.array([0, 1, 1])), data)
    assert found["own_metre"] == pytest.approx(2 / 3)
    assert found["complete_bars"] == pytest.approx(2 / 3)
    assert metre_of("M:C|\nK:G\n") == "2/2"
    assert metre_of("abc") == ""

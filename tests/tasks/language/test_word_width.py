"""Shapes of models of words follow the tokens seen, the text and its passes; what somebody has set stays."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from recurra.tasks.language.settings import DEFAULTS, LanguageSettings
from recurra.tasks.language.word_width import FAST, FEW, HELD_BACK, LARGEST, SAMPLED, SHAPES, SIZES, suited_words
from recurra.topologies.many_to_many import MANY

SETTINGS: LanguageSettings = DEFAULTS.at("word")
WORDS = 10_000
PTB = 929_589


def rate_of(tokens: float) -> Callable[[LanguageSettings], tuple[float, int]]:
    """Of a machine on which one layer of 100 units is trained at so many tokens a second; weights as they are."""

    def rate(settings: LanguageSettings) -> tuple[float, int]:
        network = settings.network
        of_layers = network.num_layers * 8 * network.hidden_size**2
        return tokens * 8e4 / of_layers, of_layers + WORDS * (network.embedding_size + 1)

    return rate


def shape(settings: dict[str, Any]) -> int:
    return next(
        place
        for place, each in enumerate(SHAPES)
        if (each.num_layers, each.hidden_size) == (settings["num_layers"], settings["hidden_size"])
    )


def suited(seconds: float, text: int = PTB, fixed: tuple[str, ...] = (), words: int = WORDS, **set_: Any) -> Any:
    return suited_words(SETTINGS.changed(**set_), fixed, text, words, seconds, rate_of(2e5))


def test_more_time_is_for_larger_networks_and_more_passes_for_more_dropout() -> None:
    for text in (10**4, 10**5, 10**6, 10**8):
        found = [suited(seconds, text).settings for seconds in (3.0, 30.0, 300.0, 3000.0, 30_000.0)]
        for less, more in itertools.pairwise(found):
            assert shape(less) <= shape(more)
            assert {*less} == {*SIZES}
        assert all(each["embedding_size"] == each["hidden_size"] for each in found)


def test_little_time_is_for_the_smallest_and_much_for_the_largest() -> None:
    assert shape(suited(0.01).settings) == 0
    largest = suited(1e6)
    assert shape(largest.settings) == len(SHAPES) - 1
    assert largest.settings["dropout"] == HELD_BACK[0][1]["dropout"]
    assert largest.why.startswith("2 layers of 512 units, batches of 64 and dropout")
    assert "more time" not in largest.why


def test_a_small_text_is_not_for_a_network_with_many_weights() -> None:
    for text in (10**4, 10**5, 3 * 10**5):
        found = SHAPES[shape(suited(1e6, text).settings)]
        weights = 8 * found.num_layers * found.hidden_size**2
        assert found is SHAPES[0] or weights <= LARGEST * text


def test_the_next_one_is_named_if_it_only_wants_time() -> None:
    found = suited(0.01)
    assert found.why.endswith(f"{SHAPES[1].hidden_size} units are for more time")
    assert "passes through the text" in found.why


@pytest.mark.parametrize("name", ["hidden_size", "num_layers", "embedding_size", "tie_weights", "vectors"])
def test_a_shape_that_is_set_stays_and_its_dropout_follows(name: str) -> None:
    found = suited(1e6, fixed=(name,), hidden_size=77, embedding_size=77).settings
    assert (found["num_layers"], found["hidden_size"], found["batch_size"]) == (1, 77, 32)
    assert found["dropout"] == HELD_BACK[0][1]["dropout"]


@pytest.mark.parametrize("name", ["dropout", "input_dropout", "weight_dropout", "batch_size", "output"])
def test_what_is_set_stays(name: str) -> None:
    value = {"batch_size": 20, "output": "adaptive"}.get(name, 0.123)
    assert suited(1e6, fixed=(name,), **{name: value}).settings[name] == value


def test_few_steps_are_large_ones_of_muon() -> None:
    steps = SHAPES[0].batch_size * (SETTINGS.training.bptt or 0)
    usual = SETTINGS.training.learning_rate
    assert suited(1e6, epochs=FEW * steps / PTB).settings["learning_rate"] == FAST > usual
    assert suited(1e6, epochs=1.2 * FEW * steps * 2 / PTB).settings["learning_rate"] == usual
    few: dict[str, Any] = {"epochs": 0.1}
    assert suited(1e6, fixed=("learning_rate",), learning_rate=0.123, **few).settings["learning_rate"] == 0.123
    assert suited(1e6, optimizer="adamw", **few).settings["learning_rate"] == usual


def test_many_words_of_a_long_text_have_a_sampled_output_and_others_their_own() -> None:
    assert suited(100.0).settings["output"] == "sampled"
    assert "samples of the output" in suited(100.0).why
    usual = SETTINGS.network.output
    assert suited(100.0, words=MANY - 1).settings["output"] == usual
    assert suited(100.0, SAMPLED * WORDS - 1).settings["output"] == usual


def test_epochs_that_end_first_are_what_counts() -> None:
    assert suited(1e6, epochs=1.0).settings == suited(1e9, epochs=1.0).settings
    assert "1 passes" in suited(1e6, epochs=1.0).why

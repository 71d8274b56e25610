"""Classifiers and taggers over texts of their own, probed for labels and tags."""

from __future__ import annotations

import numpy as np
import pytest

import recurra
from recurra.errors import DataError, UsageError
from recurra.inspection.inputs_read import probe_inputs, read_inputs
from recurra.tasks.probed_inputs import ProbedInput
from tests.laws.tasks.tiny_tasks import shared_runs


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, recurra.Run]:
    return shared_runs(tmp_path_factory)


def test_states_are_those_of_the_trace_and_ends_of_both_directions(runs: dict[str, recurra.Run]) -> None:
    run = runs["classify"]
    texts = [f"{one}{other}{third}" for one in "abc" for other in "efgh" for third in "ai"]
    read = read_inputs(run.model, run.network, [ProbedInput(text, "", "odd") for text in texts])
    trace = run.trace(texts[3]).states()
    assert read.states.keys() == trace.keys()
    for key, values in trace.items():
        np.testing.assert_allclose(read.states[key][3], values, atol=1e-6)
        np.testing.assert_allclose(read.ends[key][3], values[0 if key.endswith("_reverse") else -1], atol=1e-6)
    assert read.tokens[3] == list(texts[3])
    with pytest.raises(DataError, match="20 texts"):
        read_inputs(run.model, run.network, read.inputs[:19])
    short = read_inputs(run.model, run.network, read.inputs, steps=61)
    assert len(short.inputs) == 21


def test_what_is_known_of_texts_is_probed_for(runs: dict[str, recurra.Run]) -> None:
    run = runs["tag"]
    texts = [f"go{k % 7} to {('Rome', 'Oslo', 'York')[k % 3]}" for k in range(60)]
    tags = [("O", "O", f"B-{'xy'[k % 2]}") for k in range(60)]
    inputs = [
        ProbedInput(text, " ", "even" if k % 2 else "odd", tag)
        for k, (text, tag) in enumerate(zip(texts, tags, strict=True))
    ]
    read = read_inputs(run.model, run.network, inputs)
    assert read.tokens[0] == [" go0", " to", " Rome"]
    found = probe_inputs(read)
    assert {"tag O", "label even"} <= {one.feature for one in found.probes} | set(found.left_out)
    assert found["tag O"].units_score > 0.9  # the words say it
    assert found["start of a word"].number is False if "start of a word" not in found.left_out else True


def test_a_run_is_probed_on_its_own_texts(runs: dict[str, recurra.Run]) -> None:
    for task in ("classify", "tag"):
        found = runs[task].probe(text="abc def\n" * 50)
        assert "position in the text" in {one.feature for one in found.probes}
    labelled = runs["classify"].probe(texts=["ab", "ab", "gh", "gh"] * 25, labels=["low", "low", "high", "high"] * 25)
    assert labelled.probes[0].feature == "label high"
    with pytest.raises(UsageError, match="does not read texts, whose units could be probed"):
        runs["forecast"].probe()

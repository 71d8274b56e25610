"""Weights for other libraries: torch.nn's own modules, RTNeural's JSON."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recurra.errors import RecurraError, UsageError
from recurra.export.answers import said
from recurra.export.weights.plain import plain
from recurra.export.weights.rtneural import prove_rtneural, write_rtneural
from recurra.export.weights.torch_nn import prove_torch, write_torch
from recurra.tasks.frames.preprocessor import FramesPreprocessor
from recurra.tasks.outgoing import Asked
from recurra.topologies.frames import FrameNetwork
from recurra.topologies.many_to_many import NextToken
from recurra.topologies.many_to_one import SequenceClassifier
from recurra.topologies.settings import ClassifierSettings, FrameSettings, NextTokenSettings

SIZES: dict[str, Any] = {"hidden_size": 5, "embedding_size": 5, "num_layers": 2}
FRAMES: dict[str, Any] = {"hidden_size": 5, "num_layers": 2}
TOKENS = [Asked(np.arange(9) % 7), Asked(np.array([3]))]
PLAIN = FramesPreprocessor(("a", "b"), (10.0, -3.0), (0.5, 2.0), False, True, ["up", "down", "still"])


def _drawn(network: Any) -> Any:
    torch.manual_seed(0)
    for parameter in network.eval().parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    return network


def _frame_network(**given: Any) -> Any:
    return _drawn(FrameNetwork(2, 3, FrameSettings(**FRAMES | given), per_frame=True))


NETWORKS = {
    "tied": lambda: NextToken(7, NextTokenSettings(**SIZES, cell="gru", tie_weights=True)),
    "learned": lambda: NextToken(7, NextTokenSettings(**SIZES, cell="lstm", learned_state=True)),
    "relu": lambda: SequenceClassifier(7, 3, ClassifierSettings(**SIZES, cell="rnn-relu", pooling="all")),
    "both ways": lambda: SequenceClassifier(7, 3, ClassifierSettings(**SIZES, cell="rnn", bidirectional=True)),
    "highest": lambda: SequenceClassifier(7, 3, ClassifierSettings(**SIZES, cell="lstm", pooling="max")),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_modules_of_torch_say_the_same(name: str, tmp_path: Path) -> None:
    network = _drawn(NETWORKS[name]())
    (tmp_path / "export.json").write_text(json.dumps(write_torch(tmp_path, network)))
    count, difference = prove_torch(tmp_path, network, TOKENS, None)
    assert count == (10 if name in ("tied", "learned") else 2)
    assert difference < 1e-5
    with pytest.raises(RecurraError, match="does not say what the network says"):
        prove_torch(tmp_path, _drawn(NETWORKS[name]()).apply(_shifted), TOKENS, None)


def _shifted(module: Any) -> None:
    for parameter in module.parameters(recurse=False):
        parameter.data += 0.1


def test_the_script_needs_no_recurra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "export.json").write_text(json.dumps(write_torch(tmp_path, _drawn(NETWORKS["tied"]()))))
    assert "recurra" not in (tmp_path / "run.py").read_text().lower()
    monkeypatch.setattr(sys, "argv", ["run.py", "1", "2"])
    runpy.run_path(str(tmp_path / "run.py"), run_name="__main__")
    assert capsys.readouterr().out.startswith("tensor([[[")


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_rtneural_is_given_what_says_the_same(cell: str, tmp_path: Path) -> None:
    """The scaling of frames stands in the first layer."""
    network, frames = _frame_network(cell=cell), np.random.default_rng(0).standard_normal((30, 2)).astype(np.float32)
    asked = [Asked(frames * np.float32(0.5) + np.float32(9))]
    write_rtneural(tmp_path, network, PLAIN)
    count, difference = prove_rtneural(tmp_path, network, asked, PLAIN)
    assert count == 30
    assert difference < 1e-4
    layers = json.loads((tmp_path / "model.json").read_text())["layers"]
    assert [layer["type"] for layer in layers] == [cell, cell, "dense"]
    with pytest.raises(RecurraError, match="does not say"):
        prove_rtneural(tmp_path, network.apply(_shifted), asked, PLAIN)


RTNEURAL = """
#include <RTNeural/RTNeural.h>
#include <cstdio>
#include <fstream>
int main(int, char** given) {
  std::ifstream weights(given[1]), frames(given[2], std::ios::binary);
  auto model = RTNeural::json_parser::parseJson<float>(weights, false);
  if (!model) return 1;
  model->reset();
  std::vector<float> x(model->getInSize());
  while (frames.read(reinterpret_cast<char*>(x.data()), 4 * x.size())) {
    model->forward(x.data());
    for (int i = 0; i < model->getOutSize(); ++i) std::printf("%.9g ", model->getOutputs()[i]);
  }
}
"""


@pytest.mark.slow
@pytest.mark.skipif(
    "RTNEURAL" not in os.environ, reason="$RTNEURAL names no checkout of RTNeural with its modules/json"
)
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_rtneural_itself_says_the_same(cell: str, tmp_path: Path) -> None:
    network, frames = _frame_network(cell=cell), np.random.default_rng(0).standard_normal((500, 2)).astype(np.float32)
    asked = Asked(frames * np.float32(0.5) + np.float32(9))
    write_rtneural(tmp_path, network, PLAIN)
    (tmp_path / "main.cpp").write_text(RTNEURAL)
    asked.inputs.astype("<f4").tofile(tmp_path / "frames.bin")
    library = Path(os.environ["RTNEURAL"])
    flags = ["-std=c++17", "-O1", "-DRTNEURAL_USE_STL=1", "-DRTNEURAL_DEFAULT_ALIGNMENT=16"]
    places = [f"-I{library}", f"-I{library / 'modules' / 'json'}"]
    subprocess.run(["g++", *flags, *places, "main.cpp", "-o", "run"], cwd=tmp_path, check=True)
    run = [str(tmp_path / "run"), "model.json", "frames.bin"]
    found = subprocess.run(run, cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    expected = said(network, asked, PLAIN)
    np.testing.assert_allclose(np.array(found.split(), float).reshape(expected.shape), expected, rtol=0, atol=1e-4)


def test_what_they_cannot_hold_is_refused_with_what_can(tmp_path: Path) -> None:
    refused: dict[str, Any] = {
        "its cell min-gru is none of": NextToken(7, NextTokenSettings(**SIZES, cell="min-gru")),
        "as wide as its units": NextToken(7, NextTokenSettings(**SIZES, cell="lstm-projected")),
        "zoneout keeps": NextToken(7, NextTokenSettings(**SIZES, zoneout=0.1)),
        "of rank 2": NextToken(7, NextTokenSettings(**SIZES, rank=2)),
        "adaptive softmax": NextToken(70, NextTokenSettings(**SIZES, output="adaptive")),
        "are added up": SequenceClassifier(7, 2, ClassifierSettings(**SIZES, bidirectional=True, merge="sum")),
        "labels come later": FrameNetwork(2, 2, FrameSettings(**FRAMES, delay=2), per_frame=True),
        "a Linear is more than": torch.nn.Linear(2, 2),
    }
    for reason, network in refused.items():
        with pytest.raises(UsageError, match=f"{reason}.*nearest target is --to onnx"):
            plain(network, "torch")
    for reason, network in {
        "neither lstm nor gru": _frame_network(cell="rnn"),
        "both directions": _frame_network(bidirectional=True),
        "tokens, not frames": NETWORKS["tied"](),
        "initial state is learned": _frame_network(learned_state=True),
    }.items():
        with pytest.raises(UsageError, match=f"{reason}; its nearest target is --to c"):
            write_rtneural(tmp_path, network, None)

"""Networks as Keras models: proven before they are kept, refused where Keras has no such layer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recurra.errors import RecurraError, UsageError
from recurra.export.weights.keras_model import prove_keras, write_keras
from recurra.tasks.outgoing import Asked
from recurra.topologies.frames import FrameNetwork
from recurra.topologies.many_to_many import NextToken
from recurra.topologies.many_to_one import SequenceClassifier
from recurra.topologies.settings import ClassifierSettings, FrameSettings, NextTokenSettings

SIZES: dict[str, Any] = {"hidden_size": 5, "embedding_size": 5, "num_layers": 2}
FRAMES: dict[str, Any] = {"hidden_size": 5, "num_layers": 2}
TOKENS = [Asked(np.arange(9) % 7), Asked(np.array([3]))]
NETWORKS = {
    "tied": lambda: NextToken(7, NextTokenSettings(**SIZES, cell="gru", tie_weights=True)),
    "highest": lambda: SequenceClassifier(7, 3, ClassifierSettings(**SIZES, cell="lstm", pooling="max")),
    "relu": lambda: SequenceClassifier(7, 3, ClassifierSettings(**SIZES, cell="rnn-relu", pooling="mean")),
    "last of both ways": lambda: SequenceClassifier(7, 3, ClassifierSettings(**SIZES, cell="rnn", bidirectional=True)),
    "all of both ways": lambda: SequenceClassifier(
        7, 3, ClassifierSettings(**SIZES, cell="gru", bidirectional=True, pooling="all")
    ),
}


def _drawn(network: Any) -> Any:
    torch.manual_seed(0)
    for parameter in network.eval().parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    return network


def _shifted(module: Any) -> None:
    for parameter in module.parameters(recurse=False):
        parameter.data += 0.1


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of Keras' own
@pytest.mark.parametrize("name", NETWORKS)
def test_keras_says_the_same(name: str, tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    network = _drawn(NETWORKS[name]())
    (tmp_path / "export.json").write_text(json.dumps(write_keras(tmp_path, network)))
    count, difference = prove_keras(tmp_path, network, TOKENS, None)
    assert count == (10 if name == "tied" else 2)
    assert difference < 1e-5
    with pytest.raises(RecurraError, match="Keras does not say what the network says"):
        prove_keras(tmp_path, _drawn(NETWORKS[name]()).apply(_shifted), TOKENS, None)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_script_runs_a_model_of_frames_and_of_tokens_without_recurra(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    network = FrameNetwork(2, 3, FrameSettings(**FRAMES), per_frame=True)
    for name, each in (("tokens", NETWORKS["tied"]()), ("frames", network)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "export.json").write_text(json.dumps(write_keras(tmp_path / name, _drawn(each))))
    assert "recurra" not in (tmp_path / "tokens" / "model.py").read_text().lower()
    here = os.environ | {"KERAS_BACKEND": "torch"}
    run = subprocess.run(
        [sys.executable, "model.py", "1", "2"],
        cwd=tmp_path / "tokens",
        env=here,
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.startswith("[[[")
    frames = np.random.default_rng(0).standard_normal((30, 2)).astype(np.float32)
    count, difference = prove_keras(tmp_path / "frames", network, [Asked(frames)], None)
    assert (count, difference < 1e-5) == (30, True)


def test_what_keras_has_not_is_refused_with_what_can(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused: dict[str, Any] = {
        "its cell min-gru is none of.*--to onnx": NextToken(7, NextTokenSettings(**SIZES, cell="min-gru")),
        "its initial state is learned.*--to torch": NextToken(7, NextTokenSettings(**SIZES, learned_state=True)),
        "labels come later.*--to onnx": FrameNetwork(2, 2, FrameSettings(**FRAMES, delay=2), per_frame=True),
    }
    for reason, network in refused.items():
        with pytest.raises(UsageError, match=reason):
            write_keras(tmp_path, network)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"needs keras.*pip install 'recurra\[keras\]'"):
        write_keras(tmp_path, NETWORKS["tied"]())
    assert not list(tmp_path.iterdir())

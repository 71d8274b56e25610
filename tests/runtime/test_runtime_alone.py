"""The runtime as a distribution of its own, in an environment without torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from email import message_from_bytes
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recurra import runtime
from recurra.data.tokens.vocabulary import Vocabulary
from recurra.engines.native import library
from recurra.tasks.language.preprocessor import LanguagePreprocessor
from recurra.topologies.many_to_many import NextToken
from recurra.topologies.settings import NextTokenSettings
from scripts.make_runtime_wheel import make
from tests.runtime.folders import write

ROOT = Path(__file__).resolve().parents[2]


def test_only_a_wheel_of_recurra_is_taken_apart(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"numpy-2-py3-none-any\.whl is no wheel of recurra"):
        make(tmp_path / "numpy-2-py3-none-any.whl", tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(library.why_missing() is not None, reason="the native core is not built")
def test_the_runtime_is_installed_and_answers_without_torch(tmp_path: Path) -> None:
    build = "import sys, scikit_build_core.build as b; b.build_wheel(sys.argv[1])"
    without = os.environ | {"CXX": str(tmp_path / "no-compiler")}
    whole = tmp_path / "whole"
    subprocess.run([sys.executable, "-c", build, str(whole)], cwd=ROOT, env=without, check=True, capture_output=True)
    wheel = make(next(whole.iterdir()), tmp_path / "small")
    with zipfile.ZipFile(wheel) as file:
        (name,) = [name for name in file.namelist() if name.endswith("METADATA")]
        about = message_from_bytes(file.read(name))
    assert (about["Name"], about.get_all("Requires-Dist")) == ("recurra-runtime", ["numpy>=2"])
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "alone")], check=True)
    python = tmp_path / "alone" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", str(wheel)], check=True)
    listed = subprocess.run([python, "-m", "pip", "list", "--format=json"], capture_output=True, check=True).stdout
    assert {each["name"] for each in json.loads(listed)} <= {"numpy", "recurra-runtime", "pip", "setuptools"}
    vocabulary = Vocabulary(["<unk>", *"abc de"])
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"hidden_size": 5, "embedding_size": 4}
    settings = NextTokenSettings(**sizes)
    network = NextToken(len(vocabulary), settings)
    folder = write(tmp_path / "model", "language", network, LanguagePreprocessor(vocabulary), settings)
    code = (
        "from recurra import runtime; import importlib, json, pkgutil, recurra; "
        "[importlib.import_module(f'recurra.runtime.{each.name}') for each in pkgutil.iter_modules(runtime.__path__)]; "
        f"model = runtime.load({str(folder)!r}); "
        "print(json.dumps([recurra.__version__, model.generate('ab', 9, temperature=0), model.nats_per_token('abc')]))"
    )
    native = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    native["RECURRA_NATIVE_DIR"] = str(library.folder())
    run = subprocess.run([python, "-I", "-c", code], cwd=tmp_path, env=native, capture_output=True, check=True)
    version, text, nats = json.loads(run.stdout)
    model = runtime.load(folder)
    assert isinstance(model, runtime.LanguageModel)
    assert version == about["Version"]
    assert text == model.generate("ab", 9, temperature=0)
    np.testing.assert_allclose(nats, model.nats_per_token("abc"), rtol=1e-6)

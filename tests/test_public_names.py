"""The names that users build on: adding one is a decision, losing one breaks them."""

from __future__ import annotations

import subprocess
import sys

import recurra

NAMES = {
    # layers and cells
    "RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell", "Stack", "Cell", "cell", "register",
    "get_cell", "cell_names", "explain",
    "unroll", "CellWeights", "Embedded", "empty_cache",
    # from data to a model
    "train", "load", "Run", "Callback", "diagnose",
    # errors
    "RecurraError", "UsageError", "CellError", "UnknownNameError", "ShapeError", "EngineError", "DataError",
    "ModelFolderError", "DivergedError", "StoppedError", "CallbackError", "RankError",
}  # fmt: skip


def test_public_names_are_pinned():
    assert set(recurra.__all__) == NAMES
    assert set(recurra._HOMES) == NAMES
    assert set(dir(recurra)) == NAMES


def test_every_public_name_is_there_and_documented():
    for name in NAMES:
        assert getattr(recurra, name).__doc__, name


def test_a_name_that_is_not_there_is_an_attribute_error():
    assert not hasattr(recurra, "Transformer")


def test_importing_recurra_imports_nothing_heavy():
    heavy = ("torch", "numpy", "polars", "matplotlib", "lightning_fabric", "typer", "pydantic")
    code = f"import sys, recurra; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_model_is_loaded_without_torchs_compiler() -> None:
    """Which takes as long to import as torch itself."""
    code = "import sys, recurra.api.run, recurra.engines.native.engine; print('torch._dynamo' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"

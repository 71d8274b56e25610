"""The names that users build on: adding one is a decision, losing one breaks them."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys

import recurra
from recurra import runtime, sklearn

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


def documented():
    """(name, object, docstring) of every public name and every public method that its class defines."""
    homes = [(name, recurra) for name in sorted(NAMES)]
    homes += [(name, home) for home in (sklearn, runtime) for name in home.__all__]
    for name, home in homes:
        found = getattr(home, name)
        yield name, found, inspect.getdoc(found) or ""
        if inspect.isclass(found):
            for own, member in vars(found).items():
                if not own.startswith("_") and (inspect.isfunction(member) or isinstance(member, property)):
                    yield f"{name}.{own}", getattr(member, "fget", member), inspect.getdoc(getattr(found, own)) or ""


def test_docstrings_say_what_it_does_and_give_shapes_and_errors_where_there_are_any():
    silent, shapeless, errorless = [], [], []
    for name, found, text in documented():
        if not text.split("\n")[0].strip():
            silent.append(name)
        if inspect.isclass(found):
            continue
        signature = str(inspect.signature(found)) if callable(found) else ""
        homes = (home for home in (recurra, sklearn, runtime) if hasattr(home, name.split(".")[0]))
        owner = getattr(next(homes), name.split(".")[0])
        text += inspect.getdoc(owner) or ""  # a class may say it for its methods
        if "Tensor" in signature and not re.search("Shapes?:|\\[[A-Z]", text):
            shapeless.append(name)
        if re.search(r"^    raise \w+Error", inspect.getsource(found), re.M) and "Error" not in text:
            errorless.append(name)
    assert not silent, "no docstring"
    assert not shapeless, "takes or gives tensors: say their shapes, with the letters of the glossary"
    assert not errorless, "raises: say what and when"

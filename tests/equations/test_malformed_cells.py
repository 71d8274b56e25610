"""A cell that cannot be is refused where it is defined, with its file, its line and what to do."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recurra.cells.definition import cell
from recurra.equations.symbols import R, W, tanh
from recurra.errors import CellError, UsageError

PRELUDE = """\
import math
import numpy
import torch
import recurra.cells.definition as d
from recurra.equations.symbols import R, W, b, k, p, rb, exp, maximum, minimum, normalize, relu, sigmoid, tanh

def helper(v):
    return (v
            + {helper}(v))  # helper

@d.cell(name="bad")
"""

# the equations, with "# !" in the line that the message must name, and what it must say
MALFORMED: dict[str, tuple[str, str]] = {
    "an unknown state": (
        """def bad(x, h):
            f = sigmoid(W.f @ x)
            h = f * cell_state  # !
            return h""",
        "'cell_state' is neither the input, a state of this cell (h) nor computed above",
    ),
    "a misspelt local": (
        """def bad(x, h):
            forget = sigmoid(W.f @ x)
            return forgets * h  # !""",
        "did you mean 'forget'?",
    ),
    "a misspelt function": (
        """def bad(x, h):
            h = sigmoidd(W.f @ x)  # !
            return h""",
        "'sigmoidd' is neither the input, a state of this cell (h) nor computed above; did you mean 'sigmoid'?",
    ),
    "a function that is not imported": (
        """def bad(x, h):
            return softplus(W.f @ x)  # !""",
        "'softplus' is a name of the equation language that is not imported",
    ),
    "a local before it is computed": (
        """def bad(x, h, c):
            c = f * c  # !
            f = sigmoid(W.f @ x)
            return h, c""",
        "'f' is neither the input, a state of this cell (h, c) nor computed above",
    ),
    "the input times a state": (
        """def bad(x, h):
            h = tanh(W.h @ x)
            h = x * h  # !
            return h""",
        "x is as wide as the input [I], the other value as a state [H]; map x with W",
    ),
    "the input plus a bias": (
        "def bad(x, h):\n    return tanh(W.h @ (x + b.h))  # !",
        "x is as wide as the input [I]",
    ),
    "W of a state": (
        "def bad(x, h):\n    return tanh(W.h @ h)  # !",
        "W.h maps the input x itself; use R for a value of the step",
    ),
    "W of a value made of the input": (
        "def bad(x, h):\n    return tanh(W.h @ (x * x))  # !",
        "W.h maps the input x itself; not a value made of it",
    ),
    "R of the input": (
        "def bad(x, h):\n    return tanh(R.h @ x + W.h @ x)  # !",
        "R.h maps a value as wide as a state [H]; use W for the input x",
    ),
    "R of a number": ("def bad(x, h):\n    return R.h @ 1  # !", "R.h maps a value as wide as a state [H]"),
    "R of a matrix": (
        "def bad(x, h):\n    return R.a @ R.b @ h  # !",
        "R.b is a matrix: apply it with @, as in R.b @ h",
    ),
    "a matrix on the right": (
        "def bad(x, h):\n    return tanh(x @ W.h)  # !",
        "W.h stands on the left of what it maps, as in W.h @ x",
    ),
    "a matrix with *": (
        "def bad(x, h):\n    return tanh(W.h * x)  # !",
        "W.h is a matrix: apply it with @, as in W.h @ x",
    ),
    "a matrix with * on the right": (
        "def bad(x, h):\n    return tanh(h * R.h)  # !",
        "R.h is a matrix: apply it with @, as in R.h @ h",
    ),
    "a matrix in a function": ("def bad(x, h):\n    return tanh(R.h)  # !", "got the matrix R.h"),
    "a matrix turned over": ("def bad(x, h):\n    return tanh(W.h.T @ x)  # !", "W.h is a matrix: apply it with @"),
    "a matrix called": (
        "def bad(x, h):\n    return tanh(W.h(x))  # !",
        "W.h is a matrix: apply it with @, as in W.h @ x",
    ),
    "a gate in brackets": ("def bad(x, h):\n    return tanh(W['h'] @ x)  # !", "W needs the name of a gate, as in W.i"),
    "a weight that is set": (
        "def bad(x, h):\n    W.h = 3  # !\n    return W.h @ x",
        "W.h is a weight, which an equation reads",
    ),
    "a division by 0": ("def bad(x, h):\n    return W.h @ x / 0  # !", "a value of the step is divided by 0"),
    "a value in parts": (
        "def bad(x, h):\n    a, c = W.h @ x  # !\n    return a",
        "cannot unpack non-iterable a value of the step",
    ),
    "a peephole with @": (
        "def bad(x, h, c):\n    return tanh(W.h @ x), p.i @ c  # !",
        "p.i is one number per unit: apply it with *, as in p.i * c",
    ),
    "a weight without a gate": (
        "def bad(x, h):\n    return tanh(W @ x)  # !",
        "W needs the name of a gate, as in W.i",
    ),
    "a bias without a gate": (
        "def bad(x, h):\n    return tanh(W.h @ x + b)  # !",
        "b needs the name of a gate, as in b.i",
    ),
    "a state that is not returned": (
        """def bad(x, h, c):
            c = tanh(W.c @ x) * c
            h = tanh(c)
            return h  # !""",
        "returns 1 of its 2 states without c; end with: return h, c",
    ),
    "states in another order": (
        """def bad(x, h, c):
            c = tanh(W.c @ x) * c
            h = tanh(c)
            return c, h  # !""",
        "the states are returned in another order; end with: return h, c",
    ),
    "old states in another order": (
        """def bad(x, h, c):
            y = tanh(W.c @ x) * c
            return c, h  # !""",
        "the states are returned in another order; end with: return h, c",
    ),
    "more than the states": (
        """def bad(x, h):
            y = tanh(W.h @ x + R.h @ h)
            return y, h  # !""",
        "returns 2 values and has 1 states; end with: return h",
    ),
    "a list": (
        """def bad(x, h, c):
            h = tanh(W.h @ x)
            return [h, c]  # !""",
        "returns [a value of the step, c], not its states; end with: return h, c",
    ),
    "a number": ("def bad(x, h):\n    return 0  # !", "state h is returned as 0, not as a value of the step"),
    "a bias": (
        "def bad(x, h):\n    h = tanh(W.h @ x)\n    return b.h  # !",
        "state h is returned as the vector b.h",
    ),
    "the input": (
        "def bad(x, h):\n    y = h * 2\n    return x  # !",
        "state h is returned with the width of the input [I]",
    ),
    "no return": ("def bad(x, h):\n    h = tanh(W.h @ x)  # !", "returns nothing; end with: return h"),
    "a weight used twice": (
        """def bad(x, h):
            i = sigmoid(R.i @ h)
            h = i * tanh(W.h @ x + R.i @ h)  # !
            return h""",
        "R.i is used twice, first in line 13; a second use needs a name of its own",
    ),
    "one name for two gates": (
        """def bad(x, h):
            i = sigmoid(W.i @ x)
            f = sigmoid(R.i @ h)  # !
            return i * f""",
        "gate i names two things: R.i here and W.i in line 13",
    ),
    "a weight that does nothing": (
        """def bad(x, h):
            i = sigmoid(W.i @ x)
            o = sigmoid(W.o @ x + b.o)  # !
            return i * h""",
        "W.o reaches none of the new states; what is it for?",
    ),
    "no use of the input": ("def bad(x, h):  # !\n    return tanh(R.h @ h)", "the input x is never mapped with W"),
    "a branch on a comparison": (
        """def bad(x, h):
            if h > 0:  # !
                h = tanh(W.h @ x)
            return h""",
        "an equation cannot branch on a value of the step or compare it; use minimum, maximum or a gate",
    ),
    "a branch on a value": ("def bad(x, h):\n    return tanh(W.h @ x) if h else h  # !", "cannot branch"),
    "a branch on a bias": ("def bad(x, h):\n    return tanh(W.h @ x) if b.h else h  # !", "cannot branch"),
    "an equality": ("def bad(x, h):\n    return (h == 0) * (W.h @ x)  # !", "cannot branch"),
    "a membership": ("def bad(x, h):\n    return (h in [x]) * (W.h @ x)  # !", "cannot branch"),
    "python's max": ("def bad(x, h):\n    return max(h, W.h @ x)  # !", "use minimum, maximum or a gate"),
    "python's divmod": (
        "def bad(x, h):\n    return divmod(W.h @ x, 2)  # !",
        "unsupported operand type(s) for divmod(): a value of the step and 'int'; use the language's + - * / ** @ and",
    ),
    "a number normalised": (
        "def bad(x, h):\n    return tanh(W.h @ x) * normalize(2.0)  # !",
        "normalize takes a value as wide as a state [H], got 2.0",
    ),
    "one learned number normalised": (
        "def bad(x, h):\n    return tanh(W.h @ x) * normalize(k.h * 2)  # !",
        "normalize takes a value as wide as a state [H], got one number",
    ),
    "the input normalised": (
        "def bad(x, h):\n    return tanh(W.h @ normalize(x))  # !",
        "normalize takes a value as wide as a state [H], got the input x [I]; map it with W first",
    ),
    "normalised without an epsilon": (
        "def bad(x, h):\n    return tanh(normalize(W.h @ x, 0))  # !",
        "normalize's epsilon must be a number above 0, got 0",
    ),
    "a state that is one number": (
        """def bad(x, h, c):
            h = tanh(W.h @ x) * c
            return h, k.c + 0  # !""",
        "state c is returned with one number for all units",
    ),
    "one number with @": (
        "def bad(x, h):\n    return tanh(W.h @ x) + k.i @ h  # !",
        "k.i is one number: apply it with *, as in k.i * c",
    ),
    "R of one number": ("def bad(x, h):\n    return tanh(W.h @ x) + R.h @ (1 * k.i)  # !", "R.h maps a value as wide"),
    "python's math": (
        "def bad(x, h):\n    return math.tanh(W.h @ x)  # !",
        "a value of the step is not a number; use the language's + - * / ** @ and sigmoid, tanh",
    ),
    "numpy": (
        "def bad(x, h):\n    return numpy.tanh(W.h @ x)  # !",
        "numpy's functions are not part of the equation language; use the language's",
    ),
    "torch": (
        "def bad(x, h):\n    return torch.sigmoid(W.h @ x)  # !",
        "torch's sigmoid is not part of the equation language; use the language's + - * / ** @ and sigmoid",
    ),
    "torch.nn.functional": (
        "def bad(x, h):\n    return torch.nn.functional.softplus(W.h @ x)  # !",
        "torch's softplus is not part of the equation language",
    ),
    "a tensor": (
        "def bad(x, h):\n    return h * torch.ones(3)  # !",
        "expected a value of the step or a finite number, got tensor([1., 1., 1.])",
    ),
    "an infinite number": ("def bad(x, h):\n    return h * math.inf  # !", "a finite number, got inf"),
    "a text": ("def bad(x, h):\n    return h + '1'  # !", "expected a value of the step or a finite number, got '1'"),
    "a method": (
        "def bad(x, h):\n    return (W.h @ x).sigmoid()  # !",
        ".sigmoid is not part of the equation language; use the language's",
    ),
    "an item": ("def bad(x, h):\n    return h[0] + W.h @ x  # !", "is not subscriptable"),
    "a product of states": (
        "def bad(x, h):\n    return h @ h + W.h @ x  # !",
        "unsupported operand type(s) for @: a value of the step and a value of the step; use the language's",
    ),
    "a function of a number": ("def bad(x, h):\n    return relu(2) * (W.h @ x)  # !", "relu takes a value of the step"),
    "minimum of numbers": ("def bad(x, h):\n    return minimum(1, 2) * h  # !", "minimum takes values of the step"),
    "a broken power": (
        "def bad(x, h):\n    return (W.h @ x) ** 0.5  # !",
        "a power must be a whole number from 1, got 0.5; use exp and log",
    ),
    "a division of numbers": ("def bad(x, h):\n    return h * (1 / 0)  # !", "division by zero"),
    "a default": (
        "def bad(x, h, c=None):  # !\n    return h",
        "a cell takes the input and one or more states, as in def cell(x, h, c)",
    ),
    "any number of states": ("def bad(x, *h):  # !\n    return h", "a cell takes the input and one or more states"),
    "a keyword": ("def bad(x, h, *, c):  # !\n    return h", "a cell takes the input and one or more states"),
    "no state": ("def bad(x):  # !\n    return tanh(W.h @ x)", "a cell takes the input and one or more states"),
    "a later line of an expression": (
        """def bad(x, h):
            h = (
                tanh(W.h @ x)
                + R.h @ h
                + x * h  # !
                + b.h
            )
            return h""",
        "x is as wide as the input [I]",
    ),
    "an attribute that a weight keeps to itself": (
        "def bad(x, h):\n    return W._h @ x  # !",
        "starts with a letter, not '_h'",
    ),
}


def define(source: str, file: Path, helper: str = "tanh") -> str:
    """The message of the error that defining this cell in this file raises."""
    text = PRELUDE.format(helper=helper) + source + "\n"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(CellError) as caught:
        exec(compile(text, str(file), "exec"), {})
    assert isinstance(caught.value, UsageError)
    return str(caught.value)


@pytest.mark.parametrize("what", MALFORMED)
def test_a_malformed_cell_names_its_line(what: str, tmp_path: Path) -> None:
    source, says = MALFORMED[what]
    file = tmp_path / "mine.py"
    message = define(source, file)
    lines = file.read_text(encoding="utf-8").splitlines()
    number = next(i for i, line in enumerate(lines, 1) if line.endswith("# !"))
    first, quoted = message.split("\n")
    assert first.startswith(f"cell bad: {file}:{number}: ")
    assert says in first
    assert quoted.strip() == lines[number - 1].strip()


def test_a_fault_in_a_function_of_the_same_file_names_the_line_there(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    message = define("def bad(x, h):\n    return helper(W.h @ x)", file, helper="math.tanh")
    assert f"{file}:9: a value of the step is not a number" in message
    assert message.endswith("+ math.tanh(v))  # helper")


def test_a_cell_without_source_still_has_its_line() -> None:
    text = PRELUDE.format(helper="tanh") + "def bad(x, h):\n    return tanh(W.h @ h)\n"
    with pytest.raises(CellError, match=r"^cell bad: <nowhere>:13: W\.h maps the input x itself[^\n]*$"):
        exec(compile(text, "<nowhere>", "exec"), {})


@pytest.mark.parametrize("thing", [lambda x, h: h, functools.partial(max, 1), print, int, 3])
def test_only_a_function_with_a_name_is_a_cell(thing: Any) -> None:
    with pytest.raises(CellError, match="a cell is a function with a name, written with def, got"):
        cell(name="other")(thing)


def test_a_wrapped_function_keeps_its_lines_and_names() -> None:
    def logged(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def inner(*values: Any) -> Any:
            return function(*values)

        return inner

    @cell()
    @logged
    def wrapped(x: Any, h: Any) -> Any:
        y = tanh(W.h @ x + R.h @ h)
        return y

    assert [name for _, name in wrapped.program().names] == ["y"]
    with pytest.raises(CellError, match=r"test_malformed_cells\.py:\d+: W\.h maps the input x itself.*\n.*  # !"):

        @cell()
        @logged
        def broken(x: Any, h: Any) -> Any:
            return tanh(W.h @ h)  # !


def test_a_value_of_another_cell_is_refused() -> None:
    kept: list[Any] = []

    @cell()
    def first(x: Any, h: Any) -> Any:
        kept.append(h)
        return tanh(W.h @ x + R.h @ h)

    with pytest.raises(CellError, match="a value of another cell or of an earlier step is used"):

        @cell()
        def second(x: Any, h: Any) -> Any:
            return tanh(W.h @ x + R.h @ kept[0])

    with pytest.raises(CellError, match="state h is returned as h, not as a value of the step"):

        @cell()
        def third(x: Any, h: Any) -> Any:
            tanh(W.h @ x)
            return kept[0]

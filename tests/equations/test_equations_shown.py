"""What is shown of a cell: text that Python reads back to the same numbers, LaTeX that a typesetter takes."""

from __future__ import annotations

import ast
import math
import re
from typing import Any

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from matplotlib.mathtext import MathTextParser

from recurra.cells import catalogue
from recurra.cells.definition import Cell, cell
from recurra.equations import symbols
from recurra.equations.graph import Parameter
from recurra.equations.interpret import run_program
from recurra.equations.program import trace
from recurra.equations.render import equations
from recurra.equations.symbols import R, W, b, exp, minimum, softplus, tanh
from recurra.errors import CellError
from tests.equations.odd_cells import ODD, helped, one_value_for_two, shift_register

TEXT = {
    "rnn": ["h[t] = tanh(W.h @ x[t] + b.h + R.h @ h[t-1] + rb.h)"],
    "rnn-relu": ["h[t] = relu(W.h @ x[t] + b.h + R.h @ h[t-1] + rb.h)"],
    "lstm": [
        "i[t] = sigmoid(W.i @ x[t] + b.i + R.i @ h[t-1] + rb.i)",
        "f[t] = sigmoid(W.f @ x[t] + b.f + R.f @ h[t-1] + rb.f)",
        "g[t] = tanh(W.g @ x[t] + b.g + R.g @ h[t-1] + rb.g)",
        "o[t] = sigmoid(W.o @ x[t] + b.o + R.o @ h[t-1] + rb.o)",
        "c[t] = f[t] * c[t-1] + i[t] * g[t]",
        "h[t] = o[t] * tanh(c[t])",
    ],
    "peephole-lstm": [
        "i[t] = sigmoid(W.i @ x[t] + R.i @ h[t-1] + p.i * c[t-1] + b.i)",
        "f[t] = sigmoid(W.f @ x[t] + R.f @ h[t-1] + p.f * c[t-1] + b.f)",
        "g[t] = tanh(W.g @ x[t] + R.g @ h[t-1] + b.g)",
        "c[t] = f[t] * c[t-1] + i[t] * g[t]",
        "o[t] = sigmoid(W.o @ x[t] + R.o @ h[t-1] + p.o * c[t] + b.o)",
        "h[t] = o[t] * tanh(c[t])",
    ],
    "coupled-lstm": ["f[t] = 1 - i[t]"],
    "gru": [
        "n[t] = tanh(W.n @ x[t] + b.n + r[t] * (R.n @ h[t-1] + rb.n))",
        "h[t] = (1 - z[t]) * n[t] + z[t] * h[t-1]",
    ],
    "gru-cho": ["n[t] = tanh(W.n @ x[t] + R.n @ (r[t] * h[t-1]) + b.n)"],
    "minimal-gru": ["h[t] = (1 - f[t]) * h[t-1] + f[t] * n[t]"],
    "indrnn": ["h[t] = relu(W.h @ x[t] + p.h * h[t-1] + b.h)"],
    "lstm-layernorm": [
        "i[t] = sigmoid(s.i * normalize(W.i @ x[t] + R.i @ h[t-1]) + b.i)",
        "h[t] = o[t] * tanh(s.c * normalize(c[t]) + b.c)",
    ],
    "slstm": [
        "kept[t] = m[t-1] - softplus(-(W.f @ x[t] + R.f @ h[t-1] + b.f))",
        "m[t] = maximum(kept[t], i[t])",
        "c[t] = forget[t] * c[t-1] + write[t] * z[t]",
        "n[t] = forget[t] * n[t-1] + write[t]",
        "h[t] = o[t] * c[t] / maximum(n[t], 1e-30)",
    ],
    "lstm-projected": ["c[t] = f[t] * c[t-1] + i[t] * g[t]", "h[t] = P.h @ (o[t] * tanh(c[t]))"],
    "janet": ["h[t] = sigmoid(a[t]) * h[t-1] + (1 - sigmoid(a[t] - 1)) * g[t]"],
    "gru-layernorm": ["n[t] = tanh(s.n * normalize(W.n @ x[t]) + b.n + r[t] * (s.m * normalize(R.m @ h[t-1]) + b.m))"],
    "fast-grnn": ["h[t] = (sigmoid(k.zeta) * (1 - z[t]) + sigmoid(k.nu)) * n[t] + z[t] * h[t-1]"],
    "ugrnn": ["h[t] = g[t] * h[t-1] + (1 - g[t]) * c[t]"],
    "intersection-rnn": [
        "y[t] = gy[t] * (W.y @ x[t]) + (1 - gy[t]) * u[t]",
        "h[t] = gh[t] * h[t-1] + (1 - gh[t]) * n[t]",
    ],
    "min-gru": ["n[t] = W.n @ x[t] + b.n", "h[t] = (1 - z[t]) * h[t-1] + z[t] * n[t]"],
    "min-lstm": ["h[t] = (f[t] * h[t-1] + i[t] * n[t]) / (f[t] + i[t])"],
    "sru": [
        "f[t] = sigmoid(W.f @ x[t] + p.f * c[t-1] + b.f)",
        "c[t] = f[t] * c[t-1] + (1 - f[t]) * (W.c @ x[t])",
        "h[t] = r[t] * c[t] + (1 - r[t]) * (W.h @ x[t])",
    ],
    "qrnn": ["c[t] = f[t] * c[t-1] + (1 - f[t]) * z[t]", "h[t] = o[t] * c[t]"],
    "rg-lru": [
        "log_a[t] = -8 * softplus(p.decay) * r[t]",
        "h[t] = exp(log_a[t]) * h[t-1] + sqrt(-expm1(2 * log_a[t])) * i[t] * (W.v @ x[t])",
    ],
    "ctrnn": ["h[t] = h[t-1] + rate[t] * (W.h @ x[t] + R.h @ tanh(h[t-1]) + b.h - h[t-1])"],
    "cfc": ["t[t] = sigmoid(-(W.f @ x[t] + R.f @ h[t-1] + b.f))", "h[t] = t[t] * g[t] + (1 - t[t]) * n[t]"],
}

LATEX = {
    "rnn": r"h_{t} = \tanh\left(W_{h} x_{t} + b_{h} + R_{h} h_{t-1} + b'_{h}\right)",
    "rnn-relu": r"h_{t} = \mathrm{relu}\left(W_{h} x_{t} + b_{h} + R_{h} h_{t-1} + b'_{h}\right)",
    "lstm": r"c_{t} = f_{t} \odot c_{t-1} + i_{t} \odot g_{t}",
    "peephole-lstm": r"o_{t} = \sigma\left(W_{o} x_{t} + R_{o} h_{t-1} + p_{o} \odot c_{t} + b_{o}\right)",
    "coupled-lstm": r"f_{t} = 1 - i_{t}",
    "gru": r"n_{t} = \tanh\left(W_{n} x_{t} + b_{n} + r_{t} \odot \left(R_{n} h_{t-1} + b'_{n}\right)\right)",
    "gru-cho": r"n_{t} = \tanh\left(W_{n} x_{t} + R_{n} \left(r_{t} \odot h_{t-1}\right) + b_{n}\right)",
    "minimal-gru": r"h_{t} = \left(1 - f_{t}\right) \odot h_{t-1} + f_{t} \odot n_{t}",
    "indrnn": r"h_{t} = \mathrm{relu}\left(W_{h} x_{t} + p_{h} \odot h_{t-1} + b_{h}\right)",
    "lstm-layernorm": r"h_{t} = o_{t} \odot \tanh\left(s_{c} \odot \mathrm{normalize}\left(c_{t}\right) + b_{c}\right)",
    "slstm": r"m_{t} = \max\left(\mathrm{kept}_{t}, i_{t}\right)",
    "lstm-projected": r"h_{t} = P_{h} \left(o_{t} \odot \tanh\left(c_{t}\right)\right)",
    "janet": r"g_{t} = \tanh\left(W_{g} x_{t} + R_{g} h_{t-1} + b_{g}\right)",
    "gru-layernorm": r"h_{t} = \left(1 - z_{t}\right) \odot n_{t} + z_{t} \odot h_{t-1}",
    "fast-grnn": r"a_{t} = W_{a} x_{t} + R_{a} h_{t-1}",
    "ugrnn": r"h_{t} = g_{t} \odot h_{t-1} + \left(1 - g_{t}\right) \odot c_{t}",
    "intersection-rnn": r"u_{t} = \mathrm{relu}\left(W_{u} x_{t} + R_{u} h_{t-1} + b_{u}\right)",
    "min-gru": r"h_{t} = \left(1 - z_{t}\right) \odot h_{t-1} + z_{t} \odot n_{t}",
    "min-lstm": r"h_{t} = \frac{f_{t} \odot h_{t-1} + i_{t} \odot n_{t}}{f_{t} + i_{t}}",
    "sru": r"f_{t} = \sigma\left(W_{f} x_{t} + p_{f} \odot c_{t-1} + b_{f}\right)",
    "qrnn": r"h_{t} = o_{t} \odot c_{t}",
    "rg-lru": r"h_{t} = \exp\left(\mathrm{log\_a}_{t}\right) \odot h_{t-1} + "
    r"\sqrt{-\mathrm{expm1}\left(2 \odot \mathrm{log\_a}_{t}\right)} \odot i_{t} \odot \left(W_{v} x_{t}\right)",
    "ctrnn": r"\mathrm{rate}_{t} = \sigma\left(p_{\mathrm{rate}}\right)",
    "cfc": r"h_{t} = t_{t} \odot g_{t} + \left(1 - t_{t}\right) \odot n_{t}",
}


@pytest.mark.parametrize("which", catalogue.BUILT_IN, ids=lambda c: c.name)
def test_the_catalogue_reads_as_in_the_papers(which: Cell) -> None:
    lines = equations(which.program())
    assert [line for line in lines if line in TEXT[which.name]] == TEXT[which.name]
    if which.name in ("lstm", "peephole-lstm", "rnn", "rnn-relu"):
        assert lines == TEXT[which.name]
    assert LATEX[which.name] in equations(which.program(), latex=True)


def test_without_biases_no_bias_is_shown() -> None:
    assert equations(catalogue.get("rnn").program(bias=False)) == ["h[t] = tanh(W.h @ x[t] + R.h @ h[t-1])"]


def test_states_passed_on_say_where_they_come_from() -> None:
    assert equations(shift_register.program())[-2:] == ["before[t] = h[t-1]", "oldest[t] = before[t-1]"]
    assert equations(one_value_for_two.program())[-1] in ("h[t] = c[t]", "c[t] = h[t]")


def test_a_name_used_again_is_not_shown_for_two_things() -> None:
    @cell()
    def reused(x: Any, h: Any, c: Any) -> Any:
        x = W.x @ x
        c = c * 0.5
        h = h / (c * -2)
        return h * x, c + 1

    assert equations(reused.program()) == [
        "h[t] = h[t-1] / (c[t-1] * 0.5 * (-2)) * (W.x @ x[t])",
        "c[t] = c[t-1] * 0.5 + 1",
    ]


def test_a_long_value_used_often_is_written_once() -> None:
    assert equations(helped.program()) == [
        "v1[t] = 0.3 * tanh(W.h @ x[t] + R.h @ h[t-1])",
        "v2[t] = v1[t] - v1[t] * v1[t] * v1[t] / 3",
        "v3[t] = v2[t] - v2[t] * v2[t] * v2[t] / 3",
        "v4[t] = h[t-1] / 4 - h[t-1] / 4 * h[t-1] / 4 * h[t-1] / 4 / 3",
        "h[t] = v3[t] - v3[t] * v3[t] * v3[t] / 3 + v4[t] - v4[t] * v4[t] * v4[t] / 3",
    ]


def test_long_and_greek_names_and_numbers() -> None:
    @cell()
    def named(x: Any, h: Any) -> Any:
        alpha = exp(-softplus(W.alpha @ x))
        new_value = minimum(tanh(R.new_value @ h + b.new_value), 0.1 + 0.2)
        h = alpha * h / (1 + 1e-7 * new_value)
        return h

    assert equations(named.program())[1:] == [
        "new_value[t] = minimum(tanh(R.new_value @ h[t-1] + b.new_value), 0.30000000000000004)",
        "h[t] = alpha[t] * h[t-1] / (1 + 1e-07 * new_value[t])",
    ]
    assert equations(named.program(), latex=True)[::2] == [
        r"\alpha_{t} = \exp\left(-\mathrm{softplus}\left(W_{\alpha} x_{t}\right)\right)",
        r"h_{t} = \frac{\alpha_{t} \odot h_{t-1}}{1 + 1 \cdot 10^{-7} \odot \mathrm{new\_value}_{t}}",
    ]


# random expressions: the parentheses


VALUES = {"x": 0.7, "h": -0.4, "c": 1.3}
WEIGHTS = {"W.i": 0.9, "R.i": -1.1, "p.i": 0.6, "b.i": -0.2}


def _function(name: str, *arguments: str) -> str:
    return f"{name}({', '.join(arguments)})"


def deeper(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    infix = st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda e: f"({e[0]} {e[1]} {e[2]})")
    return st.one_of(
        infix,
        infix,
        inner.map(lambda e: f"(-{e})"),
        inner.map(lambda e: f"sigmoid(0 * h + {e})"),
        st.tuples(st.sampled_from(["minimum", "maximum"]), inner).map(lambda e: f"{e[0]}(h, {e[1]})"),
    )


LEAVES = st.sampled_from(["h", "c", "2", "0.5", "(-3)", "(h + 3)", "(c - h)", "(-c)"])
EXPRESSIONS = st.recursive(LEAVES, deeper, max_leaves=9)


class AsNumbers(ast.NodeTransformer):
    """A rendered line with numbers for its values: h[t-1] and R.i become numbers, @ binds as Python has it."""

    def __init__(self, values: dict[str, float]) -> None:
        self.values = values

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        return ast.Constant(self.values[ast.unparse(node)])

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        return ast.Constant(WEIGHTS[ast.unparse(node)])

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        product = isinstance(node.op, ast.MatMult)
        if product:
            assert isinstance(node.left, ast.Attribute), f"not a weight on the left of @: {ast.unparse(node)}"
        self.generic_visit(node)
        if product:
            node.op = ast.Mult()
        return node


FUNCTIONS = {
    "sigmoid": lambda v: 1 / (1 + math.exp(-v)) if v > -700 else 0.0,
    "minimum": min,
    "maximum": max,
}


@settings(max_examples=150, deadline=None)
@given(EXPRESSIONS, EXPRESSIONS, st.sampled_from("+-*/"), st.sampled_from(["R.i @ ({})", "p.i * ({})", "-({})"]))
def test_rendered_text_means_what_the_program_computes(left: str, right: str, sign: str, around: str) -> None:
    source = (
        f"def made(x, h, c):\n    return ((W.i @ x) {sign} ({around.format(f'h + {left}')})) - ({right}) * (c + b.i), c"
    )
    names: dict[str, Any] = dict(vars(symbols))
    exec(source, names)
    try:
        program = trace(names["made"])
    except CellError as error:
        assume("division by zero" not in str(error))  # of numbers alone
        raise
    tensors = {
        Parameter(*name.split(".")): torch.tensor([[value]] if name[0] in "WR" else [value], dtype=torch.float64)
        for name, value in WEIGHTS.items()
    }
    leaves = [torch.tensor([[value]], dtype=torch.float64) for value in VALUES.values()]
    value = run_program(program, leaves[0], leaves[1:], tensors)[program.outputs[0]].item()
    values, lines = {"x[t]": VALUES["x"], "h[t - 1]": VALUES["h"], "c[t - 1]": VALUES["c"]}, equations(program)
    for line in lines:
        name, expression = line.split(" = ")
        tree = ast.fix_missing_locations(AsNumbers(values).visit(ast.parse(expression, mode="eval")))
        try:
            values[name] = eval(compile(tree, "line", "eval"), FUNCTIONS)
        except (ZeroDivisionError, OverflowError):
            return
    shown = values["h[t]"]
    if math.isfinite(value) and math.isfinite(shown) and abs(value) < 1e6:
        assert shown == pytest.approx(value, rel=1e-6, abs=1e-9), lines
    for latex in equations(program, latex=True):
        assert latex.count(r"\left(") == latex.count(r"\right)")
        assert latex.count("{") == latex.count("}")
        assert not re.search(r"[-+*] -|odot -", latex), latex


@pytest.mark.parametrize("which", [*catalogue.BUILT_IN, *ODD], ids=lambda c: c.name)
def test_latex_can_be_typeset(which: Cell) -> None:
    parser = MathTextParser("path")
    for line in equations(which.program(), latex=True):
        parser.parse(f"${line}$")

"""`explain` says what a cell is, what it costs, and who would run it."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from recurra.cells import catalogue
from recurra.cells.definition import Cell, cell
from recurra.engines.native.compiled import form
from recurra.equations.symbols import R, W, b, tanh
from recurra.errors import UnknownNameError, UsageError
from recurra.inspection.explain import explain
from recurra.layers.stack import Stack


def test_the_text_of_the_elman_cell() -> None:
    lines = explain("rnn", input_size=10, hidden_size=20).text().splitlines()
    assert lines[:10] == [
        "rnn: Elman RNN, tanh",
        catalogue.get("rnn").source,
        "",
        "  h[t] = tanh(W.h @ x[t] + b.h + R.h @ h[t-1] + rb.h)",
        "",
        "input 10, hidden 20, one layer, one direction:",
        "  parameters 640 · FLOPs per step and row 1,280",
        "  1 of 2 matrix products run once for the whole sequence, 1 product at every step",
        "  not linear in its state: a step waits for the one before",
        "  kept for the backward pass, 80 bytes a step and row: x[t], h[t-1], h[t]",
    ]
    assert lines[10:12] == ["", "engines on cpu, in order of preference:"]


@pytest.mark.parametrize("name", catalogue.names())
def test_every_cell_of_the_catalogue_is_explained(name: str) -> None:
    found = explain(name)
    assert found.source
    assert len(found.equations) == len(found.latex)
    assert found.parameters > 0
    assert found.flops_per_step > 2 * found.parameters * 0.99
    assert dict(found.engines)["reference"] is None
    runs = [line for line in found.text().splitlines() if line.endswith(" runs it")]
    assert len(runs) == 1
    signs = {
        line.index("=")
        for line in found.text().splitlines()
        if line.startswith("  ") and "[t] " in line and "=" in line
    }
    assert len(signs) == 1


LINEAR = {"min-gru", "min-lstm", "qrnn", "rg-lru"}
APART = LINEAR | {"sru", "indrnn"}


@pytest.mark.parametrize("which", catalogue.BUILT_IN, ids=lambda c: c.name)
def test_what_runs_many_steps_at_once_is_known_from_the_equations(which: Cell) -> None:
    found, made = explain(which), form(which, bias=True, mask=False)
    assert found.linear == (which.name in LINEAR)
    assert found.units_apart == (which.name in APART) == made.lowered.in_blocks
    assert ("many steps run at once" in found.text()) == found.units_apart
    own = found.hidden_size * (made.saved + len(made.lowered.kept_states)) + made.saved_rows
    assert found.saved_bytes == 4 * own, "it is what the native engine keeps"


def test_linear_through_a_matrix() -> None:
    @cell()
    def dense(x: Any, h: Any, y: Any) -> Any:
        h = R.h @ h + W.h @ x - h / 2
        y = tanh(h)
        return h, y

    found = explain(dense)
    assert found.linear
    assert not found.units_apart
    assert "linear in its state, but a step waits" in found.text()


def test_defaults_and_torchs_own_count() -> None:
    found = explain("lstm")
    assert (found.input_size, found.hidden_size) == (128, 256)
    assert found.parameters == sum(q.numel() for q in torch.nn.LSTM(128, 256).parameters())
    assert f"parameters {found.parameters:,} ·" in found.text()
    assert (found.hoisted, found.recurrent) == (4, 4)
    assert set(found.kept) >= {"x[t]", "h[t-1]", "c[t-1]", "i[t]", "f[t]", "g[t]", "o[t]"}
    assert explain("lstm", bias=False).parameters == 4 * 256 * (128 + 256)


def test_engines_that_cannot_say_why() -> None:
    reasons = dict(explain("peephole-lstm").engines)
    assert reasons["vendor"] is not None
    assert "peephole-lstm" in reasons["vendor"]
    assert reasons["vendor"] in explain("peephole-lstm").text()
    assert dict(explain("lstm").engines)["vendor"] is None
    assert "reference  could run it" in explain("lstm").text()


def test_latex_is_a_block_to_paste() -> None:
    text = explain("gru").text(latex=True)
    assert "\\begin{aligned}" in text
    assert r"&= \left(1 - z_{t}\right) \odot n_{t} + z_{t} \odot h_{t-1} \\" in text
    assert "h[t]" not in text.split("\\end{aligned}")[0]


def test_a_cell_of_ones_own_needs_no_name_in_the_catalogue() -> None:
    @cell(title="Mine")
    def my_cell(x: Any, h: Any) -> Any:
        u = tanh(W.u @ x + b.u)
        return tanh(R.v @ u + R.h @ h)

    found = explain(my_cell, input_size=3, hidden_size=4)
    assert found.text().startswith("my-cell: Mine\n\n  u[t] = ")
    assert (found.hoisted, found.recurrent) == (2, 1)


def test_what_cannot_be_explained() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'lstm'"):
        explain("lsmt")
    with pytest.raises(UsageError, match="hidden_size must be at least 1, got 0"):
        explain("lstm", hidden_size=0)


def test_settings_of_a_layer_are_explained_and_counted() -> None:
    found = explain("lstm", input_size=8, hidden_size=16, rank=2, zoneout=0.1, zoneout_cell=0.5)
    layer = Stack(8, 16, rank=2)
    assert found.parameters == sum(q.numel() for q in layer.parameters())
    assert found.flops_per_step > 2 * (4 * 16 * 8 + 8 * 16 * 2)
    assert (found.hoisted, found.recurrent) == (4, 8)
    assert "h[t]     = z_h[t] * h[t-1] + (1 - z_h[t]) * new_h[t]" in found.text()
    assert "zoneout: z_c is 1 for 50% of the units, anew at every step; in evaluation 0.5" in found.text()
    assert "recurrent matrices of rank 2" in found.text()
    heads = explain("slstm", input_size=8, hidden_size=16, heads=4)
    assert heads.parameters == sum(q.numel() for q in Stack(8, 16, cell="slstm", heads=4).parameters())
    assert "4 heads" in heads.text()

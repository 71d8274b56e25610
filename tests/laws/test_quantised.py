"""Layers with products of 8 bits: every cell against the same arithmetic in plain torch, on every core there is."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from recurra.cells.definition import Cell
from recurra.engines.native import library
from recurra.engines.quantised import MATRICES, ByteWeights, Rounded, rounded
from recurra.engines.request import CellWeights, Embedded, gate_tensors
from recurra.equations import interpret
from recurra.layers.stack import Stack
from recurra.recurrence import stream_in_bytes, unroll, unroll_in_bytes
from tests.laws.law_cases import Sample, draw, every_cell

RAGGED = [6, 1, 4, 3]
missing = library.why_missing()
in_native = pytest.mark.skipif(missing is not None, reason=missing or "")
CORES = [] if missing else [*library.variants(), *library.emulated()]


@pytest.fixture(params=CORES)
def core(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Each core that this machine can run, one after the other."""
    monkeypatch.setenv("RECURRA_NATIVE", request.param)
    library.read_environment_again()
    yield request.param
    monkeypatch.undo()
    library.read_environment_again()


def sample_of(cell: Cell, *sizes: int, bias: bool = True, seed: int = 0) -> Sample:
    found = draw(cell, *sizes, dtype=torch.float32, bias=bias, seed=seed)
    return Sample(
        {n: w.detach() for n, w in found.weights.items()}, found.x.detach(), tuple(s.detach() for s in found.state)
    )


def in_bytes(sample: Sample) -> ByteWeights:
    found = {name: rounded(w) for name, w in sample.weights.items() if name in MATRICES}
    stored = {name: found[name].values if name in found else w for name, w in sample.weights.items()}
    return ByteWeights(stored, {name: one.scale for name, one in found.items()})


def mapped(operand: Tensor, one: Rounded) -> Tensor:
    """The definition: vectors in 8 bits by their largest size, exact sums, both scales. [B, K], [H, K] -> [B, H]"""
    size = operand.abs().amax(1, keepdim=True)
    inverse = torch.where(size < 2.0**-100, torch.zeros_like(size), 127 / size)
    sums = torch.round(operand * inverse).double() @ one.values.double().T
    return sums.float() * (one.scale * (size / 127))


def by_definition(cell: Cell, weights: ByteWeights, x: Tensor, state: tuple[Tensor, ...], bias: bool) -> list[Tensor]:
    """One step in plain torch: the cell's program, its products as `mapped`."""
    program = cell.program(bias=bias)
    gates = gate_tensors(cell, weights.stored, bias=bias)
    kinds = {"W": "weight_ih", "R": "weight_hh", "P": "weight_hr"}
    scales = gate_tensors(cell, weights.stored | weights.scales, bias=bias)
    found: dict[int, Rounded] = {}
    values = {}
    for q in program.parameters:
        values[q] = gates[q.kind, q.gate]
        if q.kind in kinds:
            values[q] = values[q].clone()
            found[id(values[q])] = Rounded(values[q], scales[q.kind, q.gate])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(interpret, "product", lambda operand, weight: mapped(operand, found[id(weight)]))
        nodes = interpret.run_program(program, x, state, values)
    return [nodes[o].expand_as(s) for o, s in zip(program.outputs, state, strict=True)]


def deep_operands(cell: Cell) -> bool:
    """Whether a product maps what the step has worked out itself: its last bit decides about a rounding to 8 bits."""
    program = cell.program()
    return any(n.op in ("R", "P") and program.nodes[n.args[0]].op != "state" for n in program.nodes)


@in_native
@every_cell
def test_a_step_is_the_definitions(cell: Cell, core: str) -> None:
    sizes = (5, 6, 37, 50) if core in library.EMULATED else (15, 8, 70, 100)
    sample = sample_of(cell, *sizes)
    weights, state = in_bytes(sample), sample.state
    for t in range(sizes[1]):
        y, new = unroll_in_bytes(cell, weights, sample.x[:, t : t + 1], state, engine="native")
        assert torch.equal(y[:, 0], new[0])
        wanted = by_definition(cell, weights, sample.x[:, t], state, bias=True)
        for one, other in zip(new, wanted, strict=True):
            if deep_operands(cell):  # one rounding in a thousand may fall to the other side
                assert ((one - other).abs() > 1e-5 * (1 + other.abs())).float().mean() < 0.02
                torch.testing.assert_close(one, other, rtol=0.02, atol=0.02)
            else:
                torch.testing.assert_close(one, other, rtol=1e-5, atol=2e-6)
        state = new


@in_native
@every_cell
@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
def test_a_rows_answer_is_its_own(cell: Cell, reverse: bool) -> None:
    sample = sample_of(cell, 4, 6, 33, 40)
    weights, lengths = in_bytes(sample), torch.tensor(RAGGED)
    y, last = unroll_in_bytes(cell, weights, sample.x, sample.state, lengths=lengths, reverse=reverse)
    for i, length in enumerate(RAGGED):
        row = slice(i, i + 1)
        own, ends = unroll_in_bytes(
            cell, weights, sample.x[row, :length], tuple(s[row] for s in sample.state), reverse=reverse
        )
        assert torch.equal(y[row, :length], own)
        assert not y[row, length:].any()
        for one, other in zip(last, ends, strict=True):
            assert torch.equal(one[row], other)


@in_native
@every_cell
def test_one_step_after_the_other_is_the_whole(cell: Cell) -> None:
    sample = sample_of(cell, 3, 6, 33, 40)
    weights = in_bytes(sample)
    y, last = unroll_in_bytes(cell, weights, sample.x, sample.state)
    steps = stream_in_bytes(cell, weights, sample.state)
    assert torch.equal(torch.stack([steps.step(x).clone() for x in sample.x.unbind(1)], 1), y)
    for one, other in zip(steps.state, last, strict=True):
        assert torch.equal(one, other)


@in_native
@every_cell
def test_threads_do_not_matter(cell: Cell) -> None:
    c, before = library.load().c, torch.get_num_threads()
    c.recurra_threads_as_asked(1)
    try:
        for batch in (1, 33):
            sample = sample_of(cell, batch, 3, 200, 192)
            weights, found = in_bytes(sample), []
            for threads in (1, 2, 3):
                torch.set_num_threads(threads)
                y, last = unroll_in_bytes(cell, weights, sample.x, sample.state)
                found.append((y, *last))
            for other in found[1:]:
                assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))
    finally:
        c.recurra_threads_as_asked(0)
        torch.set_num_threads(before)


@in_native
@every_cell
@pytest.mark.parametrize("vocabulary", [5, 400], ids=["projected once", "looked up"])
def test_tokens_are_their_vectors(cell: Cell, vocabulary: int) -> None:
    sample = sample_of(cell, 4, 6, 33, 40)
    weights = in_bytes(sample)
    tokens = torch.arange(24).view(4, 6) * 7 % vocabulary
    table = torch.randn(vocabulary, 33, generator=torch.Generator().manual_seed(1))
    y, _ = unroll_in_bytes(cell, weights, Embedded(tokens, table), sample.state)
    again, _ = unroll_in_bytes(cell, weights, table[tokens], sample.state)
    assert torch.equal(y, again)


@every_cell
def test_near_the_layer_that_it_was_made_of(cell: Cell) -> None:
    drawn = sample_of(cell, 4, 6, 33, 40)
    small = {name: w / w.shape[1] ** 0.5 if name in MATRICES else w for name, w in drawn.weights.items()}
    sample = Sample(small, drawn.x, drawn.state)
    weights = in_bytes(sample)
    wanted, _ = unroll(cell, CellWeights(**sample.weights), sample.x, sample.state)
    dense, _ = unroll(cell, weights.dense(), sample.x, sample.state)
    y, _ = unroll_in_bytes(cell, weights, sample.x, sample.state)
    size = wanted.abs().max()
    for found in (dense, y):
        assert (found - wanted).abs().max() < 0.1 * size
        assert (found - wanted).square().mean().sqrt() < 0.02 * size


@in_native
def test_odd_numbers() -> None:
    sample = sample_of(Stack(3, 4).cell, 4, 3, 33, 40)
    weights = in_bytes(sample)
    x = sample.x.clone()
    x[0] = 0
    x[1] *= 1e-38
    x[2, 1, 5] = float("nan")
    x[3, 2, 0] = float("inf")
    y, _ = unroll_in_bytes(Stack(3, 4).cell, weights, x, sample.state)
    assert y[:2].isfinite().all()
    assert y[2, 0].isfinite().all()
    assert y[2, 1:].isnan().all()
    assert y[3, :2].isfinite().all()
    assert y[3, 2].isnan().all()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"num_layers": 2, "bidirectional": True},
        {"cell": "gru", "learned_state": True, "bias": False},
        {"cell": "lstm-projected", "proj_size": 12},
        {"heads": 4},
        {"rank": 8},
        {"zoneout": 0.1, "dropout": 0.5, "num_layers": 2},
        {"merge": "sum", "bidirectional": True},
        {"cell": "min-gru"},
    ],
    ids=str,
)
def test_a_layer_quantised_and_stored(options: dict[str, object]) -> None:
    torch.manual_seed(0)
    layer = Stack(24, 32, **options)  # type: ignore[arg-type]
    x, lengths = torch.randn(3, 5, 24), torch.tensor([5, 2, 4])
    with torch.no_grad():
        wanted, _ = copy.deepcopy(layer).eval()(x, lengths=lengths)
        assert layer.quantize() is layer
        y, last = layer(x, lengths=lengths)
        assert (y - wanted).abs().max() < 0.1
        other = Stack(24, 32, **options).quantize()  # type: ignore[arg-type]
        other.load_state_dict(layer.state_dict())
        for again, ends in (other(x, lengths=lengths), copy.deepcopy(layer)(x, lengths=lengths)):
            assert torch.equal(again, y)
            assert all(torch.equal(a, b) for a, b in zip(last, ends, strict=True))
    assert all(t.dtype == torch.int8 for n, t in layer.state_dict().items() if n.endswith("_int8"))
    assert not any(p.requires_grad for p in layer.parameters())

"""The core's code run on tensors [B, H], word by word as the header describes it: what the core is meant to do.

The numbers of slots and operations are read from the header, not from the package. Whatever the header forbids fails:
to read what was not written, to write what is read only, to take a temporary tile from one level to the next.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from recurra.engines.native.lower import Lowered
from recurra.equations.graph import Parameter
from recurra.equations.program import Program

HEADER = (Path(__file__).resolve().parents[3] / "native" / "include" / "recurra.h").read_text(encoding="utf-8")
SLOT_KINDS = {int(n): name for name, n in re.findall(r"\bSLOT_(\w+) = (\d+)", HEADER)}
OPERATIONS = {int(n): name for name, n in re.findall(r"\bOP_(\w+) = (\d+)", HEADER) if name != "COUNT"}
MAGIC = int(re.search(r"define RECURRA_CODE (\w+)", HEADER)[1], 16)
MATRICES = {int(n): name for name, n in re.findall(r"\bRECURRA_(RECURRENT|PROJECTION) = (\d+)", HEADER)}
ROW_SUMS = {int(n): name for name, n in re.findall(r"\bRECURRA_(MOMENTS|MEANS) = (\d+)", HEADER)}
SIZES = (
    "states columns vectors constants saved saved_rows steps temps rows adjoints w_adjoints r_adjoints reductions "
    "levels"
).split()

Slot = tuple[str, int]
Matrix = tuple[str, int]
Memory = dict[Slot, Tensor]

COMPUTE: dict[str, Callable[..., Tensor]] = {
    "COPY": lambda a: a,
    "ADD": lambda a, b: a + b,
    "SUB": lambda a, b: a - b,
    "MUL": lambda a, b: a * b,
    "DIV": lambda a, b: a / b,
    "NEG": lambda a: -a,
    "MINIMUM": torch.minimum,
    "MAXIMUM": torch.maximum,
    "SHARE": lambda a, b: (a > b).to(a.dtype) + (a == b).to(a.dtype) / 2,
    "POSITIVE": lambda a: (a > 0).to(a.dtype),
    "SIGMOID": torch.sigmoid,
    "TANH": torch.tanh,
    "RELU": torch.relu,
    "SOFTPLUS": torch.nn.functional.softplus,
    "EXP": torch.exp,
    "LOG": torch.log,
    "MULADD": lambda a, b, c: a * b + c,
    "SIGMOID_BACK": lambda a, b: a * (b * (1 - b)),
    "TANH_BACK": lambda a, b: a * (1 - b * b),
    "ONE_MINUS": lambda a: 1 - a,
    "REDUCE": lambda a: a,
    "SQRT": lambda a: a.sqrt(),
    "ABS": lambda a: a.abs(),
    "SIGN": lambda a: a.sign(),
    "SIN": lambda a: a.sin(),
    "COS": lambda a: a.cos(),
    "EXPM1": lambda a: a.expm1(),
    "SQRT_SLOPE": lambda a: torch.where(a == 0, 0 * a, 0.5 / a),
    "NORMALIZE": lambda a, row: (a - row[0]) * row[1],
    "NORMALIZE_BACK": lambda a, b, row: (a - row[0]) * row[2] - b * row[1],
    "REDUCE_MUL": lambda a, b: a * b,
    "PRODUCTS": lambda a, b, c, d: a * b + c * d,
    "MIX": lambda a, b, c: a * b + (1 - a) * c,
    "ADD_MUL": lambda a, b, c: (a + b) * c,
    "MUL_SIGMOID_BACK": lambda a, b, c: a * b * (c * (1 - c)),
    "MUL_TANH_BACK": lambda a, b, c: a * b * (1 - c * c),
    "SUB_MUL_SIGMOID_BACK": lambda a, b, c, d: (a - b) * c * (d * (1 - d)),
    "MULADD_SIGMOID": lambda a, b, c: torch.sigmoid(a * b + c),
    "MULADD_TANH": lambda a, b, c: torch.tanh(a * b + c),
    "MULADD_RELU": lambda a, b, c: torch.relu(a * b + c),
}
REDUCTIONS = ("REDUCE", "REDUCE_MUL")
ARITY = {
    name: function.__code__.co_argcount if hasattr(function, "__code__") else 1 for name, function in COMPUTE.items()
}
ARITY |= {"MINIMUM": 2, "MAXIMUM": 2, "SOFTPLUS": 1}


@dataclass(frozen=True)
class Sum:
    to: Slot
    start: Slot | None
    products: tuple[tuple[Matrix, Slot], ...]

    def __str__(self) -> str:
        terms = [] if self.start is None else [spelled(self.start)]
        terms += [f"{spelled(m)} {spelled(s)}" for m, s in self.products]
        return f"{spelled(self.to)} = {' + '.join(terms)}"


@dataclass(frozen=True)
class RowSum:
    kind: str
    to: Slot
    args: tuple[Slot, ...]
    constant: int
    kept: int

    def __str__(self) -> str:
        kept = "" if self.kept < 0 else f", SAVED_ROW.{self.kept}"
        return f"{spelled(self.to)}{kept} = {self.kind.lower()} {', '.join(map(spelled, self.args))}"


@dataclass(frozen=True)
class Instruction:
    op: str
    to: Slot
    args: tuple[Slot, ...]

    def __str__(self) -> str:
        return f"{spelled(self.to)} = {self.op.lower()} {', '.join(map(spelled, self.args))}"


def spelled(slot: Slot) -> str:
    return f"{slot[0]}.{slot[1]}"


@dataclass
class Decoded:
    """Code as the header reads it."""

    direction: int
    sizes: dict[str, int]
    narrow: list[int] = field(default_factory=list)
    maps_narrow: int = 0
    narrow_levels: list[int] = field(default_factory=list)
    columns: list[tuple[int, tuple[int, ...]]] = field(default_factory=list)
    levels: list[tuple[list[Sum], list[Instruction]]] = field(default_factory=list)
    row_sums: list[list[RowSum]] = field(default_factory=list)
    phases: list[tuple[int, int]] = field(default_factory=list)
    carries: list[int] = field(default_factory=list)
    w_blocks: list[int] = field(default_factory=list)
    recurrent: list[tuple[Matrix, int, Slot]] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [" ".join(f"{name} {n}" for name, n in self.sizes.items() if n)]
        lines += [f"column {j}: W{b}" + "".join(f" + vector {v}" for v in vs) for j, (b, vs) in enumerate(self.columns)]
        for number, (sums, instructions) in enumerate(self.levels):
            whole = (*sums, *self.row_sums[number])
            lines += [
                f"level {number}{' of a projection' if self.narrow_levels[number] else ''}:",
                *(f"  {line}" for line in (*whole, *instructions)),
            ]
        lines += [f"dW{b} from ADJOINT.{j}" for j, b in enumerate(self.w_blocks)]
        lines += [f"d{spelled(m)} from ADJOINT.{j} and {spelled(s)}" for m, j, s in self.recurrent]
        return "\n".join(lines)


def decode(code: Sequence[int]) -> Decoded:
    """Errors: AssertionError for words that the header does not allow."""
    words: Iterator[int] = iter(code)
    assert all(-(2**31) <= w < 2**31 for w in code)
    assert next(words) == MAGIC
    found = Decoded(next(words), {})
    found.sizes = {name: next(words) for name in SIZES}
    sizes = found.sizes
    assert found.direction in (0, 1)
    assert all(n >= 0 for n in sizes.values())
    assert sizes["states"] <= 16
    assert sizes["vectors"] <= 64
    backward = found.direction == 1
    limits = {
        "TEMP": sizes["temps"],
        "VECTOR": sizes["vectors"],
        "CONSTANT": sizes["constants"],
        "STEP": sizes["steps"],
        "SAVED": sizes["saved"],
        "BEFORE": sizes["states"],
        "AFTER": sizes["states"],
        "COLUMN": 0 if backward else sizes["columns"],
        "ADJOINT": sizes["adjoints"] if backward else 0,
        "CARRY_IN": sizes["states"] if backward else 0,
        "CARRY_OUT": sizes["states"] if backward else 0,
        "OUTPUT": 1 if backward else 0,
        "ROW": sizes["rows"],
        "SAVED_ROW": sizes["saved_rows"],
    }
    written = {"TEMP", "STEP"} | ({"ADJOINT", "CARRY_OUT"} if backward else {"SAVED", "AFTER"})

    def slot(word: int) -> Slot:
        kind, index = SLOT_KINDS[word >> 16], word & 0xFFFF
        assert index < limits[kind], f"{kind}.{index}"
        return kind, index

    def destination() -> Slot:
        to = slot(next(words))
        assert to[0] in written, f"writes {spelled(to)}"
        return to

    def whole() -> Slot:
        operand = slot(next(words))
        assert operand[0] in ("STEP", "SAVED", "BEFORE", "AFTER", "ADJOINT"), f"whole rows of {spelled(operand)}"
        return operand

    def matrix() -> Matrix:
        word = next(words)
        return MATRICES[word >> 16], word & 0xFFFF

    def product() -> tuple[Matrix, Slot]:
        return matrix(), whole()

    def row_sum() -> RowSum:
        kind, to = ROW_SUMS[next(words)], slot(next(words))
        assert to[0] == "ROW"
        assert (kind == "MEANS") == backward
        args = [whole()]
        if kind == "MEANS":
            args += [whole(), slot(next(words))]
            assert args[2][0] == "SAVED_ROW"
        else:
            assert [next(words), next(words)] == [-1, -1]
        constant, kept = next(words), next(words)
        assert (0 <= constant < sizes["constants"]) if kind == "MOMENTS" else constant == kept == -1
        assert -1 <= kept < sizes["saved_rows"]
        return RowSum(kind, to, tuple(args), constant, kept)

    def total() -> Sum:
        to, start = destination(), next(words)
        found = Sum(to, None if start == -1 else slot(start), tuple(product() for _ in range(next(words))))
        assert found.products
        return found

    def instruction() -> Instruction:
        op = OPERATIONS[next(words)]
        if op in REDUCTIONS:
            assert backward
            number = next(words)
            assert 0 <= number < sizes["reductions"]
            to = ("REDUCTION", number)
        else:
            to = destination()
        args = [next(words) for _ in range(4)]
        assert args[ARITY[op] :] == [-1] * (4 - ARITY[op])
        return Instruction(op, to, tuple(slot(a) for a in args[: ARITY[op]]))

    found.narrow = [next(words) for _ in range(sizes["states"])]
    found.maps_narrow = next(words)
    assert {*found.narrow, found.maps_narrow} <= {0, 1}
    for _ in range(sizes["columns"]):
        block = next(words)
        found.columns.append((block, tuple(next(words) for _ in range(next(words)))))
        assert all(v < sizes["vectors"] for v in found.columns[-1][1])
    for _ in range(sizes["levels"]):
        found.narrow_levels.append(next(words))
        assert found.narrow_levels[-1] in (0, 1)
        sums, rows, instructions = next(words), next(words), next(words)
        found.phases.append((next(words), next(words)))
        assert sum(found.phases[-1]) <= instructions
        totals = [total() for _ in range(sums)]
        found.row_sums.append([row_sum() for _ in range(rows)])
        found.levels.append((totals, [instruction() for _ in range(instructions)]))
    if backward:
        found.carries = [next(words) for _ in range(sizes["states"])]
        found.w_blocks = [next(words) for _ in range(sizes["w_adjoints"])]
        for _ in range(sizes["r_adjoints"]):
            named, column, operand = matrix(), next(words), slot(next(words))
            assert column < sizes["adjoints"]
            assert operand[0] in ("BEFORE", "AFTER", "SAVED")
            found.recurrent.append((named, column, operand))
    assert next(words, None) is None, "words are left over"
    return found


class Machine:
    """Runs one cell's code over [B, H] whole."""

    def __init__(self, program: Program, lowered: Lowered, weights: dict[Parameter, Tensor]) -> None:
        self.program, self.lowered = program, lowered
        self.w = [weights[Parameter("W", gate)] for gate in program.gates_of("W")]
        kinds = (("RECURRENT", "R"), ("PROJECTION", "P"))
        self.named: dict[Matrix, Parameter] = {
            (name, i): Parameter(kind, gate) for name, kind in kinds for i, gate in enumerate(program.gates_of(kind))
        }
        self.r = {m: weights[q] for m, q in self.named.items()}
        self.vectors = [weights[q] for q in lowered.vectors]

    def leaves(self, like: Tensor) -> Memory:
        found = {("VECTOR", i): v.expand_as(like) for i, v in enumerate(self.vectors)}
        return found | {("CONSTANT", i): torch.full_like(like, c) for i, c in enumerate(self.lowered.constants)}

    def forward(
        self, code: Sequence[int], x: Sequence[Tensor], states: Sequence[Tensor]
    ) -> tuple[list[list[Tensor]], list[Memory]]:
        """States after each step, and the memory of each step: BEFORE, AFTER and SAVED."""
        decoded, after, kept = decode(code), [], []
        assert decoded.direction == 0
        for x_t in x:
            memory = self.leaves(states[0]) | {("BEFORE", i): s for i, s in enumerate(states)}
            for j, (block, vectors) in enumerate(decoded.columns):
                memory["COLUMN", j] = x_t @ self.w[block].T + sum(self.vectors[v] for v in vectors)
            self.step(decoded, memory, {m: r.T for m, r in self.r.items()}, {})
            states = [memory["AFTER", i] for i in range(len(states))]
            after.append(list(states))
            saved = {slot: v for slot, v in memory.items() if slot[0] in ("BEFORE", "AFTER", "SAVED", "SAVED_ROW")}
            assert sum(slot[0] == "SAVED" for slot in saved) == decoded.sizes["saved"]
            assert sum(slot[0] == "SAVED_ROW" for slot in saved) == decoded.sizes["saved_rows"]
            kept.append(saved)
        return after, kept

    def backward(
        self, x: Sequence[Tensor], kept: Sequence[Memory], d_outputs: Sequence[Tensor], d_last: Sequence[Tensor]
    ) -> tuple[list[Tensor], list[Tensor], dict[Parameter, Tensor]]:
        """Adjoints of the input's steps, of the first states and of the weights; of weights that are absent zero."""
        decoded, states = decode(self.lowered.backward), list(d_last)
        assert decoded.direction == 1
        assert not decoded.columns
        d_w = [torch.zeros_like(w) for w in self.w]
        d_r = {m: torch.zeros_like(r) for m, r in self.r.items()}
        reductions = {n: torch.zeros_like(states[0][0]) for n in range(decoded.sizes["reductions"])}
        d_x: list[Tensor] = []
        for x_t, memory, d_output in list(zip(x, kept, d_outputs, strict=True))[::-1]:
            memory = memory | self.leaves(d_output) | {("OUTPUT", 0): d_output}
            memory |= {("CARRY_IN", i): s for i, s in enumerate(states)}
            self.step(decoded, memory, self.r, reductions)
            for i, written in enumerate(decoded.carries):
                assert (("CARRY_OUT", i) in memory) == bool(written)
                states[i] = memory.get(("CARRY_OUT", i), torch.zeros_like(d_output))
            for j in range(decoded.sizes["adjoints"]):
                assert ("ADJOINT", j) in memory
            columns = [memory["ADJOINT", j] for j in range(len(decoded.w_blocks))]
            d_x.append(sum(a @ self.w[b] for a, b in zip(columns, decoded.w_blocks, strict=True)))
            for a, b in zip(columns, decoded.w_blocks, strict=True):
                d_w[b] += a.T @ x_t
            for named, column, operand in decoded.recurrent:
                d_r[named] += memory["ADJOINT", column].T @ memory[operand]
        gradients = {Parameter("W", g): d for g, d in zip(self.program.gates_of("W"), d_w, strict=True)}
        gradients |= {self.named[m]: d for m, d in d_r.items()}
        sums = {q: reductions[n] for q, n in self.lowered.reductions}
        gradients |= {q: d.sum().reshape(1) if q.kind == "k" else d for q, d in sums.items()}
        return d_x[::-1], states, gradients

    def step(self, code: Decoded, memory: Memory, blocks: dict[Matrix, Tensor], reductions: dict[int, Tensor]) -> None:
        once: set[Slot] = set()

        def write(slot: Slot, value: Tensor) -> None:
            assert slot[0] == "TEMP" or slot not in once, f"{spelled(slot)} is written twice"
            once.add(slot)
            memory[slot] = value

        for (sums, instructions), row_sums in zip(code.levels, code.row_sums, strict=True):
            here: set[Slot] = set()
            whole = {operand: memory[operand] for total in sums for _, operand in total.products}
            whole |= {operand: memory[operand] for total in row_sums for operand in total.args}
            for total in row_sums:
                write(total.to, self.over_units(total, memory))
                if total.kept >= 0:
                    write(("SAVED_ROW", total.kept), memory[total.to][1])
            for total in sums:
                start = torch.zeros_like(memory["BEFORE", 0]) if total.start is None else memory[total.start]
                write(total.to, sum((whole[operand] @ blocks[m] for m, operand in total.products), start))
                here.add(total.to)
            for item in instructions:
                result = COMPUTE[item.op](*(memory[a] for a in item.args))
                if item.op in REDUCTIONS:
                    reductions[item.to[1]] = reductions[item.to[1]] + result.sum(0)
                    continue
                write(item.to, result)
                here.add(item.to)
            assert not here & whole.keys(), "a product's operand is overwritten while other tiles read it"
            for slot in [s for s in memory if s[0] in ("TEMP", "ROW")]:
                del memory[slot]

    def over_units(self, total: RowSum, memory: Memory) -> Tensor:
        """Numbers of each row [3, B, 1]."""
        a = memory[total.args[0]]
        mean = a.mean(1, keepdim=True)
        if total.kind == "MOMENTS":
            variance = ((a - mean) ** 2).mean(1, keepdim=True)
            return torch.stack([mean, (variance + self.lowered.constants[total.constant]) ** -0.5])
        b, spread = memory[total.args[1]], memory[total.args[2]]
        return torch.stack([mean, spread * (a * b).mean(1, keepdim=True), spread])

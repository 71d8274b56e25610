"""One step of a layer as C, from its program."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from recurra.equations.graph import MATRICES
from recurra.equations.render import equations
from recurra.export.c.arrays import Arrays, number
from recurra.export.layer_steps import LayerStep

SIGNS = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
Fields = dict[str, int]
"""Members of the state and how many numbers each holds."""


def layer_function(step: LayerStep, index: int, arrays: Arrays) -> tuple[str, Fields, Fields]:
    """A function that takes the layer one step on, its states, and what it needs besides to work.

    Units are gone through in loops; between two loops stands what needs all units of a value: matrix products, and the
    mean and the deviation of a normalisation.
    """
    return _Layer(step, index, arrays).written()


class _Layer:
    def __init__(self, step: LayerStep, index: int, arrays: Arrays) -> None:
        self.step, self.index, self.arrays = step, index, arrays
        self.program, self.nodes = step.program, step.program.nodes
        self.work: Fields = {}
        self.moving = [i for i in range(len(self.nodes)) if i not in step.fixed and not self.is_leaf(i)]
        self.levels = self._levels()
        self.kept = self._kept()
        self.products = self._grouped_products()

    def is_leaf(self, i: int) -> bool:
        return self.nodes[i].op in ("input", "state")

    def over_units(self, i: int) -> bool:
        """Whether a value needs all units of another one."""
        return self.nodes[i].op in (*MATRICES, "spread")

    def _levels(self) -> dict[int, int]:
        """The loop that a value is computed in, or the one before which it is."""
        levels: dict[int, int] = {}
        for i in self.moving:
            args = [a for a in self.nodes[i].args if a in levels]
            waits = self.over_units(i)
            levels[i] = max((levels[a] + (waits and not self.over_units(a)) for a in args), default=0)
        return levels

    def _kept(self) -> set[int]:
        """Values that are asked for after their loop."""
        kept = {o for o in self.program.outputs if o in self.levels}
        for i in self.moving:
            for a in self.nodes[i].args:
                if a in self.levels and (self.over_units(i) or self.levels[a] != self.levels[i]):
                    kept.add(a)
        return kept

    def _grouped_products(self) -> dict[int, tuple[str, int]]:
        """Where the result of each product stands: those of one kind and operand are one product."""
        groups: dict[tuple[str, int], list[int]] = defaultdict(list)
        for i in self.moving:
            if self.nodes[i].op in MATRICES:
                groups[self.nodes[i].op, self.nodes[i].args[0]].append(i)
        self.groups = {members[0]: members for members in groups.values()}
        found: dict[int, tuple[str, int]] = {}
        for first, members in self.groups.items():
            name, width = self.own(f"p{first}"), self.step.width(first)
            self.work[name] = width * len(members)
            found |= {i: (name, width * place) for place, i in enumerate(members)}
        return found

    def own(self, name: str) -> str:
        return f"l{self.index}_{name}"

    def whole(self, i: int) -> str:
        """A value of all units, as a pointer."""
        node = self.nodes[i]
        if node.op == "input":
            return "x"
        if node.op == "state":
            return f"s->{self.own(node.label or '')}"
        if i in self.products:
            name, start = self.products[i]
            return f"s->{name} + {start}" if start else f"s->{name}"
        return f"s->{self.own(f'v{i}')}"

    def at(self, i: int, loop: int) -> str:
        """A value of the unit j."""
        fixed = self.step.fixed.get(i)
        if fixed is not None:
            return number(float(fixed[0])) if fixed.size == 1 else f"{self._constant(i)}[j]"
        node = self.nodes[i]
        if node.op == "spread":
            return f"spread{i}"
        if i in self.products:
            name, start = self.products[i]
            return f"s->{name}[{start} + j]" if start else f"s->{name}[j]"
        if self.is_leaf(i) or self.levels[i] != loop:
            return f"{self.whole(i)}[j]"
        return f"v{i}"

    def _constant(self, i: int) -> str:
        name = self.own(f"c{i}")
        if name not in self.constants:
            self.constants[name] = self.arrays.vector(name, self.step.fixed[i])
        return self.constants[name]

    def written(self) -> tuple[str, Fields, Fields]:
        self.constants: dict[str, str] = {}
        body: list[str] = []
        names = [f"s->{self.own(s)}" for s in self.program.states]
        for level in range(max(self.levels.values(), default=-1) + 1):
            body += self._between(level)
            body += self._loops(level)
        body += self._ends(names)
        comment = "".join(f"   {line}\n" for line in equations(self.program))
        head = f"/* Layer {self.index}: {self.program.name}\n{comment}*/\n"
        declared = ["int j;"] if any("for (j" in line for line in body) else []
        lines = "".join(f"  {line}\n" for line in [*declared, *self._declared(), *body])
        text = f"{head}static void @layer{self.index}(@state *s, const float *x)\n{{\n{lines}}}\n"
        widths = [self.step.sizes[self.program.width(s)] for s in self.program.states]
        states = {self.own(s): width for s, width in zip(self.program.states, widths, strict=True)}
        return text, states, self.work

    def _declared(self) -> list[str]:
        return [f"float mean{i}, spread{i};" for i in self.moving if self.nodes[i].op == "spread"]

    def _between(self, level: int) -> list[str]:
        """Products and spreads that stand before a loop."""
        lines = []
        for i in self.moving:
            if self.levels[i] != level or not self.over_units(i):
                continue
            if self.nodes[i].op == "spread":
                lines += self._spread(i)
            elif i in self.groups:
                lines += self._product(self.groups[i])
        return lines

    def _product(self, members: list[int]) -> list[str]:
        first = self.nodes[members[0]]
        matrices = [self.step.weights[p] for i in members if (p := self.nodes[i].parameter) is not None]
        x, name = self.whole(first.args[0]), f"l{self.index}_w{members[0]}"
        heads = self.step.heads if first.op == "R" else 1
        if heads == 1:
            matrix = self.arrays.matrix(name, np.concatenate(matrices))
            return [self.arrays.product(matrix, x, self.whole(members[0]))]
        lines, size = [], matrices[0].shape[1] // heads
        for i, dense in zip(members, matrices, strict=True):
            for head in range(heads):
                part = slice(head * size, (head + 1) * size)
                block = self.arrays.matrix(f"{name}_{i}_{head}", dense[part, part])
                lines.append(self.arrays.product(block, f"{x} + {head * size}", f"{self.whole(i)} + {head * size}"))
        return lines

    def _spread(self, i: int) -> list[str]:
        node, count = self.nodes[i], self.step.width(self.nodes[i].args[0])
        self.arrays.used.add("rsqrt")
        value, epsilon = f"{self.whole(node.args[0])}[j]", number(node.value or 0.0)
        if node.args[0] in self.products:
            value = self.at(node.args[0], -1)
        share = f"(1.0f / {number(count)})"
        return [
            f"mean{i} = 0.0f;",
            f"for (j = 0; j < {count}; j++) mean{i} += {value};",
            f"mean{i} *= {share};",
            f"spread{i} = 0.0f;",
            f"for (j = 0; j < {count}; j++) spread{i} += ({value} - mean{i}) * ({value} - mean{i});",
            f"spread{i} = @rsqrt(spread{i} * {share} + {epsilon});",
        ]

    def _loops(self, level: int) -> list[str]:
        """The values of a level, a loop for each width."""
        by_width: dict[int, list[int]] = defaultdict(list)
        for i in self.moving:
            if self.levels[i] == level and not self.over_units(i):
                by_width[self.step.width(i)].append(i)
        lines = []
        for width, members in by_width.items():
            lines.append(f"for (j = 0; j < {width}; j++) {{")
            for i in members:
                lines.append(f"  const float v{i} = {self._expression(i, level)};")
                if i in self.kept:
                    self.work[self.own(f"v{i}")] = width
                    lines.append(f"  s->{self.own(f'v{i}')}[j] = v{i};")
            lines.append("}")
        return lines

    def _expression(self, i: int, loop: int) -> str:
        node = self.nodes[i]
        args = [self.at(a, loop) for a in node.args]
        if node.op in SIGNS:
            left, right = args
            return f"{left} {SIGNS[node.op]} {f'({right})' if right.startswith('-') else right}"
        if node.op == "neg":
            return f"-({args[0]})"
        if node.op == "normalize":
            return f"({args[0]} - mean{node.args[1]}) * {args[1]}"
        self.arrays.used.add(node.op)
        return f"@{node.op}({', '.join(args)})"

    def _ends(self, names: list[str]) -> list[str]:
        """The new states, where the old ones were."""
        self.arrays.used.add("copy")
        before, after = [], []
        for name, state, output in zip(names, self.program.states, self.program.outputs, strict=True):
            width = self.step.sizes[self.program.width(state)]
            source = self.whole(output) if output not in self.step.fixed else self._constant(output)
            if source == name:
                continue
            if self.is_leaf(output):  # another state's old value, or the input
                kept = self.own(f"old_{state}")
                self.work[kept] = width
                before.append(f"@copy({source}, s->{kept}, {width});")
                source = f"s->{kept}"
            after.append(f"@copy({source}, {name}, {width});")
        return before + after

"""A network's header and source."""

from __future__ import annotations

import re
from dataclasses import dataclass

from recurra.export.c.arrays import Arrays, Matrix, Precision, strings
from recurra.export.c.functions import definitions
from recurra.export.c.header import header, state_bytes
from recurra.export.c.layers import Fields, layer_function
from recurra.export.c.texts import tokeniser
from recurra.export.layer_steps import LayerStep, layer_steps
from recurra.export.streamed import Dense, Streamed

PREFIX = re.compile(r"@(?=[A-Za-z])")
"""Before every name of a source. It stands in no string and in no comment, where a space follows."""


@dataclass(frozen=True)
class Source:
    """header, code: the two files; weights_bytes, state_bytes: what they take in memory"""

    name: str
    header: str
    code: str
    weights_bytes: int
    state_bytes: int


def source(model: Streamed, name: str, *, precision: Precision = "float32", about: str = "") -> Source:
    """The network in C. name: of its files and before every name in them; about: lines for people

    Errors: UsageError for layers of two directions
    """
    return _Writer(model, name, precision, about).written()


class _Writer:
    def __init__(self, model: Streamed, name: str, precision: Precision, about: str) -> None:
        self.model, self.name, self.about = model, name, about
        self.arrays = Arrays(precision)
        self.steps: list[LayerStep] = [layer[0] for layer in layer_steps(model.stack)]
        self.states: Fields = {}
        self.work: Fields = {}
        self.layers: list[str] = []
        self.width = model.stack.output_size
        for index, step in enumerate(self.steps):
            text, states, work = layer_function(step, index, self.arrays)
            self.layers.append(text)
            self.states |= states
            self.work |= work

    @property
    def upper(self) -> str:
        return self.name.upper()

    def written(self) -> Source:
        functions = [self._starts(), self._input(), self._seen(), self._output(), self._step(), self._end()]
        body = "".join(self.layers) + "".join(functions)
        model = self.model
        labels = strings("@labels", model.labels) + "\n" if model.labels else ""
        for index, values in enumerate(model.condition.values if model.condition else ()):
            labels += strings(f"@values{index}", values) + "\n" if values else ""
        texts = tokeniser(model.vocabulary) if model.vocabulary is not None else ""
        code = (
            f'#include "{self.name}.h"\n\n#include <stdint.h>\n{RESTRICT}'
            f"{definitions(self.arrays.used)}\n{self.arrays.text()}\n{labels}{body}{texts}"
        )
        members = {**self.states, **self.work}
        text = header(model, members, weights=self.arrays.bytes, about=self.about)
        return Source(self.name, self._prefixed(text), self._prefixed(code), self.arrays.bytes, state_bytes(members))

    def _prefixed(self, text: str) -> str:
        return PREFIX.sub(lambda found: f"{self.name}_" if text[found.end()].islower() else f"{self.upper}_", text)

    def _starts(self) -> str:
        """init, reset and begin."""
        lines = []
        for index, step in enumerate(self.steps):
            for state, start in zip(step.program.states, step.starts, strict=True):
                member = f"s->l{index}_{state}"
                if start.any():
                    self.arrays.used.add("copy")
                    begun = self.arrays.vector(f"l{index}_start_{state}", start)
                    lines.append(f"@copy({begun}, {member}, {len(start)});")
                else:
                    lines.append(f"for (j = 0; j < {len(start)}; j++) {member}[j] = 0.0f;")
        lines += ["s->count = 0;", *(["s->ended = 0;"] if self.model.delay else [])]
        reset = _function("void @reset(@state *s)", lines)
        self.work |= self._more()
        every = self.states | self.work
        zeros = [f"for (j = 0; j < {width}; j++) s->{name}[j] = 0.0f;" for name, width in every.items()]
        init = _function("void @init(@state *s)", [*zeros, "@reset(s);"])
        return reset + init + self._begin()

    def _more(self) -> Fields:
        """What works between the layers and around them."""
        model, found = self.model, dict[str, int]()
        read = self.steps[0].input_size
        if model.table is not None or model.scaling is not None or model.readers or model.condition is not None:
            found["read"] = read
        for index, reader in enumerate(model.readers):
            found[f"reader{index}"] = len(reader.weight)
        if model.condition is not None:
            found["condition"] = model.condition.vectors[0].shape[1]
            if model.condition.bridge is not None:
                found["led"] = len(model.condition.bridge.weight)
            if model.condition.beside_output:
                found["seen"] = self.width + found["condition"]
        if model.pooling in ("mean", "all"):
            found["mean"] = self.width
        if model.pooling in ("max", "all"):
            found["highest"] = self.width
        if model.pooling == "all":
            found["seen"] = 3 * self.width
        if model.groups is not None:
            found["groups"] = len(model.groups.dense.weight)
        if model.from_last is not None:
            found["stepped"] = len(model.from_last.weight)
        if model.delay:
            found["zeros"] = read
        return found

    def _begin(self) -> str:
        condition = self.model.condition
        if condition is None:
            return ""
        width = condition.vectors[0].shape[1]
        lines = ["@reset(s);", f"for (j = 0; j < {width}; j++) s->condition[j] = 0.0f;"]
        for index, vectors in enumerate(condition.vectors):
            table = self.arrays.table(f"attribute{index}", vectors)
            lines += [f"for (j = 0; j < {width}; j++) s->condition[j] += {_entry(table, f'values[{index}]')};"]
        if condition.bridge is not None:
            self.arrays.used.update(("tanh", "copy"))
            lines += self._dense("bridge", condition.bridge, "s->condition", "s->led")
            lines.append(f"for (j = 0; j < {len(condition.bridge.weight)}; j++) s->led[j] = @tanh(s->led[j]);")
            hidden, layers = self.model.stack.hidden_size, len(self.steps)
            for place, state in enumerate(self.steps[0].program.states):
                for index in range(layers):
                    start = (place * layers + index) * hidden
                    lines.append(f"@copy(s->led + {start}, s->l{index}_{state}, {hidden});")
        return _function("void @begin(@state *s, const int *values)", lines)

    def _input(self) -> str:
        """From a token or a frame to what the first layer reads."""
        model, lines = self.model, list[str]()
        read, at = self.steps[0].input_size, 0
        if model.table is not None:
            table = self.arrays.table("table", model.table, model.gain)
            at = table.columns
            lines.append(f"for (j = 0; j < {at}; j++) s->read[j] = {_entry(table, 'token')};")
        elif model.scaling is not None:
            lines += self._scaled()
            at = read
        elif model.readers:
            given = "x"
            for index, reader in enumerate(model.readers):
                to = "s->read" if index == len(model.readers) - 1 else f"s->reader{index}"
                lines += self._dense(f"reader{index}", reader, given, to)
                at, given = len(reader.weight), to
        if model.condition is not None and model.condition.beside:
            self.arrays.used.add("copy")
            lines.append(f"@copy(s->condition, s->read + {at}, {read - at});")
        if not lines:
            return ""
        given = "int token" if model.table is not None else "const float *x"
        return _function(f"static void @input(@state *s, {given})", lines)

    def _scaled(self) -> list[str]:
        scaling = self.model.scaling
        assert scaling is not None
        count, lines = len(scaling.mean), list[str]()
        for name, values in (("mean", scaling.mean), ("deviation", scaling.deviation)):
            lines.append(f"static const double {name}[{count}] = {{{', '.join(map(repr, map(float, values)))}}};")
        value = "x[j]"
        if scaling.root:
            self.arrays.used.update(("sqrt", "abs"))
            value = "(x[j] < 0.0f ? -1.0f : 1.0f) * @sqrt(@abs(x[j]))"
        scaled = f"(float)(((double)({value}) - mean[j]) / deviation[j])"
        lines.append(f"for (j = 0; j < {count}; j++) s->read[j] = x[j] == x[j] ? {scaled} : 0.0f;")
        if scaling.gaps:
            lines.append(f"for (j = 0; j < {count}; j++) s->read[{count} + j] = x[j] == x[j] ? 0.0f : 1.0f;")
        return lines

    def _dense(self, name: str, dense: Dense, x: str, y: str) -> list[str]:
        matrix = self.arrays.matrix(f"{name}_weight", dense.weight)
        lines = [self.arrays.product(matrix, x, y)]
        value = f"{y}[j]"
        if dense.bias is not None:
            bias = self.arrays.vector(f"{name}_bias", dense.bias)
            value = f"{value} + {bias}[j]"
        if dense.relu:
            self.arrays.used.add("relu")
            value = f"@relu({value})"
        if value != f"{y}[j]":
            lines.append(f"for (j = 0; j < {matrix.rows}; j++) {y}[j] = {value};")
        return lines

    def _last(self) -> str:
        return f"s->l{len(self.steps) - 1}_{self.steps[-1].program.states[0]}"

    def _seen(self) -> str:
        """The layers, and what is kept of their outputs."""
        lines, x = list[str](), "x"
        for index, step in enumerate(self.steps):
            lines.append(f"@layer{index}(s, {x});")
            x = f"s->l{index}_{step.program.states[0]}"
        lines.append("s->count++;")
        y, width = self._last(), self.width
        if self.model.pooling in ("mean", "all"):
            share = "1.0f / (float)s->count"
            lines.append(f"for (j = 0; j < {width}; j++) s->mean[j] += ({y}[j] - s->mean[j]) * ({share});")
        if self.model.pooling in ("max", "all"):
            self.arrays.used.add("maximum")
            lines += [
                f"if (s->count == 1) for (j = 0; j < {width}; j++) s->highest[j] = {y}[j];",
                f"else for (j = 0; j < {width}; j++) s->highest[j] = @maximum(s->highest[j], {y}[j]);",
            ]
        return _function("static void @layers(@state *s, const float *x)", lines)

    def _output(self) -> str:
        """From what the layers say to what the network says."""
        model, y, lines = self.model, self._last(), list[str]()
        self.arrays.used.add("copy")
        if model.pooling == "mean":
            y = "s->mean"
        if model.pooling == "max":
            y = "s->highest"
        if model.pooling == "all":
            parts = (y, "s->mean", "s->highest")
            lines += [f"@copy({part}, s->seen + {i * self.width}, {self.width});" for i, part in enumerate(parts)]
            y = "s->seen"
        if model.condition is not None and model.condition.beside_output:
            beside = model.condition.vectors[0].shape[1]
            lines += [
                f"@copy({y}, s->seen, {self.width});",
                f"@copy(s->condition, s->seen + {self.width}, {beside});",
            ]
            y = "s->seen"
        if model.head is None:
            return _function("static void @output(@state *s, float *y)", [*lines, f"@copy({y}, y, {model.outputs});"])
        lines += self._dense("head", model.head, y, "y")
        lines += self._grouped(y) if model.groups is not None else []
        if model.from_last is not None:
            lines += self._from_last()
        return _function("static void @output(@state *s, float *y)", lines)

    def _grouped(self, y: str) -> list[str]:
        """Log-probabilities of an adaptive softmax: of the direct outputs and the groups, then within each group."""
        groups = self.model.groups
        assert groups is not None
        self.arrays.used.update(("exp", "log", "log_softmax"))
        direct, count = groups.edges[1], len(groups.edges) - 2
        lines = self._dense("groups", groups.dense, y, "s->groups")
        lines += [
            "{",
            "  float most = y[0], sum = 0.0f;",
            f"  for (j = 1; j < {direct}; j++) most = y[j] > most ? y[j] : most;",
            f"  for (j = 0; j < {count}; j++) most = s->groups[j] > most ? s->groups[j] : most;",
            f"  for (j = 0; j < {direct}; j++) sum += @exp(y[j] - most);",
            f"  for (j = 0; j < {count}; j++) sum += @exp(s->groups[j] - most);",
            "  most += @log(sum);",
            f"  for (j = 0; j < {direct}; j++) y[j] -= most;",
            f"  for (j = 0; j < {count}; j++) s->groups[j] -= most;",
            "}",
        ]
        for group in range(count):
            start, stop = groups.edges[group + 1], groups.edges[group + 2]
            lines += [
                f"@log_softmax(y + {start}, {stop - start});",
                f"for (j = {start}; j < {stop}; j++) y[j] += s->groups[{group}];",
            ]
        return lines

    def _from_last(self) -> list[str]:
        dense, mixtures = self.model.from_last, self.model.mixtures
        assert dense is not None
        width = len(dense.weight)
        return [
            f"for (j = 0; j < {mixtures * width}; j++) y[{1 + mixtures} + j] += s->stepped[j % {width}];",
        ]

    def _step(self) -> str:
        model, lines = self.model, list[str]()
        given = "int token" if model.table is not None else "const float *x"
        made = "read" in self.work
        if made:
            lines.append(f"@input(s, {'token' if model.table is not None else 'x'});")
        if model.from_last is not None:
            lines += self._dense("from_last", model.from_last, "x", "s->stepped")
        lines.append(f"@layers(s, {'s->read' if made else 'x'});")
        if model.delay:
            lines.append(f"if (s->count <= {model.delay}) return 0;")
        lines += ["if (y) @output(s, y);", "return 1;"]
        return _function(f"int @step(@state *s, {given}, float *y)", lines)

    def _end(self) -> str:
        """The outputs that wait for steps that never come: these are zeros, the mean of many."""
        delay = self.model.delay
        if not delay:
            return ""
        lines = [
            f"if (s->count == 0 || s->ended == {delay}) return 0;",
            "do {",
            "  s->ended++;",
            "  @layers(s, s->zeros);",
            f"}} while (s->count <= {delay});",
            "@output(s, y);",
            "return 1;",
        ]
        return _function("int @end(@state *s, float *y)", lines)


def _entry(table: Matrix, row: str) -> str:
    """The number j of a row of a table."""
    found = f"{table.name}[(long){row} * {table.columns} + j]"
    return found if table.scale is None else f"(float){found} * {table.scale}[{row}]"


def _function(head: str, lines: list[str]) -> str:
    if any("for (j" in line for line in lines):
        lines = ["int j;", *lines]
    body = "".join(f"  {line}\n" for line in lines)
    return f"\n{head}\n{{\n{body}}}\n"


RESTRICT = """
/* No float traps here: GCC makes vectors of the loops only if it knows. No result depends on it. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-trapping-math")
#endif

/* C++ has no restrict, compilers have their own word for it. */
#if defined(__cplusplus) || defined(_MSC_VER)
#define @RESTRICT __restrict
#else
#define @RESTRICT restrict
#endif
"""

"""Texts of a class or of a vector of attributes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from recurra.data.attributes import Attributes
from recurra.data.tokens.vocabulary import UNKNOWN, Vocabulary
from recurra.errors import UsageError, quoted
from recurra.runtime.conditions import Bridge, Values, drawn_conditions, seed_of
from recurra.runtime.layers import Layers, State
from recurra.runtime.predictions import Floats
from recurra.runtime.sampling import drawn, filtered
from recurra.runtime.weights import Weights, one_of, setting
from recurra.tasks.decoding.form import Form
from recurra.topologies.sampling_bounds import check_sampling, check_seed

LONGEST = 10_000


@dataclass(frozen=True)
class Generated:
    """A text and what it was written for. ended: it came to its end, and was not cut after the longest length"""

    condition: str
    text: str
    ended: bool


class Generator:
    """A trained generator of texts. longest: tokens of the longest training text"""

    def __init__(
        self, weights: Weights, config: Mapping[str, Any], preprocessing: Mapping[str, Any], threads: int
    ) -> None:
        network = config["settings"]["network"]
        self.vocabulary = Vocabulary.from_json(preprocessing["vocabulary"])
        self.attributes = Attributes.from_json(preprocessing["attributes"])
        self.longest = setting(preprocessing, "longest", int)
        width, self._end = setting(network, "embedding_size", int), len(self.vocabulary)
        condition = one_of(network, "condition", ("state", "input", "both"))
        self._table = weights.floats("table.weight", self._end + 2, width)
        self._values = Values(weights, self.attributes, width)
        self._beside = condition != "state"
        self._layers = Layers(weights, network, 2 * width if self._beside else width, threads, "stack")
        self._bridge = Bridge(weights, self._layers, width) if condition != "input" else None
        self._weight, self._bias = weights.linear("head", self._layers.output_size, self._end + 1)

    def conditions(self) -> list[str]:
        """What it can be asked for, as it is typed, the most frequent in training first."""
        return self.attributes.conditions()

    def generate(
        self,
        prompt: str = "",
        length: int | None = None,
        *,
        condition: str | None = None,
        count: int = 1,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        form: str | None = None,
    ) -> list[Generated]:
        """`count` texts of a condition, each beginning with the prompt, those that `recurra.Run.generate` writes.

        condition: "Italian", "a=x,b=y" or part of it; what it leaves open is drawn as often as in training; length: in
        tokens, of the longest text; form: letters of each clause, as "5,5,5,5"
        Errors: UsageError for a prompt that the model does not know, and for numbers that cannot be
        """
        check_sampling(temperature, top_k, top_p)
        check_seed(seed)
        most = min(self.longest, LONGEST) if length is None else length
        if most < 0 or count < 1:
            raise UsageError(f"length is a whole number from 0, count from 1; got {most} and {count}")
        ids, shape = self._prompt(prompt), None if form is None else Form.of(form, self.vocabulary)
        if shape is not None:
            if length is not None:
                raise UsageError(f"the form {form} says how long texts are; leave out the length {length}")
            most = shape.tokens
            if not shape.allowed(ids).any():
                raise UsageError(f"the prompt {quoted(prompt)} is not the beginning of a text in the form {form}")
        seed = seed_of(seed)
        how = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
        found = []
        for row, indices in enumerate(drawn_conditions(self.attributes, condition, count, seed)):
            tokens = self._drawn(indices, ids, max(most, len(ids)), np.random.default_rng([seed, row]), shape, how)
            ended = bool(tokens) and tokens[-1] == self._end
            text = self.vocabulary.decode(tokens[:-1] if ended else tokens)
            found.append(Generated(self.attributes.describe(indices), text, ended))
        return found

    def _drawn(
        self,
        indices: Sequence[int],
        prompt: Sequence[int],
        length: int,
        random: np.random.Generator,
        form: Form | None,
        how: Mapping[str, Any],
    ) -> list[int]:
        """The tokens of a text, its end among them if it came within this length."""
        vector = self._values.vectors([indices])
        state = self._layers.initial(1) if self._bridge is None else self._bridge.start(vector)
        logits, state = self._after([self._end + 1, *prompt], vector, state)
        stream, written = self._layers.stream(state), list(prompt)
        for _ in range(len(prompt), length + 1):
            logits[UNKNOWN] = -np.inf
            if form is not None:
                logits[~form.allowed(written)] = -np.inf
            written.append(drawn(filtered(logits, **how), random.random()))
            if written[-1] == self._end:
                return written
            logits = self._logits(stream.step(self._inputs(written[-1:], vector)))[0]
        return written[:length]

    def _after(self, tokens: Sequence[int], vector: Floats, state: State) -> tuple[Floats, State]:
        y, state = self._layers.run(self._inputs(tokens, vector)[None], state)
        return self._logits(y[0, -1:])[0], state

    def _inputs(self, tokens: Sequence[int], vector: Floats) -> Floats:
        """Shapes: T tokens, vector [1, E] -> [T, E or 2 E]"""
        x = self._table[list(tokens)]
        return np.concatenate([x, np.repeat(vector, len(x), 0)], 1) if self._beside else x

    def _logits(self, y: Floats) -> Floats:
        found: Floats = y @ self._weight.T + self._bias
        return found

    def _prompt(self, prompt: str) -> list[int]:
        if unknown := self.vocabulary.unknown(prompt):
            shown = ", ".join(map(repr, unknown[:8])) + (", ..." if len(unknown) > 8 else "")
            raise UsageError(f"the prompt has characters that the model has never seen: {shown}\nleave them out")
        return [int(i) for i in self.vocabulary.encode(prompt)]

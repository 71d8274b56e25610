"""What the report of a model of blanks shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from recurra.report.metric import find
from recurra.report.sections import Cell, Column, Columns, Section, Table
from recurra.tasks.fill.data import FillData, FillPart
from recurra.tasks.fill.metrics import METRICS
from recurra.tasks.fill.trainee import Scores
from recurra.topologies.fill import SIDES, BlankFiller, Side
from recurra.topologies.fill_search import fill_blank

SAMPLES = 12
"""Blanks shown."""
SHOWN = 3
"""Candidates for each of them."""
LONG_BLANKS = 200
"""Blanks of each length that are filled without knowing how long they are."""
TITLES: dict[Side, str] = {"both": "both sides", "forward": "the left side only", "backward": "the right side only"}
COLUMNS = ("top1", "top5", "perplexity")


def sections(
    network: BlankFiller, data: FillData, part: FillPart, found: Mapping[Side, Scores], seed: int
) -> list[Section]:
    """found: the scores of each head on the part"""
    drawn = _Blanks(network, data, part, seed)
    return [_sides(part, found), drawn.samples(), *([drawn.long_ones()] if data.longest > 1 else [])]


def _sides(part: FillPart, found: Mapping[Side, Scores]) -> Table:
    columns = [find(METRICS, name) for name in COLUMNS]
    rows: list[list[Cell]] = [
        [TITLES[side], *(row.write(getattr(found[side], row.name)) for row in columns)] for side in SIDES
    ]
    both, left = found["both"].top1, found["forward"].top1
    times = f" Both sides are right {both / left:.2f} times as often as the left one alone." if left else ""
    return Table(
        "Filled from both sides, from the left, from the right",
        ["Read", *(Column(row.label, "number") for row in columns)],
        rows,
        f"Three heads of one network, trained together, on the same {len(part):,} held-out blanks of one token.{times}",
    )


@dataclass(frozen=True)
class _Blanks:
    """Some blanks of a part, filled."""

    network: BlankFiller
    data: FillData
    part: FillPart
    seed: int

    def samples(self) -> Table:
        """Blanks with the best candidates of each head."""
        rows: list[list[Cell]] = []
        space = " " if self.data.vocabulary.level == "word" else ""
        for blank in _chosen(self.part, SAMPLES, self.seed):
            ids, place = self.part.sentence(blank), int(self.part.indices[blank])
            before, left_out, after = (
                self._spelled(ids[a:b]) for a, b in ((0, place), (place, place + 1), (place + 1, None))
            )
            best = [self._best(side, ids, place) for side in SIDES]
            rows.append([f"{before}{space}____{space}{after}".strip(), left_out, *best])
        columns: Columns = ["Sentence", "Left out", *(Column(TITLES[side].capitalize(), "quotes") for side in SIDES)]
        return Table("Some of the blanks", columns, rows, "The best candidates of each head with their probabilities.")

    def _best(self, side: Side, ids: np.ndarray, place: int) -> list[str]:
        network = self.network
        with torch.inference_mode():
            f, _ = network.step(_row(network, [network.boundary, *ids[:place].tolist()]), None)
            after = _row(network, [network.boundary, *ids[:place:-1].tolist()])
            b = network.backward_stack(network.table(after))[0][:, -1]
            one = torch.ones(1, dtype=torch.int64, device=f.device)
            best = network.logits(network.output(side, f, b, one), side).softmax(-1)[0].topk(SHOWN)
        pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
        return [f"{self._spelled([token])} {chance:.2f}" for token, chance in pairs]

    def long_ones(self) -> Table:
        """How often blanks of several tokens are filled right."""
        rows: list[list[Cell]] = []
        share = find(METRICS, "top1")
        for length in range(1, self.data.longest + 1):
            blanks = _chosen(self.part, LONG_BLANKS, self.seed, length=length)
            first = among = 0
            for blank in blanks:
                ids, place = self.part.sentence(blank).tolist(), int(self.part.indices[blank])
                right = ids[place : place + length]
                found = [c for c, _ in fill_blank(self.network, ids[:place], ids[place + length :], 5)]
                first, among = first + (found[:1] == [right]), among + (right in found)
            shares = [share.write(n / max(1, len(blanks))) for n in (first, among)]
            rows.append([str(length), len(blanks), *shares])
        unit = self.data.facts["unit"]
        titles = ("Blanks", "First candidate right", "Among 5 candidates")
        return Table(
            f"Blanks of several {unit}",
            [f"{unit.capitalize()} left out", *(Column(title, "number") for title in titles)],
            rows,
            f"Nobody tells the model how long a blank is: it weighs contents of 1 to {self.data.longest} {unit}.",
        )

    def _spelled(self, ids: Sequence[int] | np.ndarray) -> str:
        return self.data.vocabulary.decode(ids)


def _row(network: BlankFiller, ids: list[int]) -> torch.Tensor:
    return torch.tensor([ids], device=network.bias.device)


def _chosen(part: FillPart, count: int, seed: int, *, length: int = 1) -> Sequence[int]:
    """Some blanks of sentences that are neither short nor long, with known tokens from the blank on for `length`."""
    fitting = [
        i
        for i, (row, place) in enumerate(zip(part.rows, part.indices, strict=True))
        if 6 <= len(part.encoded[row]) <= 40
        and place + length <= len(part.encoded[row])
        and part.encoded[row][place : place + length].all()
    ]
    order = np.random.default_rng(seed).permutation(len(fitting))[:count]
    return [fitting[i] for i in sorted(order.tolist())]

"""Both directions: fill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch

from recurra.data.tokens.vocabulary import Vocabulary
from recurra.errors import DataError
from recurra.model_folder import ModelFolder
from recurra.report import measures
from recurra.report import record as report
from recurra.report.record import Baseline
from recurra.tasks.fill.baselines import fill_baselines
from recurra.tasks.fill.data import FillData, FillPart, choose_blanks, encode_rows, prepare, read_rows
from recurra.tasks.fill.settings import FillSettings
from recurra.tasks.fill.trainee import Filler, FillTrainee, Scores, compare, inner, named
from recurra.tasks.sources.resolving import Source
from recurra.tasks.stored import FillConfig, config_of
from recurra.tasks.task import Dataset, held_out_part
from recurra.tasks.weights import load_network
from recurra.tasks.word_vectors.table import WordTable
from recurra.topologies.fill import SIDES, GapFiller, Side
from recurra.topologies.fill_search import fill_gap

SAMPLES = 12
"""Blanks shown in the report."""
SHOWN = 3
"""Candidates for each of them."""
LONG_BLANKS = 200
"""Blanks of each length that are filled without knowing how long they are."""
TITLES: dict[Side, str] = {"both": "both sides", "forward": "the left side only", "backward": "the right side only"}


class FillTask:
    """What stands in a blank; see tasks.task.Task."""

    name: ClassVar[str] = "fill"

    def prepare(self, source: Source, settings: FillSettings, kept: ModelFolder | None = None) -> FillDataset:
        training = settings.training
        known = None
        if kept is not None:
            known = Vocabulary.from_json(kept.vocabulary)
            settings = settings.changed(blank_tokens=config_of(kept, FillConfig).longest_blank)
        data = prepare(source, settings.data, seed=training.seed, kept=known)
        torch.manual_seed(training.seed)
        trainee = FillTrainee(
            data, settings.network, batch_size=training.batch_size, seed=training.seed, drawn=training.drawn_outputs
        )
        evaluated_on = held_out_part(data.parts)
        return FillDataset(source, settings, trainee, data.facts, list(data.notes), evaluated_on, data)

    def load(self, folder: ModelFolder, settings: FillSettings) -> Filler:
        vocabulary = Vocabulary.from_json(folder.vocabulary)
        longest = config_of(folder, FillConfig).longest_blank
        network = load_network(lambda: GapFiller(len(vocabulary), settings.network, longest=longest), folder)
        return Filler(network, vocabulary)

    def evaluate(self, model: Filler, source: Source, settings: FillSettings) -> tuple[int, dict[str, float]]:
        texts = [text for part in read_rows(source, settings.data).values() for text in part.texts]
        encoded, _ = encode_rows(texts, model.vocabulary, settings.data.max_length)
        part = FillPart(encoded, *choose_blanks(encoded, settings.training.seed))
        if not len(part):
            raise DataError("these data have no word to leave out that the model knows", file=source.name)
        return len(part), named(compare(model.network, part))


@dataclass
class FillDataset(Dataset):
    """A model of blanks with its data, ready to train."""

    data: FillData
    found: dict[Side, Scores] = field(default_factory=dict)

    def vocabulary_json(self) -> dict[str, Any]:
        return self.data.vocabulary.to_json()

    def config(self) -> dict[str, Any]:
        return {"longest_blank": self.data.longest}

    def baselines(self) -> list[Baseline]:
        return fill_baselines(self.data, self._part)

    def evaluate(self) -> dict[str, float]:
        self.found = compare(self.trainee.network, self._part)
        return named(self.found)

    @property
    def scored(self) -> int:
        return len(self._part)

    @property
    def _part(self) -> FillPart:
        return self.data.parts[self.evaluated_on]

    def word_table(self) -> WordTable:
        encoded = self.data.parts["train"].encoded
        return WordTable(self.data.vocabulary.tokens, inner(self.trainee.network).table.weight, encoded)

    def details(self) -> dict[str, Any]:
        """The three heads side by side, sample blanks, and blanks of several tokens where the model fills such."""
        filler = inner(self.trainee.network).eval()
        tables = [self._sides(), self._samples(filler)]
        if self.data.longest > 1:
            tables.append(self._long_blanks(filler))
        return {"tables": tables}

    def _sides(self) -> report.Table:
        found = self.found or compare(self.trainee.network, self._part)
        rows = [
            [TITLES[side], *(measures.measure(name).write(getattr(found[side], name)) for name in COLUMNS)]
            for side in SIDES
        ]
        both, left = found["both"].top1, found["forward"].top1
        times = f" Both sides are right {both / left:.2f} times as often as the left one alone." if left else ""
        return report.Table(
            "Filled from both sides, from the left, from the right",
            ["read", *(measures.measure(name).label for name in COLUMNS)],
            rows,
            f"Three heads of one network, trained together, on the same {len(self._part):,} held-out blanks of one "
            f"token.{times}",
        )

    def _samples(self, filler: GapFiller) -> report.Table:
        rows = []
        for blank in _chosen(self._part, SAMPLES, self.settings.training.seed):
            ids, place = self._part.sentence(blank), int(self._part.places[blank])
            shown = self._spelled(ids[:place]), self._spelled(ids[place : place + 1]), self._spelled(ids[place + 1 :])
            cells = [self._best(filler, side, ids, place) for side in SIDES]
            rows.append([f"{shown[0]}{self._space}____{self._space}{shown[2]}".strip(), shown[1], *cells])
        columns = ["sentence", "left out", *(TITLES[side] for side in SIDES)]
        return report.Table("Some of the blanks", columns, rows, "The best candidates of each head with their chances.")

    def _best(self, filler: GapFiller, side: Side, ids: Any, place: int) -> str:
        with torch.inference_mode():
            f, _ = filler.step(_row(filler, [filler.boundary, *ids[:place].tolist()]), None)
            b = filler.backward_stack(filler.table(_row(filler, [filler.boundary, *ids[:place:-1].tolist()])))[0][:, -1]
            one = torch.ones(1, dtype=torch.int64, device=f.device)
            best = filler.logits(filler.output(side, f, b, one), side).softmax(-1)[0].topk(SHOWN)
        pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
        return ", ".join(f"{self._spelled([token])} {chance:.2f}" for token, chance in pairs)

    def _long_blanks(self, filler: GapFiller) -> report.Table:
        rows = []
        for length in range(1, self.data.longest + 1):
            blanks = _chosen(self._part, LONG_BLANKS, self.settings.training.seed, length=length)
            first = among = 0
            for blank in blanks:
                ids, place = self._part.sentence(blank).tolist(), int(self._part.places[blank])
                right = ids[place : place + length]
                found = [c for c, _ in fill_gap(filler, ids[:place], ids[place + length :], 5)]
                first, among = first + (found[:1] == [right]), among + (right in found)
            shares = [measures.measure("top1").write(n / max(1, len(blanks))) for n in (first, among)]
            rows.append([str(length), str(len(blanks)), *shares])
        unit = self.data.facts["unit"]
        return report.Table(
            f"Blanks of several {unit}",
            [f"{unit} left out", "blanks", "first candidate right", "among 5 candidates"],
            rows,
            f"Nobody tells the model how long a blank is: it weighs contents of 1 to {self.data.longest} {unit}.",
        )

    @property
    def _space(self) -> str:
        return " " if self.data.vocabulary.level == "word" else ""

    def _spelled(self, ids: Any) -> str:
        return self.data.vocabulary.decode(ids)


COLUMNS = ("top1", "top5", "perplexity")


def _row(filler: GapFiller, ids: list[int]) -> torch.Tensor:
    return torch.tensor([ids], device=filler.bias.device)


def _chosen(part: FillPart, count: int, seed: int, *, length: int = 1) -> Sequence[int]:
    """Some blanks of sentences that are neither short nor long, with known tokens from the blank on for `length`."""
    fitting = [
        i
        for i, (row, place) in enumerate(zip(part.rows, part.places, strict=True))
        if 6 <= len(part.encoded[row]) <= 40
        and place + length <= len(part.encoded[row])
        and part.encoded[row][place : place + length].all()
    ]
    order = np.random.default_rng(seed).permutation(len(fitting))[:count]
    return [fitting[i] for i in sorted(order.tolist())]


TASK = FillTask()

"""1 to N in numbers: generate-frames."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np

from recurra.report.record import Baseline
from recurra.report.sections import Section
from recurra.tasks.cutting import CutByRows, drawn
from recurra.tasks.generate_frames import data
from recurra.tasks.generate_frames.baselines import baselines
from recurra.tasks.generate_frames.data import GenerateFramesData, Part
from recurra.tasks.generate_frames.model import FramesGenerator
from recurra.tasks.generate_frames.preprocessor import GenerateFramesPreprocessor
from recurra.tasks.generate_frames.report import sections
from recurra.tasks.generate_frames.settings import GenerateFramesSettings
from recurra.tasks.generate_frames.trainee import GenerateFramesTrainee, scores
from recurra.tasks.outgoing import COUNT, LONGEST, Asked
from recurra.tasks.own_inputs import OwnInput, spread_over
from recurra.tasks.sources.source import Source
from recurra.tasks.task import Dataset, Encoded, Evaluation
from recurra.topologies.frame_generator import FrameGenerator


class GenerateFramesTask(CutByRows):
    """Sequences of numbers of a class; see tasks.task.Task."""

    name: ClassVar[str] = "generate-frames"
    preprocessor = GenerateFramesPreprocessor
    holds_out: ClassVar[bool] = True
    rows: ClassVar[str] = "sequences"

    def prepare(
        self, source: Source, settings: GenerateFramesSettings, kept: GenerateFramesPreprocessor | None = None
    ) -> Dataset[GenerateFramesData]:
        found = data.prepare(source, settings.data, seed=settings.split_seed, kept=kept)
        return Dataset(
            source,
            settings,
            found,
            found.preprocessor,
            found.parts,
            found.parts["train"].encoded,
            found.facts,
            list(found.notes),
        )

    def encode(
        self, source: Source, settings: GenerateFramesSettings, preprocessor: GenerateFramesPreprocessor
    ) -> Encoded:
        return Encoded(data.whole(source, settings.data, preprocessor))

    def network(self, preprocessor: GenerateFramesPreprocessor, settings: GenerateFramesSettings) -> FrameGenerator:
        return FrameGenerator(preprocessor.input_width, preprocessor.attributes.sizes(), settings.network)

    def trainee(self, network: FrameGenerator, dataset: Dataset[GenerateFramesData]) -> GenerateFramesTrainee:
        return GenerateFramesTrainee(network, dataset.data, dataset.settings.training)

    def model(
        self,
        network: FrameGenerator,
        preprocessor: GenerateFramesPreprocessor,
        settings: GenerateFramesSettings,
    ) -> FramesGenerator:
        return FramesGenerator(network, preprocessor)

    def evaluate(self, model: FramesGenerator, part: Part, settings: GenerateFramesSettings) -> Evaluation:
        return Evaluation(scores(model.network, part), sum(map(len, part.encoded)))  # type: ignore[arg-type]

    def baselines(self, dataset: Dataset[GenerateFramesData], part: Part) -> list[Baseline]:
        return baselines(dataset.data, part)

    def smaller(self, dataset: Dataset[GenerateFramesData], count: int) -> Dataset[GenerateFramesData]:
        """One sequence of each class at least, of which each has a density."""
        found, train = super().smaller(dataset, count), dataset.data.parts["train"]
        _, first = np.unique(train.labels, return_index=True)
        parts = {**found.parts, "train": train.at(np.union1d(drawn(len(train), count), first))}
        return replace(found, data=replace(found.data, parts=parts), parts=parts)

    def sections(
        self, dataset: Dataset[GenerateFramesData], model: FramesGenerator, evaluation: Evaluation
    ) -> list[Section]:
        """Sequences drawn of each class beside real ones; how recognisable, new and different they are."""
        seed = dataset.settings.training.seed
        return sections(model.network, dataset.data, dataset.evaluated_on, seed)  # type: ignore[arg-type]

    def own_inputs(self, dataset: Dataset[GenerateFramesData], part: str, count: int) -> list[OwnInput]:
        found = dataset.parts[part]

        def made(row: int) -> OwnInput:
            one = found.sequences[row]
            condition = one.labels[0]
            return OwnInput(f"{one.name} ({condition})", one.values, {"condition": condition})

        return spread_over(found.sequences, count, made)

    def asked(self, part: Part) -> list[Asked]:
        """Each frame behind the one before, which is zeros at first."""
        found = []
        for frames, label in zip(part.encoded[:COUNT], part.labels[:COUNT], strict=True):
            before = np.nan_to_num(np.concatenate([np.zeros_like(frames[:1]), frames[:-1]]))
            found.append(Asked(before.astype(np.float32)[:LONGEST], np.array([label], np.int64)))
        return found


TASK = GenerateFramesTask()

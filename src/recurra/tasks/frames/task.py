"""N to 1 and N to N over frames."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from torch import Tensor

from recurra.data.frames.sequences import missing_values
from recurra.errors import UsageError
from recurra.report.record import Baseline
from recurra.report.sections import Section
from recurra.tasks.calibration import calibrate, reliability, uncalibrated
from recurra.tasks.cutting import CutByRows, some
from recurra.tasks.frames import data
from recurra.tasks.frames.baselines import baselines
from recurra.tasks.frames.data import FramesData, Part
from recurra.tasks.frames.model import FrameLabeller, FramesModel, SequenceClassifier
from recurra.tasks.frames.preprocessor import FramesPreprocessor
from recurra.tasks.frames.refusals import refuse_others
from recurra.tasks.frames.report import sections
from recurra.tasks.frames.settings import FramesSettings
from recurra.tasks.frames.trainee import FramesTrainee, log_probabilities, scores_of
from recurra.tasks.outgoing import COUNT, LONGEST, Asked
from recurra.tasks.own_inputs import OwnInput, spread_over
from recurra.tasks.sources.source import Source
from recurra.tasks.task import Dataset, Encoded, Evaluation
from recurra.topologies.frames import FrameNetwork
from recurra.topologies.picture_encoder import PictureEncoder
from recurra.topologies.settings import FrameSettings


class FramesTask(CutByRows):
    """The class of a sequence of frames, or of each frame, as the labels are; see tasks.task.Task."""

    name: ClassVar[str] = "frames"
    preprocessor = FramesPreprocessor
    holds_out: ClassVar[bool] = True
    rows: ClassVar[str] = "sequences"

    def prepare(
        self, source: Source, settings: FramesSettings, kept: FramesPreprocessor | None = None
    ) -> Dataset[FramesData]:
        refuse_others(source.kind, settings)
        found = data.prepare(source, settings.data, seed=settings.split_seed, kept=kept)
        unit = "nats per frame" if found.preprocessor.per_frame else "nats per sequence"
        return Dataset(
            source,
            settings,
            found,
            found.preprocessor,
            found.parts,
            found.parts["train"].encoded,
            found.facts,
            list(found.notes),
            unit,
        )

    def encode(self, source: Source, settings: FramesSettings, preprocessor: FramesPreprocessor) -> Encoded:
        part = data.whole(source, settings.data, preprocessor)
        return Encoded(part, {"missing_values": missing_values(part.sequences)})

    def network(self, preprocessor: FramesPreprocessor, settings: FramesSettings) -> FrameNetwork:
        made = preprocessor
        return FrameNetwork(
            made.input_width,
            len(made.classes),
            settings.network,
            per_frame=made.per_frame,
            encoder=encoder_of(made, settings.network),
        )

    def trainee(self, network: FrameNetwork, dataset: Dataset[FramesData]) -> FramesTrainee:
        return FramesTrainee(network, dataset.data, dataset.settings.training)

    def model(self, network: FrameNetwork, preprocessor: FramesPreprocessor, settings: FramesSettings) -> FramesModel:
        kind = FrameLabeller if preprocessor.per_frame else SequenceClassifier
        return kind(network, preprocessor, settings.data)

    def evaluate(self, model: FramesModel, part: Part, settings: FramesSettings) -> Evaluation:
        """answers: of every class for every sequence or frame, in nats [N, C]"""
        logs = log_probabilities(model.network, part.encoded)
        return Evaluation(scores_of(part, logs), len(logs), logs)

    def baselines(self, dataset: Dataset[FramesData], part: Part) -> list[Baseline]:
        return baselines(dataset.data, part, seed=dataset.settings.training.seed)

    def conclude(self, dataset: Dataset[FramesData], network: FrameNetwork) -> tuple[dict[str, float], list[str]]:
        """Calibrate, where a sequence has one label; neighbouring frames are too alike to be counted as examples."""
        part = dataset.parts["validation"]
        part = part if dataset.looked_at is None else some(part, dataset.looked_at)
        if dataset.preprocessor.per_frame or not len(part):
            return {}, []
        return calibrate(
            (network.head.weight, network.head.bias),
            log_probabilities(network, part.encoded).double().numpy(),
            part.targets,
        )

    def before_conclusion(self, weights: dict[str, Tensor], concluded: Mapping[str, float]) -> dict[str, Tensor]:
        return uncalibrated(weights, concluded)

    def sections(self, dataset: Dataset[FramesData], model: FramesModel, evaluation: Evaluation) -> list[Section]:
        """Confusion matrix, scores of each class, the surest mistakes, pictures, a curve of reliability."""
        logs, part = evaluation.answers.double().numpy(), dataset.held_out
        found = sections(part, dataset.preprocessor, logs)
        if dataset.preprocessor.per_frame:
            return found
        temperature = evaluation.concluded.get("temperature", 1.0)
        return [*found, reliability(logs, part.targets, temperature, dataset.evaluated_on, "Sequences")]

    def own_inputs(self, dataset: Dataset[FramesData], part: str, count: int) -> list[OwnInput]:
        sequences = dataset.parts[part].sequences

        def made(row: int) -> OwnInput:
            one = sequences[row]
            labels = list(dict.fromkeys(one.labels))
            said = ", ".join(labels[:3]) + (", …" if len(labels) > 3 else "")
            return OwnInput(f"{one.name} ({said})" if said else one.name, one)

        return spread_over(sequences, count, made)

    def asked(self, part: Part) -> list[Asked]:
        return [Asked(np.asarray(one.values, np.float32)[:LONGEST]) for one in part.sequences[:COUNT]]


def encoder_of(made: FramesPreprocessor, network: FrameSettings) -> PictureEncoder | None:
    """What reads the pictures of clips. Errors: UsageError for its settings where frames are no pictures"""
    if made.picture is not None and not made.picture.rows:
        shape = made.picture.channels, made.picture.height, made.picture.width
        return PictureEncoder(
            shape, network.encoder_size, width=network.encoder_width, mean=made.mean, deviation=made.deviation
        )
    for name in ("encoder_size", "encoder_width"):
        if getattr(network, name) != FrameSettings.model_fields[name].default:
            raise UsageError(f"{name} is of the network that reads pictures of clips; these frames are numbers")
    return None


TASK = FramesTask()

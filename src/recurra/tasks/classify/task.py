"""N to 1: classify."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, cast

from torch import Tensor, nn

from recurra.data.files.examples import Examples
from recurra.tasks.classify.data import ClassifyData, Part, encode_part, prepare, spelt
from recurra.tasks.classify.examples import group_names, read_examples
from recurra.tasks.classify.preprocessor import ClassifyPreprocessor
from recurra.tasks.classify.settings import ClassifySettings
from recurra.tasks.classify.trainee import (
    Classifier,
    ClassifyTrainee,
    build_ensemble,
    build_network,
    log_probabilities,
    scores_of,
)
from recurra.tasks.cutting import CutByRows, some
from recurra.tasks.outgoing import Asked, shortened
from recurra.tasks.own_inputs import OwnInput, rows_over, spread_over, title_of
from recurra.tasks.probed_inputs import ProbedInput
from recurra.tasks.sized import of_words
from recurra.tasks.sources.source import Source
from recurra.tasks.task import Dataset, Encoded, Evaluation
from recurra.tasks.word_vectors.table import WordTable
from recurra.topologies.ensembles import first_of
from recurra.topologies.many_to_one import TextClassifier

if TYPE_CHECKING:
    from recurra.report.record import Baseline
    from recurra.report.sections import Section

NUMBERS, FEWEST = 1_000_000, 100
"""Of texts and classes together that baselines are tried with first; texts at least."""


class ClassifyTask(CutByRows):
    """The class of a text; see tasks.task.Task."""

    name: ClassVar[str] = "classify"
    preprocessor = ClassifyPreprocessor
    holds_out: ClassVar[bool] = True
    first: ClassVar[int] = 2000
    vector_settings: ClassVar[Mapping[str, Any]] = {}

    def prepare(
        self, source: Source, settings: ClassifySettings, kept: ClassifyPreprocessor | None = None
    ) -> Dataset[ClassifyData]:
        data = prepare(source, settings.data, seed=settings.split_seed, skip=settings.network.skip != "none", kept=kept)
        data = replace(data, minutes=settings.training.minutes)
        settings = settings.changed(normalize=data.vocabulary.normalize)
        return Dataset(
            source,
            settings,
            data,
            data.preprocessor,
            data.parts,
            data.parts["train"].encoded,
            data.facts,
            list(data.notes),
        )

    def encode(self, source: Source, settings: ClassifySettings, preprocessor: ClassifyPreprocessor) -> Encoded:
        return _encoded(_whole(source, settings), settings, preprocessor)

    def encode_groups(
        self, source: Source, settings: ClassifySettings, preprocessor: ClassifyPreprocessor, groups: str
    ) -> Encoded:
        """groups: a column that says which texts belong together"""
        examples = _whole(source, settings)
        found = _encoded(examples, settings, preprocessor)
        return replace(found, part=replace(found.part, groups=group_names(source, settings.data, examples, groups)))

    def words(self, dataset: Dataset[ClassifyData]) -> tuple[int, ...]:
        return of_words(dataset.data.vocabulary)

    def word_width(self, settings: ClassifySettings) -> int:
        return settings.network.embedding_size

    def network(self, preprocessor: ClassifyPreprocessor, settings: ClassifySettings) -> TextClassifier:
        if settings.training.ensemble > 1:
            return build_ensemble(preprocessor, settings.network, settings.training.ensemble)
        return build_network(preprocessor, settings.network)

    def trainee(self, network: TextClassifier, dataset: Dataset[ClassifyData]) -> ClassifyTrainee:
        training = dataset.settings.training
        return ClassifyTrainee(
            network,
            dataset.data,
            batch_size=training.batch_size,
            bptt=training.bptt,
            seed=training.seed,
            balance=training.balance,
            batch_tokens=training.batch_tokens,
            crop=training.crop,
            smoothing=training.label_smoothing,
        )

    def model(
        self, network: TextClassifier, preprocessor: ClassifyPreprocessor, settings: ClassifySettings
    ) -> Classifier:
        return Classifier(network, preprocessor, settings.data.max_length)

    def evaluate(self, model: Classifier, part: Part, settings: ClassifySettings) -> Evaluation:
        """answers: of every class for every text, in nats [N, C]"""
        logs = log_probabilities(model.network, part.encoded, part.letters)
        return Evaluation(scores_of(part, logs), len(part), logs)

    def first_of(self, dataset: Dataset[ClassifyData]) -> int:
        """Fewer of many classes, for baselines have a number for each text and class."""
        return min(self.first, max(FEWEST, NUMBERS // len(dataset.data.classes)))

    def baselines(self, dataset: Dataset[ClassifyData], part: Part) -> list[Baseline]:
        from recurra.tasks.classify.baselines import classify_baselines

        deadline = dataset.deadline
        return classify_baselines(dataset.data, part, deadline.left() if deadline.set else None)

    def learning_from(self, dataset: Dataset[ClassifyData], count: int) -> Dataset[ClassifyData]:
        """With the n-grams that the linear skip finds in so many."""
        found = super().learning_from(dataset, count)
        return replace(found, preprocessor=found.data.preprocessor)

    def word_table(self, dataset: Dataset[ClassifyData], network: nn.Module) -> WordTable:
        weight = first_of(network).get_parameter("table.weight")
        return WordTable(dataset.data.vocabulary.tokens, weight, dataset.data.parts["train"].encoded)

    def conclude(self, dataset: Dataset[ClassifyData], network: TextClassifier) -> tuple[dict[str, float], list[str]]:
        """Add the linear skip, if it is asked for, and calibrate."""
        from recurra.tasks.classify import concluding

        skip, training = dataset.settings.network.skip, dataset.settings.training
        part, deadline = dataset.parts["validation"], dataset.deadline
        part = part if dataset.looked_at is None else some(part, dataset.looked_at)
        return concluding.conclude(
            dataset.data,
            network,
            part,
            skip,
            training.balance,
            crops=training.crop > 0,
            seconds=deadline.for_finishing() if deadline.set else None,
        )

    def before_conclusion(self, weights: dict[str, Tensor], concluded: Mapping[str, float]) -> dict[str, Tensor]:
        from recurra.tasks.classify import concluding

        return concluding.before_conclusion(weights, concluded)

    def sections(self, dataset: Dataset[ClassifyData], model: Classifier, evaluation: Evaluation) -> list[Section]:
        """Confusion matrix, scores of each class, confused pairs, the surest mistakes, reliability, the linear skip."""
        from recurra.tasks.classify import concluding
        from recurra.tasks.classify.report import sections

        part, logs, name = dataset.held_out, evaluation.answers.numpy(), dataset.evaluated_on
        concluded = evaluation.concluded
        found = sections(
            part, model.classes, logs, concluded.get("temperature", 1.0), name, mixed=concluding.SHARE in concluded
        )
        beside = concluding.beside_each_other(cast("TextClassifier", model.network), dataset.data, part, name)
        return found if beside is None else [*found, beside]

    def own_inputs(self, dataset: Dataset[ClassifyData], part: str, count: int) -> list[OwnInput]:
        found, classes = dataset.parts[part], dataset.data.classes

        def made(row: int) -> OwnInput:
            return OwnInput(title_of(found.texts[row], classes[int(found.labels[row])]), found.texts[row])

        return spread_over(found.texts, count, made)

    def probed_inputs(self, dataset: Dataset[ClassifyData], part: str, count: int) -> list[ProbedInput]:
        found, data = dataset.parts[part], dataset.data
        between = " " if data.vocabulary.level == "word" else ""
        rows = [k for k in range(len(found.texts)) if data.vocabulary.encode(found.texts[k].strip()).size]
        chosen = [rows[place] for place in rows_over(len(rows), count)]
        return [ProbedInput(found.texts[k], between, data.classes[int(found.labels[k])]) for k in chosen]

    def probed_text(self, model: Classifier, text: str) -> list[ProbedInput]:
        between = " " if model.vocabulary.level == "word" else ""
        return [ProbedInput(line, between) for line in text.splitlines() if model.vocabulary.encode(line.strip()).size]

    def asked(self, part: Part) -> list[Asked]:
        return shortened(part.encoded)


def _whole(source: Source, settings: ClassifySettings) -> Examples:
    """All of a source."""
    found = read_examples(source, settings.data)
    if isinstance(found, Examples):
        return found
    return Examples([item for part in found.values() for item in part.items])


def _encoded(examples: Examples, settings: ClassifySettings, preprocessor: ClassifyPreprocessor) -> Encoded:
    part = encode_part(examples, preprocessor.vocabulary, preprocessor.classes, settings.data.max_length)
    if preprocessor.spells:
        part = spelt(part, preprocessor.vocabulary, settings.data.max_length)
    return Encoded(part, {"truncated_texts": part.truncated})


TASK = ClassifyTask()

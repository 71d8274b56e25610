"""1 to N: what a picture shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from recurra import metrics
from recurra.data.pictures.decoding import read_picture
from recurra.data.pictures.showing import smaller
from recurra.errors import UsageError
from recurra.report.record import Baseline
from recurra.report.sections import Section
from recurra.tasks.caption import data
from recurra.tasks.caption.baselines import baselines, language_model, scores
from recurra.tasks.caption.data import CaptionData, CaptionPart
from recurra.tasks.caption.model import SHOWN, CaptionModel, Looked, search_of
from recurra.tasks.caption.preprocessor import CaptionPreprocessor
from recurra.tasks.caption.report import Answers, sections
from recurra.tasks.caption.settings import FROZEN, CaptionSettings
from recurra.tasks.caption.trainee import CaptionTrainee, build_network, nats_per_token
from recurra.tasks.cutting import CutByRows
from recurra.tasks.decoding.bleu import sacrebleu
from recurra.tasks.own_inputs import OwnInput, spread_over, title_of
from recurra.tasks.sized import of_words
from recurra.tasks.sources.source import Source
from recurra.tasks.task import Dataset, Encoded, Evaluation
from recurra.tasks.word_vectors.table import WordTable
from recurra.topologies.captioner import Captioner


class CaptionTask(CutByRows):
    """A sentence about a picture; see tasks.task.Task."""

    name: ClassVar[str] = "caption"
    preprocessor = CaptionPreprocessor
    holds_out: ClassVar[bool] = True
    rows: ClassVar[str] = "pictures"
    vector_settings: ClassVar[Mapping[str, Any]] = {}

    def settle(self, settings: CaptionSettings, given: Mapping[str, Any]) -> CaptionSettings:
        """A file of vectors means the encoder that reads it; given vectors mean other defaults. Errors: UsageError"""
        if settings.data.features is not None and "encoder" not in given:
            settings = settings.changed(encoder="features")
        if settings.data.encoder != "small":
            known = {*given, "condition"} if "attention" in given else given  # how it looks means that it does
            settings = settings.changed(**{name: value for name, value in FROZEN.items() if name not in known})
        data.check(settings.data)
        condition = settings.network.condition
        if "attention" in given and condition not in (None, "attention"):
            raise UsageError(f"attention says how the decoder looks at a grid; this run's condition is {condition}")
        return settings

    def prepare(
        self, source: Source, settings: CaptionSettings, kept: CaptionPreprocessor | None = None
    ) -> Dataset[CaptionData]:
        sacrebleu()  # before hours of training, not after
        asked = settings.network.condition
        found = data.prepare(
            source, settings.data, pooled=asked not in (None, "attention"), seed=settings.training.seed, kept=kept
        )
        settings = settings.changed(condition=_condition(settings, found.preprocessor))
        notes = [*found.notes, _how(settings, found.preprocessor)]
        arrays = [*found.parts["train"].encoded, *found.contents]
        return Dataset(source, settings, found, found.preprocessor, found.parts, arrays, found.facts, notes)

    def encode(self, source: Source, settings: CaptionSettings, preprocessor: CaptionPreprocessor) -> Encoded:
        return Encoded(*data.encode_all(source, settings.data, preprocessor))

    def words(self, dataset: Dataset[CaptionData]) -> tuple[int, ...]:
        return of_words(dataset.data.preprocessor.vocabulary)

    def word_width(self, settings: CaptionSettings) -> int:
        network = settings.network
        return network.embedding_size + (0 if network.tie_weights else network.hidden_size) + 1

    def network(self, preprocessor: CaptionPreprocessor, settings: CaptionSettings) -> Captioner:
        return build_network(preprocessor, settings.network)

    def trainee(self, network: Captioner, dataset: Dataset[CaptionData]) -> CaptionTrainee:
        trunk = data.frozen_of(dataset.settings.data, dataset.preprocessor)
        if network.trunk is not None and trunk is not None:
            network.trunk.load_state_dict(trunk.weights())
        return CaptionTrainee(network, dataset.data, dataset.settings.training)

    def model(self, network: Captioner, preprocessor: CaptionPreprocessor, settings: CaptionSettings) -> CaptionModel:
        return CaptionModel(network, preprocessor)

    def evaluate(self, model: CaptionModel, part: CaptionPart, settings: CaptionSettings) -> Evaluation:
        """answers: the captions"""
        found = [best for best, *_ in model.search(part.seen, search_of(model.vocabulary.level))]
        texts = [model.text(each) for each in found]
        loss = nats_per_token(model.network, part)
        scored = scores(texts, part.references, lowercase=_lowercase(settings), cut_by=model.preprocessor.bleu)
        perplexity = {"perplexity": metrics.perplexity(loss)}
        return Evaluation({"loss": loss} | scored | perplexity, len(part), Answers(found, texts))

    def baselines(self, dataset: Dataset[CaptionData], part: CaptionPart) -> list[Baseline]:
        return baselines(dataset.data, part, dataset.settings)

    def trained_baselines(
        self, dataset: Dataset[CaptionData], part: CaptionPart, seconds: float | None
    ) -> list[Baseline]:
        return [language_model(dataset.data, part, dataset.settings, seconds, lowercase=_lowercase(dataset.settings))]

    def word_table(self, dataset: Dataset[CaptionData], network: Captioner) -> WordTable:
        """That of the words that are written."""
        train = dataset.data.parts["train"]
        return WordTable(
            dataset.preprocessor.vocabulary.tokens, network.target.weight, [row[:-1] for row in train.encoded]
        )

    def own_inputs(self, dataset: Dataset[CaptionData], part: str, count: int) -> list[OwnInput]:
        found = dataset.parts[part]

        def made(row: int) -> OwnInput:
            one, seen = found.items[row], found.seen[row]
            pixels = None if one.path is None else smaller(read_picture(one.path).pixels, SHOWN)
            return OwnInput(title_of(one.name, one.captions[0]), Looked(one.name, seen, pixels))

        return spread_over(found.items, count, made)

    def sections(self, dataset: Dataset[CaptionData], model: CaptionModel, evaluation: Evaluation) -> list[Section]:
        """Captions beside references, where it looked, best and worst, the nearest training pictures."""
        return sections(dataset.data, dataset.held_out, model, evaluation.answers, _lowercase(dataset.settings))


def _condition(settings: CaptionSettings, made: CaptionPreprocessor) -> str:
    """Where the picture enters: as asked, else by attention where there is something to choose from.

    Errors: UsageError for attention over a single vector
    """
    asked = settings.network.condition
    if asked == "attention" and made.positions == 1:
        raise UsageError(
            "attention chooses among the vectors of a grid, and these pictures have one vector each\n"
            "give --condition steps, state or input, or vectors [S, C] or [C, H, W] of each picture"
        )
    return asked or ("steps" if made.positions == 1 else "attention")


def _lowercase(settings: CaptionSettings) -> bool:
    return "lowercase" in settings.data.normalize


def _how(settings: CaptionSettings, made: CaptionPreprocessor) -> str:
    case, search = "lower case" if _lowercase(settings) else "case counts", search_of(made.vocabulary.level)
    blocked = f", no {search.block_ngrams} tokens in a row twice" if search.block_ngrams else ""
    return (
        f"BLEU by sacrebleu against all references of a picture ({made.bleu}, {case}); searched with a beam of "
        f"{search.beam}, length penalty {search.length_penalty:g}{blocked}"
    )


TASK = CaptionTask()
"""The task."""

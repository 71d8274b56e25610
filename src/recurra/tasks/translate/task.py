"""N to M: translate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor

from recurra import metrics
from recurra.data.files.pair_rows import Pairs
from recurra.errors import UsageError
from recurra.report.record import Baseline
from recurra.report.sections import Section
from recurra.tasks.cutting import CutByRows, some
from recurra.tasks.decoding.bleu import sacrebleu, scores
from recurra.tasks.own_inputs import OwnInput, spread_over, title_of
from recurra.tasks.sized import of_words
from recurra.tasks.sources.source import Source
from recurra.tasks.task import Dataset, Encoded, Evaluation
from recurra.tasks.translate.baselines import translate_baselines
from recurra.tasks.translate.data import TranslateData, prepare, with_glossary
from recurra.tasks.translate.encoding import PairPart, Side, encode_pairs, encode_sides
from recurra.tasks.translate.model import Translator
from recurra.tasks.translate.preprocessor import TranslatePreprocessor
from recurra.tasks.translate.reading import read_pairs, two_files
from recurra.tasks.translate.report import sections
from recurra.tasks.translate.settings import TranslateSettings
from recurra.tasks.translate.trainee import TranslateTrainee, build_network, nats_per_token, no_pieces
from recurra.tasks.word_vectors.table import WordTable
from recurra.topologies.encoder_decoder import EncoderDecoder
from recurra.topologies.search import Search

SEARCH = Search()
"""How the translations that are evaluated are searched for."""


class TranslateTask(CutByRows):
    """A sentence in another language; see tasks.task.Task."""

    name: ClassVar[str] = "translate"
    preprocessor = TranslatePreprocessor
    holds_out: ClassVar[bool] = True
    rows: ClassVar[str] = "pairs"
    vector_settings: ClassVar[Mapping[str, Any]] = {}

    def prepare(
        self, source: Source, settings: TranslateSettings, kept: TranslatePreprocessor | None = None
    ) -> Dataset[TranslateData]:
        sacrebleu()  # before hours of training, not after
        level = settings.data.level or "bpe"
        if settings.training.piece_dropout and level != "bpe":
            raise UsageError(no_pieces(level))
        data = prepare(source, settings.data, seed=settings.split_seed, kept=kept)
        data = with_glossary(data, settings.network, kept)
        notes = [*data.notes, _how(settings, data)]
        return Dataset(source, settings, data, data.preprocessor, data.parts, data.read_sources(), data.facts, notes)

    def encode(self, source: Source, settings: TranslateSettings, preprocessor: TranslatePreprocessor) -> Encoded:
        data = settings.data if two_files(source) else settings.data.model_copy(update={"languages": None})
        found = list(read_pairs(source, data).values())
        pairs = found[0] if len(found) == 1 else Pairs([pair for part in found for pair in part])
        source_side, target_side = (Side(words, data) for words in (preprocessor.source, preprocessor.target))
        ends = len(preprocessor.source), len(preprocessor.target)
        return Encoded(encode_pairs(pairs, encode_sides(pairs, source_side, target_side), ends, data, learned=False))

    def words(self, dataset: Dataset[TranslateData]) -> tuple[int, ...]:
        return of_words(dataset.data.source, dataset.data.target)

    def word_width(self, settings: TranslateSettings) -> int:
        network = settings.network
        output = 0 if network.tie_weights else network.hidden_size
        return 2 * network.embedding_size + output + 1

    def network(self, preprocessor: TranslatePreprocessor, settings: TranslateSettings) -> EncoderDecoder:
        return build_network(preprocessor, settings.network)

    def trainee(self, network: EncoderDecoder, dataset: Dataset[TranslateData]) -> TranslateTrainee:
        training = dataset.settings.training
        return TranslateTrainee(
            network,
            dataset.data,
            batch_size=training.batch_size,
            seed=training.seed,
            smoothing=training.label_smoothing,
            scheduled_sampling=training.scheduled_sampling,
            piece_dropout=training.piece_dropout,
        )

    def model(
        self, network: EncoderDecoder, preprocessor: TranslatePreprocessor, settings: TranslateSettings
    ) -> Translator:
        return Translator(
            network,
            preprocessor.source,
            preprocessor.target,
            max_length=settings.data.max_length,
            bleu=preprocessor.bleu,
            glossary=preprocessor.glossary,
        )

    def evaluate(self, model: Translator, part: PairPart, settings: TranslateSettings) -> Evaluation:
        """answers: the translations"""
        written = model.texts(part.encoded_sources, part.sources, model.search)
        loss = nats_per_token(model.network, part, model.rows_of(part.encoded_sources, part.sources))
        found = scores(written, part.targets, lowercase=_lowercase(settings), cut_by=model.bleu)
        return Evaluation({"loss": loss} | found | {"perplexity": metrics.perplexity(loss)}, len(part), written)

    def baselines(self, dataset: Dataset[TranslateData], part: PairPart) -> list[Baseline]:
        return translate_baselines(dataset.data, part, lowercase=_lowercase(dataset.settings))

    def word_table(self, dataset: Dataset[TranslateData], network: EncoderDecoder) -> WordTable:
        """That of the source, whose language the vectors are of."""
        return WordTable(dataset.data.source.tokens, network.source.weight, dataset.arrays)

    def own_inputs(self, dataset: Dataset[TranslateData], part: str, count: int) -> list[OwnInput]:
        found = dataset.parts[part]

        def made(row: int) -> OwnInput:
            return OwnInput(title_of(found.sources[row], found.targets[row]), found.sources[row])

        return spread_over(found.sources, count, made)

    def sections(self, dataset: Dataset[TranslateData], model: Translator, evaluation: Evaluation) -> list[Section]:
        """Translations beside their references, BLEU by length, where the decoder looked."""
        looked, lowercase = dataset.settings.network.attention != "none", _lowercase(dataset.settings)
        return sections(
            model,
            dataset.held_out,
            evaluation.answers,
            model.search,
            lowercase=lowercase,
            looked=looked,
            cut_by=model.bleu,
        )

    def conclude(self, dataset: Dataset[TranslateData], network: EncoderDecoder) -> tuple[dict[str, float], list[str]]:
        """Settle what is left to the dictionary, if there is one."""
        from recurra.tasks.translate.concluding import conclude

        settings, part, deadline = dataset.settings, dataset.parts["validation"], dataset.deadline
        part = part if dataset.looked_at is None else some(part, dataset.looked_at)
        seconds = deadline.for_finishing() if deadline.set else None
        model = self.model(network, dataset.preprocessor, settings)
        return conclude(model, part, lowercase=_lowercase(settings), seconds=seconds)

    def before_conclusion(self, weights: dict[str, Tensor], concluded: Mapping[str, float]) -> dict[str, Tensor]:
        from recurra.tasks.translate.concluding import before_conclusion

        return before_conclusion(weights, concluded)


def _lowercase(settings: TranslateSettings) -> bool:
    return "lowercase" in settings.data.normalize


def _how(settings: TranslateSettings, data: TranslateData) -> str:
    case = "lower case" if _lowercase(settings) else "case counts"
    return (
        f"BLEU and chrF by sacrebleu on whole texts ({data.bleu}, {case}); searched with a beam of {SEARCH.beam} and "
        + (f"length penalty {SEARCH.length_penalty:g}" if data.glossary is None else "a length penalty chosen later")
    )


TASK = TranslateTask()

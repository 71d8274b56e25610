"""N to N: tag."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from torch import Tensor

from recurra.data.tagged.odd_tags import odd_tag
from recurra.data.tagged.sentences import Tagged
from recurra.data.tokens.given_tokens import Tokenised
from recurra.errors import DataError
from recurra.report.record import Baseline
from recurra.report.sections import Section
from recurra.tasks.cutting import CutByRows
from recurra.tasks.own_inputs import OwnInput, rows_over, spread_over, title_of
from recurra.tasks.probed_inputs import ProbedInput
from recurra.tasks.sized import of_words
from recurra.tasks.sources.source import Source
from recurra.tasks.tag import concluding
from recurra.tasks.tag.baselines import tag_baselines
from recurra.tasks.tag.data import TagData, TagPart, encode_part, prepare
from recurra.tasks.tag.linear import features_for
from recurra.tasks.tag.model import TagModel
from recurra.tasks.tag.preprocessor import TagPreprocessor
from recurra.tasks.tag.reading import in_scheme, read_parts, spans_of
from recurra.tasks.tag.report import sections
from recurra.tasks.tag.settings import TagSettings
from recurra.tasks.tag.trainee import TagTrainee, build_ensemble, build_network, scores, tag_part
from recurra.tasks.task import Dataset, Encoded, Evaluation
from recurra.tasks.word_vectors.table import WordTable
from recurra.topologies.ensembles import first_of
from recurra.topologies.tagger import UNKNOWN_TAG, TagScorer

CHAR_SIZE, PAIR_SIZE = 50, 50
"""Of words' characters and of pairs of single characters, unless set."""


class TagTask(CutByRows):
    """The tag of each token; see tasks.task.Task."""

    name: ClassVar[str] = "tag"
    preprocessor = TagPreprocessor
    holds_out: ClassVar[bool] = True
    rows: ClassVar[str] = "sentences"
    vector_settings: ClassVar[Mapping[str, Any]] = {}

    def prepare(self, source: Source, settings: TagSettings, kept: TagPreprocessor | None = None) -> Dataset[TagData]:
        asked = settings.network
        characters, pairs = (None if size is None else size > 0 for size in (asked.char_size, asked.pair_size))
        seed = settings.split_seed
        data = prepare(source, settings.data, characters=characters, pairs=pairs, seed=seed, kept=kept)
        settings = settings.changed(
            char_size=(asked.char_size or CHAR_SIZE) if data.lexicon.characters is not None else 0,
            pair_size=(asked.pair_size or PAIR_SIZE) if data.lexicon.pairs is not None else 0,
        )
        if kept is None and asked.skip != "none":
            data = replace(data, features=features_for(data))
        read = data.read_words()
        return Dataset(source, settings, data, data.preprocessor, data.parts, read, data.facts, list(data.notes))

    def encode(self, source: Source, settings: TagSettings, preprocessor: TagPreprocessor) -> Encoded:
        """counts: lines left out, tags mended, and tags met that the model does not know"""
        read, scheme = settings.data, preprocessor.scheme
        parts = read_parts(source, read)
        whole = Tagged([sentence for part in parts.values() for sentence in part])
        counts = {"left_out_lines": sum(len(part.left_out) for part in parts.values()), "mended_tags": 0}
        written = spans_of([whole], read.scheme) if scheme else None
        if scheme and written is None and (odd := odd_tag(whole)) is not None:
            raise DataError(f"the model writes spans, and these tags do not: {odd}", remedy="mend it", file=source.name)
        if written is not None:
            whole, counts["mended_tags"], _ = in_scheme(whole, written, strict=read.strict, into=scheme)
        part = encode_part(whole.items, preprocessor.lexicon, preprocessor.tags)
        counts["unknown_tags"] = int((part.labels.values == UNKNOWN_TAG).sum())
        if counts["unknown_tags"] == part.tokens:
            first, tags = whole.items[0], preprocessor.tags
            raise DataError(
                f"the model knows none of these tags, such as {first.tags[0]!r}",
                remedy=f"it knows {', '.join(tags[:8])}{', ...' if len(tags) > 8 else ''}",
                file=first.file,
                line=first.lines[0],
            )
        return Encoded(part, counts)

    def words(self, dataset: Dataset[TagData]) -> tuple[int, ...]:
        lexicon = dataset.data.lexicon
        return of_words(lexicon.words, *(() if lexicon.pairs is None else (lexicon.pairs,)))

    def word_width(self, settings: TagSettings) -> int:
        return settings.network.embedding_size

    def network(self, preprocessor: TagPreprocessor, settings: TagSettings) -> TagScorer:
        if settings.training.ensemble > 1:
            return build_ensemble(preprocessor, settings.network, settings.training.ensemble)
        return build_network(preprocessor, settings.network)

    def trainee(self, network: TagScorer, dataset: Dataset[TagData]) -> TagTrainee:
        training = dataset.settings.training
        return TagTrainee(network, dataset.data, batch_size=training.batch_size, seed=training.seed)

    def model(self, network: TagScorer, preprocessor: TagPreprocessor, settings: TagSettings) -> TagModel:
        return TagModel(
            network,
            preprocessor.lexicon,
            preprocessor.tags,
            preprocessor.scheme,
            level=preprocessor.level,
            word_split=settings.data.word_split,
            habit=preprocessor.habit,
        )

    def evaluate(self, model: TagModel, part: TagPart, settings: TagSettings) -> Evaluation:
        """answers: the tags of every sentence"""
        indices, loss = tag_part(model.network, part)
        predicted = [[model.tags[place] for place in ids] for ids in indices]
        return Evaluation({"loss": loss} | scores(part, predicted, model.scheme), part.tokens, predicted)

    def baselines(self, dataset: Dataset[TagData], part: TagPart) -> list[Baseline]:
        return tag_baselines(dataset.data, part)

    def smaller(self, dataset: Dataset[TagData], count: int) -> Dataset[TagData]:
        """Nothing that was fitted on all of them is kept."""
        found = super().smaller(dataset, count)
        return replace(found, data=replace(found.data, features=None, fitted=[]))

    def learning_from(self, dataset: Dataset[TagData], count: int) -> Dataset[TagData]:
        """With the features that the linear skip finds in so many."""
        found = super().learning_from(dataset, count)
        data = replace(found.data, features=None, fitted=[])
        if dataset.settings.network.skip != "none":
            data = replace(data, features=features_for(data))
        return replace(found, data=data, preprocessor=data.preprocessor)

    def word_table(self, dataset: Dataset[TagData], network: TagScorer) -> WordTable:
        weight = first_of(network).get_parameter("forms.words.weight")
        return WordTable(dataset.data.lexicon.words.tokens, weight, dataset.data.read_words())

    def conclude(self, dataset: Dataset[TagData], network: TagScorer) -> tuple[dict[str, float], list[str]]:
        """Add the linear skip, if it is asked for."""
        return concluding.conclude(
            dataset.data,
            network,
            dataset.settings.network.skip,
            dataset.deadline.for_finishing() if dataset.deadline.set else None,
            dataset.looked_at,
        )

    def before_conclusion(self, weights: dict[str, Tensor], concluded: Mapping[str, float]) -> dict[str, Tensor]:
        return concluding.before_conclusion(weights, concluded)

    def own_inputs(self, dataset: Dataset[TagData], part: str, count: int) -> list[OwnInput]:
        sentences = dataset.parts[part].sentences

        def made(row: int) -> OwnInput:
            given = Tokenised(sentences[row].tokens)
            return OwnInput(title_of(given), given)

        return spread_over(sentences, count, made)

    def probed_inputs(self, dataset: Dataset[TagData], part: str, count: int) -> list[ProbedInput]:
        found = dataset.parts[part].sentences
        chosen = [found[place] for place in rows_over(len(found), count)]
        return [ProbedInput(Tokenised(one.tokens), " ", tags=tuple(one.tags)) for one in chosen]

    def probed_text(self, model: TagModel, text: str) -> list[ProbedInput]:
        return [ProbedInput(line, " ") for line in text.splitlines() if line.strip()]

    def sections(self, dataset: Dataset[TagData], model: TagModel, evaluation: Evaluation) -> list[Section]:
        """Sentences, scores of each tag and type of span, what is confused with what, the linear skip."""
        found = sections(dataset.held_out, evaluation.answers, dataset.data.tags, dataset.data.scheme)
        name = dataset.evaluated_on
        beside = concluding.beside_each_other(model.network, dataset.data, dataset.held_out, name)
        return found if beside is None else [*found, beside]


TASK = TagTask()

"""N to N: language."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from recurra.baselines.kneser_ney import KneserNey
from recurra.data import share
from recurra.data.corpus.mapped import Corpus
from recurra.data.splits import PARTS
from recurra.data.tokens.subword_lines import SubwordLines, pieces_of
from recurra.data.tokens.subwords import describe_sample
from recurra.errors import DataError, UsageError
from recurra.report.record import Baseline
from recurra.report.sections import Sample, Samples, Section
from recurra.tasks.language.baselines import language_baselines
from recurra.tasks.language.data import UNITS, encode_source, read_corpus
from recurra.tasks.language.mixture.fitting import fit_mixture
from recurra.tasks.language.mixture.mixture import Mixture
from recurra.tasks.language.mixture.parts import parts_of
from recurra.tasks.language.mixture.report import beside_each_other, beside_each_other_within
from recurra.tasks.language.model import LanguageModel
from recurra.tasks.language.preprocessor import LanguagePreprocessor
from recurra.tasks.language.settings import DEFAULTS, OTHER_RATE, OTHER_RATE_OF_WORDS, LanguageSettings
from recurra.tasks.language.trainee import LanguageTrainee, Tokens, evaluate_part, evenly
from recurra.tasks.language.width import Measuring, suited
from recurra.tasks.language.word_width import SIZES, suited_words
from recurra.tasks.outgoing import COUNT, Asked
from recurra.tasks.own_inputs import OwnInput, spread_over, title_of
from recurra.tasks.sized import Sized, of_words
from recurra.tasks.sources.source import Source, hashes
from recurra.tasks.task import Dataset, Encoded, Evaluation
from recurra.tasks.text import losses
from recurra.tasks.text.repeated_lines import repeated_lines
from recurra.tasks.word_vectors.table import WordTable
from recurra.topologies.many_to_many import NextToken, output_for

SAMPLES = (("", 0.5), ("", 0.8), ("", 1.0))
"""Prompt and temperature of the report's samples."""
SAMPLE_LENGTH = {"char": 400, "byte": 400, "word": 80, "bpe": 100}
STRETCH = {"char": 400, "byte": 400, "word": 80, "bpe": 100}
"""Tokens of an input out of the run's own text."""
Say = Callable[[str], None]
ORDER = 5
"""Of the n-gram that ranks beside a model."""


TOKENISED = {"char": 0.5, "byte": 0.5, "word": 0.9}
"""Of the time that a text is read, after it is tokenised; then its repeated lines are looked for."""


class LanguageTask:
    """The next token of a text; see tasks.task.Task."""

    name: ClassVar[str] = "language"
    preprocessor = LanguagePreprocessor
    holds_out: ClassVar[bool] = False
    vector_settings: ClassVar[Mapping[str, Any]] = {"level": "word"}
    rows: ClassVar[str] = "tokens"
    first: ClassVar[int] = 1 << 17
    sizes: ClassVar[tuple[str, ...]] = SIZES

    def settle(self, settings: LanguageSettings, given: Mapping[str, Any]) -> LanguageSettings:
        """Tied vectors are a default: with other sizes they follow, or are not tied. So is a learning rate, which is
        that of the default optimizer: another one has another."""
        start, training = DEFAULTS.at(settings.data.level).training, settings.training
        usual = training.learning_rate == start.learning_rate and "learning_rate" not in given
        if usual and training.optimizer != start.optimizer == "muon":
            rate = OTHER_RATE_OF_WORDS if settings.data.level == "word" else OTHER_RATE
            settings = settings.changed(learning_rate=rate)
        network = settings.network
        if network.tie_weights and network.embedding_size != network.hidden_size and "tie_weights" not in given:
            if "hidden_size" in given and "embedding_size" not in given and settings.data.vectors is None:
                settings = settings.changed(embedding_size=network.hidden_size)
            else:
                settings = settings.changed(tie_weights=False)
        if settings.network.tie_weights and network.freeze_vectors:
            raise UsageError("freeze_vectors would freeze the output layer too; use tie_weights=False with it")
        return settings

    def prepare(
        self, source: Source, settings: LanguageSettings, kept: LanguagePreprocessor | None = None
    ) -> Dataset[Corpus]:
        asked = settings.data
        level = asked.level or "char"
        with share.whole():
            with share.between(0, TOKENISED.get(level, 1.0)):
                corpus = read_corpus(source, asked, None if kept is None else kept.vocabulary)
            with share.between(TOKENISED.get(level, 1.0), 1):
                notes = repeated_lines(corpus)
        if not len(corpus.validation):
            whole = asked.validation is None and "train" not in source.files
            remedy = "give it a share, as in --split 90/10" if whole else "name its file with --validation FILE"
            raise DataError("the validation part is empty", remedy=remedy)
        if isinstance(corpus.vocabulary, SubwordLines) and kept is None:
            lines = int((corpus.train == corpus.vocabulary.line_end).sum()) + 1
            notes += describe_sample(lines, pieces_of(asked.max_vocabulary), "training lines")
        if level in DEFAULTS.by_level:
            changed = ", ".join(f"{name} {value}" for name, value in DEFAULTS.by_level[level].items())
            notes.append(f"{UNITS[level]} start from other defaults than characters: {changed}")
        output = output_for(len(corpus.vocabulary), settings.network)
        if output == "adaptive" and settings.network.output == "auto":
            notes.append(_adaptive(len(corpus.vocabulary)))
        parts = {part: getattr(corpus, part) for part in PARTS}
        facts = {
            "name": source.name,
            "files": hashes(source.files),
            "counts": {name: len(part) for name, part in parts.items()},
            "unit": UNITS[level],
            "vocabulary_size": len(corpus.vocabulary),
            "vocabulary_level": level,
        }
        preprocessor = LanguagePreprocessor(corpus.vocabulary)
        settings = settings.changed(output=output)
        dataset = Dataset(
            source,
            settings,
            corpus,
            preprocessor,
            parts,
            [corpus.train],
            facts,
            notes,
            loss_unit=f"nats per {losses.UNITS[corpus.vocabulary.level]}",
        )
        facts["unknown_rate"] = float((dataset.held_out == 0).mean())
        return dataset

    def encode(self, source: Source, settings: LanguageSettings, preprocessor: LanguagePreprocessor) -> Encoded:
        tokens = encode_source(source, settings.data, preprocessor.vocabulary)
        if len(tokens) < 2:
            raise DataError(f"a text of {len(tokens)} tokens has no next token to score", file=source.name)
        return Encoded(tokens)

    def own_inputs(self, dataset: Dataset[Corpus], part: str, count: int) -> list[OwnInput]:
        """Stretches of the text, each from the beginning of a line where lines are short."""
        tokens, vocabulary = dataset.parts[part], dataset.data.vocabulary
        length = STRETCH[vocabulary.level]
        starts = range(0, max(1, len(tokens) - length), max(length, len(tokens) // max(count, 1)))

        def made(row: int) -> OwnInput:
            text = vocabulary.decode(np.asarray(tokens[starts[row] : starts[row] + length]))
            head, line_end, rest = text.partition("\n")
            text = rest if row and line_end and len(head) < len(rest) else text
            return OwnInput(title_of(text), text)

        return spread_over(starts, count, made)

    def sized(self, dataset: Dataset[Corpus], fixed: Collection[str], seconds: float, within: float) -> Sized | None:
        """Of characters, bytes and words; sub-words have defaults of their own."""
        vocabulary, text = dataset.data.vocabulary, len(dataset.data.train)
        rate = Measuring(len(vocabulary), within).rate
        if vocabulary.level == "word":
            if {*SIZES} <= {*fixed}:
                return None
            found = suited_words(dataset.settings, fixed, text, len(vocabulary), seconds, rate)
            if found.settings["output"] != "adaptive":
                dataset.notes = [note for note in dataset.notes if note != _adaptive(len(vocabulary))]
            return found
        if vocabulary.level in DEFAULTS.by_level or {"hidden_size", "dropout"} <= {*fixed}:
            return None
        return suited(dataset.settings, fixed, text, seconds, rate)

    def words(self, dataset: Dataset[Corpus]) -> tuple[int, ...]:
        return of_words(dataset.data.vocabulary)

    def word_width(self, settings: LanguageSettings) -> int:
        network = settings.network
        return network.embedding_size + (0 if network.tie_weights else network.hidden_size) + 1

    def network(self, preprocessor: LanguagePreprocessor, settings: LanguageSettings) -> NextToken:
        return NextToken(len(preprocessor.vocabulary), settings.network)

    def trainee(self, network: NextToken, dataset: Dataset[Corpus]) -> LanguageTrainee:
        training = dataset.settings.training
        return LanguageTrainee(
            network,
            dataset.data,
            batch_size=training.batch_size,
            bptt=training.bptt,
            seed=training.seed,
            state_reset=training.state_reset,
        )

    def model(
        self, network: NextToken, preprocessor: LanguagePreprocessor, settings: LanguageSettings
    ) -> LanguageModel:
        return LanguageModel(network, preprocessor.vocabulary)

    def evaluate(self, model: LanguageModel, part: Tokens, settings: LanguageSettings) -> Evaluation:
        """count: all but the first, which nothing predicts"""
        return Evaluation(evaluate_part(model.network, part, model.vocabulary.level), len(part) - 1)

    def baselines(self, dataset: Dataset[Corpus], part: Tokens) -> list[Baseline]:
        deadline = dataset.deadline
        return language_baselines(dataset.data, part, deadline.left() if deadline.set else None)

    def examples(self, dataset: Dataset[Corpus]) -> int:
        return len(dataset.data.train)

    def smaller(self, dataset: Dataset[Corpus], count: int) -> Dataset[Corpus]:
        """The last tokens, which the held-out part follows; no validation part, for no longer n-gram is looked for."""
        whole = dataset.data
        corpus = replace(whole, train=whole.train[max(0, len(whole.train) - count) :], validation=whole.validation[:0])
        return replace(dataset, data=corpus)

    def learning_from(self, dataset: Dataset[Corpus], count: int) -> Dataset[Corpus]:
        """The last tokens."""
        return replace(dataset, data=replace(dataset.data, train=dataset.data.train[-count:]))

    def some(self, part: Tokens, count: int) -> Tokens:
        return evenly(part, max(2, count))

    def n_gram(self, source: Source, settings: LanguageSettings, preprocessor: LanguagePreprocessor) -> KneserNey:
        corpus = read_corpus(source, settings.data, preprocessor.vocabulary)
        return KneserNey.fit(corpus.train, len(corpus.vocabulary), ORDER)

    def mixture(self, model: LanguageModel, dataset: Dataset[Corpus], parts: str | Sequence[str], say: Say) -> Mixture:
        return fit_mixture(model.network, dataset.data, parts_of(parts), say)

    def evaluate_mixed(self, model: LanguageModel, part: Tokens, mixture: Mixture) -> dict[str, float]:
        loss = -float(mixture.log_probabilities(model.network, part).mean())
        return {"loss": loss} | losses.named_loss(loss, model.vocabulary.level)

    def word_table(self, dataset: Dataset[Corpus], network: NextToken) -> WordTable:
        return WordTable(dataset.data.vocabulary.tokens, network.table.weight, dataset.arrays)

    def sections(self, dataset: Dataset[Corpus], model: LanguageModel, evaluation: Evaluation) -> list[Section]:
        """Samples at rising temperatures, and what mixing would gain."""
        length, seed = SAMPLE_LENGTH[model.vocabulary.level], dataset.settings.training.seed
        deadline, samples = dataset.deadline, list[Sample]()
        for number, (prompt, heat) in enumerate(SAMPLES):
            seconds = deadline.spare() / (len(SAMPLES) - number)
            text = "".join(deadline.within(seconds, model.stream(prompt, length, temperature=heat, seed=seed)))
            samples.append(Sample(text, prompt, f"Temperature {heat:g}"))
        found = Samples("Samples", samples, "Written by the model, unedited.")
        mixing = model.network, dataset.data, dataset.held_out, dataset.evaluated_on
        if dataset.deadline.set:
            mixed, notes = beside_each_other_within(*mixing, dataset.deadline.spare())
            dataset.notes += notes
        else:
            mixed = beside_each_other(*mixing)
        return [found] if mixed is None else [found, mixed]

    def asked(self, part: Any) -> list[Asked]:
        """Of one long text pieces from all over it."""
        tokens = np.asarray(part, np.int64)
        length = min(100, max(1, len(tokens) // COUNT))
        starts = np.linspace(0, max(0, len(tokens) - length), min(COUNT, len(tokens) // length)).astype(int)
        return [Asked(tokens[start : start + length]) for start in starts]


def _adaptive(tokens: int) -> str:
    return f"the output is adaptive, for {tokens:,} tokens; --output softmax for one over all"


TASK = LanguageTask()

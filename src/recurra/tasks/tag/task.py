"""N to N: tag."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from recurra.data.tagged.odd_tags import odd_tag
from recurra.data.tagged.sentences import Tagged
from recurra.errors import DataError
from recurra.model_folder import ModelFolder
from recurra.report.record import Baseline
from recurra.report.sections import Section
from recurra.tasks.sources.resolving import Source
from recurra.tasks.stored import Config, TagConfig, config_of
from recurra.tasks.tag.baselines import tag_baselines
from recurra.tasks.tag.data import UNKNOWN_TAG, Kept, Lexicon, TagData, encode_part, prepare
from recurra.tasks.tag.model import TagModel
from recurra.tasks.tag.reading import in_scheme, read_parts, spans_of
from recurra.tasks.tag.report import sections
from recurra.tasks.tag.settings import TagSettings
from recurra.tasks.tag.trainee import TagTrainee, build_network, evaluate_part, tag_part
from recurra.tasks.task import Dataset, held_out_part
from recurra.tasks.weights import load_network
from recurra.tasks.word_vectors.table import WordTable
from recurra.topologies.tagger import Tagger

CHAR_SIZE, PAIR_SIZE = 50, 50
"""Of words' characters and of pairs of single characters, unless set."""


class TagTask:
    """The tag of each token; see tasks.task.Task."""

    name: ClassVar[str] = "tag"

    def prepare(self, source: Source, settings: TagSettings, kept: ModelFolder | None = None) -> TagDataset:
        training = settings.training
        asked = settings.network
        characters, pairs = (None if size is None else size > 0 for size in (asked.char_size, asked.pair_size))
        known = None
        if kept is not None:
            config = config_of(kept, TagConfig)
            known = Kept(Lexicon.from_json(kept.vocabulary), config.classes, config.scheme)
        data = prepare(source, settings.data, characters=characters, pairs=pairs, seed=training.seed, kept=known)
        settings = settings.changed(
            char_size=(asked.char_size or CHAR_SIZE) if data.lexicon.characters is not None else 0,
            pair_size=(asked.pair_size or PAIR_SIZE) if data.lexicon.pairs is not None else 0,
        )
        torch.manual_seed(training.seed)
        trainee = TagTrainee(data, settings.network, batch_size=training.batch_size, seed=training.seed)
        evaluated_on = held_out_part(data.parts)
        return TagDataset(source, settings, trainee, data.facts, list(data.notes), evaluated_on, data)

    def load(self, folder: ModelFolder, settings: TagSettings) -> TagModel:
        lexicon = Lexicon.from_json(folder.vocabulary)
        config, network_settings = config_of(folder, TagConfig), settings.network
        lexicon.check(characters=bool(network_settings.char_size), pairs=bool(network_settings.pair_size))
        tags, scheme = config.classes, config.scheme
        network = load_network(lambda: build_network(lexicon, tags, scheme, network_settings), folder)
        level, word_split = config_of(folder, Config).data.vocabulary_level, settings.data.word_split
        return TagModel(network, lexicon, tags, scheme, level=level, word_split=word_split)

    def evaluate(self, model: TagModel, source: Source, settings: TagSettings) -> tuple[int, dict[str, float]]:
        """Besides the scores: how many lines were left out, tags mended, and tags met that the model does not know."""
        read = settings.data
        parts = read_parts(source, read)
        whole = Tagged([sentence for part in parts.values() for sentence in part])
        counts = {"left_out_lines": sum(len(part.left_out) for part in parts.values()), "mended_tags": 0}
        written = spans_of([whole], read.scheme) if model.scheme else None
        if model.scheme and written is None and (odd := odd_tag(whole)) is not None:
            raise DataError(f"the model writes spans, and these tags do not: {odd}", remedy="mend it",
                            file=source.name)  # fmt: skip
        if written is not None:
            whole, counts["mended_tags"], _ = in_scheme(whole, written, strict=read.strict, into=model.scheme)
        part = encode_part(whole.items, model.lexicon, model.tags)
        counts["unknown_tags"] = sum(int((labels == UNKNOWN_TAG).sum()) for labels in part.labels)
        if counts["unknown_tags"] == part.tokens:
            first = whole.items[0]
            raise DataError(
                f"the model knows none of these tags, such as {first.tags[0]!r}",
                remedy=f"it knows {', '.join(model.tags[:8])}{', ...' if len(model.tags) > 8 else ''}",
                file=first.file,
                line=first.lines[0],
            )
        found = evaluate_part(model.network, part, model.tags, model.scheme)
        return part.tokens, found | {name: float(count) for name, count in counts.items() if count}


@dataclass
class TagDataset(Dataset):
    """A tagger with its data, ready to train."""

    data: TagData

    def vocabulary_json(self) -> dict[str, Any]:
        return self.data.lexicon.to_json()

    def config(self) -> dict[str, Any]:
        """classes: the tags; scheme: of spans, or None."""
        return {"classes": self.data.tags, "scheme": self.data.scheme}

    def baselines(self) -> list[Baseline]:
        return tag_baselines(self.data, self.data.parts[self.evaluated_on])

    def evaluate(self) -> dict[str, float]:
        return evaluate_part(
            self.trainee.network.eval(), self.data.parts[self.evaluated_on], self.data.tags, self.data.scheme
        )

    @property
    def scored(self) -> int:
        return self.data.parts[self.evaluated_on].tokens

    def word_table(self) -> WordTable:
        assert isinstance(self.trainee.network, Tagger)
        train = self.data.parts["train"]
        texts = [train.words[ids] for ids in train.encoded]
        return WordTable(self.data.lexicon.words.tokens, self.trainee.network.forms.words.weight, texts)

    def sections(self) -> list[Section]:
        """Sentences, scores of each tag and type of span, what is confused with what."""
        part = self.data.parts[self.evaluated_on]
        predicted, _ = tag_part(self.trainee.network.eval(), part)
        return sections(part, [[self.data.tags[i] for i in ids] for ids in predicted], self.data.tags, self.data.scheme)


TASK = TagTask()

"""A trained tagger in use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from recurra.data.tagged import spans
from recurra.data.tagged.sentences import Sentence
from recurra.data.tagged.spans import Span
from recurra.data.tokens.normalize import normalize
from recurra.data.tokens.typed import Habit, tokens_of
from recurra.errors import UsageError
from recurra.tasks.differentiable import Differentiable
from recurra.tasks.forward_pass import ForwardPass
from recurra.tasks.model import TextModel, refuse_options
from recurra.tasks.tag.data import encode_part
from recurra.tasks.tag.lexicon import Lexicon
from recurra.tasks.tag.trainee import probabilities
from recurra.tasks.word_vectors.table import WordVectors
from recurra.topologies.ensembles import Ensemble
from recurra.topologies.tagger import TagScorer


@dataclass(frozen=True)
class Tagging:
    """A sentence with its tags.

    probabilities: of each token's tag, given the whole sentence; candidates: each token's most probable tags, best
    first; spans: what the tags write, empty where they write none
    """

    text: str
    tokens: list[str]
    tags: list[str]
    probabilities: list[float]
    candidates: list[list[tuple[str, float]]]
    spans: list[Span]


class TagModel(TextModel):
    """A trained tagger.

    level: "char" where a token is one character; word_split, habit: how a sentence is cut else, see data.tokens.typed
    """

    does: ClassVar[str] = "it tags the tokens of a sentence"
    unit: ClassVar[str] = "tokens"

    def __init__(
        self,
        network: TagScorer,
        lexicon: Lexicon,
        tags: list[str],
        scheme: str | None,
        *,
        level: str,
        word_split: str,
        habit: Habit | None = None,
    ) -> None:
        self.network: TagScorer = network.eval()
        self.lexicon, self.tags, self.scheme = lexicon, tags, scheme
        self.level, self.word_split, self.habit = level, word_split, habit

    def tokens(self, text: str) -> list[str]:
        """The tokens of a sentence as the training data have them: characters, or words; those that are given.

        Errors: UsageError for Chinese words where no segmenter is installed
        """
        return tokens_of(text, self.level, self.word_split, self.lexicon.words, self.habit)

    def word_vectors(self) -> WordVectors:
        if isinstance(self.network, Ensemble):
            raise self.cannot("have one vector for each token, being several networks")
        return WordVectors.of(self.lexicon.words, self.network.get_parameter("forms.words.weight"))

    def commands(self, folder: str) -> list[str]:
        return [f'predict {folder} "a sentence"', f"evaluate {folder}"]

    def predict(self, texts: str | Sequence[str], *, top: int = 1, **options: Any) -> list[Tagging]:
        """The tags of each sentence; top: so many candidates for each token.

        Errors: UsageError for an empty text
        """
        refuse_options(self, options)
        texts = [texts] if isinstance(texts, str) else list(texts)
        if top < 1:
            raise UsageError(f"top must be a whole number from 1, got {top}")
        cut_up = [self.tokens(text) for text in texts]
        for number, tokens in enumerate(cut_up, start=1):
            if not tokens:
                raise UsageError(f"text {number} is empty")
        sentences = [Sentence(tuple(t), (spans.OUTSIDE,) * len(t), Path(), (1,) * len(t)) for t in cut_up]
        found = probabilities(self.network, encode_part(sentences, self.lexicon, []))
        return [
            self._tagging(text, tokens, best.tolist(), chances, min(top, len(self.tags)))
            for text, tokens, (best, chances) in zip(texts, cut_up, found, strict=True)
        ]

    def _tagging(self, text: str, tokens: list[str], best: list[int], chances: Any, top: int) -> Tagging:
        tags = [self.tags[place] for place in best]
        order = (-chances).argsort(axis=1, kind="stable")[:, :top]
        candidates = [
            [(self.tags[tag], float(row[tag])) for tag in indices]
            for row, indices in zip(chances, order.tolist(), strict=True)
        ]
        own = [float(row[place]) for row, place in zip(chances, best, strict=True)]
        return Tagging(text, tokens, tags, own, candidates, spans.spans(tags) if self.scheme else [])

    def forward_pass(self, given: Any, /, **options: Any) -> ForwardPass:
        """See tasks.tag.forward_pass."""
        from recurra.tasks.tag.forward_pass import forward_pass

        return forward_pass(self, given, **options)

    def differentiable(self, given: Any, /, **options: Any) -> Differentiable:
        """See tasks.tag.attribution."""
        from recurra.tasks.tag.attribution import attribution

        return attribution(self, given, **options)

    def rows(self, predictions: Sequence[Tagging]) -> list[list[str]]:
        """A token a row with its tag and how probable that is; an empty row between sentences."""
        table: list[list[str]] = []
        for found in predictions:
            table += [[]] if table else []
            rows = zip(found.tokens, found.tags, found.probabilities, strict=True)
            table += [[token, tag, f"{chance:.3f}"] for token, tag, chance in rows]
        return table

    def document(self, predictions: Sequence[Tagging]) -> list[dict[str, Any]]:
        """Plain values; spans count their tokens from 0, `end` is just past the last one."""
        return [
            {
                "text": found.text,
                "tokens": found.tokens,
                "tags": found.tags,
                "probabilities": found.probabilities,
                "candidates": [[{"tag": t, "probability": p} for t, p in row] for row in found.candidates],
                "spans": [
                    {"type": s.type, "start": s.start, "end": s.end, "tokens": found.tokens[s.start : s.end]}
                    for s in found.spans
                ],
            }
            for found in predictions
        ]

    def unknown(self, texts: Sequence[str]) -> list[str]:
        """The distinct tokens that were not in training."""
        words = self.lexicon.words
        tokens = dict.fromkeys(token for text in texts for token in self.tokens(text))
        return [token for token in tokens if not words.knows(normalize(token, words.normalize))]

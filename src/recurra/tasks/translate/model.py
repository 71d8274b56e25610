"""A trained translator in use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch

from recurra.data.batching.pairs import PairBatches
from recurra.errors import UsageError
from recurra.tasks.decoding.bleu import CutBy
from recurra.tasks.decoding.glossary import Glossary, tokens_read
from recurra.tasks.decoding.searching import Candidate, search_for
from recurra.tasks.decoding.spelling import copies, detokenize, shown
from recurra.tasks.forward_pass import END, ForwardPass
from recurra.tasks.model import TextModel
from recurra.tasks.translate.encoding import Ids, PairPart, encode_side, ended, read_rows
from recurra.tasks.translate.preprocessor import TranslatePreprocessor, Words
from recurra.tasks.word_vectors.table import WordVectors
from recurra.topologies.beam import Hypothesis, scored_by, write
from recurra.topologies.encoder_decoder import EncoderDecoder
from recurra.topologies.search import Search

BATCH_PAIRS = 64
"""Sentences of mean length that are translated at a time."""


@dataclass(frozen=True)
class Translation:
    """A text and its translations, best first.

    source_tokens, target_tokens: what was read, with a dictionary its answer too, and what the best candidate is made
    of, the ends (</s>) among them;
    weights: where each of its tokens looked, float32 [T, S], None without attention; left_out: tokens of a text that
    was too long
    """

    text: str
    candidates: list[Candidate]
    source_tokens: list[str]
    target_tokens: list[str]
    weights: npt.NDArray[np.float32] | None
    left_out: int = 0

    @property
    def best(self) -> str:
        """The best translation."""
        return self.candidates[0].text


class Translator(TextModel):
    """A trained translator.

    bleu: how its translations are cut for BLEU; glossary: whose answer it reads beside a source, None for none
    """

    does: ClassVar[str] = "it translates texts, with predict"
    unit: ClassVar[str] = "pairs"
    alternatives: ClassVar[int | None] = 1
    searching: ClassVar[type | None] = Search
    network: EncoderDecoder

    def __init__(
        self,
        network: EncoderDecoder,
        source: Words,
        target: Words,
        *,
        max_length: int | None = None,
        bleu: CutBy = "13a",
        glossary: Glossary | None = None,
    ) -> None:
        self.network, self.source, self.target, self.max_length = network.eval(), source, target, max_length
        self.bleu: CutBy = bleu
        self.glossary = glossary

    def word_vectors(self) -> WordVectors:
        return WordVectors.of(self.source, self.network.source.weight)

    def commands(self, folder: str) -> list[str]:
        return [f'predict {folder} "a sentence"', f'predict {folder} "a sentence" --beam 5 --n-best 3']

    def predict(self, texts: str | Sequence[str], *, top: int = 1, **options: Any) -> list[Translation]:
        """Translations of each text, best first.

        options: of topologies.search.Search; `top` is another name of n_best, for which the beam widens. A token that
        is unknown to the target vocabulary is replaced by the source token that was looked at most.
        Errors: UsageError for an empty text or an option that there is not
        """
        texts = [texts] if isinstance(texts, str) else list(texts)
        for index, text in enumerate(texts):
            if not text.strip():
                raise UsageError(f"text {index + 1} is empty")
        return list(self.translate(texts, search_for(top, options, "a translation", self.search)))

    def translate(self, texts: Sequence[str], search: Search) -> Iterator[Translation]:
        """As `predict`, without its checks."""
        prepared = [text.strip() for text in texts]
        whole = list(encode_side(prepared, self.source))
        rows = [ended(row[: self.max_length], self.source) for row in whole]
        answers = self._answers(rows, prepared, search)
        for text, stripped, row, before, found in zip(texts, prepared, rows, whole, answers, strict=True):
            left_out = len(before) + 1 - len(row)
            yield self._translation(text, self.read_of(stripped, len(row)), found, left_out)

    def draw(self, prediction: Translation, name: str) -> str:
        """Where the decoder looked, as SVG text. Errors: UsageError for a model without attention"""
        if prediction.weights is None:
            raise UsageError("this model was trained with attention none; it has no picture to show")
        from recurra.report.attention import draw_attention

        return draw_attention(prediction.source_tokens, prediction.target_tokens, prediction.weights, name=name)

    def texts(self, encoded: Sequence[Ids], sources: Sequence[str], search: Search) -> list[str]:
        """The best translations of sources that are encoded already, ends and all."""
        found = self._answers(encoded, sources, search)
        return [
            self.spelled(hypotheses[0], self.read_of(text, len(row)))
            for hypotheses, text, row in zip(found, sources, encoded, strict=True)
        ]

    @property
    def preprocessor(self) -> TranslatePreprocessor:
        """What it has learned of its data."""
        return TranslatePreprocessor(self.source, self.target, self.bleu, self.glossary)

    def rows_of(self, encoded: Sequence[Ids], sources: Iterable[str]) -> Sequence[Ids]:
        """What the network reads of sources that are encoded already, with their ends."""
        return read_rows(self.preprocessor, encoded, sources)

    def read_of(self, text: str, length: int) -> list[str | None]:
        """The tokens of a text as they are read, None for an end. length: of the text's own, with the end"""
        return tokens_read(self.source, self.target, self.glossary, text, length)

    @property
    def search(self) -> Search:
        """How is searched, unless something else is asked for."""
        return Search() if self.glossary is None else Search(length_penalty=round(float(self.network.penalty), 4))

    def hypotheses(self, part: PairPart, search: Search) -> list[list[Hypothesis]]:
        """Of each source what the network itself says, best first."""
        return self._search(self.rows_of(part.encoded_sources, part.sources), search)

    def answers_to(self, text: str, row: Ids, search: Search) -> list[Hypothesis]:
        """Of one text. row: encoded, with its end"""
        return self._answers([row], [text], search)[0]

    def _answers(self, encoded: Sequence[Ids], texts: Sequence[str], search: Search) -> list[list[Hypothesis]]:
        """Of each source what is said, best first: where the network doubts, the dictionary's answer comes first."""
        rows = self.rows_of(encoded, texts)
        found = self._search(rows, search)
        if self.glossary is None or search.sample:
            return found
        doubt = float(self.network.doubt)
        positions = [place for place, each in enumerate(found) if each[0].surety < doubt]
        drafts = [self.glossary.of(texts[place]) for place in positions]
        said = [ended(ids, self.target) for ids in encode_side(drafts, self.target)]
        batches = PairBatches([rows[place] for place in positions], said, BATCH_PAIRS, shuffle=False)
        for batch in batches.epoch(0):
            source, target = (torch.from_numpy(a).to(self.network.bias.device) for a in (batch.source, batch.target))
            lengths = (torch.from_numpy(a) for a in (batch.source_lengths, batch.target_lengths))
            made = scored_by(self.network, source, next(lengths), target, next(lengths), search)
            for index, one in zip(batch.index.tolist(), made, strict=True):
                place = positions[index]
                found[place] = [replace(one, text=drafts[index]), *found[place]][: search.n_best]
        return found

    def _search(self, rows: Sequence[Ids], search: Search) -> list[list[Hypothesis]]:
        found: list[list[Hypothesis]] = [[] for _ in rows]
        banned = () if self.network.attention is not None else (0,)  # nothing says what an unknown token stands for
        batches = PairBatches(rows, rows, BATCH_PAIRS, shuffle=False)
        for batch in batches.epoch(0):
            source = torch.from_numpy(batch.source).to(self.network.bias.device)
            written = write(self.network, source, torch.from_numpy(batch.source_lengths), search, banned=banned)
            for index, hypotheses in zip(batch.index.tolist(), written, strict=True):
                found[index] = hypotheses
        return found

    def _translation(self, text: str, read: list[str | None], found: list[Hypothesis], left_out: int) -> Translation:
        candidates = [Candidate(self.spelled(h, read), h.log_probability, h.score) for h in found]
        best = found[0]
        written = [shown(self.target.tokens[token]) for token in best.tokens]
        weights = None if best.weights is None else best.weights.numpy().astype(np.float32)
        names = [END if piece is None else shown(piece) for piece in read]
        return Translation(text, candidates, names, [*written, END], weights, max(0, left_out))

    def spelled(self, hypothesis: Hypothesis, read: Sequence[str | None]) -> str:
        """What was written, as people write it. read: what `read_of` gave"""
        if hypothesis.text is not None:
            return hypothesis.text
        weights = None if hypothesis.weights is None else hypothesis.weights.numpy()
        return detokenize(self.target, hypothesis.tokens, copies(hypothesis.tokens, weights, read))

    def forward_pass(self, given: Any, /, **options: Any) -> ForwardPass:
        """See tasks.translate.forward_pass."""
        from recurra.tasks.translate.forward_pass import forward_pass

        return forward_pass(self, given, **options)

    def rows(self, predictions: Sequence[Translation]) -> list[list[str]]:
        several = any(len(p.candidates) > 1 for p in predictions)
        table = []
        for p in predictions:
            for rank, candidate in enumerate(p.candidates):
                cells = ["" if rank else p.text, candidate.text, *([f"{candidate.score:.3f}"] if several else [])]
                if p.left_out and not rank:
                    cells.append(f"(the text's last {p.left_out:,} tokens were too many and not read)")
                table.append(cells)
        return table

    def document(self, predictions: Sequence[Translation]) -> list[dict[str, Any]]:
        return [
            {
                "text": p.text,
                "translations": [c.to_json() for c in p.candidates],
                "left_out": p.left_out,
            }
            for p in predictions
        ]

    def unknown(self, texts: Sequence[str]) -> list[str]:
        return list(dict.fromkeys(piece for text in texts for piece in self.source.unknown(text.strip())))

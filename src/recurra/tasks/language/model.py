"""A trained language model: generates text, predicts the next token, scores whole lines."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from recurra.baselines.kneser_ney import KneserNey
from recurra.data.tokens.segment import END_OF_LINE, SPACE
from recurra.data.tokens.subword_lines import RunningVocabulary
from recurra.data.tokens.vocabulary import Vocabulary
from recurra.engines.request import State
from recurra.errors import UsageError
from recurra.tasks.decoding.detokenizer import Detokenizer
from recurra.tasks.forward_pass import ForwardPass
from recurra.tasks.language.blocks import written
from recurra.tasks.language.mixture.mixture import Mixture
from recurra.tasks.language.score import Ranking, rank
from recurra.tasks.language.trainee import LENGTH, Tokens, nats_per_token
from recurra.tasks.language.writing import Sampling, Writing
from recurra.tasks.model import TextModel, refuse_options
from recurra.tasks.word_vectors.table import WordVectors
from recurra.topologies.many_to_many import NextToken
from recurra.topologies.sampling import numbers
from recurra.topologies.token_steps import TokenSteps

if TYPE_CHECKING:
    from recurra.tasks.language.lanes import TextLanes

Following = Callable[[list[int]], torch.Tensor]
"""Unnormalised log-probabilities of what follows the tokens that are added [V], on the CPU."""


@dataclass(frozen=True)
class Candidates:
    """What may follow a text: tokens as text with their probabilities, the most probable first."""

    text: str
    tokens: tuple[tuple[str, float], ...]


class LanguageModel(TextModel):
    """A trained language model."""

    does = "it is a language model; it generates text, predicts the next token and scores candidates"
    unit = "tokens"
    length = LENGTH
    sampling = Sampling
    network: NextToken

    def __init__(self, network: NextToken, vocabulary: RunningVocabulary) -> None:
        self.network, self.vocabulary = network.eval(), vocabulary

    def nats_per_token(self, text: str) -> float:
        """Mean negative log-probability of the text's tokens but the first. Units: nats

        Errors: UsageError for fewer than two tokens
        """
        tokens = self.vocabulary.encode(text)
        if len(tokens) < 2:
            raise UsageError(f"a text of {len(tokens)} tokens has no next token to score")
        return nats_per_token(self.network, tokens)

    def generate(self, prompt: str = "", length: int | None = None, **sampling: Any) -> str:
        """The prompt and `length` more tokens. See `stream`."""
        return prompt + "".join(self.stream(prompt, length, **sampling))

    def stream(self, prompt: str = "", length: int | None = None, **sampling: Any) -> Iterator[str]:
        """The text that follows the prompt, piece by piece as it is drawn.

        sampling: temperature (0 takes the most probable token each time), top_k, top_p, repetition_penalty (see
        topologies.sampling), stop (a string or several: the text ends before the first of them), seed (None draws
        another text each time), mixture (what is mixed with the network's probabilities). Without a prompt the text
        begins as after a line's end, or, where no line ends in the training text, after its most frequent token.
        Errors: UsageError for a prompt with tokens that the model does not know, and for numbers that cannot be
        """
        length = LENGTH if length is None else length
        if length < 0:
            raise UsageError(f"length must be a whole number from 0, got {length}")
        unknown = sorted(set(sampling) - set(Sampling.__dataclass_fields__))
        if unknown:
            refuse_options(self, dict.fromkeys(unknown))
        how = Sampling(**sampling)
        how.checked()
        return self._drawn(self.prompt_ids(prompt), prompt, length, how)

    def rank(
        self,
        groups: Sequence[Sequence[str]],
        *,
        by: str = "total",
        n_gram: KneserNey | None = None,
        mixture: Mixture | None = None,
    ) -> list[Ranking]:
        """Rank the candidates of each group; see tasks.language.score."""
        return rank(self.network, self.vocabulary, self.start(), groups, by=by, baseline=n_gram, mixture=mixture)

    def word_vectors(self) -> WordVectors:
        return WordVectors.of(self.vocabulary, self.network.table.weight)

    def commands(self, folder: str) -> list[str]:
        return [f"generate {folder} --length 300", f"generate {folder} --interactive", f"evaluate {folder}"]

    def predict(self, texts: str | Sequence[str], *, top: int = 1, **options: Any) -> list[Candidates]:
        """The `top` most probable tokens to follow each text; an empty one is the beginning of a line.

        Tokens that the model has never seen are read as <unk>, which is never a candidate unless the training text
        writes it.
        Errors: UsageError for a top below 1, for an option
        """
        refuse_options(self, options)
        if top < 1:
            raise UsageError(f"top must be a whole number from 1, got {top}")
        return [self._candidates(text, top) for text in ([texts] if isinstance(texts, str) else texts)]

    def forward_pass(self, given: Any, /, **options: Any) -> ForwardPass:
        """See tasks.language.forward_pass."""
        from recurra.tasks.language.forward_pass import forward_pass

        return forward_pass(self, given, **options)

    def rows(self, predictions: Sequence[Candidates]) -> list[list[str]]:
        return [
            [p.text, *(cell for token, chance in p.tokens for cell in (_shown(token), f"{chance:.3f}"))]
            for p in predictions
        ]

    def document(self, predictions: Sequence[Candidates]) -> list[dict[str, Any]]:
        return [{"text": p.text, "next": self.shown(p.tokens)} for p in predictions]

    def shown(self, tokens: Sequence[tuple[str, float]]) -> list[dict[str, Any]]:
        """Tokens with their probabilities as plain values."""
        return [{"token": token, "probability": chance} for token, chance in tokens]

    def unknown(self, texts: Sequence[str]) -> list[str]:
        return list(dict.fromkeys(piece for text in texts for piece in self.vocabulary.unknown(text)))

    def start(self) -> Tokens:
        """What a text without a prompt follows: a line's end, or else the most frequent token. [1]"""
        line_end = self.vocabulary.encode("\n")
        return line_end if len(line_end) == 1 and line_end.all() else np.array([1])

    @torch.inference_mode()
    def _candidates(self, text: str, top: int) -> Candidates:
        ids = self.vocabulary.encode(text)
        logits, _ = self._next(ids if len(ids) else self.start(), None)
        return Candidates(text, tuple(self.best(logits, top)))

    def best(self, logits: torch.Tensor, top: int) -> list[tuple[str, float]]:
        """The most probable tokens with their probabilities. Shapes: logits [V], which are changed

        Errors: ModelFolderError for logits that are no numbers
        """
        if not self.spells_unknown:
            logits[Vocabulary.UNKNOWN] = float("-inf")
        chances = numbers(logits).softmax(0)
        best = chances.topk(min(top, len(chances))).indices.tolist()
        return [(self.token(i), float(chances[i])) for i in best]

    def lanes(self) -> TextLanes:
        """Many texts that are read and written at once."""
        from recurra.tasks.language.lanes import TextLanes

        return TextLanes(self)

    @property
    def spells_unknown(self) -> bool:
        """Whether <unk> is a word of the training text, as in the Penn Treebank."""
        return self.vocabulary.level == "word" and self.vocabulary.split == "space"

    def token(self, token: int) -> str:
        """A token as text, a sub-word with the space before it; a byte as its character, or as <0xE4> if it is none."""
        if self.vocabulary.level == "byte" and 0 < token <= 128:
            return chr(token - 1)
        name = self.vocabulary.tokens[token]
        if self.vocabulary.level == "bpe":
            return name.replace(SPACE, " ")
        return "\n" if name == END_OF_LINE else name

    def piece(self, token: int) -> str:
        """A token as it stands in a text: of words with a space before it."""
        name = self.token(token)
        return f" {name}" if self.vocabulary.level == "word" and name != "\n" else name

    def read_stretches(self, ids: Tensor) -> None:
        """Stretches of text by the recurrent layers. Shapes: ids int64 [B, T]"""
        self.network.hidden(ids.to(self.network.head.weight.device))

    @functools.cached_property
    def names(self) -> list[str]:
        """Every token as text."""
        return [self.token(token) for token in range(len(self.vocabulary))]

    def _next(self, ids: Tokens, state: State | None) -> tuple[torch.Tensor, State]:
        """Unnormalised log-probabilities of what follows [V], and the state there."""
        inputs = torch.from_numpy(np.asarray(ids, dtype=np.int64))[None].to(self.network.head.weight.device)
        y, state = self.network.hidden(inputs, state=state)
        return self.network.head(y[:, -1:])[0, -1].float().cpu().clone(), state

    def following(self) -> Following:
        """What follows a prompt, read whole, and then each token that is added to it."""
        steps: TokenSteps | None = None

        def following(tokens: list[int]) -> torch.Tensor:
            nonlocal steps
            if steps is None:
                scores, state = self._next(np.array(tokens), None)
                steps = TokenSteps(self.network, state)
                return scores
            (token,) = tokens
            return steps.step(token).float().cpu()

        return following

    def writer(self, prompt: str, **options: Any) -> LanguageWriter:
        """See tasks.abilities.Choosing. Errors: UsageError"""
        refuse_options(self, options)
        return LanguageWriter(self, self.prompt_ids(prompt), Detokenizer(self.vocabulary, prompt))

    def prompt_ids(self, prompt: str) -> list[int]:
        """The tokens of a prompt, one at least. Errors: UsageError for some that the model does not know"""
        unknown = self.vocabulary.unknown(prompt)
        if unknown:
            kind = "words" if self.vocabulary.level == "word" else "characters"
            shown = ", ".join(repr(u) for u in unknown[:8]) + (", ..." if len(unknown) > 8 else "")
            raise UsageError(
                f"the prompt has {kind} that the model has never seen: {shown}\n"
                f"leave them out; it knows {len(self.vocabulary) - 1} {kind} of its training text"
            )
        ids: Tokens = self.vocabulary.encode(prompt)
        if not len(ids):
            if prompt.strip():
                raise UsageError(f"nothing is left of the prompt {prompt!r} after normalisation")
            ids = self.start()
        return [int(i) for i in ids]

    @torch.inference_mode()
    def _drawn(self, ids: list[int], prompt: str, length: int, how: Sampling) -> Iterator[str]:
        writing = Writing(ids, Detokenizer(self.vocabulary, prompt), length, how)
        if how.mixture is None:
            yield from written(self.network, lambda: self._next(np.array(ids), None), writing)
            return
        reading = how.mixture.reading(self.network)
        while not writing.ended:
            reading.push(ids)
            token, text = writing.draw(reading.next())
            ids = [token]
            if text:
                yield text


class LanguageWriter:
    """A text that is being written; see tasks.abilities.Writer."""

    end = None

    def __init__(self, model: LanguageModel, ids: list[int], detokenizer: Detokenizer) -> None:
        self._model, self._inputs, self._detokenizer = model, ids, detokenizer
        self._following = model.following()

    @torch.inference_mode()
    def scores(self) -> torch.Tensor:
        """What may follow the tokens that were added since the last call."""
        scores = self._following(self._inputs)
        scores[Vocabulary.UNKNOWN] = float("-inf")
        return scores

    def add(self, token: int) -> str:
        self._inputs = [token]
        return self._detokenizer.add(token)

    def name(self, token: int) -> str:
        return self._model.token(token)


def _shown(token: str) -> str:
    """A token in a table: what cannot be seen by its name."""
    named = {"\n": "<end of line>", " ": "<space>"}.get(token, token)
    return SPACE + named[1:] if named.startswith(" ") else named

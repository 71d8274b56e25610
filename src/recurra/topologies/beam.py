"""Writing with a decoder: the best sequences by beam search, or sequences drawn by chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from recurra.topologies.decoder import Decoder, Reading
from recurra.topologies.encoder_decoder import EncoderDecoder
from recurra.topologies.sampling import draw, generator, numbers
from recurra.topologies.search import Search, repeating


@dataclass(frozen=True)
class Hypothesis:
    """A sequence that was written.

    tokens: without the end; log_probability: of tokens and end, in nats; score: what it was compared by; weights: where
    each token and the end looked, [T + 1, S], None without attention; text: what it says, if not what its tokens spell
    """

    tokens: list[int]
    log_probability: float
    score: float
    weights: Tensor | None
    text: str | None = None

    @property
    def surety(self) -> float:
        """Mean log-probability of its tokens and the end. Units: nats"""
        return self.log_probability / (len(self.tokens) + 1)


@dataclass(frozen=True)
class _Node:
    """A token of a hypothesis, after those of `parent`; its weights are row `row` of step `step`."""

    parent: _Node | None
    token: int
    log_probability: float
    step: int
    row: int

    def path(self) -> list[_Node]:
        found: list[_Node] = []
        node: _Node | None = self
        while node is not None:
            found.append(node)
            node = node.parent
        return found[::-1]


@dataclass
class _Sentence:
    """A source that is still being worked on. alive: nodes that are followed, None for the beginning."""

    index: int
    limit: int
    length: int
    alive: list[_Node | None]
    ended: list[Hypothesis] = field(default_factory=list)


@torch.inference_mode()
def write(
    network: EncoderDecoder,
    source: Tensor,
    lengths: Tensor,
    search: Search,
    *,
    banned: Sequence[int] = (),
    longest: int | None = None,
) -> list[list[Hypothesis]]:
    """For each source its hypotheses, best first; as many as n_best, or fewer where a beam found no more.

    banned: tokens that are never written; longest: tokens of a hypothesis at most, twice the source and ten if None.
    Shapes: source int64 [B, S], lengths int64 [B] on the CPU
    """
    limits = [2 * n + 10 if longest is None else longest for n in network.own_lengths(source, lengths).tolist()]
    return write_after(network, network.read(source, lengths), lengths.tolist(), limits, search, banned=banned)


@torch.inference_mode()
def scored_by(
    network: EncoderDecoder, source: Tensor, lengths: Tensor, target: Tensor, target_lengths: Tensor, search: Search
) -> list[Hypothesis]:
    """Sequences that are given, as hypotheses of theirs. Shapes: as `write`; target int64 [B, T] with their ends"""
    begin = target.new_full((len(target), 1), network.begin)
    inputs = torch.cat([begin, target[:, :-1]], 1)
    features, weights, reading = network.write(inputs, network.read(source, lengths))
    logs = numbers(network.outputs(features, reading).float().cpu()).log_softmax(-1)
    found = logs.gather(2, target.cpu().unsqueeze(2)).squeeze(2)
    looked = None if weights is None else weights.float().cpu()
    made = []
    for row, (length, width) in enumerate(zip(target_lengths.tolist(), lengths.tolist(), strict=True)):
        total = float(found[row, :length].sum())
        where = None if looked is None else looked[row, :length, :width]
        made.append(Hypothesis(target[row, : length - 1].tolist(), total, search.score(total, length), where))
    return made


@torch.inference_mode()
def write_after(
    network: Decoder[Any, Any],
    reading: Reading,
    lengths: Sequence[int],
    limits: Sequence[int],
    search: Search,
    *,
    banned: Sequence[int] = (),
) -> list[list[Hypothesis]]:
    """As `write`, after whatever was read. lengths: positions of each row that can be looked at; limits: tokens"""
    wide = search.n_best if search.sample else search.beam
    sentences = [
        _Sentence(i, limit, n, [None] * (wide if search.sample else 1))
        for i, (n, limit) in enumerate(zip(lengths, limits, strict=True))
    ]
    steps = _Steps(network, search, banned)
    rows = torch.arange(len(sentences)).repeat_interleave(len(sentences[0].alive) if sentences else 1)
    device = network.bias.device
    reading = reading.rows(rows.to(device))
    active = sentences
    while active:
        log_probabilities, reading = steps.next(active, reading)
        parents = (
            _draw(active, log_probabilities, steps) if search.sample else _extend(active, log_probabilities, steps)
        )
        active = [s for s in active if s.alive]
        reading = reading.rows(torch.tensor(parents, dtype=torch.int64, device=device))
    for sentence in sentences:
        sentence.ended.sort(key=lambda h: -h.score)
    return [s.ended[: search.n_best] for s in sentences]


class _Steps:
    """Runs the decoder over all rows that are alive, and remembers where each looked."""

    def __init__(self, network: Decoder[Any, Any], search: Search, banned: Sequence[int]) -> None:
        self.network, self.search, self.end = network, search, network.begin - 1
        self.banned = list(banned)
        self.looked: list[Tensor | None] = []

    @cached_property
    def random(self) -> torch.Generator:
        """What is drawn of, if anything is."""
        return generator(self.search.seed)

    def next(self, active: list[_Sentence], reading: Reading) -> tuple[Tensor, Reading]:
        """Log-probabilities [N, V] of what may follow each row that is alive, on the CPU."""
        nodes = [(s, node) for s in active for node in s.alive]
        device = self.network.bias.device
        last = torch.tensor([self.network.begin if n is None else n.token for _, n in nodes], device=device)
        logits, weights, reading = self.network.step(last, reading)
        self.looked.append(None if weights is None else weights.float().cpu())
        found = numbers(logits.float().cpu()).log_softmax(-1)
        if self.banned:
            found[:, self.banned] = -math.inf
        step = len(self.looked)
        for row, (sentence, node) in enumerate(nodes):
            if step >= sentence.limit:
                found[row, : self.end] = -math.inf
            elif node is None:
                found[row, self.end] = -math.inf  # nothing at all is no answer
            elif self.search.block_ngrams and node is not None:
                found[row, repeating([n.token for n in node.path()], self.search.block_ngrams)] = -math.inf
        return found, reading

    def hypothesis(self, node: _Node, sentence: _Sentence) -> Hypothesis:
        """A path that has come to its end."""
        path = node.path()
        looked = [self.looked[n.step] for n in path]
        weights = [w[n.row, : sentence.length] for w, n in zip(looked, path, strict=True) if w is not None]
        score = self.search.score(node.log_probability, len(path))
        tokens = [n.token for n in path[:-1]]
        return Hypothesis(tokens, node.log_probability, score, torch.stack(weights) if weights else None)


def _extend(active: list[_Sentence], log_probabilities: Tensor, steps: _Steps) -> list[int]:
    """One step of beam search; returns the row that each new node came from."""
    beam, vocabulary, step = steps.search.beam, log_probabilities.shape[1], len(steps.looked) - 1
    parents: list[int] = []
    first = 0
    for sentence in active:
        rows = log_probabilities[first : first + len(sentence.alive)]
        before = torch.tensor([0.0 if n is None else n.log_probability for n in sentence.alive])
        total = (rows + before.unsqueeze(1)).flatten()
        best = total.topk(min(2 * beam, len(total)))  # twice as many: not all of them end here
        following: list[_Node | None] = []
        for rank, (value, place) in enumerate(zip(best.values.tolist(), best.indices.tolist(), strict=True)):
            if value == -math.inf or len(following) == beam:
                break
            row, token = divmod(place, vocabulary)
            node = _Node(sentence.alive[row], token, value, step, first + row)
            if token != steps.end:
                following.append(node)
                parents.append(first + row)
            elif rank < beam:
                sentence.ended.append(steps.hypothesis(node, sentence))
        first += len(rows)
        if len(sentence.ended) >= beam and following:
            del parents[-len(following) :]
            following = []
        sentence.alive = following
    return parents


def _draw(active: list[_Sentence], log_probabilities: Tensor, steps: _Steps) -> list[int]:
    """One drawn token for each row; returns the row that each new node came from."""
    search, step, parents, row = steps.search, len(steps.looked) - 1, list[int](), 0
    for sentence in active:
        following: list[_Node | None] = []
        for before in sentence.alive:
            token = draw(
                log_probabilities[row],
                steps.random,
                temperature=search.temperature,
                top_k=search.top_k,
                top_p=search.top_p,
            )
            log_probability = float(log_probabilities[row, token]) + (before.log_probability if before else 0.0)
            node = _Node(before, token, log_probability, step, row)
            if token == steps.end:
                sentence.ended.append(steps.hypothesis(node, sentence))
            else:
                following.append(node)
                parents.append(row)
            row += 1
        sentence.alive = following
    return parents

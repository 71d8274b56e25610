"""Both directions: what stands in a blank, from what is read to its left and to its right.

Two recurrent networks that never see what they are asked for: one has read the left context up to the blank, the other
the right context back to it. So every position of a sentence is a blank to learn from, at once.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from recurra.engines.checks import checked_lengths
from recurra.engines.request import State
from recurra.layers.dropout import Dropout
from recurra.topologies.embedding import TokenTable
from recurra.topologies.linear_loss import linear_cross_entropy
from recurra.topologies.sequence_model import BOTH_WAYS, Loss, SequenceModel
from recurra.topologies.settings import BlankFillerSettings
from recurra.topologies.stacks import build_stack

Side = Literal["both", "forward", "backward"]
SIDES: tuple[Side, ...] = get_args(Side)
"""What a blank is filled from: the whole sentence, its left part, its right part."""


UNKNOWN = 0
"""The token of all that a vocabulary lacks: it may be read, but never fills a blank."""


class BlankBatch(NamedTuple):
    """Sentences, every known token of which is a blank to learn from.

    unknown: the share of tokens that are read as unknown; shares: of each token in the text [V], and samples: how many
    tokens the output layer is trained against beside the targets (see Candidates), None for all
    Shapes: tokens int64 [B, T], lengths int64 [B]
    """

    tokens: Tensor
    lengths: Tensor
    unknown: float = 0.0
    shares: Tensor | None = None
    samples: int | None = None


class BlankFiller(SequenceModel[Tensor, BlankBatch]):
    """A token table, a stack for each direction, and three heads that share the table as their output layer.

    A blank of g tokens is filled from its left end: the forward state before it and the backward state behind it give
    its first token, then the forward state that has read this one gives the next, with a blank of g - 1.

    Maths:   u_forward = P f + p, u_backward = Q b + q;
             u_both = u_forward + u_backward + S gelu(M [f; b] + m + G[g]);  logits = u T' + bias of the head,
             T the token table; longest > 1: lengths' logits = L gelu(M [f; b] + m)
    Shapes:  f, b [N, H], g int64 [N] from 1 to longest, T [V, E]
    Source:  Melamud et al. 2016, context2vec, for the wiring without blanks
    """

    def __init__(self, vocabulary_size: int, settings: BlankFillerSettings, *, longest: int = 1) -> None:
        super().__init__()
        width, hidden = settings.embedding_size, settings.hidden_size
        self.vocabulary_size, self.longest = vocabulary_size, longest
        # one row more than tokens: where a text begins and ends
        self.table = TokenTable(vocabulary_size + 1, width, dropout=settings.embedding_dropout, scale=width**-0.5)
        self.forward_stack, self.backward_stack = build_stack(width, settings), build_stack(width, settings)
        self.dropout = Dropout(settings.dropout)
        self.left, self.right = nn.Linear(hidden, width), nn.Linear(hidden, width)
        self.meet, self.joined = nn.Linear(2 * hidden, 2 * width), nn.Linear(2 * width, width)
        self.bias = nn.Parameter(torch.zeros(len(SIDES), vocabulary_size))
        if longest > 1:
            self.blank = nn.Parameter(torch.zeros(longest, 2 * width))
            self.length = nn.Linear(2 * width, longest)

    @property
    def boundary(self) -> int:
        """The token before the first and behind the last."""
        return self.vocabulary_size

    def why_no_state(self) -> str | None:
        return BOTH_WAYS

    def forward(
        self, inputs: Tensor, lengths: Tensor | None = None, state: State | None = None
    ) -> tuple[Tensor, State]:
        """What may stand in the place of each token, by all others: of a blank of one token, from both its sides.

        Shapes: inputs int64 [B, T], tokens -> logits [B, T, V]; the last states [2L, B, H], each layer's of the forward
                stack before that of the backward one
        """
        self.check_state(state)
        batch, time = inputs.shape
        if lengths is None:
            lengths = torch.full((batch,), time)
        left, right = self._both_ways(inputs, lengths)
        f, f_last = self.forward_stack(self.table(left), lengths=lengths)
        b, b_last = self.backward_stack(self.table(right), lengths=lengths)
        states = tuple(torch.stack(pair, 1).flatten(0, 1) for pair in zip(f_last, b_last, strict=True))
        positions = torch.arange(time, device=inputs.device)
        behind = (lengths.to(inputs.device).unsqueeze(1) - 1 - positions).clamp(min=0)
        b = b.gather(1, behind.unsqueeze(2).expand_as(b))
        one = torch.ones(batch * time, dtype=torch.int64, device=inputs.device)
        u = self.output("both", f.flatten(0, 1), b.flatten(0, 1), one)
        return self.logits(u).view(batch, time, -1), states

    def loss(self, batch: BlankBatch, state: State | None = None) -> Loss:
        """That of the head which sees both sides; the gradient is that of the three heads' sum.

        Units: nats per known token; 0 of 1 in a batch without
        """
        self.check_state(state)
        f, b = self.read_sentences(batch.tokens, batch.lengths, unknown=batch.unknown)
        rows, indices = known_tokens(batch.tokens, batch.lengths)
        if not len(rows):
            return Loss(f.sum() * 0, 1)
        targets = batch.tokens[rows, indices]
        room = batch.lengths.to(targets.device)[rows] - indices
        sizes = torch.minimum(torch.randint(1, self.longest + 1, (len(rows),)).to(targets.device), room)
        before = f[rows, indices]
        behind, adjacent = b[rows, room - sizes], b[rows, room - 1]
        sampled = None
        if batch.samples is not None and batch.shares is not None:
            sampled = Candidates(targets, batch.shares, batch.samples)
        one = torch.ones_like(sizes)
        both = self.loss_of(self.output("both", before, behind, sizes), targets, "both", sampled)
        others = self.loss_of(self.output("forward", before, adjacent, one), targets, "forward", sampled)
        others = others + self.loss_of(self.output("backward", before, adjacent, one), targets, "backward", sampled)
        if self.longest > 1:
            others = others + functional.cross_entropy(self.length_logits(before, behind).float(), sizes - 1)
        return Loss(both + others - others.detach(), len(rows))

    def read_sentences(self, tokens: Tensor, lengths: Tensor, *, unknown: float = 0.0) -> tuple[Tensor, Tensor]:
        """What each direction knows of sentences after so many tokens, from their first or from their last.

        unknown: this share of the tokens is read as unknown
        Shapes: tokens int64 [B, T], lengths int64 [B] -> f, b [B, T, H], as `read`
        """
        if unknown:
            tokens = tokens.masked_fill(torch.rand(tokens.shape).to(tokens.device) < unknown, UNKNOWN)
        return self.read(*self._both_ways(tokens, lengths), lengths)

    def _both_ways(self, tokens: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        checked_lengths(lengths, tokens.shape[0], tokens.shape[1], self.bias)
        edge = tokens.new_full((len(tokens), 1), self.boundary)
        ends = lengths.to(tokens.device).unsqueeze(1)
        from_last = (ends - torch.arange(1, tokens.shape[1], device=tokens.device)).clamp(min=0)
        return torch.cat([edge, tokens[:, :-1]], 1), torch.cat([edge, tokens.gather(1, from_last)], 1)

    def read(self, left: Tensor, right: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """What each direction knows after so many tokens.

        left: the boundary and the tokens from the first on; right: the boundary and the tokens from the last back.
        Shapes: left, right int64 [B, T], lengths int64 [B] -> f, b [B, T, H]; f[:, n] and b[:, n] have read n tokens
        """
        f, _ = self.forward_stack(self.table(left), lengths=lengths)
        b, _ = self.backward_stack(self.table(right), lengths=lengths)
        return f, b

    def step(self, tokens: Tensor, state: State | None) -> tuple[Tensor, State]:
        """The forward stack alone, to go on into a blank.

        Shapes: tokens int64 [B, T], state as Stack's -> f of the last one [B, H], the last states
        """
        y, state = self.forward_stack(self.table(tokens), state)
        return y[:, -1], state

    def output(self, side: Side, f: Tensor, b: Tensor, sizes: Tensor) -> Tensor:
        """u of one head, which looks at its own side alone. Shapes: f, b [N, H], sizes of blanks int64 [N] -> [N, E]"""
        if side == "forward":
            left: Tensor = self.left(self.dropout(f))
            return left
        if side == "backward":
            right: Tensor = self.right(self.dropout(b))
            return right
        met = self._met(f, b)
        if self.longest > 1:
            met = met + self.blank[sizes - 1]
        joined: Tensor = self.joined(self.dropout(functional.gelu(met)))
        joined = joined + self.left(self.dropout(f)) + self.right(self.dropout(b))
        return joined

    def length_logits(self, f: Tensor, b: Tensor) -> Tensor:
        """Of a blank of 1, 2, ... tokens; for networks with longest > 1. Shapes: f, b [N, H] -> [N, longest]"""
        logits: Tensor = self.length(self.dropout(functional.gelu(self._met(f, b))))
        return logits

    def _met(self, f: Tensor, b: Tensor) -> Tensor:
        met: Tensor = self.meet(self.dropout(torch.cat([f, b], -1)))
        return met

    def output_layer(self, side: Side) -> tuple[Tensor, Tensor]:
        """Weight [V, E] and bias [V] that make a head's logits; the unknown token, id 0, never fills a blank."""
        bias = self.bias[SIDES.index(side)]
        unknown = torch.arange(self.vocabulary_size, device=bias.device) == UNKNOWN
        return self.table.weight[: self.vocabulary_size], bias.masked_fill(unknown, float("-inf"))

    def logits(self, u: Tensor, side: Side = "both") -> Tensor:
        """Of every token. Shapes: u [N, E] -> [N, V]"""
        return functional.linear(u, *self.output_layer(side)).float()

    def loss_of(self, u: Tensor, targets: Tensor, side: Side, candidates: Candidates | None) -> Tensor:
        """Mean cross-entropy of a head's outputs, against the candidates alone if there are any.

        Shapes: u [N, E], targets int64 [N]. Units: nats
        """
        weight, bias = self.output_layer(side)
        if candidates is None:
            return linear_cross_entropy(u, weight, bias, targets)
        return candidates.loss(u, weight, bias)


def known_tokens(tokens: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Every known token of a batch: its row and its index. Shapes: [B, T], [B] -> int64 [N], int64 [N]"""
    there = torch.arange(tokens.shape[1], device=tokens.device) < lengths.to(tokens.device).unsqueeze(1)
    rows, indices = (there & (tokens != UNKNOWN)).nonzero(as_tuple=True)
    return rows, indices


class Candidates:
    """Sampled softmax: an output layer is trained against the batch's own targets and `samples` other tokens.

    Maths:   -u_t + log(exp u_t + sum over the candidates w but t of exp(u_w) / chance(w)), whose sum is on average that
             of the whole vocabulary. A token with the share p of the text is among n targets and d of V sampled ones
             with the chance 1 - (1 - p)^n (1 - d / V)
    Shapes:  targets int64 [N], shares [V], their sum 1 -> ids int64 [K], log_chance [K], indices of the targets [N]
    Source:  Bengio & Senecal 2008, importance sampling for language models
    """

    def __init__(self, targets: Tensor, shares: Tensor, samples: int) -> None:
        size = len(shares)
        among = torch.zeros(size, dtype=torch.bool, device=targets.device)
        among[targets] = True
        among[torch.randperm(size, device=targets.device)[:samples]] = True
        self.ids = among.nonzero().squeeze(1)
        missed = (len(targets) * torch.log1p(-shares[self.ids].double())).exp() * (1 - min(samples, size) / size)
        self.log_chance = torch.log1p(-missed).float()
        self.indices = (among.cumsum(0) - 1)[targets]

    def loss(self, u: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """The mean over the batch. Shapes: u [N, E], weight [V, E], bias [V] -> a number. Units: nats"""
        weighed = bias[self.ids] - self.log_chance
        logits = functional.linear(u, weight[self.ids], weighed).float()
        own = self.indices.unsqueeze(1)
        logits = logits.scatter_add(1, own, self.log_chance[own])
        return functional.cross_entropy(logits, self.indices)

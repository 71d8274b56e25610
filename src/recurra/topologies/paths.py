"""Rows of tags as a whole: what may follow what, which row scores highest, how probable a row is."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from recurra.engines.native import tag_paths as native

IMPOSSIBLE = -1e4
"""A score whose exponential is 0: of what must not stand there. An infinity would make NaN of gradients."""
_TINY = 1e-300


class Transitions(nn.Module):
    """The scores of a row's neighbours: follows [C, C] where tag j comes after tag i, begins [C] and ends [C].

    allowed: where given, what is False there can never be; learned: otherwise the scores stay 0.
    Source: Lafferty, McCallum & Pereira 2001, Conditional random fields
    """

    def __init__(self, tags: int, allowed: tuple[Tensor, Tensor, Tensor] | None = None, *, learned: bool) -> None:
        super().__init__()
        shapes = {"follows": (tags, tags), "begins": (tags,), "ends": (tags,)}
        for place, (name, shape) in enumerate(shapes.items()):
            rule = torch.ones(shape, dtype=torch.bool) if allowed is None else allowed[place]
            self.register_buffer(
                f"{name}_rule", torch.full(rule.shape, IMPOSSIBLE).masked_fill_(rule, 0.0), persistent=False
            )
            self.register_parameter(name, nn.Parameter(torch.zeros(shape)) if learned else None)
        self.learned, self.free = learned, allowed is None

    def scores(self) -> tuple[Tensor, Tensor, Tensor]:
        """follows, begins, ends, what is impossible among them."""
        found = []
        for name in ("follows", "begins", "ends"):
            rule, score = self.get_buffer(f"{name}_rule"), getattr(self, name)
            found.append(rule if score is None else score if self.free else rule + score)
        return found[0], found[1], found[2]

    def best(self, logits: Tensor, lengths: Tensor) -> Tensor:
        """The rows with the highest score.

        Shapes: logits [B, T, C], lengths int64 [B], at least 1 -> int64 [B, T], 0 past each row's length
        Source: Viterbi 1967; Forney 1973, The Viterbi algorithm
        """
        if not self.learned and self.free:
            lengths = lengths.to(logits.device).unsqueeze(1)
            return logits.argmax(-1) * (torch.arange(logits.shape[1], device=logits.device) < lengths)
        return best_paths(logits, lengths, *self.scores())

    def log_probability(self, logits: Tensor, tags: Tensor, lengths: Tensor) -> Tensor:
        """Of rows of tags among all rows of their lengths, in nats.

        Shapes: logits [B, T, C], tags int64 [B, T], anything within 0..C-1 past each row's length -> [B]
        """
        given = native.Rows(logits, tags, lengths, *self.scores())
        found = native.log_probability(given)
        return log_probability(given) if found is None else found

    def probabilities(self, logits: Tensor, lengths: Tensor) -> Tensor:
        """Of each tag at each place, over all rows: how the sum of all rows' exponentials grows with its score.

        Shapes: as `best` -> [B, T, C], 0 past each row's length
        """
        if not self.learned and self.free:
            inside = torch.arange(logits.shape[1], device=logits.device) < lengths.to(logits.device).unsqueeze(1)
            return logits.softmax(-1) * inside.unsqueeze(2)
        with torch.enable_grad():
            scores = logits.detach().requires_grad_()
            follows, begins, ends = (score.detach() for score in self.scores())
            (found,) = torch.autograd.grad(_total(scores, lengths, follows, begins, ends).sum(), scores)
        return found


def log_probability(given: native.Rows) -> Tensor:
    """As Transitions.log_probability, with the scores given and by torch's operations."""
    logits, tags, lengths, *scores = given
    return _score(logits, tags, lengths, *scores) - _total(logits, lengths, *scores)


def best_paths(logits: Tensor, lengths: Tensor, follows: Tensor, begins: Tensor, ends: Tensor) -> Tensor:
    """As Transitions.best, with the scores given."""
    batch, time, tags = logits.shape
    lengths = lengths.to(logits.device)
    score = logits[:, 0] + begins
    back = torch.zeros(batch, time, tags, dtype=torch.int64, device=logits.device)
    stay = torch.arange(tags, device=logits.device).expand(batch, tags)
    for step in range(1, time):
        best, source = (score.unsqueeze(2) + follows).max(1)
        alive = (lengths > step).unsqueeze(1)
        score = torch.where(alive, best + logits[:, step], score)
        back[:, step] = torch.where(alive, source, stay)
    tag = (score + ends).argmax(1)
    found = torch.zeros(batch, time, dtype=torch.int64, device=logits.device)
    for step in range(time - 1, -1, -1):
        found[:, step] = torch.where(lengths > step, tag, found[:, step])
        tag = back[:, step].gather(1, tag.unsqueeze(1)).squeeze(1)
    return found


def _score(logits: Tensor, tags: Tensor, lengths: Tensor, follows: Tensor, begins: Tensor, ends: Tensor) -> Tensor:
    """The sum of a row's scores [B]."""
    lengths = lengths.to(logits.device)
    inside = torch.arange(logits.shape[1], device=logits.device) < lengths.unsqueeze(1)
    own = (logits.gather(2, tags.unsqueeze(2)).squeeze(2) * inside).sum(1)
    between = (follows[tags[:, :-1], tags[:, 1:]] * inside[:, 1:]).sum(1)
    last = tags.gather(1, lengths.unsqueeze(1) - 1).squeeze(1)
    return own + between + begins[tags[:, 0]] + ends[last]


class _Total(torch.autograd.Function):
    """The log of the sum of all rows' exponentials [B], and its gradient, which is how probable each step is.

    In double precision and scaled at every step, as sums of exponentials need; the gradient is taken on the way, for
    hundreds of small steps are dear to retrace.
    Source: Rabiner 1989, A tutorial on hidden Markov models: forward-backward with scaling
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, lengths: Tensor, follows: Tensor, begins: Tensor, ends: Tensor) -> Tensor:
        time = logits.shape[1]
        lengths = lengths.to(logits.device)
        alive = (torch.arange(time, device=logits.device) < lengths.unsqueeze(1)).T.unsqueeze(2)
        scores = logits.double().transpose(0, 1)
        highest = scores.amax(2, keepdim=True)
        own = (scores - highest).exp().clamp_(min=_TINY)
        into, out, last = follows.double().exp(), begins.double().exp(), ends.double().exp()
        ahead, scale = torch.empty_like(own), torch.empty_like(highest)
        steps = [each.unbind(0) for each in (own, ahead, scale)]
        before = out
        for number, (own_here, state, size) in enumerate(
            zip(*steps, strict=True)
        ):  # what follows a row's end is not read
            if number:
                torch.mm(before, into, out=state).mul_(own_here)
            else:
                torch.mul(out, own_here, out=state)
            torch.sum(state, 1, keepdim=True, out=size).clamp_(min=_TINY)
            before = state.div_(size)
        end = ahead[lengths - 1, torch.arange(len(lengths), device=lengths.device)]
        final = (end * last).sum(1, keepdim=True).clamp_(min=_TINY)
        total = ((scale.log() + highest) * alive).sum(0) + final.log()
        if any(ctx.needs_input_grad):
            behind, coming = torch.empty_like(own), torch.empty_like(own)
            back, from_next = last / final, into.T
            factors, goes_on = (own / scale).unbind(0), alive.unbind(0)
            kept, found = behind.unbind(0), coming.unbind(0)
            for step in range(time - 1, -1, -1):
                kept[step].copy_(back)
                torch.mul(factors[step], back, out=found[step])
                if step:
                    back = torch.where(goes_on[step], found[step] @ from_next, back)
            coming *= alive
            here = ahead.mul(behind).mul_(alive)
            ends_here = end * last / final
            ctx.save_for_backward(here, ahead, coming, into, ends_here)
        return total.squeeze(1).to(logits.dtype)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, d_total: Tensor) -> tuple[Tensor | None, ...]:
        here, ahead, coming, into, ends_here = ctx.saved_tensors
        weight, dtype = d_total.double().unsqueeze(1), d_total.dtype
        d_logits = (here * weight).transpose(0, 1).to(dtype)
        d_follows = into * ((ahead[:-1] * weight).flatten(0, 1).T @ coming[1:].flatten(0, 1))
        d_begins, d_ends = (here[0] * weight).sum(0), (ends_here * weight).sum(0)
        return d_logits, None, d_follows.to(dtype), d_begins.to(dtype), d_ends.to(dtype)


def _total(logits: Tensor, lengths: Tensor, follows: Tensor, begins: Tensor, ends: Tensor) -> Tensor:
    found: Tensor = _Total.apply(logits, lengths, follows, begins, ends)  # type: ignore[no-untyped-call]
    return found

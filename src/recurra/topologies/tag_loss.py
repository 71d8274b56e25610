"""The loss of rows of tags straight from recurrent layers' outputs, by the compiled core where it can."""

from __future__ import annotations

from torch import Tensor, nn

from recurra.engines.native.tagging import Given, tag_loss, why_not
from recurra.engines.watching import is_recorded
from recurra.layers.bare import is_bare
from recurra.layers.dropout import Dropout, draws
from recurra.topologies.paths import Transitions


def loss_in_core(
    dropout: Dropout, head: nn.Linear, transitions: Transitions, y: Tensor, lengths: Tensor, tags: Tensor
) -> Tensor | None:
    """Mean negative log-probability of the tags by `transitions` and `head(dropout(y))`; None where the modules have
    to be called themselves.

    Shapes: y [B, T, W], lengths int64 [B], tags int64 [B, T] -> a single number, in nats per token
    """
    if is_recorded() or not (is_bare(dropout, Dropout) and is_bare(head, nn.Linear)) or dropout.p == 1:
        return None
    if not is_bare(transitions, Transitions) or not transitions.learned:
        return None
    given = Given(y, head.weight, head.bias, *transitions.scores(), lengths, tags)
    if why_not(given) is not None:
        return None
    if dropout.training and dropout.p:
        given = given._replace(draws=draws(y.numel(), 1 - dropout.p, y.device))
    return tag_loss(given)

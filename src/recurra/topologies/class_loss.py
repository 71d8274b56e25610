"""The loss of a class for each row of recurrent layers' outputs, by the compiled core where it can."""

from __future__ import annotations

from torch import Tensor, nn

from recurra.engines.native.readout import HIGHEST, LAST, MEAN, Given, How, class_loss, why_not
from recurra.engines.watching import is_recorded
from recurra.layers.bare import is_bare
from recurra.layers.dropout import Dropout, draws
from recurra.layers.stack import Stack
from recurra.topologies.settings import Pooling

PARTS: dict[Pooling, int] = {"last": LAST, "mean": MEAN, "max": HIGHEST, "all": LAST | MEAN | HIGHEST}


def loss_in_core(
    pooling: Pooling,
    stack: Stack,
    dropout: Dropout,
    head: nn.Linear,
    y: Tensor,
    lengths: Tensor,
    targets: Tensor,
    *,
    shift: Tensor | None = None,
    smoothing: float = 0.0,
) -> Tensor | None:
    """Mean cross-entropy of `head(dropout(pooled(...)))`; None where the modules have to be called themselves.

    Shapes: y [B, T, D*H], lengths and targets int64 [B], shift [C], added to the logits -> a single number, in nats
    """
    if is_recorded() or not (is_bare(dropout, Dropout) and is_bare(head, nn.Linear)):
        return None
    if (stack.num_directions == 2 and stack.merge != "concat" and pooling in ("last", "all")) or dropout.p == 1:
        return None  # the last outputs of a sum are not the last states
    how = How(PARTS[pooling], stack.num_directions if stack.merge == "concat" else 1, smoothing)
    given = Given(y, head.weight, head.bias, lengths, targets, shift)
    if why_not(given, how) is not None:
        return None
    if dropout.training and dropout.p:
        given = given._replace(draws=draws(len(y) * how.pieces * y.shape[2], 1 - dropout.p, y.device))
    return class_loss(given, how)

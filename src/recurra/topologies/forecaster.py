"""A window of values to quantiles of all steps of a horizon at once."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from recurra.engines.request import State
from recurra.errors import ShapeError, UsageError
from recurra.layers.dropout import Dropout
from recurra.topologies.sequence_model import Loss, SequenceModel
from recurra.topologies.settings import ForecasterSettings
from recurra.topologies.stacks import build_stack

Floats = npt.NDArray[np.float64]
LinearWeights = tuple[Floats, Floats]
BOUND = 1e6
"""Deviations that a perceptron may say until it is told its bounds."""
FLOOR = 0.01
"""The least that a window's deviation counts for, as a share of its series': a constant window has none."""


@dataclass(frozen=True)
class Windows:
    """What is known at some origins, transformed, no NaN in it.

    Shapes: values [B, L, K]; missing [B, L, K], 1 where a value is but filled in; past [B, L, P]; ahead [B, L + H, F],
            known of the window and of the horizon; static [B, S]; scale, centre [B, K], each series' own
    """

    values: Tensor
    missing: Tensor
    past: Tensor
    ahead: Tensor
    static: Tensor
    scale: Tensor
    centre: Tensor

    def __len__(self) -> int:
        return len(self.values)

    def to(self, device: torch.device | str) -> Windows:
        """The same on a device."""
        return Windows(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})


@dataclass(frozen=True)
class Widths:
    """Numbers of columns: target K, past P, ahead F, static S; of those ahead, the first so many that the skip reads at
    every step of the horizon, not the first alone: G."""

    target: int
    past: int = 0
    ahead: int = 0
    static: int = 0
    further: int = 0


@dataclass(frozen=True)
class Drawn:
    """A perceptron of one hidden layer, drawn or trained before: its units, and the newest steps that it reads."""

    units: int = 0
    steps: int = 0


NOTHING_DRAWN = Drawn()


class ForecasterBatch(NamedTuple):
    """Windows and what follows them; aside: what the skip says of them if it was fitted without them, normalised.

    Shapes: targets [B, H, K], NaN where unknown; aside [B, H, K]
    """

    windows: Windows
    targets: Tensor
    aside: Tensor | None = None


class Bounded(nn.Module):
    """Numbers as they are, but never below `low` or above `high`. Shapes: x, low, high [..., Y]"""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.low: Tensor
        self.high: Tensor
        self.register_buffer("low", torch.full((size,), -BOUND))
        self.register_buffer("high", torch.full((size,), BOUND))

    def forward(self, x: Tensor) -> Tensor:
        return torch.minimum(torch.maximum(x, self.low), self.high)


class Forecaster(SequenceModel[Windows, ForecasterBatch]):
    """Recurrent layers over a normalised window, a direct head for all steps, and a skip beside them.

    Maths:   z = (x - mean) / s,  s = the window's deviation, at least FLOOR of its series' (or the series' own)
             by level: mean and s are the series' own, so that the level of a window is not lost
             d = (x - last) / s, by level with z of the last value at its end
             median = last + s (A d + a + B tanh(C d + c) + b + head(h))
             quantile q = median -+ s * cumulated softplus(spread + head_q(h))
             h: the last output of the layers, which read z, what was missing, covariates and dates
    A, a:    a ridge regression in closed form (`start_from`); it asks for no gradient unless whoever trains it says so,
             for on few windows descent only unlearns its penalty. The recurrent part learns what it leaves
    B to c:  if there is one, a perceptron of what the ridge regression leaves, or in its place; C, c are drawn and B, b
             a ridge regression, or all were trained before
    widening: quantiles are that much further from the median in use, as validation asks for
    Source:  window normalisation Kim et al. 2022 (RevIN); linear skip Zeng et al. 2023 (NLinear); direct multi-horizon
             quantiles Wen et al. 2017 (MQ-RNN); drawn hidden weights Rahimi & Recht 2008
    Errors:  UsageError unless levels rise, lie between 0 and 1 and hold 0.5
    """

    def __init__(
        self,
        window: int,
        horizon: int,
        widths: Widths,
        levels: tuple[float, ...],
        settings: ForecasterSettings,
        *,
        by_window: bool = True,
        by_level: bool = False,
        gaps: bool = False,
        drawn: Drawn = NOTHING_DRAWN,
    ) -> None:
        """by_window: the scale is the window's own; by_level: the mean is the series'; gaps: values may be missing, and
        the network is told which"""
        super().__init__()
        if list(levels) != sorted(set(levels)) or not all(0 < level < 1 for level in levels) or 0.5 not in levels:
            raise UsageError(f"quantiles rise, lie between 0 and 1 and hold 0.5, the median; got {list(levels)}")
        self.window, self.horizon, self.widths, self.levels = window, horizon, widths, levels
        self.by_window, self.by_level, self.gaps, self.drawn = by_window, by_level, gaps, drawn
        self.middle = levels.index(0.5)
        read = widths.target * (2 if gaps else 1) + widths.past + widths.ahead + widths.static
        self.stack = build_stack(read, settings)
        self.dropout = Dropout(settings.dropout)
        outputs = widths.target * len(levels)
        self.head = nn.Linear(self.stack.output_size, horizon * outputs)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        self.ahead: nn.Sequential | None = None
        if widths.ahead:
            hidden = nn.Linear(self.stack.output_size + widths.ahead, settings.head_size)
            last = nn.Linear(settings.head_size, outputs)
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
            self.ahead = nn.Sequential(hidden, nn.Tanh(), last)
        known = widths.ahead + (horizon - 1) * widths.further
        inputs = window * widths.target + known
        self.skip = nn.Linear(inputs, horizon * widths.target)
        for weight in self.skip.parameters():
            nn.init.zeros_(weight)
            weight.requires_grad_(False)
        self.perceptron: nn.Sequential | None = None
        if drawn.units:
            reads = drawn.steps * widths.target + known
            self.perceptron = nn.Sequential(
                nn.Linear(reads, drawn.units),
                nn.Tanh(),
                nn.Linear(drawn.units, horizon * widths.target),
                Bounded(horizon * widths.target),
            )
            for weight in self.perceptron.parameters():
                nn.init.zeros_(weight)
                weight.requires_grad_(False)
        self.spread = nn.Parameter(torch.zeros(horizon, widths.target, len(levels) - 1))
        self.widening: Tensor
        self.register_buffer("widening", torch.ones(()))

    def start_from(self, ridge: LinearWeights, perceptron: tuple[LinearWeights, ...] | None, residuals: Floats) -> None:
        """Take a linear forecast as the skip, a perceptron of what it leaves, and what both leave as first quantiles.

        perceptron: hidden layer, output layer, and the least and the most that it says
        Shapes: weights [X, Y] and biases [Y], of `linear_inputs` and to H * K, bounds [H * K]; residuals [N, H, K],
                normalised, NaN where unknown
        """
        layers = [(self.skip, ridge)]
        if self.perceptron is not None:
            assert perceptron is not None
            *dense, (low, high) = perceptron
            layers += zip((layer for layer in self.perceptron if isinstance(layer, nn.Linear)), dense, strict=True)
            self.perceptron[-1].load_state_dict({"low": torch.tensor(low), "high": torch.tensor(high)})
        with torch.no_grad():
            for layer, (weight, bias) in layers:
                layer.weight.copy_(torch.tensor(weight.T))
                layer.bias.copy_(torch.tensor(bias))
            found = np.nanquantile(residuals, self.levels, axis=0)
            gaps = np.maximum(np.diff(found, axis=0), 1e-3)
            self.spread.copy_(torch.tensor(np.log(np.expm1(gaps))).permute(1, 2, 0))

    def normalised(self, windows: Windows) -> tuple[Tensor, Tensor, Tensor]:
        """Shapes: -> z [B, L, K], the last values [B, K], the scales [B, K]"""
        values = windows.values
        if values.shape[1:] != (self.window, self.widths.target):
            raise ShapeError(
                f"expected values [B, {self.window}, {self.widths.target}], got {list(values.shape)}: the window and "
                f"the columns are those of training"
            )
        mean = windows.centre if self.by_level else values.mean(1)
        centred = values - mean.unsqueeze(1)
        scale = windows.scale
        if self.by_window:
            scale = torch.maximum(centred.square().mean(1).sqrt(), FLOOR * scale)
        return centred / scale.unsqueeze(1), values[:, -1], scale

    def linear_inputs(self, windows: Windows, z: Tensor) -> Tensor:
        """What the linear skip reads, with what is known ahead.

        Shapes: z [B, L, K] -> [B, L * K + F + (H - 1) G]
        """
        away = z - z[:, -1:]
        if self.by_level:
            away = torch.cat([away[:, :-1], z[:, -1:]], 1)
        flat = away.flatten(1)
        if not self.widths.ahead:
            return flat
        end = self.window + self.horizon
        later = windows.ahead[:, self.window + 1 : end, : self.widths.further].flatten(1)
        return torch.cat([flat, windows.ahead[:, self.window], later], 1)

    def why_no_state(self) -> str | None:
        return "each window is normalised by itself, so that what was read before it is in other units"

    def forward(
        self, inputs: Windows, lengths: Tensor | None = None, state: State | None = None
    ) -> tuple[Tensor, State]:
        """Shapes: -> quantiles [B, H, K, Q] in the units of the values; the layers' last states

        Errors: ShapeError for lengths that are not those of the window
        """
        self.check_state(state)
        if lengths is not None and not bool((lengths == self.window).all()):
            raise ShapeError(f"every window has {self.window} steps, got lengths {lengths.tolist()}")
        return self._said(inputs, None)

    def _said(self, windows: Windows, aside: Tensor | None) -> tuple[Tensor, State]:
        """As `forward`. aside: in place of what the skip says"""
        z, last, scale = self.normalised(windows)
        found, state = self._recurrent(windows, z)
        skipped = self._skipped(windows, z) if aside is None else aside
        median = skipped + found[..., self.middle]
        quantiles = self._around(median, found)
        return last[:, None, :, None] + scale[:, None, :, None] * quantiles, state

    def medians(self, windows: Windows) -> tuple[Tensor, Tensor]:
        """The two parts of the median forecast: of the recurrent layers, and of the last values and the skip.

        Shapes: -> each [B, H, K] in the units of the values; their sum is the median
        """
        z, last, scale = self.normalised(windows)
        found, _ = self._recurrent(windows, z)
        return scale[:, None] * found[..., self.middle], last[:, None] + scale[:, None] * self._skipped(windows, z)

    def _skipped(self, windows: Windows, z: Tensor) -> Tensor:
        """What the skip says, normalised. Shapes: -> [B, H, K]"""
        inputs = self.linear_inputs(windows, z)
        found: Tensor = self.skip(inputs)
        if self.perceptron is not None:
            found = found + self.perceptron(inputs[:, (self.window - self.drawn.steps) * self.widths.target :])
        return found.view(len(z), self.horizon, self.widths.target)

    def _recurrent(self, windows: Windows, z: Tensor) -> tuple[Tensor, State]:
        """What the recurrent layers say. Shapes: -> [B, H, K, Q], the layers' last states"""
        batch = len(z)
        y, state = self.stack(self._inputs(windows, z))
        seen = self.dropout(y[:, -1])
        found = self.head(seen).view(batch, self.horizon, self.widths.target, len(self.levels))
        if self.ahead is not None:
            known = windows.ahead[:, self.window : self.window + self.horizon]
            beside = seen.unsqueeze(1).expand(-1, self.horizon, -1)
            found = found + self.ahead(torch.cat([beside, known], -1)).view_as(found)
        return found, state

    def _inputs(self, windows: Windows, z: Tensor) -> Tensor:
        parts = [z]
        if self.gaps:
            parts.append(windows.missing)
        if self.widths.past:
            centred = windows.past - windows.past.mean(1, keepdim=True)
            deviation = centred.square().mean(1, keepdim=True).sqrt()
            parts.append(centred / deviation.clamp(min=FLOOR))
        if self.widths.ahead:
            parts.append(windows.ahead[:, : self.window])
        if self.widths.static:
            parts.append(windows.static.unsqueeze(1).expand(-1, self.window, -1))
        return torch.cat(parts, -1)

    def _around(self, median: Tensor, found: Tensor) -> Tensor:
        """Quantiles that do not cross: distances from the median add up. Shapes: [B, H, K], [B, H, K, Q] -> as found"""
        middle = self.middle
        gaps = functional.softplus(torch.cat([found[..., :middle], found[..., middle + 1 :]], -1) + self.spread)
        if not self.training:
            gaps = gaps * self.widening
        below = gaps[..., :middle].flip(-1).cumsum(-1).flip(-1)
        above = gaps[..., middle:].cumsum(-1)
        one = median.unsqueeze(-1)
        return torch.cat([one - below, one, one + above], -1)

    def loss(self, batch: ForecasterBatch, state: State | None = None) -> Loss:
        """As `loss_of`, of the network's own quantiles; its units are windows."""
        self.check_state(state)
        quantiles, _ = self._said(batch.windows, batch.aside)
        return Loss(self.loss_of(quantiles, batch.targets, batch.windows.scale), len(batch.windows))

    def loss_of(self, quantiles: Tensor, targets: Tensor, scale: Tensor) -> Tensor:
        """Twice the mean pinball loss over what is known of the targets, in units of each series' scale.

        Of the median alone it is the absolute error.
        Shapes: quantiles [B, H, K, Q], targets [B, H, K], NaN where unknown, scale [B, K] -> a number
        """
        return pinball(quantiles, targets, scale, self.levels)


def pinball(quantiles: Tensor, targets: Tensor, scale: Tensor, levels: tuple[float, ...]) -> Tensor:
    """Twice the mean pinball loss. Shapes: quantiles [B, H, K, Q], targets [B, H, K], scale [B, K] -> a number"""
    known = ~targets.isnan()
    safe = torch.where(known, targets, quantiles[..., levels.index(0.5)].detach())
    over = (safe.unsqueeze(-1) - quantiles) / scale[:, None, :, None]
    level = torch.tensor(levels, dtype=over.dtype, device=over.device)
    each = torch.maximum(level * over, (level - 1) * over).mean(-1)
    return 2 * (each * known).sum() / known.sum().clamp(min=1)

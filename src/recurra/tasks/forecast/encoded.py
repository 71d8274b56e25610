"""Series as a network reads them: windows of a panel at any origins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from recurra.data.series.arrays import Arrays
from recurra.data.series.panel import Panel
from recurra.data.series.windows import Origins
from recurra.tasks.forecast.preprocessor import Preprocessor
from recurra.topologies.forecaster import Windows


@dataclass(frozen=True)
class Encoded(Arrays):
    """As Arrays, for networks."""

    preprocessor: Preprocessor

    def windows(self, origins: Origins) -> Windows:
        """What is known at some origins."""
        return Windows(**{name: torch.from_numpy(each) for name, each in self.windowed(origins).items()})

    def targets(self, origins: Origins) -> Tensor:
        """What the network is to give at once, transformed, NaN where unknown. [B, block, K]"""
        found = self.target[self.after(origins, self.preprocessor.block)]
        return torch.from_numpy(np.ascontiguousarray(found, np.float32))

    def ahead_of(self, origins: Origins, steps: int) -> Tensor:
        """See Arrays.known_ahead."""
        return torch.from_numpy(self.known_ahead(origins, steps))


def encode(panel: Panel, preprocessor: Preprocessor, room: int = 0) -> Encoded:
    """A panel with what a run learned, never refitted. room: steps behind each series' end, at least the horizon."""
    return Encoded.of(panel, preprocessor, room)

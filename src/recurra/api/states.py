"""The states of a run to go on from: in memory until its folder holds them, and no longer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from recurra.api.resuming import PREVIOUS, PREVIOUS_WEIGHTS, STATE
from recurra.model_folder import Content, Kept, Tensors, manifest
from recurra.training.checkpoint import Checkpoint, Counters

Weights = Mapping[str, Tensor] | Kept


class States:
    """The newest state of a run and the one before it.

    What the folder holds is linked when it is written again, not held and written twice: of a network of a hundred
    million weights a state has a gigabyte. resumed: the state that a run goes on from
    """

    bare = False
    """Whether only the best weights are kept, of a run that no time is left to write more of."""

    def __init__(self, resumed: Checkpoint | None = None) -> None:
        self.counters: Counters | None = None if resumed is None else resumed.counters
        """Of the newest state, None if there is none."""
        self._newest: Checkpoint | None = resumed
        self._before: Checkpoint | None = None
        self.in_folder = 0
        """States that it holds of this process."""

    def add(self, checkpoint: Checkpoint) -> None:
        """The newest one from now on."""
        self.counters = checkpoint.counters
        self._before, self._newest = self._newest, replace(checkpoint, tensors={}) if self.bare else checkpoint

    def weights(self) -> Weights:
        """The best ones."""
        return Kept(manifest.WEIGHTS) if self._newest is None else self._newest.best

    def newest(self) -> dict[str, Content]:
        """The files of the newest state; none if there is none."""
        if self.bare:
            return {}
        if self._newest is not None:
            return _files(STATE, self._newest)
        return _kept(STATE) if self.in_folder else {}

    def files(self) -> dict[str, Content]:
        """Those of both, beside the best weights."""
        if self.bare:
            return {}
        if self._newest is None:
            before = _kept(PREVIOUS) | {PREVIOUS_WEIGHTS: Kept(PREVIOUS_WEIGHTS)} if self.in_folder > 1 else {}
        elif self.in_folder:
            before = _kept(PREVIOUS, STATE) | {PREVIOUS_WEIGHTS: Kept(manifest.WEIGHTS)}
        elif self._before is not None:
            before = _files(PREVIOUS, self._before) | {PREVIOUS_WEIGHTS: Tensors(self._before.best)}
        else:
            before = {}
        return self.newest() | before

    def written(self) -> None:
        """The folder holds them now."""
        if self._newest is not None:
            self.in_folder = 1 if not self.in_folder and self._before is None else 2
            self._newest = self._before = None


def _files(name: str, checkpoint: Checkpoint) -> dict[str, Content]:
    listed = checkpoint.counters.to_json() | {"tensors": sorted(checkpoint.tensors)}
    return {f"{name}.safetensors": Tensors(checkpoint.tensors), f"{name}.json": manifest.to_json(listed)}


def _kept(name: str, there: str | None = None) -> dict[str, Content]:
    """there: its name in the folder, if it is another"""
    return {f"{name}.{kind}": Kept(f"{there or name}.{kind}") for kind in ("safetensors", "json")}

"""How a training step's time falls on its parts."""

from __future__ import annotations

import statistics
import time
from types import TracebackType
from typing import Any

from torch import Tensor
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from recurra.topologies.many_to_many import NextToken

SPANS: dict[str, tuple[tuple[str, str], ...]] = {
    "batcher": (("begun", "batch"), ("loss begun", "table")),
    "embedding": (("table", "layers"),),
    "layers forward": (("layers", "outputs"),),
    "head and loss": (("outputs", "loss"), ("loss", "outputs' gradient")),
    "layers backward": (("outputs' gradient", "gradients"),),
    "clipping": (("gradients", "optimizer"),),
    "optimizer": (("optimizer", "optimized"),),
}
"""What lies between which moments. A token table's projection and its gradient are the layers' work."""
REST = "rest"


class Parts:
    """Notes the moments of each step while it is entered, by hooks of torch's own."""

    def __init__(self, network: NextToken) -> None:
        self.network = network
        self.steps: list[dict[str, float]] = []
        self._hooks: list[Any] = []

    def mark(self, moment: str) -> None:
        """A moment that comes more than once in a step is the last."""
        if moment == "begun":
            self.steps.append({})
        self.steps[-1][moment] = time.perf_counter()

    def __enter__(self) -> Parts:
        network = self.network
        self._hooks = [
            network.table.register_forward_pre_hook(lambda *_: self.mark("table")),
            network.stack.register_forward_pre_hook(lambda *_: self.mark("layers")),
            network.stack.register_forward_hook(self._after_layers),
            register_optimizer_step_pre_hook(lambda *_: self.mark("optimizer")),
            register_optimizer_step_post_hook(lambda *_: self.mark("optimized")),
        ]
        for parameter in (*network.table.parameters(), *network.stack.parameters()):
            hook = parameter.register_post_accumulate_grad_hook(lambda _: self.mark("gradients"))  # type: ignore[no-untyped-call]
            self._hooks.append(hook)
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        for hook in self._hooks:
            hook.remove()

    def _after_layers(self, _module: Any, _inputs: Any, outputs: tuple[Tensor, Any]) -> None:
        self.mark("outputs")
        outputs[0].register_hook(lambda _: self.mark("outputs' gradient"))  # type: ignore[no-untyped-call]

    def shares(self, skipped: int) -> dict[str, float]:
        """Each part's share of the step, medians over the steps after the first ones. Their sum is 1."""
        steps = self.steps[skipped:]
        seconds = {
            part: statistics.median(sum(step[end] - step[start] for start, end in spans) for step in steps)
            for part, spans in SPANS.items()
        }
        whole = statistics.median(step["ended"] - step["begun"] for step in steps)
        seconds[REST] = max(0.0, whole - sum(seconds.values()))
        return {part: value / sum(seconds.values()) for part, value in seconds.items()}

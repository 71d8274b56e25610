"""This model on torch and safetensors alone.

python run.py 3 14 15          ids of tokens (preprocessing.json lists them in order)
from run import Model          frames, batches: Model()(inputs)
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file


class Model(torch.nn.Module):
    def __init__(self, folder: Path = Path(__file__).parent) -> None:
        super().__init__()
        about, weights = (
            json.loads((folder / "export.json").read_text("utf-8")),
            load_file(folder / "weights.safetensors"),
        )
        kind, self.pooling = about["layers"].pop("kind"), about["pooling"]
        self.layers = getattr(torch.nn, kind)(**about["layers"], batch_first=True)
        self.head = torch.nn.Linear(weights["head.weight"].shape[1], len(weights["head.weight"]))
        table = weights.get("embedding.weight")
        self.embedding = None if table is None else torch.nn.Embedding(*table.shape)
        self.start = [weights.pop(name) for name in ("start.h", "start.c") if name in weights]
        self.load_state_dict(weights)
        self.eval()

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Ids [B, T], or frames [B, T, I] -> [B, T, C], or [B, C] of whole sequences."""
        x = inputs if self.embedding is None else self.embedding(inputs)
        start = tuple(s.repeat(1, len(x), 1) for s in self.start)
        y, last = self.layers(x, start if len(start) > 1 else start[0] if start else None)
        ends = (last[0] if isinstance(last, tuple) else last)[-2 if self.layers.bidirectional else -1 :]
        parts = {"last": torch.cat(list(ends), -1), "mean": y.mean(1), "max": y.amax(1)}
        parts["all"] = torch.cat(list(parts.values()), -1)
        return self.head(y if self.pooling is None else parts[self.pooling])  # type: ignore[no-any-return]


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    print(Model()(torch.tensor([[int(token) for token in sys.argv[1:]]])).softmax(-1))  # noqa: T201

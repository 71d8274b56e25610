"""A small model folder, written and then altered."""

import hashlib
import json

import torch

from recurra import model_folder

CORE = ["config.json", "metrics.json", "preprocessing.json", "weights.safetensors"]


def write(folder, number=0, **settings):
    model_folder.write(
        folder,
        config={"number": number, "task": "language", "rate": 0.1},
        preprocessing={"tokens": ["<unk>", "é", "漢", "\ud800"]},
        weights=settings.pop("weights", {"w": torch.full((2, 3), float(number))}),
        metrics={"nats": 1.5, "curve": [1, 2.5, None]},
        **settings,
    )


def number(folder):
    found = model_folder.read(folder)
    value = found.config["number"]
    assert torch.equal(found.weights()["w"], torch.full((2, 3), float(value)))
    return value


def rewrite_manifest(folder, change):
    path = folder / "manifest.json"
    value = json.loads(path.read_bytes())
    change(value)
    path.write_text(json.dumps(value))


def relist(folder, name, content):
    """Change a file and its entry, so that only its content can be wrong."""
    (folder / name).write_bytes(content)

    def change(value):
        one = next(one for one in value["files"] if one["file"] == name)
        one.update(bytes=len(content), sha256=hashlib.sha256(content).hexdigest())

    rewrite_manifest(folder, change)


def awkward_weights():
    base = torch.randn(4, 6, generator=torch.Generator().manual_seed(0))
    return {
        "base": base,
        "tied": base,
        "transposed": base.t(),
        "strided": base[::2, 1::2],
        "expanded": torch.tensor([1.0, 2.0]).expand(3, 2),
        "zero-d": torch.tensor(3.25),
        "empty": torch.empty(0, 5),
        "bf16": base.to(torch.bfloat16),
        "half": base.half(),
        "double": base.double(),
        "ids": torch.arange(5),
        "mask": torch.tensor([True, False]),
        "odd": torch.tensor([float("nan"), float("inf"), -0.0, 1e-45]),
        "parameter": torch.nn.Parameter(base[1]),
    }

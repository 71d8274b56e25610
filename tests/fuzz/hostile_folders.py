"""Model folders as somebody would make them who wishes ill: one mutation each, of an intact folder.

Where a mutation is of a file's content the manifest is written anew, so that it is the content that is seen.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from tests.fuzz.folder_files import DEEP, MANIFEST, VALUES, Mutation, json_files, put, rehash, tensor_files
from tests.fuzz.hostile_preprocessing import targeted


def truncated(folder: Path, rng: random.Random) -> str:
    path = rng.choice(sorted(folder.iterdir()))
    size = path.stat().st_size
    kept = rng.choice([0, 1, size // 2, size - 1])
    os.truncate(path, kept)
    if again := (path.name != MANIFEST and rng.random() < 0.7):
        rehash(folder, path.name)
    return f"{path.name} cut to {kept} bytes{', hashed' if again else ''}"


def missing(folder: Path, rng: random.Random) -> str:
    path = rng.choice(sorted(folder.iterdir()))
    path.unlink()
    return f"{path.name} removed"


def exchanged(folder: Path, rng: random.Random) -> str:
    names = sorted(p.name for p in folder.iterdir() if p.name != MANIFEST)
    a, b = rng.sample(names, 2)
    one, two = (folder / a).read_bytes(), (folder / b).read_bytes()
    put(folder, a, two)
    put(folder, b, one)
    return f"{a} and {b} exchanged"


def flipped(folder: Path, rng: random.Random) -> str:
    path = rng.choice(sorted(folder.iterdir()))
    content = bytearray(path.read_bytes())
    count = rng.choice([1, 3, 50])
    for _ in range(count):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)
    if again := (path.name != MANIFEST and rng.random() < 0.7):
        rehash(folder, path.name)
    return f"{path.name}: {count} bits flipped{', hashed' if again else ''}"


def no_plain_file(folder: Path, rng: random.Random) -> str:
    path = rng.choice(sorted(folder.iterdir()))
    kind = rng.choice(["folder", "pipe", "link", "link to a device", "link to itself", "forbidden"])
    if kind == "forbidden":
        path.chmod(0)
        return f"{path.name} may not be read"
    content = path.read_bytes()
    path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "link":
        aside = folder.parent / "elsewhere"
        aside.write_bytes(content)
        path.symlink_to(aside)
    elif kind == "link to a device":
        path.symlink_to("/dev/zero")
    else:
        path.symlink_to(path.name)
    return f"{path.name} is a {kind}"


def sparse(folder: Path, rng: random.Random) -> str:
    """Of gigabytes with nothing in them, and a manifest that says so."""
    name = rng.choice(sorted(p.name for p in folder.iterdir() if p.name != MANIFEST))
    size = rng.choice([3 << 30, 30 << 30])
    with (folder / name).open("r+b") as file:
        if name.endswith("safetensors") and rng.random() < 0.7:
            head = json.dumps({"w": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
            file.write(struct.pack("<Q", len(head)) + head)
            size += 8 + len(head)
        file.truncate(size)
    value = json.loads((folder / MANIFEST).read_bytes())
    for one in value["files"]:
        if one["file"] == name:
            one["bytes"] = size
    (folder / MANIFEST).write_text(json.dumps(value))
    return f"{name} has {size} bytes"


def odd_manifest(folder: Path, rng: random.Random) -> str:
    path = folder / MANIFEST
    value = json.loads(path.read_bytes())
    entry = rng.choice(value["files"])
    kind = rng.choice(["field", "more", "twice", "name", "whole", "many", "raw"])
    if kind == "field":
        field = rng.choice(["file", "bytes", "sha256"])
        entry[field] = rng.choice(VALUES)
    elif kind == "more":
        extra = {"file": rng.choice(["../x", "x/y", "é", "a" * 200, ".hidden", "report.HTML"]), "bytes": 0}
        value["files"].append(extra | {"sha256": hashlib.sha256(b"").hexdigest()})
    elif kind == "twice":
        value["files"].append(entry)
    elif kind == "name":
        value["format_version"] = rng.choice(VALUES)
    elif kind == "whole":
        value = rng.choice(VALUES)
    elif kind == "many":
        value["files"] = [entry] * 200_000
    text = json.dumps(value) if kind != "raw" else rng.choice([DEEP, "[" * 100_000, "{" * 1000, "\ufeff{}", "nul"])
    path.write_text(text)
    return f"{MANIFEST}: {kind} {rng_text(value if kind != 'raw' else text)}"


def rng_text(value: Any) -> str:
    return f"{value!r:.80}"


# JSON


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a value, of long lists only the first few."""
    found = [at] if at else []
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in list(inner)[:40]:
        found += places(one, (*at, key))
    return found


def changed_json(folder: Path, rng: random.Random) -> str:
    """One to three places of a file of JSON."""
    name = rng.choice(json_files(folder))
    value = json.loads((folder / name).read_bytes())
    said = []
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        whole = places(value)
        if whole:
            said.append(_change(value, rng.choice(whole), rng))
    text = json.dumps(value)
    put(folder, name, text.encode("utf-8", "surrogatepass"))
    return f"{name}: {'; '.join(said)}"


def _change(value: Any, place: tuple[Any, ...], rng: random.Random) -> str:
    for key in place[:-1]:
        value = value[key]
    key, way = place[-1], rng.choice(["value", "value", "value", "drop", "like", "repeat"])
    if way == "drop":
        del value[key]
        return f"{place} dropped"
    if way == "like" and type(value[key]) in (int, float):
        value[key] = rng.choice([-value[key], value[key] + 1, value[key] * 1000, 10**9, -1, 0])
    elif way == "repeat" and isinstance(value[key], list):
        value[key] = value[key] * rng.choice([0, 2, 100])
    else:
        value[key] = rng.choice(VALUES)
    return f"{place} = {value[key]!r:.60}"


def changed_settings(folder: Path, rng: random.Random) -> str:
    """A setting to a value of its own type, or none."""
    whole = json.loads((folder / "config.json").read_bytes())
    part = rng.choice(["data", "network", "training"])
    names = whole["config"]["settings"][part]
    name = rng.choice(sorted(names))
    numbers = [-1, 0, 1, 2, 3, 64, 4000, 10**6, 10**9, 2**62, 0.0, 0.3, 0.999, 1.0, 1e30]
    words = [
        "gru",
        "lstm",
        "rnn",
        "mean",
        "sum",
        "concat",
        "none",
        "dot",
        "additive",
        "copy",
        "adaptive",
        "sampled",
        "both",
        "state",
    ]
    others = [None, True, False, "char", "word", "byte", "bpe", "chinese", "nfc", [], ["nfc"] * 50_000, [0.5, 0.5, 0.0]]
    names[name] = rng.choice(numbers + words + others)
    put(folder, "config.json", json.dumps(whole).encode())
    return f"settings.{part}.{name} = {names[name]!r:.60}"


def raw_json(folder: Path, rng: random.Random) -> str:
    """Text that JSON's own writer would not give."""
    name = rng.choice(json_files(folder))
    text = (folder / name).read_text()
    kind = rng.choice(["deep", "twice", "digits", "float", "comment", "utf-16", "bom", "number", "wide"])
    start = text.index("{") + 1
    more = {
        "deep": '"x": ' + "[" * 900 + "]" * 900 + ",",
        "twice": text[start : text.rindex("}")].strip() + ",",
        "digits": '"x": ' + "9" * 5000 + ",",
        "float": '"x": 1e999,',
        "comment": "/* */",
        "number": '"x": 0x10,',
        "wide": '"x": [' + ",".join(["[]"] * 3_000_000) + "],",
    }
    content = (text[:start] + more.get(kind, "") + text[start:]).encode()
    if kind == "utf-16":
        content = text.encode("utf-16")
    elif kind == "bom":
        content = b"\xef\xbb\xbf" + content
    put(folder, name, content)
    return f"{name}: {kind}"


DTYPES = [torch.float64, torch.bfloat16, torch.float16, torch.int64, torch.int8, torch.uint8, torch.bool]


def changed_tensors(folder: Path, rng: random.Random) -> str:
    name = rng.choice(tensor_files(folder))
    tensors = safetensors.torch.load((folder / name).read_bytes())
    key = rng.choice(sorted(tensors))
    value = tensors[key]
    ways: dict[str, Callable[[], Tensor | None]] = {
        "zeros(1)": lambda: torch.zeros(1),
        "no values": lambda: torch.zeros(0),
        "a number": lambda: torch.tensor(1.0),
        "transposed": lambda: value.t().contiguous() if value.dim() == 2 else value.unsqueeze(0),
        "a row more": lambda: torch.cat([value, value]) if value.dim() else value.reshape(1),
        "dropped": lambda: None,
        "NaN": lambda: value.float() * float("nan"),
        "infinite": lambda: torch.full_like(value, float("inf")),
        "huge": lambda: torch.full_like(value, 3e38),
        "large": lambda: torch.full_like(value, 1e18),
        "-1": lambda: torch.full_like(value, -1.0),
        "another type": lambda: value.to(rng.choice(DTYPES)),
        "wide": lambda: torch.zeros(3000, 3000),
    }
    way = rng.choice([*ways, "more", "renamed", "swapped", "all huge", "all NaN"])
    if way in ways:
        made = ways[way]()
        tensors.pop(key)
        if made is not None:
            tensors[key] = made
    elif way == "more":
        tensors[rng.choice(["x", "weight/x", "optimizer/0/x", "optimizer/9999/step", "state/7", "", "/", "é"])] = (
            value.clone()
        )
    elif way == "renamed":
        tensors[f"{key}x"] = tensors.pop(key)
    elif way == "swapped":
        other = rng.choice(sorted(tensors))
        tensors[key], tensors[other] = tensors[other].clone(), tensors[key].clone()
    else:
        fill = 3e38 if way == "all huge" else float("nan")
        tensors = {k: torch.full_like(v, fill) if v.is_floating_point() else v for k, v in tensors.items()}
    put(folder, name, safetensors.torch.save(tensors))
    return f"{name}: {key} {way}"


def changed_head(folder: Path, rng: random.Random) -> str:
    """The head of a safetensors file, which says what the tensors are."""
    name = rng.choice(tensor_files(folder))
    content = (folder / name).read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    head, rest = json.loads(content[8 : 8 + length]), content[8 + length :]
    key = rng.choice(sorted(k for k in head if k != "__metadata__"))
    way = rng.choice(["length", "shape", "offsets", "dtype", "entry", "twice", "metadata", "deep"])
    if way == "shape":
        head[key]["shape"] = rng.choice([[2**62, 4], [-1], [0], ["a"], [1.5], [1] * 100, None, [2**31, 2**31]])
    elif way == "offsets":
        head[key]["data_offsets"] = rng.choice([[0, 2**62], [-1, 3], [5, 1], [0], "ab", [0, len(rest) + 1]])
    elif way == "dtype":
        head[key]["dtype"] = rng.choice(["F8_E4M3", "F4", "X", 3, None, "U8", "F64"])
    elif way == "entry":
        head[key] = rng.choice(VALUES)
    elif way == "metadata":
        head["__metadata__"] = rng.choice(VALUES)
    text = json.dumps(head)
    if way == "twice":
        text = text[:-1] + f", {json.dumps(key)}: {json.dumps(head[key])}}}"
    elif way == "deep":
        text = text[:-1] + f', "deep": {DEEP}}}'
    made = text.encode("utf-8", "surrogatepass")
    size = len(made) if way != "length" else rng.choice([0, 1, 2**63, 2**32, len(made) - 1, len(made) + 1])
    put(folder, name, struct.pack("<Q", size) + made + rest)
    return f"{name}: head, {key} {way}"


MUTATIONS: list[tuple[int, Mutation]] = [
    (1, truncated), (1, missing), (1, exchanged), (2, flipped), (2, no_plain_file), (1, sparse), (2, odd_manifest),
    (8, changed_json), (4, changed_settings), (2, raw_json), (5, targeted), (6, changed_tensors), (2, changed_head),
]  # fmt: skip
"""With how often each is drawn."""


def mutate(folder: Path, rng: random.Random) -> str:
    """One of the mutations."""
    weights, ways = zip(*MUTATIONS, strict=True)
    (way,) = rng.choices(ways, weights)
    return f"{way.__name__}: {way(folder, rng)}"

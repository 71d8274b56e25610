"""Vocabularies and tokenizers of a model folder, changed where it is known what they mean."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from tests.fuzz.folder_files import VALUES, put

KNOWN = (
    "hidden_size num_layers embedding_size char_size batch_size threads longest longest_blank classes tags normalize "
    "max_length source files tokens tokenizer attributes engine cell"
).split()


def targeted(folder: Path, rng: random.Random) -> str:
    """What is known to have been costly, or to have been believed."""
    whole = json.loads((folder / "config.json").read_bytes())
    config, settings = whole["config"], whole["config"]["settings"]
    vocabulary = json.loads((folder / "preprocessing.json").read_bytes())
    said = rng.choice(KNOWN)
    huge = rng.choice([4000, 10**5, 10**9, 2**40])
    for part, names in (
        ("network", ("hidden_size", "num_layers", "embedding_size", "char_size")),
        ("training", ("batch_size", "threads")),
    ):
        if said in names:
            settings[part][said] = huge
    if said in ("longest", "longest_blank"):
        vocabulary[said] = huge
    elif said in ("classes", "tags"):
        names = [f"B-{i}" for i in range(30_000)]
        vocabulary[said] = rng.choice([names, vocabulary.get(said, ["a"]) * 2, [1, 2], "ab", []])
    elif said == "normalize":
        settings["data"]["normalize"] = ["nfkc"] * 100_000
    elif said == "max_length":
        settings["data"]["max_length"] = rng.choice([0, 1, huge])
    elif said == "source":
        config["source"][rng.choice(sorted(config["source"]))] = rng.choice(
            [*VALUES, "table", "labels", "tunes", "tagged", "parallel", "poems", "text", "classify", "language", "tag"]
        )
    elif said == "files":
        paths = ["/dev/zero", "/proc/self/environ", "../../../../etc/passwd", "", "\0", "x" * 5000, "."]
        config["source"]["files"] = [["all", rng.choice(paths)]]
    elif said == "engine":
        settings["network"]["engine"] = rng.choice(["vendor", "native", "turbo"])
    elif said == "cell":
        settings["network"]["cell"] = rng.choice(["gru", "lstm", "rnn", "os.system"])
    elif said == "attributes":
        vocabulary["attributes"] = rng.choice(
            [
                {"names": ["a"], "values": [["x"]], "seen": []},
                {"names": ["a"], "values": [["x"]], "seen": [[[5], 1]]},
                {"names": ["a"], "values": [["x"]], "seen": [[[0], -3]]},
                {"names": [], "values": [], "seen": [[[], 1]]},
                {"names": ["a", "a"], "values": [["x"], ["x"]], "seen": [[[0, 0], 10**400]]},
            ]
        )
    elif said in ("tokens", "tokenizer"):
        _odd_vocabulary(vocabulary, said, rng)
    put(folder, "preprocessing.json", json.dumps(vocabulary).encode())
    put(folder, "config.json", json.dumps(whole).encode())
    return f"targeted: {said} {huge}"


def _odd_vocabulary(vocabulary: Any, said: str, rng: random.Random) -> None:
    if isinstance(vocabulary, dict):
        for key, value in list(vocabulary.items()):
            if key == said == "tokens":
                first = value[-1]
                vocabulary[key] = rng.choice(
                    [
                        [*value, first],
                        value[:-1],
                        value * 2,
                        [*value[:-1], ""],
                        [*value[:-1], "ab\n"],
                        value[::-1],
                        [*value[:-1], "\ud800"],
                        [*value[:-1], "x" * 10**6],
                        [None, *value[1:]],
                    ]
                )
            elif key == said == "tokenizer":
                _odd_tokenizer(value, rng)
            else:
                _odd_vocabulary(value, said, rng)


def _odd_tokenizer(tokenizer: dict[str, Any], rng: random.Random) -> None:
    padding = {
        "strategy": {"Fixed": 10**9},
        "direction": "Right",
        "pad_to_multiple_of": None,
        "pad_id": 0,
        "pad_type_id": 0,
        "pad_token": "x",
    }
    grow = {"type": "Replace", "pattern": {"String": "a"}, "content": "a" * 100}
    catastrophic = {"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated", "invert": False}
    odd: dict[str, Any] = {
        "padding": padding,
        "truncation": {"direction": "Right", "max_length": 0, "strategy": "LongestFirst", "stride": 9},
        "normalizer": {"type": "Sequence", "normalizers": [grow] * 8},
        "pre_tokenizer": rng.choice([None, catastrophic, {"type": "Split", "pattern": {"Regex": "(?<"}}]),
        "decoder": {"type": "Replace", "pattern": {"Regex": "["}, "content": ""},
        "post_processor": {"type": "TemplateProcessing", "single": [], "pair": [], "special_tokens": {}},
        "added_tokens": [],
        "version": "9",
    }
    key = rng.choice([*odd, "vocab", "merges", "merges", "dropout"])
    model = tokenizer["model"]
    if key in odd:
        tokenizer[key] = odd[key]
    elif key == "dropout":
        model["dropout"] = 0.99
    elif key == "vocab":
        name = rng.choice(sorted(model["vocab"]))
        model["vocab"][name] = rng.choice([0, -1, 10**9, 2**40, "1", None])
    else:
        model["merges"] = rng.choice([[["a", "\ud800"]], [["zz", "qq"]], ["a"], [["a"]], [[]], model["merges"] * 50])


# tensors

"""Uses an exported model with numpy and onnxruntime alone: texts and frames in, answers out.

This file stands beside the graphs and imports nothing of Recurra:

    python reader.py "a text" ...

    from reader import Model
    model = Model("surnames-onnx")
    model.predict(["Rossi"])                        # classes with probabilities; of frames, arrays [T, I]
    model.next("ROMEO: "), model.generate("ROMEO: ", 200)
    model.run("sequence", tokens=..., lengths=...)  # any graph by its inputs' names; states left out begin anew

Sub-words and Chinese words are cut by libraries: give their ids to `run`.
"""

from __future__ import annotations

import json
import re
import string
import sys
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

KEPT = frozenset(string.ascii_letters + " .,;'-\n")
NORMALIZATIONS: dict[str, Callable[[str], str]] = {
    "nfc": lambda text: unicodedata.normalize("NFC", text),
    "nfkc": lambda text: unicodedata.normalize("NFKC", text),
    "lowercase": str.lower,
    "ascii": lambda text: "".join(c for c in unicodedata.normalize("NFD", text) if c in KEPT),
}
WORDS = re.compile(r"\n|\w+|[^\w\s]")
FACTOR = np.int64(-7046029254386353131)
SPELT = 1 << 32


class Vocabulary:
    """Texts to ids and back, as preprocessing.json says."""

    def __init__(self, stored: dict[str, Any]) -> None:
        self.level, self.split = stored.get("level", "bpe"), stored.get("split", "words")
        self.normalize, self.tokens = stored.get("normalize", []), stored.get("tokens", [])
        self.ids = {token: i for i, token in enumerate(self.tokens)}

    def encode(self, text: str) -> list[int]:
        if self.level == "bpe" or (self.split == "chinese" and self.level == "word"):
            raise ValueError("sub-words and Chinese words are cut by other libraries: give ids to `run`")
        for name in self.normalize:
            text = NORMALIZATIONS[name](text)
        if self.level == "byte":
            return [byte + 1 for byte in text.encode("utf-8")]
        return [self.ids.get(piece, 0) for piece in self._cut(text)]

    def cut(self, text: str) -> list[str]:
        """The words of a text, normalised, those that are not known too."""
        for name in self.normalize:
            text = NORMALIZATIONS[name](text)
        return self._cut(text)

    def _cut(self, text: str) -> list[str]:
        if self.level != "word":
            return list(text)
        if self.split == "space":
            return text.replace("\n", " <eos> ").split()
        return ["<eos>" if word == "\n" else word for word in WORDS.findall(text)]

    def decode(self, ids: Sequence[int]) -> str:
        if self.level == "byte":
            return bytes(i - 1 for i in ids if i).decode("utf-8", "replace")
        pieces = ["\n" if self.tokens[i] == "<eos>" else self.tokens[i] for i in ids]
        if self.level != "word":
            return "".join(pieces)
        return re.sub(r" ?\n ?", "\n", " ".join(pieces))

    def token(self, token: int) -> str:
        """One by itself; a byte that is no character by its number."""
        return f"<0x{token - 1:02X}>" if self.level == "byte" and token > 128 else self.decode([token])


class Model:
    """The graphs of a folder. about: its export.json; preprocessing: what the model learned of its data"""

    def __init__(self, folder: str | Path = ".") -> None:
        self.folder = Path(folder)
        self.about = json.loads((self.folder / "export.json").read_text("utf-8"))
        self.preprocessing = json.loads((self.folder / "preprocessing.json").read_text("utf-8"))
        stored = self.preprocessing.get("vocabulary")
        self.vocabulary = None if stored is None else Vocabulary(stored)
        self.labels: list[str] = self.about["labels"]
        self._sessions: dict[str, Any] = {}

    def run(self, graph: str, **inputs: Any) -> dict[str, Any]:
        """A graph's outputs by name. States that are left out are those that a sequence begins with."""
        import onnxruntime

        if graph not in self._sessions:
            self._sessions[graph] = onnxruntime.InferenceSession(
                str(self.folder / f"{graph}.onnx"), providers=["CPUExecutionProvider"]
            )
        session = self._sessions[graph]
        batch = len(next(iter(inputs.values())))
        for wanted in session.get_inputs():
            if wanted.name not in inputs and wanted.name.startswith("state_"):
                begun = np.asarray(self.about["starts"][wanted.name], np.float32)
                inputs[wanted.name] = np.repeat(begun[:, None], batch, 1)
        names = [each.name for each in session.get_outputs()]
        return dict(zip(names, session.run(names, inputs), strict=True))

    def ids(self, text: str) -> list[int]:
        """Errors: ValueError for a model that reads no texts, or none of this kind"""
        if self.vocabulary is None:
            raise ValueError(f"a model of the task {self.about['task']} is asked by `run`")
        return self.vocabulary.encode(text)

    def start(self) -> list[int]:
        """What a text without a beginning follows: a line's end, or the most frequent token."""
        end = self.ids("\n")
        return end if len(end) == 1 and end[0] else [1]

    def predict(self, inputs: Sequence[Any]) -> list[list[tuple[str, float]]]:
        """Of each text, or sequence of frames [T, I], the classes with their probabilities, the most probable first.

        Of frames with a label each, a list of these for each frame comes from `run`.
        """
        found = []
        for given in inputs:
            if not self.labels or "begin" in self.about["graphs"]:
                raise ValueError(f"a model of the task {self.about['task']} gives no classes")
            of_text = self.vocabulary is not None
            logits = self._text(given) if of_text else self._frames(np.asarray(given, np.float64))
            chances = softmax(logits)
            order = np.argsort(-chances, kind="stable")
            found.append([(self.labels[i], float(chances[i])) for i in order])
        return found

    def _text(self, text: str) -> Any:
        found = self.ids(text)
        if not found:
            raise ValueError(f"nothing is left of the text {text!r}")
        ids = np.array([found], np.int64)[:, : self.about.get("max_length")]
        given: dict[str, Any] = {"tokens": ids, "lengths": np.array([ids.shape[1]], np.int64)}
        if characters := self.preprocessing.get("characters"):
            codes, known = self._codes(text), np.array([ord(each) for each in characters])
            rows = np.searchsorted(known, codes).clip(max=len(known) - 1)
            given["letters"] = np.where(known[rows] == codes, rows + 1, 0)[None]
            given["letter_lengths"] = np.array([len(codes)], np.int64)
        if "skip" in self.about:
            given |= self._skip(ids[0], text)
        return self.run("sequence", **given)["logits"][0]

    def _codes(self, text: str) -> Any:
        """The code points of a text's words, joined by spaces."""
        assert self.vocabulary is not None
        joined = f" {' '.join(self.vocabulary.cut(text)[: self.about.get('max_length')])} "
        return np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.int64)

    def _skip(self, ids: Any, text: str) -> dict[str, Any]:
        """The n-grams of a text that the linear skip knows, found by their hashes."""
        skip = self.about["skip"]
        held = np.load(self.folder / "skip.npz")
        every = ngrams(ids, skip["orders"])
        if skip["spelling"]:
            every = np.concatenate([every, ngrams(self._codes(text) + SPELT, skip["spelling"])])
        positions = np.searchsorted(held["keys"], every).clip(max=len(held["keys"]) - 1)
        features, counts = np.unique(positions[held["keys"][positions] == every], return_counts=True)
        values = (1 + np.log(counts)) * held["scale"][features]
        share = skip["share"]
        if skip["after"] > 0:
            share *= min(max((len(ids) - skip["after"]) / max(skip["after"], 1.0), 0.0), 1.0)
        return {
            "skip_features": features.astype(np.int64),
            "skip_rows": np.zeros(len(features), np.int64),
            "skip_values": (values / max(np.sqrt((values**2).sum()), 1e-12)).astype(np.float32),
            "skip_share": np.array([share], np.float32),
        }

    def scaled(self, frames: Any) -> Any:
        """Frames as the network reads them. [T, I] -> [T, I or 2 I]"""
        made = self.preprocessing
        frames = np.copysign(np.sqrt(np.abs(frames)), frames) if made.get("root") else frames
        mean, deviation = np.array(made["mean"]), np.array(made["deviation"])
        if made["scale"] != "training":
            own, spread = np.nanmean(frames, 0), np.nanstd(frames, 0)
            spread = np.where(spread <= 1e-12 * np.maximum(1, np.abs(own)), 1.0, spread)
            mean, deviation = own, deviation if made["scale"] == "mean" else spread
        found = (frames - mean) / deviation
        missing = np.isnan(found)
        found = np.where(missing, 0.0, found)
        return (np.concatenate([found, missing], 1) if made["gaps"] else found).astype(np.float32)

    def _frames(self, frames: Any) -> Any:
        if self.preprocessing.get("picture") is not None:
            raise ValueError("pictures are asked by `run`, as bytes from 0 to 255 in floats")
        logits = self.run("sequence", frames=self.scaled(frames)[None], lengths=np.array([len(frames)]))["logits"][0]
        if logits.ndim > 1:
            raise ValueError("each frame has a label of its own: ask by `run`")
        return logits

    def next(self, text: str, top: int = 5) -> list[tuple[str, float]]:
        """The tokens that may follow a text, the most probable first."""
        ids = np.array([self.ids(text) or self.start()], np.int64)
        logits = self.run("sequence", tokens=ids, lengths=np.array([ids.shape[1]]))["logits"][0, -1]
        assert self.vocabulary is not None
        if not (self.vocabulary.level == "word" and self.vocabulary.split == "space"):
            logits[0] = -np.inf  # what is unknown is never written
        chances = softmax(logits)
        return [(self.vocabulary.token(int(i)), float(chances[i])) for i in np.argsort(-chances)[:top]]

    def generate(self, prompt: str = "", length: int = 200, *, temperature: float = 1.0, seed: int = 0) -> str:
        """The prompt and what may follow it; temperature 0 takes the most probable token each time."""
        random, ids = np.random.default_rng(seed), self.ids(prompt) or self.start()
        found = self.run("sequence", tokens=np.array([ids], np.int64), lengths=np.array([len(ids)]))
        logits, written = found["logits"][0, -1], list[int]()
        for _ in range(length):
            logits[0] = -np.inf
            best = int(logits.argmax())
            if temperature > 0:
                best = int(random.choice(len(logits), p=softmax(logits / temperature)))
            written.append(best)
            state = {name.replace("next_", "state_"): v for name, v in found.items() if name.startswith("next_")}
            found = self.run("step", tokens=np.array([best], np.int64), **state)
            logits = found["logits"][0]
        assert self.vocabulary is not None
        text = self.vocabulary.decode(written)
        apart = self.vocabulary.level == "word" and prompt and text and not (prompt[-1].isspace() or text[0].isspace())
        return f"{prompt} {text}" if apart else prompt + text


def ngrams(ids: Any, orders: Sequence[int]) -> Any:
    """The keys of all rows of so many ids, an edge on either side."""
    padded = np.concatenate([[-1], ids, [-1]])
    hashes, keys = mixed(padded + 2), []
    for order in range(1, min(max(orders), len(padded)) + 1):
        if order > 1:
            with np.errstate(over="ignore"):
                hashes = mixed(hashes[:-1] * FACTOR + (padded[order - 1 :] + 2))
        if order in orders:
            keys.append(hashes[1:-1] if order == 1 else hashes)
    return np.concatenate(keys)


def mixed(keys: Any) -> Any:
    """Keys whose bits depend on all bits of what is given."""
    with np.errstate(over="ignore"):
        spread = keys.astype(np.int64) * FACTOR
    return spread ^ ((spread >> 29) & ((1 << 35) - 1))


def softmax(logits: Any) -> Any:
    powers = np.exp(logits.astype(np.float64) - logits.max())
    return powers / powers.sum()


def main(texts: Sequence[str]) -> None:
    """Print what the model beside this file says of each text."""
    if not texts:
        sys.exit('usage: python reader.py "a text" ...')
    model = Model(Path(__file__).parent)
    try:
        for text in texts:
            model.ids(text)
            answer = model.predict([text])[0][:3] if model.labels else model.next(text)
            sys.stdout.write(text + "".join(f"\t{name!r} {chance:.3f}" for name, chance in answer) + "\n")
    except ValueError as error:
        sys.exit(f"reader.py: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])

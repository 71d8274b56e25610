"""Pictures and captions as a captioner takes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.data.captions.pictures import Captioned, Gathered, Shelf, divide, gather, without_captions
from recurra.data.captions.reading import Caption, Columns, read_captions
from recurra.data.pictures.decoding import Form, read_picture
from recurra.data.splits import PART_NAMES, PARTS, hold_out, many
from recurra.data.tokens.scripts import is_unspaced, writing
from recurra.data.tokens.subwords import Subwords, describe_sample
from recurra.data.tokens.vocabulary import Level, Vocabulary
from recurra.errors import DataError, UsageError, listed, quoted
from recurra.tasks.caption import encoders, frozen, given_vectors
from recurra.tasks.caption.encoders import Frozen
from recurra.tasks.caption.preprocessor import CaptionPreprocessor, Words
from recurra.tasks.caption.settings import CaptionDataSettings
from recurra.tasks.checked_rows import CheckedRows
from recurra.tasks.cutting import Indices, picked
from recurra.tasks.decoding.bleu import cut_by
from recurra.tasks.sources.source import Source, hashes, in_memory
from recurra.topologies.grid_encoders import SMALLEST, WIDTH

Ids = npt.NDArray[np.int64]
Seen = npt.NDArray[Any]
"""What the network's encoder reads: uint8 [N, 3, S, S] of pictures, or vectors float [N, S, C]."""


@dataclass(frozen=True)
class CaptionPart:
    """Pictures of one part. encoded: of all captions in a row, with their ends; owners: the picture of each"""

    items: list[Captioned]
    seen: Seen
    encoded: list[Ids]
    owners: Ids
    truncated: int = 0

    def checked_rows(self, most: int) -> CheckedRows:
        """Captions may repeat, of other pictures."""
        return CheckedRows(self.encoded[:most], repeats=False)

    def __len__(self) -> int:
        return len(self.items)

    @property
    def references(self) -> list[list[str]]:
        """What people said of each picture."""
        return [one.captions for one in self.items]

    @property
    def tokens(self) -> int:
        """Tokens to be predicted, ends among them."""
        return sum(map(len, self.encoded))

    def at(self, indices: Indices) -> CaptionPart:
        """The pictures at some indices, with all that was said of them."""
        here = np.flatnonzero(np.isin(self.owners, indices))
        owners = np.searchsorted(indices, self.owners[here])
        encoded = picked(self.encoded, here)
        return replace(self, items=picked(self.items, indices), seen=self.seen[indices], encoded=encoded, owners=owners)

    def vectors(self) -> npt.NDArray[np.float32]:
        """One vector a picture, of length 1, that is near for pictures that look alike. Shapes: -> [N, C]

        The mean of the grid where vectors stand for pictures, else the picture made small, without its mean.
        """
        if self.seen.dtype == np.uint8:
            n, c, high, wide = self.seen.shape
            step = max(1, high // 8)
            cut = self.seen[:, :, : high // step * step, : wide // step * step].astype(np.float32)
            made = cut.reshape(n, c, high // step, step, wide // step, step).mean((3, 5)).reshape(n, -1)
            made = made - made.mean(1, keepdims=True)
        else:
            made = self.seen.astype(np.float32).mean(1)
        lengths = np.linalg.norm(made, axis=1, keepdims=True)
        return np.asarray(made / np.maximum(lengths, 1e-12), np.float32)


@dataclass(frozen=True)
class CaptionData:
    """Everything a captioner learns from and is evaluated on. facts: what was read and done to it, plain values"""

    preprocessor: CaptionPreprocessor
    parts: dict[str, CaptionPart]
    contents: list[Ids]
    facts: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@in_memory
def prepare(
    source: Source,
    settings: CaptionDataSettings,
    pooled: bool,
    seed: int = 0,
    kept: CaptionPreprocessor | None = None,
) -> CaptionData:
    """Read, divide and encode. pooled: no grid is needed; kept: a vocabulary instead of the data's own

    Errors: DataError with file and line, or the picture; UsageError
    """
    check(settings)
    found = read(source, settings)
    items, notes = found.pictures, _left_out(found)
    trunk = frozen_of(settings, kept)
    seen, contents, done = look(items, settings, trunk, _home(source), pooled=pooled)
    notes += [f"{many(count, 'picture')}: {word}" for word, count in Counter(done).most_common()]
    indices, more = _divided(items, contents, source, settings, seed)
    notes += more
    for part in ("train", "validation"):
        if not indices[part]:
            raise DataError(
                f"the {part} part has no pictures; there are {len(items):,}",
                remedy="give more pictures, or another --split",
            )
    training = [text for place in indices["train"] for text in items[place].captions]
    words = _vocabulary(training, settings) if kept is None else kept.vocabulary
    if isinstance(words, Subwords) and kept is None:
        notes += describe_sample(len(training), settings.max_vocabulary, "training captions")
    parts = {
        part: encode_part([items[place] for place in some], seen[np.array(some, np.int64)], words, settings.max_length)
        for part, some in indices.items()
    }
    if cut := sum(part.truncated for part in parts.values()):
        notes.append(f"{cut:,} captions were truncated to {settings.max_length} tokens")
    train = parts["train"]
    longest = max(len(row) - int(row[-1] == len(words)) for row in train.encoded)
    size = _side(settings)
    positions, width = ((size + SMALLEST - 1) // SMALLEST) ** 2, WIDTH
    if seen.dtype != np.uint8:
        positions, width = seen.shape[1:]
    sha256 = "" if trunk is None else trunk.sha256
    bleu = cut_by(writing(training)) if kept is None else kept.bleu
    made = CaptionPreprocessor(words, settings.encoder, size, positions, width, longest, sha256, bleu)
    if kept is not None and _seen_by(kept) != _seen_by(made):
        raise UsageError(
            f"the run that this begins with sees {kept.positions} vectors of {kept.width} by {kept.encoder}, here they "
            f"are {positions} of {width} by {made.encoder}"
        )
    held_out = parts["test"] if len(parts["test"]) else parts["validation"]
    notes.append(_what_is_seen(settings, made))
    if kept is None and settings.level is None and words.level == "char":
        notes.append("captions are read by characters: no spaces stand between their words")
    facts = {
        "name": source.name,
        "files": hashes(source.files),
        "counts": {name: len(part) for name, part in parts.items()},
        "captions": {name: len(part.encoded) for name, part in parts.items()},
        "unit": "pictures",
        "vocabulary_size": len(words),
        "vocabulary_level": words.level,
        "unknown_rate": sum(int((row == 0).sum()) for row in held_out.encoded) / max(1, held_out.tokens),
        "left_out": found.left_out,
        "encoder": settings.encoder,
    }
    of_train = [np.frombuffer(bytes.fromhex(contents[place]), np.int64) for place in indices["train"]]
    return CaptionData(made, parts, of_train, facts, notes)


@in_memory
def encode_all(
    source: Source, settings: CaptionDataSettings, made: CaptionPreprocessor
) -> tuple[CaptionPart, dict[str, int]]:
    """All of a source as a model of this preprocessor is evaluated on it, and what was left out. Errors: DataError"""
    settings = settings.model_copy(update={"encoder": made.encoder, "image_size": made.image_size})
    found = read(source, settings)
    trunk = frozen_of(settings, made)
    seen, _, _ = look(found.pictures, settings, trunk, _home(source), pooled=made.positions == 1)
    if seen.dtype != np.uint8 and seen.shape[1:] != (made.positions, made.width):
        raise DataError(
            f"the vectors are {list(seen.shape)}, the model reads [N, {made.positions}, {made.width}]",
            file=settings.features,
        )
    part = encode_part(found.pictures, seen, made.vocabulary, settings.max_length)
    return part, {"left_out": found.left_out}


def check(settings: CaptionDataSettings) -> None:
    """Errors: UsageError for settings of an encoder that do not go together"""
    if (settings.encoder == "features") != (settings.features is not None):
        raise UsageError("features names the file of the vectors that the encoder features reads; give both or neither")
    if settings.encoder_weights is not None and settings.encoder not in encoders.NAMES[1:]:
        raise UsageError(f"encoder_weights is of a ResNet; the encoder is {settings.encoder}")
    if settings.encoder != "small" and settings.image_size != CaptionDataSettings().image_size:
        raise UsageError(f"image_size is of the encoder small; {settings.encoder} has its own")


def frozen_of(settings: CaptionDataSettings, kept: CaptionPreprocessor | None = None) -> Frozen | None:
    """The frozen encoder that settings name, with the weights of a run that is there. Errors: as `Frozen.of`"""
    if settings.encoder not in encoders.NAMES:
        return None
    known = "" if kept is None or kept.encoder != settings.encoder else kept.encoder_sha256
    return Frozen.of(settings.encoder, settings.encoder_weights, known)


def read(source: Source, settings: CaptionDataSettings) -> Gathered:
    """The captions of a source with their pictures; each picture's part, if the source says it. Errors: DataError"""
    columns = Columns(settings.image, settings.text, settings.split_column)
    captions: list[Caption] = []
    for part, path in source.files.items():
        own = read_captions(path, columns, encoding=settings.encoding)
        captions += own if part == "all" else [replace(one, part=part) for one in own]
    shelf = Shelf(source.files.values())
    given = settings.encoder == "features"
    found = gather(captions, None if given else shelf, strict=settings.strict)
    if given:  # pictures are shown where they are there
        shown = [
            replace(one, path=shelf.find(one.name, file=one.file, line=one.line)) if shelf.paths else one
            for one in found.pictures
        ]
        found.pictures = shown
    else:
        without_captions(found, shelf, strict=settings.strict, file=_home(source))
    return found


def look(
    items: Sequence[Captioned], settings: CaptionDataSettings, trunk: Frozen | None, home: Path, *, pooled: bool
) -> tuple[Seen, list[str], list[str]]:
    """What the encoder reads of each picture, a hash of each one's content, what was done to read it."""
    if settings.encoder == "features":
        assert settings.features is not None
        path = given_vectors.find(settings.features, home)
        made = given_vectors.read_vectors(path, [one.name for one in items])
        return made, [_digest(row) for row in made], []
    paths = [one.path for one in items if one.path is not None]
    if trunk is not None:
        return frozen.vectors(trunk, paths, pooled=pooled)
    form = Form((settings.image_size, settings.image_size))
    read = [read_picture(path, form) for path in paths]
    return np.stack([one.pixels for one in read]), [one.sha256 for one in read], [w for one in read for w in one.done]


def encode_part(items: list[Captioned], seen: Seen, words: Words, longest: int | None) -> CaptionPart:
    """The captions of pictures as ids; one that was cut has no end: the decoder must not learn to stop there."""
    texts = [text for one in items for text in one.captions]
    rows = words.encode_all(texts) if isinstance(words, Subwords) else [words.encode(text) for text in texts]
    encoded, truncated = [], 0
    for row in rows:
        over = longest is not None and len(row) > longest
        truncated += over
        encoded.append(row[:longest].astype(np.int64) if over else np.append(row, len(words)).astype(np.int64))
    owners = np.repeat(np.arange(len(items), dtype=np.int64), [len(one.captions) for one in items])
    return CaptionPart(items, seen, encoded, owners, truncated)


def _divided(
    items: Sequence[Captioned], contents: Sequence[str], source: Source, settings: CaptionDataSettings, seed: int
) -> tuple[dict[str, list[int]], list[str]]:
    """Places of the pictures of each part, and what to say of it."""
    if not any(one.part for one in items):
        twins = len(contents) - len(set(contents))
        notes = [f"{twins:,} pictures are another one under a further name: they share its part"] if twins else []
        return divide(items, contents, settings.split, seed=seed), notes
    found: dict[str, list[int]] = {part: [] for part in PARTS}
    for place, one in enumerate(items):
        part = PART_NAMES.get(one.part.lower(), {"restval": "train"}.get(one.part.lower()))
        if part is None:
            raise DataError(
                f"{quoted(one.part, 40)} names no part; they are called {listed(PARTS)}", file=one.file, line=one.line
            )
        found[part].append(place)
    notes = []
    if not found["validation"]:
        held = hold_out(settings.split)
        train = found["train"]
        made = divide([items[k] for k in train], [contents[k] for k in train], held.fractions, seed=seed)
        found |= {part: [train[k] for k in made[part]] for part in ("train", "validation")}
        notes.append(held.note)
    seen = {contents[k] for k in found["train"]}
    for part in ("validation", "test"):
        if same := sum(contents[k] in seen for k in found[part]):
            notes.append(f"{same:,} pictures of the {part} part stand in the training part too")
    return found, notes


def _vocabulary(texts: list[str], settings: CaptionDataSettings) -> Words:
    level = settings.level or _usual_level(texts)
    if level == "bpe":
        return Subwords.build(
            texts, normalize=settings.normalize, min_count=settings.min_count, max_size=settings.max_vocabulary
        )
    rarest, largest = (1, None) if level == "byte" else (settings.min_count, settings.max_vocabulary)
    return Vocabulary.build(
        texts, level=level, normalize=settings.normalize, split=settings.word_split, min_count=rarest, max_size=largest
    )


def _usual_level(texts: list[str]) -> Level:
    """Words, or characters where no spaces stand between them."""
    return "char" if is_unspaced(writing(texts)) else "word"


def _home(source: Source) -> Path:
    return next(iter(source.files.values()))


def _side(settings: CaptionDataSettings) -> int:
    return encoders.SIDE if settings.encoder in encoders.NAMES else settings.image_size


def _seen_by(made: CaptionPreprocessor) -> tuple[str, str, int, int]:
    return made.encoder, made.encoder_sha256, made.positions, made.width


def _digest(row: npt.NDArray[np.float32]) -> str:
    import hashlib

    return hashlib.sha256(row.tobytes()).hexdigest()


def _left_out(found: Gathered) -> list[str]:
    """What was left out, in sentences."""
    said = []
    for names, noun, what in (
        (found.missing, "caption", " whose picture is not there"),
        (found.uncaptioned, "picture", " without caption"),
        (found.empty, "caption", ", empty"),
    ):
        if names:
            said.append(f"left out: {many(len(names), noun)}{what}: {listed(list(dict.fromkeys(names)), 3)}")
    return said


def _what_is_seen(settings: CaptionDataSettings, made: CaptionPreprocessor) -> str:
    if settings.encoder == "small":
        return (
            f"pictures are seen at {made.image_size} x {made.image_size} pixels, by convolutions trained with the rest"
        )
    what = "one vector" if made.positions == 1 else f"{made.positions} vectors"
    return f"a picture is {what} of {made.width:,} numbers by {settings.encoder}, which stay as they are"

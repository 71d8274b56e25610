"""A trained captioner in use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch

from recurra.data.pictures.decoding import Bytes, Form, decode, is_picture, read_picture
from recurra.data.pictures.showing import png, smaller
from recurra.errors import DataError, UsageError
from recurra.tasks.abilities import Numeric
from recurra.tasks.caption import frozen, given_vectors
from recurra.tasks.caption.drawing import attended
from recurra.tasks.caption.preprocessor import CaptionPreprocessor
from recurra.tasks.decoding.searching import Candidate, search_for
from recurra.tasks.decoding.spelling import detokenize, shown
from recurra.tasks.forward_pass import ForwardPass
from recurra.tasks.model import Model
from recurra.tasks.word_vectors.table import WordVectors
from recurra.topologies.beam import Hypothesis, write_after
from recurra.topologies.captioner import Captioner
from recurra.topologies.search import Search

SEARCH = Search(beam=10, length_penalty=1.0, block_ngrams=3)
"""How captions are searched for unless something else is asked. Of validation photographs BLEU-4 was 16.5 so, 14.8
with a beam of 5; where two words in a row may not return, 16.0, with a beam of 20 too, and 16.2 where the ten best
were ranked anew by what was said of the ten nearest training pictures (Devlin et al. 2015). Three characters in a row
return in any good sentence."""
BATCH = 32
"""Pictures that are captioned at a time."""
LONGER = 5
"""Tokens that a caption may be longer than the longest of training."""
UNNAMED = "picture"
"""What one in memory is called."""
SHOWN = 224
"""Pixels of the longer side of a picture that is drawn."""


def search_of(level: str) -> Search:
    """SEARCH, without blocking where tokens are characters or bytes."""
    return replace(SEARCH, block_ngrams=0) if level in ("char", "byte") else SEARCH


@dataclass(frozen=True)
class Looked:
    """A picture as the network reads it. seen: uint8 [3, S, S] or vectors [S, C]; pixels: to be drawn, None if there
    are none
    """

    name: str
    seen: npt.NDArray[Any]
    pixels: Bytes | None


@dataclass(frozen=True)
class Described:
    """A picture and its captions, best first.

    tokens: of the best, the end (</s>) among them; weights: where each of them looked, float32 [T, S], None without
    attention; pixels: of the picture, None where there were vectors alone
    """

    name: str
    candidates: list[Candidate]
    tokens: list[str]
    weights: npt.NDArray[np.float32] | None
    pixels: Bytes | None = None

    @property
    def best(self) -> str:
        """The best caption."""
        return self.candidates[0].text


class CaptionModel(Model):
    """A trained captioner; inputs are pictures: paths, arrays of pixels, Pillow's pictures, or vectors of them."""

    does: ClassVar[str] = "it says what pictures show, with predict"
    unit: ClassVar[str] = "pictures"
    alternatives: ClassVar[int | None] = 1
    searching: ClassVar[type | None] = Search
    network: Captioner

    def __init__(self, network: Captioner, preprocessor: CaptionPreprocessor) -> None:
        self.network, self.preprocessor = network.eval(), preprocessor
        self.vocabulary = preprocessor.vocabulary

    def word_vectors(self) -> WordVectors:
        return WordVectors.of(self.vocabulary, self.network.target.weight[: len(self.vocabulary)])

    def commands(self, folder: str) -> list[str]:
        one = "vectors.npy" if self.preprocessor.encoder == "features" else "photo.jpg"
        return [f"predict {folder} {one} --top 3", f"evaluate {folder}"]

    def predict(self, inputs: Any, /, *, top: int = 1, **options: Any) -> list[Described]:
        """Captions of each picture, best first.

        options: of topologies.search.Search; `top` is another name of n_best, for which the beam widens
        Errors: UsageError for an option that there is not
        """
        looked = self.checked(inputs)
        found = self.search(
            [one.seen for one in looked], search_for(top, options, "a caption", search_of(self.vocabulary.level))
        )
        return [self._described(one, each) for one, each in zip(looked, found, strict=True)]

    def search(self, seen: Sequence[npt.NDArray[Any]] | npt.NDArray[Any], search: Search) -> list[list[Hypothesis]]:
        """What may be said of what the network reads of pictures, best first."""
        found: list[list[Hypothesis]] = []
        limit, device = self.preprocessor.longest + LONGER, self.network.bias.device
        for start in range(0, len(seen), BATCH):
            some = torch.from_numpy(np.stack(list(seen[start : start + BATCH]))).to(device)
            with torch.inference_mode():
                reading = self.network.read(some)
            positions, limits = [self.preprocessor.positions] * len(some), [limit] * len(some)
            found += write_after(self.network, reading, positions, limits, search, banned=(0,))
        return found

    def text(self, hypothesis: Hypothesis) -> str:
        """What was written, as people write it."""
        return detokenize(self.vocabulary, hypothesis.tokens, [None] * len(hypothesis.tokens))

    def read(self, path: Path) -> Looked:
        """A picture, or vectors of one in a .npy file. Errors: DataError"""
        made = self.preprocessor
        if made.encoder == "features":
            return Looked(path.name, self._vectors(given_vectors.load_one(path), path), None)
        whole = read_picture(path)
        return self._looked(path.name, whole.pixels, read_picture(path, self._form).pixels)

    def files(self, folder: Path) -> list[Path]:
        """The pictures of a folder, or the files of vectors, by name. Errors: DataError if it has none"""
        vectors = self.preprocessor.encoder == "features"
        found = [
            path
            for path in sorted(folder.iterdir())
            if not path.name.startswith(".") and (path.suffix.lower() == ".npy" if vectors else is_picture(path))
        ]
        if not found:
            raise DataError(f"this folder holds no {'.npy file' if vectors else 'picture'}", file=folder)
        return found

    def numeric(self) -> Numeric:
        """Vectors of a picture, or its pixels."""
        if self.preprocessor.encoder == "features":
            return Numeric("vectors [S, C] of a picture", 2)
        return Numeric("pixels [H, W, 3] or [3, H, W] of a picture, from 0 to 255", 3, whole=True)

    def checked(self, inputs: Any) -> list[Looked]:
        """One picture or several: paths, Pillow's pictures, arrays uint8 [H, W, 3], [3, H, W] or [H, W].

        Where vectors stand for pictures, arrays of those: [C], [S, C] or [C, H, W], or paths of .npy files.
        Errors: UsageError for anything else; DataError of a file
        """
        if isinstance(inputs, Looked | str | PathLike) or _is_picture(inputs) or isinstance(inputs, np.ndarray):
            several = isinstance(inputs, np.ndarray) and inputs.ndim == 4
            return [self._one(each, n) for n, each in enumerate(inputs if several else [inputs], start=1)]
        if isinstance(inputs, (bytes, bytearray, Mapping, Set)) or not isinstance(inputs, Sequence):
            raise UsageError(f"expected pictures: paths, arrays or Pillow's pictures; got {inputs!r:.60}")
        return [self._one(each, number) for number, each in enumerate(inputs, start=1)]

    def _one(self, given: Any, number: int) -> Looked:
        if isinstance(given, Looked):
            return given
        if isinstance(given, str | PathLike):
            if not str(given).strip():
                raise UsageError(f"picture {number} is an empty text, not a path")
            return self.read(Path(given))
        made, name = self.preprocessor, f"picture {number}"
        if made.encoder == "features":
            if not isinstance(given, np.ndarray):
                raise UsageError(f"{name}: expected vectors [{made.positions}, {made.width}], got {given!r:.60}")
            return Looked(UNNAMED, given_vectors.grid_of(given, made.width, made.positions), None)
        if isinstance(given, np.ndarray):
            content = png(_pixels(given, name))
        elif _is_picture(given):
            content = _encoded(given)
        else:
            raise UsageError(f"{name} is {given!r:.60}, neither a path, nor an array, nor a picture of Pillow's")
        try:
            return self._looked(UNNAMED, decode(content).pixels, decode(content, self._form).pixels)
        except DataError as error:
            raise UsageError(f"{name}: {error}") from error

    @property
    def _form(self) -> Form:
        return Form((self.preprocessor.image_size, self.preprocessor.image_size))

    def _looked(self, name: str, whole: Bytes, scaled: Bytes) -> Looked:
        seen: npt.NDArray[Any] = scaled
        if self.network.trunk is not None:
            seen = frozen.seen(self.network.trunk, [scaled])[0]
            if self.preprocessor.positions == 1:
                seen = frozen.mean_of(seen)
        return Looked(name, seen, smaller(whole, SHOWN))

    def _vectors(self, grid: npt.NDArray[np.float32], path: Path) -> npt.NDArray[np.float32]:
        wanted = self.preprocessor.positions, self.preprocessor.width
        if grid.shape != wanted:
            raise DataError(f"the vectors are {list(grid.shape)}, the model reads {list(wanted)}", file=path)
        return grid

    def _described(self, one: Looked, found: list[Hypothesis]) -> Described:
        candidates = [Candidate(self.text(h), h.log_probability, h.score) for h in found]
        best = found[0]
        tokens = [*(shown(self.vocabulary.tokens[token]) for token in best.tokens), "</s>"]
        weights = None if best.weights is None else best.weights.numpy().astype(np.float32)
        return Described(one.name, candidates, tokens, weights, one.pixels)

    def draw(self, prediction: Described, name: str) -> str:
        """Where the decoder looked for each word, as SVG text. Errors: UsageError for a model without attention"""
        if prediction.weights is None or prediction.pixels is None:
            raise UsageError(
                "this model has no picture to show: it was trained without attention, or reads vectors alone"
            )
        return attended(prediction.pixels, prediction.tokens, prediction.weights)

    def forward_pass(self, given: Any, /, **options: Any) -> ForwardPass:
        """See tasks.caption.forward_pass."""
        from recurra.tasks.caption.forward_pass import forward_pass

        return forward_pass(self, given, **options)

    def rows(self, predictions: Sequence[Described]) -> list[list[str]]:
        several = any(len(p.candidates) > 1 for p in predictions)
        return [
            ["" if rank else p.name, candidate.text, *([f"{candidate.score:.3f}"] if several else [])]
            for p in predictions
            for rank, candidate in enumerate(p.candidates)
        ]

    def document(self, predictions: Sequence[Described]) -> list[dict[str, Any]]:
        return [{"name": p.name, "captions": [c.to_json() for c in p.candidates]} for p in predictions]


def _is_picture(given: Any) -> bool:
    """Whether it is a picture of Pillow's."""
    return callable(getattr(given, "convert", None)) and callable(getattr(given, "getexif", None))


def _encoded(picture: Any) -> bytes:
    """The file's own format would lose what was done to the picture; PNG knows no CMYK."""
    import io

    stream = io.BytesIO()
    if picture.mode in ("CMYK", "YCbCr", "LAB", "HSV"):
        picture = picture.convert("RGB")
    picture.save(stream, "PNG", exif=picture.getexif())
    return stream.getvalue()


def _pixels(given: npt.NDArray[Any], name: str) -> Bytes:
    """[H, W, 3], [3, H, W] or [H, W] of bytes, or of floats from 0 to 1 -> uint8 [3, H, W]. Errors: UsageError"""
    if given.dtype.kind == "f" and given.size and np.isfinite(given).all() and 0 <= given.min() <= given.max() <= 1:
        given = np.round(given * 255).astype(np.uint8)
    if given.dtype != np.uint8:
        raise UsageError(f"{name} is of {given.dtype}; give bytes (uint8), or floats from 0 to 1")
    if given.ndim == 2:
        given = np.stack([given] * 3)
    elif given.ndim == 3 and given.shape[2] == 3:
        given = given.transpose(2, 0, 1)
    if given.ndim != 3 or given.shape[0] != 3 or not given.size:
        raise UsageError(f"expected {name} as [H, W, 3], [3, H, W] or [H, W], got {list(given.shape)}")
    return np.ascontiguousarray(given)

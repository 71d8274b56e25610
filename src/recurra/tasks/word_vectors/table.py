"""Word vectors that a network starts from: out of a file, or learned from the training part's texts first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from recurra.data.files.sources import sha256
from recurra.data.vectors.table import FOLDED, read_vectors
from recurra.errors import DataError
from recurra.topologies.embedding import fill_rows

if TYPE_CHECKING:
    from recurra.tasks.word_vectors.skipgram import Ids, Pass, SkipGram


@dataclass(frozen=True)
class WordTable:
    """A network's table of token vectors, and what its tokens are.

    tokens: row i is of token i, row 0 of what is unknown; weight: [V or more, E]; texts: the training part's, each [T]
    """

    tokens: Sequence[str]
    weight: Tensor
    texts: Sequence[Ids]


@dataclass(frozen=True)
class WordVectors:
    """The word vectors of a trained model. Shapes: rows float32 [V, E]

    normalize: what is done to a word before it is looked up, see data.normalize
    """

    tokens: list[str]
    rows: npt.NDArray[np.float32]
    normalize: tuple[str, ...] = ()

    @classmethod
    def of(cls, vocabulary: Any, weight: Tensor) -> WordVectors:
        """Those of a vocabulary's tokens but the unknown one, in the first rows of a table."""
        rows = weight.detach().float().cpu().numpy()[1 : len(vocabulary)]
        return cls(list(vocabulary.tokens[1:]), rows, tuple(vocabulary.normalize))


def from_file(table: WordTable, path: Path, *, encoding: str = "utf-8") -> dict[str, Any]:
    """Put a file's vectors into the table: what was found, plain values. See `notes`

    Errors: DataError with file and line, see data.vector_file; for a file of which nothing fits
    """
    from recurra.tasks.word_vectors.skipgram import count_tokens

    found = read_vectors(path, table.tokens, encoding=encoding)
    if not found.rows.any():
        raise DataError("all vectors of these tokens are 0", file=path)
    counts = count_tokens(table.texts, len(table.tokens))
    known = found.known
    factor = fill_rows(table.weight, torch.from_numpy(found.rows), torch.from_numpy(known))
    return {
        "file": path.name,
        "sha256": sha256(path),
        "size_bytes": path.stat().st_size,
        "width": found.rows.shape[1],
        "read": found.read,
        "encoding": encoding,
        "factor": factor,
        "types": len(table.tokens) - 1,
        "types_without": int((~known[1:]).sum()),
        "tokens": int(counts.sum()),
        "tokens_without": int(counts[~known].sum()),
        "lower_case": int((found.how == FOLDED).sum()),
        "duplicates": found.duplicates,
        "nameless": found.nameless,
        "undecodable": found.undecodable,
        "undecodable_at": found.undecodable_at,
    }


def from_texts(table: WordTable, how: SkipGram, *, notify: Callable[[Pass], None] | None = None) -> dict[str, Any]:
    """Learn vectors from the training part's texts and put them into the table: how, plain values.

    Errors: DataError if there is nothing to learn from
    """
    from recurra.tasks.word_vectors.skipgram import count_tokens, learn_vectors, passes

    counts = count_tokens(table.texts, len(table.tokens))
    how = replace(how, epochs=how.epochs or passes(int(counts.sum())))
    rows = learn_vectors(table.texts, len(table.tokens), how, notify=notify)
    known = counts > 0
    factor = fill_rows(table.weight, torch.from_numpy(rows), torch.from_numpy(known))
    return {
        "file": None,
        "width": how.width,
        "factor": factor,
        "types": len(table.tokens) - 1,
        "types_without": int((~known[1:]).sum()),
        "tokens": int(counts.sum()),
        "tokens_without": 0,
        "skip_gram": vars(how).copy(),
    }


def notes(facts: dict[str, Any]) -> list[str]:
    """What `from_file` or `from_texts` found, in lines for people."""
    if not facts:
        return []
    stands = "they stay as they are" if facts.get("frozen") else "they are trained further"
    scaled = f"multiplied by {facts['factor']:.3g} to the size of the network's own; {stands}"
    if facts["file"] is None:
        return [f"word vectors of {facts['width']} numbers were learned from the training part; {scaled}"]
    name = facts["file"]
    said = [
        f"{name} has {facts['read']:,} vectors of {facts['width']} numbers, {scaled}",
        f"out of vocabulary: {_rate(facts, 'types')} in the vocabulary, {_rate(facts, 'tokens')} in the training part; "
        "their vectors were drawn",
    ]
    if facts["lower_case"]:
        said.append(f"{facts['lower_case']:,} of the types took the vector of their lower case")
    if facts["undecodable"]:
        said.append(
            f"{facts['undecodable']:,} tokens of {name} are not {facts['encoding']}, the first in line "
            f"{facts['undecodable_at']:,}, and were left out; --vectors-encoding names the right one"
        )
    if facts["duplicates"]:
        said.append(f"{facts['duplicates']:,} vectors of {name} are of a token that had one; the first counts")
    if facts["nameless"]:
        said.append(f"{facts['nameless']:,} vectors of {name} have no token and were left out")
    return said


def _rate(facts: dict[str, Any], unit: str) -> str:
    count, missing = facts[unit], facts[f"{unit}_without"]
    return f"{missing / max(count, 1):.1%} of {count:,} {unit}"

"""Texts of the nearest examples: of the nearest one, or what those of several agree on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

ORDERS = (1, 2, 3, 4)
Float32 = npt.NDArray[np.float32]


def nearest(train: Float32, asked: Float32, count: int) -> npt.NDArray[np.int64]:
    """Places of the nearest vectors, the nearest first. Shapes: [N, C], [M, C] of length 1 -> int64 [M, count]"""
    near = asked @ train.T
    return np.asarray(np.argsort(-near, axis=1, kind="stable")[:, :count], np.int64)


def consensus(texts: Sequence[Sequence[str]]) -> int:
    """Which of some texts is most like the others: the highest mean cosine of its n-grams with theirs.

    The cosines are of counts of 1- to 4-grams, rare ones among these texts counting more, averaged over the orders.
    texts: as tokens
    Source: Devlin et al. 2015, Exploring nearest neighbor approaches for image captioning; Vedantam et al. 2015, CIDEr
    """
    total = np.zeros(len(texts))
    for order in ORDERS:
        counts = [Counter(zip(*(row[k:] for k in range(order)), strict=False)) for row in texts]
        place = {gram: k for k, gram in enumerate(sorted(set[tuple[str, ...]]().union(*counts)))}
        table = np.zeros((len(texts), max(1, len(place))))
        for row, found in enumerate(counts):
            for gram, count in found.items():
                table[row, place[gram]] = count
        table *= np.log((1 + len(texts)) / np.maximum(1, (table > 0).sum(0)))
        table /= np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-12)
        total += table @ table.sum(0) - np.square(table).sum(1)
    return int(total.argmax())

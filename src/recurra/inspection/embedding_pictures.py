"""Token vectors in a plane, with their tokens."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from recurra.report.lettering import in_a_line, shorten, text_width
from recurra.report.sheet import SMALL, Sheet
from recurra.report.svg import BLUE, LINE, MUTED
from recurra.tasks.word_vectors.table import WordVectors

MOST, LEAST = 150, 4
"""Tokens that are drawn, at most and at least."""
WIDTH, HEIGHT, EDGE = 720.0, 460.0, 30.0


def projected(rows: npt.NDArray[np.floating]) -> tuple[npt.NDArray[np.float64], float]:
    """Vectors on their first two principal components, and the share of the variance that these hold.

    Each component points to where its largest entry is positive. Shapes: [N, E] -> [N, 2]
    """
    centred = np.asarray(rows, np.float64) - np.mean(rows, axis=0, dtype=np.float64)
    _, sizes, axes = np.linalg.svd(centred, full_matrices=False)
    axes = axes[:2] * np.sign(axes[:2][np.arange(len(axes[:2])), np.abs(axes[:2]).argmax(1)])[:, None]
    whole = float((sizes**2).sum())
    found = centred @ axes.T
    if found.shape[1] < 2:
        found = np.hstack([found, np.zeros((len(found), 2 - found.shape[1]))])
    return found, float((sizes[:2] ** 2).sum()) / whole if whole else 0.0


def draw_vectors(vectors: WordVectors) -> tuple[str, float]:
    """The first MOST tokens, which are the most frequent where a vocabulary is sorted so, and their variance's share.

    A label that would lie on another is left out, its dot stays and answers to the pointer; "" for too few tokens
    """
    tokens, rows = vectors.tokens[:MOST], vectors.rows[:MOST]
    if len(tokens) < LEAST or not np.isfinite(rows).all():
        return "", 0.0
    points, share = projected(rows)
    span = np.ptp(points, axis=0)
    scaled = (points - points.min(0)) / np.where(span > 0, span, 1)
    sheet = Sheet(WIDTH, HEIGHT)
    taken: list[tuple[float, float, float, float]] = []
    sheet.line([(EDGE / 2, HEIGHT - EDGE / 2), (WIDTH - EDGE / 2, HEIGHT - EDGE / 2)], color=LINE)
    sheet.line([(EDGE / 2, EDGE / 2), (EDGE / 2, HEIGHT - EDGE / 2)], color=LINE)
    for token, (across, up) in zip(tokens, scaled.tolist(), strict=True):
        x, y = EDGE + across * (WIDTH - 3 * EDGE), EDGE + (1 - up) * (HEIGHT - 2 * EDGE)
        sheet.box((x, y), (5, 5), BLUE, round_=True, fill=0.9, about=in_a_line(token))
        word = shorten(in_a_line(token), SMALL, 90)
        place = (x + 5, y - 6, x + 8 + text_width(word, SMALL), y + 6)
        if not any(place[0] < b[2] and b[0] < place[2] and place[1] < b[3] and b[1] < place[3] for b in taken):
            taken.append(place)
            sheet.words((x + 6, y), word, align="left", color=MUTED)
    return sheet.svg(f"{len(tokens)} token vectors on their first two principal components"), share

"""What is odd about the data of a training: repeats, labels that do not fit, parts that differ."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.tasks.abilities import Classifying
from recurra.tasks.checked_rows import Checkable, CheckedRows

SHOWN = 10
"""Examples that are named."""
SURE, DOUBTED = 0.9, 0.05
"""A label looks wrong where a model gives it less than DOUBTED and another one more than SURE."""
MOST = 20_000
"""Examples of a part that are looked at."""


@dataclass(frozen=True)
class Suspect:
    """An example whose label looks wrong. where: file and line, "" if unknown; chance: of the other label"""

    example: str
    where: str
    label: str
    other: str
    chance: float


@dataclass(frozen=True)
class DataFacts:
    """What the parts look like; None where a task has no such thing.

    examples: of the training part; length: the mean number of steps; labels: of the training part, how many there are
    of each; prior: the loss on the validation part of whoever knows the frequencies of the classes alone, in nats;
    repeated: examples that stand in the training part before; contradicting: of these with another label; leaked:
    validation examples that the training part has too; token_drift: total variation between the tokens of the two
    parts, beyond what chance makes of parts of these sizes; label_drift: the same of labels; lengths: mean steps of
    both parts
    """

    examples: int = 0
    length: float = 0.0
    labels: Mapping[str, int] = field(default_factory=dict)
    prior: float | None = None
    repeated: int = 0
    contradicting: int = 0
    leaked: int = 0
    token_drift: float | None = None
    label_drift: float | None = None
    lengths: tuple[float, float] | None = None
    suspects: tuple[Suspect, ...] = ()


def facts_of(parts: Mapping[str, Any], classes: Sequence[str], model: Any = None) -> DataFacts:
    """Of parts that are `Checkable`, or one row of token ids; nothing is said of others.

    model: a trained one that finds labels which look wrong; None: they are not looked for
    """
    train, held_out = _checked(parts["train"]), _checked(parts["validation"])
    if train is None or not train.rows:
        return DataFacts()
    rows, labels = train.rows, train.labels
    others, other_labels = ((), None) if held_out is None else (held_out.rows, held_out.labels)
    seen: dict[bytes, Any] = {}
    repeated = contradicting = 0
    for place, key in enumerate(_keys(train)):
        own = None if labels is None else labels[place]
        if key in seen:
            repeated += 1
            contradicting += bool(own is not None and seen[key] != own)
        else:
            seen[key] = own
    several, inputs = len(rows) > 1, train.repeats
    return DataFacts(
        examples=len(rows),
        length=_mean_length(rows),
        labels={} if labels is None else _named(labels, classes),
        prior=None if labels is None or other_labels is None else _prior(labels, other_labels, len(classes)),
        repeated=repeated if inputs else 0,
        contradicting=contradicting,
        leaked=sum(key in seen for key in _keys(held_out)) if held_out is not None and several and inputs else 0,
        token_drift=_token_drift(rows, others),
        label_drift=None if labels is None or other_labels is None else _drift(labels, other_labels),
        lengths=(_mean_length(rows), _mean_length(others)) if others and several else None,
        suspects=() if model is None else _suspects(train, classes, model),
    )


def _mean_length(rows: Sequence[npt.NDArray[Any]]) -> float:
    return float(np.mean([len(row) for row in rows]))


def _checked(part: Any) -> CheckedRows | None:
    """None for a part that has no rows to be looked at."""
    if isinstance(part, np.ndarray) and part.ndim == 1:
        return CheckedRows([part] if len(part) else [])
    return part.checked_rows(MOST) if isinstance(part, Checkable) else None


def _keys(part: CheckedRows) -> Sequence[bytes]:
    return [row.tobytes() for row in part.rows] if part.keys is None else part.keys


def _named(labels: npt.NDArray[np.int64], classes: Sequence[str]) -> dict[str, int]:
    return {classes[k] if k < len(classes) else str(k): count for k, count in sorted(Counter(labels.tolist()).items())}


def _prior(train: npt.NDArray[np.int64], held_out: npt.NDArray[np.int64], classes: int) -> float | None:
    if not len(held_out):
        return None
    counts = np.bincount(train, minlength=max(classes, int(max(train.max(), held_out.max())) + 1)) + 1.0
    return float(-np.log(counts[held_out] / counts.sum()).mean())


def _token_drift(rows: Sequence[npt.NDArray[Any]], others: Sequence[npt.NDArray[Any]]) -> float | None:
    if not others or rows[0].dtype.kind not in "iu" or rows[0].ndim != 1:
        return None
    return _drift(np.concatenate(rows), np.concatenate(others))


def _drift(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> float:
    """Total variation, from 0 to 1, less what it is on average between two samples of one distribution."""
    size = int(max(a.max(), b.max())) + 1
    p, q = np.bincount(a, minlength=size) / len(a), np.bincount(b, minlength=size) / len(b)
    both = (p * len(a) + q * len(b)) / (len(a) + len(b))
    by_chance = np.sqrt(2 / math.pi * both * (1 - both) * (1 / len(a) + 1 / len(b))).sum() / 2
    return max(0.0, float(np.abs(p - q).sum() / 2 - by_chance))


def _suspects(part: CheckedRows, classes: Sequence[str], model: Any) -> tuple[Suspect, ...]:
    """Training examples that a model knows better than their labels, the surest first."""
    inputs, labels = part.inputs, part.labels
    if labels is None or inputs is None or not isinstance(model, Classifying) or len(classes) < 2:
        return ()
    found = model.predict_proba(list(inputs)[: len(labels)])
    own, best = found[np.arange(len(labels)), labels], found.argmax(1)
    odd = np.flatnonzero((own < DOUBTED) & (found.max(1) > SURE))
    order = odd[np.argsort(own[odd], kind="stable")][:SHOWN]
    return tuple(
        Suspect(
            str(getattr(inputs[k], "name", inputs[k]))[:80],
            part.place(k),
            classes[labels[k]],
            classes[int(best[k])],
            float(found[k, best[k]]),
        )
        for k in order.tolist()
    )

"""Which units follow something in what they read: found on one half of held-out text, measured on the other.

A probe may learn by heart what its tokens are. So beside each stands the same probe of a control: numbers that every
token has been given at random, once for all its occurrences. What is left of the score is the probe's selectivity.
Source: Hewitt & Liang 2019, Designing and interpreting probes with control tasks; single units as Karpathy et al. 2015,
        Visualizing and understanding recurrent networks
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.errors import UsageError
from recurra.inspection.following import FEATURES, Feature

Array = npt.NDArray[np.float64]
ENOUGH = 20
"""Of what is rarer in either half nothing is said."""
NOTHING: Mapping[str, Sequence[npt.NDArray[Any]]] = MappingProxyType({})
PENALTY = 1.0
"""Of the ridge regression over all units, by standardised unit and example."""


@dataclass(frozen=True)
class Probe:
    """One thing that is followed.

    number: whether it is one: then scores are shares of its variance that are explained, otherwise the mean accuracy on
    true and on false; count: tokens of the half that was measured on, where it is so (all for numbers); unit: the one
    that follows it best, by the key of `Trace.arrays` and its place; units: all of them together, by a linear probe
    """

    feature: str
    number: bool
    count: int
    unit: tuple[str, int]
    unit_score: float
    unit_control: float
    units_score: float
    units_control: float

    @property
    def selectivity(self) -> float:
        """What the unit's score is above that of the control."""
        return self.unit_score - self.unit_control

    @property
    def unit_name(self) -> str:
        key, place = self.unit
        return f"{key}[{place}]"


@dataclass(frozen=True)
class Probing:
    """probes: the most selective unit first; left_out: what is too rare in this text; tokens: of each half"""

    probes: tuple[Probe, ...]
    left_out: tuple[str, ...]
    tokens: tuple[int, int]

    def __getitem__(self, feature: str) -> Probe:
        """Errors: UsageError for what was not probed"""
        for probe in self.probes:
            if probe.feature == feature:
                return probe
        raise UsageError(f"nothing was probed that is called {feature!r}; of these {[p.feature for p in self.probes]}")

    def beside(self, other: Probing) -> Probing:
        """What both found, as one."""
        probes = sorted((*self.probes, *other.probes), key=lambda one: -one.selectivity)
        return Probing(tuple(probes), (*self.left_out, *other.left_out), self.tokens)

    def rows(self) -> list[list[str]]:
        """A table: a header, then a row for each."""
        head = ["follows", "tokens", "unit", "score", "control", "selectivity", "all units", "control"]
        return [
            head,
            *(
                [
                    f"{one.feature}{' (R²)' if one.number else ''}",
                    f"{one.count:,}",
                    one.unit_name,
                    f"{one.unit_score:.3f}",
                    f"{one.unit_control:.3f}",
                    f"{one.selectivity:+.3f}",
                    f"{one.units_score:.3f}",
                    f"{one.units_control:.3f}",
                ]
                for one in self.probes
            ),
        ]

    def text(self) -> str:
        """For a terminal."""
        rows = self.rows()
        widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
        return "\n".join("  ".join(f"{c:<{w}}" for c, w in zip(row, widths, strict=True)).rstrip() for row in rows)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        found = [asdict(one) | {"unit": list(one.unit), "selectivity": one.selectivity} for one in self.probes]
        return {"probes": found, "left_out": list(self.left_out), "tokens": list(self.tokens)}


def probe(
    states: Mapping[str, Sequence[npt.NDArray[Any]] | npt.NDArray[Any]],
    texts: Sequence[Sequence[str]],
    features: Sequence[Feature] = FEATURES,
    *,
    extra: Mapping[str, Sequence[npt.NDArray[Any]]] = NOTHING,
    warm: int = 0,
    seed: int = 0,
) -> Probing:
    """Probe units over texts, every other text for the fit and the rest for the scores.

    states: of each value for each row [T, H]; texts: the tokens of each row; warm: steps of each row that are not
    looked at, for it began without a past; seed: of the control
    extra: what else is looked for, by name for each row what is so at its steps [T], 0 or 1
    Errors: UsageError for fewer than two texts
    """
    if len(texts) < 2:
        raise UsageError(f"probing needs two texts at least, one to fit and one to measure, got {len(texts)}")
    keys = [(key, unit) for key, value in states.items() for unit in range(value[0].shape[1])]
    rows = [np.concatenate([value[k][warm:] for value in states.values()], 1) for k in range(len(texts))]
    halves = np.concatenate(rows[::2]).astype(np.float64), np.concatenate(rows[1::2]).astype(np.float64)
    rng, asked = np.random.default_rng(seed), []
    kinds, of_halves = _kinds(texts, warm)
    wanted = [(one.name, one.number, [one.values(list(text)) for text in texts]) for one in features]
    wanted += [(name, False, list(found)) for name, found in extra.items()]
    for name, number, found in wanted:
        values = [np.asarray(row, np.float64)[warm:] for row in found]
        y = np.concatenate(values[::2]), np.concatenate(values[1::2])
        given = rng.choice(y[0], size=kinds)  # a value for each token, as frequent as it is
        asked.append(_Asked(name, number, *y, given[of_halves[0]], given[of_halves[1]]))
    return _probed(keys, *halves, asked)


def probe_labels(states: Mapping[str, npt.NDArray[Any]], labels: Sequence[str], *, seed: int = 0) -> Probing:
    """Probe units at the ends of texts for what these are labelled, such as praise or blame.

    Each label is probed for, of two the first alone; in the control every text has a label at random.
    Shapes: states each [N, H]
    Errors: UsageError for fewer than two labels
    """
    names = sorted(set(labels))
    if len(names) < 2:
        raise UsageError(f"labels to be told apart are two at least, got {names}")
    keys = [(key, unit) for key, value in states.items() for unit in range(value.shape[1])]
    whole = np.concatenate([np.asarray(value, np.float64) for value in states.values()], 1)
    rng, asked = np.random.default_rng(seed), []
    for name in names[:1] if len(names) == 2 else names:
        y = np.array([float(label == name) for label in labels])
        control = rng.permutation(y)
        asked.append(_Asked(f"label {name}", False, y[::2], y[1::2], control[::2], control[1::2]))
    return _probed(keys, whole[::2], whole[1::2], asked)


@dataclass(frozen=True)
class _Asked:
    name: str
    number: bool
    fit: Array
    held: Array
    control_fit: Array
    control_held: Array


def _probed(keys: Sequence[tuple[str, int]], fit: Array, held: Array, asked: Sequence[_Asked]) -> Probing:
    mean, spread = fit.mean(0), fit.std(0)
    scale = np.where(spread > 1e-8, spread, np.inf)  # a unit that never moves follows nothing
    fit, held = (fit - mean) / scale, (held - mean) / scale
    solve: Array = np.asarray(np.linalg.solve(fit.T @ fit + PENALTY * np.eye(fit.shape[1]), fit.T), np.float64)
    probes, left_out = [], []
    for one in asked:
        number = one.number or not set(np.unique(np.concatenate([one.fit, one.held])).tolist()) <= {0.0, 1.0}
        if not _enough(one.fit, number) or not _enough(one.held, number):
            left_out.append(one.name)
            continue
        control = one.control_fit, one.control_held
        best, score = _best_unit(fit, held, one.fit, one.held, number)
        _, unit_control = _best_unit(fit, held, *control, number)
        both = [_linear(solve, fit, held, *pair, number) for pair in ((one.fit, one.held), control)]
        count = len(one.held) if number else int(one.held.sum())
        probes.append(Probe(one.name, number, count, keys[best], score, unit_control, *both))
    probes.sort(key=lambda one: -one.selectivity)
    return Probing(tuple(probes), tuple(left_out), (len(fit), len(held)))


def _kinds(texts: Sequence[Sequence[str]], warm: int) -> tuple[int, tuple[Any, Any]]:
    """How many distinct tokens there are, and those of both halves as numbers."""
    number: dict[str, int] = {}
    rows = [np.array([number.setdefault(token, len(number)) for token in text])[warm:] for text in texts]
    return len(number), (np.concatenate(rows[::2]), np.concatenate(rows[1::2]))


def _enough(y: Array, number: bool) -> bool:
    if number:
        return bool(np.ptp(y) > 0)
    return min(int(y.sum()), int((1 - y).sum())) >= ENOUGH


def _best_unit(fit: Array, held: Array, y_fit: Array, y_held: Array, number: bool) -> tuple[int, float]:
    """The unit that follows y most closely where it was fitted, and how well it does on the other half."""
    centred = y_fit - y_fit.mean()
    slopes = fit.T @ centred / np.maximum((fit**2).sum(0), 1e-12)
    sizes = np.abs(fit.T @ centred) / np.maximum(np.sqrt((fit**2).sum(0)), 1e-12)
    unit = int(sizes.argmax())
    if number:
        return unit, explained(y_held, y_fit.mean() + slopes[unit] * held[:, unit])
    values = fit[:, unit]
    high, low = (float(values[so].mean()) if so.any() else 0.0 for so in (y_fit > 0.5, y_fit < 0.5))
    above = held[:, unit] > (high + low) / 2
    return unit, balanced(y_held, above if high > low else ~above)


def _linear(solve: Array, fit: Array, held: Array, y_fit: Array, y_held: Array, number: bool) -> float:
    """A ridge regression over all units; of true and false its sign about the middle of both means."""
    weight = solve @ (y_fit - y_fit.mean())
    said = held @ weight
    if number:
        return explained(y_held, y_fit.mean() + said)
    fitted = fit @ weight
    both = [fitted[y_fit > 0.5], fitted[y_fit < 0.5]]
    middle = sum(float(each.mean()) for each in both if len(each)) / 2
    return balanced(y_held, said > middle)


def explained(y: Array, said: Array) -> float:
    """The share of the variance that is explained; below 0 for worse than the mean."""
    whole = float(((y - y.mean()) ** 2).sum())
    return 1 - float(((y - said) ** 2).sum()) / whole if whole else 0.0


def balanced(y: Array, said: npt.NDArray[np.bool_]) -> float:
    """The mean of the accuracies on true and on false: a half by chance, whatever is more frequent."""
    parts = [float((said[y > 0.5]).mean())] if (y > 0.5).any() else []
    parts += [float((~said[y < 0.5]).mean())] if (y < 0.5).any() else []
    return float(np.mean(parts)) if parts else 0.0

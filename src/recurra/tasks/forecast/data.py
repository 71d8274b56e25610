"""Series divided in time, their windows, and the skip that a network starts from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.data.series.learned import Tail
from recurra.data.series.panel import Panel, apart
from recurra.data.series.reading import Reading, read_panel
from recurra.data.series.roles import Asked
from recurra.data.series.rows import time_text
from recurra.data.series.season import Season, find_season
from recurra.data.series.windows import (
    Divided,
    Origins,
    divide,
    rolling_origins,
    steps_for,
    window_candidates,
)
from recurra.errors import DataError, UsageError, listed, quoted
from recurra.tasks.forecast.choosing import choose, note_of, tried
from recurra.tasks.forecast.encoded import Encoded, encode
from recurra.tasks.forecast.preprocessor import Preprocessor, fitted
from recurra.tasks.forecast.settings import ForecastDataSettings
from recurra.tasks.forecast.skips import FEWEST, Parts, Skip
from recurra.tasks.sources.source import Source, hashes, in_memory

Floats = npt.NDArray[np.float64]

LONGEST_HORIZON, USUAL_HORIZON = 48, 12
"""Of a season that is the horizon if none is asked for; the horizon without such a season. Units: steps"""
MOST_KEPT = 200_000
"""Numbers of all series' ends that a run keeps, if their windows need no more."""
MOST_CALIBRATION = 1000
"""Steps before an origin whose forecasts intervals learn from, at most."""


@dataclass(frozen=True)
class Part:
    """Forecasts of one part: the series, encoded, and where forecasts begin."""

    encoded: Encoded
    origins: Origins

    def __len__(self) -> int:
        return len(self.origins)


@dataclass(frozen=True)
class ForecastData:
    """skip, residuals: what stands beside the network, and what it leaves of training windows without having seen them,
    see choosing; linear: the best ridge regression, and what it reads; fresh: whether a network starts from the skip,
    not one that was trained before
    """

    encoded: Encoded
    parts: Parts
    season: Season
    step: int
    skip: Skip
    linear: tuple[Preprocessor, Skip]
    residuals: Floats
    fresh: bool
    facts: dict[str, Any]
    notes: list[str]
    most_windows: int | None = None
    """That baselines learn from, if not as many as they can."""

    @property
    def preprocessor(self) -> Preprocessor:
        return self.encoded.preprocessor

    def part(self, name: str) -> Part:
        """The forecasts of a part: of the test part the rolling origins, of the others every one."""
        made, ends = self.preprocessor, self.parts
        if name != "test":
            return Part(self.encoded, ends.origins(name, made.window, made.block))
        return Part(self.encoded, test_origins(self.encoded.panel, ends.validation, made, self.step, None))


def test_origins(panel: Panel, ends: Sequence[int], made: Preprocessor, step: int, count: int | None) -> Origins:
    """Rolling origins of the test parts, which begin where the validation parts end."""
    series, steps = [], []
    for number, (one, end) in enumerate(zip(panel.series, ends, strict=True)):
        low = max(end, made.window)
        some = rolling_origins(low, len(one), made.horizon, step, count)
        series += [number] * len(some)
        steps += some
    return Origins(np.array(series, np.int64), np.array(steps, np.int64))


def how_to_read(settings: ForecastDataSettings) -> Reading:
    """What the settings say of files."""
    asked = Asked(
        time=settings.time,
        id=settings.id,
        target=settings.target,
        future=settings.future,
        past=settings.past,
        static=settings.static,
    )
    return Reading(
        asked,
        encoding=settings.encoding,
        decimal=settings.decimal,
        thousands=settings.thousands,
        date_format=settings.date_format,
        timezone=settings.timezone,
        frequency=settings.frequency,
        sort=settings.sort,
        until=settings.until,
    )


@in_memory
def read_series(source: Source, settings: ForecastDataSettings) -> Panel:
    """The series of a source, each target column one of its own unless they are joint. Errors: DataError"""
    panel = read_columns(source, settings)
    return panel if settings.joint else apart(panel)


def read_columns(source: Source, settings: ForecastDataSettings) -> Panel:
    """The series of a source as its columns stand. Errors: DataError with file and line"""
    if source.files.keys() != {"all"}:
        raise DataError(
            f"{source.name} has a file for each of {listed(source.files)}; series are divided in time",
            remedy="give one file that holds all of the time",
        )
    return read_panel(source.files["all"], how_to_read(settings))


def prepare(source: Source, settings: ForecastDataSettings, normalise: str, kept: Preprocessor | None) -> ForecastData:
    """Read, divide in time, find the season, choose what the network reads. kept: used instead of what would be learned

    Errors: DataError with file and line, for series that are shorter than a window and a horizon too, with their names
    """
    if settings.validation is not None or settings.test is not None:
        raise UsageError(
            "validation and test are files of other tasks; series are divided in time, by split or origins"
        )
    read = _read(source, settings)
    panel = read if settings.joint else apart(read)
    file = source.files["all"]
    notes = list(panel.notes)
    season = _season(panel, settings) if kept is None else Season(kept.season, 0.0, "the model's own")
    notes.append(f"season {season.period}: {season.why}" if season.period > 1 else f"no season: {season.why}")
    horizon = kept.horizon if kept is not None else settings.horizon
    if horizon is None:
        horizon = season.period if 1 < season.period <= LONGEST_HORIZON else USUAL_HORIZON
        notes.append(f"the horizon is {horizon} steps (--horizon for another)")
    step = settings.step or horizon
    if settings.skip_short:
        panel, left_out = _long_enough(panel, settings, kept, horizon, step, file)
        notes += left_out
    divided = _divided(panel, settings, horizon, step)
    parts = Parts([d.train for d in divided], [d.validation for d in divided])
    if kept is not None:
        block, windows = kept.block, [kept.window]
    else:
        block = 1 if settings.decoding == "recursive" else horizon
        windows = _windows(panel, settings, parts, season, block)
    _check_lengths(panel, parts, min(windows), block, file)
    if not len(parts.origins("validation", min(windows), block)):
        raise DataError(
            "the validation part holds no whole forecast",
            remedy="give it a share, as in --split 70/15/15, or a shorter horizon",
            file=file,
        )
    constant = [s.name for s, end in zip(panel.series, parts.train, strict=True) if _is_constant(s.target[:end])]
    if constant:
        are = "is" if len(constant) == 1 else "are"
        notes.append(f"{listed(constant, 6)} {are} constant in the training part")
    if kept is not None:
        made = _refitted(panel, parts, kept)
        chosen = tried(made, encode(panel, made), parts)
    else:
        calibration = max(v - t for t, v in zip(parts.train, parts.validation, strict=True))
        fixed = {
            "horizon": horizon,
            "block": block,
            "calibration": min(calibration, MOST_CALIBRATION),
            "season": season.period,
            "levels": settings.quantiles,
            "gaps": bool(any(np.isnan(s.target).any() for s in panel.series)),
            "apart": not settings.joint,
        }
        chosen = choose(
            panel,
            parts,
            windows=windows,
            transform=settings.transform,
            normalise=normalise,
            dates=settings.dates,
            fixed=fixed,
        )
    if chosen is None:
        raise _too_few(panel, windows, block, file)
    made = chosen.preprocessor
    if kept is None:
        notes.append(note_of(chosen))
        centres = made.centres if made.by_level else {}
        made = replace(made, asked=read.columns, tails=_tails(panel, made), centres=centres)
    encoded = replace(chosen.encoded, preprocessor=made)
    ridge, left = chosen.linear or chosen, chosen.residuals()
    linear = ridge.preprocessor, ridge.skip
    data = ForecastData(encoded, parts, season, step, chosen.skip, linear, left, kept is None, {}, notes)
    counts = {name: len(data.part(name)) for name in ("train", "validation", "test")}
    notes.append(_scored_on(panel, data.part("test"), made, step, season))
    facts = {
        "name": source.name,
        "files": hashes(source.files),
        "unit": "forecasts",
        "counts": counts,
        "series": len(panel),
        "steps": panel.steps(),
        "frequency": panel.frequency.name,
        "season": season.period,
        "window": made.window,
        "horizon": made.horizon,
    }
    return replace(data, facts=facts)


@in_memory
def _read(source: Source, settings: ForecastDataSettings) -> Panel:
    return read_columns(source, settings)


def _tails(panel: Panel, made: Preprocessor) -> list[Tail]:
    """What a run keeps of each series: enough for a forecast and its intervals, less where series are many."""
    width = max(1, sum(map(len, (panel.columns.target, panel.columns.past, panel.columns.future))))
    most = max(MOST_KEPT // (len(panel) * width), made.window)
    steps = min(made.window + made.calibration + made.horizon, most)
    return [Tail.of(panel, one, max(steps, 2 * made.season if made.season <= 400 else 0)) for one in panel.series]


def _scored_on(panel: Panel, test: Part, made: Preprocessor, step: int, season: Season) -> str:
    """Origins, their step and m, as whoever compares figures must know them."""
    scale = f"MASE is scaled by changes over m = {season.period} step{'' if season.period == 1 else 's'}"
    if not len(test):
        return f"no test part: the validation part is evaluated; {scale}"
    first, last = (
        time_text(panel.times(panel.series[s], t, t + 1)[0], panel.frequency)
        for s, t in ((int(test.origins.series[k]), int(test.origins.step[k])) for k in (0, -1))
    )
    each = "" if len(panel) == 1 else f" in {len(panel):,} series"
    return (
        f"the test part has {len(test):,} origins{each}, {step} step{'' if step == 1 else 's'} apart, from {first} to "
        f"{last}, {made.horizon} steps ahead; {scale}"
    )


def _season(panel: Panel, settings: ForecastDataSettings) -> Season:
    if settings.season is not None:
        return Season(settings.season, 0.0, "asked for")
    columns = [one.target[:, k] for one in panel.series[:200] for k in range(one.target.shape[1])]
    return find_season(columns, panel.frequency.seasons())


def _divided(panel: Panel, settings: ForecastDataSettings, horizon: int, step: int) -> list[Divided]:
    tested = None
    if settings.origins is not None:
        tested = steps_for(settings.origins, step, horizon)
    return [divide(len(one), settings.split, horizon, tested) for one in panel.series]


def _windows(panel: Panel, settings: ForecastDataSettings, parts: Parts, season: Season, block: int) -> list[int]:
    """Lengths of windows to try."""
    if settings.window is not None:
        return [settings.window]
    least = FEWEST if len(panel) == 1 else 1
    longest = min(parts.train) - block - least
    seasons = [season.period] if settings.season is not None else [season.period, *panel.frequency.seasons()]
    horizon = settings.horizon or block
    return window_candidates([one for one in seasons if one > 1], max(horizon, 2), max(longest, 2))


def _long_enough(
    panel: Panel, settings: ForecastDataSettings, kept: Preprocessor | None, horizon: int, step: int, file: Path
) -> tuple[Panel, list[str]]:
    """Without the series whose training part holds no window and horizon, and a note that names them.

    Where the window is yet to be chosen, the shortest that is tried. Errors: DataError if none is left
    """
    if kept is not None:
        window, block = kept.window, kept.block
    else:
        window = settings.window or 2 * max(horizon, 2)
        block = 1 if settings.decoding == "recursive" else horizon
    divided = _divided(panel, settings, horizon, step)
    fits = [one.train >= window + block for one in divided]
    if all(fits):
        return panel, []
    if not any(fits):
        longest = max(panel.series, key=len)
        raise DataError(
            f"all {len(panel)} series are too short: none holds a window of {window} and a horizon of {block} in its "
            f"training part; the longest, {quoted(longest.name)}, has {len(longest):,} steps",
            remedy="give longer series, a smaller --horizon, --window or --origins",
            file=file,
        )
    short = [one.name for one, fit in zip(panel.series, fits, strict=True) if not fit]
    left = replace(panel, series=[one for one, fit in zip(panel.series, fits, strict=True) if fit])
    are = "is" if len(short) == 1 else "are"
    return left, [
        f"{len(short):,} of {len(panel):,} series {are} left out, too short for a window of {window} and a horizon of "
        f"{block} in the training part: {listed(short, 8)}"
    ]


def _check_lengths(panel: Panel, parts: Parts, window: int, block: int, file: Any) -> None:
    """Errors: DataError that names the series whose training part holds no window and horizon"""
    short = [(one, end) for one, end in zip(panel.series, parts.train, strict=True) if end < window + block]
    if not short:
        return
    one, end = short[0]
    names = listed([s.name for s, _ in short], 8)
    what = f"the series {quoted(one.name)}" if len(short) == 1 else f"{len(short)} series ({names})"
    if len(short) == 1:
        message = (
            f"{what} of {len(one):,} steps, {max(end, 0):,} of them for training, cannot hold a window of {window} "
            f"and a horizon of {block}"
        )
    else:
        message = (
            f"{what} cannot hold a window of {window} and a horizon of {block} in their training parts; "
            f"{quoted(one.name)} has {max(end, 0):,} of {len(one):,} steps there"
        )
    raise DataError(
        message,
        remedy="give longer series, a smaller --horizon, --window or --origins, or leave them out: --skip-short",
        file=file,
        line=one.line or None,
    )


def _too_few(panel: Panel, windows: list[int], block: int, file: Any) -> DataError:
    return DataError(
        f"fewer than {FEWEST} windows of {min(windows)} steps and the {block} after them are whole in the training "
        f"part of {len(panel)} series",
        remedy="give longer series, a smaller --window, or fewer missing values",
        file=file,
    )


def _is_constant(values: Floats) -> bool:
    known = values[~np.isnan(values).any(1)]
    return not len(known) or bool((known == known[0]).all())


def _refitted(panel: Panel, parts: Parts, kept: Preprocessor) -> Preprocessor:
    """What another run learned, with the scales of series that it does not know."""
    own = fitted(
        panel,
        parts.train,
        kept.transform,
        window=kept.window,
        horizon=kept.horizon,
        block=kept.block,
        calibration=kept.calibration,
        season=kept.season,
        levels=kept.levels,
        by_window=kept.by_window,
        by_level=kept.by_level,
        cycles=kept.cycles,
        gaps=kept.gaps,
        apart=kept.apart,
    )
    centres = {**own.centres, **kept.centres} if kept.by_level else {}
    return replace(kept, scales={**own.scales, **kept.scales}, centres=centres)


def whole(source: Source, settings: ForecastDataSettings, made: Preprocessor) -> Part:
    """All of a source as one part: rolling origins from the first window on. Errors: DataError"""
    panel = read_series(source, settings)
    encoded = encode(panel, made)
    step = settings.step or made.horizon
    origins = test_origins(panel, [made.window] * len(panel), made, step, settings.origins)
    if not len(origins):
        longest = max(panel.series, key=len)
        raise DataError(
            f"no series holds a window of {made.window} and a horizon of {made.horizon}; the longest, "
            f"{quoted(longest.name)}, has {len(longest):,} steps",
            remedy="give longer series",
            file=source.files["all"],
        )
    return Part(encoded, origins)

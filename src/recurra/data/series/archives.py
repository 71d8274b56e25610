"""Series archives: .tsf (Monash forecasting archive) and .ts (sktime, aeon)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from recurra.data.files.text import iter_lines
from recurra.data.series.calendar import STEPS, Frequency, frequency_named, infer_frequency
from recurra.data.series.numbers import numbers
from recurra.data.series.panel import Columns, Panel, Series
from recurra.data.series.times import parse_times
from recurra.errors import DataError, UsageError, listed, quoted

ARCHIVES = (".tsf", ".ts")


def read_archive(path: Path, *, encoding: str = "utf-8", frequency: str | None = None) -> Panel:
    """As `read_labelled`, without the labels."""
    panel, labels = read_labelled(path, encoding=encoding, frequency=frequency)
    return replace(panel, notes=[*panel.notes, "class labels are left out"]) if labels else panel


def read_labelled(path: Path, *, encoding: str = "utf-8", frequency: str | None = None) -> tuple[Panel, list[str]]:
    """The series of a .tsf or .ts file. "?" and "NaN" are missing values.

    .tsf: a line is `attribute:...:values`; the attributes series_name and start_timestamp are used where there are any.
    .ts: a line is `dimension:dimension:...`, each of values separated by commas, or of (time,value) pairs; a class
    label may stand at its end. The dimensions are the columns of one series. Labels: one a series, none if the header
    says that there are none, or that they are numbers.
    Errors: DataError with line for an invalid header or row, and as `numbers`
    """
    header: dict[str, str] = {}
    attributes: list[tuple[str, str]] = []
    lines = enumerate(iter_lines(path, encoding), start=1)
    for number, line in lines:
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if not text.startswith("@"):
            raise DataError(
                f"expected a line that begins with @ before @data, got {quoted(text, 40)}", file=path, line=number
            )
        word, _, rest = text[1:].partition(" ")
        if word.lower() == "data":
            break
        if word.lower() == "attribute":
            name, _, kind = rest.strip().rpartition(" ")
            if not name:
                raise DataError("@attribute has a name and a type", file=path, line=number)
            attributes.append((name, kind.lower()))
        header[word.lower()] = rest.strip()
    else:
        raise DataError("there is no @data", remedy="series stand below a line @data", file=path)
    rows = [(number, line.strip()) for number, line in lines if line.strip() and not line.startswith("#")]
    if not rows:
        raise DataError("there is no series below @data", remedy="give at least one", file=path)
    step = _frequency(frequency or header.get("frequency"), path)
    if path.name.lower().removesuffix(".gz").removesuffix(".zip").endswith(".tsf"):
        return _tsf(path, header, attributes, rows, step), []
    return _ts(path, header, rows, step)


def _frequency(name: str | None, path: Path) -> Frequency | None:
    try:
        return frequency_named(name) if name else None
    except UsageError as error:
        raise DataError(str(error), remedy="say it with --frequency", file=path) from error


def _tsf(
    path: Path,
    header: dict[str, str],
    attributes: list[tuple[str, str]],
    rows: list[tuple[int, str]],
    frequency: Frequency | None,
) -> Panel:
    indices = {name.lower(): place for place, (name, _) in enumerate(attributes)}
    series = []
    for count, (line, text) in enumerate(rows):
        parts = text.split(":")
        if len(parts) != len(attributes) + 1:
            raise DataError(
                f"this series has {len(parts) - 1} attributes, the header has {len(attributes)}",
                remedy="attributes and values are separated by colons; a clock is written 00-00-00",
                file=path,
                line=line,
            )
        name = parts[indices["series_name"]] if "series_name" in indices else f"T{count + 1}"
        start = np.datetime64(0, "s")
        if "start_timestamp" in indices and frequency not in (None, STEPS):
            cell = parts[indices["start_timestamp"]]
            start = parse_times([cell], column="start_timestamp", path=path, lines=[line]).times[0]
        cells = parts[-1].split(",")
        values = numbers(cells, column="the values", path=path, lines=[line] * len(cells))
        series.append(_series(name, start, values[:, None], path, line))
    notes = [f"{header['relation']}"] if header.get("relation") else []
    dated = frequency if frequency is not None and "start_timestamp" in indices else STEPS
    if frequency is not None and dated is STEPS:
        notes.append(f"the series are {frequency.name}, but have no start: steps are numbered")
    return Panel(series, Columns(("value",)), dated, notes)


def _ts(
    path: Path, header: dict[str, str], rows: list[tuple[int, str]], frequency: Frequency | None
) -> tuple[Panel, list[str]]:
    of_class, of_number = (header.get(key, "").lower().startswith("true") for key in ("classlabel", "targetlabel"))
    known = set(header.get("classlabel", "").split()[1:])
    stamped = header.get("timestamps", "false").lower() == "true"
    series, labels, width, dated = [], [], 0, STEPS
    for count, (line, text) in enumerate(rows):
        dimensions = list(_dimensions(text, stamped))
        if of_class:
            labels.append(dimensions[-1].strip())
            if known and labels[-1] not in known:
                raise DataError(
                    f"the label {quoted(labels[-1], 40)} is none of the header's, {listed(sorted(known))}",
                    remedy="a row ends with a colon and its label; write the label behind @classLabel true",
                    file=path,
                    line=line,
                )
        if of_class or of_number:
            dimensions = dimensions[:-1]
        start = np.datetime64(0, "s")
        columns = []
        for dimension in dimensions:
            if stamped:
                pairs = re.findall(r"\(([^,()]+(?: [^,()]+)?),([^()]*)\)", dimension)
                if not pairs:
                    raise DataError("expected (time,value) pairs", file=path, line=line)
                times = parse_times([p[0] for p in pairs], column="time", path=path, lines=[line] * len(pairs)).times
                found, odd = infer_frequency(times)
                if found is None or odd:
                    raise DataError("the times of this series are not evenly spaced", file=path, line=line)
                start, dated = times[0], frequency or found
                cells = [p[1] for p in pairs]
            else:
                cells = dimension.split(",")
            columns.append(numbers(cells, column="the values", path=path, lines=[line] * len(cells)))
        if not columns or len({len(column) for column in columns}) > 1:
            lengths = ", ".join(str(len(column)) for column in columns) or "none"
            raise DataError(
                f"the dimensions of a series are equally long, here {lengths}",
                remedy="write ? for missing values",
                file=path,
                line=line,
            )
        if width and len(columns) != width:
            raise DataError(f"this series has {len(columns)} dimensions, the first has {width}", file=path, line=line)
        width = len(columns)
        series.append(_series(f"S{count + 1}", start, np.stack(columns, 1), path, line))
    names = ("value",) if width == 1 else tuple(f"dimension {k + 1}" for k in range(width))
    notes = ["the numbers to be told are left out"] if of_number else []
    return Panel(series, Columns(names), dated, notes), labels


def _dimensions(text: str, stamped: bool) -> Iterator[str]:
    """The parts between colons; a colon of a clock stands inside parentheses."""
    if not stamped:
        yield from text.split(":")
        return
    depth, begun = 0, 0
    for place, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if sign == ":" and not depth:
            yield text[begun:place]
            begun = place + 1
    yield text[begun:]


def _series(name: str, start: np.datetime64, values: np.ndarray, path: Path, line: int) -> Series:
    if np.isnan(values).all():
        raise DataError(f"the series {quoted(name)} has no value at all", remedy="leave it out", file=path, line=line)
    empty = np.zeros((len(values), 0))
    return Series(name, start, values, empty, empty, np.zeros(0), line)

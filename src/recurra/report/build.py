"""The record as one HTML page that needs nothing else: no network, no fonts of its own, and no script to be read."""

from __future__ import annotations

import base64
import functools
import hashlib
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from recurra.errors import DataError
from recurra.report import numbers
from recurra.report.best import best_baseline
from recurra.report.course import draw_course, why_kept
from recurra.report.curves import draw_lines
from recurra.report.mathtext import draw_equation
from recurra.report.matrix import draw_matrix, how_to_read
from recurra.report.metric import PERCENT, find
from recurra.report.record import Baseline, RunRecord
from recurra.report.sections import Bar, Bars, Cell, Column, Columns, Curves, Matrix, Picture, Section, Table
from recurra.report.svg import checked_svg

BROAD = 520.0
"""CSS pixels of a picture that stands in a row of its own."""


@dataclass(frozen=True)
class Card:
    """A headline number, and the best baseline's beside it."""

    label: str
    value: str
    baseline: str = ""
    baseline_value: str = ""
    verdict: str = ""
    better: bool = False


def with_hint(page: bytes, hint: str) -> bytes:
    """A report with one more line below its title; as it is, if it has no head to put it into."""
    line = f'<p class="hint">{escape(hint[:1].upper() + hint[1:])}.</p>\n</header>'
    return page.replace(b"</header>", line.encode(), 1)


def build_report(record: RunRecord) -> str:
    """The page as text, the same for the same record.

    Whatever comes from data (names, texts, settings) is escaped; of markup only pictures are put in.
    Errors: DataError for a picture that could do more than be seen
    """
    sections = [section for section in record.sections if not section.empty]
    template = environment().get_template("report.html.j2")
    page = template.render(
        run=record,
        style=style(),
        script=script(),
        policy=policy(),
        cards=list(_cards(record)),
        facts=list(_facts(record)),
        course=[Markup(svg) for svg in draw_course(record)],
        kept=why_kept(record),
        baselines=[section for section in _baselines(record) if not section.empty],
        sections=sections,
        equations=_equations(record),
        changed=list(_changed(record)),
        unchanged=list(_unchanged(record)),
    )
    return numbers.printable(page)


@functools.cache
def environment() -> jinja2.Environment:
    """The templates of this room, with what they write numbers and pictures by."""
    made = jinja2.Environment(
        loader=jinja2.FunctionLoader(_template),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        cell=write_cell,
        count=numbers.write_count,
        size=numbers.write_bytes,
        span=numbers.write_seconds,
        setting=numbers.write_setting,
        share=numbers.write_share,
        percent=_percent,
        words=lambda name: name.replace("_", " "),
        picture=_picture,
        playable=_playable,
        drawing=_drawing,
        broad=_broad,
        shade=_shade,
        visible=_visible,
        how_to_read=how_to_read,
        day=numbers.write_day,
        sentence=lambda words: f"{words[:1].upper()}{words[1:]}{'' if words.endswith('.') else '.'}",
    )
    return made


def style() -> Markup:
    """What a page looks like."""
    return Markup(_template("style.css"))


@functools.cache
def script() -> Markup:
    """What a page does besides being read: sorting, pointing. It is the same on every page."""
    return Markup(_template("page.js"))


@functools.cache
def policy() -> Markup:
    """The content security policy of a page: nothing from outside, and of scripts its own alone, by its hash."""
    digest = base64.b64encode(hashlib.sha256(script().encode()).digest()).decode()
    return Markup(
        "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'; base-uri 'none'; "
        f"form-action 'none'; script-src 'sha256-{digest}'"
    )


def _template(name: str) -> str:
    return resources.files("recurra.report").joinpath(name).read_text(encoding="utf-8")


def write_cell(cell: Cell, shows: str = "text") -> str:
    """A cell as text; a fraction of a number has three decimals."""
    if shows == "number" and cell in ("nan", "inf", "-inf"):  # as a record of JSON holds them
        cell = float(str(cell))
    if isinstance(cell, bool) or cell is None or isinstance(cell, list):
        return numbers.write_setting(cell)
    if isinstance(cell, float):
        return numbers.write_number(cell)
    return f"{cell:,}" if isinstance(cell, int) else cell


def _picture(picture: Picture) -> Markup:
    return Markup(checked_svg(picture.svg))


def _playable(audio: str) -> str:
    """Errors: DataError for anything but a WAV that stands in the page"""
    if re.fullmatch(r"data:audio/wav;base64,[A-Za-z0-9+/]+=*", audio) is None:
        raise DataError(f"sound of a page is a WAV as a data URI, got {audio!r:.60}")
    return audio


def _drawing(section: Curves | Matrix, name: str) -> Markup:
    svg = draw_lines(section, name) if isinstance(section, Curves) else draw_matrix(section, name)
    return Markup(svg or "")


def _broad(svg: str) -> bool:
    """Whether a picture is wider than half a page, so that it stands alone."""
    found = re.search(r'<svg[^>]*? width="([\d.]+)"', svg)
    return found is not None and float(found[1]) > BROAD


def _shade(value: float) -> str:
    """The class of a colour in ten steps: p of what is above 0, n of what is below."""
    strength = round(10 * min(1.0, abs(value))) if math.isfinite(value) else 0
    return f"{'p' if value > 0 else 'n'}{strength}" if strength else ""


def _visible(token: str) -> str:
    """A token that can be pointed at, where it is an end of a line or a tab."""
    return token.replace("\r\n", "\n").replace("\n", "⏎\n").replace("\t", "⇥\t")


def _percent(fraction: Cell) -> str:
    """A CSS width between 0 and 100 %."""
    value = fraction if isinstance(fraction, int | float) and math.isfinite(fraction) else 0.0
    return f"{100 * min(max(value, 0.0), 1.0):.1f}%"


def _cards(record: RunRecord) -> Iterator[Card]:
    for name, value in record.metrics.items():
        metric = record.metric(name)
        best = best_baseline(metric, record.baselines)
        if best is None or metric.better is None or not math.isfinite(value):
            yield Card(metric.heading, metric.write(value))
            continue
        better, verdict = metric.beats(value, best[1]), metric.compare(value, best[1])
        yield Card(metric.heading, metric.write(value), best[0], metric.write(best[1]), verdict, better)


def _facts(record: RunRecord) -> Iterator[tuple[str, str]]:
    facts = (
        ("Cell", record.cell),
        ("Parameters", numbers.write_count(record.parameters)),
        ("Weights", numbers.write_bytes(record.size_bytes)),
        ("Training time", numbers.write_seconds(record.seconds)),
        ("Engine", record.engine),
        ("Device", record.device),
        ("Threads", numbers.write_count(record.threads)),
    )
    return ((name, value) for name, value in facts if value and value != numbers.NOTHING)


def _baselines(record: RunRecord) -> list[Section]:
    """The headline as bars, and all scores as a table: the model's own metrics first, then what only baselines have."""
    if not record.baselines:
        return []
    rows = [Baseline("this model", record.metrics, record.size_bytes, record.seconds), *record.baselines]
    named = dict.fromkeys(name for baseline in record.baselines for name in baseline.metrics)
    names = [name for name in record.metrics if name in named] + [name for name in named if name not in record.metrics]
    columns: Columns = ["", *(Column(record.metric(name).heading, "number") for name in names)]
    cells: list[list[Cell]] = [
        [
            row.name,
            *(record.metric(name).write(row.metrics.get(name)) for name in names),
            numbers.write_bytes(row.size_bytes),
            numbers.write_seconds(row.seconds),
        ]
        for row in rows
    ]
    table = Table(
        "", [*columns, Column("Size on disk", "number"), Column("Time to train", "number")], cells, marked=[0]
    )
    return [_bars(record, rows, names), table]


def _bars(record: RunRecord, rows: Sequence[Baseline], names: Sequence[str]) -> Bars:
    name = next((name for name in names if name in record.metrics), None)
    if name is None:
        return Bars("", [])
    metric = find(record.metric_rows, name)
    values = [row.metrics[name] for row in rows if name in row.metrics and math.isfinite(row.metrics[name])]
    longest = 1.0 if metric.unit == PERCENT else max(values, default=0.0)
    shown = [
        Bar(row.name, row.metrics[name] / max(longest, 1e-30), metric.write(row.metrics[name]), row is rows[0])
        for row in rows
        if name in row.metrics
    ]
    direction = f"; {metric.better} is better" if metric.better else ""
    return Bars("", shown, note=f"{metric.heading}{direction}.")


def _equations(record: RunRecord) -> list[tuple[Markup | None, str]]:
    """Each line as a picture where mathtext can draw it, and as text."""
    texts, formulas = record.equations, record.equations_latex
    if not formulas:
        return [(None, text) for text in texts]
    if len(texts) != len(formulas):
        texts = formulas
    drawn = ((draw_equation(formula, text), text) for formula, text in zip(formulas, texts, strict=True))
    return [(None if svg is None else Markup(svg), text) for svg, text in drawn]


def _changed(record: RunRecord) -> Iterator[tuple[str, Any, Any]]:
    """Name, value and default of the settings that are not what they are if nothing is set."""
    for group, name, value in _settings(record.settings):
        default = _value(record.defaults, group, name)
        if default != value:
            yield name, value, default


def _unchanged(record: RunRecord) -> Iterator[tuple[str, list[tuple[str, Any]]]]:
    for group in record.settings:
        rows = [
            (name, value)
            for where, name, value in _settings(record.settings)
            if where == group and _value(record.defaults, group, name) == value
        ]
        if rows:
            yield group, rows


def _settings(settings: Mapping[str, Mapping[str, Any]]) -> Iterable[tuple[str, str, Any]]:
    return ((group, name, value) for group, values in settings.items() for name, value in values.items())


def _value(settings: Mapping[str, Mapping[str, Any]], group: str, name: str) -> Any:
    return settings.get(group, {}).get(name)

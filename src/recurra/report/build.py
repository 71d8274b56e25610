"""The record as one HTML page that needs nothing else: no network, no script, no fonts of its own."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from recurra.report import measures
from recurra.report.best import best_baseline
from recurra.report.confusion import MOST_CLASSES, MOST_WITH_NUMBERS, draw_confusion
from recurra.report.figures import draw_comparison, draw_curves
from recurra.report.mathtext import draw_equation
from recurra.report.record import RunRecord


@dataclass(frozen=True)
class Card:
    """A headline number, and the best baseline's beside it."""

    label: str
    value: str
    baseline: str = ""
    baseline_value: str = ""
    verdict: str = ""
    better: bool = False


def build_report(record: RunRecord) -> str:
    """The page as text, the same for the same record.

    Whatever comes from data (names, texts, settings) is escaped; only our own figures are put in as markup.
    """
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(
        measure=lambda name: measures.measure(name).label,
        metric=lambda value, name: measures.measure(name).write(value),
        number=measures.write_number,
        count=measures.write_count,
        size=measures.write_bytes,
        span=measures.write_seconds,
        setting=measures.write_setting,
        share=measures.write_share,
        percent=_percent,
    )
    here = resources.files("recurra.report")
    template = environment.from_string(here.joinpath("template.html.j2").read_text(encoding="utf-8"))
    page = template.render(
        run=record,
        style=Markup(here.joinpath("style.css").read_text(encoding="utf-8")),
        cards=list(_cards(record)),
        facts=list(_facts(record)),
        curves=_markup(draw_curves(record)),
        comparison=_markup(draw_comparison(record)),
        confusion=_markup(draw_confusion(record)),
        most_classes=MOST_CLASSES,
        most_with_numbers=MOST_WITH_NUMBERS,
        baselines=_baseline_metrics(record),
        scores=sorted(record.per_class, key=lambda score: (-score.support, score.name)),
        support={score.name: score.support for score in record.per_class},
        confused=sorted(record.confused, key=lambda pair: (-pair.count, pair.true, pair.predicted)),
        equations=_equations(record),
        pictures=[(picture, _markup(picture.svg)) for picture in record.pictures],
        settings=_settings(record.settings),
    )
    return measures.printable(page)


def _markup(svg: str | None) -> Markup | None:
    return None if svg is None else Markup(svg)


def _percent(fraction: float) -> str:
    """A CSS width between 0 and 100 %."""
    return f"{100 * min(max(fraction, 0.0), 1.0):.1f}%" if fraction == fraction else "0%"


def _cards(record: RunRecord) -> Iterator[Card]:
    for name, value in record.metrics.items():
        measure = measures.measure(name)
        baseline = best_baseline(name, record.baselines)
        if baseline is None or measure.better is None or not math.isfinite(value):
            yield Card(measure.label, measure.write(value))
            continue
        better, verdict = measure.beats(value, baseline[1]), measure.compare(value, baseline[1])
        yield Card(measure.label, measure.write(value), baseline[0], measure.write(baseline[1]), verdict, better)


def _facts(record: RunRecord) -> Iterator[tuple[str, str]]:
    facts = (
        ("Cell", record.cell),
        ("Parameters", measures.write_count(record.parameters)),
        ("Weights", measures.write_bytes(record.size_bytes)),
        ("Training time", measures.write_seconds(record.seconds)),
        ("Engine", record.engine),
        ("Device", record.device),
        ("Threads", measures.write_count(record.threads)),
    )
    return ((name, value) for name, value in facts if value and value != measures.NOTHING)


def _baseline_metrics(record: RunRecord) -> list[str]:
    """The columns of the baseline table: the model's own metrics first, then what only baselines have."""
    named = dict.fromkeys(name for baseline in record.baselines for name in baseline.metrics)
    return [name for name in record.metrics if name in named] + [name for name in named if name not in record.metrics]


def _equations(record: RunRecord) -> list[tuple[Markup | None, str]]:
    """Each line as a picture where mathtext can draw it, and as text."""
    texts, formulas = record.equations, record.equations_latex
    if not formulas:
        return [(None, text) for text in texts]
    if len(texts) != len(formulas):
        texts = formulas
    return [(_markup(draw_equation(formula, text)), text) for formula, text in zip(formulas, texts, strict=True)]


def _settings(settings: dict[str, Any]) -> list[tuple[str, list[tuple[str, Any]]]]:
    """Groups of rows; what lies deeper than two levels gets dotted names, what stands alone comes first."""
    loose = [(name, value) for name, value in settings.items() if not isinstance(value, dict)]
    groups = [(name, list(_flatten(value))) for name, value in settings.items() if isinstance(value, dict)]
    return [*([("General", loose)] if loose else []), *groups]


def _flatten(values: dict[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value

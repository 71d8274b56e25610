"""How numbers are named and written: the one place where a report decides on digits and units."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, Literal

NOTHING = "–"
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class Measure:
    """A metric for the eye: its label, how it is written, and which direction is good (None: neither)."""

    label: str
    written: Literal["percent", "number"] = "number"
    better: Literal["higher", "lower"] | None = None

    def write(self, value: float | None) -> str:
        """`value` with its unit; a dash for None and for what is not a number."""
        if self.written == "percent" and value is not None and math.isfinite(value):
            return f"{100 * value:.1f}\u00a0%"
        return write_number(value)

    def compare(self, value: float, other: float) -> str:
        """How `value` stands to `other` in words; the distance between two percentages is in points."""
        if value == other:
            return "no better"
        distance = abs(value - other)
        words = f"{100 * distance:.1f}\u00a0points" if self.written == "percent" else write_number(distance)
        return f"{words} {'better' if self.beats(value, other) else 'worse'}"

    def beats(self, value: float, other: float) -> bool:
        """Whether `value` is better than `other`; never, where no direction is known or one is nan."""
        return self.better is not None and (value > other if self.better == "higher" else value < other)


_KNOWN = {
    "accuracy": Measure("Accuracy", "percent", "higher"),
    "balanced_accuracy": Measure("Balanced accuracy", "percent", "higher"),
    "macro_f1": Measure("Macro-F1", "number", "higher"),
    "groups_right": Measure("Groups all right", "percent", "higher"),
    "loss": Measure("Loss", "number", "lower"),
    "cross_entropy": Measure("Cross-entropy", "number", "lower"),
    "nats_per_token": Measure("Nats per token", "number", "lower"),
    "nats_per_character": Measure("Nats per character", "number", "lower"),
    "nats_per_word": Measure("Nats per word", "number", "lower"),
    "nats_per_byte": Measure("Nats per byte", "number", "lower"),
    "nats_per_subword": Measure("Nats per sub-word", "number", "lower"),
    "nats_per_example": Measure("Nats per example", "number", "lower"),
    "bits_per_token": Measure("Bits per token", "number", "lower"),
    "bits_per_character": Measure("Bits per character", "number", "lower"),
    "bits_per_char": Measure("Bits per character", "number", "lower"),
    "bits_per_byte": Measure("Bits per byte", "number", "lower"),
    "top1": Measure("First candidate right", "percent", "higher"),
    "top5": Measure("Among 5 candidates", "percent", "higher"),
    "forward_top1": Measure("First right, left context only", "percent", "higher"),
    "backward_top1": Measure("First right, right context only", "percent", "higher"),
    "span_f1": Measure("Span F1", "percent", "higher"),
    "span_precision": Measure("Span precision", "percent", "higher"),
    "span_recall": Measure("Span recall", "percent", "higher"),
    "bleu": Measure("BLEU", "number", "higher"),
    "chrf": Measure("chrF", "number", "higher"),
    "perplexity": Measure("Perplexity", "number", "lower"),
}
LANGUAGE_LOSSES = ("nats_per_token", "nats_per_character", "nats_per_word", "nats_per_byte", "nats_per_subword")


def measure(name: str) -> Measure:
    """The measure of that name; an unknown one gets its own name as the label and no direction."""
    return _KNOWN.get(name) or Measure(name.replace("_", " ").capitalize())


def write_number(value: float | None) -> str:
    """A number to four digits or so; a dash where there is none."""
    if value is None or math.isnan(value):
        return NOTHING
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0 or 0.0005 <= abs(value) < 100:
        return f"{value:.3f}".replace("-", "−")
    return f"{value:.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.3g}".replace("-", "−")


def write_count(value: int | None) -> str:
    """A whole number with commas between thousands."""
    return NOTHING if value is None else f"{value:,}"


def write_bytes(value: int | None) -> str:
    """A size in bytes with the decimal unit that fits it: 1 kB is 1000 B."""
    if value is None:
        return NOTHING
    size = float(value)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5 or unit == "GB":
            break
        size /= 1000
    return f"{value}\u00a0B" if unit == "B" else f"{size:.3g}\u00a0{unit}"


def write_seconds(value: float | None) -> str:
    """A span of time: 0.42 s, 58.1 s, 2 min 03 s, 1 h 05 min."""
    if value is None or not math.isfinite(value):
        return NOTHING
    if value < 99.95:
        return f"{value:.3g}\u00a0s"
    minutes, seconds = divmod(round(value), 60)
    return f"{minutes} min {seconds:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def write_share(value: float | None) -> str:
    """A fraction as a percentage; a small one keeps two digits, so that it does not become none."""
    if value is None or not math.isfinite(value):
        return NOTHING
    return f"{100 * value:.2g}\u00a0%" if value < 0.1 else f"{100 * value:.1f}\u00a0%"


def write_setting(value: Any) -> str:
    """A setting's value as a person would say it."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}" if math.isfinite(value) else write_number(value)
    if isinstance(value, list | tuple):
        return ", ".join(write_setting(item) for item in value) or NOTHING
    return str(value)


def printable(text: str) -> str:
    """`text` with U+FFFD for control characters and lone surrogates, which HTML and SVG may not hold."""
    return _UNPRINTABLE.sub("\ufffd", text)

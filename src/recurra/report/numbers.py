"""How numbers, sizes, times and settings are written: the one place that decides on digits."""

from __future__ import annotations

import datetime
import math
import re
from typing import Any

NOTHING = "–"
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def write_number(value: float | None) -> str:
    """A number to four digits or so; a dash where there is none."""
    if value is None or math.isnan(value):
        return NOTHING
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0 or 0.0005 <= abs(value) < 100:
        return f"{value:.3f}".replace("-", "−")
    return (f"{value:.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.3g}").replace("-", "−")


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
    """A span of time: 7 µs, 0.5 ms, 58.1 s, 2 min 03 s, 1 h 05 min."""
    if value is None or not math.isfinite(value):
        return NOTHING
    if 0 < value < 0.1:
        return f"{1e3 * value:.2g}\u00a0ms" if value >= 1e-4 else f"{max(1e6 * value, 1):.0f}\u00a0µs"
    if value < 99.95:
        return f"{value:.3g}\u00a0s"
    minutes, seconds = divmod(round(value), 60)
    return f"{minutes} min {seconds:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def write_day(value: str) -> str:
    """A time as ISO 8601 has it, as a person would write it: 2 March 2026, 14:05 UTC; anything else as it is."""
    try:
        found = datetime.datetime.fromisoformat(value)
    except ValueError:
        return value
    zone = f" {found.tzname()}" if found.tzinfo is not None else ""
    return f"{found.day} {found:%B %Y, %H:%M}{zone}"


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

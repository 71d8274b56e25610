"""Numbers for the eye."""

from __future__ import annotations

import math

import pytest

from recurra.report import numbers


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "–"), (math.nan, "–"), (math.inf, "∞"), (-math.inf, "−∞"), (0.0, "0.000"), (1.4931, "1.493"),
     (-0.5, "−0.500"), (231.4, "231"), (1234.6, "1235"), (-1234.6, "−1235"), (3e8, "3e+08"), (0.00004, "4e−05")],
)  # fmt: skip
def test_write_number(value, words):
    assert numbers.write_number(value) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "–"), (0, "0 B"), (999, "999 B"), (588_112, "588 kB"), (999_600, "1 MB"), (4_732_008, "4.73 MB")],
)
def test_write_bytes(value, words):
    assert numbers.write_bytes(value).replace("\u00a0", " ") == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "–"),
        (math.nan, "–"),
        (0.314, "0.314 s"),
        (0.000496, "0.5 ms"),
        (0.0123, "12 ms"),
        (3e-6, "3 µs"),
        (0.0, "0 s"),
        (41.7, "41.7 s"),
        (119.6, "2 min 00 s"),
        (3900, "1 h 05 min"),
    ],
)
def test_write_seconds(value, words):
    assert numbers.write_seconds(value).replace("\u00a0", " ") == words


@pytest.mark.parametrize(("value", "words"), [(None, "–"), (0.0, "0 %"), (0.0002, "0.02 %"), (1.0, "100.0 %")])
def test_write_share(value, words):
    assert numbers.write_share(value).replace("\u00a0", " ") == words


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "–"), (True, "yes"), (0.004, "0.004"), (2.0, "2"), ([0.8, 0.1], "0.8, 0.1"), ([], "–"), ("adamw", "adamw")],
)
def test_write_setting(value, words):
    assert numbers.write_setting(value) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("2026-03-02T14:05:59+00:00", "2 March 2026, 14:05 UTC"),
        ("2026-03-12 04:05", "12 March 2026, 04:05"),
        ("", ""),
        ("yesterday", "yesterday"),
    ],
)
def test_write_day(value, words):
    assert numbers.write_day(value) == words


def test_what_no_page_may_hold_is_replaced():
    assert numbers.printable("a\x00b\ud800c\td\n王") == "a\ufffdb\ufffdc\td\n王"

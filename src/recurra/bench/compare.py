"""Recurra beside its peers: results compared first, then times taken in turn."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from recurra.bench.agreement import disagreement, worst
from recurra.bench.cases import Case
from recurra.bench.machine import Rates
from recurra.bench.record import Row
from recurra.bench.roofline import Work
from recurra.bench.timing import Times, interleaved
from recurra.errors import EngineError

Results = dict[str, Tensor]
Setting = Callable[[], AbstractContextManager[Any]]


@dataclass(frozen=True)
class Side:
    """One way to do a piece of work.

    call: is timed; results: what a call gave, by name, the outputs as `y`; variant: which of a peer's ways it is.
    """

    call: Callable[[], Any]
    results: Callable[[Any], Results]
    variant: str | None = None

    def once(self) -> Results:
        return self.results(self.call())


def compare(
    case: Case,
    engine: str,
    recurra: Side,
    peers: Mapping[str, Sequence[Side]],
    *,
    work: Work,
    rates: Rates,
    repeats: int,
    setting: Setting = nullcontext,
) -> list[Row]:
    """A row for each peer, at the fastest of its ways whose results are as Recurra's.

    setting: a context in which everything is called, such as inference mode.
    """
    with setting():
        try:
            expected = recurra.once()
        except EngineError as error:
            return [Row(case, engine, peer, status="not run", reason=str(error)) for peer in peers]
        rows, running = [], []
        for peer, ways in peers.items():
            agreed, failed = _agreed(case, expected, ways)
            if not agreed:
                rows.append(_without_times(case, engine, peer, failed))
            running += [(peer, way, difference) for way, difference in agreed]
        if running:
            own, *others = interleaved([recurra.call, *(way.call for _, way, _ in running)], repeats)
            for peer in dict.fromkeys(peer for peer, _, _ in running):
                ways_of = [(t, w, d) for t, (p, w, d) in zip(others, running, strict=True) if p == peer]
                times, way, difference = min(ways_of, key=lambda one: one[0].median)
                row = Row(case, engine, peer, variant=way.variant, difference=difference)
                rows.append(timed(row, own, times, work, rates))
    order = list(peers)
    return sorted(rows, key=lambda row: order.index(row.peer))


Failure = tuple[str, str]
"""Status and reason."""


def _agreed(case: Case, expected: Results, ways: Sequence[Side]) -> tuple[list[tuple[Side, float]], list[Failure]]:
    """The ways whose results are as Recurra's, with the difference; why the others are out."""
    found: list[tuple[Side, float]] = []
    failed: list[Failure] = []
    for way in ways:
        try:
            results = way.once()
        except RuntimeError as error:  # such as a type that this CPU or this version of the peer lacks
            failed.append(("not run", str(error).strip().splitlines()[0]))
            continue
        problem = disagreement(results, expected, case.precision)
        if problem is None:
            found.append((way, worst(results, expected)[1]))
        else:
            failed.append(("differs", problem))
    return found, failed


def _without_times(case: Case, engine: str, peer: str, failed: Sequence[Failure]) -> Row:
    differing = [reason for status, reason in failed if status == "differs"]
    if differing:
        return Row(case, engine, peer, status="differs", reason=differing[0])
    return Row(case, engine, peer, status="not run", reason=failed[0][1] if failed else f"{peer} cannot do this")


def timed(row: Row, recurra: Times, peer: Times | None, work: Work, rates: Rates) -> Row:
    """The row with its times and what follows from them."""
    rate = work.flops / recurra.median
    roofline = rates.roofline(work, row.case.precision)
    row = replace(
        row,
        recurra_ms=1e3 * recurra.median,
        gflops=rate / 1e9,
        roofline_ms=1e3 * roofline,
        roofline_share=roofline / recurra.median,
        rate_share=rate / rates.matrix_rate(row.case.precision),
    )
    if peer is None:
        return row
    ratios = [other / own for other, own in zip(peer.samples, recurra.samples, strict=True)]
    low, _, high = statistics.quantiles(ratios, n=4)
    return replace(
        row,
        peer_ms=1e3 * peer.median,
        ratio=peer.median / recurra.median,
        spread=(low, high),
        peer_gflops=work.flops / peer.median / 1e9,
    )

"""Where the vertices of a directed graph without cycles stand: in columns from left to right, few lines crossing.

Source: Sugiyama, Tagawa & Toda 1981, Methods for visual understanding of hierarchical system structures
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

SWEEPS = 12
Vertex = Hashable
Edge = tuple[Vertex, Vertex]


@dataclass(frozen=True)
class Layout:
    """column, y: of each vertex, y its middle; bends: for each edge the heights at which it passes the columns between
    its ends; height: of all"""

    column: dict[Vertex, int]
    y: dict[Vertex, float]
    bends: dict[Edge, list[tuple[int, float]]]
    height: float

    @property
    def columns(self) -> int:
        return max(self.column.values(), default=-1) + 1


def arrange(
    heights: Mapping[Vertex, float], edges: Sequence[Edge], *, gap: float = 14.0, last: Sequence[Vertex] = ()
) -> Layout:
    """Columns by the longest way from a vertex that nothing leads to.

    heights: of each vertex, in an order in which edges lead forward; last: what stands in the column at the end
    """
    into: dict[Vertex, list[Vertex]] = {vertex: [] for vertex in heights}
    for start, end in edges:
        into[end].append(start)
    column: dict[Vertex, int] = {}
    for vertex in heights:
        column[vertex] = max((column[v] for v in into[vertex]), default=-1) + 1
    end_column = max(column.values(), default=0)
    for vertex in last:
        column[vertex] = end_column
    _pull(column, edges, keep={v for v in heights if not into[v]} | set(last))
    chains, sizes = _with_bends(column, edges), dict(heights)
    rows: list[list[Vertex]] = [[] for _ in range(end_column + 1)]
    for vertex in heights:
        rows[column[vertex]].append(vertex)
    near: dict[Vertex, list[list[Vertex]]] = {}
    for chain in chains.values():
        for place, vertex in enumerate(chain):
            if vertex not in heights:
                rows[column[chain[0]] + place].append(vertex)
                sizes[vertex] = 6.0
            before, after = near.setdefault(vertex, [[], []])
            if place:
                before.append(chain[place - 1])
            if place + 1 < len(chain):
                after.append(chain[place + 1])
    for vertex in heights:
        near.setdefault(vertex, [[], []])
    y = _heights(rows, near, sizes, gap)
    top = min((y[v] - sizes[v] / 2 for v in y), default=0.0)
    y = {vertex: value - top for vertex, value in y.items()}
    bends = {
        edge: [(column[chain[0]] + place, y[v]) for place, v in enumerate(chain) if v not in heights]
        for edge, chain in chains.items()
    }
    return Layout(column, {v: y[v] for v in heights}, bends, max((y[v] + sizes[v] / 2 for v in y), default=0.0))


def _pull(column: dict[Vertex, int], edges: Sequence[Edge], keep: set[Vertex]) -> None:
    """What is needed late stands late: short lines. The rest of a value's way does not grow."""
    out: dict[Vertex, list[Vertex]] = {}
    for start, end in edges:
        out.setdefault(start, []).append(end)
    for vertex in sorted(column, key=lambda v: -column[v]):
        if vertex not in keep and vertex in out:
            column[vertex] = min(column[v] for v in out[vertex]) - 1


def _with_bends(column: Mapping[Vertex, int], edges: Sequence[Edge]) -> dict[Edge, list[Vertex]]:
    """Each edge as its ends with a place in every column between."""
    return {
        (start, end): [start, *(("bend", start, end, k) for k in range(column[start] + 1, column[end])), end]
        for start, end in edges
    }


def _heights(
    rows: list[list[Vertex]], near: Mapping[Vertex, list[list[Vertex]]], sizes: Mapping[Vertex, float], gap: float
) -> dict[Vertex, float]:
    """Sweeps over the columns, each vertex drawn to the mean of what it is joined to, none over another."""
    y: dict[Vertex, float] = {}
    for row in rows:
        at = -sum(sizes[v] + gap for v in row) / 2
        for vertex in row:
            y[vertex] = at + sizes[vertex] / 2
            at += sizes[vertex] + gap
    for sweep in range(SWEEPS):
        forward = sweep % 2 == 0
        for row in rows if forward else reversed(rows):
            wanted = {}
            for vertex in row:
                side = near[vertex][0 if forward else 1] or near[vertex][1 if forward else 0]
                wanted[vertex] = sum(y[v] for v in side) / len(side) if side else y[vertex]
            row.sort(key=lambda v: wanted[v])
            y |= _spread(row, wanted, sizes, gap)
    return y


def _spread(
    row: Sequence[Vertex], wanted: Mapping[Vertex, float], sizes: Mapping[Vertex, float], gap: float
) -> dict[Vertex, float]:
    """As near as can be to where each wants to be: groups that touch move together."""
    groups: list[tuple[list[Vertex], float]] = []  # vertices, and where the first one's middle is
    for vertex in row:
        group, start = [vertex], wanted[vertex]
        while groups:
            before, first = groups[-1]
            end = first + _reach(before, sizes, gap)
            if end + sizes[before[-1]] / 2 + gap + sizes[group[0]] / 2 <= start:
                break
            groups.pop()
            group = before + group
            offsets = _offsets(group, sizes, gap)
            start = sum(wanted[v] - offset for v, offset in zip(group, offsets, strict=True)) / len(group)
        groups.append((group, start))
    return {
        v: start + offset
        for group, start in groups
        for v, offset in zip(group, _offsets(group, sizes, gap), strict=True)
    }


def _offsets(group: Sequence[Vertex], sizes: Mapping[Vertex, float], gap: float) -> list[float]:
    found = [0.0]
    for before, after in itertools.pairwise(group):
        found.append(found[-1] + sizes[before] / 2 + gap + sizes[after] / 2)
    return found


def _reach(group: Sequence[Vertex], sizes: Mapping[Vertex, float], gap: float) -> float:
    return _offsets(group, sizes, gap)[-1]

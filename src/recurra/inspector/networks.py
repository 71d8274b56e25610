"""What a page shows of a model itself: its name and scores, drawings of its network, the equations of its cells."""

from __future__ import annotations

from typing import Any

from recurra.equations.render import equations
from recurra.errors import UsageError
from recurra.inspection.network import structure
from recurra.inspector.inspected import Inspected
from recurra.layers.stack import Stack
from recurra.tasks import registry
from recurra.tasks.abilities import ReadingFiles


def of_run(inspected: Inspected) -> dict[str, Any]:
    """Plain values."""
    run, row = inspected.run, registry.get(inspected.run.task)
    found = structure(run.network)
    scores = run.metrics.get("metrics") or {}
    return {
        "name": inspected.name,
        "task": row.name,
        "data": run.stored.source.name,
        "parameters": found.parameters,
        "reads": inspected.reads,
        "writes": inspected.writes,
        "files": isinstance(inspected.model, ReadingFiles),
        "conditions": inspected.conditions,
        "scores": [
            {"name": metric.name, "short": metric.short, "value": metric.write(scores[metric.name])}
            for metric in row.metrics
            if isinstance(scores.get(metric.name), float)
        ],
        "structure": found.rows(),
        "cells": _cells(run.network),
    }


def drawings(network: Any) -> list[str]:
    """As SVG. Rolled and unrolled; none of a kind of network that nobody has drawn yet."""
    from recurra.inspection.drawings.pictures import draw_rolled, draw_unrolled

    try:
        return [draw_rolled(network), draw_unrolled(network)]
    except UsageError:
        return []


def _cells(network: Any) -> dict[str, dict[str, Any]]:
    """By the name of a stack: its cell's title and the equations of a step in evaluation."""
    found = {}
    for name, module in network.named_modules():
        if isinstance(module, Stack):
            cell = module.evaluated_cell
            lines = equations(cell.program(bias=module.bias))
            found[name] = {"title": cell.title, "equations": lines}
    return found

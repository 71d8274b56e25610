"""How far our outputs and gradients are from float64."""

from __future__ import annotations

from dataclasses import replace

from recurra.bench import recurra_side, torch_peers
from recurra.bench.agreement import worst
from recurra.bench.cases import Case
from recurra.bench.compare import Results
from recurra.bench.machine import Rates
from recurra.bench.record import Request, Row
from recurra.bench.recurra_side import Batch
from recurra.errors import EngineError
from recurra.layers.stack import Stack


def accuracy(case: Case, asked: Request, rates: Rates) -> list[Row]:
    """The largest error of a result beside its largest value, over the outputs and every gradient.

    The truth is the reference engine in float64 with the same numbers; torch's own error is given beside it.
    """
    layers, given = recurra_side.stack(case, asked.engine), recurra_side.batch(case)
    engine = recurra_side.engine_that_runs(layers, given.x, case.precision)
    row = Row(case, engine, "float64")
    try:
        found = recurra_side.training(layers, given, case.precision).once()
    except EngineError as error:
        return [replace(row, status="not run", reason=str(error))]
    truth = _truth(case, layers, given)
    name, own_error = worst(found, truth)
    peer = _torch_error(case, layers, given, truth)
    return [replace(row, error=own_error, error_of=name, peer_error=peer)]


def _truth(case: Case, layers: Stack, given: Batch) -> Results:
    exact = recurra_side.stack(case, "reference").double()
    exact.load_state_dict({name: weight.double() for name, weight in layers.state_dict().items()})
    return recurra_side.training(exact, Batch(given.x.double(), given.dy.double(), given.lengths), "float32").once()


def _torch_error(case: Case, layers: Stack, given: Batch, truth: Results) -> float | None:
    """None for cells that torch has not, and for types that it lacks on this CPU."""
    if case.cell not in torch_peers.MODULES:
        return None
    try:
        side = torch_peers.training(case, layers, given)[0]
        return worst(side.once(), truth)[1] if side.variant != "float32" else None
    except RuntimeError:
        return None

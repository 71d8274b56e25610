"""Recurra in turn with ONNX Runtime, which has a process of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from recurra.bench.agreement import disagreement, worst
from recurra.bench.compare import Side, timed
from recurra.bench.machine import Rates
from recurra.bench.onnx_process import OnnxProcess
from recurra.bench.record import Request, Row
from recurra.bench.recurra_side import Batch
from recurra.bench.roofline import Work
from recurra.bench.timing import SAMPLE_SECONDS, WARM_UPS, Times, no_collection, sample


def beside(
    row: Row,
    graphs: Sequence[tuple[str | None, bytes]],
    given: Batch,
    own: Side,
    asked: Request,
    work: Work,
    rates: Rates,
) -> Row:
    """The row beside the fastest of the graphs whose results are as Recurra's, forward alone.

    graphs: each with the name of its variant, of `onnx_peer.model_of` or made of it.
    """
    x = given.x.transpose(0, 1).contiguous().numpy()
    rows = []
    for variant, graph in graphs:
        one = replace(row, variant=variant)
        try:
            with OnnxProcess(graph, {"x": x}, asked.threads) as process, torch.inference_mode():
                y = torch.from_numpy(process.outputs[0]).squeeze(1).transpose(0, 1)  # [T, D, B, H], D = 1
                expected = own.once()
                if (problem := disagreement({"y": y}, expected, row.case.precision)) is not None:
                    rows.append(replace(one, status="differs", reason=problem))
                    continue
                own_times, peer = _alternating(own, process, asked.repeats)
                one = replace(one, difference=worst({"y": y}, expected)[1])
                rows.append(timed(one, own_times, peer, work, rates))
        except RuntimeError as error:
            rows.append(replace(one, status="not run", reason=str(error)))
    measured = [one for one in rows if one.peer_ms is not None and one.ratio is not None]
    return min(measured, key=lambda one: one.ratio or 0.0) if measured else rows[0]


def _alternating(own: Side, process: OnnxProcess, repeats: int) -> tuple[Times, Times]:
    """Samples of both in turn, after warm-ups; each after a call that is not counted, for the other one was here."""
    with no_collection():
        pairs = []
        for _ in range(WARM_UPS + repeats):
            peer = process.sample(SAMPLE_SECONDS)
            sample(own.call, 1)
            once = min(sample(own.call, 1) for _ in range(WARM_UPS))
            pairs.append((sample(own.call, max(1, round(SAMPLE_SECONDS / once))), peer))
    own_times, peer_times = zip(*pairs[WARM_UPS:], strict=True)
    return Times(own_times), Times(peer_times)

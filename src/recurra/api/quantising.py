"""A trained model with its matrices in 8 bits, checked on the validation part before it is written."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recurra import model_folder
from recurra.api import provenance
from recurra.api.evaluation import trained_on
from recurra.api.record import VERSIONS
from recurra.api.resuming import PREVIOUS, PREVIOUS_WEIGHTS, STATE
from recurra.errors import DataError, RecurraError, UsageError
from recurra.model_folder import manifest
from recurra.report.metric import Metric
from recurra.report.model_card import CARD, model_card
from recurra.tasks import registry
from recurra.tasks.quantised import quantised_network, stored_tensors

if TYPE_CHECKING:
    from recurra.api.run import Run

LIMIT = 0.005
"""The share of the headline's value that 8 bits may cost."""
REPORT = "report.html"
LEFT_BEHIND = (STATE, PREVIOUS, PREVIOUS_WEIGHTS)
"""What a run keeps to go on training from."""


@dataclass(frozen=True)
class QuantisedRun:
    """What was written. folder: where it stands; about: what its config says of it; notes: for people"""

    folder: Path
    about: dict[str, Any]
    notes: list[str] = field(default_factory=list)


def quantise(run: Run, out: str | Path | None = None, *, overwrite: bool = False) -> QuantisedRun:
    """See `Run.quantize`."""
    refuse_quantised(run, "is quantised already")
    folder = Path(f"{run.folder.resolve()}-int8" if out is None else out)
    model_folder.check_target(folder, overwrite=overwrite)
    try:
        dataset = trained_on(run)
    except (DataError, UsageError) as error:
        raise type(error)(
            f"{run.folder}: what 8 bits cost is measured on the run's validation part, and its data are gone: {error}"
        ) from error
    provenance.check_divided(run.stored.data, dataset.facts)
    row = registry.get(run.task)
    network = quantised_network(copy.deepcopy(run.network))
    model = row.task.model(network, run.preprocessor, run.settings)
    scores: dict[str, dict[str, float]] = {}
    notes = list[str]()
    for part in dict.fromkeys(("validation", dataset.evaluated_on)):
        if part not in dataset.parts:
            continue
        before, after = (row.task.evaluate(m, dataset.parts[part], run.settings).scores for m in (run.model, model))
        metric = next(m for m in dataset.metrics if m.name in before)
        one = {"before": before[metric.name], "after": after[metric.name]}
        scores[part] = one
        notes.append(shown(metric, part, one))
        if part == "validation":
            check_cost(metric, one, notes[-1])
    read = model_folder.read(run.folder)
    source = provenance.to_json(provenance.find(run.stored, run.folder), folder)  # as the new folder finds it
    about = {"of": run.folder.resolve().name, "metric": metric.name, "scores": scores}
    extra = {name: read.read_extra(name) for name in read.extra if not name.startswith(LEFT_BEHIND)}
    config = read.config | {"source": source, "quantised": about}
    metrics = read.metrics | {"of": f"{about['of']}, float32"}
    whose = whose_figures(about)
    if REPORT in extra:
        from recurra.report.build import with_hint

        extra[REPORT] = with_hint(extra[REPORT], whose)
    extra[CARD] = model_card(config, metrics, row.metrics, row.title, VERSIONS, f"{whose}.")
    model_folder.write(
        folder,
        config=config,
        preprocessing=read.preprocessing,
        weights=stored_tensors(network),
        metrics=metrics,
        extra=extra,
        overwrite=overwrite,
    )
    sizes = [read.files[manifest.WEIGHTS].bytes, model_folder.read(folder).files[manifest.WEIGHTS].bytes]
    notes.append(f"weights: {sizes[0]:,} -> {sizes[1]:,} bytes")
    return QuantisedRun(folder, about | {"bytes": sizes[1], "bytes_before": sizes[0]}, notes)


def whose_figures(about: Mapping[str, Any]) -> str:
    """Of which weights the scores beside a quantised model are, and what its own are. about: as its config has it"""
    own = ", ".join(
        f"{about['metric'].replace('_', ' ')} on the {part} part {one['before']:.5g} -> {one['after']:.5g}"
        for part, one in about["scores"].items()
    )
    return f"scores and training are of {about['of']}, in float32; this is its model in 8 bits: {own}"


def shown(metric: Metric, part: str, one: Mapping[str, float]) -> str:
    """A score before and after, in words."""
    return f"{metric.short} on the {part} part: {one['before']:.5g} -> {one['after']:.5g}"


def check_cost(metric: Metric, one: Mapping[str, float], text: str) -> None:
    """Errors: RecurraError where the score is worse by more than LIMIT of it"""
    old, new = one["before"], one["after"]
    worse = old - new if metric.better == "higher" else new - old
    if math.isfinite(new) and worse <= LIMIT * abs(old):
        return
    raise RecurraError(
        f"8 bits cost too much: {text}; the limit is {LIMIT:.1%} of it, {LIMIT * abs(old):.5g}. Nothing was written: "
        "use the model as it is, in float32"
    )


def refuse_quantised(run: Run, why: str) -> None:
    """Errors: UsageError for a quantised run"""
    if run.stored.quantised is not None:
        raise UsageError(f"{run.folder} {why}; take the run that it was made of, {run.stored.quantised.of}")

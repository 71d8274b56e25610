"""A run as its report shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from recurra import metrics
from recurra.api.preparation import Prepared
from recurra.cells.catalogue import get
from recurra.equations.render import equations
from recurra.report import record as report
from recurra.tasks.classify import ClassifyTask, log_probabilities
from recurra.tasks.comparison import Rival
from recurra.tasks.language import LanguageModel
from recurra.topologies.many_to_many import NextToken
from recurra.training.checkpoint import Counters

EXAMPLES = 5
SAMPLES = (("", 0.5), ("", 0.8), ("", 1.0))
SAMPLE_LENGTH = {"char": 400, "byte": 400, "word": 80}


def build_record(
    prepared: Prepared,
    scores: dict[str, float],
    rivals: Sequence[Rival],
    counters: Counters,
    *,
    command: str,
    created: str,
    engine: str,
    versions: dict[str, str],
) -> report.RunRecord:
    """Everything that the report says."""
    cell = get(prepared.settings.network.cell)
    network = prepared.task.network
    points = counters.points
    parameters = sum(p.numel() for p in network.parameters())
    return report.RunRecord(
        title=f"{prepared.source.name} · {cell.name}",
        task=prepared.source.task,
        command=command,
        created=created,
        cell=cell.title,
        metrics={k: v for k, v in scores.items() if k != "loss"},
        evaluated_on=prepared.judged_on,
        parameters=parameters,
        size_bytes=sum(p.numel() * p.element_size() for p in network.parameters()),
        seconds=counters.seconds,
        engine=engine,
        device=str(next(network.parameters()).device),
        threads=torch.get_num_threads(),
        history=points,
        best=None if counters.best_point is None else points[counters.best_point],
        baselines=[report.Baseline(r.name, r.metrics, r.size_bytes, r.seconds) for r in rivals],
        samples=_samples(prepared),
        equations=equations(cell.program()),
        equations_latex=equations(cell.program(), latex=True),
        equations_source=cell.source,
        settings=prepared.settings.to_json(),
        data=report.DataDescription(
            files=[report.DataFile(**f) for f in prepared.facts["files"]],
            **{k: v for k, v in prepared.facts.items() if k in _DESCRIBED},
        ),
        notes=prepared.notes + _caveats(prepared),
        versions=versions,
        **_classes(prepared),
    )


_DESCRIBED = ("name", "counts", "unit", "repeats_dropped", "skipped", "vocabulary_size", "vocabulary_level",
              "unknown_rate")  # fmt: skip


def _caveats(prepared: Prepared) -> list[str]:
    if prepared.judged_on == "validation":
        return ["There is no test part: the figures are of the validation part, which also chose the best weights."]
    return ["The validation part chose the best weights; the test part was looked at once, at the end."]


def _classes(prepared: Prepared) -> dict[str, Any]:
    if not isinstance(prepared.task, ClassifyTask):
        return {}
    data = prepared.task.data
    part = data.parts[prepared.judged_on]
    predicted = log_probabilities(prepared.task.network, part.encoded).argmax(-1).numpy()
    matrix = metrics.confusion_matrix(part.labels, predicted, data.classes)
    pairs = []
    for pair in metrics.most_confused(matrix, data.classes, top=10):
        true, wrong = data.classes.index(pair.true), data.classes.index(pair.predicted)
        rows = np.flatnonzero((part.labels == true) & (predicted == wrong))[:EXAMPLES]
        examples = [part.texts[i][:200] for i in rows]
        pairs.append(report.ConfusedPair(pair.true, pair.predicted, pair.count, examples))
    rows_of = metrics.per_class(part.labels, predicted, data.classes)
    return {
        "classes": data.classes,
        "confusion": matrix.tolist(),
        "per_class": [report.ClassScore(**asdict(row)) for row in rows_of],
        "confused": pairs,
    }


def _samples(prepared: Prepared) -> list[report.Sample]:
    network = prepared.task.network
    if not isinstance(network, NextToken):
        return []
    model = LanguageModel(network, prepared.vocabulary)
    length, seed = SAMPLE_LENGTH[prepared.vocabulary.level], prepared.settings.training.seed
    return [
        report.Sample(prompt, heat, "".join(model.stream(prompt, length, temperature=heat, seed=seed)))
        for prompt, heat in SAMPLES
    ]

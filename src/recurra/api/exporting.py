"""A trained model for other machines."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recurra.api.evaluation import trained_on
from recurra.api.quantising import refuse_quantised
from recurra.errors import DataError, RecurraError, UnknownNameError, UsageError
from recurra.export.folder import check_free, new_folder, write_about
from recurra.model_folder.manifest import MANIFEST
from recurra.tasks import registry
from recurra.tasks.outgoing import Asked, AskingAgain

if TYPE_CHECKING:
    from recurra.api.run import Run
    from recurra.tasks.task import Dataset

TARGETS = ("c", "onnx", "torch", "keras", "rtneural")
PRECISIONS = ("float32", "int8")
MOST_LOST = 0.005
"""Of a share that is better when higher, int8 may lose half a point; of others a hundredth."""


@dataclass(frozen=True)
class Exported:
    """An export. folder: where it stands; about: what its export.json says; notes: for people"""

    folder: Path
    about: dict[str, Any]
    notes: list[str] = field(default_factory=list)


def export(
    run: Run,
    to: str,
    out: str | Path | None = None,
    *,
    weights: str = "float32",
    license: str | None = None,
    overwrite: bool = False,
) -> Exported:
    """See `Run.export`."""
    if to not in TARGETS:
        raise UnknownNameError("target", to, TARGETS)
    refuse_quantised(run, f"is quantised; --to {to} is made of float32, with --weights int8 where it has that")
    if weights not in PRECISIONS:
        raise UnknownNameError("weights", weights, PRECISIONS)
    if weights != "float32" and to not in ("c", "onnx"):
        raise UsageError(f"--to {to} has weights of float32; {weights} goes to --to c and --to onnx")
    folder = Path(f"{run.folder.resolve().name}-{to}" if out is None else out)
    check_free(folder, overwrite=overwrite)
    asked = _Asked(run)
    about = _about(run, to, weights, run.stored.license if license is None else license)
    with new_folder(folder, overwrite=overwrite) as place:
        if to == "c":
            proof, notes = _c(run, place, folder, asked, weights, about)
        elif to == "onnx":
            proof, notes = _onnx(run, place, asked, about)
        else:
            proof, notes = _weights(run, place, asked, about)
        about["proof"] = proof
        write_about(place, about)
    return Exported(folder, about, [*asked.notes, *notes])


class _Asked:
    """What was held out, if the data are still there."""

    def __init__(self, run: Run) -> None:
        self.run, self.notes = run, list[str]()
        self.dataset: Dataset[Any] | None = None
        try:
            self.dataset = trained_on(run)
        except (DataError, UsageError) as error:
            reason = str(error).splitlines()[0]
            self.notes.append(f"checked on random inputs, for nothing that was held out is there: {reason}")

    @property
    def name(self) -> str:
        return "random inputs" if self.dataset is None else f"inputs of the {self.dataset.evaluated_on} part"

    def sequences(self, dataset: Dataset[Any]) -> list[Asked]:
        """Of a task whose network reads one sequence: all that go to C, torch.nn, Keras and RTNeural are such."""
        task = registry.get(self.run.task).task
        assert isinstance(task, AskingAgain)
        return task.asked(dataset.held_out)


def _c(
    run: Run, place: Path, folder: Path, asked: _Asked, weights: str, about: dict[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    from recurra.export.c.written import c_name, write_c
    from recurra.export.held_out import drawn
    from recurra.export.streamed import streamed

    model = streamed(run.network, run.preprocessor)
    lost = _lost_in_c(run, asked.dataset) if weights == "int8" else {}
    given = drawn(model) if asked.dataset is None else asked.sequences(asked.dataset)
    source, proof = write_c(
        place,
        c_name(folder.name.removesuffix("-c")),
        model,
        run.network,
        given,
        preprocessor=run.preprocessor,
        precision="int8" if weights == "int8" else "float32",
        about=f"{registry.get(run.task).title}, {run.settings.network.cell}, made by Recurra {about['recurra']}"
        + (f"\nlicence: {about['license']}" if about["license"] else ""),
    )
    found = {
        "on": asked.name,
        "outputs": proof.outputs,
        "largest_difference": proof.difference,
        "largest_number": proof.largest,
        "compiler": proof.compiler and Path(proof.compiler).name,
    } | lost
    about |= {"name": source.name, "weights_bytes": source.weights_bytes, "state_bytes": source.state_bytes}
    notes = [f"{source.weights_bytes:,} bytes of weights, {source.state_bytes:,} bytes for each sequence"]
    if proof.compiler is None:
        notes.append("not checked: there is no C compiler here; on a machine with one, make check compares")
    else:
        notes.append(
            f"compiled, and run on {asked.name}: {proof.outputs:,} outputs, largest difference {proof.difference:.2g}"
        )
    return found, [*notes, *(f"int8: {line}" for line in lost.get("scores", ()))]


def _onnx(run: Run, place: Path, asked: _Asked, about: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    from recurra.export.answers import own_rounding, said, stepped
    from recurra.export.held_out import drawn_for
    from recurra.export.onnx.written import write_onnx

    task, dataset, made = registry.get(run.task).task, asked.dataset, run.preprocessor
    given = list[Asked]()
    if dataset is None:
        given, made = drawn_for(run.network), None
    elif isinstance(task, AskingAgain) and not getattr(run.model, "spells", False):
        given = task.asked(dataset.held_out)

    def ask() -> None:
        for one in given:
            stepped(run.network, one, made)
            said(run.network, one, made)
        if dataset is not None and not given:
            task.evaluate(run.model, dataset.held_out, run.settings)

    about["max_length"] = getattr(run.model, "max_length", None)
    own = own_rounding(run.network, given, made)
    proof = write_onnx(place, run.network, ask, run.preprocessor.to_json(), about, own=own)
    found = {
        "on": asked.name,
        "calls": proof.calls,
        "numbers": proof.numbers,
        "answers": proof.answers,
        "same_answers": proof.same,
        "largest_difference": proof.difference,
        "largest_number": proof.largest,
    }
    notes = [
        f"graphs: {', '.join(about['graphs'])}",
        f"ONNX Runtime was asked {proof.calls:,} times on {asked.name}: {proof.numbers:,} numbers, largest difference "
        f"{proof.difference:.2g}"
        + (f"; the most probable answer was the same in {proof.same:,} of {proof.answers:,}" if proof.answers else ""),
    ]
    if about["weights"] == "int8":
        lost, more = _small_onnx(run, place, dataset, about)
        found |= lost
        notes += more
    return found, notes


def _small_onnx(
    run: Run, place: Path, dataset: Dataset[Any] | None, about: dict[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """The graphs, which were proven as float32, with weights of bytes. Errors: RecurraError if that costs too much"""
    from recurra.export.onnx.small import answering, check_measurable, floats_left, shrink

    check_measurable(run.network)
    made, left, before = dict[str, bytes](), set[str](), 0
    for name in about["graphs"]:
        whole = (place / f"{name}.onnx").read_bytes()
        before += len(whole)
        made[name], floats = shrink(whole)
        left |= set(floats)

    @contextmanager
    def rounded() -> Iterator[Any]:
        with answering(run.network, made):
            yield run.model

    lost = _lost(run, dataset, rounded)
    for name, model in made.items():
        (place / f"{name}.onnx").write_bytes(model)
    after = sum(map(len, made.values()))
    notes = [f"int8: {before:,} -> {after:,} bytes", *(f"int8: {line}" for line in lost["scores"])]
    return lost, [*notes, *([floats_left(sorted(left))] if left else [])]


def _weights(run: Run, place: Path, asked: _Asked, about: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The weights for torch.nn, Keras or RTNeural."""
    from recurra.export.held_out import drawn, drawn_for
    from recurra.export.streamed import streamed
    from recurra.export.weights.keras_model import prove_keras, write_keras
    from recurra.export.weights.rtneural import prove_rtneural, write_rtneural
    from recurra.export.weights.torch_nn import prove_torch, write_torch

    target = about["target"]
    if target == "rtneural":
        write_rtneural(place, run.network, run.preprocessor)
    else:
        about |= (write_torch if target == "torch" else write_keras)(place, run.network)
    (place / "preprocessing.json").write_text(json.dumps(run.preprocessor.to_json()) + "\n", encoding="utf-8")
    write_about(place, about)
    made = run.preprocessor
    if asked.dataset is not None:
        given = asked.sequences(asked.dataset)
    elif target == "rtneural":
        given = drawn(streamed(run.network, made))
    else:
        given, made = drawn_for(run.network), None
    prove, by = {
        "torch": (prove_torch, "torch.nn"),
        "keras": (prove_keras, "Keras"),
        "rtneural": (prove_rtneural, "its layouts' equations"),
    }[target]
    outputs, difference = prove(place, run.network, given, made)
    found = {"on": asked.name, "outputs": outputs, "largest_difference": difference, "by": by}
    return found, [f"run by {by} on {asked.name}: {outputs:,} outputs, largest difference {difference:.2g}"]


def _lost_in_c(run: Run, dataset: Dataset[Any] | None) -> dict[str, Any]:
    """As `_lost`, of a network whose matrices are rounded."""
    from recurra.export.quantised import with_bytes

    task = registry.get(run.task).task
    model = task.model(with_bytes(run.network), run.preprocessor, run.settings)
    return _lost(run, dataset, lambda: nullcontext(model))


def _lost(run: Run, dataset: Dataset[Any] | None, rounded: Callable[[], AbstractContextManager[Any]]) -> dict[str, Any]:
    """What int8 costs. rounded: enters, and gives the model that answers with it

    Errors: RecurraError if that is too much
    """
    if dataset is None:
        return {"scores": ["not measured, for the run's data are not there"]}
    row, task = registry.get(run.task), registry.get(run.task).task
    before = task.evaluate(run.model, dataset.held_out, run.settings).scores
    with rounded() as model:
        after = task.evaluate(model, dataset.held_out, run.settings).scores
    metric = next(m for m in row.metrics if m.name in before)
    old, new = before[metric.name], after[metric.name]
    worse = (old - new) if metric.better == "higher" else (new - old)
    limit = MOST_LOST if metric.unit == "%" else 2 * MOST_LOST * abs(old)
    shown = f"{metric.short} {old:.4f} -> {new:.4f} on the {dataset.evaluated_on} part"
    if worse > limit:
        raise RecurraError(f"int8 weights lose too much: {shown}, the limit is {limit:.4f}\nuse --weights float32")
    return {"scores": [shown]}


def _about(run: Run, to: str, weights: str, license: str | None) -> dict[str, Any]:
    labels = list(getattr(run.model, "classes", ()))
    vocabulary = getattr(run.preprocessor, "vocabulary", run.preprocessor)
    tokens = getattr(vocabulary, "tokens", None)
    metrics = {m.name: m.unit for m in registry.get(run.task).metrics}
    return {
        "target": to,
        "task": run.task,
        "cell": run.settings.network.cell,
        "weights": weights,
        "recurra": importlib.metadata.version("recurra"),
        "model_sha256": hashlib.sha256((run.folder / MANIFEST).read_bytes()).hexdigest(),
        "labels": labels,
        "vocabulary_sha256": None if tokens is None else hashlib.sha256(json.dumps(tokens).encode()).hexdigest(),
        "units": metrics,
        "license": license,
    }

"""A run's folder: what it keeps to go on from, and how that is found again.

A finished run goes on too, if it is given more epochs or minutes than it had: weights, optimizer and counters are those
of its last step, the best weights stay the best until better ones come, patience counts anew, and the learning rate
follows the schedule of the new length.

Beside the newest training state stands the one before it with its own best weights, from which a run goes on if the
newest was damaged; its files are those of the folder before, under other names. Either way it is the run that it would
have been, bit for bit, on the same versions and machine.
"""

from __future__ import annotations

import importlib.metadata
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from recurra import model_folder
from recurra.api import provenance, vectors
from recurra.api.preparation import NOT_RESUMED, check_device, on_cuda, prepare_run, size_of
from recurra.api.run import Run
from recurra.api.setup import Setup
from recurra.engines.native import library
from recurra.errors import DataError, ModelFolderError, UsageError
from recurra.model_folder import ModelFolder, manifest
from recurra.report.record import Baseline
from recurra.tasks.abilities import Concluding
from recurra.tasks.settings import AnySettings
from recurra.tasks.stored import Config, Environment, config_of, metrics_of, of_folder, settings_of
from recurra.tasks.weights import forms_of
from recurra.training.checkpoint import Checkpoint, Counters
from recurra.training.processes.place import place
from recurra.training.schedule import Budget
from recurra.training.settings import TrainingSettings
from recurra.training.trainee import Carrying

STATE, PREVIOUS, PREVIOUS_WEIGHTS = "training_state", "previous_state", "previous_weights.safetensors"
METRICS_CSV = "metrics.csv"
"""The evaluations as a table; it is written anew from the history."""
MAY_CHANGE = {"epochs", "minutes", "patience"}
"""Settings of a run that goes on."""
MOMENTS = 4
"""A state has at most so many times the bytes of the weights: two means of an optimizer, the weights' own running
average, and themselves."""
LARGE = 1 << 30
"""Bytes of weights that are compared with the network before they are gone through."""
BESIDE = 1 << 22
"""Bytes of a state that are no tensor's."""


@dataclass(frozen=True)
class Stopped:
    """A run to go on with. notes: what people should know of it; finished_before: epochs after which it was finished"""

    config: Config
    versions: dict[str, str]
    setup: Setup
    checkpoint: Checkpoint
    baselines: list[Baseline]
    notes: list[str]
    finished_before: list[float]


def environment_of(engine: str, device: str) -> Environment:
    """What the numbers of a training here may depend on, beside versions and settings."""
    variant = library.load().variant if engine == "native" else torch.backends.cpu.get_cpu_capability()
    return Environment(
        variant=variant,
        threads=torch.get_num_threads(),
        device=torch.cuda.get_device_name() if on_cuda(device) else "cpu",
        processes=place().count,
    )


def stopped_run(folder: Path, given: dict[str, Any]) -> Stopped:
    """The run that was stopped, with its data read again.

    given: what is set anew, see MAY_CHANGE
    Errors: UsageError; DataError if its data are not what they were; ModelFolderError names what does not fit
    """
    found, notes = model_folder.use(folder, intact)
    stored = metrics_of(found)
    _refuse_unlearning(found)
    finished = stored.status == "finished"
    if finished and f"{STATE}.safetensors" not in found.extra:
        raise UsageError(f"{folder} is a finished run without a training state; train again")
    if f"{STATE}.safetensors" not in found.extra or f"{STATE}.json" not in found.extra:
        raise ModelFolderError(f"{folder}: there is no training state to resume from")
    other = set(given) - MAY_CHANGE
    if other:
        raise UsageError(f"a resumed run keeps its settings; leave out {', '.join(sorted(other))}")
    name = PREVIOUS if notes else STATE
    if notes:
        found = found.with_weights(PREVIOUS_WEIGHTS)
    run = Run(found)
    settings = run.settings.changed(**given)
    before = list(run.stored.finished_before)
    if finished:
        counters = Counters.from_json(found.parsed(f"{name}.json"))
        settings = _longer(folder, settings, given, counters)
        before.append(counters.points[-1].epoch if counters.points else 0.0)
        notes = [
            *notes,
            f"a run that had finished after {before[-1]:g} epoch{'' if before[-1] == 1 else 's'} went on, its test "
            "part looked at before",
        ]
    source = provenance.find(run.stored, found.path)
    try:
        check_device(settings.training.device)
        setup = prepare_run(source, settings, None if run.stored.started_from is None else run.preprocessor)
    except UsageError as error:
        raise of_folder(folder, error) from error
    if (sized := run.stored.data.sized) is not None:
        setup.dataset.facts["sized"] = sized.model_dump()
        notes = [*notes, *sized.why.splitlines()]
    vectors.resume(setup, run.stored.vectors)
    if found.preprocessing != setup.dataset.preprocessor.to_json():
        raise ModelFolderError(f"{folder}: its preprocessing is not that of its data")
    provenance.check_divided(run.stored.data, setup.dataset.facts)
    try:
        checkpoint = _checkpoint(found, name, setup, run.stored.concluded)
    except ModelFolderError as error:
        raise (error if str(error).startswith(str(found.path)) else of_folder(found.path, error)) from error
    if finished:
        checkpoint.counters.worse = 0
    return Stopped(run.stored, found.versions, setup, checkpoint, stored.scored_baselines(), notes, before)


def _refuse_unlearning(found: ModelFolder) -> None:
    """Errors: UsageError for a quantised run and one of several networks; ModelFolderError"""
    try:
        config = config_of(found, Config)
        several = size_of(settings_of(config)) > 1
    except (DataError, UsageError) as error:
        raise of_folder(found.path, error) from error
    if config.quantised is not None:
        raise UsageError(
            f"{found.path} is quantised: weights of 8 bits do not learn; take the run that it was made of, "
            f"{config.quantised.of}"
        )
    if several:
        raise UsageError(f"{found.path} is an ensemble: {NOT_RESUMED}")


def _longer(folder: Path, settings: AnySettings, given: Mapping[str, Any], counters: Counters) -> AnySettings:
    """The settings of a finished run that goes on: of epochs and minutes, what is given anew replaces both.

    Errors: UsageError if that is no more than the run has had
    """
    if len(new := {"epochs", "minutes"} & given.keys()) == 1:
        settings = settings.changed(**dict.fromkeys({"epochs", "minutes"} - new))
    training = settings.training
    epochs, minutes = counters.points[-1].epoch if counters.points else 0.0, counters.seconds / 60
    if training.epochs is None and training.minutes is None:
        raise UsageError("give epochs, minutes or both")
    if Budget(training.epochs, training.minutes).share(epochs, counters.seconds) >= 1:
        raise UsageError(
            f"{folder} is a finished run of {epochs:g} epochs and {minutes:.1f} minutes; give more to go on with, "
            f"as in --epochs {2 * math.ceil(epochs):g}"
        )
    return settings


def intact(found: ModelFolder) -> tuple[ModelFolder, list[str]]:
    """The folder, and what was damaged in it if it can be done without."""
    newest = {manifest.WEIGHTS, f"{STATE}.safetensors", f"{STATE}.json"}
    before = {f"{PREVIOUS}.safetensors", f"{PREVIOUS}.json", PREVIOUS_WEIGHTS}
    damaged: dict[str, ModelFolderError] = {}
    if found.files[manifest.WEIGHTS].bytes > LARGE:
        Run(found)
    for name in found.files:
        try:
            found.verify([name])
        except ModelFolderError as error:
            damaged[name] = error
    damaged.pop(METRICS_CSV, None)
    if not damaged or damaged.keys() <= before:
        return found, []
    first = next(iter(damaged.values()))
    if not damaged.keys() <= newest or not before <= found.files.keys():
        raise first
    return found, [f"{first}; going on from the training state before that"]


def _checkpoint(found: ModelFolder, name: str, setup: Setup, concluded: dict[str, float]) -> Checkpoint:
    """A training state, compared with the run's network by what its file says before the file is read."""
    task, trainee = setup.task, setup.trainee
    counters_json = found.parsed(f"{name}.json")
    counters = Counters.from_json(counters_json)
    tensors_file = f"{name}.safetensors"
    try:
        forms = found.forms(tensors_file)
        listed = counters_json.get("tensors")
        if listed is not None and sorted(forms) != listed:
            odd = sorted(set(forms) ^ set(listed))
            raise ModelFolderError(f"{tensors_file} and {name}.json do not have the same tensors, such as {odd[:1]}")
        network = trainee.network
        weights = forms_of(network.state_dict())
        size = sum(math.prod(form.shape) * 4 for form in weights.values())
        carried = trainee.carried() if isinstance(trainee, Carrying) else []
        most = MOMENTS * size + sum(math.prod(shape) * 4 for shape in carried) + BESIDE + 200 * len(forms)
        if found.files[tensors_file].bytes > most:
            raise ModelFolderError(
                f"{tensors_file} has {found.files[tensors_file].bytes:,} bytes; of this network it has {most:,} at most"
            )
        tensors = found.tensors(tensors_file)
    except ModelFolderError as error:
        raise ModelFolderError(f"{found.path}: the training state cannot be read: {error}") from error
    best = found.weights()
    if concluded and isinstance(task, Concluding):
        best = task.before_conclusion(best, concluded)
    return Checkpoint(counters, tensors, best)


def differences(found: Config, versions: Mapping[str, str], engine: str, training: TrainingSettings) -> str | None:
    """What is not as it was when the run was stopped, so that it may go on with other last digits; None if nothing."""
    now = environment_of(engine, training.device)
    pairs = {
        "recurra": (versions.get("recurra"), importlib.metadata.version("recurra")),
        "torch": (versions.get("torch"), str(torch.__version__)),
        "engine": (found.engine, engine),
        "variant": (found.environment.variant, now.variant),
        "threads": (found.environment.threads, now.threads),
        "device": (found.environment.device, now.device),
        "processes": (found.environment.processes, now.processes),
    }
    other = [f"{name} {then!s:.60}, now {new}" for name, (then, new) in pairs.items() if then not in (None, new)]
    if not other:
        return None
    return f"not bit-exact: the run continues under other conditions than it began ({'; '.join(other)})"

"""A new run that begins with the weights and the preprocessing of another one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recurra.api.preparation import check_device, engine_of, prepare_run
from recurra.api.quantising import refuse_quantised
from recurra.api.run import Run
from recurra.api.sense import check_sense
from recurra.api.setup import Setup
from recurra.errors import UsageError
from recurra.tasks import registry
from recurra.tasks.abilities import WordTables
from recurra.tasks.settings import PATHS, AnySettings, TextSettings, marked
from recurra.tasks.sources.resolving import resolve
from recurra.tasks.sources.source import Source
from recurra.tasks.weights import difference, forms_of
from recurra.topologies.ensembles import Ensemble


def source_of(run: Run, data: Path, task: str | None, given: Mapping[str, Any]) -> Source:
    """The new data, as the run's task reads them. Errors: DataError; UsageError for settings that are the run's"""
    if task not in (None, run.task):
        raise UsageError(f"{run.folder} is a model of the task {run.task}; it cannot initialise one of the task {task}")
    refuse_quantised(run, "is quantised: weights of 8 bits do not learn")
    if isinstance(run.network, Ensemble):
        raise UsageError(f"{run.folder} is an ensemble of {len(run.network.members)} networks; begin with one network")
    network = run.settings.network
    learned = marked(run.settings.data, "learned") | (type(network).model_fields.keys() - marked(network, "free"))
    if fixed := [name for name in given if name in learned]:
        raise UsageError(f"the network and the preprocessing are those of {run.folder}; leave out {', '.join(fixed)}")
    return resolve(
        data, run.task, validation=given.get("validation"), test=given.get("test"), parallel=given.get("parallel")
    )


def settings_for(run: Run, source: Source, given: Mapping[str, Any]) -> AnySettings:
    """The run's settings on new data, changed by what the user gave; its length is the task's default again."""
    row = registry.get(run.task)
    data = row.defaults.settings.data
    anew = {name: getattr(data, name) for name in marked(data, "of_files")}
    learned = marked(data, "learned")
    options = {name: value for name, value in row.read(source.options).items() if name not in learned}
    parts = {part: Path(given[part]).name for part in PATHS if given.get(part) is not None}
    settings = run.settings.changed(**anew, epochs=None, minutes=None)
    if isinstance(data, TextSettings):
        settings = settings.changed(freeze_vectors=False, segment=None, level=run.stored.data.vocabulary_level)
    settings = settings.changed(**options).changed(**dict(given) | parts)
    engine_of(settings.network)
    check_sense(source, settings, given)
    check_device(settings.training.device)
    return settings


def prepare_from(run: Run, source: Source, settings: AnySettings) -> Setup:
    """The new data under what the run has learned, and its weights. Errors: DataError; UsageError"""
    setup = prepare_run(source, settings, run.preprocessor)
    weights, network = run.network.state_dict(), setup.network
    if (problem := difference(forms_of(weights), forms_of(network.state_dict()))) is not None:
        raise UsageError(f"{run.folder} cannot begin a run on these data: {problem}")
    network.load_state_dict(weights)
    unknown = ""
    if isinstance(setup.task, WordTables):
        texts = setup.task.word_table(setup.dataset, network).texts
        tokens, new = sum(map(len, texts)), sum(int((ids == 0).sum()) for ids in texts)
        unknown = f", which does not know {new:,} of the {tokens:,} tokens of this training part"
    setup.dataset.notes.append(
        f"weights and preprocessing are those of {run.folder.name}{unknown}; optimizer and schedule start fresh"
    )
    return setup

"""A new run that begins with the weights and the vocabulary of another one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recurra import model_folder
from recurra.api.preparation import FILES, check_device, engine_of, prepare_run
from recurra.api.run import Run
from recurra.api.sense import check_sense
from recurra.errors import UsageError
from recurra.tasks import registry
from recurra.tasks.settings import AnySettings
from recurra.tasks.sources.resolving import Source, resolve
from recurra.tasks.task import Dataset
from recurra.tasks.weights import difference, forms_of

TOKENS = ("level", "word_split", "segment", "normalize", "min_count", "max_vocabulary", "vectors", "vectors_encoding",
          "train_vectors", "blank_tokens")  # fmt: skip
"""Settings of the data that make the vocabulary, which is kept."""
OF_DATA = ("encoding", "text", "label", "split_column", "validation", "test", "parallel", "languages", "swap",
           "skip_lines", "scheme", "vectors", "vectors_encoding", "train_vectors")  # fmt: skip
"""Settings that were about the old data."""
FREE = ("dropout", "embedding_dropout", "recurrent_dropout", "input_dropout", "variational", "engine")
"""Settings of the network that change no weight."""


def source_of(run: Run, data: Path, task: str | None, given: Mapping[str, Any]) -> Source:
    """The new data, as the run's task reads them. Errors: DataError; UsageError for settings that are the run's"""
    if task not in (None, run.task):
        raise UsageError(f"{run.folder} is a model of the task {run.task}; it cannot begin one of {task}")
    network = type(run.settings.network).model_fields
    fixed = [name for name in given if name in TOKENS or (name in network and name not in FREE)]
    if fixed:
        raise UsageError(f"the network and the vocabulary are those of {run.folder}; leave out {', '.join(fixed)}")
    return resolve(data, run.task, validation=given.get("validation"), test=given.get("test"),
                   parallel=given.get("parallel"))  # fmt: skip


def settings_for(run: Run, source: Source, given: Mapping[str, Any]) -> AnySettings:
    """The run's settings on new data, changed by what the user gave; its length is the task's default again."""
    plain = registry.get(run.task).defaults.settings.data.model_dump()
    anew = {name: plain[name] for name in OF_DATA if name in plain}
    options = {name: value for name, value in source.options.items() if name not in TOKENS}
    parts = {part: Path(given[part]).name for part in FILES if given.get(part) is not None}
    settings = run.settings.changed(**anew, epochs=None, minutes=None, freeze_vectors=False)
    settings = settings.changed(segment=None, level=run.stored.data.vocabulary_level)
    settings = settings.changed(**options).changed(**dict(given) | parts)
    engine_of(settings.network)
    check_sense(source, settings, given)
    check_device(settings.training.device)
    return settings


def prepare_from(run: Run, source: Source, settings: AnySettings) -> Dataset:
    """The new data under the run's vocabulary, and its weights. Errors: DataError; UsageError"""
    dataset = prepare_run(source, settings, model_folder.read(run.folder))
    weights = run.network.state_dict()
    network = dataset.trainee.network
    if (problem := difference(forms_of(weights), forms_of(network.state_dict()))) is not None:
        raise UsageError(f"{run.folder} cannot begin a run on these data: {problem}")
    network.load_state_dict(weights)
    texts = dataset.word_table().texts
    tokens, unknown = sum(map(len, texts)), sum(int((ids == 0).sum()) for ids in texts)
    dataset.notes.append(
        f"weights and vocabulary are those of {run.folder.name}, which does not know {unknown:,} of the {tokens:,} "
        f"tokens of this training part; optimizer and schedule begin anew"
    )
    return dataset

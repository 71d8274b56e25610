"""From a run to which of its units follow something."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from recurra.errors import UsageError
from recurra.inspection.following import FEATURES, named
from recurra.inspection.inputs_read import INPUTS, probe_inputs, read_inputs
from recurra.inspection.probing import Probing, probe_labels
from recurra.inspection.probing import probe as probe_states
from recurra.inspection.stretches import WARM, ends_of, states_of
from recurra.tasks import given, registry
from recurra.tasks.abilities import Probed, Stretching, Traceable, able

if TYPE_CHECKING:
    from recurra.api.run import Run


def probe(
    run: Run,
    features: Mapping[str, Callable[[Sequence[str]], Any]] | None,
    *,
    text: str | None,
    texts: Sequence[str] | None,
    labels: Sequence[str] | None,
    seed: int,
) -> Probing:
    """See `Run.probe`."""
    task = registry.get(run.task).task
    if not isinstance(run.model, Stretching) and not isinstance(task, Probed):
        raise run.model.cannot("read texts, whose units could be probed")
    asked = given.options({"seed": seed})
    if (texts is None) != (labels is None):
        raise UsageError("texts go with labels, one for each")
    if texts is not None and labels is not None:
        found = given.texts(texts)
        if len(found) != len(labels):
            raise UsageError(f"{len(found)} texts need as many labels, got {len(labels)}")
        return probe_labels(ends_of(run.model, found), [str(label) for label in labels], seed=asked["seed"])
    if not isinstance(run.model, Stretching):
        assert isinstance(task, Probed)
        return _of_inputs(run, task, features, text, asked["seed"])
    model: Stretching = run.model
    if text is not None:
        whole = given.texts(text)
        if len(whole) != 1:
            raise UsageError(f"one text is probed at a time, got {len(whole)}; several go with labels, as texts")
        tokens: Any = np.asarray(model.vocabulary.encode(whole[0]))
    else:
        from recurra.api.evaluation import trained_on

        tokens = trained_on(run).held_out
    states, rows = states_of(model, tokens)
    return probe_states(states, rows, [*FEATURES, *named(dict(features or {}))], warm=WARM, seed=asked["seed"])


def _of_inputs(
    run: Run,
    task: Probed,
    features: Mapping[str, Callable[[Sequence[str]], Any]] | None,
    text: str | None,
    seed: int,
) -> Probing:
    """Of a classifier or tagger, over texts that were held out, or the lines of one."""
    if text is not None:
        inputs = task.probed_text(run.model, text)
    else:
        from recurra.api.evaluation import trained_on

        dataset = trained_on(run)
        inputs = task.probed_inputs(dataset, dataset.evaluated_on, INPUTS)
    model: Traceable = able(run.model, Traceable, "let itself be looked into")
    read = read_inputs(model, run.network, inputs)
    return probe_inputs(read, [*FEATURES, *named(dict(features or {}))], seed=seed)

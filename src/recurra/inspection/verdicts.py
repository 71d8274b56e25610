"""What each finding rests on: a rule each, the most telling first."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from recurra.data.splits import many
from recurra.inspection.diagnosis import Diagnosis, Evidence, Finding, number
from recurra.training.watch.record import LayerLook, Look

GROWN = 100.0
"""Times that a gradient grows on its way back, from which it explodes."""
LONG = 20
"""Steps from which a sequence is long."""
FORGOTTEN = 0.5
"""Of a long sequence's steps, so few are remembered where the gradient vanishes."""
TOO_HIGH, TOO_LOW = 0.15, 1.2e-3
"""Changes of matrices in a step, as shares of their size."""
STRANGLED = 0.02
"""Of the gradient's usual norm, a limit below which nothing of it is left."""
RISEN, FALLEN = 1.25, 0.5
"""It overfits where the validation loss ends so many times above its best, the training loss this share of it."""
MATTERS = 0.1
"""Of the loss of whoever knows nothing: a smaller rise is none."""
NO_BETTER = 0.98
"""Times the loss of class frequencies alone, which a validation loss must come below."""
ENOUGH = 60
"""Steps after which something should have been learned."""
DEAD = 0.5
"""Of a relu's units."""
STUCK = 0.9
"""Of a gate's numbers that are near an end."""


def diagnose(evidence: Evidence) -> Diagnosis:
    """All findings: problems by their rank, then notes, then what is well."""
    found = [one for rule in RULES for one in rule(evidence)]
    order = {"problem": 0, "note": 1, "good": 2}
    return Diagnosis(tuple(sorted(found, key=lambda one: order[one.severity])), evidence)


def _one_class(e: Evidence) -> Iterator[Finding]:
    if len(e.data.labels) == 1:
        (label,) = e.data.labels
        yield Finding(
            "one class",
            "problem",
            f"all {e.data.examples:,} training examples have the label {label!r}, so there is nothing to tell apart",
            "name another column with --label, or add examples of other classes",
        )


def _exploding(e: Evidence) -> Iterator[Finding]:
    # of a training with too high a rate only the first look is of the network that it was given
    looks = e.watched.looks[:1] if _highest_change(e) > TOO_HIGH else e.watched.looks
    layers = [(look, layer) for look in looks for layer in look.layers]
    worst = max(layers, key=lambda each: each[1].flow.largest, default=None)
    if worst is None or worst[1].flow.largest < GROWN:
        return
    look, layer = worst
    radius = max(layer.radii.values(), default=math.nan)
    through = f"; the spectral radius of its recurrent matrix is {number(radius)}" if math.isfinite(radius) else ""
    yield Finding(
        "exploding",
        "problem",
        f"the gradient explodes: on its way back through {layer.flow.steps} steps of {layer.name} it grows "
        f"{number(layer.flow.largest)} times (step {look.step}){through}",
        "--init orthogonal, --clip-norm 1 and a gated cell (--cell gru, --cell lstm) keep it within bounds",
    )


def _too_high(e: Evidence) -> Iterator[Finding]:
    largest, first = _highest_change(e), e.first_loss
    if first is None:
        return
    losses = e.watched.losses.values[2:]
    smooth = np.convolve(losses, np.ones(3) / 3, "valid") if len(losses) >= 3 else np.array(losses)
    highest = float(smooth.max()) if len(smooth) else first
    lost = e.watched.diverged is not None or highest > 1.3 * abs(first) + 0.1
    if largest > TOO_HIGH and lost:
        rose = (
            f"the loss is no number any more at step {e.watched.diverged:,}"
            if e.watched.diverged is not None
            else f"the loss rises from {number(first)} to {number(highest)}"
        )
        lower = e.settings.training.learning_rate / 100
        yield Finding(
            "learning rate too high",
            "problem",
            f"the learning rate is too high: a step changes a weight matrix {_change(largest)}, and {rose}",
            f"--learning-rate {lower:.2g}",
        )


def _never_trains(e: Evidence) -> Iterator[Finding]:
    looks = [look for look in e.watched.looks if look.updates]
    still = [
        name
        for name in (looks[0].updates if looks else ())
        if all(look.updates.get(name) == 0 for look in looks) and len(looks) > 1
    ]
    frozen = [name for name in e.watched.tables if name in e.watched.frozen]
    if frozen and not getattr(e.settings.network, "freeze_vectors", False):
        still += frozen
    if still:
        what = "the embedding" if set(still) & set(e.watched.tables) else "a part of the network"
        why = "asks for no gradient" if set(still) & set(e.watched.frozen) else "gets no gradient"
        yield Finding(
            "never trains",
            "problem",
            f"{what} never trains: {', '.join(still[:4])} {why} and did not change in {e.watched.steps:,} steps",
            "leave out --freeze-vectors; in code of your own, requires_grad=True and no .detach() before it",
        )


def _strangled(e: Evidence) -> Iterator[Finding]:
    limit, norms = e.settings.training.clip_norm, e.watched.norms.values
    if limit is None or not norms or e.settings.training.clip_value is not None:
        return
    usual, share = float(np.median(norms)), e.watched.clipped / e.watched.steps
    if share >= 0.95 and limit < STRANGLED * usual:
        yield Finding(
            "clipped away",
            "problem",
            f"the gradient is clipped away: {share:.0%} of the steps are clipped, to {limit:g}, and their norm is "
            f"{number(usual)}",
            f"--clip-norm {max(1.0, round(2 * usual)):g}",
        )
    elif share > 0:
        words = f"{share:.0%} of the steps are clipped, to {limit:g}; their norm is {number(usual)}"
        yield Finding("clipping", "note", words)


def _too_low(e: Evidence) -> Iterator[Finding]:
    usual = [float(np.median(own)) for look in e.watched.looks if (own := _matrices(look))]
    first, last = e.first_loss, e.last_loss
    if not usual or first is None or last is None:
        return
    if max(usual) < TOO_LOW and last > 0.6 * first and not e.informed:
        rate = e.settings.training.learning_rate
        yield Finding(
            "learning rate too low",
            "problem",
            f"the learning rate is too low: a step changes a weight matrix by {max(usual):.2%} of its size at most, "
            f"and the loss is {number(last)} after {number(first)}",
            f"--learning-rate {100 * rate:.2g}",
        )


def _vanishing(e: Evidence) -> Iterator[Finding]:
    if not e.watched.looks or not e.watched.looks[0].layers or e.learned:
        return
    # the first look: what does not reach the beginning then is not learned from, whatever the weights become later
    layer = max(e.watched.looks[0].layers, key=lambda each: each.flow.memory / max(1, each.flow.steps))
    flow = layer.flow
    if flow.steps >= LONG and flow.memory < FORGOTTEN * flow.steps and flow.rate < 0.97:
        radius = max(layer.radii.values(), default=math.nan)
        through = f", the spectral radius of its recurrent matrix is {number(radius)}" if math.isfinite(radius) else ""
        yield Finding(
            "vanishing",
            "problem",
            f"the gradient vanishes: {layer.name} learns from the last {flow.memory} of {flow.steps} steps, "
            f"{flow.rate:.2f} of it arrive a step further back{through}",
            "--cell lstm or gru, --init orthogonal, or shorter inputs (--max-length, --pooling mean)",
        )


def _labels(e: Evidence) -> Iterator[Finding]:
    prior, low = e.data.prior, e.lowest
    if prior is None or low is None or len(e.data.labels) < 2 or e.steps < ENOUGH:
        return
    if low >= NO_BETTER * prior:
        learned = e.last_loss is not None and e.last_loss < 0.8 * prior
        by_heart = f", though the training part is learned by heart ({number(e.last_loss or 0)})" if learned else ""
        remedy = "check that labels stand in their rows (--label, --text) and can be known from the input"
        reach = max((layer.flow.memory / max(1, layer.flow.steps) for layer in _last(e)), default=1.0)
        if reach < 0.9:
            remedy += f", for the gradient reaches {reach:.0%} of it alone (--cell lstm, --pooling mean)"
        yield Finding(
            "labels do not follow",
            "problem",
            f"the labels do not follow from the inputs: the validation loss is never below {number(low)}, and "
            f"{number(prior)} is that of the classes' frequencies alone{by_heart}",
            remedy if learned else f"{remedy}; if they do, train longer (--epochs)",
        )


def _overfits(e: Evidence) -> Iterator[Finding]:
    losses = [(p.validation_loss, p.train_loss) for p in e.points if p.validation_loss is not None]
    if len(losses) < 3 or e.lowest is None:
        return
    end, train = losses[-1]
    usual = e.data.prior or e.first_loss or 0.0
    risen = end > RISEN * e.lowest and end - e.lowest > MATTERS * usual
    if risen and train is not None and train < FALLEN * end:
        yield Finding(
            "overfitting",
            "problem",
            f"it overfits: the validation loss was {number(e.lowest)} and is {number(end)} at the end, the training "
            f"loss {number(train)}",
            "more data, --dropout 0.5, a smaller --hidden-size, or --patience 3",
        )


def _dead(e: Evidence) -> Iterator[Finding]:
    for layer in _last(e):
        for name, gate in layer.gates.items():
            if gate.kind == "relu" and gate.dead >= DEAD:
                yield Finding(
                    "dead units",
                    "problem" if not e.learned else "note",
                    f"{gate.dead:.0%} of the relu units of {layer.name} ({name}) are 0 at every step looked at",
                    f"--learning-rate {e.settings.training.learning_rate / 10:.2g}, or --cell rnn",
                )


def _stuck(e: Evidence) -> Iterator[Finding]:
    for layer in _last(e):
        for name, gate in layer.gates.items():
            if gate.kind != "relu" and gate.saturated > STUCK:
                yield Finding(
                    "saturated",
                    "note",
                    f"{name} of {layer.name} is saturated: {gate.shut:.0%} of its numbers are at its lower end, "
                    f"{gate.open:.0%} at its upper one, where hardly any gradient passes",
                )


def _spikes(e: Evidence) -> Iterator[Finding]:
    if e.watched.spikes:
        worst, spikes = max(e.watched.spikes, key=lambda spike: spike.loss), many(len(e.watched.spikes), "loss spike")
        yield Finding(
            "loss spikes",
            "note",
            f"{spikes}, the highest {number(worst.loss)} where {number(worst.usual)} was "
            f"usual: step {worst.step:,}, batch {worst.batch + 1:,} of epoch {worst.epoch + 1}",
        )


def _memory(e: Evidence) -> Iterator[Finding]:
    for layer in _last(e):
        flow = layer.flow
        if flow.steps < 1 or flow.largest >= GROWN:
            continue
        whole = flow.memory == flow.steps
        reach = "" if flow.steps == 1 else "all " if whole else f"{flow.memory} of "
        rate = "" if math.isnan(flow.rate) else f", {flow.rate:.3f} a step"
        yield Finding(
            "memory",
            "good" if whole else "note",
            f"the gradient of {layer.name} reaches {reach}{many(flow.steps, 'step')} back{rate}",
        )


def _data(e: Evidence) -> Iterator[Finding]:
    data = e.data
    if data.contradicting:
        yield Finding(
            "contradicting labels", "note", f"{many(data.contradicting, 'repeated example')} with another label"
        )
    if data.repeated:
        yield Finding("repeats", "note", f"{many(data.repeated, 'repeat')} among {data.examples:,} training examples")
    if data.leaked:
        yield Finding("leaked", "note", f"{many(data.leaked, 'validation example')} that the training part has too")
    for suspect in data.suspects:
        where = f"{suspect.where}: " if suspect.where else ""
        words = f"is labelled {suspect.label!r}, looks like {suspect.other!r} ({suspect.chance:.2f})"
        yield Finding("suspect label", "note", f"{where}{suspect.example!r} {words}")
    for name, drift in (("tokens", data.token_drift), ("labels", data.label_drift)):
        if drift is not None and drift > 0.15:
            yield Finding(
                "drift", "note", f"the {name} of the validation part differ from those of training by {drift:.0%}"
            )
    if data.lengths is not None and not 0.67 < (data.lengths[1] + 1) / (data.lengths[0] + 1) < 1.5:
        yield Finding(
            "drift",
            "note",
            f"validation examples have {data.lengths[1]:.0f} steps on average, those of training {data.lengths[0]:.0f}",
        )


RULES: tuple[Callable[[Evidence], Iterator[Finding]], ...] = (
    _one_class, _exploding, _too_high, _never_trains, _strangled, _too_low, _vanishing, _labels, _overfits, _dead,
    _stuck, _spikes, _data, _memory,
)  # fmt: skip


def _highest_change(e: Evidence) -> float:
    return max((u for look in e.watched.looks for u in _matrices(look)), default=0.0)


def _change(share: float) -> str:
    if not math.isfinite(share):
        return "beyond what float32 holds"
    return f"by {share:.0%} of its size" if share < 10 else f"by {number(share)} times its size"


def _matrices(look: Look) -> list[float]:
    """Changes of the recurrent layers' matrices, as shares of their sizes."""
    return [u for name, u in look.updates.items() if "weight_ih" in name or "weight_hh" in name]


def _last(e: Evidence) -> tuple[LayerLook, ...]:
    return e.watched.looks[-1].layers if e.watched.looks else ()

"""What in a sequence of frames speaks for its class, or for the label of a frame."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor

from recurra.errors import UnknownNameError, UsageError
from recurra.tasks.differentiable import Differentiable, centred, positions_of
from recurra.tasks.forward_pass import only
from recurra.tasks.frames.model import FramesModel
from recurra.tasks.frames.trainee import log_probabilities
from recurra.topologies.frames import FrameNetwork

BASELINES = {
    "training": "frames that are the mean of training throughout",
    "sequence": "frames that are the sequence's own mean throughout",
    "mean": "frames that are the sequence's own mean throughout",
}
"""By how frames are scaled: what they are where all their numbers are 0."""

PICTURES = "pictures that are the mean colour of training throughout"


def attribution(
    model: FramesModel, given: Any, *, target: str | None = None, at: int | None = None, **options: Any
) -> Differentiable:
    """target: a class, the most probable one if None; at: of a model that labels frames the frame, from 0; all if None

    Errors: UsageError; UnknownNameError
    """
    network, made = cast("FrameNetwork", model.network), model.preprocessor
    sequence = only(model, given, options)
    if target is not None and target not in model.classes:
        raise UnknownNameError("class", target, model.classes)
    if at is not None and not network.per_frame:
        raise UsageError("at names a frame of a model that labels frames; this one has one label for a sequence")
    encoded = made.encode(sequence.values)
    time = len(encoded)
    logs = log_probabilities(network, [encoded])
    positions = positions_of(at, time, "frame") if network.per_frame else [0]
    chosen = [int(logs[k].argmax()) if target is None else model.classes.index(target) for k in positions]
    point = torch.from_numpy(encoded).float().to(next(network.parameters()).device)

    def scores(points: Tensor) -> Tensor:
        logits, _ = network(points)
        if not network.per_frame:
            return centred(logits, chosen[0])[:, None, None]
        found = [centred(logits[:, k], label) for k, label in zip(positions, chosen, strict=True)]
        return torch.stack(found, 1).unsqueeze(-1)

    sound = made.sound
    frames = [str(k + 1) if sound is None else f"{sound.middle(k):.2f}" for k in range(time)]
    names = [model.classes[label] for label in chosen]
    missing = [f"{name} missing" for name in made.channels] if made.gaps else []
    return Differentiable(
        frames,
        point,
        _base(network, point),
        BASELINES[made.scale] if network.encoder is None else PICTURES,
        "logit of the class above the mean of all classes' logits",
        [f"{frames[k]}: {name}" for k, name in zip(positions, names, strict=True)] if network.per_frame else names,
        scores,
        ["recurrent network"],
        channels=[*made.channels, *missing] if len(made.channels) + len(missing) == point.shape[1] else (),
        at=positions if network.per_frame else (),
        steep=network.encoder is not None,  # which normalises each picture: a hint of one is soon a whole one
    )


def _base(network: FrameNetwork, point: Tensor) -> Tensor:
    """Frames of nothing: 0 where they are scaled already, pictures of the mean colour where the network does that."""
    if network.encoder is None:
        return torch.zeros_like(point)
    mean, shape = network.encoder.mean, network.encoder.shape
    return mean.expand(shape).reshape(1, -1).expand_as(point).clone()

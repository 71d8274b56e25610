"""A sequence of frames on its way through a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from recurra.tasks.answer import Answer
from recurra.tasks.forward_pass import Floats, ForwardPass, only, ranked
from recurra.tasks.frames.model import FramesModel
from recurra.tasks.frames.trainee import batch_of, log_probabilities
from recurra.topologies.frames import FrameNetwork


def forward_pass(model: FramesModel, given: Any, **options: Any) -> ForwardPass:
    """probabilities: of each frame's label; of one label for all, of each class if the sequence ended after each frame.

    Steps are frames counted from 1, of sound the seconds of their middles. Errors: UsageError
    """
    sequence, made = only(model, given, options), model.preprocessor
    network = cast("FrameNetwork", model.network)
    encoded = made.encode(sequence.values)
    time, sound = len(encoded), made.sound
    frames = [str(k + 1) if sound is None else f"{sound.middle(k):.2f}" for k in range(time)]
    later = [f"+{k + 1}" for k in range(network.delay)]
    device = next(network.parameters()).device

    def run() -> object:
        batch = batch_of([encoded], [np.zeros(1, np.int64)])
        return network(batch.x.to(device), batch.lengths)

    def ended(counts: Sequence[int]) -> Floats:
        found = log_probabilities(network, [encoded[:count] for count in counts])
        return np.asarray(found.exp().numpy(), np.float32)

    def probabilities() -> Floats:
        return ended([time] if network.per_frame else range(1, time + 1))

    def answer() -> Answer:
        return Answer(ranked=ranked(model.classes, ended([time])[0]))

    return ForwardPass(
        run,
        {"stack": [*frames, *later]},
        model.classes,
        frames,
        probabilities,
        answer=Answer if network.per_frame else answer,
        ended=None if network.per_frame else ended,
    )

"""What can be set about a generator of frames, and what it starts from."""

from __future__ import annotations

from recurra.tasks.sequences.settings import SequenceSettings
from recurra.tasks.settings import Defaults, Settings
from recurra.topologies.settings import FrameGeneratorSettings
from recurra.training.settings import TrainingSettings

GenerateFramesSettings = Settings[SequenceSettings, FrameGeneratorSettings, TrainingSettings]

DEFAULTS = Defaults(
    Settings(
        SequenceSettings(),
        FrameGeneratorSettings(cell="gru", hidden_size=192, dropout=0.1, reader_dropout=0.2),
        TrainingSettings(batch_size=32, learning_rate=2e-3),
    ),
    epochs=40,
    by_kind={"sounds": {"from_last": False, "reader_dropout": 0.5}},
)

"""What can be set about a language model, and what it starts from."""

from __future__ import annotations

from pydantic import Field

from recurra.tasks.settings import Defaults, Settings, TextSettings
from recurra.topologies.settings import NextTokenSettings
from recurra.training.settings import TruncatedSettings


class LanguageTrainingSettings(TruncatedSettings):
    """Streams of text whose state is carried."""

    state_reset: float = Field(0.0, ge=0, le=1, description="probability that a row starts from a zero state")


LanguageSettings = Settings[TextSettings, NextTokenSettings, LanguageTrainingSettings]

TIED = {"hidden_size": 400, "embedding_size": 400, "tie_weights": True, "dropout": 0.35, "input_dropout": 0.15}
"""What models of words and of sub-words start from instead of what models of characters and bytes do."""

WORDS = {**TIED, "learning_rate": 4e-3}

SUB_WORDS = {
    **TIED,
    "variational": True,
    "bptt": 35,
    "optimizer": "adamw",
    "learning_rate": 2e-3,
    "weight_decay": 0.02,
}

OTHER_RATE, OTHER_RATE_OF_WORDS = 1e-2, 2e-3
"""Of models of characters and bytes, and of words, whose optimizer is not the default one, if no rate is given."""

DEFAULTS = Defaults(
    Settings(
        TextSettings(split=(0.9, 0.1, 0.0)),
        NextTokenSettings(cell="lstm", hidden_size=256),
        LanguageTrainingSettings(
            batch_size=32, bptt=64, optimizer="muon", learning_rate=2e-2, weight_decay=0.1, state_reset=0.02
        ),
    ),
    epochs=10,
    by_level={"word": WORDS, "bpe": SUB_WORDS},
    fewest_steps=800,
)

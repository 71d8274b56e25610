"""What can be set about a captioner, and what it starts from."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from recurra.tasks.decoding.settings import DecoderTrainingSettings
from recurra.tasks.settings import Defaults, DividedSettings, LengthSettings, Marks, Settings, TextSettings
from recurra.topologies.settings import CaptionerSettings

EncoderName = Literal[
    "small", "features", "efficientnet-lite0", "resnet18", "resnet34", "resnet50", "resnet101", "resnet152"
]


class CaptionDataSettings(TextSettings, DividedSettings, LengthSettings):
    """Pictures and what is said of them."""

    MARKS: ClassVar[Marks] = {
        "reading": ("image", "features", "encoder_weights", "strict"),
        "of_files": ("image", "features", "encoder_weights"),
        "learned": ("encoder", "image_size"),
    }

    encoder: EncoderName = Field(
        "small",
        description="what sees pictures: small, trained from scratch; features, of a file; frozen "
        "efficientnet-lite0, resnet18, resnet34, resnet50, resnet101 or resnet152",
    )
    encoder_weights: str | None = Field(
        None, description="file of a ResNet's weights, .safetensors by torchvision's names"
    )
    features: str | None = Field(
        None, description="file of vectors, one or a grid a picture: .npy, .safetensors, a folder of .npy"
    )
    image_size: int = Field(64, ge=16, le=1024, description="pixels of a side that pictures are scaled to (small)")
    image: str | None = Field(None, description="column of the pictures' names (tables)")
    strict: bool = Field(False, description="refuse what would be repaired or left out, such as invalid BIO tags")


CaptionSettings = Settings[CaptionDataSettings, CaptionerSettings, DecoderTrainingSettings]

DEFAULTS = Defaults(
    Settings(
        CaptionDataSettings(normalize=("lowercase",)),
        CaptionerSettings(cell="gru", hidden_size=128, embedding_size=128, dropout=0.1),
        DecoderTrainingSettings(batch_size=32, learning_rate=4e-3),
    ),
    epochs=12,
    fewest_steps=800,
)
FROZEN: dict[str, Any] = {
    "condition": "steps",
    "dropout": 0.5,
    "picture_dropout": 0.5,
    "tie_weights": True,
    "min_count": 2,
    "batch_size": 64,
}
"""Instead, where vectors are given: what is learned of them is little beside the decoder, which a few thousand captions
are learned by heart with. Of 680 photographs, the validation part's nats per token: 2.937 so in 15 epochs, 2.996 with a
picture_dropout of 0.3 in 12."""

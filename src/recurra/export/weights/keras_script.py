"""This model in Keras 3, on the backend that KERAS_BACKEND names.

python model.py 3 14 15        ids of tokens (preprocessing.json lists them in order)
from model import load         load()(inputs): ids [B, T], or frames [B, T, I] as preprocessing.json scales them
"""

import json
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers


def build(about: dict[str, Any]) -> Any:
    """The model without its weights. about: as export.json has it"""
    units, made = about["units_of_a_layer"], about["embedding"]
    inputs = keras.Input((None,), dtype="int32") if made else keras.Input((None, about["inputs"]))
    y = layers.Embedding(*made, name="embedding")(inputs) if made else inputs
    for number in range(about["layers"]):
        layer = getattr(layers, about["kind"])(units, return_sequences=True, **about["arguments"])
        y = layers.Bidirectional(layer, name=f"layer_{number}")(y) if about["both_ways"] else layer(y)
    forward = y[:, -1, :units]
    last = layers.Concatenate()([forward, y[:, 0, units:]]) if about["both_ways"] else forward
    if about["pooling"] is not None:
        parts = {
            "last": last,
            "mean": layers.GlobalAveragePooling1D()(y),
            "max": layers.GlobalMaxPooling1D()(y),
        }
        y = layers.Concatenate()(list(parts.values())) if about["pooling"] == "all" else parts[about["pooling"]]
    return keras.Model(inputs, layers.Dense(about["outputs"], name="head")(y))


def load(folder: Path = Path(__file__).parent) -> Any:
    """The model: logits [B, T, C], or [B, C] of whole sequences."""
    model = build(json.loads((folder / "export.json").read_text("utf-8"))["keras"])
    model.load_weights(folder / "model.weights.h5")
    return model


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    said = load()(np.array([[int(token) for token in sys.argv[1:]]]))
    print(keras.ops.convert_to_numpy(keras.ops.softmax(said)))  # noqa: T201

"""Trained models without torch: a model folder, numpy and the native core are enough.

>>> from recurra import runtime
>>> model = runtime.load("runs/surnames")
>>> model.predict(["Rossi"])[0].label

Its answers are those of `recurra.load`, of every task. Language models and models of frames stream.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from recurra.runtime.loading import load

if TYPE_CHECKING:
    from recurra.data.series.forecast import Forecast
    from recurra.runtime.captioner import Captioner, Described
    from recurra.runtime.classifier import Classifier
    from recurra.runtime.filler import Filled, Filler
    from recurra.runtime.forecaster import Forecaster
    from recurra.runtime.frame_generator import FrameGenerator, GeneratedFrames
    from recurra.runtime.frames import FrameLabeller, FrameLabels, Frames, FrameStream, Streamed
    from recurra.runtime.generator import Generated, Generator
    from recurra.runtime.language import Candidates, LanguageModel
    from recurra.runtime.predictions import Prediction
    from recurra.runtime.tagger import Tagger, Tagging
    from recurra.runtime.translator import Translation, Translator

_HOMES = {
    "Candidates": "recurra.runtime.language",
    "Captioner": "recurra.runtime.captioner",
    "Classifier": "recurra.runtime.classifier",
    "Described": "recurra.runtime.captioner",
    "Filled": "recurra.runtime.filler",
    "Filler": "recurra.runtime.filler",
    "Forecast": "recurra.data.series.forecast",
    "Forecaster": "recurra.runtime.forecaster",
    "FrameGenerator": "recurra.runtime.frame_generator",
    "FrameLabeller": "recurra.runtime.frames",
    "FrameLabels": "recurra.runtime.frames",
    "FrameStream": "recurra.runtime.frames",
    "Frames": "recurra.runtime.frames",
    "Generated": "recurra.runtime.generator",
    "GeneratedFrames": "recurra.runtime.frame_generator",
    "Generator": "recurra.runtime.generator",
    "LanguageModel": "recurra.runtime.language",
    "Prediction": "recurra.runtime.predictions",
    "Streamed": "recurra.runtime.frames",
    "Tagger": "recurra.runtime.tagger",
    "Tagging": "recurra.runtime.tagger",
    "Translation": "recurra.runtime.translator",
    "Translator": "recurra.runtime.translator",
}

__all__ = [
    "Candidates",
    "Captioner",
    "Classifier",
    "Described",
    "Filled",
    "Filler",
    "Forecast",
    "Forecaster",
    "FrameGenerator",
    "FrameLabeller",
    "FrameLabels",
    "FrameStream",
    "Frames",
    "Generated",
    "GeneratedFrames",
    "Generator",
    "LanguageModel",
    "Prediction",
    "Streamed",
    "Tagger",
    "Tagging",
    "Translation",
    "Translator",
    "load",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)

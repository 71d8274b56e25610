"""Trained models without torch: a model folder, numpy and the native core are enough.

>>> from recurra import runtime
>>> model = runtime.load("runs/surnames")
>>> model.predict(["Rossi"])[0].label

Its answers are those of `recurra.load`. Classifiers, taggers, language models and models of frames are served; the last
two stream.
"""

from recurra.runtime.classifier import Classifier
from recurra.runtime.frames import FrameLabeller, FrameLabels, Frames, FrameStream, Streamed
from recurra.runtime.language import Candidates, LanguageModel
from recurra.runtime.loading import load
from recurra.runtime.predictions import Prediction
from recurra.runtime.tagger import Tagger, Tagging

__all__ = [
    "Candidates",
    "Classifier",
    "FrameLabeller",
    "FrameLabels",
    "FrameStream",
    "Frames",
    "LanguageModel",
    "Prediction",
    "Streamed",
    "Tagger",
    "Tagging",
    "load",
]

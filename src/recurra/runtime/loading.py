"""From a model folder to a model that answers, without torch."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from recurra.cells import catalogue
from recurra.errors import DataError, ModelFolderError, UsageError
from recurra.model_folder import ModelFolder, read
from recurra.runtime.weights import Weights, setting

if TYPE_CHECKING:
    from recurra.runtime.captioner import Captioner
    from recurra.runtime.classifier import Classifier
    from recurra.runtime.filler import Filler
    from recurra.runtime.forecaster import Forecaster
    from recurra.runtime.frame_generator import FrameGenerator
    from recurra.runtime.frames import Frames
    from recurra.runtime.generator import Generator
    from recurra.runtime.language import LanguageModel
    from recurra.runtime.tagger import Tagger
    from recurra.runtime.translator import Translator

    Model: TypeAlias = (
        Classifier
        | LanguageModel
        | Tagger
        | Filler
        | Translator
        | Generator
        | FrameGenerator
        | Forecaster
        | Frames
        | Captioner
    )

HOMES = {
    "classify": "classifier:Classifier",
    "language": "language:LanguageModel",
    "tag": "tagger:Tagger",
    "fill": "filler:Filler",
    "translate": "translator:Translator",
    "generate": "generator:Generator",
    "generate-frames": "frame_generator:FrameGenerator",
    "forecast": "forecaster:Forecaster",
    "frames": "frames:model_of",
    "caption": "captioner:Captioner",
}
"""Of each task the module and what makes its models, imported when one is loaded."""


def load(folder: Path | str, *, threads: int = 1) -> Model:
    """A trained model, whose folder is checked against its manifest, as `recurra.load` does.

    threads: that the layers may use at most, started for each call that is worth it
    Errors: ModelFolderError names the folder, the file and what is wrong with it; UsageError for a model that is not
    served without torch, with the reason; EngineError where there is no native core
    """
    if not isinstance(threads, int) or isinstance(threads, bool) or threads < 1:
        raise UsageError(f"threads must be a whole number from 1, got {threads!r}")
    found = read(folder)
    try:
        return _made(found, threads)
    except DataError as error:
        raise ModelFolderError(f"{found.path}: {error}") from error
    except UsageError as error:
        raise UsageError(f"{found.path}: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise ModelFolderError(f"{found.path}: config.json or preprocessing.json: {what}") from error


def _made(folder: ModelFolder, threads: int) -> Model:
    config = folder.config
    task, settings = setting(config, "task", str), setting(config, "settings", dict)
    if task not in HOMES:
        raise ModelFolderError(f"{folder.path}: this version knows no task {task!r:.60}; update Recurra")
    _check_cell(folder, setting(settings["network"], "cell", str), setting(config, "cell_fingerprint", str))
    weights = Weights(folder)
    module, name = HOMES[task].split(":")
    kind: Any = getattr(importlib.import_module(f"recurra.runtime.{module}"), name)
    model: Model = kind(weights, config, folder.preprocessing, threads)
    weights.done()
    return model


def _check_cell(folder: ModelFolder, name: str, fingerprint: str) -> None:
    if name not in catalogue.names():
        raise ModelFolderError(
            f"{folder.path}: its cell {name!r:.100} is not registered here; recurra.register it before loading"
        )
    if catalogue.get(name).program().fingerprint != fingerprint:
        raise ModelFolderError(f"{folder.path}: its cell {name!r} had other equations when it was trained")

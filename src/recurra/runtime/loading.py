"""From a model folder to a model that answers, without torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from recurra.cells import catalogue
from recurra.errors import DataError, ModelFolderError, UsageError
from recurra.model_folder import ModelFolder, read
from recurra.runtime.classifier import Classifier
from recurra.runtime.frames import FrameLabeller, Frames
from recurra.runtime.language import LanguageModel
from recurra.runtime.tagger import Tagger
from recurra.runtime.weights import Weights, setting

Model = Classifier | LanguageModel | Frames | Tagger
Kind = Callable[[Weights, Mapping[str, Any], Mapping[str, Any], int], Model]

_ELSEWHERE = "use recurra.load, which needs torch, or export it"
WHY_NOT = {
    "fill": "its search for what fits a blank runs in torch",
    "translate": "its decoder's attention and its search run in torch",
    "generate": "what its texts are to be is mixed in by torch",
    "generate-frames": "its Gaussians are drawn from by torch",
    "forecast": "its windows and scales are computed with polars and torch",
    "caption": "its pictures are seen by torch's convolutions",
}
"""Tasks of which no model is served, and why."""


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
    except (KeyError, TypeError, AttributeError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise ModelFolderError(f"{found.path}: config.json or preprocessing.json: {what}") from error
    except DataError as error:
        raise ModelFolderError(f"{found.path}: {error}") from error


def _made(folder: ModelFolder, threads: int) -> Model:
    config = folder.config
    task, settings = setting(config, "task", str), setting(config, "settings", dict)
    if task in WHY_NOT:
        raise UsageError(f"{folder.path}: a model of the task {task} needs torch, for {WHY_NOT[task]}; {_ELSEWHERE}")
    kinds: dict[str, Kind] = {
        "classify": Classifier,
        "language": LanguageModel,
        "tag": Tagger,
        "frames": FrameLabeller if folder.preprocessing.get("per_frame") else Frames,
    }
    if task not in kinds:
        raise ModelFolderError(f"{folder.path}: this version knows no task {task!r:.60}; update Recurra")
    if (members := settings["training"].get("ensemble", 1)) != 1:
        raise UsageError(f"{folder.path}: it is an ensemble of {members} networks, which needs torch; {_ELSEWHERE}")
    _check_cell(folder, setting(settings["network"], "cell", str), setting(config, "cell_fingerprint", str))
    weights = Weights(folder)
    model = kinds[task](weights, config, folder.preprocessing, threads)
    weights.done()
    return model


def _check_cell(folder: ModelFolder, name: str, fingerprint: str) -> None:
    if name not in catalogue.names():
        raise ModelFolderError(
            f"{folder.path}: its cell {name!r:.100} is not registered here; recurra.register it before loading"
        )
    if catalogue.get(name).program().fingerprint != fingerprint:
        raise ModelFolderError(f"{folder.path}: its cell {name!r} had other equations when it was trained")

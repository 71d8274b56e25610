"""A trained model in its folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from recurra import model_folder
from recurra.cells.catalogue import get, names
from recurra.data.vocabulary import Vocabulary
from recurra.errors import DataError, ModelFolderError, UsageError
from recurra.model_folder import ModelFolder
from recurra.tasks.classify import Classifier, Prediction
from recurra.tasks.language import LanguageModel
from recurra.topologies.many_to_many import NextToken
from recurra.topologies.many_to_one import SequenceClassifier
from recurra.training.defaults import Settings


class Run:
    """A trained model: predict or generate with it, evaluate it.

    folder: where it stands; config, metrics: what was written about it; settings: what it was trained with.
    """

    def __init__(self, folder: ModelFolder) -> None:
        self.folder, self.config, self.metrics = folder.path, folder.config, folder.metrics
        try:
            self.task: str = self.config["task"]
            self.settings = Settings.from_json(self.config["settings"])
            self.vocabulary = Vocabulary.from_json(folder.vocabulary)
            self._model = self._build(folder)
        except (KeyError, TypeError) as error:
            raise ModelFolderError(f"{folder.path}: config.json lacks or has no {error}") from error
        except (DataError, UsageError) as error:
            raise ModelFolderError(f"{folder.path}: {error}") from error

    def _build(self, folder: ModelFolder) -> Classifier | LanguageModel:
        network_settings = self.settings.network
        self._check_cell(network_settings.cell)
        network: torch.nn.Module
        if self.task == "classify":
            network = SequenceClassifier(len(self.vocabulary), len(self.config["classes"]), network_settings)
        elif self.task == "language":
            network = NextToken(len(self.vocabulary), network_settings)
        else:
            raise ModelFolderError(f"{folder.path}: this version knows no task {self.task!r}; update Recurra")
        try:
            network.load_state_dict(folder.weights())
        except RuntimeError as error:
            problem = " ".join(str(error).split())[:200]
            raise ModelFolderError(f"{folder.path}: the weights do not fit the config: {problem}") from error
        if isinstance(network, SequenceClassifier):
            return Classifier(network, self.vocabulary, self.config["classes"], self.settings.data.max_length)
        assert isinstance(network, NextToken)
        return LanguageModel(network, self.vocabulary)

    def _check_cell(self, name: str) -> None:
        if name not in names():
            raise UsageError(f"its cell {name!r} is not registered here; recurra.register it before loading")
        if get(name).program().fingerprint != self.config["cell_fingerprint"]:
            raise UsageError(f"its cell {name!r} had other equations when it was trained")

    @property
    def network(self) -> torch.nn.Module:
        """The torch module itself."""
        return self._model.network

    def predict(self, texts: str | Sequence[str], *, top: int = 1) -> list[Prediction]:
        """The `top` most probable classes of each text.

        Errors: UsageError for an empty text, or for a model that does not classify
        """
        if not isinstance(self._model, Classifier):
            raise UsageError(f"{self.folder} is a language model; it generates text, it does not classify")
        return self._model.predict(texts, top=top)

    def generate(self, prompt: str = "", length: int = 500, **sampling: Any) -> str:
        """The prompt and `length` more tokens; sampling: temperature, top_k, top_p, seed.

        Errors: UsageError for a prompt with tokens that the model does not know, or for a model that classifies
        """
        return self._language().generate(prompt, length, **sampling)

    def stream(self, prompt: str = "", length: int = 500, **sampling: Any) -> Iterator[str]:
        """As `generate`, piece by piece and without the prompt."""
        return self._language().stream(prompt, length, **sampling)

    def evaluate(self, data: str | Path | None = None) -> dict[str, Any]:
        """Scores on data of the user's, or on the part that the run was judged on.

        Errors: DataError if the data cannot be read, or are no longer those of the run
        """
        from recurra.api.evaluation import evaluate

        return evaluate(self, data)

    def _language(self) -> LanguageModel:
        if not isinstance(self._model, LanguageModel):
            raise UsageError(f"{self.folder} is a classifier; it predicts classes, it does not generate text")
        return self._model

    def __repr__(self) -> str:
        return f"<Run {self.folder}: {self.task}, {self.settings.network.cell}>"


def load(folder: str | Path) -> Run:
    """Load a trained model. Nothing in the folder is executed.

    Errors: ModelFolderError if the folder is not whole, was altered, or comes from a newer version
    """
    return Run(model_folder.read(Path(folder)))

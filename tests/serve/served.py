"""Small models behind a server, without training and without a port."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from recurra.api.run import Run
from recurra.data.tokens.vocabulary import Vocabulary
from recurra.serve.application import unguarded
from recurra.serve.limits import Limits
from recurra.serve.service import Service
from recurra.tasks.frames.model import FrameLabeller, FramesModel
from recurra.tasks.frames.preprocessor import FramesPreprocessor
from recurra.tasks.frames.settings import DEFAULTS
from recurra.tasks.language.model import LanguageModel
from recurra.topologies.frames import FrameNetwork
from recurra.topologies.many_to_many import NextToken
from recurra.topologies.settings import NextTokenSettings
from tests.web.asking import Answer, asked

TEXT = "one two three\nfour, five six\n"


def writer(level: str = "char", **given: Any) -> LanguageModel:
    vocabulary = Vocabulary.build([TEXT], level=level)  # type: ignore[arg-type]
    torch.manual_seed(0)
    settings = NextTokenSettings(**{"cell": "lstm", "hidden_size": 24, "embedding_size": 8, **given})
    network = NextToken(len(vocabulary), settings)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.3)
    return LanguageModel(network, vocabulary)


def labeller(**network: Any) -> FramesModel:
    made = FramesPreprocessor(("a", "b"), (0.5, 0.5), (2.0, 1.0), True, True, ["x", "y", "z"], "training", None)
    settings = DEFAULTS.settings.network.model_copy(update={"bidirectional": False, "hidden_size": 7} | network)
    torch.manual_seed(0)
    return FrameLabeller(FrameNetwork(made.input_width, 3, settings, per_frame=True), made, DEFAULTS.settings.data)


def run_of(model: Any, folder: Path) -> Run:
    """A run that was never written: its model, and a manifest to be known by."""
    (folder / "manifest.json").write_text(json.dumps({"of": folder.name}))
    run = object.__new__(Run)
    run.model, run.folder, run.task = model, folder, "of a test"
    return run


class Client:
    """Asks an application in its own loop."""

    def __init__(self, service: Service, app: Any) -> None:
        self.service, self.app = service, app

    async def get(self, path: str) -> Answer:
        return await asked(self.app, "GET", path)

    async def delete(self, path: str) -> Answer:
        return await asked(self.app, "DELETE", path)

    async def post(self, path: str, **document: Any) -> Answer:
        return await self.send(path, json.dumps(document).encode())

    async def send(self, path: str, body: bytes) -> Answer:
        return await asked(self.app, "POST", path, {"content-type": "application/json"}, [body])

    async def session(self, **how: Any) -> str:
        return str(json.loads((await self.post("/sessions", **how)).body)["token"])


@asynccontextmanager
async def client(model: Any, folder: Path, limits: Limits = Limits(), **given: Any) -> AsyncIterator[Client]:
    service = Service(run_of(model, folder), limits, **given)
    app = unguarded(service)
    async with service.running():
        yield Client(service, app)


def with_client(
    model: Any, folder: Path, scene: Callable[[Client], Awaitable[None]], limits: Limits = Limits(), **given: Any
) -> None:
    """Play a scene with a client."""

    async def play() -> None:
        async with client(model, folder, limits, **given) as one:
            await asyncio.wait_for(scene(one), 60)

    asyncio.run(play())


def events(answer: Answer) -> list[tuple[str, Any]]:
    found = []
    for block in answer.body.decode().split("\n\n"):
        if block and not block.startswith(":"):
            name, data = block.split("\n")
            found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


def frames(count: int, seed: int = 0) -> list[list[float]]:
    found: list[list[float]] = np.random.default_rng(seed).normal(size=(count, 2)).tolist()
    return found

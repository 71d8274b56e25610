"""Every task's model behind a server: the routes of its abilities, and answers that are the model's."""

from __future__ import annotations

import asyncio
import json

import numpy as np
import pytest

import recurra
from recurra.data.files.json_text import storable
from recurra.serve.application import unguarded
from recurra.serve.service import Service
from recurra.tasks.registry import TASKS
from tests.laws.tasks.tiny_tasks import TINY, shared_runs
from tests.web.asking import asked as ask


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, recurra.Run]:
    return shared_runs(tmp_path_factory)


@pytest.mark.parametrize("task", TASKS)
def test_its_server_offers_what_it_can_and_answers(runs: dict[str, recurra.Run], task: str) -> None:
    service, tiny = Service(runs[task]), TINY[task]
    app = unguarded(service)
    questions = [each if isinstance(each, str) else np.asarray(each).tolist() for each in tiny.asked[:2]]
    asked = {"/forecast": {}, "/predict": {"inputs": questions}, "/generate": {"seed": 1}}
    path = next(path for path in asked if path in app.openapi()["paths"])

    async def scene() -> None:
        async with service.running():
            body = json.dumps(asked[path]).encode()
            answer = await ask(app, "POST", path, {"content-type": "application/json"}, [body])
            assert answer.status == 200, answer.body
            (found,) = json.loads(answer.body).values()
            assert found
            if path == "/predict":
                own = runs[task].model
                expected = own.document(runs[task].predict(tiny.asked[:2], top=own.alternatives or 1))
                assert found == json.loads(json.dumps(storable(expected)))

    asyncio.run(scene())

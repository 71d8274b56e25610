"""Every task's model without torch: the folder of a run answers as `recurra.load` of it does."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import recurra
from recurra import runtime
from recurra.engines.native import library
from recurra.errors import UsageError
from recurra.tasks.registry import TASKS
from tests.laws.tasks.tiny_tasks import MARKUP, TINY, shared_runs

pytestmark = pytest.mark.skipif(library.why_missing() is not None, reason="the native core is not built")
LIMIT = 1e-5
SEED = 3


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, recurra.Run]:
    return shared_runs(tmp_path_factory)


def _classes(model: Any, asked: list[Any]) -> list[Any]:
    return [one.classes for one in model.predict(asked, top=2)]


def _next(model: Any, asked: list[str]) -> list[Any]:
    written = model.generate(asked[0], 30, temperature=0.0, repetition_penalty=1.3)
    return [written, [one.tokens for one in model.predict(asked, top=5)], model.nats_per_token(asked[0])]


def _tags(model: Any, asked: list[str]) -> list[Any]:
    return [(one.tokens, one.tags, one.probabilities, one.candidates) for one in model.predict(asked, top=2)]


def _blanks(model: Any, asked: list[str]) -> list[Any]:
    return [(one.best, one.blanks) for one in model.predict(asked, top=3)]


def translated(model: Any, asked: list[str]) -> list[Any]:
    ways: list[dict[str, Any]] = [{"top": 2}, {"beam": 1, "block_ngrams": 2}]
    found = [one for how in ways for one in model.predict(asked, **how)]
    return [
        (
            [(each.text, each.log_probability, each.score) for each in one.candidates],
            one.source_tokens, one.target_tokens, None if one.weights is None else one.weights.tolist(), one.left_out,
        )
        for one in found
    ]  # fmt: skip


def _texts(model: Any, asked: list[str]) -> list[Any]:
    found = [*model.generate("", 15, count=4, seed=SEED), *model.generate("a", count=2, seed=SEED, top_k=5, top_p=0.9)]
    found += model.generate("", condition=f"high{MARKUP}", temperature=0, seed=SEED)
    found += model.generate("", form="2,3", temperature=0.7, count=2, seed=SEED)
    return [(one.condition, one.text, one.ended) for one in found]


def _drawn(model: Any, asked: list[str]) -> list[Any]:
    given = [{"count": 3}, {"condition": asked[0], "temperature": 0.0}]
    found = [one for each in given for one in model.generate(length=12, seed=SEED, **each)]
    return [(one.condition, one.frames.tolist(), one.ended) for one in found]


def _forecasts(model: Any, asked: list[Any]) -> list[Any]:
    """Within what the network gives at once, and further."""
    tail = model.tail()
    found = [*model.predict(asked, horizon=3), *model.predict(tail), *model.predict(asked[:1], horizon=9)]
    return [(one.name, one.times, one.median, one.quantiles, one.history) for one in found]


ASKED: dict[str, Callable[[Any, list[Any]], list[Any]]] = {
    "classify": _classes, "language": _next, "tag": _tags, "fill": _blanks, "translate": translated,
    "generate": _texts, "generate-frames": _drawn, "forecast": _forecasts, "frames": _classes,
}  # fmt: skip


def test_each_task_is_asked() -> None:
    assert {*ASKED, "caption"} == set(TASKS)


@pytest.mark.parametrize("task", ASKED)
def test_it_answers_as_with_torch(runs: dict[str, recurra.Run], task: str) -> None:
    run, asked = runs[task], TINY[task].asked
    model: Any = run.model
    with_torch: Any = model
    if task == "frames":
        asked = [np.asarray(each) for each in asked]
        with_torch = _Frames(model)
    same(ASKED[task](runtime.load(run.folder), asked), ASKED[task](with_torch, asked))


def test_nothing_is_imported_but_numpy(runs: dict[str, recurra.Run]) -> None:
    folders = [str(runs[task].folder) for task in ASKED]
    code = (
        f"import sys; from recurra import runtime; models = [runtime.load(folder) for folder in {folders!r}]; "
        "outside = {name.split('.')[0] for name in sys.modules} - set(sys.stdlib_module_names); "
        "import json; print(json.dumps([len(models), sorted(outside)]))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    count, outside = json.loads(run.stdout)
    assert count == len(ASKED)
    assert {name for name in outside if not name.startswith(("_", "sitecustomize"))} <= {
        "numpy",
        "recurra",
        "cython_runtime",
    }


def test_convolutions_are_refused_with_the_reason(runs: dict[str, recurra.Run]) -> None:
    with pytest.raises(UsageError, match=r"torch's convolutions; use recurra\.load, or export it with --to onnx"):
        runtime.load(runs["caption"].folder)


class _Frames:
    def __init__(self, model: Any) -> None:
        self._model = model

    def predict(self, asked: list[Any], *, top: int) -> Any:
        return self._model.predict(self._model.checked(asked), top=top)


def same(found: Any, expected: Any) -> None:
    """Equal, numbers to LIMIT of the largest, 1 at least."""
    assert type(found) is type(expected) or {type(found), type(expected)} <= {list, tuple}, (found, expected)
    if isinstance(found, float):
        assert found == pytest.approx(expected, abs=LIMIT, rel=LIMIT, nan_ok=True)
    elif isinstance(found, dict):
        assert list(found) == list(expected)
        same(list(found.values()), list(expected.values()))
    elif isinstance(found, list | tuple):
        assert len(found) == len(expected), (found, expected)
        for one, other in zip(found, expected, strict=True):
            same(one, other)
    else:
        assert found == expected

"""Wrong arguments from Python: the same error in every method of a run, before anything is done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import recurra
from recurra.errors import UnknownNameError, UsageError
from recurra.tasks.language.writing import Sampling
from recurra.tasks.model import TextModel
from recurra.tasks.tag.settings import DEFAULTS


class Echo(TextModel):
    """Gives back what it was asked."""

    does = "it repeats what it is asked"
    length = 500
    sampling = Sampling

    def predict(self, texts: Any, *, top: int = 1, **options: Any) -> list[Any]:
        return [(text, top, options) for text in texts]

    def generate(self, prompt: str = "", length: int | None = None, *args: Any, **sampling: Any) -> Any:
        return prompt, length, sampling

    def stream(self, prompt: str = "", length: int | None = None, *args: Any, **sampling: Any) -> Any:
        return iter([prompt, length, sampling])


@pytest.fixture
def run() -> recurra.Run:
    made = object.__new__(recurra.Run)
    made.model, made.task, made.settings = Echo(), "tag", DEFAULTS.settings
    made.folder = Path("run")
    return made


def test_plain_values_reach_the_model(run: recurra.Run) -> None:
    assert run.predict(np.array(["a", "b"]), top=np.int64(2)) == [("a", 2, {}), ("b", 2, {})]
    assert run.generate(np.str_("a"), np.int32(3), seed=np.uint8(4)) == ("a", 3, {"seed": 4})
    assert list(run.stream("a", temperature=np.float32(0.5))) == ["a", None, {"temperature": 0.5}]


@pytest.mark.parametrize("wrong", [["a", None], [float("nan")], [["Anna", 5]], {"text": "a"}, b"a", 5, None])
def test_predict_takes_texts_alone(run: recurra.Run, wrong: Any) -> None:
    with pytest.raises(UsageError, match="text"):
        run.predict(wrong)


@pytest.mark.parametrize(
    ("method", "arguments", "given"),
    [
        ("predict", ("a",), {"top": "3"}),
        ("generate", (5,), {}),
        ("generate", ("a", -1), {}),
        ("generate", ("a",), {"seed": -1}),
        ("stream", (b"a",), {}),
        ("evaluate", ({"text": []},), {}),
        ("evaluate", (None,), {"baselines": "yes"}),
        ("evaluate", (None,), {"encoding": "latin-1"}),
        ("evaluate", ("a.csv",), {"encodings": "latin-1"}),
        ("score", (5,), {}),
        ("score", ([["a", "b"]],), {"by": 5}),
        ("nearest", (5,), {}),
        ("nearest", ("a",), {"top": 0}),
    ],
)
def test_every_method_says_what_is_wrong(
    run: recurra.Run, method: str, arguments: tuple[Any, ...], given: dict[str, Any]
) -> None:
    with pytest.raises(UsageError) as caught:
        getattr(run, method)(*arguments, **given)
    assert len(str(caught.value).splitlines()) <= 2


@pytest.mark.parametrize("wrong", [5, None, "", b"run", {"a": 1}])
def test_load_takes_a_path(wrong: Any) -> None:
    with pytest.raises(UsageError, match="folder must be"):
        recurra.load(wrong)


@pytest.mark.parametrize("wrong", [5, {"text": ["a"]}, ["a.txt"], b"a.txt", ""])
def test_train_takes_a_path_or_a_name(wrong: Any) -> None:
    with pytest.raises(UsageError, match="data must be"):
        recurra.train(wrong)


def test_train_says_which_setting_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("a\n" * 99)
    for name, value in (
        ("seed", -1),
        ("seed", 1.5),
        ("hidden_size", True),
        ("hidden_size", "9"),
        ("epochs", [1]),
        ("split", (0.9,)),
        ("split", 0.9),
        ("dropout", float("nan")),
        ("level", 5),
    ):
        with pytest.raises(UsageError, match=f"^{name} "):
            recurra.train(path, **{name: value})
    with pytest.raises(UnknownNameError, match="did you mean 'hidden_size'"):
        recurra.train(path, hiden_size=5)
    with pytest.raises(UsageError, match="task must be"):
        recurra.train(path, task=5)  # type: ignore[arg-type]


def test_numbers_of_numpy_are_settings() -> None:
    found = DEFAULTS.settings.changed(
        hidden_size=np.int64(9),
        dropout=np.float32(0.5),
        epochs=np.int64(2),
        crf=np.bool_(True),
        split=(0.9, 0.1),
        level=np.str_("char"),
    )
    assert (found.network.hidden_size, found.network.dropout, found.training.epochs) == (9, 0.5, 2)
    assert found.network.crf is True
    assert found.data.split == (0.9, 0.1, 0.0)
    assert DEFAULTS.settings.changed(split=np.array([0.8, 0.1, 0.1])).data.split == (0.8, 0.1, 0.1)
    assert DEFAULTS.settings.from_json(found.to_json()) == found

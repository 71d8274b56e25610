"""What a report shows of a model's inside: pictures of its own inputs, within a time."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import recurra
from recurra.api.evaluation import trained_on
from recurra.api.preparation import prepare_run, settings_for
from recurra.errors import RecurraError
from recurra.inspection import report_sections
from recurra.inspection.embedding_pictures import draw_vectors, projected
from recurra.inspection.report_sections import inside
from recurra.report.sections import Coloured, Picture, Pictures, Section, Text
from recurra.report.svg import checked_svg
from recurra.tasks import registry
from recurra.tasks.sources.resolving import resolve
from recurra.tasks.word_vectors.table import WordVectors

TEXT = "".join(f"the {word} sat on the {word} of line {k}\n" for k, word in enumerate(["cat", "dog", "sun"] * 40))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("inside")
    path = folder / "text.txt"
    path.write_text(TEXT, encoding="utf-8")
    small: dict[str, Any] = {"hidden_size": 8, "embedding_size": 4, "epochs": 1.0, "baselines": "none", "device": "cpu"}
    return recurra.train(path, task="language", out=folder / "run", quiet=True, **small)


def test_all_of_it_is_shown_where_there_is_time_and_nothing_where_there_is_none(run: Any) -> None:
    task, dataset = registry.get(run.task).task, trained_on(run)
    found, left_out = inside(task, dataset, run.model, None, math.inf)
    assert left_out == []
    titles = [section.title for section in found]
    assert titles[3].startswith("A unit that follows the ")
    assert titles == [
        "The network",
        "Data flow of a step",
        "What units follow",
        titles[3],
        "A text by probability and by units",
        "Gates and states",
        "Token vectors",
    ]
    for section in found:
        pictures = (
            section.pictures if isinstance(section, Pictures) else [section] if isinstance(section, Picture) else []
        )
        for picture in pictures:
            checked_svg(picture.svg)
            assert len(picture.svg) < 300_000
    none, left_out = inside(task, dataset, run.model, None, 0.0)
    assert none == []
    names = ["what units follow", "text by probability and units", "gates and states", "token vectors"]
    assert left_out == ["drawings of the network", *names]
    ticks = iter(range(100))
    some, left_out = inside(task, dataset, run.model, None, 2.5, clock=lambda: float(next(ticks)))
    assert [section.title for section in some] == titles[:4]
    assert left_out == names[1:]


def test_a_text_is_coloured_by_the_probability_that_its_tokens_had(run: Any) -> None:
    found, _ = inside(registry.get(run.task).task, trained_on(run), run.model, None, math.inf)
    coloured = next(section for section in found if isinstance(section, Coloured) and len(section.shades) > 1)
    text = "".join(coloured.tokens)
    assert " sat on the " in text
    chances = run.probabilities(text)
    by_hand = [chances.values[k, chances.classes.index(chances.tokens[k + 1])] for k in range(5)]
    assert coloured.shades[0].values[1:6] == pytest.approx(by_hand, abs=1e-6)
    states = next(iter(run.states(text).values()))
    unit = int(coloured.shades[1].name.split()[1])
    expected = states[:, unit] / np.abs(states[:, unit]).max()
    np.testing.assert_allclose(coloured.shades[1].values, expected[: len(coloured.tokens)], atol=1e-5)


def untrained(path: Path, task: str, **settings: Any) -> list[Section]:
    source = resolve(path, task)
    small = {"hidden_size": 8, "embedding_size": 4, "device": "cpu"}
    setup = prepare_run(source, settings_for(source, small | settings))
    return inside(setup.task, setup.dataset, setup.model(), None, math.inf)[0]


def test_words_stand_apart_where_a_text_is_coloured(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text(TEXT, encoding="utf-8")
    found = untrained(path, "language", level="word")
    coloured = next(section for section in found if section.title == "A text by probability and by units")
    assert isinstance(coloured, Coloured)
    assert " sat on the " in "".join(coloured.tokens)


def test_what_is_not_attributed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def jumps(*_: object) -> None:
        raise RecurraError("the scores jump")

    monkeypatch.setattr(report_sections, "attribute", jumps)
    path = tmp_path / "rows.csv"
    path.write_text("text,label\n" + "".join(f"{'ab' if k % 2 else 'cd'}{k},{k % 2}\n" for k in range(50)))
    found = untrained(path, "classify")
    assert all(section.empty for section in found if section.title == "What answers are due to")
    (said,) = (section for section in found if section.title == "Answers that are not attributed")
    assert isinstance(said, Text)
    assert len(said.paragraphs) == report_sections.ATTRIBUTED
    assert all(line.endswith(": the scores jump") for line in said.paragraphs)


def test_vectors_on_a_line_lie_on_their_first_component() -> None:
    rows = np.outer([1.0, 2.0, 5.0, -1.0], [0.6, 0.8, 0.0])
    points, share = projected(rows)
    assert share == pytest.approx(1.0)
    np.testing.assert_allclose(points[:, 0], [-0.75, 0.25, 3.25, -2.75], atol=1e-9)
    np.testing.assert_allclose(points[:, 1], 0, atol=1e-9)
    svg, _ = draw_vectors(WordVectors(["a", "<b>", "c", "d"], rows.astype(np.float32)))
    assert "&lt;b&gt;" in checked_svg(svg)
    assert draw_vectors(WordVectors(["a"], rows[:1].astype(np.float32))) == ("", 0.0)

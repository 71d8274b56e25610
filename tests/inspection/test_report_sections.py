"""What a report shows of a model's inside: pictures of its own inputs, within a time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import recurra
from recurra.api.evaluation import trained_on
from recurra.inspection.embedding_pictures import draw_vectors, projected
from recurra.inspection.report_sections import inside
from recurra.report.sections import Coloured, Picture, Pictures
from recurra.report.svg import checked_svg
from recurra.tasks import registry
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
            if not isinstance(picture, Picture):
                continue
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


def test_vectors_on_a_line_lie_on_their_first_component() -> None:
    rows = np.outer([1.0, 2.0, 5.0, -1.0], [0.6, 0.8, 0.0])
    points, share = projected(rows)
    assert share == pytest.approx(1.0)
    np.testing.assert_allclose(points[:, 0], [-0.75, 0.25, 3.25, -2.75], atol=1e-9)
    np.testing.assert_allclose(points[:, 1], 0, atol=1e-9)
    svg, _ = draw_vectors(WordVectors(["a", "<b>", "c", "d"], rows.astype(np.float32)))
    assert "&lt;b&gt;" in checked_svg(svg)
    assert draw_vectors(WordVectors(["a"], rows[:1].astype(np.float32))) == ("", 0.0)

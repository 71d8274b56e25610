"""A task that is not text is one folder and one row: nothing else of the package is edited, and the laws of tasks hold.

Its folder is `numbers` beside this file, its row is in `numbers/registered.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import recurra
from recurra.tasks import registry
from tests.laws.tasks import test_every_task as laws
from tests.laws.tasks import test_settings as settings_laws
from tests.laws.tasks.numbers import registered
from tests.laws.tasks.numbers.registered import EXAMPLE

TASK = "numbers"


@pytest.fixture(scope="module", autouse=True)
def the_row() -> Iterator[None]:
    registered.register()
    yield
    registered.remove()


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, the_row: None) -> dict[str, recurra.Run]:
    folder = tmp_path_factory.mktemp(TASK)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECURRA_CACHE", str(folder / "cache"))
        return {TASK: EXAMPLE.train(folder, folder / "run")}


def test_it_resumes_bit_for_bit(runs: dict[str, recurra.Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    laws.test_a_run_stopped_and_resumed_is_the_uninterrupted_one(TASK, EXAMPLE, runs, tmp_path, monkeypatch)


def test_a_fresh_process_gives_the_same_answers(runs: dict[str, recurra.Run], tmp_path: Path) -> None:
    laws.check_a_fresh_process(
        runs, tmp_path, before="from tests.laws.tasks.numbers import registered as r; r.register()"
    )


def test_the_held_out_part_again(runs: dict[str, recurra.Run]) -> None:
    laws.test_the_held_out_part_again_gives_the_reports_figures(TASK, runs)


def test_answers_do_not_depend_on_each_other(runs: dict[str, recurra.Run]) -> None:
    laws.test_an_answer_does_not_depend_on_what_else_is_asked(TASK, EXAMPLE, runs)


def test_its_page_is_whole(runs: dict[str, recurra.Run]) -> None:
    laws.test_its_page_is_whole_and_escapes_what_it_shows(TASK, runs)


def test_baselines_stand_beside_it(runs: dict[str, recurra.Run]) -> None:
    laws.test_baselines_stand_beside_it(TASK, runs)


@pytest.mark.parametrize("kind", list(laws.BAD))
def test_bad_data_are_an_error(kind: str, tmp_path: Path) -> None:
    laws.test_bad_data_are_an_error_that_names_them(TASK, EXAMPLE, kind, tmp_path)


@pytest.mark.parametrize("asked", [[None], [3.5], None, {"text": "a"}, b"a", "", "a"], ids=str)
def test_a_question_that_is_none_is_refused(runs: dict[str, recurra.Run], asked: object) -> None:
    laws.test_a_question_that_is_none_is_refused(TASK, runs, asked)


def test_an_option_that_it_does_not_read_is_refused(runs: dict[str, recurra.Run]) -> None:
    laws.test_an_option_that_it_does_not_read_is_refused(TASK, EXAMPLE, runs)


def test_settings_of_other_tasks_are_refused() -> None:
    settings_laws.test_what_a_task_does_not_read_is_refused_by_name(TASK)


def test_new_data_are_read_with_its_own_settings(runs: dict[str, recurra.Run], tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("series\n1 2 3 4\n3 4 5\n", encoding="utf-8")
    found = runs[TASK].evaluate(path, column="series", baselines=True)
    assert found["count"] == 5
    assert found["baselines"][0]["metrics"]["mean_absolute_error"] == pytest.approx(1.0)


def test_data_in_memory_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECURRA_CACHE", str(tmp_path / "cache"))
    rows = [" ".join(map(str, range(n, n + 5))) for n in range(20)]
    run = recurra.train(rows, task=TASK, out=tmp_path / "run", epochs=1.0, quiet=True, device="cpu")
    assert run.config["data"]["unit"] == "sequences"
    assert registry.get(TASK).title in (run.folder / "report.html").read_text(encoding="utf-8")


def test_the_command_line_knows_it(runs: dict[str, recurra.Run], capsys: pytest.CaptureFixture[str]) -> None:
    from recurra.cli import main

    folder = str(runs[TASK].folder)
    assert main(["evaluate", folder]) == 0
    assert "36 numbers" in capsys.readouterr().out
    assert main(["generate", folder]) == 2
    assert "it predicts the next number" in capsys.readouterr().err
    assert main(["explain", folder]) == 0

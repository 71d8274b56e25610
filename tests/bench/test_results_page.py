"""RESULTS.md: what is required beside what is reached."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest

from recurra.bench.cases import Case, plan, shape
from recurra.bench.record import Row
from recurra.bench.targets import TARGETS, Target, check, shown
from tests.scripts import loaded

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def results() -> ModuleType:
    return loaded(ROOT / "benchmarks" / "results.py")


def row(size: str, ratio: float | None, *, cell: str = "lstm", peer: str = "torch.nn") -> Row:
    return Row(Case("training", cell, shape(size)), "native", peer, ratio=ratio)


def test_the_worst_row_counts() -> None:
    target = Target("work", "training", 1.5, ("lstm",), peer="torch.nn")
    rows = [row("1x1x1x1", 2.0), row("2x1x1x1", 1.4), row("3x1x1x1", 9.0), row("1x1x1x1", 0.1, cell="gru")]
    verdict = check(target, [*rows, row("1x1x1x1", 0.2, peer="Keras")])
    assert (verdict.value, verdict.row, verdict.count, verdict.reached) == (1.4, rows[1], 3, False)
    assert check(target, rows[::2]).reached


def test_a_row_without_a_figure_is_not_reached() -> None:
    target = Target("work", "training", 1.5)
    verdict = check(target, [row("1x1x1x1", 2.0), row("2x1x1x1", None)])
    assert (verdict.value, verdict.reached) == (None, False)
    assert str(verdict.row.case.shape) == "2x1x1x1"
    assert check(target, []).reached is False


def test_an_error_is_at_most() -> None:
    target = Target("work", "accuracy", 2e-6, measure="error")
    case = Case("accuracy", "rnn", shape("1x1x1x1"))
    rows = [Row(case, "native", "float64", error=value) for value in (1e-7, 3e-6)]
    assert check(target, rows[:1]).reached
    assert not check(target, rows).reached
    assert (target.required, shown(3e-6, "error")) == ("<= 2.0e-06", "3.0e-06")


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: f"{target.work}, {target.precision}")
def test_every_target_speaks_of_rows_that_its_command_gives(target: Target) -> None:
    words = target.command.split()[2:]
    given = dict(zip(words[::2], words[1::2], strict=False)) if words[0] != "--step" else {"--kind": "step"}
    if words[0] == "--step":
        given |= dict(zip(words[1::2], words[2::2], strict=True))
    cells = given["--cells"].split(",") if "--cells" in given else None
    cases = plan([given["--kind"]], cells=cells, precision=given.get("--precision"))
    rows = [Row(case, "native", target.peer or "peer", **{target.measure: 1.0}) for case in cases]
    assert check(target, rows).value == 1.0
    everything = [Row(case, "native", target.peer or "peer") for case in plan(["all"])]
    assert {r.case for r in target.rows(everything)} == {r.case for r in target.rows(rows)}, "part of --kind all"


def test_the_page(results: ModuleType, bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = bench("training", cells=["lstm"])
    written = document.to_json() | {"command": "recurra bench --kind all --json /somewhere/else.json --threads 1"}
    (tmp_path / "figures.json").write_text(json.dumps(written))
    page = tmp_path / "RESULTS.md"
    arguments = ["results.py", "--from", str(tmp_path / "figures.json"), "--page", str(page)]
    monkeypatch.setattr(results.sys, "argv", arguments)
    assert results.main() == 0
    text = page.read_text(encoding="utf-8")
    assert "`recurra bench --kind all --threads 1`" in text
    assert "/somewhere" not in text
    required = [line for line in text.splitlines() if line.startswith("| training, LSTM, every shape |")]
    assert len(required) == 1
    assert "| >= 1.15 | " in required[0]
    assert "`recurra bench --kind training --cells lstm`" in required[0]
    assert text.count("not measured") >= len(TARGETS) - 1
    assert document.machine.cpu in text
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert all(line.endswith("|") for line in tables)
    assert f"## Required and reached: {sum(not t.goal for t in TARGETS)}" not in text

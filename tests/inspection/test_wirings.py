"""The ways to wire a network: drawings, commands and pages are about what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from recurra.data.datasets.named import names
from recurra.inspection.wirings import WIRINGS, Wiring
from recurra.tasks.registry import ROWS
from tests.scripts import loaded

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "write_wirings.py"


def test_every_task_stands_in_a_wiring() -> None:
    assert {task for one in WIRINGS for task in one.tasks} == {row.name for row in ROWS}


@pytest.mark.parametrize("wiring", WIRINGS, ids=lambda one: one.name)
def test_steps_commands_and_page_are_there(wiring: Wiring) -> None:
    assert len({len(wiring.inputs), len(wiring.states), len(wiring.outputs)}) == 1
    assert (ROOT / "docs" / "wirings" / wiring.page).is_file()
    assert {command.split()[2] for command in wiring.commands} <= set(names())


def test_a_drawing_in_letters() -> None:
    drawn = next(one for one in WIRINGS if one.name == "N:M").text()
    assert drawn == (
        "                    y     y\n"
        "                    ↑     ↑\n"
        "  h  →  h  →  h  →  s  →  s\n"
        "  ↑     ↑     ↑           ↑\n"
        "  x     x     x          (y)"
    )


def test_the_pictures_of_the_page_are_those_of_the_wirings() -> None:
    writer = loaded(SCRIPT)
    page = (ROOT / "docs" / "wirings" / "index.md").read_text(encoding="utf-8")
    for one in WIRINGS:
        path = writer.path_of(one)
        assert f"../images/{path.name}" in page
        drawn = path.read_text(encoding="utf-8")
        assert drawn == writer.standalone(writer.draw_wiring(one)) + "\n", "run: python scripts/write_wirings.py"


def test_what_the_page_names_is_there() -> None:
    page = ROOT / "docs" / "wirings" / "index.md"
    links = re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (page.parent / link).exists()] == []

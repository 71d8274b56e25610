"""What `recurra.train` says of its settings, to people and to editors, is what the tasks read."""

from __future__ import annotations

import importlib.util
import pydoc
from pathlib import Path
from types import ModuleType
from typing import get_type_hints

import recurra
from recurra.api.listed_settings import ALIASES, listed
from recurra.api.train_settings import TrainSettings
from recurra.tasks.registry import ROWS

ROOT = Path(__file__).resolve().parents[2]


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("write_train_settings", ROOT / "scripts/write_train_settings.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_types_are_those_of_the_tasks() -> None:
    writer = script()
    written = writer.TARGET.read_text(encoding="utf-8")
    assert written == writer.source(), "run: make format"


def test_every_setting_has_a_type() -> None:
    names = set().union(*(row.defaults.settings.names() for row in ROWS))
    assert set(get_type_hints(TrainSettings)) == names | {alias for each in ALIASES.values() for alias in each}
    assert not TrainSettings.__required_keys__


def test_help_lists_the_settings_with_tasks_and_defaults() -> None:
    shown = " ".join(pydoc.render_doc(recurra.train, renderer=pydoc.plaintext).split())
    for name, about in listed().items():
        assert f"{name}: {about.text}" in shown or f"{name}, {ALIASES.get(name, ('',))[0]}: {about.text}" in shown
    for piece in ("learning_rate, lr: ", "400 with level word or bpe", "bidirectional", "(classify, tag, translate"):
        assert piece in shown

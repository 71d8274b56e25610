"""What `recurra.train` says of its settings, to people and to editors, is what the tasks read."""

from __future__ import annotations

import pydoc
from typing import get_type_hints

import recurra
from recurra.api.listed_settings import ALIASES, listed
from recurra.api.train_settings import TrainSettings
from recurra.tasks.registry import ROWS


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

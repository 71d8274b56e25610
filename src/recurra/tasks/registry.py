"""The tasks by name. Each is imported when it is first asked for."""

from __future__ import annotations

import importlib
from typing import cast

from recurra.errors import UnknownNameError
from recurra.tasks.settings import TASKS, TaskName
from recurra.tasks.task import Kind

HOMES: dict[TaskName, str] = {
    "language": "recurra.tasks.language.task:LanguageKind",
    "classify": "recurra.tasks.classify.task:ClassifyKind",
    "tag": "recurra.tasks.tag.task:TagKind",
    "fill": "recurra.tasks.fill.task:FillKind",
    "translate": "recurra.tasks.translate.task:TranslateKind",
    "generate": "recurra.tasks.generate.task:GenerateKind",
}


def kind(task: str) -> Kind:
    """The task of this name. Errors: UnknownNameError"""
    if task not in HOMES:
        raise UnknownNameError("task", task, TASKS)
    module, _, name = HOMES[task].partition(":")
    return cast("Kind", getattr(importlib.import_module(module), name)())

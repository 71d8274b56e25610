"""The tasks by name. Each is imported when it is first asked for."""

from __future__ import annotations

import importlib
from typing import cast

from recurra.api.prepared import Kind
from recurra.errors import UnknownNameError
from recurra.tasks.settings import TASKS, TaskName

HOMES: dict[TaskName, str] = {
    "language": "recurra.api.kinds.language:LanguageKind",
    "classify": "recurra.api.kinds.classify:ClassifyKind",
    "tag": "recurra.api.kinds.tag:TagKind",
    "fill": "recurra.api.kinds.fill:FillKind",
    "translate": "recurra.api.kinds.translate:TranslateKind",
    "generate": "recurra.api.kinds.generate:GenerateKind",
}


def kind(task: str) -> Kind:
    """The task of this name. Errors: UnknownNameError"""
    if task not in HOMES:
        raise UnknownNameError("task", task, TASKS)
    module, _, name = HOMES[task].partition(":")
    return cast("Kind", getattr(importlib.import_module(module), name)())

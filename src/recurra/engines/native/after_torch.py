"""What torch must know about Recurra as soon as both are imported, whichever comes first, without importing torch.

Graphs that were saved with torch.export or torch.jit call Recurra's operators by name; `import recurra` is enough to
read them.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

OPERATORS = "recurra.engines.native.registered"


class _WaitForTorch(MetaPathFinder):
    """Finds nothing itself; has the operators registered when torch has been imported."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != "torch":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            return spec
        loader, execute = spec.loader, spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            importlib.import_module(OPERATORS)

        loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def register() -> None:
    """Now if torch is imported already, otherwise once it is."""
    if hasattr(sys.modules.get("torch"), "library"):
        importlib.import_module(OPERATORS)
    elif not any(isinstance(finder, _WaitForTorch) for finder in sys.meta_path):
        sys.meta_path.insert(0, _WaitForTorch())

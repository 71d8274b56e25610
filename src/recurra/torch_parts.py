"""torch without the parts that only its compiler and its exporter need, until something asks for them."""

from __future__ import annotations

import importlib
import importlib.metadata
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

PARTS = ("torch._meta_registrations", "torch.distributed._meta_registrations", "torch.export")
"""What `import torch` imports, a third of its time, and no model that is used by this command reads."""
TESTED = "2.13."
"""The releases of torch that are known to do without them; any other is imported whole."""
ASKING = ("torch._dynamo", "torch._inductor", "torch.onnx")
"""What works with these parts without asking them for a name."""


class _Part(ModuleType):
    """A name in the place of a part, which is imported when something of it is asked for."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # the import machinery's own questions
            raise AttributeError(name)
        return getattr(_import(self.__name__), name)


COMPILER = "torch._dynamo"
STEPPING = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")
"""Methods of optimizers that the compiler does not look into, for which torch imports it when they are called."""
UNSEEN = "__dynamo_disable"
"""Where torch keeps a method as the compiler leaves it alone: once it is there, nothing is imported."""


class _Later(MetaPathFinder, Loader):
    """Finds the parts and makes them names, each once. left: those that it found"""

    def __init__(self) -> None:
        self.left: set[str] = set()

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name in ASKING:
            import_parts()
        if name == COMPILER:
            _let_optimizers_be_seen()
        if name not in PARTS or name in self.left:
            return None
        self.left.add(name)
        return ModuleSpec(name, self)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Part(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        _complete_generators()


def _complete_generators() -> None:
    """`torch.Generator` cannot be called before its metaclass is set, which torch does in what a part imports."""
    import torch._C
    from torch._opaque_base import OpaqueBaseMeta

    set_metaclass = getattr(torch._C, "_set_generator_metaclass", None)  # not of every release TESTED
    if set_metaclass is not None:
        set_metaclass(OpaqueBaseMeta)


_LATER = _Later()


def leave_parts_for_later() -> None:
    """Of a process that uses models and ends; nothing if torch is imported already, or of a release not TESTED."""
    if "torch" in sys.modules or _LATER in sys.meta_path:
        return
    if importlib.metadata.version("torch").startswith(TESTED):
        sys.meta_path.insert(0, _LATER)


def leave_compiler_for_later() -> None:
    """Once torch is imported: an optimizer does not import its compiler, unless that is there, or torch not TESTED."""
    from torch.optim import Optimizer

    if COMPILER in sys.modules or not importlib.metadata.version("torch").startswith(TESTED):
        return
    if _LATER not in sys.meta_path:
        sys.meta_path.insert(0, _LATER)
        _LATER.left.update(PARTS)  # which are imported already
    for name in STEPPING:
        method = getattr(Optimizer, name).__wrapped__
        setattr(method, UNSEEN, method)


def _let_optimizers_be_seen() -> None:
    """By a compiler that is about to be imported, which knows them by its own marks."""
    from torch.optim import Optimizer

    for name in STEPPING:
        method = getattr(Optimizer, name).__wrapped__
        if getattr(method, UNSEEN, None) is method:
            delattr(method, UNSEEN)


def import_parts() -> None:
    """Now, all that were left out."""
    for name in PARTS:
        if isinstance(sys.modules.get(name), _Part):
            _import(name)


def _import(name: str) -> ModuleType:
    """The part itself, in its place."""
    if isinstance(sys.modules.get(name), _Part):
        del sys.modules[name]
    return importlib.import_module(name)

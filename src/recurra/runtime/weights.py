"""The weights of a model folder as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.errors import ModelFolderError
from recurra.model_folder import ModelFolder, manifest
from recurra.model_folder.older import added_since
from recurra.runtime.predictions import Floats

TYPES: dict[str, Any] = {"F32": np.dtype("<f4"), "I64": np.dtype("<i8"), "I8": np.dtype("i1")}
Ints = npt.NDArray[np.int64]


class Weights:
    """Arrays by name, each taken once; what is left over belongs to no such network.

    Matrices in 8 bits are taken as the float32 that they stand for.
    Errors: ModelFolderError if the file is not the manifest's, holds other types than float32 and int64, or values that
    are not numbers
    """

    def __init__(self, folder: ModelFolder) -> None:
        self.path = folder.path
        forms = folder.weight_forms()
        content = manifest.content(folder.path, folder.files[folder.weights_file])
        start = 8 + int.from_bytes(content[:8], "little")
        held = manifest.parse(folder.path, "the head of the weights", content[8:start])
        self._left: dict[str, npt.NDArray[Any]] = {
            name: np.array(value, np.float32) for name, value in added_since(held).items()
        }
        for name, form in forms.items():
            if name not in held:
                continue
            if form.dtype not in TYPES:
                raise ModelFolderError(
                    f"{self.path}: the weight {name} is of the type {form.dtype}; without torch float32 is read"
                )
            begin, end = held[name]["data_offsets"]
            values = np.frombuffer(
                content, TYPES[form.dtype], (end - begin) // TYPES[form.dtype].itemsize, start + begin
            )
            if form.dtype == "F32" and not np.isfinite(values).all():
                raise ModelFolderError(
                    f"{self.path}: the weight {name} has values that are not numbers; train it again"
                )
            # the file's arrays begin anywhere: the core reads them as they are in memory
            self._left[name] = np.array(values.reshape(form.shape))
        for name in [name for name, form in forms.items() if form.dtype == "I8"]:
            self._take_dense(name)

    def _take_dense(self, name: str) -> None:
        """A matrix in 8 bits, with a scale for each row."""
        plain, values = name.removesuffix("_int8"), self._left.pop(name)
        scale = self._left.pop(f"{plain}_scale", None)
        if (
            plain == name
            or scale is None
            or values.ndim != 2
            or scale.shape != values.shape[:1]
            or scale.dtype != "<f4"
        ):
            raise self._unfit(f"{name} has no scales for its rows")
        self._left[plain] = values.astype(np.float32) * scale[:, None]

    def floats(self, name: str, *shape: int) -> Floats:
        """Errors: ModelFolderError if there is none, or one of another type or shape"""
        found: Floats = self._taken(name, shape, "F32")
        return found

    def ints(self, name: str, *shape: int) -> Ints:
        """Errors: as `floats`"""
        found: Ints = self._taken(name, shape, "I64")
        return found

    def has(self, name: str) -> bool:
        return name in self._left

    def shape(self, name: str) -> tuple[int, ...]:
        """Errors: ModelFolderError if there is none"""
        if name not in self._left:
            raise self._unfit(f"{name} is missing")
        return self._left[name].shape

    def linear(self, name: str, inputs: int, outputs: int) -> tuple[Floats, Floats]:
        """Weight [R, C] and bias [R]."""
        return self.floats(f"{name}.weight", outputs, inputs), self.floats(f"{name}.bias", outputs)

    def leave(self, prefix: str) -> None:
        """Weights that are not read: those whose names begin so."""
        self._left = {name: found for name, found in self._left.items() if not name.startswith(prefix)}

    def broken(self, problem: str) -> ModelFolderError:
        return ModelFolderError(f"{self.path}: {problem}")

    def done(self) -> None:
        """Errors: ModelFolderError for weights that nobody took"""
        if self._left:
            raise self._unfit(f"{min(self._left)!r:.100} does not belong to this network")

    def _taken(self, name: str, shape: tuple[int, ...], kind: str) -> Any:
        found = self.shape(name)
        if found != shape or self._left[name].dtype != TYPES[kind]:
            given = f"{self._left[name].dtype} {list(found)}"
            raise self._unfit(f"{name} is {given}, should be {TYPES[kind].name} {list(shape)}")
        return self._left.pop(name)

    def _unfit(self, problem: str) -> ModelFolderError:
        return self.broken(f"the weights do not fit the config: {problem}")


def one_of(found: Mapping[str, Any], name: str, choices: tuple[str, ...], default: str | None = None) -> str:
    """A value of a config that is one of a few. Errors: as `setting`"""
    value: str = setting(found, name, str, default)
    if value not in choices:
        raise TypeError(f"{name} is {value!r:.60}, none of {', '.join(choices)}")
    return value


def setting(found: Mapping[str, Any], name: str, kind: Any, default: Any = None) -> Any:
    """A value of a config. Errors: KeyError if it is missing, TypeError if it is of another kind"""
    value = found[name] if default is None else found.get(name, default)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TypeError(f"{name} is {value!r:.60}")
    return value

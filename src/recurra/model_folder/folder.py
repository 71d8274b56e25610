"""Writing and reading model folders."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from recurra.errors import ModelFolderError, UnknownNameError, UsageError
from recurra.model_folder import header, manifest, swap
from recurra.model_folder.content import Content, Kept, Tensors
from recurra.model_folder.header import Form
from recurra.model_folder.manifest import CONFIG, METRICS, PREPROCESSING, REQUIRED, WEIGHTS, Entry
from recurra.model_folder.older import added_since

if TYPE_CHECKING:
    from torch import Tensor

ATTEMPTS = 10  # a folder that is replaced while it is read is read again so often
PAUSE = 0.01  # seconds before the second attempt, and as much more before each further one
EXTRA_BYTES, EXTRA_TIMES = 1 << 30, 16
"""A further file may have so many bytes and so many times those of the weights."""

T = TypeVar("T")


@dataclass(frozen=True)
class ModelFolder:
    """A model folder that was read.

    path: where it stands; config, preprocessing, metrics: what was written; versions: of Recurra and torch that wrote
    it; files: every file but the manifest by name, with size and SHA-256; weights_file: where `weights` stand.
    """

    path: Path
    config: dict[str, Any]
    preprocessing: dict[str, Any]
    metrics: dict[str, Any]
    versions: dict[str, str]
    files: dict[str, Entry]
    weights_file: str = WEIGHTS

    @property
    def extra(self) -> list[str]:
        """The names of the files beyond those that every model has, such as report.html."""
        return sorted(set(self.files) - set(REQUIRED))

    def with_weights(self, file: str) -> ModelFolder:
        """The folder with its weights in another file."""
        return replace(self, weights_file=file)

    def forms(self, name: str) -> dict[str, Form]:
        """Type and shape of the tensors of a safetensors file, from its head alone. Errors: ModelFolderError"""
        found = header.forms(self.path, self.files[name])
        return found | {added: Form("F32", ()) for added in added_since(found)}

    def weight_forms(self) -> dict[str, Form]:
        """Type and shape of the weights by name. Errors: ModelFolderError"""
        return self.forms(self.weights_file)

    def weights(self) -> dict[str, Tensor]:
        """The tensors by name, on the CPU, bit for bit as they were given; with what was added since, see `older`.

        Errors:  ModelFolderError if the file is not the manifest's, or holds no tensors
        """
        return self.tensors(self.weights_file)

    def tensors(self, name: str) -> dict[str, Tensor]:
        """As `weights`, of any safetensors file of the folder."""
        import safetensors
        import safetensors.torch
        import torch

        try:
            found = safetensors.torch.load(manifest.content(self.path, self.files[name]))
            return found | {added: torch.tensor(value) for added, value in added_since(found).items()}
        except safetensors.SafetensorError as error:
            raise ModelFolderError(f"{self.path}: {name} is not a safetensors file: {error}") from error

    def check_size(self, name: str) -> None:
        """Whether a file is a plain one of the manifest's size. Errors: ModelFolderError"""
        manifest.check_size(self.path, self.files[name])

    def verify(self, names: Iterable[str] | None = None) -> None:
        """Whether these files, all of them if None, are the manifest's. Errors: ModelFolderError"""
        for name in sorted(self.files) if names is None else names:
            manifest.verify(self.path, self.files[name])

    def parsed(self, name: str) -> dict[str, Any]:
        """A further file's JSON object. Errors: ModelFolderError"""
        one = self.files[name]
        if one.bytes > manifest.LARGEST[METRICS]:
            raise ModelFolderError(f"{self.path}: {name} has {one.bytes:,} bytes, too many to be read")
        return manifest.parse(self.path, name, manifest.content(self.path, one))

    def read_extra(self, name: str) -> bytes:
        """The content of one of `extra`, checked again; UnknownNameError if there is no such file."""
        if name not in self.extra:
            raise UnknownNameError(f"extra file of {self.path}", name, self.extra)
        return manifest.content(self.path, self.files[name])


def write(
    folder: Path | str,
    *,
    config: Mapping[str, Any],
    preprocessing: Mapping[str, Any],
    weights: Mapping[str, Tensor] | Kept,
    metrics: Mapping[str, Any],
    extra: Mapping[str, Content] | None = None,
    overwrite: bool = False,
) -> None:
    """Write a model folder, whole or not at all; the same content gives the same bytes.

    config, preprocessing, metrics: what JSON can hold, keys are text. weights: tensors on any device, stored one by
    one and contiguous, so that views and tied weights are right. extra: further files by plain name. What is `Kept` is
    a file of the folder that is replaced. overwrite: put it in the place of an existing model folder; a crash at any
    moment leaves the old or the new one.
    Errors:  UsageError if the folder exists and may not be replaced, or something cannot be stored;
             ModelFolderError if the system cannot write it
    """
    import importlib.metadata

    import torch

    swap.check_target(folder, overwrite=overwrite)
    versions = {"recurra": importlib.metadata.version("recurra"), "torch": str(torch.__version__)}
    contents: dict[str, Content] = {
        CONFIG: _json(
            CONFIG,
            {"format_version": manifest.FORMAT_VERSION, "versions": versions, "config": dict(config)},
        ),
        PREPROCESSING: _json(PREPROCESSING, dict(preprocessing)),
        METRICS: _json(METRICS, dict(metrics)),
        WEIGHTS: weights if isinstance(weights, Kept) else Tensors(weights),
    }
    for name, content in (extra or {}).items():
        _check_extra(name, content)
        contents[name] = content
    twice = manifest.clash(contents)
    if twice is not None:
        raise UsageError(f"two files would be called {twice!r}; rename one")
    swap.put(folder, contents, overwrite=overwrite)


def read(folder: Path | str) -> ModelFolder:
    """Read a model folder; every file is checked against the manifest.

    If a writing was killed at the one moment when the new folder was not yet in place, the old one is read where it was
    set aside; the next writing puts it back. Nothing is changed here.
    Errors:  ModelFolderError names the folder, the file and what is wrong with it
    """

    def whole(found: ModelFolder) -> ModelFolder:
        found.verify()
        return found

    return use(folder, whole)


def use(folder: Path | str, action: Callable[[ModelFolder], T]) -> T:
    """As `read`, but what is not JSON is not looked at beyond its size until `action` does.

    So a model can be refused by what it says that it is, before large files are gone through. If the folder is replaced
    meanwhile, the action is done again on the new one.
    """
    path = Path(folder)
    for attempt in range(1, ATTEMPTS + 1):
        before = None
        try:
            place = Path(os.path.realpath(path))
            standing = swap.standing(place)
            before = _identity(standing)
            return action(_read(standing if standing != place else path))
        except ModelFolderError:
            if attempt == ATTEMPTS or before == _identity(standing):
                raise
            time.sleep(PAUSE * attempt)
        except OSError as error:
            raise ModelFolderError(f"{folder}: cannot be read: {error.strerror or error}") from error
        except ValueError as error:
            if "\0" not in str(folder):
                raise
            raise ModelFolderError(f"{str(folder)!r} is not a path: {error}") from error
    raise AssertionError("unreachable: the last attempt returns or raises")


def add(folder: Path | str, name: str, content: bytes) -> None:
    """Add an extra file to a model folder or replace it, whole or not at all.

    The folder is checked, and made anew beside the old one.
    Errors:  UsageError if the name is not a plain one or is that of a file that every model has;
             ModelFolderError if the folder is not whole, or the system cannot write it
    """
    _check_extra(name, content)
    found = read(folder)
    contents: dict[str, Content] = {kept: Kept(kept) for kept in found.files}
    contents[name] = content
    twice = manifest.clash(contents)
    if twice is not None:
        raise UsageError(f"{folder} has a file called {name!r} but for capitals; choose another name")
    swap.put(folder, contents, overwrite=True)


def _read(path: Path) -> ModelFolder:
    files = manifest.load(path)
    for one in files.values():
        most = EXTRA_BYTES + EXTRA_TIMES * files[WEIGHTS].bytes
        if one.file not in REQUIRED and one.bytes > most:
            raise ModelFolderError(
                f"{path}: {one.file} has {one.bytes:,} bytes; beside these weights {most:,} are read"
            )
    names = (CONFIG, PREPROCESSING, METRICS)
    values = {name: manifest.parse(path, name, manifest.content(path, files[name])) for name in names}
    head = values[CONFIG]
    manifest.check_version(path, CONFIG, head)
    config, versions = head.get("config"), head.get("versions")
    if (
        not isinstance(config, dict)
        or not isinstance(versions, dict)
        or not all(isinstance(version, str) for version in versions.values())
    ):
        raise ModelFolderError(f"{path}: {CONFIG} lacks config or versions")
    return ModelFolder(path, config, values[PREPROCESSING], values[METRICS], versions, files)


def _identity(path: Path) -> tuple[int, int, int] | None:
    """Which folder it is, and in which state: numbers of folders are used again at once."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_ctime_ns


def _check_extra(name: str, content: object) -> None:
    if not manifest.is_plain_name(name):
        raise UsageError(f"{name!r} is not a plain file name; use letters, digits, '.', '_' and '-', at most 100")
    if name.lower() in (*REQUIRED, manifest.MANIFEST):
        raise UsageError(f"{name} is written with the model and cannot be an extra file")
    if not isinstance(content, bytes | Kept | Tensors):
        raise UsageError(f"expected {name} as bytes, got {type(content).__name__}")


def _json(name: str, value: dict[str, Any]) -> bytes:
    _check_keys(name, value)
    try:
        return manifest.to_json(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"{name} cannot be written as JSON: {error}") from error


def _check_keys(where: str, value: object) -> None:
    """JSON would quietly turn the key 1 into "1"."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise UsageError(f"{where} has the key {key!r}; keys are text")
            _check_keys(where, inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            _check_keys(where, inner)

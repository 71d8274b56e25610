"""The files of a pinned data set: verified in a folder of the user's, or fetched into the cache."""

from __future__ import annotations

import math
import os
from contextlib import ExitStack, suppress
from pathlib import Path

from recurra.data.datasets.registry import BUILT_IN, PinnedFile, PinnedSet
from recurra.data.files.sources import sha256, sha256_unpacked
from recurra.errors import DataError
from recurra.locks import holding
from recurra.terminal import standard_error


def cache_folder() -> Path:
    """Where downloads and derived files are kept: $RECURRA_CACHE, else the platform's cache folder."""
    chosen = os.environ.get("RECURRA_CACHE")
    if chosen:
        return Path(chosen)
    import pooch

    return Path(pooch.os_cache("recurra"))


def cached_folder(name: str) -> Path:
    """The folder of data set `name` in the cache, there or not."""
    return cache_folder() / "data" / name


def local_folder(name: str) -> Path | None:
    """The folder of data set `name` under $RECURRA_DATA, None where there is none.

    Errors: DataError if $RECURRA_DATA itself is no folder
    """
    chosen = os.environ.get("RECURRA_DATA")
    if not chosen:
        return None
    if not Path(chosen).is_dir():
        raise DataError("RECURRA_DATA is not a folder", file=chosen, remedy="correct or unset RECURRA_DATA")
    folder = Path(chosen) / name
    return folder if folder.is_dir() else None


def place_of(folder: Path, pinned: PinnedFile) -> Path:
    """Where the file is in a folder, or should be: under its name, or packed as NAME.gz."""
    path = folder / pinned.name
    packed = path.with_name(f"{path.name}.gz")
    return packed if packed.is_file() and not path.is_file() else path


def verify(path: Path, pinned: PinnedFile) -> Path:
    """The path, once its content, unpacked if only the path is packed, is what is pinned.

    Errors: DataError if it is missing or altered, with the first digits of both hashes
    """
    if not path.is_file():
        raise DataError(
            "this file of the data set is missing",
            file=path,
            remedy=f"get it from {pinned.url}, or unset RECURRA_DATA to have it fetched",
        )
    packed = path.name == f"{Path(pinned.name).name}.gz"
    digest = sha256_unpacked(path) if packed else sha256(path)
    if digest != pinned.sha256:
        raise DataError(
            f"altered: its SHA-256 begins {digest[:12]}, the registry's {pinned.sha256[:12]}",
            file=path,
            remedy=f"get it again from {pinned.url}, or unset RECURRA_DATA to have it fetched",
        )
    return path


def fetch(pinned_set: PinnedSet) -> dict[str, Path]:
    """The set's files in the cache, each downloaded unless it is there whole. Progress goes to stderr.

    Of several processes one fetches them and the others wait.

    Errors: DataError if a file cannot be fetched, is not what is pinned, or cannot be kept
    """
    folder = cached_folder(pinned_set.name)
    with ExitStack() as stack:
        with suppress(OSError):  # a cache that cannot be written to may hold the files
            folder.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(holding(folder, patience=math.inf, notify=standard_error().log))
        return {
            key: _fetch_one(pinned_set, file, folder, f"{number}/{len(pinned_set.files)}")
            for number, (key, file) in enumerate(pinned_set.files.items(), 1)
        }


def _fetch_one(pinned_set: PinnedSet, file: PinnedFile, folder: Path, number: str) -> Path:
    import pooch

    progress = _Progress(f"{pinned_set.name} {number} {file.name}", file.bytes)
    downloader = pooch.HTTPDownloader(progressbar=progress)
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel("WARNING")
    try:
        path = pooch.retrieve(file.url, f"sha256:{file.sha256}", file.name, folder, downloader=downloader)
    except ValueError as error:
        raise DataError(
            f"{file.url} no longer gives the pinned file, whose SHA-256 begins {file.sha256[:12]}",
            remedy=_remedy(pinned_set),
        ) from error
    except OSError as error:
        if isinstance(error, PermissionError) or error.errno is not None:  # the disk; requests sets no errno
            raise unwritable(folder, error) from error
        raise DataError(f"could not fetch {file.url}: {_reason(error)}", remedy=_remedy(pinned_set)) from error
    finally:
        progress.close()
        logger.setLevel(level)
    return Path(path)


def unwritable(path: Path, error: OSError) -> DataError:
    """What to raise where the cache cannot be written to."""
    return DataError(
        f"the cache cannot be written to: {error.strerror or type(error).__name__}",
        file=path,
        remedy="set RECURRA_CACHE to a folder that can",
    )


def _remedy(pinned_set: PinnedSet) -> str:
    some = ", ".join([file.name for file in pinned_set.files.values()][:3])
    more = ", ..." if len(pinned_set.files) > 3 else ""
    return (
        f"set RECURRA_DATA to a folder that holds {pinned_set.folder or pinned_set.name}/ with {some}{more}; "
        f"or use a built-in set: {' or '.join(BUILT_IN)}"
    )


def _reason(error: OSError) -> str:
    """A few words: the errors of requests carry whole stacks in their text."""
    response = getattr(error, "response", None)
    if response is not None:
        return f"HTTP status {response.status_code}"
    return error.strerror or type(error).__name__


class _Progress:
    """What pooch asks of a progress bar: a line that counts on a terminal, one plain line elsewhere."""

    def __init__(self, label: str, size: int) -> None:
        self.label, self.size, self.done, self.total = label, size, 0, 0
        self.percent = -1
        self.stream = standard_error()

    def update(self, count: int) -> None:
        self.done = min(self.done + count, self.size)
        percent = 100 * self.done // max(self.size, 1)
        if percent == self.percent:
            return
        if self.stream.isatty():
            self.stream.write(f"\rfetching {self.label} {percent:3d} %")
            self.stream.flush()
        elif self.percent < 0:
            self.stream.write(f"fetching {self.label}, {self.size:,} bytes\n")
        self.percent = percent

    def reset(self) -> None:
        """Called when the last byte is here, before one last update."""
        self.done = self.size

    def close(self) -> None:
        """End the line, if one was begun; called again after a failure."""
        if self.percent >= 0 and self.stream.isatty():
            self.stream.write("\n")
        self.percent = -1

"""Mutated files, read as data are: `python -m tests.fuzz.readers --cases 100000 --seed 1`.

A file is read, or refused with a DataError whose message is short, within 10 seconds of processor time and with no more
memory than twice the file and 200 MB. Case i of seed s is always the same: `--first 1234 --cases 1 --seed 1` tries it
alone. The files of a case that fails are kept. Another process runs the cases, so that one that ends the process, or
never ends, is found too.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import io
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from random import Random

os.environ.setdefault("POLARS_MAX_THREADS", "1")
os.environ.setdefault("RAYON_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from recurra.errors import LONGEST, DataError
from tests.fuzz.mutations import mutated
from tests.fuzz.reader_seeds import Target, targets

SECONDS = 10
MEMORY = 200 << 20
SPACE = 3 << 30
"""Bytes of address space that a case may take beyond what is there: what goes over that is a MemoryError."""
STUCK, ASLEEP = 60, 1800
"""Seconds of processor time, and by the clock, after which a case deaf to the alarm is ended."""


class TooSlowError(BaseException):
    """The alarm; no reader catches it."""


def written(target: Target, folder: Path, drawn: Random) -> int:
    """Write a target's files, at least one of them mutated: how many bytes they have, unpacked."""
    size = 0
    victim = drawn.choice(list(target.files))
    others = [content for one in targets() for content in one.files.values()]
    for name, content in target.files.items():
        if name == victim or drawn.random() < 0.1:
            content = packed(name, content, target, drawn, others)
        size += len(content)
        (folder / name).write_bytes(content)
    if drawn.random() < 0.01:
        _odd_place(folder / victim, drawn)
    return size


def packed(name: str, content: bytes, target: Target, drawn: Random, others: list[bytes]) -> bytes:
    """Mutated as it lies there, or, of a pack, what is in it."""
    if drawn.random() < 0.5 or not name.endswith((".gz", ".zip")):
        return mutated(content, drawn, target.words, others)
    if name.endswith(".gz"):
        return gzip.compress(mutated(gzip.decompress(content), drawn, target.words, others), 1, mtime=0)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        inner, whole = archive.namelist()[0], archive.read(archive.namelist()[0])
    stream = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore")  # of a name that stands twice
        for _ in range(drawn.choice([1, 1, 1, 2])):
            inner = drawn.choice([inner, inner, "a.tsv", "a", "../a.csv", "é.csv", "a.csv/"])
            archive.writestr(inner, mutated(whole, drawn, target.words, others))
    return stream.getvalue()


def _odd_place(path: Path, drawn: Random) -> None:
    """A folder, a broken or circular link, nothing, or an unreadable file where the file was."""
    path.unlink()
    match drawn.randrange(4):
        case 0:
            path.mkdir()
        case 1:
            path.symlink_to(path.with_name("nowhere"))
        case 2:
            path.symlink_to(path)
        case _:
            pass


def tried(number: int, seed: int, folder: Path) -> str | None:
    """Why a case fails, None if it does not."""
    drawn = Random(f"{seed}/{number}")
    target = drawn.choice(targets())
    size = written(target, folder, drawn)
    path = folder if target.whole else folder / next(iter(target.files))
    before = _memory("VmRSS")
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    begun = time.process_time()
    try:
        with _watched():
            target.read(path)
        told = ""
    except DataError as error:
        told = str(error)
    except TooSlowError:
        return f"{target.name}: takes more than {SECONDS} s"
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is what is looked for
        return f"{target.name}: {type(error).__name__}\n{''.join(traceback.format_exception(error))[-1_500:]}"
    if len(told) > LONGEST:
        return f"{target.name}: a message of {len(told)} characters"
    if time.process_time() - begun > SECONDS:
        return f"{target.name}: took {time.process_time() - begun:.0f} s"
    took = _memory("VmHWM") - before
    return f"{target.name}: {took >> 20} MB for {size:,} bytes" if took > 2 * size + MEMORY else None


@contextlib.contextmanager
def _watched() -> Iterator[None]:
    def end(*_: object) -> None:
        raise TooSlowError

    before = signal.signal(signal.SIGPROF, end)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _memory(name: str) -> int:
    """Bytes, as the system counts them: VmRSS now, VmHWM at most."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) << 10
    return 0


def worker(first: int, count: int, seed: int, place: Path) -> None:
    """Run cases; before each, its number is written where `main` looks for it, and the reason after one that failed."""
    targets()
    space = _memory("VmSize") + SPACE
    resource.setrlimit(resource.RLIMIT_AS, (space, resource.RLIM_INFINITY))
    warnings.simplefilter("ignore")
    with (place / "at").open("wb", buffering=0) as at:
        for number in range(first, first + count):
            os.pwrite(at.fileno(), b"%-20d" % number, 0)
            folder = place / "case"
            folder.mkdir()
            why = tried(number, seed, folder)
            if why is not None:
                print(f"--first {number} --cases 1 --seed {seed}: {why}", flush=True)
                shutil.copytree(folder, place / f"failed-{number}", symlinks=True)
            shutil.rmtree(folder)
        os.pwrite(at.fileno(), b"%-20d" % (first + count), 0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker is not None:
        worker(given.first, given.cases, given.seed, given.worker)
        return 0
    place = Path(tempfile.mkdtemp(prefix="recurra-readers-"))
    begun, number, end = time.monotonic(), given.first, given.first + given.cases
    while number < end:
        number = _supervised(number, min(end - number, 5_000), given.seed, place)
        print(f"{number - given.first:,} of {given.cases:,} in {time.monotonic() - begun:.0f} s", flush=True)
    failed = sorted(place.glob("failed-*"))
    print(f"{given.cases:,} mutated files: {len(failed)} failed" + (f", kept in {place}" if failed else ""))
    if not failed:
        shutil.rmtree(place)
    return 1 if failed else 0


def _supervised(first: int, count: int, seed: int, place: Path) -> int:
    """Run cases in another process, until it has done them or one of them has ended it: the next number."""
    shutil.rmtree(place / "case", ignore_errors=True)
    command = [
        sys.executable,
        "-m",
        "tests.fuzz.readers",
        "--worker",
        str(place),
        "--first",
        str(first),
        "--cases",
        str(count),
    ]
    shared = {"RECURRA_CACHE": str(place / "cache"), "MALLOC_ARENA_MAX": "1"}
    with (place / "stderr.txt").open("wb") as stderr:
        process = subprocess.Popen([*command, "--seed", str(seed)], env=os.environ | shared, stderr=stderr)
        at, since, spent = first, time.monotonic(), 0.0
        while process.poll() is None:
            time.sleep(0.05)
            now = _at(place, first)
            if now != at:
                at, since, spent = now, time.monotonic(), _processor_seconds(process.pid)
            elif time.monotonic() - since > ASLEEP or _processor_seconds(process.pid) - spent > STUCK:
                process.kill()
                process.wait()
    shutil.rmtree(place / "cache", ignore_errors=True)
    at = _at(place, first)
    if process.returncode == 0:
        return first + count
    said = (place / "stderr.txt").read_text(errors="replace")[-1_500:]
    print(f"--first {at} --cases 1 --seed {seed}: the process ended with {process.returncode}\n{said}", flush=True)
    if (place / "case").is_dir():
        shutil.copytree(place / "case", place / f"failed-{at}", symlinks=True, dirs_exist_ok=True)
    return at + 1


def _processor_seconds(process: int) -> float:
    with contextlib.suppress(OSError, ValueError, IndexError):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def _at(place: Path, first: int) -> int:
    with contextlib.suppress(OSError, ValueError):
        return int((place / "at").read_bytes())
    return first


if __name__ == "__main__":
    sys.exit(main())

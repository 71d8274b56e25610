"""Small runs of every task, what can be asked of them, and what an answer may be."""

from __future__ import annotations

import contextlib
import io
import random
import signal
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SMALL = {"hidden_size": 6, "embedding_size": 6, "batch_size": 8, "device": "cpu", "quiet": True, "threads": 1}
TASKS = ("classify", "tag", "language", "pieces", "fill", "translate", "generate")
"""And language models of sub-words."""
FINE = (0, 3, 4)
WAITS = 12
"""Times the seconds of the processor that a command may take by the clock: others may want the processor too."""
GOES_ON = (*FINE, 5)
"""Of a training: it may diverge."""


@dataclass(frozen=True)
class Victim:
    """A task's runs below a place: one that is finished, one that was stopped."""

    place: Path
    task: str

    @property
    def finished(self) -> Path:
        return self.place / "finished"

    @property
    def stopped(self) -> Path:
        return self.place / "stopped"


def make(place: Path, task: str) -> Victim:
    """Train both runs."""
    import recurra
    from recurra.api import training, training_run
    from recurra.api.progress import ProgressLogger
    from recurra.tasks.language import task as language

    class Interrupting(ProgressLogger):
        def tick(self, tick: Any) -> None:
            if tick.step == 3:
                signal.raise_signal(signal.SIGTERM)

    place.mkdir(parents=True)
    data, given = _data(place, task)
    keep = training_run.build_report, language.SAMPLE_LENGTH, training.ProgressLogger
    training_run.build_report = lambda record: "<html></html>"
    language.SAMPLE_LENGTH = {"char": 3, "byte": 3, "word": 3, "bpe": 3}
    victim = Victim(place, task)
    try:
        whole = SMALL | {"epochs": 1.0} | given
        recurra.train(data, out=victim.finished, **whole)
        training.ProgressLogger = Interrupting
        with contextlib.suppress(recurra.StoppedError):
            recurra.train(data, out=victim.stopped, **whole)
    finally:
        training_run.build_report, language.SAMPLE_LENGTH, training.ProgressLogger = keep
    return victim


def _data(place: Path, task: str) -> tuple[Path, dict[str, Any]]:
    """Data of a task, as small as they can be, and settings."""
    rng = random.Random(3)
    words = ["sun", "moon", "rose", "nose", "sea", "tea", "stone", "bone"]
    path = place / "data.txt"
    lines = [" ".join(rng.choices(words, k=rng.randint(3, 7))) for _ in range(80)]
    match task:
        case "classify" | "generate":
            folder = place / "kinds"
            folder.mkdir()
            for name, letters in (("low", "abcde"), ("high", "efghi")):
                drawn = sorted({"".join(rng.choices(letters, k=rng.randint(2, 9))) for _ in range(70)})
                (folder / f"{name}.txt").write_text("\n".join(drawn[:50]) + "\n")
            return folder, {"task": task}
        case "tag":
            path = place / "data.bio"
            tags = {"sun": "B-X", "moon": "B-X"}
            tagged = [[(w, tags.get(w, "O")) for w in line.split()] for line in dict.fromkeys(lines)]
            path.write_text("".join("".join(f"{w} {t}\n" for w, t in row) + "\n" for row in tagged))
            return path, {"char_size": 4, "char_embedding_size": 3}
        case "translate":
            pairs = dict.fromkeys(lines)
            path.write_text("".join(f"{line}\t{' '.join(line.split()[::-1])}\n" for line in pairs))
            return path, {"task": "translate", "max_vocabulary": 40}
        case "fill":
            path.write_text("".join(f"{line}\n" for line in dict.fromkeys(lines)))
            return path, {"task": "fill"}
    path.write_text("\n".join(lines) + "\n")
    return path, {"bptt": 8} | ({"level": "bpe", "max_vocabulary": 40} if task == "pieces" else {})


def commands(victim: Victim, folder: Path, stopped: bool) -> list[list[str]]:
    """What can be asked of a folder of a task."""
    name = str(folder)
    if stopped:
        return [["train", "--resume", name, "--quiet", "--epochs", "0.6"]]
    text = {"fill": "the ____ sea"}.get(victim.task, "sun moon abc")
    found = [["predict", name, text, "--top", "3"], ["predict", name, text, "--json"], ["evaluate", name]]
    found += [["vectors", name, "--out", str(victim.place / "vectors.txt"), "--overwrite", "--quiet"]]
    near = {"pieces": "▁sun", "translate": "▁sun", "language": "s", "classify": "a", "generate": "a"}
    found += [["explain", name, "--nearest", near.get(victim.task, "sun")]]
    if victim.task == "generate":
        found = [*found[2:], ["generate", name, "--seed", "1"], ["generate", name, "-n", "3", "--length", "20"]]
    if victim.task in ("language", "pieces"):
        candidates = victim.place / "candidates.txt"
        candidates.write_text("sun\nmoon\n\nrose\nsea\n")
        found += [["generate", name, "--length", "20", "--seed", "1"], ["generate", name, "--length", "9", "--json"]]
        found += [["score", name, "--candidates", str(candidates)]]
    return found


class Hung(BaseException):
    """A command took too long."""


@contextlib.contextmanager
def _watched(seconds: float) -> Iterator[None]:
    def ring(_number: int, _frame: Any) -> None:
        raise Hung

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def use(command: list[str], *, seconds: float, megabytes: float) -> str | None:
    """Run a command here: what was wrong with how it ended, None if nothing."""
    from recurra.cli import main

    written = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace", write_through=True)
    said = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace", write_through=True)
    before, begun = _memory(reset=True), time.process_time()
    try:
        with _watched(WAITS * seconds), contextlib.redirect_stdout(written), contextlib.redirect_stderr(said):
            code = main(command)
    except Hung:
        return f"it took more than {WAITS * seconds:g} s"
    except BaseException:  # noqa: BLE001 - whatever it is, it is what is looked for
        return traceback.format_exc()
    took, grown = time.process_time() - begun, _memory() - before
    message = said.buffer.getvalue().decode()  # type: ignore[attr-defined]
    if took > seconds:
        return f"it took {took:.1f} s of the processor"
    if grown > megabytes:
        return f"it took {grown:.0f} MB: exit code {code} {message[:200]}"
    if code not in (GOES_ON if command[0] == "train" else FINE):
        return f"exit code {code}: {message[:500]}"
    if len(message) > 5000:
        return f"a message of {len(message):,} characters: {message[:200]}"
    return None


def _memory(*, reset: bool = False) -> float:
    """The most memory that the process had since the last reset, in MB; at a reset what it has."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no VmHWM in /proc/self/status")

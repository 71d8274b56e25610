"""How time and memory of each phase before training grow with the data: at 1x, 10x and 100x.

    python benchmarks/growth.py [--scale 1] [--only text]

Texts have a vocabulary that grows with them, to half a million words at 100x; tables have 1,000 to 100,000 rows times
the scale, with classes that grow likewise. Each kind runs in a process of its own: CPU seconds, and how much a phase
raises the peak of memory. The exponents of time and memory are those of the larger two sizes: 1 is linear; a time under
0.05 s and a memory under 20 MB have none. Fails if one is above 1.05.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

SIZES = (1, 10, 100)
MOST = 1.05
LEAST_SECONDS, LEAST_MEGABYTES = 0.05, 20.0
WORDS, ROWS, CLASSES = 60_000, 1_000, 100
"""Words of a text, rows and classes of a table at 1x; a text has a word in ten of its own."""


def write_text(path: Path, size: int) -> None:
    """Lines of ten words, of which one in ten is new; half of the lines of the last tenth stood before."""
    rng = np.random.default_rng(size)
    count = WORDS * size
    ids = (rng.random(count) ** 2 * count / 12).astype(np.int64)
    lines = [" ".join(f"w{i:x}" for i in ids[start : start + 10]) for start in range(0, count, 10)]
    for place in range(len(lines) * 9 // 10, len(lines), 2):
        lines[place] = lines[place - len(lines) // 2]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_table(path: Path, size: int) -> None:
    """Names with classes: a tenth as many classes as at 1x times the size, each with as many rows."""
    rng = np.random.default_rng(size)
    labels = rng.integers(0, max(2, CLASSES * size // 10), ROWS * size)
    numbers = rng.integers(0, 1 << 40, ROWS * size)
    rows = (f"{number:x},c{label}" for number, label in zip(numbers.tolist(), labels.tolist(), strict=True))
    path.write_text("text,label\n" + "\n".join(rows) + "\n", encoding="utf-8")


def characters(path: Path) -> list[tuple[str, Callable[[], object]]]:
    from recurra.data.corpus.mapped import build_corpus

    return [("text as characters", lambda: build_corpus(path, cache=path.parent / "cache"))]


def words(path: Path) -> list[tuple[str, Callable[[], object]]]:
    from recurra.data.corpus.mapped import build_corpus

    return [("text as words", lambda: build_corpus(path, level="word", min_count=1, cache=path.parent / "cache"))]


def lines(path: Path) -> list[tuple[str, Callable[[], object]]]:
    from recurra.data.corpus.mapped import build_corpus
    from recurra.tasks.text.repeated_lines import repeated_lines

    corpus = build_corpus(path, cache=path.parent / "cache")
    return [("repeated lines", lambda: repeated_lines(corpus))]


def n_grams(path: Path) -> list[tuple[str, Callable[[], object]]]:
    from recurra.baselines.sample import as_many_as
    from recurra.data.corpus.mapped import build_corpus
    from recurra.tasks.language.baselines import language_baselines
    from recurra.tasks.language.task import TASK

    corpus = build_corpus(path, cache=path.parent / "cache")

    def counted(count: int) -> object:
        part = replace(corpus, train=corpus.train[-count:], validation=corpus.validation[:0])
        return language_baselines(part, TASK.some(corpus.validation, count))

    return [("baselines within 2 s", lambda: as_many_as(counted, len(corpus.train), 2.0, first=TASK.first))]


def table(path: Path) -> list[tuple[str, Callable[[], object]]]:
    from recurra.api.preparation import settings_for
    from recurra.tasks import registry
    from recurra.tasks.sources.resolving import resolve

    source = resolve(path, "classify")
    settings = settings_for(source, {"text": "text", "label": "label", "skip": "none"})
    row = registry.get("classify")

    def batches() -> None:
        for _ in trainee.batches(0):
            break

    dataset = row.task.prepare(source, settings)
    trainee = row.task.trainee(row.task.network(dataset.preprocessor, dataset.settings), dataset)
    return [("table to parts", lambda: row.task.prepare(source, settings)), ("first batch of an epoch", batches)]


def write_pairs(path: Path, size: int) -> None:
    """Sentences of eight words, of which one in ten is new, with as many in another language."""
    rng = np.random.default_rng(size)
    ids = (rng.random((ROWS * size, 8)) ** 2 * ROWS * size / 2).astype(np.int64)
    rows = (" ".join(f"w{i:x}" for i in row) for row in ids.tolist())
    path.with_suffix(".tsv").write_text("".join(f"{row}\t{row.upper()}\n" for row in rows), encoding="utf-8")


def pairs(path: Path) -> list[tuple[str, Callable[[], object]]]:
    from recurra.api.preparation import settings_for
    from recurra.tasks import registry
    from recurra.tasks.sources.resolving import resolve

    source = resolve(path.with_suffix(".tsv"), "translate")
    task = registry.get("translate").task
    return [("pairs to parts", lambda: task.prepare(source, settings_for(source, {"skip": "none"})))]


def write_tagged(path: Path, size: int) -> None:
    """Sentences of eight words, of which one in ten is new, each with one of 20 tags."""
    rng = np.random.default_rng(size)
    ids = (rng.random((ROWS * size, 8)) ** 2 * ROWS * size / 2).astype(np.int64)
    rows = ("".join(f"w{i:x}\tt{i % 20}\n" for i in row) for row in ids.tolist())
    path.with_suffix(".bio").write_text("\n".join(rows), encoding="utf-8")


def tagged(path: Path) -> list[tuple[str, Callable[[], object]]]:
    from recurra.api.preparation import settings_for
    from recurra.tasks import registry
    from recurra.tasks.sources.resolving import resolve

    source = resolve(path.with_suffix(".bio"), "tag")
    task = registry.get("tag").task
    return [("tagged sentences to parts", lambda: task.prepare(source, settings_for(source, {"skip": "none"})))]


def cutting(path: Path) -> list[tuple[str, Callable[[], object]]]:
    """A split of texts with a label each, of which ten have the same one: a hundred thousand at 1000x."""
    from recurra.data.files.examples import Example, Examples
    from recurra.data.splits import split

    count = ROWS * int(path.parent.name)
    items = [Example(f"{number:x}", f"c{number % max(2, count // 10)}", path, number) for number in range(count)]
    return [("split, ten texts a class", lambda: split(Examples(items), form=str.upper))]


def write_nothing(path: Path, size: int) -> None:
    """What is split is made in memory."""


PHASES = {
    "characters": (write_text, characters),
    "words": (write_text, words),
    "lines": (write_text, lines),
    "baselines": (write_text, n_grams),
    "table": (write_table, table),
    "split": (write_nothing, cutting),
    "pairs": (write_pairs, pairs),
    "tagged": (write_tagged, tagged),
}


def measure(kind: str, path: Path) -> None:
    """Here: each phase once; printed as JSON lines."""
    for name, phase in PHASES[kind][1](path):
        before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
        phase()
        seconds = time.process_time() - begun
        memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e3
        print(json.dumps({"phase": name, "seconds": seconds, "megabytes": memory}))


def exponent(small: float, large: float, least: float) -> float | None:
    """Of what grew ten times; None for what is too small to be measured."""
    return math.log10(large / small) if min(small, large) >= least else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0, help="times the sizes")
    parser.add_argument("--only", choices=PHASES)
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        measure(asked.measure[0], Path(asked.measure[1]))
        return
    found: dict[str, list[dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind in [asked.only] if asked.only else list(PHASES):
            for size in SIZES:
                path = Path(folder) / kind / f"{size}" / "data.csv"
                path.parent.mkdir(parents=True)
                PHASES[kind][0](path, max(1, round(size * asked.scale)))
                command = [sys.executable, __file__, "--measure", kind, str(path)]
                own = os.environ | {"RECURRA_CACHE": f"{folder}/cache"}  # nothing was read before
                done = subprocess.run(command, check=True, capture_output=True, text=True, env=own)
                for line in done.stdout.splitlines():
                    row = json.loads(line)
                    found.setdefault(row["phase"], []).append(row)
    print(f"{'phase':26}{'seconds of CPU at ' + ', '.join(f'{s}x' for s in SIZES):>32}{'MB':>22}  exponents")
    high = []
    for name, rows in found.items():
        seconds, memory = [row["seconds"] for row in rows], [row["megabytes"] for row in rows]
        powers = [
            exponent(of[-2], of[-1], least) for of, least in ((seconds, LEAST_SECONDS), (memory, LEAST_MEGABYTES))
        ]
        shown = " and ".join("-" if power is None else f"{power:.2f}" for power in powers)
        times, sizes = "  ".join(f"{s:.2f}" for s in seconds), "  ".join(f"{m:.0f}" for m in memory)
        print(f"{name:26}{times:>32}{sizes:>22}  {shown}")
        high += [name for power in powers if power is not None and power > MOST]
    print(json.dumps(found))
    if high:
        sys.exit(f"above {MOST}: {', '.join(high)}")


if __name__ == "__main__":
    main()

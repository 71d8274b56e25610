"""When the first batch of a large parallel corpus is there, how much memory it takes, and how long a second start is.

    python benchmarks/large_pairs.py [--pairs 1000000] [--from FILE]

Pairs of multi30k, or of FILE in two columns with a tab between, again and again, each copy with a word and a number of
its own on both sides. `recurra train` reads them with an empty cache, then once more; each is stopped after its first
line of progress. Seconds by the clock, and of the process the most memory that was resident, and of that what is mapped
from no file.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from pathlib import Path

from recurra.data.datasets.named import get
from recurra.data.files.text import read_text
from train_start import until_the_first_step

OPTIONS = ["--task", "translate", "--text", "en", "--label", "de"]


def write_pairs(path: Path, rows: list[list[str]], count: int) -> None:
    """Distinct pairs: a copy of a pair has a word more on both sides, which says which copy it is."""
    draw = random.Random(0)
    with path.open("w", encoding="utf-8") as file:
        file.write("en\tde\n")
        for number in range(count):
            left, right = (" ".join(side.split()) for side in rows[number % len(rows)])  # a few hold tabs
            copy = number // len(rows)
            if copy:
                word = draw.choice(rows)[0].split()[0]
                left, right = f"{word} {copy} {left}", f"{word} {copy} {right}"
            file.write(f"{left}\t{right}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument("--from", dest="file", type=Path)
    given = parser.parse_args()
    if given.file is not None:
        rows = [line.split("\t")[:2] for line in read_text(given.file).split("\n") if line.count("\t")]
    else:
        sides = [read_text(get("multi30k").files[f"train.{language}"]).split("\n") for language in ("en", "de")]
        rows = [[left, right] for left, right in zip(*sides, strict=True) if left.strip() and right.strip()]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_pairs(folder / "pairs.tsv", rows, given.pairs)
        size = (folder / "pairs.tsv").stat().st_size / 1e6
        for which in ("first", "second"):
            seconds, _, most, anonymous = until_the_first_step(folder / "pairs.tsv", OPTIONS, folder)
            print(
                f"{given.pairs:,} pairs, {size:.0f} MB, {which} start: {seconds:.1f} s to the first batch, "
                f"{most:.0f} MB resident at most, {anonymous:.0f} MB of it of no file"
            )


if __name__ == "__main__":
    main()

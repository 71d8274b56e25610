"""Cutting texts into words, beside the pattern that says what words are.

    python benchmarks/cut_words.py [--texts 4000]

Drawn texts of 24 to 48 words with punctuation, as ASCII and with an accent in every word that has an "e". Prints
microseconds of processor time a text, the least of 20 repeats; the words must be the same.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from random import Random

from recurra.data.tokens import segment


def texts(count: int) -> list[str]:
    """Drawn with the same seed always."""
    random = Random(0)
    words = ["".join(random.choices("etaoinshrdlucmf", k=random.randrange(2, 11))) for _ in range(20_000)]
    signs = ["", "", "", "", "", "", "", "", ",", ".", "'s"]
    return [
        " ".join(random.choice(words) + random.choice(signs) for _ in range(random.randrange(24, 49)))
        for _ in range(count)
    ]


def least(cut: Callable[[str], list[str]], given: list[str]) -> float:
    """Microseconds a text."""
    found = []
    for _ in range(20):
        begun = time.process_time()
        for text in given:
            cut(text)
        found.append(time.process_time() - begun)
    return min(found) / len(given) * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=4000)
    given = texts(parser.parse_args().texts)
    for name, some in (("ASCII", given), ("accents", [text.replace("e", "é") for text in given])):
        assert all(segment.pieces(text) == segment._WORD.findall(text) for text in some)
        mine, pattern = least(segment.pieces, some), least(segment._WORD.findall, some)
        print(f"{name}: {mine:.2f} µs a text, the pattern {pattern:.2f} µs")


if __name__ == "__main__":
    main()

"""Drawn requests, native against reference: `python -m tests.fuzz.engines --cases 20000 --seed 1`.

Case i of seed s is the same in every run with the same variants: `--first 1234 --cases 1` tries it alone.
"""

from __future__ import annotations

import argparse
import sys
import time

from recurra.engines.native import library
from tests.fuzz.engine_cases import draw
from tests.fuzz.engine_checks import NoAnswerError, differs

SEEDS_APART = 1 << 40


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--variants", default="", help="comma-separated; all that are built and run here if not given")
    parser.add_argument("--show", action="store_true", help="print each case before it is tried")
    given = parser.parse_args()
    variants = given.variants.split(",") if given.variants else library.variants() + library.emulated()
    begun, failed, unanswerable = time.monotonic(), 0, 0
    for number in range(given.first, given.first + given.cases):
        case = draw(given.seed * SEEDS_APART + number, variants)
        if given.show:
            print(number, case, flush=True)
        try:
            wrong = differs(case)
        except NoAnswerError:
            unanswerable += 1
            continue
        if wrong is not None:
            failed += 1
            names = ",".join(variants)
            print(f"--seed {given.seed} --first {number} --cases 1 --variants {names}: {wrong}\n  {case}", flush=True)
    seconds = time.monotonic() - begun
    print(f"{given.cases} requests on {', '.join(variants)} in {seconds:.0f} s: {failed} differ")
    if unanswerable:
        print(f"{unanswerable} have no answer: roundings alone change their outputs by more than these are")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""How long it takes from `python -c` to a first answer, and how much memory, with `recurra.runtime` and with torch.

    python benchmarks/runtime_start.py RUN [--input "a text"]

Each in a process of its own, the best of five: seconds by the clock and of the processor, and the most memory that was
resident (Linux). RUN is a classifier, a tagger or a language model.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time

FIRST = {
    "recurra.runtime": "from recurra import runtime; runtime.load({run!r}).predict([{text!r}])",
    "recurra.load": "import recurra; recurra.load({run!r}).predict([{text!r}])",
}
USED = (
    "; import json, os, resource; used = os.times(); "
    "print(json.dumps([used.user + used.system, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]))"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("--input", default="Rossi")
    given = parser.parse_args()
    for name, code in FIRST.items():
        whole = code.format(run=given.run, text=given.input) + USED
        wall, used, peak = min(_once(whole) for _ in range(5))
        print(f"{name:16} {wall:.2f} s by the clock, {used:.2f} s of the processor, {peak / 1024:.0f} MB")


def _once(code: str) -> tuple[float, float, int]:
    begun = time.perf_counter()
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    used, peak = json.loads(run.stdout.splitlines()[-1])
    return time.perf_counter() - begun, used, peak


if __name__ == "__main__":
    main()

"""All that `recurra bench` measures, beside what is required, as RESULTS.md.

    python benchmarks/results.py                     # measure everything (minutes on an idle machine), write both
    python benchmarks/results.py --threads 2         # options of `recurra bench` are passed on
    python benchmarks/results.py --from FILE.json    # write the page again, from what `recurra bench --json` wrote

RESULTS.md is made by this file alone, from the JSON alone.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from recurra.bench.record import Document
from recurra.bench.table import Table, footer, tables
from recurra.bench.targets import TARGETS, Verdict, check, shown

HERE = Path(__file__).parent
PAGE = HERE / "RESULTS.md"
FIGURES = HERE / "results" / "bench.json"


def measure(figures: Path, rest: Sequence[str]) -> int:
    """`recurra bench` with everything, in a process of its own. Its exit code"""
    figures.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "recurra", "bench", "--kind", "all", "--json", str(figures), *rest]
    return subprocess.run(command, check=False).returncode


def page(document: Document) -> str:
    """The whole page."""
    verdicts = [check(target, document.rows) for target in TARGETS]
    required = [verdict for verdict in verdicts if not verdict.target.goal]
    reached = sum(verdict.reached for verdict in required)
    parts = [
        "# Results\n",
        "Made by `python benchmarks/results.py` (`make bench`) from one run of `recurra bench`; not edited by hand.\n"
        "How it is measured: [README.md](README.md).\n",
        f"{document.date}, `{_command(document)}`\n",
        "\n".join(f"- {line}" for line in footer(document)) + "\n",
        f"## Required and reached: {reached} of {len(required)}\n",
        "The worst over all rows of a work. Ratios are torch's time over Recurra's in the same run.\n",
        _markdown(_verdicts(required)),
        "Wished for beyond that:\n",
        _markdown(_verdicts([verdict for verdict in verdicts if verdict.target.goal])),
        *(
            part
            for table in tables(document.rows)
            for part in (f"## {table.title}\n", f"`{table.command}`\n", _markdown(table))
        ),
    ]
    return "\n".join(parts)


def _command(document: Document) -> str:
    """As it was typed, without where its figures went."""
    words = [word for word in shlex.split(document.command) if not word.startswith("--json=")]
    if "--json" in words:
        at = words.index("--json")
        words = words[:at] + words[at + 2 :]
    return shlex.join(words)


def _verdicts(verdicts: Sequence[Verdict]) -> Table:
    rows: list[tuple[str, ...]] = []
    for verdict in verdicts:
        target, row = verdict.target, verdict.row
        value = "not measured" if verdict.value is None else shown(verdict.value, target.measure)
        where = "" if row is None else f"{row.case.cell} {row.case.title}"
        rows.append(
            (target.work, target.required, value, "yes" if verdict.reached else "no", where, f"`{target.command}`")
        )
    return Table("", ("work", "required", "reached", "", "worst row", "command"), rows, (1, 2))


def _markdown(table: Table) -> str:
    rule = ["---:" if column in table.right else "---" for column in range(len(table.head))]
    lines = [table.head, rule, *table.rows]
    return "".join(f"| {' | '.join(cell.replace('|', ' ') for cell in line)} |\n" for line in lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="figures", type=Path, metavar="FILE", help="what was measured before")
    parser.add_argument("--page", type=Path, default=PAGE, help="where the page goes")
    chosen, rest = parser.parse_known_args()
    if chosen.figures is not None and rest:
        parser.error(f"with --from nothing is measured; not known: {' '.join(rest)}")
    code = measure(FIGURES, rest) if chosen.figures is None else 0
    if code > 1:  # 1: results differ; the page says which
        return code
    document = Document.from_json(json.loads((chosen.figures or FIGURES).read_text(encoding="utf-8")))
    chosen.page.write_text(page(document), encoding="utf-8")
    print(f"written: {chosen.page}")
    return code


if __name__ == "__main__":
    sys.exit(main())

"""What trainings reach beside their best baselines, as REACHED.md.

    python benchmarks/reached.py                     # every command of COMMANDS, about three hours on an idle machine
    python benchmarks/reached.py names atis          # those of these data sets
    python benchmarks/reached.py --page              # the page again, from reached.json

Data sets are found by name, as by `recurra train`. reached.json is written after each training, so that a stopped run
loses nothing and single rows can be measured anew; REACHED.md is made by this file alone, from it alone.
"""

from __future__ import annotations

import argparse
import datetime
import json
import resource
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from recurra.api.runs import summary
from recurra.bench.machine import describe
from recurra.report.metric import find
from recurra.tasks import registry

HERE = Path(__file__).parent
PAGE = HERE / "REACHED.md"
RECORDS = HERE / "reached.json"
RUNS = HERE / "results" / "reached"
COMMANDS = (
    "recurra train surnames",
    "recurra train names",
    "recurra train mr --epochs 5 --embedding-dropout 0.3",
    "recurra train sst2 --epochs 3",
    "recurra train chnsenticorp --epochs 6 --crop 0.5 --normalize nfkc,lowercase",
    "recurra train tinyshakespeare --minutes 2",
    "recurra train ptb --minutes 38",
    "recurra train chinese_poetry --minutes 6",
    "recurra train ud_english_ewt",
    "recurra train atis",
    "recurra train resume_ner",
    "recurra train ptb --task fill",
    "recurra train multi30k",
    "recurra train multi30k --languages en,fr",
    "recurra train names --task generate --minutes 6",
    "recurra train nottingham --minutes 7.8",
    "recurra train airline --horizon 12 --origins 5",
    "recurra train japanese_vowels",
    "recurra train basic_motions",
    "recurra train shapes",
)
"""Each with `--threads 1` and the seed 0."""
NUMBERS = ("Recurra", "its score", "training", "processor")
HEAD = (
    "data", "part", "metric", "Recurra", "best baseline", "its score", "training", "processor",
    "command", "date, machine",
)  # fmt: skip


def measure(command: str) -> dict[str, Any]:
    """One training in a process of its own, and what its folder tells. Units: seconds. Errors: CalledProcessError"""
    folder = RUNS / "-".join(command.split()[2:]).replace("/", "-")
    folder.parent.mkdir(parents=True, exist_ok=True)
    words = [*shlex.split(command), "--threads", "1", "--seed", "0", "--out", str(folder), "--overwrite"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", *words], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = summary(folder)
    document = told.document()
    row = find(told.rows, str(document["metric"]))
    machine = describe(1)
    return {
        "command": command,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": f"{machine.cpu}, {machine.cores} cores ({' '.join(machine.flags)})",
        "versions": f"recurra {machine.versions['recurra']}, torch {machine.versions['torch']}",
        "data": document["data"],
        "part": document["evaluated_on"],
        "task": document["task"],
        "metric": row.heading,
        "score": row.write(document["score"]),
        "baseline": document["baseline"],
        "baseline_score": None if document["baseline"] is None else row.write(document["baseline_score"]),
        "training_seconds": round(document["seconds"], 1),
        "processor_seconds": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1),
        "parameters": document["parameters"],
    }


def page(records: dict[str, dict[str, Any]]) -> str:
    """The whole page: a table for each task, the machines below it."""
    lines = [
        "# Reached",
        "",
        "Made by `python benchmarks/reached.py` from the model folders of these trainings; not edited by hand. Each is",
        "`recurra train ... --threads 1 --seed 0`, beside its best baseline by the same metric on the same part.",
        "Seconds of training, and of the processor for the whole command, baselines, evaluation and report included.",
        "",
    ]
    machines = sorted({(record["machine"], record["versions"]) for record in records.values()})
    for task in (row.name for row in registry.ROWS):
        own = [record for record in records.values() if record["task"] == task]
        if not own:
            continue
        lines += [
            f"## {task}",
            "",
            f"| {' | '.join(HEAD)} |",
            f"| {' | '.join('---:' if name in NUMBERS else '---' for name in HEAD)} |",
        ]
        for record in own:
            number = machines.index((record["machine"], record["versions"])) + 1
            cells = (
                record["data"], record["part"], record["metric"], record["score"], record["baseline"] or "",
                record["baseline_score"] or "", f"{record['training_seconds']:,.0f} s",
                f"{record['processor_seconds']:,.0f} s", f"`{record['command']}`", f"{record['date']}, {number}",
            )  # fmt: skip
            lines.append(f"| {' | '.join(cell.replace('|', ' ') for cell in cells)} |")
        lines.append("")
    missing = [command for command in COMMANDS if command not in records]
    if missing:
        lines += ["Not measured yet:", "", *(f"- `{command}`" for command in missing), ""]
    if machines:
        named = (f"{n}. {machine}; {versions}" for n, (machine, versions) in enumerate(machines, 1))
        lines += ["Machines:", "", *named, ""]
    return "\n".join(lines)


def main() -> None:
    """As a command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="*", help="measure the commands of these data sets alone")
    parser.add_argument("--page", action="store_true", help="measure nothing")
    chosen = parser.parse_args()
    unknown = set(chosen.data) - {command.split()[2] for command in COMMANDS}
    if unknown:
        parser.error(f"no command trains {', '.join(sorted(unknown))}")
    records = json.loads(RECORDS.read_text(encoding="utf-8")) if RECORDS.is_file() else {}
    for command in () if chosen.page else COMMANDS:
        if chosen.data and command.split()[2] not in chosen.data:
            continue
        records[command] = measure(command)
        ordered = {each: records[each] for each in COMMANDS if each in records}
        RECORDS.write_text(json.dumps(ordered, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        PAGE.write_text(page(ordered), encoding="utf-8")
    PAGE.write_text(page(records), encoding="utf-8")


if __name__ == "__main__":
    main()

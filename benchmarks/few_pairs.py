"""Translators of few pairs beside the dictionary that is learned from the same ones: one table.

    RECURRA_DATA=FOLDER python benchmarks/few_pairs.py                # validation parts, half an hour on one thread
    RECURRA_DATA=FOLDER python benchmarks/few_pairs.py --part test
    RECURRA_DATA=FOLDER python benchmarks/few_pairs.py --pairs 1000 --skip auto
    python benchmarks/few_pairs.py --messages /usr/share/locale/zh_CN/LC_MESSAGES

Pairs of `eng_fra`, drawn once: 500 to validate with and 1,000 to test, whose English sentences stand in no other part,
the same for every number of pairs. `--messages`: English and Chinese of a folder of .mo files, 5,400 to learn from, 300
and 300 beside. Each run is evaluated on both parts; settings are chosen by the validation part, which is what is
printed. A run is kept as soon as it is finished; `--anew` forgets all. Other settings follow `--set`, as in
`--set dropout=0.3`.
"""

from __future__ import annotations

import argparse
import ast
import json
import random
import struct
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import recurra
from recurra.tasks.decoding.bleu import scores
from recurra.tasks.decoding.glossary import Glossary
from recurra.tasks.sources.resolving import resolve
from recurra.tasks.translate.reading import read_pairs
from recurra.tasks.translate.settings import DEFAULTS

RESULT = Path(__file__).parent / "results" / "few_pairs.json"
SIZES = (1000, 2000, 5000, 20000)
VALIDATED, TESTED = 500, 1000
MESSAGES, BESIDE, LONGEST = 6000, 300, 80
"""Messages that are drawn, of which so many are validated and tested with; signs of one at most."""
MAGIC = 0x950412DE
"""Of .mo files in this machine's order of bytes."""
Pair = tuple[str, str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, nargs="*", default=SIZES, help="of eng_fra")
    parser.add_argument("--messages", type=Path, help="folder of .mo files")
    parser.add_argument("--skip", nargs="+", choices=("none", "lexical", "auto"), default=("none", "lexical"))
    parser.add_argument("--part", choices=("validation", "test"), default="validation", help="what the table is of")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="settings of the runs")
    parser.add_argument("--anew", action="store_true", help="forget the runs that are there")
    parser.add_argument("--json", type=Path, default=RESULT, help="where the figures go")
    chosen = parser.parse_args()
    given = {name: _value(value) for name, value in (each.split("=", 1) for each in chosen.set)}
    found: dict[str, Any] = {}
    if chosen.json.exists() and not chosen.anew:
        found = json.loads(chosen.json.read_text(encoding="utf-8"))
    keys = []
    for name in [*([] if chosen.messages is None else ["messages"]), *map(str, chosen.pairs)]:
        for skip in chosen.skip:
            for seed in range(chosen.seeds):
                key = f"{name}, skip {skip}, seed {seed}" + "".join(f", {each}" for each in chosen.set)
                keys.append(key)
                if key in found:
                    continue
                parts = of_messages(chosen.messages) if name == "messages" else of_sentences(int(name))
                settings = {"skip": skip, "seed": seed, "threads": chosen.threads} | given
                found[key] = measured(parts, settings)
                chosen.json.parent.mkdir(parents=True, exist_ok=True)
                chosen.json.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
                print(table(found, [key], "validation").splitlines()[-1], flush=True)
    print(table(found, keys, chosen.part))


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except ValueError:
        return text


def of_sentences(count: int) -> dict[str, list[Pair]]:
    """So many pairs of eng_fra to learn from, one of each English sentence, and those beside."""
    (whole,) = read_pairs(resolve("eng_fra", "translate"), DEFAULTS.settings.data).values()
    pairs = list(zip(whole.sources, whole.targets, strict=True))
    random.Random(0).shuffle(pairs)
    return _divided(list(dict(pairs).items()), VALIDATED, TESTED, count)


def of_messages(folder: Path) -> dict[str, list[Pair]]:
    """Of all packages in a folder some messages of one line."""
    pairs = {pair for path in sorted(folder.glob("*.mo")) for pair in _messages(path)}
    fitting = sorted(pair for pair in pairs if all(0 < len(side) <= LONGEST and "\n" not in side for side in pair))
    random.Random(0).shuffle(fitting)
    return _divided(list(dict(fitting).items()), BESIDE, BESIDE, MESSAGES - 2 * BESIDE)


def _divided(pairs: Sequence[Pair], validated: int, tested: int, count: int) -> dict[str, list[Pair]]:
    first = validated + tested
    return {
        "validation": list(pairs[:validated]),
        "test": list(pairs[validated:first]),
        "train": list(pairs[first : first + count]),
    }


def _messages(path: Path) -> list[Pair]:
    """English and the other language. Source: the GNU gettext manual, The Format of GNU MO Files"""
    content = path.read_bytes()
    magic, _, count, english, other = struct.unpack("=IIIII", content[:20])
    if magic != MAGIC:
        return []
    found = []
    for number in range(count):
        sides = []
        for table_ in (english, other):
            length, start = struct.unpack("=II", content[table_ + 8 * number :][:8])
            sides.append(content[start : start + length].split(b"\0")[0].decode("utf-8", "replace"))
        source, target = (" ".join(side.split("\x04")[-1].split()) for side in sides)
        if source and any("\u4e00" <= sign <= "\u9fff" for sign in target):
            found.append((source, target))
    return found


def measured(parts: dict[str, list[Pair]], settings: dict[str, Any]) -> dict[str, Any]:
    """One run, evaluated on both parts, and the dictionary beside it."""
    begun = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        paths = {}
        for name, pairs in parts.items():
            paths[name] = Path(folder) / f"{name}.tsv"
            paths[name].write_text("".join(f"{a}\t{b}\n" for a, b in pairs), encoding="utf-8")
        beside: dict[str, Any] = {part: str(paths["validation"]) for part in ("validation", "test")}
        run = recurra.train(
            paths["train"],
            task="translate",
            out=Path(folder) / "run",
            quiet=True,
            baselines="none",
            **beside,
            **settings,
        )
        found: dict[str, Any] = {"epochs": run.settings.training.epochs}
        learned = Glossary.learned(*zip(*parts["train"], strict=True))
        for part in ("validation", "test"):
            sources, targets = zip(*parts[part], strict=True)
            ours = run.metrics["metrics"] if part == "validation" else run.evaluate(paths["test"])
            theirs = scores(list(map(learned.of, sources)), targets, cut_by=run.preprocessor.bleu)
            found[part] = {name: [round(ours[name], 2), round(theirs[name], 2)] for name in ("bleu", "chrf")}
        return found | {"cpu_seconds": round(time.process_time() - begun)}


def table(found: dict[str, Any], keys: list[str], part: str) -> str:
    lines = ["| pairs | BLEU | chrF | dictionary: BLEU | chrF | CPU seconds |", "|---|---|---|---|---|---|"]
    for key in keys:
        (bleu, its_bleu), (chrf, its_chrf) = (found[key][part][name] for name in ("bleu", "chrf"))
        figures = " | ".join(f"{value:.1f}" for value in (bleu, chrf, its_bleu, its_chrf))
        lines.append(f"| {key} | {figures} | {found[key]['cpu_seconds']} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()

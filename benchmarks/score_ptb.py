"""Which of two sentences is the real one? A trained language model and a 5-gram on corrupted test sentences.

Of every sentence of the Penn Treebank's test part with two words or more, one word, drawn evenly, is replaced by
another one drawn by its frequency in the training part; <unk> and N are neither replaced nor put in. Both models see
the same pairs and score a sentence from the state after a line's end, with its own end. A pair is right when the real
sentence has the higher log-probability; a tie counts a half.

    recurra train ptb --minutes 30 --out ptb-run
    python benchmarks/score_ptb.py ptb-run
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

import recurra
from recurra.data.datasets import named

KEPT = ("<unk>", "N")
"""Words that stand for others."""


def corrupted(sentences: list[list[str]], train: list[str], seed: int) -> list[tuple[str, str]]:
    """Pairs of a sentence and the same with one word replaced; the same for the same seed."""
    rng = np.random.default_rng(seed)
    words, counts = np.unique(np.array([w for w in train if w not in KEPT]), return_counts=True)
    shares = counts / counts.sum()
    pairs = []
    for sentence in sentences:
        places = [i for i, word in enumerate(sentence) if word not in KEPT]
        if len(sentence) < 2 or not places:
            continue
        place = int(rng.choice(places))
        other = sentence[place]
        while other == sentence[place]:
            other = str(rng.choice(words, p=shares))
        pairs.append((" ".join(sentence), " ".join([*sentence[:place], other, *sentence[place + 1 :]])))
    return pairs


def right(real: list[float], false: list[float]) -> float:
    """Share of pairs whose real sentence is preferred."""
    difference = np.array(real) - np.array(false)
    return float(np.mean(difference > 0) + np.mean(difference == 0) / 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="a language model trained on ptb")
    parser.add_argument("--part", choices=("validation", "test"), default="test")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the result there too")
    asked = parser.parse_args()

    files = named.get("ptb").files
    sentences = [line.split() for line in files[asked.part].read_text(encoding="utf-8").splitlines() if line.strip()]
    pairs = corrupted(sentences, files["train"].read_text(encoding="utf-8").split(), asked.seed)
    rankings = recurra.load(asked.run).score(pairs)
    recurra_scores = [[r.candidates[i].log_probability for r in rankings] for i in (0, 1)]
    grams = [[float(r.candidates[i].baseline or 0.0) for r in rankings] for i in (0, 1)]
    found = {
        "part": asked.part,
        "seed": asked.seed,
        "pairs": len(pairs),
        "recurra": right(*recurra_scores),
        "Kneser-Ney 5-gram": right(*grams),
    }
    print(f"ptb, {asked.part} part: {len(pairs):,} sentences, each beside itself with one word replaced")
    for name in ("recurra", "Kneser-Ney 5-gram"):
        print(f"{name:20} prefers the real one in {100 * found[name]:.2f} %")
    if asked.json is not None:
        asked.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

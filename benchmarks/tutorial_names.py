"""The character-RNN tutorial's task: its own recipe, and then how long we need to reach what it reached.

    python benchmarks/tutorial_names.py                    # the data set `names`, 100,000 steps: minutes
    python benchmarks/tutorial_names.py --steps 2000       # a quick try

The peer is the recipe of "Classifying Names with a Character-Level RNN" (S. Robertson, PyTorch tutorials), re-created
here: one-hot ASCII letters, a random class and then a random name of it per step, one name at a time, a relu RNN of
128 units, SGD at 0.005. It gets one-hot tensors made beforehand and the number of threads that suits it better, and its
clock runs during training alone.

Both sides learn from the same training names and are evaluated on the same held-out ones: distinct names, 80/10/10. The
tutorial itself evaluates on names that it trained on; that figure is printed too. Prints a table and writes JSON.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import random
import string
import time
import unicodedata
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from recurra.api.preparation import prepare_run, settings_for
from recurra.data.datasets import named
from recurra.data.files.examples import Examples, distinct, from_folder
from recurra.data.splits import Splits, split
from recurra.metrics import balanced_accuracy
from recurra.tasks.classify.trainee import ClassifyTrainee, evaluate_part
from recurra.tasks.sources.resolving import resolve
from recurra.training.fit import fit

LETTERS = string.ascii_letters + " .,;'"
UNKNOWN = len(LETTERS)
HIDDEN_SIZE = 128
LEARNING_RATE = 0.005
STEPS = 100_000
RESULT = Path(__file__).parent / "results" / "tutorial_names.json"


@dataclass(frozen=True)
class PeerResult:
    """What the tutorial's recipe reached: seconds of training, fractions of balanced accuracy."""

    steps: int
    clip: float | None
    threads: int
    seconds: float
    trained_names: float
    held_out_names: float


def fold(name: str) -> list[int]:
    """Letter numbers of a name without its accents; any sign that is not in LETTERS is one unknown letter."""
    bare = (sign for sign in unicodedata.normalize("NFD", name) if unicodedata.category(sign) != "Mn")
    return [LETTERS.index(sign) if sign in LETTERS else UNKNOWN for sign in bare] or [UNKNOWN]


def one_hot(name: str) -> Tensor:
    """[T, 1, 58] float32: letters over time, a batch of one."""
    return nn.functional.one_hot(torch.tensor(fold(name)), UNKNOWN + 1).float().unsqueeze(1)


class Peer:
    """The tutorial's network, its training loop and its evaluation."""

    def __init__(self, train: Examples, *, seed: int) -> None:
        self.classes = train.classes()
        self.names: list[list[Tensor]] = [[] for _ in self.classes]
        for item in train.items:
            self.names[self.classes.index(item.label)].append(one_hot(item.text))
        self.targets = [torch.tensor([number]) for number in range(len(self.classes))]
        self.draw = random.Random(seed)
        torch.manual_seed(seed)
        self.rnn = nn.RNN(UNKNOWN + 1, HIDDEN_SIZE, nonlinearity="relu")
        self.head = nn.Linear(HIDDEN_SIZE, len(self.classes))

    def log_probabilities(self, letters: Tensor) -> Tensor:
        """[T, 1, 58] -> [1, classes]: from the state after the last letter."""
        _, last = self.rnn(letters)
        return nn.functional.log_softmax(self.head(last[0]), dim=1)

    def train(self, steps: int, clip: float | None) -> float:
        """Seconds that `steps` steps took; `clip` bounds the norm of each step's gradients."""
        weights = [*self.rnn.parameters(), *self.head.parameters()]
        optimiser = torch.optim.SGD(weights, lr=LEARNING_RATE)
        loss = torch.zeros(())
        start = time.perf_counter()
        for _ in range(steps):
            number = self.draw.randrange(len(self.classes))
            letters = self.draw.choice(self.names[number])
            loss = nn.functional.nll_loss(self.log_probabilities(letters), self.targets[number])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            if clip is not None:
                nn.utils.clip_grad_norm_(weights, clip)
            optimiser.step()
        seconds = time.perf_counter() - start
        if not math.isfinite(loss.item()):
            raise SystemExit(f"the peer's loss is {loss.item()} after {steps} steps; try another --seed")
        return seconds

    @torch.inference_mode()
    def evaluate(self, examples: Examples) -> float:
        """Balanced accuracy, a fraction."""
        guesses = [int(self.log_probabilities(one_hot(text)).argmax()) for text in examples.texts]
        return balanced_accuracy([self.classes.index(label) for label in examples.labels], guesses)


def peer(splits: Splits, *, steps: int, clip: float | None, most_threads: int, seed: int) -> PeerResult:
    """Train with the number of threads that was faster in a short trial, then evaluate."""

    def trial(threads: int) -> float:
        torch.set_num_threads(threads)
        candidate = Peer(splits.train, seed=seed)
        candidate.train(200, clip)
        return candidate.train(1000, clip)

    threads = min(range(1, most_threads + 1), key=trial)
    torch.set_num_threads(threads)
    best = Peer(splits.train, seed=seed)
    seconds = best.train(steps, clip)
    return PeerResult(steps, clip, threads, seconds, best.evaluate(splits.train), best.evaluate(splits.test))


class AsGood(Exception):
    """Our side has reached the mark: balanced accuracy, seconds of training."""


class UntilAsGood:
    """Our classifier as the training loop sees it, evaluated on the held-out names with the clock stopped."""

    def __init__(self, task: ClassifyTrainee, target: float) -> None:
        self.task, self.target = task, target
        self.network, self.evaluation_units = task.network, task.evaluation_units
        self.steps, self.batches, self.loss, self.rank = task.steps, task.batches, task.loss, task.rank
        self.start, self.stopped = time.perf_counter(), 0.0

    def clock(self) -> float:
        """Seconds, those of judging left out."""
        return time.perf_counter() - self.start - self.stopped

    def evaluate(self, network: nn.Module) -> dict[str, float]:
        begun, trained = time.perf_counter(), self.clock()
        found = evaluate_part(network, self.task.data.parts["test"])
        print(f"  {trained:6.1f} s: balanced accuracy {found['balanced_accuracy']:.3f}", flush=True)
        if found["balanced_accuracy"] >= self.target:
            raise AsGood(found["balanced_accuracy"], trained)
        self.stopped += time.perf_counter() - begun
        return found


def recurra_result(folder: Path, target: float, *, threads: int, seed: int) -> tuple[float, float]:
    """Our classifier with its defaults and classes balanced, as the recipe balances them, until it is as good.

    Returns (seconds of training, balanced accuracy then). Judged after every epoch, with the clock stopped as it is
    while the peer is evaluated.
    """
    source = resolve(folder)
    setup = prepare_run(source, settings_for(source, {"seed": seed, "threads": threads, "balance": 1.0}))
    assert isinstance(setup.trainee, ClassifyTrainee)
    trainee = UntilAsGood(setup.trainee, target)
    try:
        fit(trainee, setup.settings.training, clock=trainee.clock)
    except AsGood as reached:
        return reached.args[1], reached.args[0]
    raise SystemExit(f"we did not reach a balanced accuracy of {target:.3f}")


def show(row: Callable[[str, str, str, str], str], result: PeerResult, own: tuple[float, float] | None) -> None:
    print(row("", "seconds", "held out", "trained on"))
    print(
        row(
            f"tutorial, {result.steps:,} steps, {result.threads} thread(s)",
            f"{result.seconds:.1f}",
            f"{result.held_out_names:.3f}",
            f"{result.trained_names:.3f}",
        )
    )
    if own is not None:
        print(row("recurra, until it is as good", f"{own[0]:.1f}", f"{own[1]:.3f}", ""))
        print(f"the tutorial's time / Recurra's: {result.seconds / own[0]:.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of <label>.txt; default: the named data set `names`")
    parser.add_argument("--steps", type=int, default=STEPS, help="steps of the tutorial's recipe")
    parser.add_argument(
        "--clip", type=float, help="bound of the recipe's gradient norm; default: none, its classic form"
    )
    parser.add_argument("--threads", type=int, default=2, help="for both sides; the peer takes fewer if that is faster")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--peer-only", action="store_true", help="leave our side out")
    parser.add_argument("--json", type=Path, default=RESULT, help="where the figures go")
    chosen = parser.parse_args()

    folder = chosen.data or named.get("names").folder
    assert folder is not None
    examples, repeats = distinct(from_folder(folder))
    splits = split(examples, seed=chosen.seed)
    print(f"{len(examples.items):,} distinct names ({repeats:,} repeats dropped), {len(examples.classes())} classes")
    print(f"{len(splits.train.items):,} to learn from, {len(splits.test.items):,} held out")

    result = peer(splits, steps=chosen.steps, clip=chosen.clip, most_threads=chosen.threads, seed=chosen.seed)
    own = None
    if not chosen.peer_only:
        own = recurra_result(folder, result.held_out_names, threads=chosen.threads, seed=chosen.seed)
    show("{:<44} {:>9} {:>9} {:>11}".format, result, own)

    figures = {
        "torch": torch.__version__,
        "machine": platform.platform(),
        "threads": chosen.threads,
        "seed": chosen.seed,
        "metric": "balanced accuracy, a fraction; seconds of training",
        "peer": asdict(result),
        "recurra": None if own is None else {"seconds": own[0], "held_out_names": own[1]},
        "peer_seconds_over_recurra": None if own is None else result.seconds / own[0],
    }
    chosen.json.parent.mkdir(parents=True, exist_ok=True)
    chosen.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(f"written: {chosen.json}")


if __name__ == "__main__":
    main()

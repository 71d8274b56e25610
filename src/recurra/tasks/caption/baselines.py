"""Baselines of a captioner, on the same pictures."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from functools import partial

import numpy as np
import torch

from recurra import metrics
from recurra.baselines.neighbours import consensus, nearest
from recurra.data.tokens import scripts
from recurra.data.tokens.segment import words
from recurra.report.record import Baseline
from recurra.tasks.caption.data import CaptionData, CaptionPart
from recurra.tasks.caption.model import LONGER, search_of
from recurra.tasks.caption.settings import CaptionSettings
from recurra.tasks.caption.trainee import CaptionTrainee, build_network, nats_per_token
from recurra.tasks.decoding import bleu
from recurra.tasks.decoding.bleu import CutBy
from recurra.tasks.decoding.spelling import detokenize
from recurra.topologies.beam import write_after
from recurra.topologies.captioner import Captioner
from recurra.training.signals import Interrupted

NEIGHBOURS = 10
SHARE_OF_MINUTES = 0.25
"""Of the time of a run that has a limit, what the language model may take at most."""


def scores(
    written: Sequence[str], references: Sequence[Sequence[str]], *, lowercase: bool, cut_by: CutBy = "13a"
) -> dict[str, float]:
    """BLEU-4 to 1, and how often a text is one of the references, word by word."""

    def plain(text: str) -> str:
        return " ".join(words(text.lower() if lowercase else text))

    found = bleu.orders(written, references, lowercase=lowercase, cut_by=cut_by)
    exact = [plain(text) in set(map(plain, row)) for text, row in zip(written, references, strict=True)]
    return {name: found[name] for name in reversed(found)} | {"exact": float(np.mean(exact))}


def baselines(data: CaptionData, part: CaptionPart, settings: CaptionSettings) -> list[Baseline]:
    """The most frequent caption; what was said of the nearest pictures."""
    train, lowercase = data.parts["train"], "lowercase" in settings.data.normalize
    scored = partial(_scored, part=part, lowercase=lowercase, cut_by=data.preprocessor.bleu)
    begun = time.perf_counter()
    usual = Counter(text for row in train.references for text in row).most_common(1)[0][0]
    found = [scored("most frequent caption", [usual] * len(part), begun=begun)]
    begun = time.perf_counter()
    near = nearest(train.vectors(), part.vectors(), NEIGHBOURS)
    first = [train.references[row[0]][0] for row in near]
    found.append(scored("first caption of the nearest picture", first, begun=begun))
    begun = time.perf_counter()
    agreed = [_agreed([text for place in row for text in train.references[place]], lowercase) for row in near]
    name = f"consensus of the {near.shape[1]} nearest pictures"
    return [*found, scored(name, agreed, begun=begun)]


def _agreed(texts: Sequence[str], lowercase: bool) -> str:
    return texts[consensus([scripts.words(text.lower() if lowercase else text) for text in texts])]


def _scored(
    name: str, written: Sequence[str], *, part: CaptionPart, lowercase: bool, cut_by: CutBy, begun: float
) -> Baseline:
    found = scores(written, part.references, lowercase=lowercase, cut_by=cut_by)
    return Baseline(name, found, None, time.perf_counter() - begun)


def language_model(
    data: CaptionData, part: CaptionPart, settings: CaptionSettings, seconds: float | None = None, *, lowercase: bool
) -> Baseline:
    """The same decoder without a picture, trained as the captioner is: what captions tell of each other.

    seconds: that it is trained; None: for SHARE_OF_MINUTES of the run's, or as many epochs

    It reads every word, for it has nothing else to read. It writes one caption for all pictures, the likeliest.
    """
    begun = time.perf_counter()
    blind = settings.network.model_copy(update={"condition": "none", "word_dropout": 0.0})
    minutes = settings.training.minutes
    if seconds is not None:
        minutes = seconds / 60
    elif minutes is not None:
        minutes = SHARE_OF_MINUTES * minutes
    shorter = {"minutes": minutes}
    training = settings.training.model_copy(update=shorter)
    with torch.random.fork_rng():
        torch.manual_seed(training.seed)
        network = build_network(data.preprocessor, blind)
        from recurra.training.fit import fit

        outcome = fit(CaptionTrainee(network, data, training), training)
    if outcome.signal is not None:
        raise Interrupted(outcome.signal)
    network.load_state_dict(outcome.best)
    loss = nats_per_token(network.eval(), part)
    written = _likeliest(network, data)
    found = scores([written] * len(part), part.references, lowercase=lowercase, cut_by=data.preprocessor.bleu)
    size = sum(p.numel() * p.element_size() for p in network.parameters())
    named = found | {"perplexity": metrics.perplexity(loss), "loss": loss}
    return Baseline("the same decoder without a picture", named, size, time.perf_counter() - begun)


def _likeliest(network: Captioner, data: CaptionData) -> str:
    made = data.preprocessor
    some = torch.from_numpy(data.parts["train"].seen[:1]).to(network.bias.device)
    with torch.inference_mode():
        reading = network.read(some)
    ((best, *_),) = write_after(
        network, reading, [1], [made.longest + LONGER], search_of(made.vocabulary.level), banned=(0,)
    )
    return detokenize(made.vocabulary, best.tokens, [None] * len(best.tokens))

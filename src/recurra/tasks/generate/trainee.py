"""1 to N: texts of a class or of a vector of attributes."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from recurra.data.attributes import Attributes
from recurra.data.batching.batches import Batch, BucketedBatches
from recurra.data.batching.buckets import by_length
from recurra.data.tokens.vocabulary import Vocabulary
from recurra.engines.request import State
from recurra.errors import UsageError, quoted
from recurra.report.metric import ranked
from recurra.tasks.cutting import looked_at
from recurra.tasks.decoding.form import Form
from recurra.tasks.forward_pass import ForwardPass
from recurra.tasks.generate.data import GenerateData, Part
from recurra.tasks.generate.metrics import METRICS
from recurra.tasks.generate.preprocessor import GeneratePreprocessor
from recurra.tasks.model import Model, refuse_options
from recurra.tasks.text.losses import named_loss
from recurra.tasks.word_vectors.table import WordVectors
from recurra.topologies.one_to_many import Conditioned, ConditionedBatch, ConditionedDecoder
from recurra.topologies.sampling import most_probable, numbers
from recurra.topologies.sampling_bounds import check_sampling
from recurra.topologies.sequence_model import Loss
from recurra.topologies.settings import ConditionedSettings
from recurra.training.processes.spread import spread

if TYPE_CHECKING:
    from recurra.tasks.generate.writer import GenerateWriter

EVALUATION_TOKENS = 1 << 14
"""Padded tokens of a batch that is evaluated."""

LONG = 60
"""Characters from which a text has lines of its own."""
LONGEST = 10_000
"""Tokens of a text at most, unless more are asked for."""


class GenerateTrainee:
    """A conditioned generator to be trained; see training.trainee.Trainee."""

    unit = "tokens"
    chosen_by = ("loss",)

    def __init__(self, network: nn.Module, data: GenerateData, *, batch_size: int, seed: int) -> None:
        self.data, self.batch_size, self.seed = data, batch_size, seed
        self.network = network
        self.conditions = torch.from_numpy(data.conditions)
        self.validation = data.parts["validation"]
        self.evaluation_units = self.validation.tokens
        self._train = data.parts["train"]
        self._batches = BucketedBatches(self._train.encoded, self._train.labels, batch_size, seed=seed)

    def steps(self, epoch: int) -> int:
        return len(self._batches)

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Of an epoch; tunes that have other keys are learned in one of them, or their own, each time anew."""
        if not self._train.variants:
            return self._batches.epoch(epoch)
        drawn = np.random.default_rng([self.seed, epoch, 1]).random(len(self._train))
        rows = []
        for own, others, chance in zip(self._train.encoded, self._train.variants, drawn.tolist(), strict=True):
            place = int(chance * (len(others) + 1))
            rows.append(own if place == len(others) else others[place])
        return BucketedBatches(rows, self._train.labels, self.batch_size, seed=self.seed).epoch(epoch)

    def costs(self, batch: Batch) -> npt.NDArray[Any]:
        return batch.lengths

    def rows(self, batch: Batch, rows: slice) -> Batch:
        return batch.rows(rows)

    def loss(self, network: ConditionedDecoder, batch: Batch, state: State | None) -> Loss:
        return network.loss(tensors(network, batch, self.conditions, self.data.end + 1), state)

    def evaluate(self, network: ConditionedDecoder) -> dict[str, float]:
        return evaluate_part(network, self.validation, self.data.vocabulary)

    def limit_evaluation(self, units: int) -> int:
        whole = self.data.parts["validation"]
        self.validation = looked_at(whole, units, self.evaluation_units)
        return self.validation.tokens

    def rank(self, found: dict[str, float]) -> list[float]:
        return ranked(METRICS, self.chosen_by, found)


def build_network(preprocessor: GeneratePreprocessor, settings: ConditionedSettings) -> ConditionedDecoder:
    """A decoder that reads the vocabulary, the end and the begin, and writes all but the begin."""
    size = len(preprocessor.vocabulary)
    return ConditionedDecoder(size + 2, size + 1, preprocessor.attributes.sizes(), settings)


def tensors(network: ConditionedDecoder, batch: Batch, conditions: Tensor, begin: int) -> ConditionedBatch:
    """A batch where the network is, its lengths on the CPU; each text is read from the begin on."""
    device = next(network.parameters()).device
    targets = torch.from_numpy(batch.tokens)
    inputs = torch.cat([torch.full((len(targets), 1), begin), targets[:, :-1]], 1)
    indices = conditions[torch.from_numpy(batch.labels)]
    given = Conditioned(inputs.to(device), indices.to(device))
    return ConditionedBatch(given, targets.to(device), torch.from_numpy(batch.lengths))


@torch.inference_mode()
def nats(network: ConditionedDecoder, part: Part, begin: int) -> npt.NDArray[np.float64]:
    """What each text costs, its end included. Shapes: -> float64 [N], nats"""
    network.eval()
    conditions = torch.from_numpy(part.conditions)

    def of_group(rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        encoded = [part.encoded[i] for i in rows]
        (batch,) = BucketedBatches(encoded, part.labels[rows], len(rows), shuffle=False).epoch(0)
        losses, _ = network.losses(tensors(network, batch, conditions, begin))
        starts = np.cumsum(batch.lengths) - batch.lengths
        return np.asarray(np.add.reduceat(losses.double().cpu().numpy(), starts))

    found = np.zeros(len(part))
    groups = list(by_length([len(ids) for ids in part.encoded], EVALUATION_TOKENS))
    for rows, costs in zip(groups, spread(groups, of_group), strict=True):
        found[rows] = costs
    return found


def evaluate_part(network: ConditionedDecoder, part: Part, vocabulary: Vocabulary) -> dict[str, float]:
    """The loss in nats per token, ends among them, and what it means."""
    loss = float(nats(network, part, len(vocabulary) + 1).sum() / part.tokens)
    return {"loss": loss} | named_loss(loss, vocabulary.level)


@dataclass(frozen=True)
class Generated:
    """A text and what it was written for. ended: it came to its end, and was not cut after the longest length"""

    condition: str
    text: str
    ended: bool

    def document(self) -> dict[str, Any]:
        """Plain values."""
        return {"class": self.condition, "text": self.text, "ended": self.ended}


@torch.inference_mode()
def draw(
    network: ConditionedDecoder,
    indices: Tensor,
    *,
    begin: int,
    prompt: Sequence[int] = (),
    length: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int = 0,
    form: Form | None = None,
) -> list[list[int]]:
    """A sequence of tokens for each condition, up to its end token, which is the last one if it came.

    form: nothing else is drawn than what it allows
    Row i draws from random numbers of its own, of (seed, i): it does not change with the rows beside it.
    Shapes: indices int64 [N, A] -> N lists of at most `length` tokens, the prompt's among them and the end not counted
    """
    network.eval()
    end, device = begin - 1, network.head.weight.device
    numbers = [np.random.default_rng([seed, row]) for row in range(len(indices))]
    written: list[list[int]] = [list(prompt) for _ in range(len(indices))]
    alive = torch.arange(len(indices))
    inputs = torch.tensor([[begin, *prompt]]).expand(len(indices), -1)
    state: State | None = None
    for _ in range(len(prompt), length + 1):
        y, state = network.hidden(Conditioned(inputs.to(device), indices[alive].to(device)), state=state)
        logits = network.logits(y[:, -1]).float().cpu()
        logits[:, Vocabulary.UNKNOWN] = float("-inf")
        if form is not None:
            allowed = torch.from_numpy(np.stack([form.allowed(written[row]) for row in alive.tolist()]))
            logits = logits.masked_fill(~allowed, float("-inf"))
        chances = filtered_rows(logits, temperature=temperature, top_k=top_k, top_p=top_p).cumsum(-1)
        drawn = torch.tensor([numbers[row].random() for row in alive.tolist()], dtype=chances.dtype)
        tokens = torch.searchsorted(chances, (drawn * chances[:, -1]).unsqueeze(1), right=True)
        for row, token in zip(alive.tolist(), tokens.squeeze(1).tolist(), strict=True):
            written[row].append(token)
        on = (tokens.squeeze(1) != end).nonzero().squeeze(1)
        if not len(on):
            break
        alive, inputs = alive[on], tokens[on]
        state = tuple(s[:, on.to(device)] for s in state)
    return [row if row and row[-1] == end else row[: max(length, len(prompt))] for row in written]


def filtered_rows(
    logits: Tensor, *, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    """As `topologies.sampling.filtered`, for many rows. Shapes: logits [N, V] -> probabilities float64 [N, V]"""
    scores = numbers(logits).double()
    if temperature == 0:
        return functional.one_hot(scores.argmax(-1), scores.shape[1]).double()
    scores = (scores - scores.amax(-1, keepdim=True)) / temperature
    if top_k is not None and top_k < scores.shape[1]:
        scores = scores.masked_fill(~most_probable(scores, top_k), -math.inf)
    chances = scores.softmax(-1)
    if top_p is not None and top_p < 1:
        sorted_chances, order = chances.sort(descending=True, stable=True)
        before = sorted_chances.cumsum(-1) - sorted_chances
        chances = torch.zeros_like(chances).scatter(-1, order, sorted_chances.where(before < top_p, 0.0))
    return chances


class Generator(Model):
    """A trained conditioned generator. longest: tokens of the longest training text; tunes: they are ABC notation"""

    does = "it writes texts of a class; it generates"
    unit = "tokens"
    network: ConditionedDecoder

    def __init__(
        self,
        network: ConditionedDecoder,
        vocabulary: Vocabulary,
        attributes: Attributes,
        longest: int,
        *,
        tunes: bool = False,
    ) -> None:
        self.network, self.vocabulary, self.attributes = network, vocabulary, attributes
        self.longest, self.tunes = longest, tunes
        network.eval()

    def conditions(self) -> list[str]:
        return self.attributes.conditions()

    def word_vectors(self) -> WordVectors:
        return WordVectors.of(self.vocabulary, self.network.table.weight)

    def generate(
        self,
        prompt: str = "",
        length: int | None = None,
        *args: Any,
        condition: str | None = None,
        count: int = 1,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        form: str | None = None,
        **options: Any,
    ) -> list[Generated]:
        """`count` texts of a condition, each beginning with the prompt.

        condition: "Italian", "a=x,b=y" or part of it; what it leaves open is drawn as often as in training, all of it
        if None; length: in tokens, of the longest text, by default that of training, at most LONGEST; seed: None draws
        others each time; form: letters of each clause, as "5,5,5,5", which all texts are to have
        Errors: UsageError for a prompt with tokens that the model does not know, or that is not in the form, and for
        numbers that cannot be
        """
        refuse_options(self, options)
        check_sampling(temperature, top_k, top_p)
        given, length = length, self.longest_text() if length is None else length
        if length < 0 or count < 1:
            raise UsageError(f"length is a whole number from 0, count from 1; got {length} and {count}")
        if seed is None:
            seed = int(np.random.default_rng().integers(2**32))
        ids = self._prompt(prompt)
        shape = None if form is None else Form.of(form, self.vocabulary)
        if shape is not None:
            if given is not None:
                raise UsageError(f"the form {form} says how long texts are; leave out the length {given}")
            length = shape.tokens
            if not shape.allowed(ids).any():
                raise UsageError(f"the prompt {quoted(prompt)} is not the beginning of a text in the form {form}")
        indices = self._conditions(condition, count, seed)
        drawn = draw(
            self.network,
            torch.tensor(indices),
            begin=len(self.vocabulary) + 1,
            prompt=ids,
            length=max(length, len(ids)),
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            seed=seed,
            form=shape,
        )
        return [self._text(tokens, row) for tokens, row in zip(drawn, indices, strict=True)]

    def longest_text(self, form: str | None = None) -> int:
        return min(self.longest, LONGEST) if form is None else Form.of(form, self.vocabulary).tokens

    def predict(self, inputs: Any, /, *args: Any, **options: Any) -> list[Any]:
        raise self.cannot("predict")

    def checked(self, inputs: Any) -> Any:
        raise self.cannot("predict")

    def forward_pass(self, given: Any, /, **options: Any) -> ForwardPass:
        """See tasks.generate.forward_pass."""
        from recurra.tasks.generate.forward_pass import forward_pass

        return forward_pass(self, given, **options)

    def written(self, found: Sequence[Generated]) -> str | list[list[str]]:
        """Tunes with X: and T:, so that they play; long texts with an empty line between them; short ones as rows."""
        if self.tunes:
            return "\n".join(f"X:{i}\nT:{each.condition} {i}\n{each.text}\n" for i, each in enumerate(found, start=1))
        if any("\n" in each.text or len(each.text) > LONG for each in found):
            return "\n".join(f"{each.text}\n" for each in found)
        several = len({each.condition for each in found}) > 1
        return [[each.text, each.condition] if several else [each.text] for each in found]

    def commands(self, folder: str) -> list[str]:
        often = shlex.quote(self.attributes.describe(self.attributes.seen[0][0]))
        return [f"generate {folder} --class {often} -n 5", f"generate {folder} --interactive", f"evaluate {folder}"]

    def writer(self, prompt: str, *, condition: str | None = None, **options: Any) -> GenerateWriter:
        """See tasks.abilities.Choosing. condition: as in generating, the most frequent of those that agree

        Errors: UsageError
        """
        from recurra.tasks.generate.writer import GenerateWriter

        refuse_options(self, options)
        indices, _ = max(self.attributes.matching(condition), key=lambda each: each[1])
        return GenerateWriter(self, indices, self._prompt(prompt), prompt)

    def _conditions(self, condition: str | None, count: int, seed: int) -> list[tuple[int, ...]]:
        choice = self.attributes.matching(condition)
        shares = np.array([n for _, n in choice], dtype=np.float64)
        drawn = np.random.default_rng([seed, 0, 1]).choice(len(choice), size=count, p=shares / shares.sum())
        return [choice[i][0] for i in drawn.tolist()]

    def _prompt(self, prompt: str) -> list[int]:
        unknown = self.vocabulary.unknown(prompt)
        if unknown:
            shown = ", ".join(map(repr, unknown[:8])) + (", ..." if len(unknown) > 8 else "")
            raise UsageError(f"the prompt has characters that the model has never seen: {shown}\nleave it out")
        return [int(i) for i in self.vocabulary.encode(prompt)]

    def _text(self, tokens: list[int], indices: Sequence[int]) -> Generated:
        ended = bool(tokens) and tokens[-1] == len(self.vocabulary)
        text = self.vocabulary.decode(tokens[:-1] if ended else tokens)
        return Generated(self.attributes.describe(indices), text, ended)

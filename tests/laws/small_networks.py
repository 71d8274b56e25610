"""A small network of every task, random inputs of it, and what its loss is by the plain formula."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from recurra.layers.sparse_linear import ngrams
from recurra.topologies.captioner import CaptionBatch, Captioner, PictureAndTokens
from recurra.topologies.encoder_decoder import EncoderDecoder, EncoderDecoderBatch, SourceAndTarget
from recurra.topologies.fill import UNKNOWN, BlankBatch, BlankFiller
from recurra.topologies.forecaster import Windows
from recurra.topologies.frame_generator import ConditionedFrames
from recurra.topologies.frames import FrameNetwork, FramesBatch
from recurra.topologies.grid_encoders import GivenVectors, SmallConvolutions
from recurra.topologies.many_to_many import NextToken, TokenBatch
from recurra.topologies.many_to_one import ClassifierBatch, SequenceClassifier, TextClassifier
from recurra.topologies.neighbourhood import neighbourhood
from recurra.topologies.one_to_many import Conditioned, ConditionedBatch, ConditionedDecoder
from recurra.topologies.picture_encoder import PictureEncoder
from recurra.topologies.sequence_model import SequenceModel
from recurra.topologies.settings import (
    BlankFillerSettings,
    CaptionerSettings,
    ClassifierSettings,
    ConditionedSettings,
    EncoderDecoderSettings,
    FrameSettings,
    NextTokenSettings,
    TaggerSettings,
)
from recurra.topologies.tagger import UNKNOWN_TAG, Forms, Tagger, TaggerBatch, TagScorer
from tests.laws import small_forecasters as of
from tests.laws import small_spelt as spelt
from tests.laws.small_ensembles import classifiers, taggers

TOKENS, OUTPUTS = 70, 5
SIZES = {"hidden_size": 6, "embedding_size": 6, "num_layers": 2, "cell": "lstm", "dropout": 0.3}
OF_FRAMES = {name: value for name, value in SIZES.items() if name != "embedding_size"}
TAGGER = {"char_size": 3, "char_embedding_size": 4, "pair_size": 0}


@dataclass(frozen=True)
class Small:
    """A network of a task.

    draw: inputs [B, T]; shape: of the outputs of [B, T]; batch: what `loss` takes, of the inputs and lengths; plain:
    the loss and how many units it is the mean of, of the network's outputs; ragged: whether rows may have lengths
    """

    task: str
    name: str
    make: Callable[[], SequenceModel[Any, Any]]
    draw: Callable[[int, int], Any]
    shape: Callable[[int, int], tuple[int, ...]]
    batch: Callable[[Any, Tensor], Any]
    plain: Callable[[Any, Tensor, Any], tuple[Tensor, int]]
    ragged: bool = True

    def network(self) -> SequenceModel[Any, Any]:
        torch.manual_seed(0)
        made = self.make()
        for parameter in made.parameters():
            if not parameter.any():
                torch.nn.init.normal_(parameter, std=0.3)
        return made.eval()


def rows(inputs: Any, index: list[int]) -> Any:
    """Some rows of inputs."""
    if isinstance(inputs, Tensor):
        return inputs[index]
    if isinstance(inputs, Forms):
        return inputs._replace(tokens=inputs.tokens[index])
    if isinstance(inputs, Windows):
        return Windows(**{name: value[index] for name, value in vars(inputs).items()})
    return type(inputs)(*(part[index] for part in inputs))


def steps(inputs: Any, start: int, stop: int | None = None) -> Any:
    """Some steps of inputs; of a sequence that is gone on with, no source."""
    part = slice(start, stop)
    if isinstance(inputs, Tensor):
        return inputs[:, part]
    if isinstance(inputs, SourceAndTarget):
        return SourceAndTarget(inputs.target[:, part]) if start else inputs._replace(target=inputs.target[:, part])
    if isinstance(inputs, PictureAndTokens) and start:
        return PictureAndTokens(inputs.tokens[:, part])
    if isinstance(inputs, ConditionedFrames):
        return inputs._replace(frames=inputs.frames[:, part])
    return inputs._replace(tokens=inputs.tokens[:, part])


def with_junk(inputs: Any, past: Tensor, more: int) -> Any:
    """Other tokens past each row's end, and so many more steps of them."""

    def dirty(tokens: Tensor, past: Tensor, more: int = 0) -> Tensor:
        return functional.pad(tokens.masked_fill(past, 2), (0, more), value=2)

    if isinstance(inputs, Tensor) and inputs.dim() == 3:
        return functional.pad(inputs.masked_fill(past.unsqueeze(2), 9.5), (0, 0, 0, more), value=9.5)
    if isinstance(inputs, ConditionedFrames):
        return inputs._replace(frames=with_junk(inputs.frames, past, more))
    if isinstance(inputs, Tensor):
        return dirty(inputs, past, more)
    if isinstance(inputs, SourceAndTarget):
        assert inputs.source is not None
        assert inputs.source_lengths is not None
        ends = torch.arange(inputs.source.shape[1]) >= inputs.source_lengths[:, None]
        return inputs._replace(target=dirty(inputs.target, past, more), source=dirty(inputs.source, ends))
    return inputs._replace(tokens=dirty(inputs.tokens, past, more))


def inside(lengths: Tensor, time: int) -> Tensor:
    """Where steps are of a row. Shapes: lengths int64 [B] -> bool [B, T]"""
    return torch.arange(time) < lengths[:, None]


def _tokens(batch: int, time: int) -> Tensor:
    return torch.randint(1, TOKENS, (batch, time))


def _forms(batch: int, time: int) -> Forms:
    letters = torch.randint(1, 9, (7, 4))
    return Forms(torch.randint(7, (batch, time)), torch.arange(7), letters, torch.tensor([4, 1, 2, 3, 4, 2, 1]), None)


def _conditioned(batch: int, time: int) -> Conditioned:
    return Conditioned(torch.randint(OUTPUTS, (batch, time)), torch.arange(2 * batch).view(batch, 2) % 3)


def _mean(logits: Tensor, targets: Tensor, counted: Tensor) -> tuple[Tensor, int]:
    """The mean negative log-probability of the targets that count."""
    each = -logits.log_softmax(-1).gather(-1, targets.clamp(min=0).unsqueeze(-1)).squeeze(-1)
    return each[counted].mean(), int(counted.sum())


def _tagged(forms: Forms, lengths: Tensor) -> TaggerBatch:
    tags = torch.randint(3, forms.tokens.shape).masked_fill(~inside(lengths, forms.tokens.shape[1]), UNKNOWN_TAG)
    tags[0, 0] = UNKNOWN_TAG
    return TaggerBatch(forms, lengths, tags)


def _tag_loss(network: Tagger, logits: Tensor, batch: TaggerBatch) -> tuple[Tensor, int]:
    if not network.transitions.learned:
        return _mean(logits, batch.tags, batch.tags != UNKNOWN_TAG)
    known = torch.arange(1, len(logits))  # the first sentence has a tag that is not known
    chances = network.transitions.log_probability(logits[known], batch.tags[known].clamp(min=0), batch.lengths[known])
    count = int(batch.lengths[known].sum())
    return -chances.sum() / count, count


def _written(inputs: SourceAndTarget, lengths: Tensor) -> EncoderDecoderBatch:
    """The decoder reads the begin and the targets but the last, so the inputs are taken from those."""
    inputs.target[:, 0] = OUTPUTS
    last = torch.randint(OUTPUTS, (len(lengths), 1))
    assert inputs.source is not None
    assert inputs.source_lengths is not None
    return EncoderDecoderBatch(
        inputs.source, inputs.source_lengths, torch.cat([inputs.target[:, 1:], last], 1), lengths
    )


def _classifier(name: str, features: int = 0, **given: Any) -> Small:
    return Small(
        "classify",
        name,
        lambda: _with_skip(SequenceClassifier(TOKENS, OUTPUTS, ClassifierSettings(**SIZES | given), features=features)),
        _tokens,
        lambda b, t: (b, OUTPUTS),
        lambda tokens, lengths: ClassifierBatch(tokens, lengths, torch.arange(len(lengths)) % OUTPUTS),
        lambda network, logits, batch: _mean(logits, batch.classes, torch.ones(len(logits), dtype=torch.bool)),
    )


def _with_skip(network: TextClassifier) -> TextClassifier:
    """With a skip, if it has one, that knows some tokens."""
    if network.skip is not None:
        keys = ngrams(torch.arange(len(network.skip.keys)).unsqueeze(1), None, (1,)).keys.sort().values
        network.skip.take(keys, torch.ones(len(keys)), torch.randn(len(keys), OUTPUTS), torch.zeros(OUTPUTS))
        for tensor, value in ((network.skip.share, 0.5), (network.skip_after, 3.0), (network.skip_alone, 1.7)):
            tensor.fill_(value)
    return network


def _tagger(name: str, features: int = 0, **given: Any) -> Small:
    return Small(
        "tag",
        name,
        lambda: _knowing(Tagger(7, 9, 0, 3, TaggerSettings(**SIZES | TAGGER | given), features=features)),
        _forms,
        lambda b, t: (b, t, 3),
        _tagged,
        _tag_loss,
    )


def _knowing(network: TagScorer) -> TagScorer:
    """With a skip, if it has one, that knows what stands around some tokens."""
    if network.skip is not None:
        forms = _forms(4, 9)
        found = neighbourhood(forms.tokens, forms.words, None, forms.letters, forms.letter_lengths)
        keys = found.keys.unique()[: len(network.skip.keys)]
        assert len(keys) == len(network.skip.keys)
        network.skip.take(keys, torch.ones(len(keys)), torch.randn(len(keys), 3), torch.zeros(3))
        network.skip.share.fill_(0.5)
    return network


def _language(name: str, **given: Any) -> Small:
    return Small(
        "language",
        name,
        lambda: NextToken(TOKENS, NextTokenSettings(**SIZES | given)),
        _tokens,
        lambda b, t: (b, t, TOKENS),
        lambda tokens, lengths: TokenBatch(tokens, _tokens(*tokens.shape), lengths),
        lambda network, logits, batch: _mean(logits, batch.targets, inside(batch.lengths, batch.tokens.shape[1])),
    )


def _filler(name: str, **given: Any) -> Small:
    def batch(tokens: Tensor, lengths: Tensor) -> BlankBatch:
        tokens[0, 0] = UNKNOWN
        return BlankBatch(tokens, lengths)

    def plain(network: Any, logits: Tensor, batch: BlankBatch) -> tuple[Tensor, int]:
        counted = inside(batch.lengths, batch.tokens.shape[1]) & (batch.tokens != UNKNOWN)
        return _mean(logits, batch.tokens, counted)

    return Small(
        "fill",
        name,
        lambda: BlankFiller(TOKENS, BlankFillerSettings(**SIZES | given)),
        _tokens,
        lambda b, t: (b, t, TOKENS),
        batch,
        plain,
    )


def _translator(name: str, own: int = TOKENS, **given: Any) -> Small:
    glossed, kinds = own < TOKENS, own + OUTPUTS if own < TOKENS else own  # those beyond its own may be copied
    return Small(
        "translate",
        name,
        lambda: EncoderDecoder(own, OUTPUTS, EncoderDecoderSettings(**SIZES | given), glossed=glossed),
        lambda b, t: SourceAndTarget(_tokens_below(b, t), _tokens(b, 4) % kinds, torch.arange(b) % 4 + 1),
        lambda b, t: (b, t, OUTPUTS),
        _written,
        lambda network, logits, batch: _mean(logits, batch.target, inside(batch.target_lengths, logits.shape[1])),
    )


def _captioner(name: str, encoder: str, **given: Any) -> Small:
    def make() -> Captioner:
        seen = SmallConvolutions() if encoder == "small" else GivenVectors(7)
        positions = 16 if encoder == "small" else 4
        return Captioner(seen, positions, OUTPUTS, CaptionerSettings(picture_size=5, **SIZES | given))

    def draw(batch: int, time: int) -> PictureAndTokens:
        bytes_ = torch.randint(256, (batch, 3, 32, 32), dtype=torch.uint8)
        return PictureAndTokens(_tokens_below(batch, time), bytes_ if encoder == "small" else torch.randn(batch, 4, 7))

    def written(inputs: PictureAndTokens, lengths: Tensor) -> CaptionBatch:
        inputs.tokens[:, 0] = OUTPUTS
        assert inputs.pictures is not None
        last = torch.randint(OUTPUTS, (len(lengths), 1))
        return CaptionBatch(inputs.pictures, torch.cat([inputs.tokens[:, 1:], last], 1), lengths)

    return Small(
        "caption",
        name,
        make,
        draw,
        lambda b, t: (b, t, OUTPUTS),
        written,
        lambda network, logits, batch: _mean(logits, batch.target, inside(batch.lengths, logits.shape[1])),
    )


def _tokens_below(batch: int, time: int) -> Tensor:
    return torch.randint(OUTPUTS, (batch, time))


def _generator(name: str, **given: Any) -> Small:
    return Small(
        "generate",
        name,
        lambda: ConditionedDecoder(OUTPUTS + 1, OUTPUTS, [3, 3], ConditionedSettings(**SIZES | given)),
        _conditioned,
        lambda b, t: (b, t, OUTPUTS),
        lambda inputs, lengths: ConditionedBatch(inputs, torch.randint(OUTPUTS, inputs.tokens.shape), lengths),
        lambda network, logits, batch: _mean(logits, batch.targets, inside(batch.lengths, logits.shape[1])),
    )


def _frames(name: str, *, per_frame: bool, **given: Any) -> Small:
    sizes = {size: value for size, value in SIZES.items() if size != "embedding_size"}

    def batch(x: Tensor, lengths: Tensor) -> FramesBatch:
        return FramesBatch(x, lengths, torch.arange(int(lengths.sum()) if per_frame else len(lengths)) % OUTPUTS)

    def plain(network: Any, logits: Tensor, batch: FramesBatch) -> tuple[Tensor, int]:
        flat = torch.cat([row[:length] for row, length in zip(logits, batch.lengths, strict=True)])
        return _mean(flat if per_frame else logits, batch.classes, torch.ones_like(batch.classes, dtype=torch.bool))

    return Small(
        "frames",
        name,
        lambda: FrameNetwork(3, OUTPUTS, FrameSettings(**sizes | given), per_frame=per_frame),
        lambda b, t: torch.randn(b, t, 3),
        lambda b, t: (b, t, OUTPUTS) if per_frame else (b, OUTPUTS),
        batch,
        plain,
    )


def _clips() -> Small:
    """Of pictures of three pixels."""
    encoder = lambda: PictureEncoder((1, 1, 3), 5, width=4)  # noqa: E731
    small = _frames("clips", per_frame=True)
    return replace(
        small,
        make=lambda: FrameNetwork(3, OUTPUTS, FrameSettings(**OF_FRAMES), per_frame=True, encoder=encoder()),  # type: ignore[arg-type]
    )


NETWORKS = [
    _classifier("last"),
    _classifier("mean", pooling="mean"),
    _classifier("both ways", pooling="all", bidirectional=True),
    _classifier("with a linear skip", pooling="all", bidirectional=True, features=40),
    replace(_classifier("characters too"), make=lambda: spelt.classifier(TOKENS, OUTPUTS, **SIZES), draw=spelt.texts),
    replace(_classifier("an ensemble"), make=lambda: _with_skip(classifiers(TOKENS, OUTPUTS, 40, **SIZES))),
    _tagger("one way"),
    _tagger("both ways", bidirectional=True),
    _tagger("rows of tags", bidirectional=True, crf=True),
    _tagger("with a linear skip", bidirectional=True, crf=True, features=60),
    replace(_tagger("an ensemble"), make=lambda: _knowing(taggers(7, 9, 3, 60, **SIZES | TAGGER, crf=True))),
    _language("softmax", output="softmax", learned_state=True),
    _language("adaptive", output="adaptive", tie_weights=True, variational=True),
    _language("sampled", output="sampled", tie_weights=True),
    _filler("both sides"),
    _translator("attention", bidirectional=True),
    _translator("input feeding", input_feeding=True, attention="dot"),
    _translator("state alone", attention="none", tie_weights=True),
    *(_translator(f"copying, fed {fed}", 2 * OUTPUTS, input_feeding=fed) for fed in (False, True)),
    _captioner("attention", "small", condition="attention"),
    _captioner("given vectors", "given", condition="attention", input_feeding=True),
    _captioner("state", "given", condition="state", tie_weights=True),
    _captioner("each step", "given", condition="steps"),
    _captioner("first input", "small", condition="input"),
    _generator("state", condition="state"),
    _generator("input", condition="input"),
    _frames("a label a frame", per_frame=True),
    _frames("a label a sequence", per_frame=False, pooling="max"),
    _frames("both ways", per_frame=True, bidirectional=True),
    _frames("a label later", per_frame=True, delay=3),
    _clips(),
    *(
        Small(
            "forecast",
            name,
            make,
            of.windows,
            lambda b, t: (b, of.HORIZON, 2, len(of.LEVELS)),
            of.followed,
            of.pinball,
            ragged=False,
        )
        for name, make in (("window", of.forecaster), ("level", of.bending))
    ),
]
"""A task's first network is of the class that `Task.network` says it makes."""

"""A network as steps: what goes in at each, the layers, and what is said after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from recurra.data.tokens.vocabulary import Vocabulary
from recurra.errors import UsageError
from recurra.export.layer_steps import Floats, floats
from recurra.layers.stack import Stack
from recurra.tasks.outgoing import Scaling, ScalingFrames
from recurra.topologies.frame_generator import FrameGenerator
from recurra.topologies.frames import FrameNetwork
from recurra.topologies.many_to_many import NextToken
from recurra.topologies.many_to_one import SequenceClassifier
from recurra.topologies.one_to_many import ConditionedDecoder
from recurra.topologies.outputs import AdaptiveSoftmax


@dataclass(frozen=True)
class Dense:
    """W x + b, then its positive part if so. Shapes: weight [R, C], bias [R] or None"""

    weight: Floats
    bias: Floats | None = None
    relu: bool = False


@dataclass(frozen=True)
class Condition:
    """What a text or a sequence is to be: a value of each attribute, their vectors added.

    bridge: makes the initial states of it, [states, layers, H] in a row, through tanh; beside: whether it stands behind
    each step's input; beside_output: behind each step's output
    """

    names: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    vectors: tuple[Floats, ...]
    bridge: Dense | None
    beside: bool
    beside_output: bool


@dataclass(frozen=True)
class Groups:
    """An adaptive softmax: outputs from edges[i] to edges[i + 1] are those of group i, the first of them direct."""

    edges: tuple[int, ...]
    dense: Dense


@dataclass(frozen=True)
class Streamed:
    """A network one step at a time.

    table: of token vectors [V, E], None where frames are read; gain: what these are multiplied with; pooling: what of
    the outputs so far the head reads, None for that of each step; delay: steps until a step's output is said;
    from_last: a map of the input that is added to the means of a mixture of so many Gaussians
    """

    stack: Stack
    table: Floats | None = None
    gain: float = 1.0
    scaling: Scaling | None = None
    readers: tuple[Dense, ...] = ()
    condition: Condition | None = None
    head: Dense | None = None
    groups: Groups | None = None
    pooling: str | None = None
    delay: int = 0
    from_last: Dense | None = None
    mixtures: int = 0
    vocabulary: Vocabulary | None = None
    labels: tuple[str, ...] = ()
    says: str = ""
    """What the outputs are, for people."""
    notes: tuple[str, ...] = field(default=())
    """What whoever calls it has to know, for people."""

    @property
    def inputs(self) -> int:
        """Numbers of a frame as it is given."""
        if self.scaling is not None:
            return len(self.scaling.mean)
        if self.readers:
            return int(self.readers[0].weight.shape[1])
        return self.stack.input_size

    @property
    def outputs(self) -> int:
        """Numbers that are said after a step."""
        if self.groups is not None:
            return self.groups.edges[-1]
        return self.stack.output_size if self.head is None else len(self.head.weight)


def streamed(network: nn.Module, preprocessor: Any = None) -> Streamed:
    """Errors: UsageError for a network that cannot go step by step, with the reason and what can hold it"""
    for kind, describe in _KINDS.items():
        if isinstance(network, kind):
            return describe(network, preprocessor)
    raise UsageError(
        f"C streams one sequence through one network, step by step, as no {type(network).__name__} does; its nearest "
        "target is --to onnx"
    )


def _dense(layer: nn.Linear, *, relu: bool = False) -> Dense:
    return Dense(floats(layer.weight), None if layer.bias is None else floats(layer.bias), relu)


def _one_way(stack: Stack) -> Stack:
    if stack.bidirectional:
        raise UsageError(
            "this network reads in both directions, and the backward one begins at the end of the sequence: it cannot "
            "stream\nits nearest target is --to onnx, which takes whole sequences; or train it with --no-bidirectional"
        )
    return stack


def _stack(stack: Stack, _: Any) -> Streamed:
    return Streamed(_one_way(stack), says="the outputs of the last layer")


def _classifier(network: SequenceClassifier, preprocessor: Any) -> Streamed:
    if network.reader is not None:
        raise UsageError(
            "this classifier reads characters beside words (level both): it cannot stream\nits nearest target is --to "
            "onnx; or train it with --level word"
        )
    if network.skip is not None and float(network.skip.share):
        raise UsageError(
            "this classifier has a linear skip, which weighs all n-grams of the whole text: it cannot stream\nits "
            "nearest target is --to onnx; or train it with --skip none"
        )
    return Streamed(
        _one_way(network.stack),
        table=floats(network.table.weight),
        gain=network.table.gain,
        head=_dense(network.head),
        pooling=network.pooling,
        vocabulary=None if preprocessor is None else preprocessor.vocabulary,
        labels=() if preprocessor is None else tuple(preprocessor.classes),
        says="logits of the classes, of all tokens so far",
    )


def _next_token(network: NextToken, preprocessor: Any) -> Streamed:
    vocabulary = getattr(preprocessor, "vocabulary", preprocessor)
    head = network.head
    if isinstance(head, AdaptiveSoftmax):
        groups = Groups(tuple(head.edges), Dense(floats(head.group_weight), floats(head.group_bias)))
        dense, says = Dense(floats(head.weight), floats(head.bias)), "log-probabilities of the next token"
    else:
        groups, dense, says = None, _dense(head), "unnormalised log-probabilities of the next token"
    return Streamed(
        _one_way(network.stack),
        table=floats(network.table.weight),
        gain=network.table.gain,
        head=dense,
        groups=groups,
        vocabulary=vocabulary if isinstance(vocabulary, Vocabulary) else None,
        says=says,
    )


def _frames(network: FrameNetwork, preprocessor: Any) -> Streamed:
    if network.encoder is not None:
        raise UsageError("this network looks at pictures with convolutions; its nearest target is --to onnx")
    found: dict[str, Any] = {}
    if isinstance(preprocessor, ScalingFrames):
        notes = tuple(preprocessor.frame_notes())
        found = {"scaling": preprocessor.scaling(), "labels": tuple(preprocessor.classes), "notes": notes}
    return Streamed(
        _one_way(network.stack),
        head=_dense(network.head),
        pooling=None if network.per_frame else network.pooling,
        delay=network.delay,
        says="logits of the classes, of " + ("each frame" if network.per_frame else "all frames so far"),
        **found,
    )


def _condition(
    values: nn.ModuleList, bridge: nn.Linear | None, preprocessor: Any, *, beside: bool, beside_output: bool
) -> Condition:
    vectors = tuple(floats(each.get_parameter("weight")) for each in values)
    attributes = getattr(preprocessor, "attributes", None)
    names = tuple(f"attribute {i}" for i in range(len(vectors))) if attributes is None else tuple(attributes.names)
    called = tuple(() for _ in vectors) if attributes is None else tuple(tuple(each) for each in attributes.values)
    return Condition(names, called, vectors, None if bridge is None else _dense(bridge), beside, beside_output)


def _generator(network: ConditionedDecoder, preprocessor: Any) -> Streamed:
    return Streamed(
        _one_way(network.stack),
        table=floats(network.table.weight),
        gain=network.table.gain,
        condition=_condition(network.values, network.bridge, preprocessor, beside=network.beside, beside_output=False),
        head=_dense(network.head),
        vocabulary=None if preprocessor is None else preprocessor.vocabulary,
        says="unnormalised log-probabilities of the next token; the last one ends the text",
    )


def _frame_generator(network: FrameGenerator, preprocessor: Any) -> Streamed:
    step = network.step
    notes = ["frames are scaled, as preprocessing.json of the model says; the first one is zeros"]
    return Streamed(
        _one_way(network.stack),
        readers=tuple(_dense(layer, relu=True) for layer in network.reader if isinstance(layer, nn.Linear)),
        condition=_condition(network.values, network.bridge, preprocessor, beside=True, beside_output=True),
        head=_dense(network.head),
        from_last=None if step is None else _dense(step),
        mixtures=network.mixtures,
        says="a logit of the end, then of each Gaussian its logit, then the means, then the logarithms of deviations",
        notes=tuple(notes),
    )


_KINDS: dict[type[nn.Module], Callable[[Any, Any], Streamed]] = {
    Stack: _stack,
    SequenceClassifier: _classifier,
    NextToken: _next_token,
    FrameNetwork: _frames,
    ConditionedDecoder: _generator,
    FrameGenerator: _frame_generator,
}

"""What `recurra explain RUN` counts is what the network has."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from torch import nn

from recurra.inspection.network import structure
from recurra.topologies.encoder_decoder import EncoderDecoder
from recurra.topologies.fill import BlankFiller
from recurra.topologies.many_to_many import NextToken
from recurra.topologies.many_to_one import SequenceClassifier
from recurra.topologies.one_to_many import ConditionedDecoder
from recurra.topologies.settings import (
    BlankFillerSettings,
    ClassifierSettings,
    ConditionedSettings,
    EncoderDecoderSettings,
    NextTokenSettings,
    TaggerSettings,
)
from recurra.topologies.tagger import Tagger

SMALL = {"hidden_size": 6, "embedding_size": 5, "num_layers": 2}
NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "classify": lambda: SequenceClassifier(9, 3, ClassifierSettings(cell="gru", bidirectional=True, **SMALL)),
    "language": lambda: NextToken(9, NextTokenSettings(**SMALL)),
    "language, tied": lambda: NextToken(9, NextTokenSettings(tie_weights=True, **SMALL | {"embedding_size": 6})),
    "tag": lambda: Tagger(9, 8, 0, 3, TaggerSettings(char_size=4, char_embedding_size=3, bidirectional=True, **SMALL)),
    "fill": lambda: BlankFiller(9, BlankFillerSettings(**SMALL), longest=2),
    "translate": lambda: EncoderDecoder(9, 8, EncoderDecoderSettings(bidirectional=True, **SMALL)),
    "generate": lambda: ConditionedDecoder(9, 8, [2, 3], ConditionedSettings(**SMALL)),
}
READ = {
    "classify": [(5, 12)],
    "language": [(5, 6)],
    "language, tied": [(6, 6)],
    "tag": [(3,), (13, 12)],
    "fill": [(5, 6), (5, 6)],
    "translate": [(5, 12), (5,), (18,)],
    "generate": [(10, 6)],
}
"""What each layer of each stack reads: a tagger's reads forms, a word's vector with what its characters say; a
generator's a token's vector with its class's."""


@pytest.mark.parametrize("name", list(NETWORKS))
def test_all_parameters_are_counted_once(name: str) -> None:
    network = NETWORKS[name]()
    found = structure(network)
    assert found.parameters == sum(p.numel() for p in network.parameters())
    assert sum(layers.parameters for layers in found.layers) + sum(found.others.values()) == found.parameters


@pytest.mark.parametrize("name", list(NETWORKS))
def test_layers_are_what_they_read(name: str) -> None:
    found = structure(NETWORKS[name]())
    assert [layers.widths for layers in found.layers] == READ[name]
    rows = found.rows()
    assert rows[-1][2] == f"{found.parameters:,}"
    assert len(rows) == len(found.layers) + len(found.others) + 2


def test_flops_are_those_of_all_layers_and_directions() -> None:
    one, both = (
        structure(
            SequenceClassifier(9, 3, ClassifierSettings(cell="gru", bidirectional=two, **SMALL | {"num_layers": 1}))
        )
        for two in (False, True)
    )
    assert both.layers[0].flops_per_step == 2 * one.layers[0].flops_per_step > 0

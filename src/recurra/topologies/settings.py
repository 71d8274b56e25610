"""What can be set about a network: what all have, and what each topology adds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

WIDEST, DEEPEST = 1 << 17, 1 << 10
"""Of sizes and layers, what a machine of today could hold; beyond it a number is a mistake."""

Marks = Mapping[str, tuple[str, ...]]
Pooling = Literal["last", "mean", "max", "all"]
Skip = Literal["auto", "none", "linear"]
LexicalSkip = Literal["auto", "none", "lexical"]
Merge = Literal["concat", "sum"]


class NetworkSettings(BaseModel):
    """Shape and regularisation of every network. Units: sizes in units, dropouts in shares from 0 to 1."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)
    MARKS: ClassVar[Marks] = {
        "free": ("dropout", "recurrent_dropout", "weight_dropout", "zoneout", "zoneout_cell", "engine")
    }
    """Settings that change no weight."""

    cell: str = Field("lstm", description="recurrent cell, see `recurra explain`")
    hidden_size: int = Field(128, ge=1, le=WIDEST, description="units of a layer per direction")
    num_layers: int = Field(1, ge=1, le=DEEPEST, description="number of recurrent layers")
    dropout: float = Field(0.0, ge=0, lt=1, description="dropout between layers and before the output")
    recurrent_dropout: float = Field(0.0, ge=0, lt=1, description="dropout inside the step, one mask per sequence")
    weight_dropout: float = Field(
        0.0, ge=0, lt=1, description="share of the recurrent weights left out, one mask per sequence"
    )
    zoneout: float = Field(0.0, ge=0, lt=1, description="share of units that keep their output for a step")
    zoneout_cell: float = Field(0.0, ge=0, lt=1, description="share of units that keep their other states for a step")
    rank: int = Field(0, ge=0, le=WIDEST, description="rank of the recurrent matrices; 0: full rank")
    heads: int = Field(1, ge=1, le=WIDEST, description="groups of units that see their own group's past alone")
    init: Literal["orthogonal", "torch"] = Field("orthogonal", description="how weights are initialised")
    engine: str = Field("auto", description="auto, native, vendor or reference")


class EmbeddedSettings(NetworkSettings):
    """Networks that read tokens."""

    MARKS: ClassVar[Marks] = {"free": ("embedding_dropout",)}

    embedding_size: int = Field(64, ge=1, le=WIDEST, description="width of a token's vector")
    embedding_dropout: float = Field(0.0, ge=0, lt=1, description="share of token types left out of a batch")
    freeze_vectors: bool = Field(False, description="leave word vectors as they are (with vectors, train_vectors)")


class FreeStateSettings(NetworkSettings):
    """Networks whose initial state nothing else decides."""

    learned_state: bool = Field(False, description="learn the initial state")


class TwoWaySettings(FreeStateSettings):
    """Networks that can read in both directions."""

    bidirectional: bool = Field(False, description="read in both directions")
    merge: Merge = Field("concat", description="how the two directions are merged")


SKIPS = (
    "add a linear model of n-grams (tag: of neighbours and affixes; auto asks validation); translate: read a "
    "word-for-word dictionary's answer beside the source (lexical; auto: where pairs are few)"
)


class SkipSettings(NetworkSettings):
    """Networks that a linear model may stand beside."""

    skip: Skip = Field("auto", description=SKIPS)


class ClassifierSettings(SkipSettings, TwoWaySettings, EmbeddedSettings):
    """N to 1."""

    pooling: Pooling = Field("last", description="pooling over the sequence: last state, mean, max, or all three")


class FrameSettings(TwoWaySettings):
    """N to 1 or N to N, of frames. encoder_*: of those that are pictures"""

    pooling: Pooling = Field(
        "last", description="what of a sequence is classified: last state, mean, max, or all three"
    )
    encoder_size: int = Field(64, ge=1, le=WIDEST, description="width of the vector of a picture")
    encoder_width: int = Field(16, ge=1, le=WIDEST, description="channels of its first convolution; later ones double")
    delay: int = Field(
        0, ge=0, le=WIDEST, description="frames that are heard before a frame is labelled, where each frame has a label"
    )


class TaggerSettings(SkipSettings, TwoWaySettings, EmbeddedSettings):
    """N to N, a tag for each token. Sizes that are None depend on the data."""

    char_size: int | None = Field(
        None,
        ge=0,
        le=WIDEST,
        description="units of the character encoder per direction; 50 for words if not given",
    )
    char_embedding_size: int = Field(32, ge=1, le=WIDEST, description="width of a character's vector in that encoder")
    pair_size: int | None = Field(
        None, ge=0, le=WIDEST, description="width of the vectors of neighbours; 50 for single characters if not given"
    )
    crf: bool = Field(False, description="score whole tag sequences (CRF), not each tag alone")


class BlankFillerSettings(FreeStateSettings, EmbeddedSettings):
    """Both directions, what stands in a gap."""


class NextTokenSettings(FreeStateSettings, EmbeddedSettings):
    """N to N, the next token."""

    MARKS: ClassVar[Marks] = {"free": ("input_dropout", "variational")}

    input_dropout: float = Field(0.0, ge=0, lt=1, description="dropout of token vectors, one mask per batch")
    variational: bool = Field(False, description="one dropout mask for all steps of a row")
    tie_weights: bool = Field(False, description="output layer uses the embedding table")
    output: Literal["auto", "softmax", "sampled", "adaptive"] = Field(
        "auto",
        description="one softmax; of which training takes a sample; or adaptive: rare tokens by groups, the fastest",
    )


class DecoderSettings(EmbeddedSettings):
    """What writes after something was read."""

    tie_weights: bool = Field(False, description="output layer uses the embedding table")
    input_feeding: bool = Field(False, description="feed the attention into the next step; slow")


class EncoderDecoderSettings(TwoWaySettings, DecoderSettings):
    """N to M. The encoder reads in both directions, the decoder writes in one."""

    attention: Literal["none", "dot", "general", "additive"] = Field(
        "general", description="how the decoder looks at the source"
    )
    bridge: Literal["dense", "copy", "none"] = Field(
        "dense", description="how the encoder's last state starts the decoder"
    )
    skip: LexicalSkip = Field("auto", description=SKIPS)


class CaptionerSettings(FreeStateSettings, DecoderSettings):
    """1 to N, after a picture."""

    MARKS: ClassVar[Marks] = {"free": ("picture_dropout", "word_dropout")}

    condition: Literal["input", "state", "steps", "attention", "none"] | None = Field(
        None,
        description="where the picture enters: first input; initial state; steps: that, and each step's input and "
        "output; attention: all this, and a look at its grid; none: nowhere",
    )
    attention: Literal["dot", "general", "additive"] = Field(
        "general", description="how the decoder looks at the source"
    )
    picture_size: int = Field(64, ge=1, le=WIDEST, description="width that a picture's vectors are reduced to")
    picture_dropout: float = Field(0.0, ge=0, lt=1, description="dropout of a picture's vectors")
    word_dropout: float = Field(
        0.0, ge=0, lt=1, description="share of the words that the decoder does not get to read in training"
    )


class ConditionedSettings(EmbeddedSettings):
    """1 to N."""

    condition: Literal["state", "input", "both"] = Field(
        "both", description="where the class enters: the initial states, every input, or both"
    )


class FrameGeneratorSettings(NetworkSettings):
    """1 to N, of frames."""

    MARKS: ClassVar[Marks] = {"free": ("reader_dropout",)}

    condition_size: int = Field(32, ge=1, le=WIDEST, description="width of a class's vector")
    reader_size: int = Field(64, ge=1, le=WIDEST, description="units of the layers that read the frame before")
    reader_dropout: float = Field(0.5, ge=0, lt=1, description="dropout of the layers that read the frame before")
    mixtures: int = Field(1, ge=1, le=1 << 10, description="Gaussians that the next frame is drawn from")
    from_last: bool = Field(True, description="say how a frame differs from a linear map of the one before")


class ForecasterSettings(FreeStateSettings):
    """N to the next H. Units: sizes in units"""

    head_size: int = Field(32, ge=1, le=WIDEST, description="units of the layer that reads what is known ahead")
    normalise: Literal["auto", "window", "series", "level"] = Field(
        "auto",
        description="of a window its mean goes, and its deviation or its series' (series); of level the series' mean "
        "goes alone; auto asks validation",
    )

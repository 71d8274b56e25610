"""What a captioner has learned of its data: the tokens, and how pictures become vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import Field

from recurra.data.files.checked import Exact, checked
from recurra.data.tokens.subwords import Subwords
from recurra.data.tokens.vocabulary import Vocabulary
from recurra.tasks.caption.settings import EncoderName
from recurra.tasks.decoding.bleu import CutBy

Words = Vocabulary | Subwords
Size = Annotated[int, Field(ge=1, le=1 << 20)]


class _Stored(Exact):
    vocabulary: dict[str, Any]
    encoder: EncoderName
    image_size: Size
    positions: Size
    width: Size
    longest: Size
    encoder_sha256: str = Field("", pattern="^([0-9a-f]{64})?$")
    bleu: CutBy = "13a"


@dataclass(frozen=True)
class CaptionPreprocessor:
    """Captions to ids and back.

    image_size: pixels of a side that the encoder sees; positions: of the grid that it makes of them; width: numbers at
    each; longest: tokens of the longest training caption; encoder_sha256: of the file of a frozen encoder's weights;
    bleu: how captions are cut for it
    """

    vocabulary: Words
    encoder: EncoderName
    image_size: int
    positions: int
    width: int
    longest: int
    encoder_sha256: str = ""
    bleu: CutBy = "13a"
    input_width: ClassVar[None] = None

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "vocabulary": self.vocabulary.to_json()}

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> CaptionPreprocessor:
        """What `to_json` gave. Errors: DataError; UsageError where a package is missing"""
        one = checked(_Stored, found, "preprocessing.json")
        kind = Subwords if one.vocabulary.get("level") == "bpe" else Vocabulary
        return cls(**{**vars(one), "vocabulary": kind.from_json(one.vocabulary)})

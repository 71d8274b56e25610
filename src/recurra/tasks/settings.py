"""What can be set about the data."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

TaskName = Literal["language", "classify", "tag", "fill", "translate", "generate"]
TASKS: tuple[TaskName, ...] = get_args(TaskName)


class DataSettings(BaseModel):
    """How data are read, cut and divided. Units: min_count in occurrences, max_length in tokens, split in shares."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    level: Literal["char", "word", "byte"] | None = Field(None, description="tokens: char, word or byte")
    word_split: Literal["words", "space"] = Field("words", description="words end at signs, or at spaces only")
    normalize: tuple[str, ...] = Field((), description="nfc, nfkc, lowercase, ascii, in the order given")
    min_count: int = Field(1, ge=1, description="rarer tokens become <unk>")
    max_vocabulary: int | None = Field(None, ge=2, description="largest vocabulary, <unk> included")
    max_length: int | None = Field(None, ge=1, description="longer texts are cut after so many tokens (classify)")
    encoding: str = Field("utf-8", description="encoding of text files")
    text: str | None = Field(None, description="column of the text (tables)")
    label: str | None = Field(None, description="column of the label (tables)")
    split: tuple[float, float, float] = Field((0.8, 0.1, 0.1), description="shares of train, validation and test")
    split_column: str | None = Field(None, description="column that names each row's part (tables)")
    validation: str | None = Field(None, description="file of the validation part")
    test: str | None = Field(None, description="file of the test part")
    keep_repeats: bool = Field(False, description="keep repeated examples (classify)")
    scheme: Literal["auto", "none", "bio", "iob1", "bmes", "bioes", "bilou"] = Field(
        "auto", description="how tags write spans, none if they write none (tag)"
    )
    strict: bool = Field(False, description="refuse what would be mended or left out, such as invalid BIO tags (tag)")
    skip_lines: tuple[str, ...] = Field((), description="lines to leave out, as FILE:LINE,... (tag)")

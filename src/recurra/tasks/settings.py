"""What can be set about the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from recurra.errors import UsageError

TaskName = Literal["language", "classify", "tag", "fill", "translate", "generate"]
LARGEST = 1 << 53
"""Of counts that have no bound of their own."""
TASKS: tuple[TaskName, ...] = get_args(TaskName)


class DataSettings(BaseModel):
    """How data are read, cut and divided. Units: min_count in occurrences, max_length in tokens, split in shares."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    level: Literal["char", "word", "byte", "bpe"] | None = Field(
        None, description="tokens: char, word, byte, or bpe: pieces of words"
    )
    word_split: Literal["words", "space", "chinese"] = Field(
        "words", description="words end at signs, at spaces only, or are Chinese words of a dictionary"
    )
    segment: Literal["word", "char"] | None = Field(
        None, description="cut Chinese into words (needs rjieba) or characters"
    )
    normalize: tuple[str, ...] = Field((), max_length=16, description="nfc, nfkc, lowercase, ascii, in the order given")
    min_count: int = Field(1, ge=1, le=LARGEST, description="rarer tokens become <unk>")
    max_vocabulary: int | None = Field(None, ge=2, le=LARGEST, description="largest vocabulary, <unk> included")
    max_length: int | None = Field(
        None, ge=1, le=LARGEST, description="longer texts are cut (fill: divided) after so many tokens"
    )
    encoding: str = Field("utf-8", description="encoding of text files")
    text: str | None = Field(
        None, description="column of the text, of the tokens, or of the source (tables, tagged files)"
    )
    label: str | None = Field(
        None, description="column of the label, of the tags, or of the translation (tables, tagged files)"
    )
    split: tuple[float, float, float] = Field((0.8, 0.1, 0.1), description="shares of train, validation and test")
    split_column: str | None = Field(None, description="column that names each row's part (tables)")
    vectors: str | None = Field(
        None, description="file of word vectors to start from: GloVe or word2vec, text or binary, .gz, .zip"
    )
    vectors_encoding: str = Field("utf-8", description="encoding of the tokens in that file")
    train_vectors: bool = Field(False, description="learn word vectors from the training part first: skip-gram")
    validation: str | None = Field(None, description="file of the validation part")
    test: str | None = Field(None, description="file of the test part")
    parallel: str | None = Field(None, description="file of the translations, line by line (translate)")
    languages: str | None = Field(None, description="source and target, as in en,de, of <part>.<language> (translate)")
    swap: bool = Field(False, description="translate the other way round (translate)")
    too_long: Literal["cut", "drop"] = Field(
        "drop", description="what becomes of training pairs longer than max-length (translate)"
    )
    blank_tokens: int | None = Field(
        None, ge=1, le=8, description="a blank is 1 to so many tokens; 1 word or 3 characters if not given (fill)"
    )
    transpose: bool = Field(False, description="learn each tune in other keys too (generate, tunes)")
    keep_repeats: bool = Field(False, description="keep repeated examples (classify)")
    scheme: Literal["auto", "none", "bio", "iob1", "bmes", "bioes", "bilou"] = Field(
        "auto", description="how tags write spans, none if they write none (tag)"
    )
    strict: bool = Field(False, description="refuse what would be mended or left out, such as invalid BIO tags (tag)")
    skip_lines: tuple[str, ...] = Field((), description="lines to leave out, as FILE:LINE,... (tag)")


READING = ("encoding", "text", "label", "languages", "swap", "scheme", "strict", "skip_lines")
"""Settings that new data may have otherwise than those that a model was trained on."""


def segmented(data: DataSettings, given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that `segment` stands for; given: what the user set. How words end means that tokens are words.

    Errors: UsageError if the user set one of them otherwise
    """
    if data.segment is None:
        return {"level": "word"} if "word_split" in given and "level" not in given else {}
    meant = {"level": "word", "word_split": "chinese"} if data.segment == "word" else {"level": "char"}
    for name, value in meant.items():
        if given.get(name, value) != value:
            raise UsageError(f"segment={data.segment!r} means {name}={value!r}; {name}={given[name]!r} contradicts it")
    return meant

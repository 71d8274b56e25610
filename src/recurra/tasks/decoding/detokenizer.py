"""Generated tokens to text, one by one."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

from recurra.data.tokens.segment import SPACE, space_between

if TYPE_CHECKING:
    from recurra.data.tokens.subword_lines import RunningVocabulary


class Detokenizer:
    """Gives the text that each further token adds to a prompt.

    Words get a space in front where `data.segment.space_between` says; bytes wait until they make a character, and
    bytes that never will are shown as U+FFFD.
    """

    def __init__(self, vocabulary: RunningVocabulary, prompt: str) -> None:
        self.vocabulary = vocabulary
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._last = prompt[-1:]

    def add(self, token: int) -> str:
        """What can be shown now; empty while bytes do not make a character."""
        if self.vocabulary.level == "byte":
            return self._utf8.decode(bytes([token - 1]))
        if self.vocabulary.level == "bpe":
            text = self.vocabulary.tokens[token].replace(SPACE, " ") if token else "\ufffd"
            if not self._last or self._last.isspace():
                text = text.removeprefix(" ")
            self._last = text[-1:] or self._last
            return text
        text = self.vocabulary.decode([token])
        if self.vocabulary.level == "char":
            return text
        shown = f" {text}" if space_between(self._last, text, self.vocabulary.split) else text
        self._last = text[-1:]
        return shown

    def end(self) -> str:
        """What was still waiting when no more tokens come."""
        return self._utf8.decode(b"", final=True)

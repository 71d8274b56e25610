"""Generated tokens to text, one by one."""

from __future__ import annotations

import codecs

from recurra.data.vocabulary import Vocabulary


class Writer:
    """Gives the text that each further token adds to a prompt.

    Words get a space in front unless they begin a line or follow white space; bytes wait until they make a character,
    and bytes that never will are shown as U+FFFD.
    """

    def __init__(self, vocabulary: Vocabulary, prompt: str) -> None:
        self.vocabulary = vocabulary
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._no_space = not prompt or prompt[-1].isspace()

    def add(self, token: int) -> str:
        """What can be shown now; empty while bytes do not make a character."""
        if self.vocabulary.level == "byte":
            return self._utf8.decode(bytes([token - 1]))
        text = self.vocabulary.decode([token])
        if self.vocabulary.level == "char":
            return text
        line_end = text == "\n"
        shown = text if line_end or self._no_space else f" {text}"
        self._no_space = line_end
        return shown

    def end(self) -> str:
        """What was still waiting when no more tokens come."""
        return self._utf8.decode(b"", final=True)

"""A sentence as it is typed to tokens as tagged data have them."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from recurra.data.tokens import segment
from recurra.data.tokens.given_tokens import Tokenised
from recurra.data.tokens.normalize import normalize
from recurra.data.tokens.vocabulary import Vocabulary

LONGEST = 1_000
"""Characters of a token that is looked up; what is longer is cut at signs and white space alone."""
LONGEST_SIGNS = 50
"""Signs in a row that may be one token."""
_CLITIC = re.compile(r"n['’]t|['’]\w{1,2}", re.IGNORECASE)
_NUMBER = re.compile(r"\d+(?:[.,:/]\d+)+", re.ASCII)
_PROTOCOL = re.compile(r"\w+://", re.ASCII)
_INSIDE = re.compile(r"(?<=[^\W_])[^\w\s](?=[^\W_])")
_ALONE = frozenset((".", ",", ")", "n't", "n’t", "'s", "’s", "-rrb-"))
"""What stands at white space on both sides in tokenised text alone, in lower case."""
_CLINGING = frozenset(",;!?)")


@dataclass(frozen=True)
class Habit:
    """How tokenised data cut signs, as far as it can be seen of them.

    inside: three characters each, a sign that stays within a token and what it stands between, a letter (a) or a digit
    (0): "a-a" where Bre-X is one token; runs: signs that make one token where they are repeated, such as "."
    """

    inside: frozenset[str] = frozenset()
    runs: frozenset[str] = frozenset()

    @classmethod
    def of(cls, sentences: Iterable[Sequence[str]]) -> Habit:
        """Of each sign what is done more often: as often as it is found inside, and alone between such neighbours."""
        inside, runs, forms = Counter[str](), Counter[str](), Counter[str]()
        for tokens in sentences:
            forms.update(tokens)
            for left, sign, right in zip(tokens, tokens[1:], tokens[2:], strict=False):
                if len(sign) == 1 and not _in_word(sign) and _in_word(left[-1]) and _in_word(right[0]):
                    inside[_kind(left[-1]) + sign + _kind(right[0])] -= 1
            for left, right in pairwise(tokens):
                if left == right and len(left) == 1 and not _in_word(left):
                    runs[left] -= 1
        for token, count in forms.items():
            for match in _INSIDE.finditer(token):
                inside[_shape(token, match.start())] += count
            if _repeats(token):
                runs[token[0]] += count
        return cls(*(frozenset(key for key, count in found.items() if count > 0) for found in (inside, runs)))

    def keeps(self, text: str, place: int) -> bool:
        """Whether the sign at this place, neither the first nor the last of a text, stays in the token around it."""
        if text[place] == "_":
            return True  # as in words of a text
        between = _in_word(text[place - 1]) and _in_word(text[place + 1])
        return between and _shape(text, place) in self.inside


def _shape(text: str, place: int) -> str:
    return _kind(text[place - 1]) + text[place] + _kind(text[place + 1])


def _in_word(character: str) -> bool:
    """A letter, a digit, a mark above, below or beside a letter, or what joins letters."""
    return character.isalnum() or character in "\u200c\u200d" or unicodedata.category(character).startswith("M")


def _kind(character: str) -> str:
    return "0" if character.isdigit() else "a"


def _repeats(token: str) -> bool:
    return len(token) > 1 and not _in_word(token[0]) and token == token[0] * len(token)


def cut(text: str, known: Callable[[str], bool], habit: Habit | None = None) -> list[str]:
    """The tokens of a sentence, cut at white space, at signs and before English clitics.

    What is tokenised already is cut at white space alone: tokens that are given, and a text where a full stop, a comma
    or a clitic stands by itself and nothing clings to a word.
    known: whether there is such a token; what is known is never cut further, and a clitic (n't, 's) is cut off only if
    it is known by itself, so that the tokens come out as the training data have them; habit: of these data
    """
    if isinstance(text, Tokenised):
        return list(text.tokens)
    chunks = text.split()
    if _is_tokenised(chunks, known):
        return chunks
    return [token for chunk in chunks for token in _cut(chunk, known, habit or Habit())]


def tokens_of(text: str, level: str, split: str, words: Vocabulary, habit: Habit | None) -> list[str]:
    """The tokens of a sentence as the training data of a tagger have them: characters, or words; those that are given.

    Errors: UsageError for Chinese words where no segmenter is installed
    """
    if isinstance(text, Tokenised):
        return list(text.tokens)
    if level == "char":
        return [character for character in text if not character.isspace()]
    if split == "space":
        return text.split()
    if split == "chinese":
        return [word for line in text.split() for word in segment.words(line, "chinese")]
    return cut(text, lambda token: words.knows(normalize(token, words.normalize)), habit)


def _is_tokenised(chunks: Sequence[str], known: Callable[[str], bool]) -> bool:
    if not any(chunk.lower() in _ALONE for chunk in chunks):
        return False
    for place, chunk in enumerate(chunks):
        if len(chunk) == 1 or len(chunk) > LONGEST or not any(map(_in_word, chunk)) or known(chunk):
            continue
        last = place == len(chunks) - 1 and chunk[-1] == "."
        if last or chunk[-1] in _CLINGING or chunk[0] in '("' or _clitic(chunk, 0, len(chunk), known):
            return False
    return True


def _cut(chunk: str, known: Callable[[str], bool], habit: Habit) -> list[str]:
    """Signs and clitics are taken off both ends of chunk[start:end] until a token or words are left."""
    first: list[str] = []
    last: list[str] = []
    start, end = 0, len(chunk)
    edge = end  # where the signs begin that chunk[:end] ends in
    while start < end:
        short = end - start <= LONGEST
        if short and known(chunk[start:end]):
            first.append(chunk[start:end])
            break
        if not _in_word(chunk[start]):
            size = _run(chunk, start, end) if chunk[start] in habit.runs else 1
            first.append(chunk[start : start + size])
            start += size
            continue
        if not _in_word(chunk[end - 1]):
            if edge == end:
                edge = next(place for place in range(end, start, -1) if _in_word(chunk[place - 1]))
            size = _signs(chunk, edge, end, known, habit)
        elif short and _is_whole(chunk[start:end]):
            first.append(chunk[start:end])
            break
        else:
            size = _clitic(chunk, start, end, known)
            edge = end - size
        if not size:
            first += _pieces(chunk[start:end], habit)
            break
        last.append(chunk[end - size : end])
        end -= size
    return first + last[::-1]


def _pieces(chunk: str, habit: Habit) -> Iterator[str]:
    """Words, and the signs between them that do not stay within a word."""
    start = 0
    for place, character in enumerate(chunk):
        if _in_word(character) or habit.keeps(chunk, place):
            continue
        if start < place:
            yield chunk[start:place]
        yield character
        start = place + 1
    if start < len(chunk):
        yield chunk[start:]


def _run(chunk: str, start: int, end: int) -> int:
    """How often chunk[start] is repeated there."""
    return next((place for place in range(start, end) if chunk[place] != chunk[start]), end) - start


def _signs(chunk: str, edge: int, end: int, known: Callable[[str], bool], habit: Habit) -> int:
    """How many of the signs chunk[edge:end] are the last token: as many as make up one that is known, else one."""
    if chunk[end - 1] in habit.runs:
        return next(
            (end - place - 1 for place in range(end - 1, edge - 1, -1) if chunk[place] != chunk[end - 1]), end - edge
        )
    if end - edge > LONGEST_SIGNS:
        return 1
    return next((size for size in range(end - edge, 1, -1) if known(chunk[end - size : end])), 1)


def _clitic(chunk: str, start: int, end: int, known: Callable[[str], bool]) -> int:
    """Characters of the clitic that chunk[start:end] ends in, 0 if it ends in none that is known."""
    for size in (3, 2):
        if end - size > start and _CLITIC.fullmatch(chunk, end - size, end):
            return size if known(chunk[end - size : end]) else 0
    return 0


def _is_whole(chunk: str) -> bool:
    """Whether it is a number or an address, which signs part nothing of."""
    if _NUMBER.fullmatch(chunk):
        return True
    at = chunk.find("@", 1)
    if at > 0 and chunk.rfind(".", at + 2, len(chunk) - 1) > 0:
        return True
    protocol = _PROTOCOL.match(chunk)
    return protocol is not None and protocol.end() < len(chunk)

"""What a model answers, written as it comes."""

from __future__ import annotations

import functools
import gc
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from recurra.cli.ordered import Ordered
from recurra.cli.output import json_text, note, shown_beside, write, write_table
from recurra.errors import UsageError
from recurra.tasks.abilities import ReadingText

SHARE = 0.0005
"""Seconds that a writing thread may keep others waiting, which come back from the core many times a batch."""
MOST_UNKNOWN = 10_000
"""Of what a model has never seen, so many different pieces are kept to be counted."""


class Notes:
    """What is said of texts when all were answered."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.unknown: dict[str, None] = {}
        self.truncated = 0

    def add(self, texts: list[str]) -> None:
        if isinstance(self.model.model, ReadingText):
            if len(self.unknown) < MOST_UNKNOWN:
                self.unknown |= dict.fromkeys(self.model.model.unknown(texts))
            self.truncated += self.model.model.truncated(texts)

    def write(self) -> None:
        if self.unknown:
            pieces, count = list(self.unknown), len(self.unknown)
            kind = "character" if all(len(piece) == 1 for piece in pieces) else "word"
            shown = ", ".join(repr(piece) for piece in pieces[:8]) + (", ..." if count > 8 else "")
            more = " or more" if count >= MOST_UNKNOWN else ""
            note(f"{count:,}{more} {kind}{'s' if count > 1 else ''} that the model has never seen: {shown}")
        if count := self.truncated:
            longest = self.model.settings.data.max_length
            note(f"{count:,} text{'s were' if count > 1 else ' was'} truncated to {longest:,} tokens, as in training")


@contextmanager
def answering(
    model: Any, batches: Iterable[list[str]], notes: Notes, *, arriving: bool = False, **options: Any
) -> Iterator[Iterator[list[Any]]]:
    """Predictions, batch by batch, in their order.

    arriving: batches come with time, and are answered by several threads while others are awaited
    Errors: UsageError that names lines as they are counted over all batches
    """
    ask = functools.partial(model.predict, **options)
    if not arriving:
        yield _noted(((texts, ask(texts)) for texts in batches), notes)
        return
    gc.freeze()  # the model stays as it is, and is not to be looked through again and again
    interval = sys.getswitchinterval()
    sys.setswitchinterval(min(interval, SHARE))
    try:
        with Ordered(batches, ask) as found:
            yield _noted(found, notes)
    finally:
        sys.setswitchinterval(interval)


def _noted(answered: Iterator[tuple[list[str], list[Any]]], notes: Notes) -> Iterator[list[Any]]:
    before = 0
    while True:
        try:
            texts, found = next(answered)
        except StopIteration:
            return
        except UsageError as error:
            if not before:
                raise
            raise UsageError(f"of the texts from line {before + 1:,} on, {error}") from error
        before += len(texts)
        notes.add(texts)
        yield found


def write_answers(model: Any, answers: Iterable[list[Any]], *, folder: str, json: bool) -> None:
    """As tables, whose columns are aligned batch by batch, or as one JSON document, which begins with an answer."""
    if not json:
        for predictions in answers:
            write_table(shown_beside(model.model.rows(predictions)))
        return
    frame = json_text({"folder": folder, "predictions": []})
    head, tail = frame.rsplit("[]", 1)
    lead = f"{head}["
    for predictions in answers:
        found = _elements(model.model.document(predictions))
        if found:
            write(f"{lead}{found}")
            lead = ","
    write(f"{chr(10) + '  ' if lead == ',' else lead}]{tail}")


def _elements(document: list[Any]) -> str:
    """A list's elements as they stand in a document one level down."""
    text = json_text({"": document})
    return text[text.index("[") + 1 : text.rindex("]")].rstrip()

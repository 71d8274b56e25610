"""What a model answers, written as it comes."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from recurra.cli.output import json_text, note, shown_beside, write, write_table
from recurra.errors import UsageError
from recurra.tasks.abilities import ReadingText

SHARE = 0.0005
"""Seconds that the writing thread may keep the other waiting, which comes back from the core many times a batch."""
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


def answered(model: Any, batches: Iterable[list[str]], notes: Notes, **options: Any) -> Iterator[list[Any]]:
    """Predictions, batch by batch.

    Errors: UsageError that names lines as they are counted over all batches
    """
    before = 0
    for texts in batches:
        try:
            found = model.predict(texts, **options)
        except UsageError as error:
            if not before:
                raise
            raise UsageError(f"of the texts from line {before + 1:,} on, {error}") from error
        before += len(texts)
        notes.add(texts)
        yield found


def behind(answers: Iterable[list[Any]], written: Callable[[list[Any]], None]) -> None:
    """Have answers written by a thread while the next ones are found; each as soon as it is there."""
    gc.freeze()  # the model stays as it is, and is not to be looked through again and again
    interval = sys.getswitchinterval()
    sys.setswitchinterval(min(interval, SHARE))
    try:
        _behind(answers, written)
    finally:
        sys.setswitchinterval(interval)


def _behind(answers: Iterable[list[Any]], written: Callable[[list[Any]], None]) -> None:
    with ThreadPoolExecutor(1) as writer:
        last: Future[None] | None = None
        for found in answers:
            if last is not None:
                last.result()
            last = writer.submit(written, found)
        if last is not None:
            last.result()


def write_answers(model: Any, answers: Iterable[list[Any]], *, folder: str, json: bool) -> None:
    """As tables, whose columns are aligned batch by batch, or as one JSON document, which begins with an answer."""
    if not json:
        behind(answers, lambda predictions: write_table(shown_beside(model.model.rows(predictions))))
        return
    frame = json_text({"folder": folder, "predictions": []})
    head, tail = frame.rsplit("[]", 1)
    lead = f"{head}["

    def written(predictions: list[Any]) -> None:
        nonlocal lead
        found = _elements(model.model.document(predictions))
        if found:
            write(f"{lead}{found}")
            lead = ","

    behind(answers, written)
    write(f"{chr(10) + '  ' if lead == ',' else lead}]{tail}")


def _elements(document: list[Any]) -> str:
    """A list's elements as they stand in a document one level down."""
    text = json_text({"": document})
    return text[text.index("[") + 1 : text.rindex("]")].rstrip()

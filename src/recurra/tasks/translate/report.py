"""What the report of a translator shows."""

from __future__ import annotations

from recurra.data.tokens.scripts import words
from recurra.report.sections import Cell, Column, Picture, Pictures, Section, Table
from recurra.tasks.decoding.bleu import CutBy, scores
from recurra.tasks.translate.encoding import PairPart
from recurra.tasks.translate.model import Translator
from recurra.topologies.search import Search

SAMPLES, PICTURES = 10, 4
"""Translations and attention pictures."""
LENGTHS = (8, 12, 16, 24)
"""Words of a source: where the groups of the table by length end."""


def sections(
    model: Translator,
    part: PairPart,
    written: list[str],
    search: Search,
    *,
    lowercase: bool,
    looked: bool,
    cut_by: CutBy,
) -> list[Section]:
    """written: the translation of each source; looked: whether the decoder has attention to draw"""
    found: list[Section] = [_samples(part, written), _by_length(part, written, lowercase=lowercase, cut_by=cut_by)]
    return [*found, _attention(model, part, search)] if looked else found


def _samples(part: PairPart, written: list[str]) -> Table:
    chosen = range(0, len(part), max(1, len(part) // SAMPLES))[:SAMPLES]
    rows: list[list[Cell]] = [[part.sources[i], part.targets[i], written[i]] for i in chosen]
    return Table("Translations", ["Source", "Reference", "This model"], rows, "Taken at even distances.")


def _by_length(part: PairPart, written: list[str], *, lowercase: bool, cut_by: CutBy) -> Table:
    rows: list[list[Cell]] = []
    low = 1
    sizes = [len(words(text)) for text in part.sources]
    for high in (*LENGTHS, max([*sizes, LENGTHS[-1] + 1])):
        chosen = [i for i, size in enumerate(sizes) if low <= size <= high]
        if chosen:
            found = scores(
                [written[i] for i in chosen], [part.targets[i] for i in chosen], lowercase=lowercase, cut_by=cut_by
            )
            rows.append([f"{low} to {high}", len(chosen), f"{found['bleu']:.1f}", f"{found['chrf']:.1f}"])
        low = high + 1
    columns = [Column(title, "number") for title in ("Pairs", "BLEU", "chrF")]
    note = "Words and signs; in a script without spaces every character counts."
    return Table("By the length of the source", ["Words", *columns], rows, note)


def _attention(model: Translator, part: PairPart, search: Search) -> Pictures:
    from recurra.report.attention import draw_attention

    texts = [part.sources[i] for i in range(len(part)) if 5 <= len(words(part.sources[i])) <= 15][:PICTURES]
    pictures = []
    for number, found in enumerate(model.translate(texts or part.sources[:PICTURES], search)):
        if found.weights is not None:
            svg = draw_attention(found.source_tokens, found.target_tokens, found.weights, name=f"attention-{number}")
            pictures.append(Picture(found.text, svg, f"{found.text} was translated as {found.best}"))
    return Pictures(
        "Where the decoder looked",
        pictures,
        "A row for each token that was written, a column for each that was read; the stronger, the more it was looked "
        "at.",
    )

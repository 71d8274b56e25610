"""CoNLL-U: ten columns a word, as Universal Dependencies have them."""

from __future__ import annotations

import re
from pathlib import Path

from recurra.data.files.text import iter_lines
from recurra.data.tagged.sentences import Gathering, Reading, Tagged
from recurra.errors import DataError, UnknownNameError, quoted

COLUMNS = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
TEXTS = ("form", "lemma")
LABELS = ("upos", "xpos", "feats", "deprel", "lemma")
_WORD = re.compile(r"[0-9]{1,9}")
_MULTIWORD = re.compile(r"[0-9]+-[0-9]+")
_EMPTY_NODE = re.compile(r"[0-9]+\.[0-9]+")


def read_conllu(path: Path, reading: Reading) -> Tagged:
    """Sentences of a CoNLL-U file; forms and upos, if the reading names no other columns.

    Comments are no words, nor are the lines of multiword tokens (3-4) and of empty nodes (5.1), and all are counted.
    Errors: DataError with file and line for a line that has not 10 columns, a word that is not the next one, or a word
            without its tag; UnknownNameError for a column
    Source: Nivre et al. 2020, Universal Dependencies v2
    """
    text, label = _column(reading.text, "form", TEXTS), _column(reading.label, "upos", LABELS)
    gathering = Gathering(path)
    for number, line in enumerate(iter_lines(path, reading.encoding), start=1):
        if number in reading.skip:
            gathering.leave_out(number)
            continue
        if not line.strip():
            gathering.end_sentence()
            continue
        if line.startswith("#"):
            gathering.pass_over(number)
            continue
        cells = line.split("\t")
        if len(cells) != len(COLUMNS) or not all(cells):
            problem = f"this line has {len([c for c in cells if c])} columns, CoNLL-U has 10 that stand apart by tabs"
            raise DataError(problem, file=path, line=number)
        if _MULTIWORD.fullmatch(cells[0]):
            gathering.found.multiword += 1
            continue
        if _EMPTY_NODE.fullmatch(cells[0]):
            gathering.found.empty_nodes += 1
            continue
        if not _WORD.fullmatch(cells[0]) or (int(cells[0]) != len(gathering) + 1 and not reading.skip):
            raise DataError(
                f"this word has the number {quoted(cells[0])}, expected {len(gathering) + 1}",
                remedy="a blank line parts two sentences; the words of each count from 1",
                file=path,
                line=number,
            )
        if cells[label] == "_" and COLUMNS[label] in ("upos", "xpos", "deprel"):
            raise DataError(
                f"{quoted(cells[text])} has no {COLUMNS[label]}",
                remedy="take another column, as with --label xpos",
                file=path,
                line=number,
            )
        gathering.add(cells[text], cells[label], number)
    gathering.end_sentence()
    return gathering.found


def _column(asked: str | None, usual: str, known: tuple[str, ...]) -> int:
    name = (asked or usual).lower()
    if name not in known:
        raise UnknownNameError("column of CoNLL-U", name, known)
    return COLUMNS.index(name)

"""Sentences with a tag for each token, and the files that hold them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from recurra.data.files.sources import inner_name
from recurra.errors import DataError


@dataclass(frozen=True, slots=True)
class Sentence:
    """Tokens and their tags, as many of them; the file, and the line (from 1) on which each token stands."""

    tokens: tuple[str, ...]
    tags: tuple[str, ...]
    file: Path
    lines: Sequence[int]

    def __post_init__(self) -> None:
        if not isinstance(self.lines, range) and self.lines:
            one_by_one = range(self.lines[0], self.lines[0] + len(self.lines))
            if self.lines == tuple(one_by_one):  # each number would take as much memory as its token
                object.__setattr__(self, "lines", one_by_one)

    def __len__(self) -> int:
        return len(self.tokens)


@dataclass
class Tagged:
    """Sentences in the order of their files.

    skipped: sentences without any token; multiword, empty_nodes: lines of CoNLL-U that are no words of their own.
    Places (file:line): left_out, of the lines that were left out as asked; comments, of comments and marks of
    documents; header, of a first line that names the columns; doubtful, of tokens that might be comments.
    """

    items: list[Sentence] = field(default_factory=list)
    skipped: int = 0
    multiword: int = 0
    empty_nodes: int = 0
    left_out: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    header: list[str] = field(default_factory=list)
    doubtful: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Sentence]:
        return iter(self.items)

    def tags(self) -> list[str]:
        """The different tags, sorted."""
        return sorted({tag for item in self.items for tag in item.tags})

    def words(self) -> int:
        """Tokens of all sentences together."""
        return sum(map(len, self.items))


class Gathering:
    """The sentences of a file that gives a token a line, as they come in."""

    def __init__(self, path: Path) -> None:
        self.found, self._path = Tagged(), path
        self._rows: list[tuple[str, str, int]] = []
        self._known: dict[str, str] = {}

    def __len__(self) -> int:
        """Tokens of the sentence that is open."""
        return len(self._rows)

    def add(self, token: str, tag: str, line: int) -> None:
        """The next token of the sentence."""
        known = self._known.setdefault  # a token that comes again is the same object
        self._rows.append((known(token, token), known(tag, tag), line))

    def end_sentence(self) -> None:
        """What was added is a sentence; nothing, if nothing was."""
        if self._rows:
            tokens, tags, lines = zip(*self._rows, strict=True)
            self.found.items.append(Sentence(tokens, tags, self._path, lines))
            self._rows.clear()

    def leave_out(self, line: int) -> None:
        """This line, as asked."""
        self.found.left_out.append(self.place(line))

    def pass_over(self, line: int) -> None:
        """This line, which is a comment or the mark of a document."""
        self.found.comments.append(self.place(line))

    def place(self, line: int) -> str:
        """The file's name and the line."""
        return f"{self._path.name}:{line}"


@dataclass(frozen=True)
class Reading:
    """How a file is read.

    text, label: the columns of tokens and tags, None for the usual ones: names in CoNLL-U and JSONL, numbers from 1 in
    files of columns; skip: lines to leave out
    """

    text: str | None = None
    label: str | None = None
    encoding: str = "utf-8"
    skip: Collection[int] = ()


def read_tagged(path: Path, reading: Reading | None = None, *, tags: Path | None = None) -> Tagged:
    """The sentences of a file, in the format that its name says: .conllu, .jsonl, .json, .parquet, else columns.

    tags: with it, `path` holds sentences of tokens, one a line, and `tags` their tags, line by line.
    Errors: DataError with file and line for what does not fit, and for a file without any sentence; UsageError for a
            column that cannot be
    """
    from recurra.data.tagged.columns import read_columns
    from recurra.data.tagged.conllu import read_conllu
    from recurra.data.tagged.lines import read_jsonl, read_parallel, read_rows

    reading = reading or Reading()
    if tags is not None:
        found = read_parallel(path, tags, reading)
    else:
        suffix = Path(inner_name(path)).suffix.lower()
        readers: dict[str, Callable[[Path, Reading], Tagged]] = {
            ".conllu": read_conllu,
            ".jsonl": read_jsonl,
            ".ndjson": read_jsonl,
            ".json": read_rows,
            ".parquet": read_rows,
            ".csv": _refuse_table,
        }
        found = readers.get(suffix, read_columns)(path, reading)
    if not len(found):
        raise DataError("this file has no sentences", remedy="is it the right file?", file=path)
    return found


def _refuse_table(path: Path, _reading: Reading) -> Tagged:
    raise DataError(
        "tagged sentences cannot be read from this table: it does not say where a sentence ends",
        remedy="give .conllu, columns (.bio, .tsv, .txt) with a blank line between sentences, or .jsonl and .parquet "
        "with lists of tokens and of tags",
        file=path,
    )

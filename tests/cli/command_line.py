"""What the tests of the command line share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

TINY = ("--hidden-size", "4", "--embedding-size", "4", "--epochs", "1")


@dataclass(frozen=True)
class Result:
    """What a command line gave."""

    code: int
    out: str
    err: str

    def refused(self, code: int, *pieces: str, lines: int = 2) -> None:
        """Check that it ended with this code and a short message that says all the pieces."""
        assert self.code == code, self.err
        assert self.out == ""
        assert "Traceback" not in self.err
        message = self.err[self.err.index("recurra: error: ") :]
        assert len(message.splitlines()) <= lines, message
        for piece in pieces:
            assert piece in message


Recurra = Callable[..., Result]


def write_names(folder: Path) -> Path:
    """A folder with one <label>.txt for each of three classes of twelve names."""
    folder.mkdir()
    for label, ending in (("Italian", "elli"), ("Russian", "ovich"), ("Vietnamese", " Trần")):
        names = [f"{first}{middle}{ending}" for first in "BDMP" for middle in ("a", "e", "o")]
        (folder / f"{label}.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
    return folder

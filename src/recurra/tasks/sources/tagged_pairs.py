"""Where tagged and labelled sentences lie: pairs of files, one of tokens and one of tags, or of texts and of labels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

TAGS = ".tags"
"""What the key of a file of tags ends in, beside the key of its file of tokens."""
PAIRS = {".in": ".out", ".words": ".tags", ".tokens": ".tags"}
"""Endings of a file of tokens and of its tags."""


LABELS = ".labels"
"""As TAGS, of a file with a label a line, beside the key of a file with a text a line."""
_LABEL_NAMES = ("label", "labels", "intent", "intents")


def label_partner(path: Path) -> Path | None:
    """The file of labels beside a file of texts: `label` beside seq.in, train.label beside train.text and the like."""
    names = [f"{path.stem.lower()}.{name}" for name in _LABEL_NAMES]
    if path.name.lower() == "seq.in":
        names = [*_LABEL_NAMES, *names]
    elif path.suffix.lower() not in (".in", ".text", ".txt", ".sentence", ".sentences", ".words", ".tokens"):
        return None
    there = {other.name.lower(): other for other in path.parent.iterdir() if other.is_file()} if path.is_file() else {}
    return next((there[name] for name in names if name in there), None)


def partner(path: Path) -> Path | None:
    """The file of tags beside a file of tokens, if its name says that it is one and there is one."""
    other = PAIRS.get(path.suffix.lower())
    found = path.with_suffix(other) if other else None
    return found if found is not None and found.is_file() else None


def paired_parts(
    folder: Path, parts: dict[str, str], *, key: str = TAGS, beside: Callable[[Path], Path | None] = partner
) -> dict[str, Path]:
    """The pairs of a folder by part, as a source has them; empty where there are none.

    A pair is seq.in beside seq.out, x.words or x.tokens beside x.tags. Parts are told by the names of the files
    (train.words) or of folders with one pair each (train/seq.in); a single pair is "all".
    parts: names of parts, as "dev", and the part that each is; key, beside: TAGS and `partner`, or LABELS and
    `label_partner`
    """
    here = _pairs(folder, beside)
    if len(here) == 1 and _part(here[0][0].stem, parts) is None:
        return {"all": here[0][0], f"all{key}": here[0][1]}
    named = [(_part(tokens.stem, parts), tokens, tags) for tokens, tags in here]
    for below in sorted(path for path in folder.iterdir() if path.is_dir()):
        named += [(_part(below.name, parts), tokens, tags) for tokens, tags in _pairs(below, beside)]
    found: dict[str, Path] = {}
    for part, tokens, tags in named:
        if part is None or part in found:
            return {}
        found |= {part: tokens, f"{part}{key}": tags}
    return found if "train" in found else {}


def _pairs(folder: Path, beside: Callable[[Path], Path | None]) -> list[tuple[Path, Path]]:
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    return [(path, other) for path in files if (other := beside(path)) is not None]


def _part(name: str, parts: dict[str, str]) -> str | None:
    words = name.lower().replace("-", ".").replace("_", ".").split(".")
    return next((parts[word] for word in words if word in parts), None)

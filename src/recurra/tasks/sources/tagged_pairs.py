"""Where tagged sentences lie: pairs of files, one of tokens and one of tags."""

from __future__ import annotations

from pathlib import Path

TAGS = ".tags"
"""What the key of a file of tags ends in, beside the key of its file of tokens."""
PAIRS = {".in": ".out", ".words": ".tags", ".tokens": ".tags"}
"""Endings of a file of tokens and of its tags."""


def partner(path: Path) -> Path | None:
    """The file of tags beside a file of tokens, if its name says that it is one and there is one."""
    other = PAIRS.get(path.suffix.lower())
    found = path.with_suffix(other) if other else None
    return found if found is not None and found.is_file() else None


def paired_parts(folder: Path, parts: dict[str, str]) -> dict[str, Path]:
    """The pairs of a folder by part, as a source has them; empty where there are none.

    A pair is seq.in beside seq.out, x.words or x.tokens beside x.tags. Parts are told by the names of the files
    (train.words) or of folders with one pair each (train/seq.in); a single pair is "all".
    parts: names of parts, as "dev", and the part that each is
    """
    here = _pairs(folder)
    if len(here) == 1 and _part(here[0][0].stem, parts) is None:
        return {"all": here[0][0], f"all{TAGS}": here[0][1]}
    named = [(_part(tokens.stem, parts), tokens, tags) for tokens, tags in here]
    for below in sorted(path for path in folder.iterdir() if path.is_dir()):
        named += [(_part(below.name, parts), tokens, tags) for tokens, tags in _pairs(below)]
    found: dict[str, Path] = {}
    for part, tokens, tags in named:
        if part is None or part in found:
            return {}
        found |= {part: tokens, f"{part}{TAGS}": tags}
    return found if "train" in found else {}


def _pairs(folder: Path) -> list[tuple[Path, Path]]:
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    return [(path, other) for path in files if (other := partner(path)) is not None]


def _part(name: str, parts: dict[str, str]) -> str | None:
    words = name.lower().replace("-", ".").replace("_", ".").split(".")
    return next((parts[word] for word in words if word in parts), None)

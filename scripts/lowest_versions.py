"""Print the lowest version of everything that Recurra requires, as constraints for pip.

    python scripts/lowest_versions.py > lowest.txt
    python -m pip install --constraint lowest.txt .

With names of extras their requirements are listed too: `python scripts/lowest_versions.py sklearn onnx`.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

from packaging.requirements import Requirement

PYPROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"


def lowest(extras: Sequence[str] = ()) -> list[str]:
    """`name==version` of each requirement, by the bound below. Errors: ValueError for one without, or no such extra"""
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    optional = project["optional-dependencies"]
    if unknown := [name for name in extras if name not in optional]:
        raise ValueError(f"there is no extra {unknown[0]!r}; there are {', '.join(optional)}")
    found = {}
    for text in [*project["dependencies"], *(each for name in extras for each in optional[name])]:
        wanted = Requirement(text)
        bounds = [each.version for each in wanted.specifier if each.operator in (">=", "==")]
        if len(bounds) != 1:
            raise ValueError(f"{text!r} needs one bound below, as in {wanted.name}>=1.0")
        found[wanted.name] = f"{wanted.name}=={bounds[0]}"
    return list(found.values())


if __name__ == "__main__":
    sys.stdout.write("\n".join(lowest(sys.argv[1:])) + "\n")

"""Make the wheel of `recurra-runtime`, which needs numpy alone, of a wheel of recurra.

    python -m pip wheel --no-deps --wheel-dir dist .
    python scripts/make_runtime_wheel.py dist/recurra-*.whl

It holds `recurra.runtime` and what that imports, with the native core, under the same names: it is installed instead of
recurra, where models are used and never trained.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import sys
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

NAME = "recurra_runtime"
PARTS = (
    "__init__.py", "py.typed", "errors.py", "locks.py", "owners.py", "terminal.py", "torch_parts.py",
    "cells/", "equations/", "engines/__init__.py", "engines/native/", "model_folder/",
    "data/__init__.py", "data/attributes.py", "data/frames/__init__.py", "data/frames/scales.py", "data/series/",
    "data/tokens/", "data/tagged/__init__.py", "data/tagged/spans.py", "runtime/",
    "tasks/__init__.py", "tasks/decoding/",
    "topologies/__init__.py", "topologies/sampling_bounds.py", "topologies/search.py",
)  # fmt: skip
"""Of the package `recurra`: files, and folders with all that is in them."""
ABOUT = """# recurra-runtime

Models that Recurra trained, used with numpy and the native core alone: `from recurra import runtime`. It is a part of
the package recurra and stands in its place; install one of the two.
"""


def make(wheel: Path, folder: Path) -> Path:
    """The wheel of the runtime, in this folder. Errors: ValueError if the other is none of recurra"""
    label, version, *tags = wheel.name.removesuffix(".whl").split("-")
    if label != "recurra" or wheel.suffix != ".whl":
        raise ValueError(f"{wheel.name} is no wheel of recurra")
    old, new = f"recurra-{version}.dist-info", f"{NAME}-{version}.dist-info"
    with zipfile.ZipFile(wheel) as whole:
        kept = {name: whole.read(name) for name in whole.namelist() if _is_part(name)}
        kept |= {
            name.replace(old, new, 1): whole.read(name)
            for name in whole.namelist()
            if name.startswith(f"{old}/licenses/") or name == f"{old}/WHEEL"
        }
        kept[f"{new}/METADATA"] = _metadata(message_from_bytes(whole.read(f"{old}/METADATA")))
    record = "".join(f"{name},sha256={_hash(content)},{len(content)}\n" for name, content in kept.items())
    kept[f"{new}/RECORD"] = f"{record}{new}/RECORD,,\n".encode()
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / f"{'-'.join((NAME, version, *tags))}.whl"
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in kept.items():
            file.writestr(name, content)
    return made


def _is_part(name: str) -> bool:
    inner = name.removeprefix("recurra/")
    return inner != name and any(inner == part or (part.endswith("/") and inner.startswith(part)) for part in PARTS)


def _metadata(found: Message) -> bytes:
    numpy = [need for need in found.get_all("Requires-Dist", []) if need.startswith("numpy")]
    del found["Requires-Dist"], found["Provides-Extra"]
    found.replace_header("Name", NAME.replace("_", "-"))
    found.replace_header("Summary", "Trained recurrent networks without torch: numpy and a native core")
    for need in numpy:
        found["Requires-Dist"] = need
    found.set_payload(ABOUT)
    return found.as_bytes()


def _hash(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--out", type=Path, help="the folder for it, that of the other if left out")
    given = parser.parse_args()
    sys.stdout.write(f"{make(given.wheel, given.out or given.wheel.parent)}\n")


if __name__ == "__main__":
    main()

"""Check the files of a release before they are published: names, versions, what is in them.

    python scripts/check_release.py dist
    python scripts/check_release.py --native dist      wheels must bring the native core
    python scripts/check_release.py --tag v0.1.0 dist  all that a release consists of

A wheel whose native core could not be compiled is built without it and works, so nobody would notice.
"""

from __future__ import annotations

import argparse
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from packaging.utils import parse_sdist_filename, parse_wheel_filename

ROOT = Path(__file__).resolve().parents[1]
CORE = "recurra/engines/native/_native_portable.so"
SYSTEMS = ("manylinux", "macosx")
"""Of which a whole release has wheels, beside the one for any."""


def problems(folder: Path, *, native: bool = False, tag: str | None = None) -> Iterator[str]:
    """What keeps the files of a folder from being released, a line each."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    if tag is not None and tag != f"v{version}":
        yield f"the tag is {tag}, the version of pyproject.toml {version}; name the tag v{version}"
    wheels, archives = sorted(folder.glob("*.whl")), sorted(folder.glob("*.tar.gz"))
    for path in sorted(folder.iterdir()):
        if path not in (*wheels, *archives):
            yield f"{path.name}: is neither a wheel nor an archive of the source"
    for path in archives:
        name, found = parse_sdist_filename(path.name)
        if (name, str(found)) != ("recurra", version):
            yield f"{path.name}: expected recurra {version}"
        with tarfile.open(path) as archive:
            inside = {each.partition("/")[2] for each in archive.getnames()}
        missing = {"LICENSE", "PKG-INFO", "native/CMakeLists.txt", "src/recurra/__init__.py"} - inside
        if missing:
            yield f"{path.name}: lacks {', '.join(sorted(missing))}"
    systems = set()
    for path in wheels:
        name, found, _build, tags = parse_wheel_filename(path.name)
        (system,) = {each.platform for each in tags} if len(tags) == 1 else {" ".join(sorted(map(str, tags)))}
        systems.add(system)
        if (name, str(found)) != ("recurra", version) or {(t.interpreter, t.abi) for t in tags} != {("py3", "none")}:
            yield f"{path.name}: expected recurra-{version}-py3-none-PLATFORM.whl"
        inside = set(zipfile.ZipFile(path).namelist())
        if missing := {"recurra/py.typed", f"recurra-{version}.dist-info/licenses/LICENSE"} - inside:
            yield f"{path.name}: lacks {', '.join(sorted(missing))}"
        has_core = CORE in inside
        if native and not has_core:
            yield f"{path.name}: was built without the native core, {CORE}"
        if not native and has_core == (system == "any"):
            yield f"{path.name}: is for {system} and has {'a' if has_core else 'no'} native core"
    if not (wheels or archives):
        yield f"{folder} holds nothing to release"
    if tag is not None:
        if len(archives) != 1:
            yield f"a release has one archive of the source, {folder} has {len(archives)}"
        if "any" not in systems:
            yield "there is no wheel for any platform"
        yield from (f"there is no wheel for {one}" for one in SYSTEMS if not any(s.startswith(one) for s in systems))


def main(given: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--native", action="store_true", help="wheels must bring the native core")
    parser.add_argument("--tag", help="of the release, which must be whole")
    asked = parser.parse_args(given)
    found = list(problems(asked.folder, native=asked.native, tag=asked.tag))
    for line in found or [f"{asked.folder}: {len(list(asked.folder.iterdir()))} files, as they should be"]:
        sys.stdout.write(f"{line}\n")
    return min(len(found), 1)


if __name__ == "__main__":
    sys.exit(main())

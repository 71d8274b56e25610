"""Laws of the repository itself: form, types, import floors, versions, and what must never be in it.

`make lint` runs this file alone; the whole suite, and so CI and the push hook, run it with the rest.
"""

from __future__ import annotations

import ast
import functools
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scripts import loaded

ROOT = Path(__file__).resolve().parents[1]
NOT_OURS = {"build", "dist", "demo-run", "runs", "__pycache__"}
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def repository_files() -> list[Path]:
    """The tracked files; in an unpacked archive, where git knows nothing, all but hidden and built ones."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0 and listed.stdout:
        found = [ROOT / name for name in listed.stdout.split("\0") if name]
        return [path for path in found if path.is_file()]
    found = []
    for folder, below, names in os.walk(ROOT):
        below[:] = [name for name in below if name not in NOT_OURS and not name.startswith(".")]
        found += [Path(folder, name) for name in names]
    return found


def texts() -> Iterator[tuple[str, str]]:
    """(path from the root, text) of every file that is text."""
    for path in repository_files():
        content = path.read_bytes()
        if b"\0" not in content:
            yield path.relative_to(ROOT).as_posix(), content.decode("utf-8")


def run(*command: str) -> None:
    """Run a tool of this environment in the root; its whole output is the failure's message."""
    tool = shutil.which(command[0], path=sysconfig.get_path("scripts"))
    assert tool is not None, f"{command[0]} is not installed beside {sys.executable}; run: make lint"
    done = subprocess.run(
        [tool, *command[1:]], cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    if done.returncode:
        pytest.fail(f"{' '.join(command)}\n{done.stdout}{done.stderr}", pytrace=False)


# form, types, floors


def test_ruff_would_change_no_layout() -> None:
    run("ruff", "format", "--check", ".")


def test_ruff_finds_nothing() -> None:
    run("ruff", "check", ".")


def test_types_are_strict() -> None:
    run("mypy")


def test_imports_go_down_the_floors() -> None:
    run("lint-imports")


def test_the_types_of_settings_are_those_of_the_tasks() -> None:
    writer = loaded(ROOT / "scripts" / "write_train_settings.py")
    assert writer.TARGET.read_text(encoding="utf-8") == writer.source(), "settings have changed; run: make format"


def test_source_files_are_short() -> None:
    long = {
        path.relative_to(ROOT).as_posix(): lines
        for folder in ("src", "native", "tests", "benchmarks", "scripts")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".html", ".css", ".js", ".h", ".hpp", ".cpp"}
        and not path.is_relative_to(ROOT / "benchmarks" / "results")  # what benchmarks have written
        and (lines := len(path.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert not long, f"over 400 lines, split them: {long}"


def test_test_files_have_names_of_their_own() -> None:
    """pytest imports those outside packages by their names alone; two of a name stop the whole suite, not one file."""
    folders = {path.parent for path in (ROOT / "tests").rglob("__init__.py")}
    paths = [
        path for path in (ROOT / "tests").rglob("*.py") if path.parent not in folders and path.name != "conftest.py"
    ]
    twice = [name for name, count in Counter(path.name for path in paths).items() if count > 1]
    assert not twice, f"rename one of each: {twice}"


# tasks


def folders() -> set[str]:
    """Those of the tasks."""
    from recurra.tasks.registry import ROWS

    return {row.home.rpartition(".")[2] for row in ROWS}


@functools.cache
def nodes(source: str) -> tuple[ast.AST, ...]:
    """All of a module, which several tests look through."""
    return tuple(ast.walk(ast.parse(source)))


def outside_of_tasks() -> Iterator[tuple[str, tuple[ast.AST, ...]]]:
    """The modules of the package outside the folders of tasks, but the registry of them."""
    for path in sorted((ROOT / "src" / "recurra").rglob("*.py")):
        parts = path.relative_to(ROOT / "src" / "recurra").parts
        if not (parts[0] == "tasks" and (parts[1] in folders() or parts[1] == "registry.py")) and parts[:2] != (
            "data",
            "datasets",
        ):
            yield "/".join(parts), nodes(path.read_text(encoding="utf-8"))


def test_nothing_asks_for_the_name_of_a_task() -> None:
    from recurra.tasks.registry import TASKS

    found = []
    for name, module in outside_of_tasks():
        for node in module:
            sides = [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
            sides += [
                case.pattern.value for case in getattr(node, "cases", ()) if isinstance(case.pattern, ast.MatchValue)
            ]
            names = [each.value for side in sides for each in ast.walk(side) if isinstance(each, ast.Constant)]
            found += [f"{name}:{node.lineno}" for each in names if isinstance(each, str) and each in TASKS]
    assert not found, "ask for an ability instead, see tasks.abilities"


def test_a_tasks_folder_imports_no_other_tasks() -> None:
    found = []
    for task in folders():
        for path in (ROOT / "src" / "recurra" / "tasks" / task).rglob("*.py"):
            for node in nodes(path.read_text(encoding="utf-8")):
                parts = (node.module or "").split(".") if isinstance(node, ast.ImportFrom) else []
                if parts[:2] == ["recurra", "tasks"] and len(parts) > 2 and parts[2] in folders() - {task}:
                    found.append(f"{path.name}:{node.lineno} of {task} imports {node.module}")
    assert not found, "what two tasks need lies beside their folders, as in tasks/text"


def test_nothing_imports_a_tasks_folder() -> None:
    """But the benchmark of the language model's training step, and types."""
    found = []
    for name, module in outside_of_tasks():
        conditions = [node for node in module if isinstance(node, ast.If)]
        checked = [node for node in conditions if "TYPE_CHECKING" in ast.dump(node.test)]
        types = {id(inner) for node in checked for inner in ast.walk(node)}
        for node in module:
            if isinstance(node, ast.ImportFrom) and node.module and id(node) not in types and name != "bench/step.py":
                parts = node.module.split(".")
                if parts[:2] == ["recurra", "tasks"] and len(parts) > 2 and parts[2] in folders():
                    found.append(f"{name}:{node.lineno} imports {node.module}")
    assert not found, "what a command needs of some tasks is an ability, see tasks.abilities"


# one version, one set of pins


def test_one_version() -> None:
    citation = re.search(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.M)
    changelog = re.search(r"^## \[(\d\S*)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert citation
    assert changelog
    assert citation[1] == changelog[1] == PYPROJECT["project"]["version"]


def test_every_requirement_is_pinned_in_the_constraints() -> None:
    def canonical(name: str) -> str:
        return re.sub(r"[-_.]+", "-", name).lower()

    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
    pins = {canonical(name): version for name, _, version in (line.partition("==") for line in lines)}
    assert all(pins.values()), "constraints.txt: every line is name==version"
    groups = PYPROJECT["dependency-groups"]
    wanted = [*PYPROJECT["project"]["dependencies"], *groups["dev"], *groups["docs"], *groups["release"]]
    for requirement in wanted + PYPROJECT["build-system"]["requires"]:
        pin = pins.get(canonical(re.match(r"[\w.-]+", requirement)[0]))
        assert pin is not None, f"{requirement} has no pin in constraints.txt"
        exact = re.search(r"==([\w.]+)", requirement)
        assert exact is None or exact[1] == pin, f"{requirement}, but constraints.txt says {pin}"


# one command


def test_hooks_and_ci_call_make_alone() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    hooks = re.findall(r"^\s+entry: (.+)$", (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"), re.M)
    assert hooks == ["make lint", "make fast"]
    assert {hook.removeprefix("make ") for hook in hooks} <= targets
    ci = ROOT / ".ci" / "run"
    assert os.access(ci, os.X_OK), ".ci/run has lost its executable bit"
    made = [line for line in ci.read_text(encoding="utf-8").splitlines() if line.startswith("make ")]
    assert made == ["make test", "make docs"], "one after the other: both use every core"
    assert "check: test" in (ROOT / "Makefile").read_text(encoding="utf-8").splitlines()


def test_contributing_fits_a_screen_and_names_the_floors() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 60
    floors = next(
        contract for contract in PYPROJECT["tool"]["importlinter"]["contracts"] if contract["type"] == "layers"
    )
    drawn = "\n".join("    " + floor.replace("(", "").replace(")", "") for floor in floors["layers"])
    assert drawn in text, "CONTRIBUTING.md and pyproject.toml draw different floors"


# what must be here, and what must not


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("LICENSE", "Apache License"),
        ("README.md", "Recurra"),
        ("SECURITY.md", "private security advisories"),
        ("CODE_OF_CONDUCT.md", "private security advisories"),
        ("CITATION.cff", "The Recurra developers"),
        ("src/recurra/py.typed", ""),
    ],
)
def test_the_house_papers_are_here(name: str, says: str) -> None:
    assert says in (ROOT / name).read_text(encoding="utf-8")


def test_no_paths_or_registries_of_a_machine() -> None:
    folder = re.compile(r"(?<![\w.~/-])/(?:work|root|home|opt|Users)/")
    registry = re.compile(r"(?:index-url|find-links)[ =]+(?!https://download\.pytorch\.org/)\S+")
    found = [
        f"{name}:{number}: {line.strip()[:100]}"
        for name, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        if folder.search(line) or registry.search(line)
    ]
    assert not found, "\n".join(found)


def test_no_large_files() -> None:
    large = [path.relative_to(ROOT).as_posix() for path in repository_files() if path.stat().st_size > 1_000_000]
    assert not large, f"over 1 MB: {large}"


def unsafe_loading(source: str) -> Iterator[tuple[int, str]]:
    """(line, what) of everything that could execute a file's content while reading it."""
    unsafe_modules = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
    for node in nodes(source):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, n.name) for n in names if n.name.split(".")[0] in unsafe_modules)
            case ast.ImportFrom(module=str(module)) if module.split(".")[0] in unsafe_modules:
                yield node.lineno, module
            case ast.ImportFrom(module="torch", names=names):
                yield from ((node.lineno, "torch.load") for n in names if n.name == "load")
            case ast.Attribute(value=ast.Name(id="torch"), attr="load"):
                yield node.lineno, "torch.load"
            case ast.keyword(arg="allow_pickle", value=ast.Constant(value=value)) if value is not False:
                yield node.lineno, f"allow_pickle={value}"


def test_nothing_in_src_unpickles() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {what}"
        for path in (ROOT / "src").rglob("*.py")
        for line, what in unsafe_loading(path.read_text(encoding="utf-8"))
        if (path.name, what) != ("encoders.py", "torch.load")
    ]
    assert not found, "\n".join(found)


def test_the_one_file_that_torch_loads_holds_weights_only() -> None:
    """That its hash is known before is tested beside it: tests/tasks/caption."""
    tree = ast.parse((ROOT / "src/recurra/tasks/caption/encoders.py").read_text(encoding="utf-8"))
    (call,) = (n for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n.func) == "torch.load")
    assert {word.arg: ast.unparse(word.value) for word in call.keywords}["weights_only"] == "True"


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import load",
        "import torch\ntorch.load('x')",
        "from torch import load",
        "import numpy as np\nnp.load('x', allow_pickle=True)",
    ],
)
def test_the_unpickling_law_has_teeth(source: str) -> None:
    assert list(unsafe_loading(source))


# names


OLD_NAMES = (
    "rival rivals judge judges judged judging judgement Talk talk foretell foretells foretold emptied own_words ours "
    "drawn_outputs begun_anew duel GapFiller fill_gap Prepared cut_texts"
).split()
"""Words that stood for baseline, evaluate, progress logger, predict, ...: docs/glossary.md has those that are used."""
MAY_STAND = {"src/recurra/tasks/text/usual.py": {"judgement"}}  # 评价, a column's name


def test_old_names_are_gone() -> None:
    """From src, with the help and messages in it, and from the docs."""
    wanted = re.compile(rf"\b({'|'.join(OLD_NAMES)})\b")
    found = []
    for name, text in texts():
        if not name.startswith(("src/", "docs/", "README.md", "CONTRIBUTING.md")):
            continue
        for number, line in enumerate(text.splitlines(), start=1):
            found += [f"{name}:{number}: {w}" for w in wanted.findall(line) if w not in MAY_STAND.get(name, ())]
    assert not found, "\n".join(found)


OLD_WORDS = frozenset("told tell telling theirs mine spell attach places".split())
"""Of which no name is made, though prose may have them. `kind`, `gap` and `cut` are words of the field too: the kind of
a source or an edge, a gap in a series, words that a segmenter cuts."""


def defined(source: str) -> Iterator[tuple[int, str]]:
    """(line, name) of everything that a module names: functions, classes, arguments, variables, what it imports as."""
    for node in nodes(source):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield node.lineno, name
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield node.lineno, name
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                yield from ((node.lineno, each.asname) for each in names if each.asname is not None)


def words_of(name: str) -> set[str]:
    """Of a name in any case: TellingClasses is telling and classes."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


def test_names_are_not_made_of_old_words() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in (ROOT / "src").rglob("*.py")
        for line, name in defined(path.read_text(encoding="utf-8"))
        if words_of(name) & OLD_WORDS
    ]
    assert not found, "\n".join(found)


def test_the_law_of_names_has_teeth() -> None:
    assert all(re.search(rf"\b{word}\b", f"x = {word}.y") for word in OLD_NAMES)


@pytest.mark.parametrize(
    "source",
    [
        "def _tell(x): ...",
        "class TellingClasses: ...",
        "def f(*, places): ...",
        "TOLD = 16",
        "vector_places: int = 3",
        "a.mine = 1",
        "for _, theirs in x: ...",
        "[told for told in x]",
        "import a as mine",
    ],
)
def test_the_law_of_words_has_teeth(source: str) -> None:
    assert any(words_of(name) & OLD_WORDS for _, name in defined(source))

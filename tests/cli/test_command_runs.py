"""`recurra runs` and `recurra compare`."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from command_line import TINY, Recurra

from recurra import model_folder
from recurra.cli import main
from recurra.locks import acquire


@pytest.fixture(scope="session")
def several(names: Path, text: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classifiers and a language model in one folder, with what is no run beside them."""
    folder = tmp_path_factory.mktemp("several")
    more = {"one": ["--cell", "gru"], "two": ["--cell", "lstm", "--seed", "1"]}
    for name, given in more.items():
        assert main(["train", str(names), "--out", str(folder / name), "--quiet", *TINY, *given]) == 0
    assert main(["train", str(text), "--out", str(folder / "three"), "--quiet", *TINY]) == 0
    (folder / "notes.txt").write_text("no run", encoding="utf-8")
    (folder / "empty").mkdir()
    return folder


def test_runs_are_listed_with_what_they_had_to_beat(recurra: Recurra, several: Path) -> None:
    result = recurra("runs", several)
    assert (result.code, result.err) == (0, "")
    head, *rows = result.out.splitlines()
    assert head.split("  ")[0] == "run"
    assert len(rows) == 3
    document = json.loads(recurra("runs", several, "--json").out)
    assert [Path(run["folder"]).name for run in document["runs"]] == sorted(
        (Path(run["folder"]).name for run in document["runs"]),
        key=lambda name: model_folder.read(several / name).config["created"] + str(several / name),
    )
    by_name = {Path(run["folder"]).name: run for run in document["runs"]}
    one = by_name["one"]
    metrics = model_folder.read(several / "one").metrics
    assert (one["task"], one["data"], one["status"], one["metric"]) == ("classify", "names", "finished", "accuracy")
    assert one["score"] == metrics["metrics"]["accuracy"]
    assert one["baseline_score"] == max(baseline["metrics"]["accuracy"] for baseline in metrics["baselines"])
    assert one["seconds"] == metrics["seconds"]
    assert by_name["three"]["metric"] == "bits_per_character"
    (row,) = (line for line in rows if "/one " in line)
    assert f"{one['score']:.4f}" in row
    assert one["baseline"] in row


def test_one_model_folder_is_a_list_of_one(recurra: Recurra, several: Path) -> None:
    assert len(json.loads(recurra("runs", several / "one", "--json").out)["runs"]) == 1


def test_a_stopped_and_a_broken_run_stand_in_the_list_and_beside_it(
    recurra: Recurra, several: Path, tmp_path: Path
) -> None:
    whole = model_folder.read(several / "one")
    for name, change in (("stopped", {"status": "stopped", "metrics": None}), ("odd", {"seconds": "long"})):
        model_folder.write(
            tmp_path / "runs" / name,
            config=whole.config,
            preprocessing=whole.preprocessing,
            weights=whole.weights(),
            metrics=whole.metrics | change,
        )
    metrics = whole.metrics | {"status": "running", "metrics": None}
    for name in ("killed", "going"):
        model_folder.write(
            tmp_path / "runs" / name,
            config=whole.config,
            preprocessing=whole.preprocessing,
            weights=whole.weights(),
            metrics=metrics,
        )
    (tmp_path / "runs" / "half").mkdir()
    (tmp_path / "runs" / "half" / "manifest.json").write_text("{", encoding="utf-8")
    with acquire(tmp_path / "runs" / "going"):
        result = recurra("runs")
    assert result.code == 0
    status = {line.split()[0]: line for line in result.out.splitlines()[1:]}
    assert status.keys() == {"runs/stopped", "runs/killed", "runs/going"}
    assert " stopped " in status["runs/stopped"]
    assert " interrupted " in status["runs/killed"]
    assert " running " in status["runs/going"]
    assert re.search(r"note: runs/half: ", result.err)
    assert "note: runs/odd: metrics.json: seconds" in result.err
    run = json.loads(recurra("runs", "--json").out)["runs"][0]
    assert (run["metric"], run["score"], run["baseline"]) == (None, None, None)


def test_no_folder_and_no_runs(recurra: Recurra, tmp_path: Path) -> None:
    recurra("runs").refused(2, "there is no folder runs")
    (tmp_path / "runs").mkdir()
    result = recurra("runs")
    assert (result.code, result.out, result.err) == (0, "", "note: no runs are in runs\n")


def test_two_runs_beside_each_other(recurra: Recurra, several: Path) -> None:
    result = recurra("compare", several / "one", several / "two")
    assert result.code == 0
    lines = {line.split("  ")[0]: line for line in result.out.splitlines()}
    assert "gru" in lines["cell"]
    assert lines["seed"].split() == ["seed", "0", "1"]
    assert "hidden_size" not in lines
    assert "their seeds differ" in result.err
    document = json.loads(recurra("compare", several / "one", several / "two", "--json").out)
    assert document["settings"]["training.seed"] == [0, 1]
    assert set(document["settings"]) == {"network.cell", "training.seed"}
    scores = [run["metrics"]["accuracy"] for run in document["runs"]]
    for score in scores:
        assert f"{score:.4f}{' *' if score == max(scores) != min(scores) else ''}" in lines["accuracy"]


def test_runs_that_cannot_be_evaluated_by_their_scores_say_so(recurra: Recurra, several: Path) -> None:
    result = recurra("compare", several / "one", several / "three")
    assert result.code == 0
    assert "note: the runs are of different tasks" in result.err


class Parts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_page_needs_nothing_else(recurra: Recurra, several: Path, tmp_path: Path) -> None:
    assert recurra("compare", several / "one", several / "two", "--out", "page.html").code == 0
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    parts = Parts()
    parts.feed(page)
    tags = [tag for tag, _ in parts.tags]
    assert tags.count("svg") == 1
    assert tags.count("script") == 1
    assert "link" not in tags
    assert not [
        value
        for _, attributes in parts.tags
        for name, value in attributes.items()
        if name in ("src", "href") and value and not value.startswith("#")
    ]
    assert page.count("<bdi>") >= 4
    assert "Settings that differ" in page
    assert "their seeds differ" in page
    assert "#1f5fa8" in page
    assert "#c2571a" in page


def test_names_of_runs_are_escaped_on_the_page() -> None:
    from recurra.report.compared import Comparison, Row, build_comparison

    page = build_comparison(Comparison(["<b>x", "y"], [[], []], [Row("a", ["<i>", "&"], [True, False])], [], ["<u>"]))
    for bad in ("<b>x", "<i>", "<u>"):
        assert bad not in page
    assert "None." in page
    assert "<svg" not in page


@pytest.mark.parametrize(
    ("line", "piece"),
    [
        ("compare one", "at least two runs, got 1"),
        ("compare one one", "one is named twice"),
        ("compare one two --out page.pdf", "ends in .html"),
    ],
)
def test_what_cannot_be_compared(
    recurra: Recurra, several: Path, line: str, piece: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(several)
    recurra(*line.split()).refused(2, piece)


def test_a_folder_that_is_no_run(recurra: Recurra, several: Path) -> None:
    recurra("compare", several / "one", several / "empty").refused(4, "empty")

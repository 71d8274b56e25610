"""What holds for the runs of every task of the registry."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import recurra
from recurra import model_folder
from recurra.api import training, training_run
from recurra.api.progress import ProgressLogger
from recurra.errors import DataError, RecurraError, StoppedError, UsageError
from recurra.report.metric import find
from recurra.tasks import registry
from recurra.tasks.abilities import Attributable, Conditioned, Streaming
from recurra.tasks.registry import TASKS
from tests.laws.tasks.tiny_tasks import MARKUP, TINY, Tiny, shared_runs

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, recurra.Run]:
    """A run of each task, see `shared_runs`; nobody may change its folder."""
    return shared_runs(tmp_path_factory)


@pytest.fixture(params=list(TASKS))
def task(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("RECURRA_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return str(request.param)


NOT_TO_USE_A_MODEL = (
    "lightning_fabric", "torch._dynamo", "torch._inductor", "torch._decomp", "torch.distributed.fsdp", "sympy",
    "scipy", "sklearn", "pandas", "jinja2",
)  # fmt: skip
"""What takes longer to import than a model needs for its answer."""


@pytest.fixture
def tiny(task: str) -> Tiny:
    assert task in TINY, f"write a small example of {task} into tiny_tasks.py"
    return TINY[task]


def test_a_run_stopped_and_resumed_is_the_uninterrupted_one(
    task: str, tiny: Tiny, runs: dict[str, recurra.Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = runs[task]  # trained with its page, if nobody has yet
    monkeypatch.setattr(training_run, "build_report", lambda record: "<html></html>")
    steps = whole.metrics["history"][-1]["step"]
    sent: list[int] = []

    class Interrupting(ProgressLogger):
        def tick(self, tick: Any) -> None:
            if tick.step == max(1, steps // 2 - 1) and not sent:
                sent.append(tick.step)
                signal.raise_signal(signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(training, "ProgressLogger", Interrupting)
        with pytest.raises(StoppedError):
            tiny.train(tmp_path, tmp_path / "stopped")
    resumed = recurra.train(resume=tmp_path / "stopped", quiet=True)
    ours, theirs = (model_folder.read(run.folder).weights() for run in (resumed, whole))
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if not torch.equal(ours[name], theirs[name])] == []
    assert resumed.metrics["metrics"] == whole.metrics["metrics"]
    first, second = (
        [{k: v for k, v in point.items() if k != "seconds"} for point in run.metrics["history"]]
        for run in (resumed, whole)
    )
    assert first == second


def test_a_fresh_process_gives_the_same_answers(runs: dict[str, recurra.Run], tmp_path: Path) -> None:
    check_a_fresh_process({task: runs[task] for task in TASKS}, tmp_path)


def check_a_fresh_process(runs: dict[str, recurra.Run], tmp_path: Path, *, before: str = "") -> None:
    """As a command line has it: without what only training needs. before: what the other process does first"""
    folders = {task: str(run.folder) for task, run in runs.items()}
    code = (
        "import json, sys\n"
        "from recurra.torch_parts import leave_parts_for_later; leave_parts_for_later()\n"
        f"{before}\n"
        "import torch, recurra\n"
        "torch.set_num_threads(int(sys.argv[2]))\n"
        "runs = {t: recurra.load(f) for t, f in json.loads(sys.argv[1]).items()}\n"
        f"print([name for name in {NOT_TO_USE_A_MODEL} if name in sys.modules])\n"
        "from tests.laws.tasks.tiny_tasks import TINY\n"
        "print(json.dumps({t: TINY[t].ask(run, TINY[t].asked) for t, run in runs.items()}))\n"
    )
    words = [sys.executable, "-c", code, json.dumps(folders), str(torch.get_num_threads())]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    here = {task: TINY[task].ask(run, TINY[task].asked) for task, run in runs.items()}
    imported, answers = done.stdout.splitlines()
    assert imported == "[]"
    assert json.loads(answers) == json.loads(json.dumps(here))


def test_the_held_out_part_again_gives_the_reports_figures(task: str, runs: dict[str, recurra.Run]) -> None:
    run = runs[task]
    again = recurra.load(run.folder).evaluate()
    stored = run.metrics["metrics"]
    assert {name: again[name] for name in stored} == pytest.approx(stored, rel=1e-6)
    assert again["count"] > 0


def test_an_answer_does_not_depend_on_what_else_is_asked(task: str, tiny: Tiny, runs: dict[str, recurra.Run]) -> None:
    together = tiny.ask(runs[task], tiny.asked)
    for text, answer in zip(tiny.asked, together, strict=True):
        (alone,) = tiny.ask(runs[task], [text])
        _near(alone, answer)


def _near(a: Any, b: Any) -> None:
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            _near(a[key], b[key])
    elif isinstance(a, list | tuple):
        assert len(a) == len(b)
        for one, other in zip(a, b, strict=True):
            _near(one, other)
    elif isinstance(a, float):
        assert a == pytest.approx(b, rel=1e-4, abs=1e-6)
    else:
        assert a == b


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.seen.append(tag)


GIVEN: dict[str, Any] = {"generate-frames": np.linspace([0, 0], [2, 0], 5)}
"""What is traced where it is not what is asked."""


def test_its_layers_can_be_looked_into(task: str, tiny: Tiny, runs: dict[str, recurra.Run]) -> None:
    run, given = runs[task], GIVEN.get(task, tiny.asked[0])
    found, slow = run.trace(given), run.trace(given, engine="reference")
    assert list(found) == list(slow)
    for key, values in found.arrays().items():
        np.testing.assert_allclose(values, slow[key], rtol=0, atol=1e-5)
    assert list(run.states(given)) == [layer.key(n) for layer in found.layers for n in layer.states]
    assert all(len(layer.tokens) == len(v) for layer in found.layers for v in layer.values.values())
    table = found.frame()
    assert len(table) == sum(values.size for values in found.arrays().values())
    one, name = found.layers[-1], found.layers[-1].states[0]
    cell = {"stack": one.stack, "layer": one.layer, "direction": ("forward", "backward")[one.direction]}
    (row,) = table.filter(**cell, name=name, step=0, unit=2).rows(named=True)
    assert (row["token"], row["value"]) == (one.tokens[0], one.values[name][0, 2])
    assert "</svg>" in found.plot()
    if task == "forecast":
        with pytest.raises(UsageError, match="quantiles"):
            run.probabilities(given)
        return
    thought = run.probabilities(given)
    assert thought.values.shape == (len(thought.tokens), len(thought.classes))
    np.testing.assert_allclose(thought.values.sum(1), 1, atol=1e-4)
    assert "</svg>" in thought.plot(top=2)
    if task in ("classify", "frames", "language"):  # at the end it thinks what it answers
        (answer,) = tiny.ask(run, [given])
        asked = answer.get("classes") or answer.get("next")
        _near([tuple(each.values()) for each in asked], thought.top(2)[-1])
    with pytest.raises(UsageError):
        run.trace([given, given] if isinstance(given, str) else [given] * 2)


def test_a_page_reads_its_own_inputs_as_its_trace_says(task: str, runs: dict[str, recurra.Run]) -> None:
    from recurra.inspector import documents
    from recurra.inspector.inspected import Inspected

    page = Inspected(runs[task])
    found = page.offered
    assert found, "show inputs of the run's own data"
    assert len({one.name for one in found}) > 1 or len(found) == 1
    given, options = found[0].given, dict(found[0].options)
    reading, trace = page.read(given, options, seconds=60), runs[task].trace(given, **options)
    assert reading.complete
    for layer in trace.layers:
        key = f"{layer.stack}.l{layer.layer}{'_reverse' if layer.direction else ''}"
        for name, values in layer.values.items():
            strip = reading.strip(key)
            np.testing.assert_allclose(strip.values(name, 0, strip.length), values, rtol=0, atol=1e-5)
    document = documents.of_reading(reading) | documents.of_answer(reading.answer)
    assert json.loads(json.dumps(document)) == document
    said = [name for name in ("ranked", "texts", "ahead") if document[name]]
    assert bool(said) != (task in ("language", "generate", "generate-frames", "fill", "tag"))
    if reading.thoughts is not None:
        thought = runs[task].probabilities(given, **options)
        best = documents.of_thoughts(reading, 0, 1000, 2)
        assert len(best) == len(thought.tokens)
        for row, expected in zip(best, thought.top(2), strict=True):
            _near([chance for _, chance in row], [chance for _, chance in expected])


def test_its_answer_is_attributed_to_what_it_read(task: str, tiny: Tiny, runs: dict[str, recurra.Run]) -> None:
    run, given = runs[task], GIVEN.get(task, tiny.asked[0])
    if not isinstance(run.model, Attributable):
        with pytest.raises(UsageError, match="attribute"):
            run.attribute(given)
        return
    found, slow = run.attribute(given), run.attribute(given, engine="reference")
    for name, values in found.parts.items():
        np.testing.assert_allclose(values, slow.parts[name], rtol=0, atol=1e-5)
        assert values.shape == (len(found.targets), len(found.steps))
    rest = 0.0 if found.beside is None else found.beside.rest
    difference, size = np.abs(found.outputs - found.base_outputs), np.abs(found.total).sum(1)
    missed = np.abs(found.total.sum(1) + rest - (found.outputs - found.base_outputs))
    assert (missed <= 0.01 * np.maximum(difference, 0.01 * size)).all()
    assert len(found.frame()) == len(found.parts) * len(found.targets) * len(found.steps)
    assert "</svg>" in found.plot()
    if task == "classify":
        logs = np.log(run.predict_proba([given])[0].astype(np.float64))
        assert found.outputs[0] == pytest.approx((logs - logs.mean()).max(), abs=1e-4)
        assert run.attribute(given, target=run.classes[0], against="mean").targets == (run.classes[0],)
    if task == "forecast":
        (answer,), ahead = run.predict(given), run.attribute(given, at=2, against="mean")
        median = run.preprocessor.transform.inverse(ahead.outputs)
        assert median[0] == pytest.approx(float(answer.median[1]), rel=1e-4)
    with pytest.raises(UsageError):
        run.attribute([given, given] if isinstance(given, str) else [given] * 2)


def test_its_page_is_whole_and_escapes_what_it_shows(task: str, runs: dict[str, recurra.Run]) -> None:
    page = (runs[task].folder / "report.html").read_text(encoding="utf-8")
    tags = _Tags()
    tags.feed(page)
    assert "b" not in tags.seen, f"{MARKUP} of the data became markup"
    assert tags.seen.count("script") == 1
    assert not re.search(r"<script[^>]|src=\"http|href=\"http", page)
    assert "Data flow of a step" in page
    for name in runs[task].metrics["metrics"]:
        if name != "loss":
            assert find(registry.get(task).metrics, name).label in page


LOSS = {
    "classify": "nats per example",
    "language": "nats per character",
    "tag": "nats per token",
    "fill": "nats per blank",
    "translate": "nats per token",
    "generate": "nats per character",
}


def test_its_loss_has_the_right_unit(task: str, runs: dict[str, recurra.Run]) -> None:
    record = json.loads(model_folder.read(runs[task].folder).read_extra("report.json"))
    unit = next(row["unit"] for row in record["metric_rows"] if row["name"] == "loss")
    assert unit == LOSS.get(task, unit) != ""
    assert f">Loss, {unit}</text>" in runs[task].report.read_text(encoding="utf-8")


def test_every_score_has_a_row(task: str, runs: dict[str, recurra.Run]) -> None:
    rows = registry.get(task).metrics
    names = [row.name for row in rows]
    assert len(set(names)) == len(names)
    run = runs[task]
    scored = [*run.metrics["metrics"], *(name for each in run.metrics["baselines"] for name in each["metrics"])]
    assert set(scored) <= set(names)
    assert rows[0].better is not None
    assert all(0 < len(row.short) <= 20 for row in rows)


def test_it_says_why_these_weights_were_kept(task: str, runs: dict[str, recurra.Run]) -> None:
    assert re.search(
        r"The weights kept are those of epoch .{1,80} evaluations this one had the (highest|lowest) validation ",
        runs[task].report.read_text(encoding="utf-8"),
    )


def test_changed_settings_are_shown_and_the_others_folded(task: str, runs: dict[str, recurra.Run]) -> None:
    page = runs[task].report.read_text(encoding="utf-8")
    shown, _, folded = page[page.index('id="settings"') :].partition("<details>")
    settings = {name for group in runs[task].config["settings"].values() for name in group}
    own = registry.get(task).defaults.settings.names()
    there = {name: f'<th scope="row">{name.replace("_", " ")}</th>' for name in settings}
    assert settings == own
    assert all((row in shown) != (row in folded) for row in there.values())
    assert there["hidden_size"] in shown
    assert there["seed"] in folded


def test_baselines_stand_beside_it(task: str, runs: dict[str, recurra.Run]) -> None:
    metrics = runs[task].metrics
    baselines = metrics["baselines"]
    assert len({b["name"] for b in baselines}) == len(baselines) > 0
    for baseline in baselines:
        assert set(baseline["metrics"]) & set(metrics["metrics"]), baseline["name"]


@pytest.mark.parametrize("split", [(1.0, 0.0, 0.0), (0.9, 0.0, 0.1)], ids=["all to train", "none to validation"])
def test_a_part_that_nothing_is_left_for_is_named(
    tiny: Tiny, split: tuple[float, float, float], tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=r"the validation part (is empty|has no|holds no)"):
        tiny.train(tmp_path, tmp_path / "run", split=split)
    assert not (tmp_path / "run").exists()


BAD = {
    "nothing there": None,
    "empty": b"",
    "blank": b"\n \n\n",
    "no text": bytes(range(256)) * 40,
    "packed": b"\x1f\x8b\x08\x00" + bytes(60),
    "picture": b"\x89PNG\r\n\x1a\n" + bytes(600),
}


@pytest.mark.parametrize("kind", list(BAD))
def test_bad_data_are_an_error_that_names_them(task: str, tiny: Tiny, kind: str, tmp_path: Path) -> None:
    there = tiny.write(tmp_path)
    content = BAD[kind]
    if there.is_dir():
        for path in there.iterdir():
            path.write_bytes(content or b"")
        bad = there if content is not None else there / "missing"
    else:
        bad = there
        bad.unlink() if content is None else bad.write_bytes(content)
    with pytest.raises(DataError) as error:
        recurra.train(bad, task=task, out=tmp_path / "run", quiet=True, epochs=1.0)
    assert 20 < len(str(error.value)) < 2000
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("asked", [[None], [3.5], None, {"text": "a"}, b"a", {"a"}], ids=str)
def test_a_question_that_is_none_is_refused(task: str, runs: dict[str, recurra.Run], asked: Any) -> None:
    with pytest.raises(UsageError):
        runs[task].predict(asked)


@pytest.mark.parametrize("asked", ["", "  "])
def test_an_empty_question_is_refused_or_begins_a_text(task: str, runs: dict[str, recurra.Run], asked: str) -> None:
    if isinstance(runs[task].model, Streaming):
        assert len(runs[task].predict([asked], top=2)) == 1
    else:
        with pytest.raises(UsageError):
            runs[task].predict([asked])


def test_an_option_that_it_does_not_read_is_refused(task: str, tiny: Tiny, runs: dict[str, recurra.Run]) -> None:
    if isinstance(runs[task].model, Conditioned):
        with pytest.raises(RecurraError, match="colour"):
            runs[task].generate("a", colour=3)
    else:
        with pytest.raises(RecurraError, match="colour"):
            runs[task].predict(tiny.asked[:1], colour=3)


def test_its_graphs_say_the_same_of_what_was_held_out(task: str, runs: dict[str, recurra.Run], tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    proof = runs[task].export("onnx", tmp_path / "graphs").about["proof"]
    assert proof["numbers"] > 0
    assert proof["largest_difference"] <= 1e-5 * max(1.0, proof["largest_number"])
    assert proof["same_answers"] == proof["answers"]


def test_a_card_in_its_folder_says_what_the_report_says(task: str, runs: dict[str, recurra.Run]) -> None:
    run = runs[task]
    card = model_folder.read(run.folder).read_extra("README.md").decode()
    (row,) = (line for line in card.splitlines() if line.startswith("| **this model** |"))
    rows = registry.get(task).metrics
    written = [find(rows, name).write(value) for name, value in run.metrics["metrics"].items()]
    assert sorted(row.removesuffix(" |").split(" | ")[1:]) == sorted(written)
    assert all(file.sha256 in card for file in run.stored.data.files)
    assert f'- "{run.settings.network.cell}"' in card.splitlines()[:10]

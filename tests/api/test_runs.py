"""From data to a folder and back: what was trained is what is loaded, evaluated and used."""

from __future__ import annotations

import json
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import recurra
from recurra import model_folder
from recurra.api.preparation import processors
from recurra.data.tokens import chinese
from recurra.errors import DataError, EngineError, ModelFolderError, UnknownNameError, UsageError

Train = Callable[..., recurra.Run]


@pytest.fixture
def train(usual_train: Train) -> Train:
    return usual_train


def test_a_classifier_is_the_same_after_loading(train: Train, labels: Path, tmp_path: Path) -> None:
    run = train(labels, epochs=8.0, dropout=0.3, learning_rate=0.02)
    again = recurra.load(tmp_path / "run")
    texts = ["abc", "fghi", "eee", "a", "hghghghghghg"]
    assert again.predict(texts, top=2) == run.predict(texts, top=2)
    assert [p.label for p in run.predict(["aabbccdd", "iihhgg"])] == ["low", "high"]
    assert run.metrics["metrics"]["accuracy"] > 0.8
    alone = [run.predict(t, top=2)[0].classes for t in texts]
    for one, together in zip(alone, run.predict(texts, top=2), strict=True):
        assert one == [(name, pytest.approx(p, abs=1e-6)) for name, p in together.classes]


def test_a_language_model_is_the_same_after_loading(train: Train, text: Path, tmp_path: Path) -> None:
    run = train(text)
    again = recurra.load(tmp_path / "run")
    drawn = run.generate("sun ", 40, temperature=0.8, seed=3)
    assert again.generate("sun ", 40, temperature=0.8, seed=3) == drawn
    assert len(drawn) == 44
    assert "".join(run.stream("sun ", 40, temperature=0.8, seed=3)) == drawn[4:]


@pytest.mark.parametrize("more", [{}, {"split": (0.6, 0.2, 0.2)}])
def test_judging_again_gives_the_same_figures(
    train: Train, labels: Path, text: Path, tmp_path: Path, more: dict[str, Any]
) -> None:
    for number, data in enumerate((labels, text)):
        run = recurra.load(train(data, out=tmp_path / str(number), **more).folder)
        found = run.evaluate()
        assert {k: found[k] for k in run.metrics["metrics"]} == run.metrics["metrics"]
        assert run.metrics["evaluated_on"] in found["on"]


def test_columns_of_other_data_may_have_other_names(train: Train, labels: Path, tmp_path: Path) -> None:
    rows = [f"{text},{path.stem}" for path in sorted(labels.glob("*.txt")) for text in path.read_text().split()]
    (tmp_path / "a.csv").write_text("\n".join(["word,kind", *rows]), encoding="utf-8")
    (tmp_path / "b.csv").write_text("\n".join(["text,what", *rows]), encoding="utf-8")
    run = train(tmp_path / "a.csv", text="word", label="kind")
    with pytest.raises(DataError, match=r"no column 'word'.*\n.*--text COLUMN"):
        run.evaluate(tmp_path / "b.csv")
    with pytest.raises(DataError, match=r"no column 'kind'.*\n.*--label COLUMN"):
        run.evaluate(tmp_path / "b.csv", text="text")
    assert run.evaluate(tmp_path / "b.csv", text="text", label="what")["count"] == len(rows)


def test_judging_counts_what_it_scores(train: Train, text: Path, tmp_path: Path) -> None:
    run = train(text)
    held_out = json.loads((run.folder / "config.json").read_text())["config"]["data"]["counts"]["validation"]
    assert run.evaluate()["count"] == held_out - 1
    assert run.evaluate(text)["count"] == len(text.read_text()) - 1


def test_new_data_are_evaluated_whole(train: Train, labels: Path, text: Path, tmp_path: Path) -> None:
    run = train(labels, epochs=3.0)
    table = tmp_path / "new.csv"
    table.write_text("text,label\nabab,low\nhihi,high\nabba,low\n", encoding="utf-8")
    assert run.evaluate(table)["count"] == 3
    assert run.evaluate(labels)["count"] == 120
    table.write_text("text,label\nabab,low\nhihi,middle\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"new\.csv:3: the label 'middle' was not in training"):
        run.evaluate(table)
    with pytest.raises(DataError, match="has no labels to learn"):
        run.evaluate(text)
    with pytest.raises(DataError, match=r"no-such\.csv: no such file"):
        run.evaluate("no-such.csv")


def test_baselines_stand_beside_other_data_too(train: Train, labels: Path, text: Path, tmp_path: Path) -> None:
    run = train(labels)
    again = run.evaluate(baselines=True)
    stored = {baseline["name"]: baseline["metrics"] for baseline in run.metrics["baselines"]}
    assert {baseline["name"]: baseline["metrics"] for baseline in again["baselines"]} == stored
    other = tmp_path / "other.csv"
    other.write_text("text,label,pair\nabcde,low,1\nefghi,high,1\nabba,low,2\nbaba,high,2\n", encoding="utf-8")
    found = run.evaluate(other, baselines=True, groups="pair")
    assert [baseline["name"] for baseline in found["baselines"]] == list(stored)
    for scores in (found, *(baseline["metrics"] for baseline in found["baselines"])):
        assert scores["groups_right"] <= scores["accuracy"]
    bag = found["baselines"][1]["metrics"]
    assert (bag["accuracy"], bag["groups_right"]) == (0.75, 0.5)  # abba and baba are the same bag
    with pytest.raises(DataError, match="no column 'twins'"):
        run.evaluate(other, groups="twins")
    with pytest.raises(UsageError, match="not a table"):
        run.evaluate(labels, groups="pair")
    with pytest.raises(UsageError, match="DATA must be a table"):
        run.evaluate(groups="pair")
    language = train(text, out=tmp_path / "language")
    found = language.evaluate(text, baselines=True)
    assert [b["name"] for b in found["baselines"]] == [b["name"] for b in language.metrics["baselines"]]
    with pytest.raises(UsageError, match="labelled texts"):
        language.evaluate(text, groups="pair")


def test_chinese_words_and_pairs(train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "reviews.csv"
    opinions = [("很好", 1), ("不好", 0)]
    rows = [
        f"{thing}{word}{sign},{label}"
        for thing in ("房间", "早餐", "屏幕", "电影", "服务", "价格")
        for word, label in opinions
        for sign in "。！!?"
    ]
    table.write_text("review,label\n" + "\n".join(rows) + "\n", encoding="utf-8")
    run = train(table, segment="word", min_count=1)
    stored = json.loads((run.folder / "preprocessing.json").read_text(encoding="utf-8"))["vocabulary"]
    assert (stored["level"], stored["split"], stored["segmenter"]["name"]) == ("word", "chinese", "rjieba")
    assert any("cut by rjieba" in note for note in run.config["notes"])
    found = run.evaluate("chinese-pairs", baselines=True, groups="pair")
    assert found["count"] == 144
    plain = train(table, out=tmp_path / "characters", min_count=1)
    assert any("--segment word" in note for note in plain.config["notes"])
    bag = plain.evaluate("chinese-pairs", baselines=True, groups="pair")["baselines"][1]
    assert (bag["name"], bag["metrics"]["accuracy"], bag["metrics"]["groups_right"]) == (
        "logistic, bag of characters",
        0.5,
        0.0,
    )
    with pytest.raises(UsageError, match="level='char' contradicts"):
        train(table, segment="word", level="char")
    other = chinese.Segmenter("rjieba", "9.9", list)  # cuts every character off
    monkeypatch.setattr(chinese, "_installed", lambda name: other if name == "rjieba" else None)
    with pytest.raises(ModelFolderError, match=r"run: vocabulary: .* rjieba 9\.9 here cuts them differently\ninstall"):
        recurra.load(run.folder)
    assert recurra.load(plain.folder).predict("好")


def test_data_in_parts_can_be_evaluated_again(train: Train, tmp_path: Path) -> None:
    """Files keep their order: as JSON objects they would come back as test, train, validation."""
    words = {"train": "abcd efgh " * 60, "valid": "abcd efgh " * 5, "test": "efgh abcd " * 6}
    (tmp_path / "parts").mkdir()
    for part, content in words.items():
        (tmp_path / "parts" / f"{part}.txt").write_text(content)
    run = train(tmp_path / "parts", task="language")
    assert run.metrics["evaluated_on"] == "test"
    found = run.evaluate()
    assert found["loss"] == run.metrics["metrics"]["loss"]
    assert found["count"] == len(words["test"]) - 1


def test_changed_data_are_named(train: Train, labels: Path) -> None:
    run = train(labels)
    with (labels / "low.txt").open("a") as file:
        file.write("abcabc\n")
    with pytest.raises(DataError, match=r"low\.txt is not the file of this run"):
        run.evaluate()
    (labels / "low.txt").unlink()
    with pytest.raises(DataError, match=r"low\.txt: the data of this run are gone"):
        run.evaluate()


# what a folder tells about the machine


def test_a_folder_holds_no_whole_path(train: Train, labels: Path, tmp_path: Path) -> None:
    given = tmp_path / "more.csv"
    given.write_text("text,label\nabab,low\nhihi,high\n")
    table = tmp_path / "table.csv"
    lines = [f"{line},{name}" for name in ("low", "high") for line in (labels / f"{name}.txt").read_text().split()]
    table.write_text("\n".join(["text,label", *lines]))
    runs = [train("kinds"), train("table.csv", validation="more.csv", out=tmp_path / "other")]
    for run in runs:
        for file in run.folder.iterdir():
            assert str(tmp_path).encode() not in file.read_bytes(), file
        assert run.evaluate()["count"] > 0


def test_a_folder_moved_with_its_data_still_finds_them(train: Train, labels: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    labels.rename(project / "kinds")
    run = train(project / "kinds", out=project / "runs" / "one")
    project.rename(tmp_path / "elsewhere")
    moved = recurra.load(tmp_path / "elsewhere" / "runs" / "one")
    assert moved.evaluate()["accuracy"] == run.metrics["metrics"]["accuracy"]


def test_a_named_data_set_is_found_by_its_name(
    train: Train, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recurra.data.datasets.named._python_docs", lambda: text.read_bytes())
    run = train("python-docs")
    assert run.config["source"]["files"] == []
    assert run.evaluate()["loss"] == run.metrics["metrics"]["loss"]
    monkeypatch.setattr("recurra.data.datasets.named._python_docs", lambda: text.read_bytes() * 2)
    with pytest.raises(DataError, match="is not the file of this run"):
        run.evaluate()


# folders that are there


def test_a_folder_is_not_replaced_unasked(train: Train, labels: Path, text: Path, tmp_path: Path) -> None:
    train(labels)
    with pytest.raises(UsageError, match="run"):
        train(text)
    assert recurra.load(tmp_path / "run").task == "classify"
    assert train(text, overwrite=True).task == "language"


def test_without_a_name_each_run_gets_its_own_folder(train: Train, labels: Path) -> None:
    assert [train(labels, out=None).folder.as_posix() for _ in range(2)] == ["runs/kinds-gru", "runs/kinds-gru-2"]


# cells


def test_the_engine_that_is_named_is_the_one_that_trains(train: Train, labels: Path) -> None:
    assert train(labels).config["engine"] == "native"
    assert train(labels, recurrent_dropout=0.1, overwrite=True).config["engine"] == "native"
    for name in ("vendor", "reference"):
        assert train(labels, engine=name, overwrite=True).config["engine"] == name
    for given in ({"cell": "minimal-gru"}, {"recurrent_dropout": 0.1}):
        with pytest.raises(EngineError, match="engine 'vendor' cannot run"):
            train(labels, engine="vendor", overwrite=True, **given)


# settings that cannot be


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"hidden_size": 0}, "hidden_size must be greater than or equal to 1, got 0"),
        ({"hidden_sise": 5}, "unknown setting 'hidden_sise'; did you mean 'hidden_size'"),
        ({"cell": "lstn"}, "unknown cell 'lstn'; did you mean 'lstm'"),
        ({"engine": "vendors"}, "did you mean 'vendor'"),
        ({"device": "gpu"}, "unknown device 'gpu'"),
        ({"task": "clasify"}, "did you mean 'classify'"),
        ({"pooling": "min"}, "pooling must be 'last', 'mean', 'max' or 'all', got 'min'"),
        ({"tie_weights": True}, "tie_weights is a setting of the tasks language, "),
        ({"text": "name"}, "text names a column, but these data are not a table"),
        ({"split_column": "part"}, "split_column names a column"),
        ({"bptt": 5}, "truncated BPTT reads forward only"),
        ({"max_vocabulary": 99999}, "a vocabulary of 99,999 is larger than the training part, which has"),
        ({"level": "byte", "min_count": 3}, "min_count does not apply to bytes"),
        ({"validation": "x.csv"}, "not with a folder of labels"),
    ],
)
def test_settings_that_cannot_be_are_refused_before_any_work(
    train: Train, labels: Path, tmp_path: Path, given: dict[str, Any], says: str
) -> None:
    with pytest.raises((UsageError, DataError), match=says) as error:
        train(labels, **given)
    assert len(str(error.value).splitlines()) <= 2
    assert not (tmp_path / "run").exists()


def test_settings_of_the_other_task_are_refused(train: Train, text: Path) -> None:
    for given in ({"pooling": "mean"}, {"max_length": 5}, {"keep_repeats": True}, {"label": "x"}):
        with pytest.raises(UsageError, match=next(iter(given))):
            train(text, **given)
    with pytest.raises(UsageError, match="bidirectional is a setting of the tasks classify, tag, translate"):
        train(text, bidirectional=True)


def test_nothing_to_train_on(train: Train) -> None:
    with pytest.raises(UsageError, match="name what to train on"):
        train(None)
    with pytest.raises(DataError, match="no such file or folder, and no data set of this name"):
        train("nothing")


def test_a_wrong_use_is_a_clear_error(train: Train, labels: Path, text: Path, tmp_path: Path) -> None:
    classifier = train(labels)
    with pytest.raises(UsageError, match="is a classifier; it predicts"):
        classifier.generate("a")
    for empty in ("", "  ", ["abc", "\t"]):
        with pytest.raises(UsageError, match=r"text \d is empty"):
            classifier.predict(empty)
    assert classifier.predict([]) == []
    with pytest.raises(UsageError, match="top must be"):
        classifier.predict("abc", top=0)
    with pytest.raises(UnknownNameError, match="nothing"):
        train(labels, nothing=1)


# folders that are damaged


def test_a_folder_of_another_kind_is_refused(train: Train, labels: Path, tmp_path: Path) -> None:
    run = train(labels)
    found = model_folder.read(run.folder)

    def rewritten(preprocessing: Any = found.preprocessing, **changes: Any) -> Path:
        model_folder.write(
            tmp_path / "bad",
            config=found.config | changes,
            preprocessing=preprocessing,
            weights=found.weights(),
            metrics=found.metrics,
            overwrite=True,
        )
        return tmp_path / "bad"

    settings = found.config["settings"]
    for changes, says in (
        ({"task": "paint"}, "knows no task 'paint'"),
        ({"settings": settings | {"network": settings["network"] | {"hidden_size": 7}}}, "weights do not fit"),
        ({"settings": settings | {"network": settings["network"] | {"glue": 1}}}, "unknown setting 'glue'"),
        ({"cell_fingerprint": "0"}, "had other equations"),
        ({"preprocessing": found.preprocessing | {"classes": ["low"]}}, "weights do not fit"),
    ):
        with pytest.raises(ModelFolderError, match=says):
            recurra.load(rewritten(**changes))


# quiet and threads


def test_a_quiet_run_says_nothing(train: Train, labels: Path, text: Path, tmp_path: Path, capfd: Any) -> None:
    """Neither do the libraries below: no tips, no advertisements, no warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(labels)
        train(text, out=tmp_path / "two")
    assert tuple(capfd.readouterr()) == ("", "")


def test_a_run_talks_on_stderr_alone(train: Train, labels: Path, capfd: Any) -> None:
    train(labels, quiet=False)
    out, err = capfd.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert lines[0] == f"training on {labels}"
    assert lines[1] == "task classify: the folder holds 2 files <label>.txt"
    assert lines[-1] == f"report: {Path('run').resolve() / 'report.html'}"
    assert not [line for line in lines if "tip" in line.lower() or "lightning" in line.lower()]


def test_training_in_a_thread(train: Train, labels: Path) -> None:
    found: list[recurra.Run] = []
    thread = threading.Thread(target=lambda: found.append(train(labels)))
    thread.start()
    thread.join()
    assert found[0].predict("abc")


def test_threads_have_a_bound(train: Train, labels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"threads.* must be less than or equal to 1024"):
        train(labels, threads=10**9)
    asked: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    train(labels, threads=1024)
    assert asked == [processors()], "more threads than processors only wait for each other"


def test_a_run_with_its_page_and_samples(labels: Path, text: Path, tmp_path: Path) -> None:
    run = recurra.train(text, out=tmp_path / "run", quiet=True, epochs=0.3, hidden_size=4, embedding_size=3, seed=5)
    page = (run.folder / "report.html").read_text()
    assert "rhymes" in page
    assert run.metrics["status"] == "finished"
    assert "recurra.train(" in run.config["command"]

"""Taggers from file to folder, report and command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import recurra
from recurra.api import training_run
from recurra.cli import main
from recurra.data.tagged.sentences import Sentence
from recurra.errors import DataError, UsageError
from recurra.tasks.tag.report import sections

CITIES = (("Rome",), ("New", "York"), ("San", "Jose"), ("Oslo",))


def write(path: Path, count: int = 80, *, bad: str = "") -> Path:
    lines = []
    for number in range(count):
        city = CITIES[number % 4]
        tags = ["B-city", "I-city"][: len(city)]
        lines += [f"go{number} O", "to O", *(f"{w} {t}" for w, t in zip(city, tags, strict=True)), ""]
    path.write_text("\n".join(lines) + "\n" + bad, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> recurra.Run:
    folder = tmp_path_factory.mktemp("tagger")
    small = {"hidden_size": 6, "embedding_size": 5, "char_size": 4, "char_embedding_size": 4, "batch_size": 16}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training_run, "build_report", lambda record: "<html></html>")
        return recurra.train(
            write(folder / "go.bio"),
            out=folder / "run",
            epochs=12,
            learning_rate=2e-2,
            device="cpu",
            quiet=True,
            **small,
        )


def test_a_run_is_whole(tagger: recurra.Run) -> None:
    assert tagger.task == "tag"
    assert tagger.preprocessor.scheme == "bio"
    assert tagger.preprocessor.tags == ["B-city", "I-city", "O"]
    scores = tagger.metrics["metrics"]
    assert scores["span_f1"] > 0.9
    again = recurra.load(tagger.folder)
    (found,) = again.predict("go1 to New York")
    assert found.tags == ["O", "O", "B-city", "I-city"]
    held_out = again.evaluate()
    assert held_out["span_f1"] == scores["span_f1"]
    assert held_out["count"] == sum(3 + (i % 4 in (1, 2)) for i in range(80)) - sum(
        tagger.config["data"]["tokens"][part] for part in ("train", "validation")
    )


def test_it_answers_for_the_tokens_of_its_data(tagger: recurra.Run, capsys: pytest.CaptureFixture[str]) -> None:
    tokens = ["Bre-X", "fell", "14-1", "to", "New", "York", "'s"]
    one, two = tagger.predict([tokens, ("to", "Oslo")])
    assert (one.tokens, two.tokens) == (tokens, ["to", "Oslo"])
    assert one.text == " ".join(tokens)
    assert main(["predict", str(tagger.folder), "--tokens", one.text]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == tokens
    joined = tagger.predict("Bre-X fell 14-1 , to Oslo .")[0]
    assert joined.tokens == ["Bre-X", "fell", "14-1", ",", "to", "Oslo", "."]
    with pytest.raises(UsageError, match="token 1 of 1 is 'to Oslo'; a token is not empty, without white space"):
        tagger.predict([["to Oslo"]])


def test_the_record_shows_tags_spans_and_sentences(tagger: recurra.Run) -> None:
    record = json.loads((tagger.folder / "report.json").read_text())
    sections = {section["title"]: section for section in record["sections"]}
    own = ["Sentences", "Spans", "Each tag", "Most confused tags", "Confusion matrix", "Linear skip"]
    assert list(sections)[: len(own)] == own
    matrix, tags = sections["Confusion matrix"], sections["Each tag"]
    assert matrix["names"] == ["B-city", "I-city", "O"]
    assert sum(map(sum, matrix["counts"])) == tagger.evaluate()["count"]
    assert sorted(row[0] for row in tags["rows"] + tags["folded"]) == matrix["names"]
    assert (sections["Spans"]["rows"][0][0], sections["Spans"]["marked"]) == ("all", [0])
    right = sections["Sentences"]["folded"]
    assert right[0]["label"].startswith("go.bio:")
    assert {token["tone"] for sentence in right for token in sentence["tokens"]} == {""}


def test_wrong_sentences_come_first_with_wrong_tokens_in_colour() -> None:
    sentences = [
        Sentence(("in", "Ulm"), ("O", "B-city"), Path("a.bio"), (1, 2)),
        Sentence(("to", "Rome", "now"), ("O", "B-city", "O"), Path("a.bio"), (4, 5, 6)),
    ]
    part = SimpleNamespace(sentences=sentences)
    found = sections(part, [["O", "B-city"], ["B-city", "O", "O"]], ["B-city", "O"], "bio")[0]
    (wrong,), (right,) = found.sequences, found.folded
    assert (wrong.label, right.label) == ("a.bio:4", "a.bio:1")
    assert [(t.text, t.under, t.tone) for t in wrong.tokens] == [
        ("to", "O → B-city", "bad"),
        ("Rome", "B-city → O", "bad"),
        ("now", "", ""),
    ]
    assert [(t.text, t.under, t.tone) for t in right.tokens] == [("in", "", ""), ("Ulm", "B-city", "")]


def test_other_data_are_evaluated_in_their_own_scheme(tagger: recurra.Run, tmp_path: Path) -> None:
    rows = ["go1 to New York", "go2 to Rome Oslo"]
    tags = ["O O B-city E-city", "O O S-city S-city"]
    body = "\n\n".join(
        "\n".join(map(" ".join, zip(r.split(), t.split(), strict=True))) for r, t in zip(rows, tags, strict=True)
    )
    (tmp_path / "new.bioes").write_text(body)
    found = tagger.evaluate(tmp_path / "new.bioes")
    assert (found["on"], found["count"]) == ("new", 8)
    assert "mended_tags" not in found
    (tmp_path / "new.bio").write_text("to O\nRome I-city\nnow B-time\n")
    found = tagger.evaluate(tmp_path / "new.bio")
    assert found["unknown_tags"] == 1
    assert found["mended_tags"] == 1
    (tmp_path / "pos.bio").write_text("to PREP\n")
    with pytest.raises(DataError, match=r"pos\.bio:1: the model knows none of these tags, such as 'PREP'"):
        tagger.evaluate(tmp_path / "pos.bio")


def test_what_a_tagger_refuses(train: Callable[..., recurra.Run], tmp_path: Path) -> None:
    path = write(tmp_path / "go.bio", 12, bad="-city\n")
    with pytest.raises(DataError, match=r"go\.bio:\d+: '-city' stands alone"):
        train(path)
    with pytest.raises(UsageError, match="bptt is a setting of the tasks language, classify; this run's task is tag"):
        train(write(tmp_path / "ok.bio", 12), bptt=3)
    (tmp_path / "t.txt").write_text("abc " * 50)
    with pytest.raises(UsageError, match="strict is a setting of the tasks tag, caption; this run's task is language"):
        train(tmp_path / "t.txt", strict=True)


def test_tokens_of_one_character_need_no_encoder(train: Callable[..., recurra.Run], tmp_path: Path) -> None:
    path = tmp_path / "zh.bmes"
    path.write_text("\n".join(f"{c} O\n北 B-LOC\n京 E-LOC\n" for c in "我你他她它们这那哪谁去来在住"), encoding="utf-8")
    run = train(path)
    assert (run.settings.network.char_size, run.settings.network.pair_size) == (0, 50)
    (found,) = run.predict("我 去北京")
    assert found.tokens == ["我", "去", "北", "京"]


def told(capsys: pytest.CaptureFixture[str], *arguments: Any) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main([str(a) for a in arguments])
    return code, *capsys.readouterr()


def test_the_command_line(tagger: recurra.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = told(capsys, "predict", tagger.folder, "go to Rome", "to Paris")
    lines = out.splitlines()
    assert code == 0
    assert [line.split()[:2] for line in lines] == [
        ["go", "O"],
        ["to", "O"],
        ["Rome", "B-city"],
        [],
        ["to", "O"],
        ["Paris", lines[-1].split()[1]],
    ]
    assert len({line.index(line.split()[1]) for line in lines if line}) == 1
    assert "never seen: 'go', 'Paris'" in err
    code, out, _ = told(capsys, "predict", tagger.folder, "go1 to Rome", "--json")
    assert json.loads(out)["predictions"][0]["spans"] == [{"type": "city", "start": 2, "end": 3, "tokens": ["Rome"]}]
    code, out, _ = told(capsys, "evaluate", tagger.folder)
    assert out.splitlines()[0].endswith(" tokens")
    bad = write(tmp_path / "bad.bio", 12, bad="x O\nRome I-city\n")
    code, out, err = told(capsys, "train", bad, "--strict", "--out", tmp_path / "strict")
    assert (code, out) == (3, "")
    assert "invalid BIO tags: 'I-city' follows 'O'" in err
    worse = write(tmp_path / "worse.bio", 12, bad="-city\n")
    line = len(worse.read_text().splitlines())
    small = ("--epochs", "1", "--hidden-size", "4", "--char-size", "2", "--embedding-size", "4")
    code, _, err = told(capsys, "train", worse, "--skip-lines", f"worse.bio:{line}", "--out", tmp_path / "left", *small)
    assert code == 0
    assert f"left out: 1 defective line, worse.bio:{line}" in err
    head = next(line for line in err.splitlines() if line.startswith("  epoch"))
    assert len(head + "  best") <= 80


def test_a_tag_that_prevents_spans_stops_an_evaluation(tagger: recurra.Run, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"these tags do not: '0' at a.bio:\d+ is not a tag"):
        tagger.evaluate(write(tmp_path / "a.bio", bad="go 0\n"))
    assert "span_f1" in tagger.evaluate(write(tmp_path / "b.bio", 1, bad="go O\n"))

"""Blanks: chosen, learned, evaluated by hand, filled in a user's sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from recurra.data import share
from recurra.data.tokens.blanks import blanks_of
from recurra.data.tokens.vocabulary import Vocabulary
from recurra.errors import DataError, UsageError
from recurra.tasks.fill import data as fill_data
from recurra.tasks.fill import trainee as fill
from recurra.tasks.fill.baselines import fill_baselines
from recurra.tasks.fill.data import FillData, FillPart, choose_blanks, encode_rows, prepare
from recurra.tasks.fill.settings import FillDataSettings
from recurra.tasks.fill.trainee import Filler, FillTrainee, compare
from recurra.tasks.sources.resolving import resolve
from recurra.tasks.sources.source import Source
from recurra.topologies.fill import SIDES, BlankFiller
from recurra.topologies.settings import BlankFillerSettings
from recurra.training.fit import fit
from recurra.training.settings import TrainingSettings

SMALL = BlankFillerSettings(cell="gru", hidden_size=8, embedding_size=6)


def network(vocabulary: Vocabulary, longest: int = 1, settings: BlankFillerSettings = SMALL) -> BlankFiller:
    torch.manual_seed(0)
    made = BlankFiller(len(vocabulary), settings, longest=longest)
    for parameter in made.parameters():
        nn.init.normal_(parameter, std=0.5)
    return made.eval()


def rows(count: int = 60, vocabulary: int = 12) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, vocabulary, rng.integers(1, 15)) for _ in range(count)]


def part(encoded: list[np.ndarray], seed: int = 0) -> FillPart:
    return FillPart(encoded, *choose_blanks(encoded, seed))


def words(*texts: str) -> Vocabulary:
    return Vocabulary.build(texts, level="word")


LETTERS = words(" ".join("abcdefghijk"))


# the blanks


def test_a_blank_is_a_known_token_with_something_beside_it() -> None:
    encoded = [np.array([3, 0, 2]), np.array([5]), np.array([0, 0]), np.array([4, 4])]
    found = part(encoded)
    assert list(zip(found.rows.tolist(), found.indices.tolist(), strict=True)) == [(0, 0), (0, 2), (3, 0), (3, 1)]
    assert found.targets.tolist() == [3, 2, 4, 4]
    assert len(part([])) == 0


def test_of_many_blanks_some_are_evaluated_the_same_for_the_same_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fill_data, "EVALUATED", 20)
    one, again, other = part(rows()), part(rows()), part(rows(), seed=1)
    assert len(one) == 20
    assert np.array_equal(one.indices, again.indices)
    assert np.array_equal(one.rows, again.rows)
    assert not np.array_equal(one.rows, other.rows)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("I lost __ keys", ["I lost ", " keys"]),
        ("我打算＿＿＿一部新手机", ["我打算", "一部新手机"]),
        ("____ a ___ b", ["", " a ", " b"]),
        (" snake_case __ \n", ["snake_case ", ""]),
    ],
)
def test_where_blanks_are(text: str, pieces: list[str]) -> None:
    assert blanks_of(text) == pieces


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "text 2 has no blank: ''"),
        ("no blank _ here", "text 2 has no blank: 'no blank _ here'"),
        ("____", "text 2 has nothing beside its blank to fill it from"),
        ("____ __", "text 2 has nothing beside its blank"),
    ],
)
def test_a_text_that_cannot_be_filled(text: str, message: str) -> None:
    model = Filler(network(LETTERS), LETTERS)
    with pytest.raises(UsageError, match=message) as error:
        model.predict(["a __ b", text])
    assert len(str(error.value).splitlines()) == 2


# reading


def file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def source(path: Path) -> Source:
    return resolve(path, "fill")


LINES = "".join(f"the {a} {b} sat\n" for a in ("old", "new", "red", "big") for b in ("cat", "dog", "cow", "hen", "fox"))


def test_a_text_is_divided_by_distinct_lines(tmp_path: Path) -> None:
    settings = FillDataSettings(split=(0.6, 0.2, 0.2))
    data = prepare(source(file(tmp_path, "a.txt", LINES * 3)), settings)
    spelled = {name: [data.vocabulary.decode(ids) for ids in p.encoded] for name, p in data.parts.items()}
    assert sum(map(len, spelled.values())) == 60
    assert not set(spelled["train"]) & set(spelled["test"])
    assert not set(spelled["train"]) & set(spelled["validation"])
    assert data.facts["counts"] == {name: 4 * len(lines) for name, lines in spelled.items()}
    assert (data.vocabulary.level, data.longest, data.facts["unit"]) == ("word", 1, "words")


def test_texts_of_a_table_and_of_files_for_each_part(tmp_path: Path) -> None:
    table = file(
        tmp_path, "a.csv", "id,review\n" + "".join(f"{i},{line}\n" for i, line in enumerate(LINES.split("\n")[:20]))
    )
    assert prepare(source(table), FillDataSettings()).facts["counts"]["train"] == 4 * 16
    with pytest.raises(DataError, match="no column is named like a text usually is; there are 'id', 'body'"):
        prepare(source(file(tmp_path, "b.csv", "id,body\n1,the cat\n")), FillDataSettings())
    folder = tmp_path / "parts"
    folder.mkdir()
    for name in ("train", "test"):
        file(folder, f"{name}.txt", LINES)
    data = prepare(source(folder), FillDataSettings())
    assert data.facts["counts"] == {"train": 72, "validation": 8, "test": 80}
    assert data.notes[0] == "the validation part, 11%, was split off the training part"


def test_a_text_without_spaces_is_read_as_characters(tmp_path: Path) -> None:
    lines = "".join(f"我{a}一部{b}手机\n" for a in "买换卖看" for b in "新旧好坏")
    data = prepare(source(file(tmp_path, "a.txt", lines)), FillDataSettings())
    assert (data.vocabulary.level, data.longest) == ("char", 3)
    assert prepare(source(tmp_path / "a.txt"), FillDataSettings(blank_tokens=2)).longest == 2


@pytest.mark.parametrize(
    ("name", "text", "settings", "message"),
    [
        ("a.txt", "\n \n", {}, "a.txt: there is no text in this file"),
        ("a.txt", LINES, {"split": (1.0, 0.0, 0.0)}, "the validation part has nothing to leave out"),
        ("a.txt", LINES, {"level": "byte"}, "not with tokens of level byte"),
        ("a.txt", "x\ny\nz\nu\nv\nw\n", {"level": "word"}, "the validation part has nothing to leave out"),
    ],
)
def test_data_that_cannot_be_filled(
    tmp_path: Path, name: str, text: str, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises((DataError, UsageError), match=message):
        prepare(source(file(tmp_path, name, text)), FillDataSettings(**settings))


def test_long_texts_are_divided_after_sentences() -> None:
    text = "他来了！他说：“好。”我走，不回头。啊啊啊啊啊啊啊啊啊啊啊啊"
    vocabulary = Vocabulary.build([text], level="char")
    encoded, divided = encode_rows([text, "他来了", ""], vocabulary, 10)
    pieces = [vocabulary.decode(ids) for ids in encoded]
    assert divided == 1
    assert pieces == ["他来了！", "他说：“好。”", "我走，不回头。", "啊" * 10, "啊" * 2, "他来了"]
    together, _ = encode_rows([text], vocabulary, 12)
    assert [vocabulary.decode(ids) for ids in together] == ["他来了！他说：“好。”", "我走，不回头。", "啊" * 12]
    spaced = "He came. She left 3.5 of them. No"
    vocabulary = words(spaced)
    encoded, _ = encode_rows([spaced], vocabulary, 8)
    assert [vocabulary.decode(ids) for ids in encoded] == ["He came .", "She left 3 . 5 of them .", "No"]


# learning


def task(data: FillData, settings: BlankFillerSettings = SMALL, **given: Any) -> FillTrainee:
    torch.manual_seed(0)
    network = BlankFiller(len(data.vocabulary), settings, longest=data.longest)
    return FillTrainee(network, data, **{"batch_size": 16, "seed": 0, "samples": None} | given)


def data_of(encoded: list[np.ndarray], longest: int = 1, vocabulary: Vocabulary = LETTERS) -> FillData:
    return FillData(vocabulary, longest, {"train": part(encoded), "validation": part(encoded)})


def test_the_loss_is_that_of_every_known_token_from_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fill, "UNKNOWN_SHARE", 0.0)
    encoded = [ids for ids in rows() if len(ids) > 1]
    made = task(data_of(encoded), batch_size=len(encoded))
    made.network.load_state_dict(network(LETTERS).state_dict())
    (batch,) = made.batches(0)
    loss, units, _ = made.loss(made.network.eval(), batch, None)
    assert units == sum(int((ids != 0).sum()) for ids in encoded) == len(made.data.parts["validation"])
    assert float(loss.detach()) == pytest.approx(made.evaluate(made.network)["loss"], rel=1e-5)


@pytest.mark.parametrize(("longest", "samples"), [(1, None), (3, None), (3, 2)])
def test_every_weight_learns(longest: int, samples: int | None) -> None:
    made = task(
        data_of(rows(), longest), BlankFillerSettings(cell="lstm", hidden_size=4, embedding_size=3), samples=samples
    )
    loss, _, _ = made.loss(made.network.train(), next(iter(made.batches(0))), None)
    loss.backward()
    for name, weight in made.network.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.abs().sum() > 0, name


def test_a_batch_of_unknown_tokens_alone_teaches_nothing() -> None:
    made = task(data_of([np.zeros(3, np.int64)] * 2 + rows(20)))
    batch = next(iter(task(data_of([np.zeros(3, np.int64)] * 2, vocabulary=LETTERS), batch_size=2).batches(0)))
    loss, units, _ = made.loss(made.network, batch, None)
    loss.backward()
    assert (float(loss.detach()), units) == (0.0, 1)


def test_what_follows_from_both_sides_alone_is_learned_from_both_sides() -> None:
    sentences = [f"{a} {'same' if a == b else 'other'} {b}" for a in "xyz" for b in "xyz"]
    vocabulary = words(*sentences)
    encoded = [vocabulary.encode(s) for s in sentences]
    held_out = FillPart(encoded, np.arange(9), np.ones(9, np.int64))
    data = FillData(vocabulary, 1, {"train": part(encoded * 20), "validation": held_out})
    made = task(data, BlankFillerSettings(cell="gru", hidden_size=16, embedding_size=8), batch_size=60)
    outcome = fit(made, TrainingSettings(epochs=60, learning_rate=3e-2, device="cpu"))
    made.network.load_state_dict(outcome.best)
    found = compare(made.network, held_out)
    assert found["both"].top1 == 1
    assert max(found["forward"].top1, found["backward"].top1) == pytest.approx(6 / 9)  # other is twice as likely


@pytest.mark.parametrize("most", [1, 7, 10_000])
def test_blanks_evaluated_in_groups_of_any_size(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    made, held_out = network(LETTERS), part(rows())
    expected = compare(made, held_out)
    monkeypatch.setattr(fill, "AT_ONCE", most)
    found = compare(made, held_out)
    for side in SIDES:
        assert vars(found[side]) == pytest.approx(vars(expected[side]), abs=1e-6)


def test_an_evaluation_by_hand() -> None:
    made, held_out = network(LETTERS), part(rows(8))
    nats, ranks = [], []
    for i, target in enumerate(held_out.targets):
        ids, place = held_out.sentence(i), held_out.indices[i]
        filled = Filler(made, LETTERS)._candidates([ids[:place].tolist(), ids[place + 1 :].tolist()], 0, 99)
        names = [name for name, _ in filled]
        ranks.append(names.index(LETTERS.decode([target])))
        nats.append(-np.log(filled[ranks[-1]][1]))
    found = compare(made, held_out)["both"]
    assert found.loss == pytest.approx(np.mean(nats), rel=1e-4)
    assert found.top1 == np.mean(np.array(ranks) == 0)
    assert found.top5 == np.mean(np.array(ranks) < 5)


# baselines


def test_counting_by_hand() -> None:
    lines = ["a b c"] * 6 + ["a d e"] * 3 + ["f b e"] * 2
    vocabulary = words(*lines)
    encoded = [vocabulary.encode(line) for line in lines]
    held_out = FillPart([vocabulary.encode("a d e"), vocabulary.encode("a b c")], np.array([0, 1]), np.array([1, 1]))
    data = FillData(vocabulary, 1, {"train": part(encoded)})
    often, left, both = fill_baselines(data, held_out)
    assert often.metrics["top1"] == 0.0  # a is the most frequent one, 9 of 33
    assert often.metrics["top5"] == 1.0  # d and e: 3 and 5 of 33; f is rarer
    assert often.metrics["perplexity"] == pytest.approx(33 / np.sqrt(3 * 8), rel=1e-3)
    assert left.metrics["top1"] == 0.5  # after a, b is more frequent than d
    assert both.metrics["top1"] == 1.0  # but between a and e stands d
    assert 1 < both.metrics["perplexity"] < left.metrics["perplexity"] < often.metrics["perplexity"]
    assert both.size_bytes is not None
    assert left.size_bytes is not None
    assert both.size_bytes > left.size_bytes


# use


def test_candidates_of_each_blank_best_first() -> None:
    model = Filler(network(LETTERS), LETTERS)
    one, two = model.predict(["a __ b", " c ____ d __ zebra "], top=4)
    assert [len(candidates) for candidates in (*one.blanks, *two.blanks)] == [4, 4, 4]
    for candidates in (*one.blanks, *two.blanks):
        chances = [chance for _, chance in candidates]
        assert chances == sorted(chances, reverse=True)
        assert 0 < sum(chances) < 1
    assert one.best == f"a {one.blanks[0][0][0]} b"
    assert two.best == f"c {two.blanks[0][0][0]} d {two.blanks[1][0][0]} zebra"
    assert model.predict("a __ b", top=4)[0] == one
    assert model.unknown(["a __ b", " c ____ d __ zebra "]) == ["zebra"]
    assert [len(row) for row in model.rows([one, two])] == [10, 10, 10]
    assert [row[:2] for row in model.rows([one, two])][2] == ["c ____ d __ zebra", "blank 2"]
    assert model.rows([one])[0][1] == one.blanks[0][0][0]
    document = model.document([two])
    assert document[0]["text"] == "c ____ d __ zebra"
    assert document[0]["blanks"][1][0] == {"text": two.blanks[1][0][0], "probability": two.blanks[1][0][1]}


def test_another_blank_is_read_as_unknown() -> None:
    model = Filler(network(LETTERS), LETTERS)
    (found,) = model.predict("a __ b __ c", top=3)
    (first,) = model.predict("a __ b zebra c", top=3)
    assert [name for name, _ in found.blanks[0]] == [name for name, _ in first.blanks[0]]
    assert [chance for _, chance in found.blanks[0]] == pytest.approx([chance for _, chance in first.blanks[0]])


def test_a_blank_of_several_characters() -> None:
    vocabulary = Vocabulary.build(["我打算买换一部新手机"], level="char")
    (found,) = Filler(network(vocabulary, 2), vocabulary).predict("我打算____一部新手机", top=200)
    lengths = {len(content) for content, _ in found.blanks[0]}
    assert lengths == {1, 2}
    assert sum(chance for _, chance in found.blanks[0]) <= 1 + 1e-5


def test_a_long_text_is_shown_around_its_blank() -> None:
    model = Filler(network(LETTERS), LETTERS)
    text = "a " * 60 + "____ b " + "c " * 60
    ((shown, *_),) = model.rows(model.predict(text))
    assert len(shown) <= 60
    assert "____" in shown


def test_nothing_left_after_normalisation() -> None:
    plain = Vocabulary.build(["abc"], level="char", normalize=["ascii"])
    with pytest.raises(UsageError, match="nothing is left beside the blank of text 1 after normalisation"):
        Filler(network(plain), plain).predict("你好____")
    with pytest.raises(UsageError, match="top must be a whole number from 1, got 0"):
        Filler(network(plain), plain).predict("ab____", top=0)


def test_only_sentences_that_two_parts_share_are_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[int] = []
    plain = Vocabulary.decode
    monkeypatch.setattr(Vocabulary, "decode", lambda *given: decoded.append(1) or plain(*given))
    for name, lines in (("train", range(30)), ("validation", range(29, 35))):
        text = "".join(f"word{number} comes here\n" for number in lines)
        (tmp_path / f"x-{name}.txt").write_text(text)
    source = Source("x", "fill", "text", {n: tmp_path / f"x-{n}.txt" for n in ("train", "validation")})
    notes = prepare(source, FillDataSettings(level="word", min_count=1)).notes
    assert any("1 text stands in both train and validation" in note for note in notes)
    assert len(decoded) == 2


def test_how_much_is_read_is_said_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen, encode = list[float](), fill_data.encode_rows

    def looked(*given: Any) -> Any:
        found = encode(*given)
        seen.append((reading.reached() or (0.0, 0.0))[0])
        return found

    monkeypatch.setattr(fill_data, "encode_rows", looked)
    (tmp_path / "t.txt").write_text("".join(f"line {i} of {i % 7}\n" for i in range(60)))
    with share.followed() as reading:
        fill_data.prepare(resolve(tmp_path / "t.txt", "fill"), FillDataSettings())
    assert fill_data.DIVIDED < seen[0] < seen[1] < seen[2] == 1

"""No text stands on both sides of a split that we make, as the network sees it: normalised, cut, rare words unknown."""

from __future__ import annotations

import json
import random
import string
import unicodedata
from collections.abc import Callable, Sequence
from itertools import combinations, product
from pathlib import Path
from typing import Any

import pytest

from recurra.data.abc.keys import transposed
from recurra.errors import DataError
from recurra.tasks import registry
from recurra.tasks.classify import data as classify_data
from recurra.tasks.fill import data as fill_data
from recurra.tasks.generate import data as generate_data
from recurra.tasks.sources.resolving import resolve
from recurra.tasks.tag import data as tag_data
from recurra.tasks.translate import data as translate_data
from tests.laws.seen_by_networks import seen

Twin = Callable[[str], str]
TWINS: dict[str, tuple[dict[str, Any], Twin]] = {
    "case": ({"normalize": ("lowercase",)}, str.upper),
    "composition": ({"normalize": ("nfc",)}, lambda text: unicodedata.normalize("NFD", text)),
    "width": ({"normalize": ("nfkc",)}, lambda text: "".join(chr(ord(c) + 0xFEE0) if c.isalpha() else c for c in text)),
    "accents": ({"normalize": ("ascii",)}, lambda text: text.replace("é", "e")),
    "cut": ({"max_length": 3}, lambda text: f"{text} and more"),
    "case and cut": ({"normalize": ("lowercase",), "max_length": 3}, lambda text: f"{text.upper()} OR NOT"),
    "spaces": ({}, lambda text: text.replace(" ", "  ")),
}

FILES = {"classify": "t.csv", "generate": "t.csv", "fill": "t.txt", "translate": "t.tsv", "tag": "t.jsonl"}


def words(count: int, seed: int = 0) -> list[str]:
    """Different texts of three of 30 words, each with an é that has a twin."""
    draw = random.Random(seed)
    known = ["".join(draw.choices(string.ascii_lowercase, k=4)) + "é" for _ in range(30)]
    made: dict[str, None] = {}
    while len(made) < count:
        made[" ".join(draw.sample(known, 3))] = None
    return list(made)


def with_twins(texts: Sequence[str], twin: Twin) -> list[str]:
    found = [*texts, *(twin(text) for text in texts)]
    random.Random(1).shuffle(found)
    return found


def labels(count: int) -> list[str]:
    """Of no meaning, so that only what leaked can be predicted."""
    draw = random.Random(2)
    return [draw.choice("xy") for _ in range(count)]


def settings(task: str, **given: Any) -> Any:
    return type(registry.get(task).defaults.settings.data)(**{"min_count": 1} | given)


def check(task: str, data: Any) -> None:
    parts = seen(task, data)
    assert all(parts[name] for name in ("train", "validation", "test")), data.facts["counts"]
    for a, b in combinations(parts, 2):
        assert not parts[a] & parts[b], f"{len(parts[a] & parts[b])} texts stand in {a} and {b}"


def written(task: str, folder: Path, texts: Sequence[str]) -> Path:
    """A file that the task reads, each text once, under labels of no meaning."""
    path = folder / FILES[task]
    named = list(zip(texts, labels(len(texts)), strict=True))
    if task in ("classify", "generate"):
        lines = ["text,label", *(f"{text},{label}" for text, label in named)]
    elif task == "fill":
        lines = list(texts)
    elif task == "translate":
        lines = [f"{text}\t{label} {label}{number} {number}" for number, (text, label) in enumerate(named)]
    else:
        lines = [json.dumps({"tokens": text.split(), "tags": [label] * len(text.split())}) for text, label in named]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def dataset(task: str, path: Path, given: dict[str, Any], **files: str) -> Any:
    rooms = {"classify": classify_data, "generate": generate_data, "fill": fill_data, "translate": translate_data}
    source = resolve(path, task, **files)
    if task == "tag":
        return tag_data.prepare(source, settings(task, **given), characters=False)
    return rooms[task].prepare(source, settings(task, **given))


READ = {
    "classify": "char word byte",
    "generate": "char word byte",
    "fill": "char word",
    "translate": "char word byte bpe",
    "tag": "word",
}
CASES = [
    (task, level, twin)
    for task, levels in READ.items()
    for level in levels.split()
    for twin in TWINS
    if (twin != "spaces" or (level in ("word", "bpe") and task != "tag"))
    and ("cut" not in twin or (task, level) != ("fill", "char"))  # three letters at a time are all the same ones
]


@pytest.mark.parametrize(("task", "level", "twin"), CASES)
def test_texts_that_are_the_same_to_the_network_share_a_part(tmp_path: Path, task: str, level: str, twin: str) -> None:
    if level == "bpe":
        pytest.importorskip("tokenizers")
    given, change = TWINS[twin]
    texts = with_twins(words(60), change)
    if task == "translate" and "max_length" in given:
        given = given | {"too_long": "cut"}
    data = dataset(task, written(task, tmp_path, texts), given | {"level": level})
    check(task, data)


@pytest.mark.parametrize(("task", "limit"), [*product(FILES, ["count", "size"])])
def test_rare_words_make_no_twins_in_two_parts(tmp_path: Path, task: str, limit: str) -> None:
    """Texts that differ in a name which training shows once or never: the network reads <unk> in its place."""
    draw = random.Random(3)
    frame = ["goes to town", "sees a film", "is out", "reads", "has no time at all", "sleeps", "sings in a choir"]
    names = ["".join(draw.choices(string.ascii_lowercase, k=6)) for _ in range(200)]
    texts = [f"{name} {draw.choice(frame)} {draw.randrange(40)}" for name in names]
    given: dict[str, Any] = {"min_count": 2} if limit == "count" else {"max_vocabulary": 60}
    data = dataset(task, written(task, tmp_path, texts), given | {"level": "word"})
    check(task, data)
    assert any("the same to the network" in note for note in data.notes)


@pytest.mark.parametrize("task", ["classify", "generate", "fill", "tag"])
def test_a_validation_part_is_split_off_fairly(tmp_path: Path, task: str) -> None:
    texts = words(80)
    (tmp_path / "more").mkdir()
    train = written(task, tmp_path, with_twins(texts[:60], str.upper))
    test = written(task, tmp_path / "more", texts[60:])
    if task == "tag":
        (tmp_path / "train.jsonl").write_bytes(train.read_bytes())
        (tmp_path / "test.jsonl").write_bytes(test.read_bytes())
        train = tmp_path / "train.jsonl"
    data = dataset(task, train, {"normalize": ("lowercase",), "level": "word"}, test=str(test))
    check(task, data)


@pytest.mark.parametrize("task", list(FILES))
def test_given_parts_stay_and_what_they_share_is_told(tmp_path: Path, task: str) -> None:
    texts = words(50)
    folders = [tmp_path / name for name in ("a", "b", "c")]
    for folder in folders:
        folder.mkdir()
    train = written(task, folders[0], texts[:30])
    validation = written(task, folders[1], [texts[0].upper(), *texts[30:40]])
    test = written(task, folders[2], [texts[1].upper(), texts[2].upper(), *texts[40:]])
    data = dataset(
        task, train, {"normalize": ("lowercase",), "level": "word"}, validation=str(validation), test=str(test)
    )
    parts = seen(task, data)
    assert {name: len(part) for name, part in parts.items()} == {"train": 30, "validation": 11, "test": 12}
    assert (len(parts["train"] & parts["validation"]), len(parts["train"] & parts["test"])) == (1, 2)
    told = " | ".join(data.notes)
    assert "train" in told
    for count, name in ((1, "validation"), (2, "test")):
        assert any(str(count) in note and name in note and "train" in note for note in data.notes), told


def test_a_tune_and_the_same_in_another_key_share_a_part(tmp_path: Path) -> None:
    """Learned in other keys too, a tune of the training part would be evaluated in one of them."""
    draw = random.Random(4)
    tunes = []
    for number in range(30):
        bars = "|".join("".join(draw.choices("CDEFGABc", k=8)) for _ in range(4))
        tune = f"X:{number}\nT:Tune {number}\nM:4/4\nL:1/8\nR:reel\nK:C\n{bars}|]\n"
        tunes += [tune, transposed(tune, 1)]
    path = tmp_path / "t.abc"
    path.write_text("\n".join(tune for tune in tunes if tune is not None), encoding="utf-8")
    data = dataset("generate", path, {"transpose": True})
    check("generate", data)
    learned = {ids.tobytes() for tune in data.parts["train"].variants for ids in tune}
    for name in ("validation", "test"):
        assert not learned & {ids.tobytes() for ids in data.parts[name].encoded}
    assert any("in another key" in note for note in data.notes)


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ("classify", r"only one class, 'x', in 1 training example \(29 repeated examples dropped\)"),
        ("generate", r"there is 1 text, 29 repeated examples dropped"),
        ("fill", r"there is 1 different line in 30"),
        ("translate", r"1 different sentence \(29 repeated pairs dropped\) cannot be divided into 3 parts"),
        ("tag", r"there is 1 different sentence in 30"),
    ],
)
def test_a_refusal_for_too_few_texts_tells_of_repeats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str, said: str
) -> None:
    monkeypatch.setattr(random.Random, "choice", lambda self, options: options[0])  # one label, one translation
    path = written(task, tmp_path, ["a good film"] * 30)
    if task == "translate":
        path.write_text("a good film\tun bon film\n" * 30, encoding="utf-8")
    with pytest.raises(DataError, match=said):
        dataset(task, path, {"level": "word"})

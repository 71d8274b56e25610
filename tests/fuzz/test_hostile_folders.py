"""A few of the hostile folders that `make fuzz` tries by the hundred, and those that were believed once."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

import recurra
from recurra.errors import ModelFolderError
from tests.fuzz.folder_files import put
from tests.fuzz.hostile_folders import mutate
from tests.fuzz.victims import Victim, commands, make, use

SECONDS, MEGABYTES = 100, 200


@pytest.fixture(scope="module")
def victims(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Victim]:
    place = tmp_path_factory.mktemp("victims")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECURRA_CACHE", str(place / "cache"))
        return {task: make(place / task, task) for task in ("tag", "pieces", "generate")}


@pytest.fixture
def intact(victims: dict[str, Victim], tmp_path: Path) -> Callable[[str], Path]:
    """A copy of a task's finished run."""

    def copied(task: str) -> Path:
        return Path(shutil.copytree(victims[task].finished, tmp_path / "run"))

    return copied


def changed(folder: Path, name: str, change: Callable[[Any], None]) -> Path:
    value = json.loads((folder / name).read_bytes())
    change(value["config"] if name == "config.json" else value)
    put(folder, name, json.dumps(value).encode())
    return folder


def test_drawn_mutations_are_refused_or_do_not_matter(victims: dict[str, Victim], tmp_path: Path) -> None:
    failures = []
    for number in range(18):
        rng = random.Random(f"suite-{number}")
        victim, stopped = victims[rng.choice(sorted(victims))], number % 9 == 0
        folder = victim.place / "hostile"
        shutil.copytree(victim.stopped if stopped else victim.finished, folder)
        how = mutate(folder, rng)
        command = rng.choice(commands(victim, folder, stopped))
        if problem := use(command, seconds=SECONDS, megabytes=MEGABYTES):
            failures.append(f"suite-{number} [{how}] {command}: {problem}")
        for path in folder.iterdir():
            if path.is_symlink():  # to /dev/zero, it may be: whoever searches the folders pytest keeps would never end
                path.unlink()
        folder.rename(tmp_path / str(number))
    assert not failures, "\n".join(failures)


def network(**settings: Any) -> Callable[[Any], None]:
    return lambda config: config["settings"]["network"].update(settings)


@pytest.mark.parametrize(
    ("task", "change", "said"),
    [
        ("tag", network(hidden_size=4000), r"weight_ih_l0 is F32 .*, should be F32 \[16000"),
        ("tag", network(embedding_size=2**16), "should be"),
        ("tag", network(num_layers=10**9), "num_layers must be less than or equal to 1024"),
        ("tag", network(num_layers=1024), "1,024 layers, they are"),
        ("tag", network(engine="turbo"), "unknown engine 'turbo'"),
        ("tag", network(char_size=0), "characters are there, against the settings"),
        ("tag", network(pair_size=3), "pairs lack, against the settings"),
        ("tag", lambda c: c["settings"]["data"].update(normalize=["nfc"] * 10**5), "normalize"),
        ("tag", lambda c: c["settings"].update(data=[1]), "settings are of data, network and training"),
        ("tag", lambda c: c["source"].update(kind="tunes"), "nothing of the kind tunes is learned by the task tag"),
        ("tag", lambda c: c["source"].update(task="fill"), "task fill"),
        ("tag", lambda c: c.pop("source"), "source is missing"),
        ("tag", lambda c: c.update(vectors={"file": "x"}), "vectors: "),
    ],
)
def test_a_config_that_cannot_be(
    intact: Callable[[str], Path], task: str, change: Callable[[Any], None], said: str
) -> None:
    folder = changed(intact(task), "config.json", change)
    with pytest.raises(ModelFolderError, match=said) as error:
        recurra.load(folder)
    assert len(str(error.value)) < 1000


@pytest.mark.parametrize(
    ("task", "change", "said"),
    [
        ("tag", lambda c: c.update(tags=c["tags"] + c["tags"][:1]), "tags: .* stands twice"),
        ("tag", lambda c: c.update(tags=[f"B-{i}" for i in range(3000)]), "3,000 tags of spans; 2,048 at most"),
        ("tag", lambda c: c.update(tags=[1, 2]), "tags.0: input should be a valid string, got 1"),
        ("tag", lambda c: c.update(scheme="xyz"), "no scheme 'xyz'"),
        ("tag", lambda c: c.update(skip_features=(1 << 53) - 1), "skip_features: "),
        ("generate", lambda c: c.update(longest="9"), "longest: "),
        ("generate", lambda c: c["attributes"].update(seen=[]), "do not fit together"),
        ("generate", lambda c: c["attributes"]["seen"][0].__setitem__(1, -5), "does not fit"),
        ("generate", lambda c: c["attributes"]["values"][0].__setitem__(0, "low"), "values that differ"),
    ],
)
def test_preprocessing_that_cannot_be(
    intact: Callable[[str], Path], task: str, change: Callable[[Any], None], said: str
) -> None:
    folder = changed(intact(task), "preprocessing.json", change)
    with pytest.raises(ModelFolderError, match=said) as error:
        recurra.load(folder)
    assert len(str(error.value)) < 1000


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("padding", {"strategy": {"Fixed": 10**9}}),
        ("normalizer", {"type": "Replace", "pattern": {"String": "a"}, "content": "a" * 100}),
        ("pre_tokenizer", {"type": "Split", "pattern": {"Regex": "(?<"}, "behavior": "Isolated", "invert": False}),
        ("post_processor", {"type": "TemplateProcessing"}),
        ("added_tokens", []),
        ("decoder", None),
        ("version", "2"),
        ("more", 1),
    ],
)
def test_a_tokenizer_of_another_form_is_never_built(intact: Callable[[str], Path], key: str, value: Any) -> None:
    def change(stored: Any) -> None:
        stored["vocabulary"]["subwords"]["tokenizer"].update({key: value})

    folder = changed(intact("pieces"), "preprocessing.json", change)
    with pytest.raises(ModelFolderError, match=f"sub-words: tokenizer.{key}"):
        recurra.load(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda model: model.update(dropout=0.5),
        lambda model: model.update(byte_fallback=True),
        lambda model: model["vocab"].update(x=10**9),
        lambda model: model["vocab"].update(x=0),
        lambda model: model["vocab"].pop("<unk>"),
        lambda model: model["vocab"].update({"\ud800": len(model["vocab"])}),
        lambda model: model["merges"].append(["q", "q"]),
        lambda model: model["merges"].append(["a"]),
        lambda model: model["merges"].append([1, 2]),
    ],
)
def test_pieces_that_do_not_fit_together(intact: Callable[[str], Path], change: Callable[[Any], Any]) -> None:
    def change_model(stored: Any) -> None:
        change(stored["vocabulary"]["subwords"]["tokenizer"]["model"])

    folder = changed(intact("pieces"), "preprocessing.json", change_model)
    with pytest.raises(ModelFolderError, match=r"sub-words: tokenizer\.model"):
        recurra.load(folder)


@pytest.mark.parametrize(
    ("way", "said"),
    [
        (lambda value: value.double(), r"F64 \[.*, should be F32"),
        (lambda value: value.bfloat16(), r"BF16 \[.*, should be F32"),
        (lambda value: value.flatten()[:1], "should be"),
        (lambda value: value * float("nan"), "values that are not numbers"),
        (lambda value: value + float("inf"), "values that are not numbers"),
    ],
)
def test_weights_of_another_kind(intact: Callable[[str], Path], way: Callable[[Any], Any], said: str) -> None:
    folder = intact("tag")
    weights = safetensors.torch.load((folder / "weights.safetensors").read_bytes())
    weights["head.weight"] = way(weights["head.weight"]).contiguous()
    put(folder, "weights.safetensors", safetensors.torch.save(weights))
    with pytest.raises(ModelFolderError, match=f"head.weight .*{said}"):
        recurra.load(folder)


def test_keys_that_cannot_be_searched(intact: Callable[[str], Path]) -> None:
    folder = intact("tag")
    weights = safetensors.torch.load((folder / "weights.safetensors").read_bytes())
    weights["skip.keys"] = weights["skip.keys"].flip(0)
    put(folder, "weights.safetensors", safetensors.torch.save(weights))
    with pytest.raises(ModelFolderError, match=r"the weight skip\.keys is not in rising order"):
        recurra.load(folder)


@pytest.mark.parametrize("task", ["tag", "pieces", "generate"])
def test_scores_that_are_no_numbers_are_told(intact: Callable[[str], Path], task: str) -> None:
    """Weights that are numbers, but too large to reckon with."""
    folder = intact(task)
    weights = safetensors.torch.load((folder / "weights.safetensors").read_bytes())
    huge = {
        name: torch.full_like(value, 3e38) if value.is_floating_point() else value for name, value in weights.items()
    }
    put(folder, "weights.safetensors", safetensors.torch.save(huge))
    run = recurra.load(folder)
    with pytest.raises(ModelFolderError, match="scores are not numbers"):
        _ = run.predict("sun moon") if task != "generate" else run.generate(seed=1)
    if task == "pieces":
        with pytest.raises(ModelFolderError, match="scores are not numbers"):
            run.generate("sun", 5, seed=1)

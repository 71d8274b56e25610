"""Models that are loaded without torch: the answers of those that are loaded with it, and what is refused."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recurra import runtime
from recurra.data.tokens.vocabulary import Vocabulary
from recurra.engines.native import library
from recurra.errors import ModelFolderError, UsageError
from recurra.tasks.classify.preprocessor import ClassifyPreprocessor
from recurra.tasks.classify.trainee import Classifier, build_network
from recurra.tasks.frames.model import FrameLabeller, FramesModel, SequenceClassifier
from recurra.tasks.frames.preprocessor import FramesPreprocessor
from recurra.tasks.frames.settings import FramesDataSettings
from recurra.tasks.language.model import LanguageModel
from recurra.tasks.language.preprocessor import LanguagePreprocessor
from recurra.topologies.frames import FrameNetwork
from recurra.topologies.many_to_many import NextToken
from recurra.topologies.settings import ClassifierSettings, FrameSettings, NextTokenSettings
from tests.runtime.folders import write

pytestmark = pytest.mark.skipif(library.why_missing() is not None, reason="the native core is not built")
SIZES: dict[str, Any] = {"hidden_size": 5, "embedding_size": 4, "num_layers": 2}
WORDS = ClassifyPreprocessor(Vocabulary(["<unk>", "the", "cat", "sat"], level="word"), ["a", "b", "c"], 40, True)
TEXTS = ["the cat sat", "the dog", "cat cat the cat sat the", "sat"]
LIMIT = 2e-6


def _drawn(network: torch.nn.Module) -> Any:
    torch.manual_seed(1)
    for parameter in network.eval().parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return network


def _classifier(folder: Path, **given: Any) -> tuple[Any, Any]:
    settings = ClassifierSettings(**SIZES, **given)
    network = _drawn(build_network(WORDS, settings))
    assert network.skip is not None
    probe = Classifier(network, WORDS)
    network.skip.share.fill_(0.5)
    network.skip_after.fill_(1.0)
    network.skip_alone.fill_(1.7)
    network.skip.scale.uniform_(0.5, 1)
    keys = torch.arange(40) * 3  # most n-grams are not known; these are
    from recurra.tasks.classify.linear import letters_of
    from recurra.topologies.many_to_one import Spelt, text_features

    ids = torch.from_numpy(WORDS.vocabulary.encode(TEXTS[2]))[None]
    letters = torch.from_numpy(letters_of(WORDS.vocabulary.cut(TEXTS[2])))[None]
    some = text_features(Spelt(ids, letters, torch.tensor([letters.shape[1]])), None, (1, 2), (3, 4, 5))
    keys[:30] = some.keys[:30]
    network.skip.keys.copy_(keys.sort().values)
    write(folder, "classify", network, WORDS, settings)
    return probe, runtime.load(folder)


@pytest.mark.parametrize("pooling", ["last", "mean", "max", "all"])
def test_classifiers_say_the_same(pooling: str, tmp_path: Path) -> None:
    given = {"cell": "gru", "bidirectional": True} if pooling == "all" else {}
    probe, model = _classifier(tmp_path / "model", pooling=pooling, **given)
    np.testing.assert_allclose(model.predict_proba(TEXTS), probe.predict_proba(TEXTS), rtol=0, atol=LIMIT)
    (one,) = model.predict("the cat", top=2)
    (other,) = probe.predict("the cat", top=2)
    assert [label for label, _ in one.classes] == [label for label, _ in other.classes]
    assert one.label == other.label
    with pytest.raises(UsageError, match="text 2 is empty"):
        model.predict(["the", "  "])


@pytest.mark.parametrize(
    ("output", "tied"), [("softmax", False), ("softmax", True), ("sampled", True), ("adaptive", True)]
)
def test_language_models_say_the_same(output: Any, tied: bool, tmp_path: Path) -> None:
    vocabulary = Vocabulary(["<unk>", *map(chr, range(97, 167)), "\n"])
    sizes = SIZES | {"embedding_size": 5} if tied else SIZES
    settings = NextTokenSettings(**sizes, output=output, tie_weights=tied)
    probe = LanguageModel(_drawn(NextToken(len(vocabulary), settings)), vocabulary)
    write(tmp_path / "model", "language", probe.network, LanguagePreprocessor(vocabulary), settings)
    model = runtime.load(tmp_path / "model")
    assert isinstance(model, runtime.LanguageModel)
    for text in ("abc", "", "hello\nworld"):
        (one,), (other,) = model.predict(text, top=5), probe.predict(text, top=5)
        assert [token for token, _ in one.tokens] == [token for token, _ in other.tokens]
        np.testing.assert_allclose([p for _, p in one.tokens], [p for _, p in other.tokens], rtol=0, atol=LIMIT)
    long = "abcdefgh\n" * 60
    assert model.nats_per_token(long) == pytest.approx(probe.nats_per_token(long), abs=1e-5)
    same = {"temperature": 0.0, "repetition_penalty": 1.2}
    assert model.generate("abc", 30, **same) == probe.generate("abc", 30, **same)
    drawn = [model.generate("abc", 20, top_k=5, top_p=0.9, seed=3) for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert len(drawn[0]) == 23
    with pytest.raises(UsageError, match="never seen: 'é'"):
        model.generate("é")


@pytest.mark.parametrize(
    ("per_frame", "pooling", "delay", "scale"),
    [
        (True, "last", 2, "training"),
        (False, "all", 0, "training"),
        (False, "mean", 0, "sequence"),
        (True, "last", 0, "mean"),
    ],
)
def test_models_of_frames_say_the_same(per_frame: bool, pooling: Any, delay: int, scale: Any, tmp_path: Path) -> None:
    made = FramesPreprocessor(("a", "b"), (9.0, -3.0), (0.5, 2.0), True, per_frame, ["up", "down"], scale, root=True)
    settings = FrameSettings(hidden_size=5, num_layers=2, cell="lstm", pooling=pooling, delay=delay)
    network = _drawn(FrameNetwork(4, 2, settings, per_frame=per_frame))
    kind = FrameLabeller if per_frame else SequenceClassifier
    probe: FramesModel = kind(network, made, FramesDataSettings())
    write(tmp_path / "model", "frames", network, made, settings)
    model = runtime.load(tmp_path / "model")
    assert isinstance(model, runtime.Frames)
    frames = np.random.default_rng(0).standard_normal((9, 2)) * 3 + 5
    frames[::3, 1] = np.nan
    several = [frames, frames[:1]]
    if isinstance(probe, FrameLabeller):
        for one, other in zip(model.predict(several), probe.predict(probe.checked(several)), strict=True):
            assert one.labels == other.labels
            np.testing.assert_allclose(one.probabilities, other.probabilities, rtol=0, atol=LIMIT)
    else:
        expected = probe.predict_proba(probe.checked(several))  # type: ignore[attr-defined]
        np.testing.assert_allclose(model.predict_proba(several), expected, rtol=0, atol=LIMIT)
    if scale != "training":
        with pytest.raises(UsageError, match="--scale training"):
            model.stream()
        return
    pieces = (frames[:2], frames[2], frames[3:])
    heard, other_stream = model.stream(), probe.listen()
    said = [*itertools.chain(*map(heard.push, pieces)), *heard.end()]
    wanted = [*itertools.chain(*map(other_stream.push, pieces)), *other_stream.end()]
    assert [(each.frame, each.label) for each in said] == [(each.frame, each.label) for each in wanted]
    for one, other in zip(said, wanted, strict=True):
        np.testing.assert_allclose(one.probabilities, other.probabilities, rtol=0, atol=LIMIT)
    for odd in ([[1.0, 2.0], [3.0]], ["a", "b"], None):
        with pytest.raises(UsageError, match="frames"):
            model.stream().push(odd)
    with pytest.raises(UsageError, match="has ended"):
        heard.push(frames)


def test_it_needs_neither_torch_nor_anything_but_numpy(tmp_path: Path) -> None:
    _, model = _classifier(tmp_path / "model")
    code = (
        "import sys; from recurra import runtime; "
        f"found = runtime.load({str(tmp_path / 'model')!r}).predict_proba({TEXTS!r}); "
        "outside = {name.split('.')[0] for name in sys.modules} - set(sys.stdlib_module_names); "
        "peak = [line for line in open('/proc/self/status') if 'VmHWM' in line] if sys.platform == 'linux' else []; "
        "import json; print(json.dumps([found.tolist(), sorted(outside), peak]))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found, outside, peak = json.loads(run.stdout)
    np.testing.assert_allclose(found, model.predict_proba(TEXTS), rtol=0, atol=1e-7)
    assert {name for name in outside if not name.startswith(("_", "sitecustomize"))} <= {
        "numpy",
        "recurra",
        "cython_runtime",
    }
    if peak:
        assert int(peak[0].split()[1]) < 80 * 1024


def test_what_does_not_match_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    _classifier(folder)
    weights = (folder / "weights.safetensors").read_bytes()
    (folder / "weights.safetensors").write_bytes(weights[:-1] + bytes([weights[-1] ^ 1]))
    with pytest.raises(ModelFolderError, match="SHA-256"):
        runtime.load(folder)
    with pytest.raises(ModelFolderError, match="no such model folder"):
        runtime.load(tmp_path / "nothing")
    settings = ClassifierSettings(**SIZES)
    network = _drawn(build_network(WORDS, settings))
    other = settings.model_copy(update={"hidden_size": 6})
    with pytest.raises(ModelFolderError, match=r"do not fit the config: stack.weight_ih_l0 is float32 \[20, 4\]"):
        runtime.load(write(tmp_path / "wide", "classify", network, WORDS, other))
    shallow = settings.model_copy(update={"num_layers": 1})
    with pytest.raises(ModelFolderError, match="does not belong to this network"):
        runtime.load(write(tmp_path / "deep", "classify", network, WORDS, shallow))
    for number, (name, value) in enumerate(
        {
            "pooling": 3,
            "merge": "mix",
            "zoneout": 7.0,
            "num_layers": True,
            "hidden_size": 10**12,
            "cell": "lstn",
        }.items()
    ):
        odd = write(tmp_path / f"odd{number}", "classify", network, WORDS, settings, setting=(name, value))
        with pytest.raises(
            ModelFolderError, match=f"{name} is|zoneout_cell are|do not fit the config|'lstn' is not registered"
        ):
            runtime.load(odd)
    with pytest.raises(ModelFolderError, match="max_length is 'x'"):
        runtime.load(write(tmp_path / "long", "classify", network, WORDS, settings, max_length="x"))
    with pytest.raises(ModelFolderError, match="'vocabulary' is missing"):
        runtime.load(write(tmp_path / "fill", "fill", network, None, settings))
    with pytest.raises(ModelFolderError, match="knows no task 'sing'"):
        runtime.load(write(tmp_path / "sing", "sing", network, None, settings))
    network.head.bias.data[0] = float("nan")
    with pytest.raises(ModelFolderError, match=r"head\.bias has values that are not numbers"):
        runtime.load(write(tmp_path / "nan", "classify", network, WORDS, settings))
    with pytest.raises(UsageError, match="threads"):
        runtime.load(folder, threads=0)

"""What networks of a task may have that its small example in the laws has not, without torch and with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recurra import runtime
from recurra.data.attributes import Attributes
from recurra.data.series.calendar import Frequency
from recurra.data.series.panel import Columns, Panel, Series
from recurra.data.series.scaling import Transform
from recurra.data.tokens.vocabulary import Vocabulary
from recurra.engines.native import library
from recurra.errors import DataError, UsageError
from recurra.tasks.caption.model import CaptionModel
from recurra.tasks.caption.preprocessor import CaptionPreprocessor
from recurra.tasks.caption.trainee import build_network as captioner
from recurra.tasks.classify import trainee as classify
from recurra.tasks.classify.preprocessor import ClassifyPreprocessor
from recurra.tasks.decoding.glossary import Glossary
from recurra.tasks.forecast.model import Forecaster
from recurra.tasks.forecast.preprocessor import fitted
from recurra.tasks.forecast.settings import ForecastDataSettings
from recurra.tasks.forecast.task import TASK as FORECAST
from recurra.tasks.generate.preprocessor import GeneratePreprocessor
from recurra.tasks.generate.trainee import Generator
from recurra.tasks.generate.trainee import build_network as generator
from recurra.tasks.language.model import LanguageModel
from recurra.tasks.language.preprocessor import LanguagePreprocessor
from recurra.tasks.settings import Settings
from recurra.tasks.translate.model import Translator
from recurra.tasks.translate.preprocessor import TranslatePreprocessor
from recurra.tasks.translate.trainee import build_network as translator
from recurra.topologies.many_to_many import NextToken
from recurra.topologies.settings import (
    CaptionerSettings,
    ClassifierSettings,
    ConditionedSettings,
    EncoderDecoderSettings,
    ForecasterSettings,
    NextTokenSettings,
)
from recurra.training.settings import TrainingSettings
from tests.laws.tasks.test_runtime_tasks import same, translated
from tests.runtime.folders import write

pytestmark = pytest.mark.skipif(library.why_missing() is not None, reason="the native core is not built")
SIZES: dict[str, Any] = {"hidden_size": 5, "embedding_size": 4, "num_layers": 2, "cell": "lstm"}
WORDS = Vocabulary(["<unk>", *"the cat dog sat on a mat .".split()], level="word")
TEXTS = ["the cat sat on a mat .", "a bird", "dog"]


def _drawn(network: Any, deviation: float = 0.5) -> Any:
    torch.manual_seed(1)
    for parameter in network.eval().parameters():
        torch.nn.init.normal_(parameter, std=deviation)
    return network


@pytest.mark.parametrize(
    "given",
    [
        {"attention": "none", "bridge": "copy", "bidirectional": True, "merge": "sum"},
        {"attention": "dot", "input_feeding": True, "bridge": "none", "learned_state": True},
        {"attention": "additive", "tie_weights": True, "bidirectional": True},
        {"attention": "general", "num_layers": 1, "cell": "gru"},
        {"attention": "additive", "skip": "lexical", "tie_weights": True, "bidirectional": True},
        {"attention": "general", "skip": "lexical", "input_feeding": True},
    ],
    ids=lambda given: " ".join([given["attention"], given.get("skip", "")]),
)
def test_translators_say_the_same(given: dict[str, Any], tmp_path: Path) -> None:
    settings = EncoderDecoderSettings(**SIZES | given)
    glossary = Glossary({"cat": "dog", "sat": "on a"}) if settings.skip == "lexical" else None
    made = TranslatePreprocessor(WORDS, WORDS, glossary=glossary)
    network = _drawn(translator(made, settings))
    if glossary is not None:  # some texts are left to the dictionary, others not
        own = Translator(network, WORDS, WORDS, max_length=4, glossary=glossary).predict(TEXTS)
        sure = sorted(one.candidates[0].log_probability / len(one.target_tokens) for one in own)
        network.get_buffer("doubt").fill_((sure[0] + sure[1]) / 2)
        network.get_buffer("penalty").fill_(2.8)
    write(tmp_path / "model", "translate", network, made, settings, max_length=4)
    probe = Translator(network, WORDS, WORDS, max_length=4, glossary=glossary)
    model: Any = runtime.load(tmp_path / "model")
    same(translated(model, TEXTS), translated(probe, TEXTS))
    drawn = model.predict("the cat", sample=True, n_best=3, seed=1)[0].candidates
    assert drawn == model.predict("the cat", sample=True, n_best=3, seed=1)[0].candidates
    with pytest.raises(UsageError, match="text 2 is empty"):
        model.predict(["a", " "])


@pytest.mark.parametrize("condition", ["input", "state", "steps", "attention", "none"])
def test_captioners_of_vectors_say_the_same(condition: Any, tmp_path: Path) -> None:
    feeding = condition in ("input", "attention")
    settings = CaptionerSettings(**SIZES, condition=condition, picture_size=3, input_feeding=feeding)
    made = CaptionPreprocessor(WORDS, "features", 1, 2, 6, 7)
    network = _drawn(captioner(made, settings))
    write(tmp_path / "model", "caption", network, made, settings)
    model, probe = runtime.load(tmp_path / "model"), CaptionModel(network, made)
    assert isinstance(model, runtime.Captioner)
    vectors = list(np.random.default_rng(0).standard_normal((3, 2, 6)).astype(np.float32))
    for one, other in zip(model.predict(vectors, top=2), probe.predict(vectors, top=2), strict=True):
        same([vars(c) for c in one.candidates], [vars(c) for c in other.candidates])
        assert one.tokens == other.tokens
        same(*(None if each.weights is None else each.weights.tolist() for each in (one, other)))
    with pytest.raises(UsageError, match=r"picture 1 as \[2, 6\]"):
        model.predict([np.zeros((1, 6))])


@pytest.mark.parametrize("condition", ["state", "input"])
def test_generators_say_the_same(condition: Any, tmp_path: Path) -> None:
    vocabulary = Vocabulary(["<unk>", *"abc\n"])
    attributes = Attributes.of(("land", "sex"), [("it", "f"), ("it", "m"), ("ru", "f")])
    made = GeneratePreprocessor(vocabulary, attributes, 20)
    settings = ConditionedSettings(**SIZES, condition=condition)
    network = _drawn(generator(made, settings))
    write(tmp_path / "model", "generate", network, made, settings)
    model, probe = runtime.load(tmp_path / "model"), Generator(network, vocabulary, attributes, 20)
    assert isinstance(model, runtime.Generator)
    assert model.conditions() == probe.conditions()
    for asked in ({"condition": "sex=f", "count": 5}, {"prompt": "ab", "temperature": 0.0}, {"length": 0}):
        found, expected = (each.generate(seed=2, **asked) for each in (model, probe))  # type: ignore[attr-defined]
        assert [vars(one) for one in found] == [vars(one) for one in expected]
    with pytest.raises(UsageError, match="never seen: 'x'"):
        model.generate("x")


def _panel() -> Panel:
    rng, columns = np.random.default_rng(0), Columns(("u", "v"), ("rain",), ("holiday",), ("size",))
    made = []
    for number, length in enumerate((40, 33)):
        target = rng.standard_normal((length, 2)).cumsum(0) + 50
        target[5, 0] = np.nan
        past, future = rng.standard_normal((length, 1)), rng.standard_normal((length + 12, 1))
        made.append(
            Series(f"s{number}", np.datetime64("2024-01-01", "s"), target, past, future, np.array([number + 1.0]))
        )
    return Panel(made, columns, Frequency("second", 86400))


@pytest.mark.parametrize(
    ("kind", "transform"),
    [
        ({"by_window": True}, "none"),
        ({"by_window": False}, "log"),
        ({"by_window": False, "by_level": True, "drawn_units": 4, "drawn_steps": 5}, "none"),
        ({"by_window": True, "drawn_units": 3, "drawn_steps": 6}, "sqrt"),
    ],
)
def test_forecasters_of_all_kinds_of_columns_say_the_same(kind: dict[str, Any], transform: Any, tmp_path: Path) -> None:
    panel = _panel()
    made = fitted(
        panel, [30, 30], Transform(transform, 1.0), window=6, horizon=4, block=3, calibration=20, season=7,
        levels=(0.1, 0.5, 0.8), **kind, cycles=("day of the week",), gaps=True, apart=False,
    )  # fmt: skip
    settings = ForecasterSettings(**{name: SIZES[name] for name in ("hidden_size", "num_layers", "cell")}, head_size=3)
    network = FORECAST.network(made, Settings(ForecastDataSettings(), settings, TrainingSettings()))
    write(tmp_path / "model", "forecast", _drawn(network, 0.2), made, settings, skip_short=False)
    probe: Any = Forecaster(network, made, ForecastDataSettings())
    model = runtime.load(tmp_path / "model")
    assert isinstance(model, runtime.Forecaster)
    for horizon in (2, 4, 8):
        found, expected = model.predict(panel, horizon=horizon), probe.predict(panel, horizon=horizon)
        same([vars(one) for one in found], [vars(one) for one in expected])
    one = panel.series[1]
    again = model.series(
        one.target, start="2024-01-01", past=one.past, future=one.future, static=one.static, name=one.name
    )
    same([each.median for each in model.predict(again)], [each.median for each in probe.predict(panel)[2:]])
    with pytest.raises(DataError, match="holiday of the series 's1' is known ahead, but missing in 4 of 4"):
        model.predict(model.series(one.target, past=one.past, future=one.target[:, :1], static=[1.0], name="s1"))
    with pytest.raises(UsageError, match="this model reads the columns"):
        model.predict(one.target)


@pytest.mark.parametrize("networks", [1, 3])
def test_characters_beside_words_and_ensembles_say_the_same(networks: int, tmp_path: Path) -> None:
    made = ClassifyPreprocessor(WORDS, ["x", "y"], characters="act", skip_features=0)
    settings = ClassifierSettings(**SIZES, pooling="all", bidirectional=True)
    if networks == 1:
        network: Any = _drawn(classify.build_network(made, settings))
    else:
        network = _drawn(classify.build_ensemble(made, settings, networks))
        network.sharpness.fill_(1.5)
    write(tmp_path / "model", "classify", network, made, settings, networks=networks)
    model, probe = runtime.load(tmp_path / "model"), classify.Classifier(network, made)
    assert isinstance(model, runtime.Classifier)
    np.testing.assert_allclose(model.predict_proba(TEXTS), probe.predict_proba(TEXTS), rtol=0, atol=2e-6)


def test_sub_words_are_cut_as_their_package_cuts_them(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    from recurra.data.tokens.subword_lines import SubwordLines
    from recurra.runtime.words import running_of, words_of

    training = ["don't stop, the cats' cat (sat) on 3.5 mats!", "the dogs stop — «the» cats, 中文。 naïve_name"] * 3
    lines = SubwordLines.build("\n".join(training), normalize=("nfc",), max_size=60)
    stored = json.loads(json.dumps(lines.to_json()))
    own: Any = running_of(stored)
    subwords, mine = lines._subwords, words_of(stored["subwords"])
    asked = [*training, "", " ", "a  b", "<unk> ▁x▁", "Ωmega $5 a+b=c\u3000d…e", "stop\tthe\u200bcat", "'s'", "e\u0301"]
    for text in asked:
        assert mine.encode(text).tolist() == subwords.encode(text).tolist(), text
        assert mine.pieces(text) == subwords.pieces(text), text  # type: ignore[union-attr]
        assert mine.unknown(text) == subwords.unknown(text), text
    settings = NextTokenSettings(**SIZES)
    probe = LanguageModel(_drawn(NextToken(len(lines), settings)), lines)
    write(tmp_path / "model", "language", probe.network, LanguagePreprocessor(lines), settings)
    model: Any = runtime.load(tmp_path / "model")
    assert model.generate("the cat", 20, temperature=0) == probe.generate("the cat", 20, temperature=0)
    same([one.tokens for one in model.predict(training, top=3)], [one.tokens for one in probe.predict(training, top=3)])
    whole = "\n".join(asked)
    assert own.encode(whole).tolist() == lines.encode(whole).tolist()
    assert own.decode(own.encode(whole)) == lines.decode(lines.encode(whole))

"""The classifier: evaluated in batches of any size, the same figures."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from recurra.data.tokens.vocabulary import Vocabulary
from recurra.tasks.classify import trainee as classify
from recurra.tasks.classify.data import ClassifyData, Part
from recurra.tasks.classify.preprocessor import ClassifyPreprocessor
from recurra.tasks.classify.trainee import (
    Classifier,
    ClassifyTrainee,
    build_network,
    evaluate_part,
    log_frequencies,
    log_probabilities,
)
from recurra.topologies.many_to_one import SequenceClassifier
from recurra.topologies.settings import ClassifierSettings
from recurra.training.fit import fit
from recurra.training.settings import TrainingSettings


def network() -> SequenceClassifier:
    torch.manual_seed(0)
    return SequenceClassifier(9, 3, ClassifierSettings(cell="gru", hidden_size=4, embedding_size=3)).eval()


def texts(count: int = 40) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(1, 9, rng.integers(1, 30)) for _ in range(count)]


@pytest.mark.parametrize("most", [1, 10, 64, 100, 10_000])
def test_batches_of_any_size_give_each_text_its_own_answer(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    made, encoded = network(), texts()
    with torch.inference_mode():
        alone = torch.cat([made(torch.from_numpy(e)[None])[0] for e in encoded]).log_softmax(-1)
    sizes: list[int] = []
    made.register_forward_pre_hook(lambda _, args: sizes.append(args[0].numel()))
    monkeypatch.setattr(classify, "EVALUATION_TOKENS", most)
    torch.testing.assert_close(log_probabilities(made, encoded), alone)
    assert max(sizes) <= max(most, max(map(len, encoded)))


def test_an_evaluation_by_hand() -> None:
    made, encoded = network(), texts(10)
    labels = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2, 0])
    found = evaluate_part(made, Part([""] * 10, encoded, labels))
    logs = log_probabilities(made, encoded)
    assert found["loss"] == pytest.approx(float(functional.nll_loss(logs, torch.from_numpy(labels))))
    assert found["accuracy"] == pytest.approx(float((logs.argmax(1).numpy() == labels).mean()))


def test_predictions_are_sorted_and_sum_to_one() -> None:
    known = ClassifyPreprocessor(Vocabulary(["<unk>", *"abcdefgh"]), ["x", "y", "z"])
    made = Classifier(network(), known, max_length=4)
    (one,) = made.predict("abc", top=10)
    assert sorted(name for name, _ in one.classes) == ["x", "y", "z"]
    chances = [p for _, p in one.classes]
    assert chances == sorted(chances, reverse=True)
    assert sum(chances) == pytest.approx(1, abs=1e-6)
    assert one.label == one.classes[0][0]
    assert made.predict("abcdefgh", top=3)[0].classes == made.predict("abcd", top=3)[0].classes  # cut as in training
    assert made.truncated(["abcdefgh", "abcd", " abcd ", "abcde"]) == 2
    assert made.predict(" abc\n", top=3)[0].classes == one.classes  # stripped as in training
    assert made.predict("ééé")[0].label in "xyz"


def trained(data: ClassifyData, **options: float) -> ClassifyTrainee:
    """A small classifier of these data."""
    torch.manual_seed(0)
    made = build_network(data.preprocessor, ClassifierSettings(hidden_size=4))
    task = ClassifyTrainee(made, data, batch_size=40, bptt=None, seed=0, **options)
    fit(task, TrainingSettings(epochs=200, learning_rate=0.05))
    task.network.eval()
    return task


def chance(task: ClassifyTrainee) -> float:
    """Of the first class, for the first text."""
    return log_probabilities(task.network, task.data.parts["train"].encoded[:1])[0, 0].exp().item()


def test_balance_takes_the_frequency_of_a_class_out_of_what_is_learned() -> None:
    """Nothing but frequency to learn: the plain network learns the shares, the balanced one even chances."""
    vocabulary = Vocabulary.build(["a"])
    part = Part(["a"] * 40, [np.ones(1, np.int64)] * 40, np.array([0] * 30 + [1] * 10))
    data = ClassifyData(["often", "rare"], vocabulary, {"train": part, "validation": part, "test": part})
    assert log_frequencies(data).exp().tolist() == pytest.approx([0.75, 0.25])
    chances = [chance(trained(data, balance=balance)) for balance in (0.0, 1.0)]
    assert chances == pytest.approx([0.75, 0.5], abs=0.02)


def test_smoothed_labels_leave_a_share_to_the_other_classes_and_to_no_other_figure() -> None:
    part = Part(["a"] * 40, [np.ones(1, np.int64)] * 40, np.zeros(40, np.int64))
    data = ClassifyData(["x", "y"], Vocabulary.build(["a"]), {"train": part, "validation": part, "test": part})
    task = trained(data, smoothing=0.2)
    assert chance(task) == pytest.approx(0.9, abs=0.01)
    assert task.evaluate(task.network)["loss"] == pytest.approx(-np.log(chance(task)), rel=1e-4)


def test_tokens_of_a_large_vocabulary_start_from_short_vectors() -> None:
    for size, length in ((classify.FEW_TOKENS, 1.0), (100, 8.0)):
        vocabulary = Vocabulary(["<unk>", *map(str, range(size))], level="word")
        part = Part(["a"] * 2, [np.ones(1, np.int64)] * 2, np.array([0, 1]))
        data = ClassifyData(["x", "y"], vocabulary, dict.fromkeys(("train", "validation", "test"), part))
        task = ClassifyTrainee(
            build_network(data.preprocessor, ClassifierSettings(embedding_size=64)),
            data,
            batch_size=2,
            bptt=None,
            seed=0,
        )
        assert task.network.table.weight.norm(dim=1).mean().item() == pytest.approx(length, rel=0.1)


def test_an_epoch_of_crops_is_cut_once_and_again_for_the_next() -> None:
    vocabulary = Vocabulary(["<unk>", *"abcd,"])
    texts = ["abcd,abcd,dcba,abcd,", "dcba,dcba,abcd"] * 20
    part = Part(texts, [vocabulary.encode(text) for text in texts], np.array([0, 1] * 20))
    data = ClassifyData(["x", "y"], vocabulary, dict.fromkeys(("train", "validation", "test"), part))
    task = ClassifyTrainee(
        build_network(data.preprocessor, ClassifierSettings()),
        data,
        batch_size=8,
        bptt=None,
        seed=0,
        crop=1.0,
        batch_tokens=60,
    )
    epochs = [[batch.tokens.tolist() for batch in task.batches(n)] for n in (0, 1, 0)]
    assert epochs[0] == epochs[2] != epochs[1]
    assert [len(epoch) for epoch in epochs] == [task.steps(0), task.steps(1), task.steps(0)]
    assert all(len(rows) * len(rows[0]) <= 60 for rows in epochs[0])

"""Networks of tasks as C: what goes in, what is pooled, what is said, texts to ids."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recurra.data.tokens.vocabulary import Vocabulary
from recurra.errors import RecurraError, UsageError
from recurra.export.answers import said
from recurra.export.c.arrays import number, string
from recurra.export.c.programs import example_program, makefile
from recurra.export.c.proof import FLAGS, compiler, own_flags
from recurra.export.c.written import c_name, write_c
from recurra.export.streamed import Streamed, streamed
from recurra.tasks.classify.preprocessor import ClassifyPreprocessor
from recurra.tasks.frames.preprocessor import FramesPreprocessor
from recurra.tasks.outgoing import Asked
from recurra.topologies.frame_generator import FrameGenerator
from recurra.topologies.frames import FrameNetwork
from recurra.topologies.many_to_many import NextToken
from recurra.topologies.many_to_one import SequenceClassifier
from recurra.topologies.one_to_many import ConditionedDecoder
from recurra.topologies.settings import (
    ClassifierSettings,
    ConditionedSettings,
    FrameGeneratorSettings,
    FrameSettings,
    NextTokenSettings,
)
from tests.export.compiled import STRICT, compile_c, needs_compiler, run_c, sources, write

pytestmark = needs_compiler
SIZES: dict[str, Any] = {"hidden_size": 5, "embedding_size": 4, "num_layers": 2}
FRAME_SIZES: dict[str, Any] = {"hidden_size": 5, "num_layers": 2, "cell": "gru"}
TOKENS = 70
VOCABULARY = Vocabulary(["<unk>", *'abcä"?\\@ \n€𝄞z'])
GAPS = FramesPreprocessor(("a", "b"), (100.0, -3.0), (0.5, 2.0), True, True, ["up", "down"], root=True)
PLAIN = FramesPreprocessor(("a", "b"), (1.0, -3.0), (0.5, 2.0), False, False, ["up", "down"])


def _networks() -> dict[str, tuple[Any, Any, Asked]]:
    """A network, its preprocessor, what it is asked."""
    rng = np.random.default_rng(0)
    tokens, frames = Asked(rng.integers(TOKENS, size=40)), rng.standard_normal((40, 2)).astype(np.float32) * 3 + 50
    gapped = frames.copy()
    gapped[::3, 1] = np.nan
    texts = Asked(rng.integers(len(VOCABULARY), size=40))
    made: dict[str, tuple[Any, Any, Asked]] = {
        "tied": (NextToken(TOKENS, NextTokenSettings(**SIZES | {"embedding_size": 5}, tie_weights=True)), None, tokens),
        "adaptive": (NextToken(TOKENS, NextTokenSettings(**SIZES, output="adaptive")), None, tokens),
        "later": (FrameNetwork(4, 2, FrameSettings(**FRAME_SIZES, delay=3), per_frame=True), GAPS, Asked(gapped)),
        "short": (FrameNetwork(4, 2, FrameSettings(**FRAME_SIZES, delay=3), per_frame=True), GAPS, Asked(gapped[:2])),
        "both": (
            ConditionedDecoder(9, 8, (3, 2), ConditionedSettings(**SIZES, condition="both")),
            None,
            Asked(rng.integers(9, size=20), np.array([2, 1])),
        ),
        "by_state": (
            ConditionedDecoder(9, 8, (3,), ConditionedSettings(**SIZES, condition="state")),
            None,
            Asked(rng.integers(9, size=20), np.array([1])),
        ),
        "drawing": (
            FrameGenerator(2, (3,), FrameGeneratorSettings(**FRAME_SIZES, mixtures=2)),
            None,
            Asked(rng.standard_normal((20, 2)).astype(np.float32), np.array([1])),
        ),
    }
    for pooling in ("last", "mean", "max", "all"):
        learned = ClassifyPreprocessor(VOCABULARY, ["one", 'two "?'])
        classifier = SequenceClassifier(len(VOCABULARY), 2, ClassifierSettings(**SIZES, pooling=pooling))
        made[f"class_{pooling}"] = (classifier, learned, texts)
        network = FrameNetwork(2, 2, FrameSettings(**FRAME_SIZES, pooling=pooling), per_frame=False)
        made[f"frames_{pooling}"] = (network, PLAIN, Asked(frames))
    return made


@pytest.fixture(scope="module")
def networks() -> dict[str, tuple[Any, Any, Asked]]:
    torch.manual_seed(0)
    found = _networks()
    for network, _, _ in found.values():
        for name, parameter in network.eval().named_parameters():
            if not name.startswith("skip"):
                torch.nn.init.normal_(parameter, std=0.4)
    return found


@pytest.fixture(scope="module")
def library(networks: Any, tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    models = {name: streamed(network, made) for name, (network, made, _) in networks.items()}
    return compile_c(sources(models), tmp_path_factory.mktemp("c"))


def test_every_network_that_streams_says_the_same_in_c(networks: Any, library: ctypes.CDLL) -> None:
    for name, (network, made, asked) in networks.items():
        found, expected = run_c(library, name, streamed(network, made), asked), said(network, asked, made)
        limit = 1e-5 * max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(found, expected, rtol=0, atol=limit, err_msg=name)


def test_texts_become_the_same_ids(library: ctypes.CDLL) -> None:
    library.class_last_decode.argtypes = [ctypes.c_int, ctypes.c_char_p]
    for text in ("", "abc", 'ä€?"\\𝄞@z', "xyz\n b", "ы€ы"):
        given, ids = ctypes.c_char_p(text.encode()), list[int]()
        while (token := library.class_last_encode(ctypes.byref(given))) >= 0:
            ids.append(token)
        assert ids == VOCABULARY.encode(text).tolist()
    room = ctypes.create_string_buffer(5)
    for token, expected in enumerate(VOCABULARY.tokens):
        count = library.class_last_decode(token, room)
        assert room.raw[:count].decode() == ("\ufffd" if token == 0 else expected)


def test_labels_keep_every_character(library: ctypes.CDLL) -> None:
    labels = (ctypes.c_char_p * 2).in_dll(library, "class_last_labels")
    assert [label.decode() for label in labels if label is not None] == ["one", 'two "?']


def test_a_folder_has_an_example_and_a_check_that_can_fail(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = NextToken(len(VOCABULARY), NextTokenSettings(**SIZES)).eval()
    model = streamed(network, VOCABULARY)
    asked = [Asked(np.arange(1, 9))]
    found, proof = write_c(tmp_path, "net", model, network, asked)
    assert proof.outputs == 8
    assert proof.difference < 1e-6
    assert found.state_bytes < 1000
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror"]
    subprocess.run([str(compiler()), *flags, "-o", "main", "main.c", "net.c"], cwd=tmp_path, check=True)
    written = subprocess.run(["./main", "ab", "20"], cwd=tmp_path, capture_output=True, check=True).stdout.decode()
    assert written.startswith("ab")
    assert len(written) == 23
    begun = [subprocess.run(["./main", *given], cwd=tmp_path, capture_output=True, check=True) for given in ([], [""])]
    assert begun[0].stdout == begun[1].stdout
    other = NextToken(len(VOCABULARY), NextTokenSettings(**SIZES)).eval()
    with pytest.raises(RecurraError, match="does not say what the network says"):
        write_c(tmp_path, "net", model, other, asked)


def test_an_example_labels_texts_but_no_empty_one(networks: Any, tmp_path: Path) -> None:
    network, made, _ = networks["class_last"]
    model = streamed(network, made)
    files = write(sources({"net": model}), tmp_path)
    (tmp_path / "main.c").write_text(example_program(model, "net"))
    subprocess.run([str(compiler()), *STRICT, "-std=c99", "-o", "main", "main.c", *files], cwd=tmp_path, check=True)
    found = subprocess.run(["./main", "abc", ""], cwd=tmp_path, capture_output=True, text=True, check=False)
    expected = made.classes[int(said(network, Asked(VOCABULARY.encode("abc"))).argmax())]
    assert (found.returncode, found.stdout, found.stderr) == (1, f"abc\t{expected}\n", "text 2 is empty\n")


def test_an_example_writes_of_no_value_that_is_not_there(tmp_path: Path) -> None:
    torch.manual_seed(0)
    sizes = ConditionedSettings(**SIZES, condition="input")
    network = ConditionedDecoder(len(VOCABULARY) + 2, len(VOCABULARY) + 1, (3, 2), sizes).eval()
    model = replace(streamed(network), vocabulary=VOCABULARY)
    files = write(sources({"net": model}), tmp_path)
    (tmp_path / "main.c").write_text(example_program(model, "net"))
    subprocess.run([str(compiler()), *STRICT, "-std=c99", "-o", "main", "main.c", *files], cwd=tmp_path, check=True)
    for given, code, shown in ((["2", "1"], 0, ""), (["2", "2"], 1, "VALUE 2 is 2, not from 0 to 1\n")):
        found = subprocess.run(["./main", *given], cwd=tmp_path, capture_output=True, check=False)
        assert (found.returncode, found.stderr.decode()) == (code, shown)


def test_what_cannot_stream_says_what_can() -> None:
    both = SequenceClassifier(9, 2, ClassifierSettings(**SIZES, bidirectional=True))
    with pytest.raises(UsageError, match=r"both directions.*\n.*--to onnx"):
        streamed(both)
    skipping = SequenceClassifier(9, 2, ClassifierSettings(**SIZES), features=2)
    streamed(skipping)  # without a share there is no skip
    assert skipping.skip is not None
    skipping.skip.share.fill_(0.5)
    with pytest.raises(UsageError, match=r"linear skip.*\n.*--skip none"):
        streamed(skipping)
    scaled = FramesPreprocessor(("a",), (0.0,), (1.0,), False, True, ["x"], "sequence")
    with pytest.raises(UsageError, match="--scale training"):
        streamed(FrameNetwork(1, 1, FrameSettings(**FRAME_SIZES), per_frame=True), scaled)
    with pytest.raises(UsageError, match="as no Linear does"):
        streamed(torch.nn.Linear(2, 2))


def test_names_and_numbers_are_those_of_c() -> None:
    assert [c_name(name) for name in ("My-Run.2", "2nd try", "main", "lstm")] == [
        "my_run_2",
        "net_2nd_try",
        "main_net",
        "lstm",
    ]
    with pytest.raises(UsageError, match="no name of C"):
        c_name("漢字")
    assert [number(value) for value in (1, 0.1, 1e-20, -3.0)] == ["1.0f", "0.1f", "1e-20f", "-3.0f"]
    assert string('a"ä?@\n') == '"a\\042\\303\\244\\077\\100\\012"'


def test_without_a_compiler_nothing_is_claimed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recurra.export.c.proof.compiler", lambda: None)
    torch.manual_seed(0)
    network = NextToken(9, NextTokenSettings(**SIZES)).eval()
    model: Streamed = streamed(network)
    _, proof = write_c(tmp_path, "net", model, network, [Asked(np.arange(3))])
    assert proof.compiler is None
    assert (tmp_path / "check.bin").is_file()


def test_make_builds_for_this_machine_where_the_compiler_can(tmp_path: Path) -> None:
    if shutil.which("make") is None:
        pytest.skip("there is no make")
    (tmp_path / "Makefile").write_text(makefile("net"))
    for name in ("net.c", "net.h", "main.c"):
        (tmp_path / name).touch()
    older = tmp_path / "older"
    older.write_text('#!/bin/sh\ncase "$*" in *-march=native*) exit 1;; esac\n')
    older.chmod(0o755)

    def built(*given: str) -> str:
        command = ["make", "-n", "--no-print-directory", *given]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    found = str(compiler())
    assert built(f"CC={found}").split()[1:-4] == [*own_flags(found)]
    assert built(f"CC={found}", "NATIVE=").split()[1:-4] == [*FLAGS]
    assert built(f"CC={older}").split()[1:-4] == [*FLAGS]
    assert own_flags(str(older)) == FLAGS
    assert built(f"CC={found}", "CFLAGS=-O2").split()[1:-4] == ["-O2"]

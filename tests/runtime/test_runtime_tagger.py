"""Taggers without torch: letters, pairs, rows of tags, the linear skip."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recurra import runtime
from recurra.data.tokens.typed import Habit
from recurra.data.tokens.vocabulary import Vocabulary
from recurra.engines.native import library
from recurra.errors import UsageError
from recurra.tasks.tag.lexicon import Lexicon
from recurra.tasks.tag.model import TagModel
from recurra.tasks.tag.preprocessor import TagPreprocessor
from recurra.tasks.tag.trainee import build_ensemble, build_network
from recurra.topologies.neighbourhood import neighbourhood
from recurra.topologies.settings import TaggerSettings
from tests.runtime.folders import write

pytestmark = pytest.mark.skipif(library.why_missing() is not None, reason="the native core is not built")
SENTENCES = ["Anna went to New York", "to York", "Oslo?", "New-York to to Anna Anna Oslo new york in May"]
TAGS = ["B-city", "I-city", "O", "B-name"]
WORDS = Vocabulary(["<unk>", "to", "new", "york", "anna"], level="word", normalize=["lowercase"])
LETTERS = Vocabulary(["<unk>", *"aeiounwyrkANY"])
PAIRS = Vocabulary(["<unk>", "new york", "to new"], level="word", split="space", normalize=["lowercase"])
LIMIT = 2e-6


@pytest.mark.parametrize(
    ("crf", "scheme", "letters", "pairs", "skip", "networks"),
    [
        (True, "bio", True, False, True, 1),
        (False, "bio", False, True, True, 1),
        (False, None, True, True, False, 1),
        (True, None, False, False, False, 1),
        (True, "bio", True, False, True, 2),
    ],
)
def test_taggers_say_the_same(
    crf: bool, scheme: str | None, letters: bool, pairs: bool, skip: bool, networks: int, tmp_path: Path
) -> None:
    lexicon = Lexicon(WORDS, LETTERS if letters else None, PAIRS if pairs else None)
    sizes: dict[str, Any] = {"hidden_size": 5, "embedding_size": 4, "char_embedding_size": 3}
    settings = TaggerSettings(
        **sizes, cell="gru", bidirectional=True, crf=crf, char_size=3 * letters, pair_size=2 * pairs
    )
    made = TagPreprocessor(lexicon, TAGS, scheme, "word", Habit(frozenset({"a-a"})), 60 if skip else 0)
    torch.manual_seed(0)
    network: Any = build_network(made, settings) if networks == 1 else build_ensemble(made, settings, networks)
    for parameter in network.eval().parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    if networks > 1:
        network.settle()
        network.sharpness.fill_(1.5)
    probe = TagModel(network, lexicon, TAGS, scheme, level="word", word_split="words", habit=made.habit)
    if network.skip is not None:
        network.skip.share.fill_(0.7)
        network.skip.scale.uniform_(0.5, 1)
        network.skip.keys.copy_(_keys(lexicon).sort().values)
    write(tmp_path / "model", "tag", network, made, settings, networks=networks, word_split="words")
    model = runtime.load(tmp_path / "model")
    assert isinstance(model, runtime.Tagger)
    for one, other in zip(model.predict(SENTENCES, top=2), probe.predict(SENTENCES, top=2), strict=True):
        assert (one.tokens, one.tags, one.spans) == (other.tokens, other.tags, other.spans)
        np.testing.assert_allclose(one.probabilities, other.probabilities, rtol=0, atol=LIMIT)
        for mine, theirs in zip(one.candidates, other.candidates, strict=True):
            assert [tag for tag, _ in mine] == [tag for tag, _ in theirs]
            np.testing.assert_allclose([p for _, p in mine], [p for _, p in theirs], rtol=0, atol=LIMIT)
    assert model.predict([["New", "York"]])[0].tokens == ["New", "York"]
    with pytest.raises(UsageError, match="text 2 is empty"):
        model.predict(["to", " "])


def _keys(lexicon: Lexicon) -> torch.Tensor:
    """Of features that the sentences have, every third of them."""
    tokens = SENTENCES[0].split()
    words = torch.from_numpy(lexicon.words.encode_tokens(tokens))
    letters = sizes = None
    if lexicon.characters is not None:
        encoded = [lexicon.characters.encode(token) for token in tokens]
        sizes = torch.tensor([len(each) for each in encoded])
        letters = torch.zeros(len(tokens), int(sizes.max()), dtype=torch.int64)
        for row, each in zip(letters, encoded, strict=True):
            row[: len(each)] = torch.from_numpy(each)
    found = neighbourhood(torch.arange(len(tokens))[None], words, None, letters, sizes).keys.unique()
    filled = torch.cat([found[::2], torch.arange(60)])[:60]
    assert len(filled) == 60
    return filled

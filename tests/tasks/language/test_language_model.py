"""A trained language model in use: texts as they were asked for, what may come next."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from recurra.data.tokens.vocabulary import Vocabulary
from recurra.errors import UsageError
from recurra.tasks.language.model import LanguageModel
from recurra.topologies.many_to_many import NextToken
from recurra.topologies.settings import NextTokenSettings

SMALL = NextTokenSettings(cell="gru", hidden_size=6, embedding_size=4, num_layers=2)
TEXT = "one two three\nfour, five six\n"


def model(level: str = "char", text: str = TEXT, **given: Any) -> LanguageModel:
    vocabulary = Vocabulary.build([text], level=level, **given)  # type: ignore[arg-type]
    torch.manual_seed(0)
    network = NextToken(len(vocabulary), SMALL)
    for parameter in network.parameters():  # livelier than a fresh network, so that the state matters
        nn.init.normal_(parameter, std=0.4)
    return LanguageModel(network, vocabulary)


@pytest.mark.parametrize("level", ["char", "word", "byte"])
@pytest.mark.parametrize("prompt", ["", "one", "one ", "one two\n", "\n"])
def test_pieces_joined_are_the_generated_text(level: str, prompt: str) -> None:
    made = model(level)
    how: dict[str, Any] = {"temperature": 0.9, "top_k": 5, "top_p": 0.95, "seed": 4}
    pieces = list(made.stream(prompt, 30, **how))
    text = made.generate(prompt, 30, **how)
    assert text == prompt + "".join(pieces)
    assert all(pieces)
    if level == "word":
        assert "  " not in text
        assert " \n" not in text.removeprefix(prompt)
        assert "\n " not in text
        ids = made.vocabulary.encode(text)
        assert len(ids) == len(made.vocabulary.encode(prompt)) + 30
        assert "<eos>" not in text
    if level == "char":
        assert len(text) == len(prompt) + 30


@pytest.mark.parametrize("level", ["char", "word", "byte"])
def test_a_seed_gives_a_text_and_none_gives_others(level: str) -> None:
    made = model(level)
    assert made.generate("one", 20, seed=1) == made.generate("one", 20, seed=1)
    assert len({made.generate("one", 20, seed=s) for s in range(5)}) > 1
    assert len({made.generate("one", 20) for _ in range(5)}) > 1
    state = torch.get_rng_state()
    made.generate("one", 5, seed=1)
    assert torch.equal(torch.get_rng_state(), state)


def test_temperature_zero_needs_no_seed() -> None:
    made = model()
    assert len({made.generate("one", 30, temperature=0) for _ in range(3)}) == 1
    assert made.generate("one", 30, temperature=0) == made.generate("one", 30, top_k=1)


def test_nothing_more_is_asked_for() -> None:
    for level in ("char", "word", "byte"):
        assert model(level).generate("one ", 0) == "one "
        assert list(model(level).stream("", 0)) == []


def test_an_unknown_token_is_never_drawn() -> None:
    made = model()
    with torch.no_grad():
        made.network.head.bias[0] = 100
    assert "�" not in made.generate("", 50, seed=0)


def test_a_text_without_line_ends_begins_after_its_most_frequent_token() -> None:
    made = model(text="abacab")
    assert made.prompt_ids("") == [1]
    assert made.vocabulary.decode([1]) == "a"
    assert model().prompt_ids("") == model().vocabulary.encode("\n").tolist()
    assert model("word", text="sun moon sun").generate("", 3, seed=0)[0] != " "


def test_prompts_that_cannot_be() -> None:
    with pytest.raises(
        UsageError, match="characters that the model has never seen: 'é', '!'\nleave them out; it knows 16 "
    ):
        model().generate("oné !", 5)
    with pytest.raises(UsageError, match="words that the model has never seen: 'seven'"):
        model("word").generate("one seven", 5)
    with pytest.raises(UsageError, match="nothing is left of the prompt '你好' after normalisation"):
        model(normalize=["ascii"]).generate("你好", 5)
    assert model("byte").generate("你", 0) == "你"


@pytest.mark.parametrize(
    "given", [{"length": -1}, {"temperature": -0.1}, {"top_k": 0}, {"top_p": 0.0}, {"seed": -1}, {"seed": 2**64}]
)
def test_numbers_that_cannot_be(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(given))):
        model().stream("one", **given)  # at the call, before a piece is asked for


def test_a_text_ends_before_a_stop_string() -> None:
    made = model()
    whole = made.generate("one", 60, seed=3)
    stop = whole[20:22]
    place = whole.index(stop, 3)
    assert made.generate("one", 60, seed=3, stop=stop) == whole[:place]
    assert made.generate("one", 60, seed=3, stop=["never there", stop]) == whole[:place]


def test_a_penalty_makes_texts_less_repetitive() -> None:
    made = model()
    plain, varied = (made.generate("", 40, temperature=0, repetition_penalty=p) for p in (1.0, 3.0))
    assert len(set(varied)) > len(set(plain))


def test_options_that_no_language_model_reads() -> None:
    with pytest.raises(UsageError, match="reads no option colour: it is a language model"):
        model().stream("one", 5, colour="red")
    with pytest.raises(UsageError, match="a stop string is empty"):
        model().stream("one", 5, stop="")


# what may come next


@pytest.mark.parametrize("level", ["char", "word", "byte"])
def test_candidates_are_what_would_be_drawn(level: str) -> None:
    made = model(level)
    (found,) = made.predict("one two", top=3)
    assert found.text == "one two"
    assert [c for _, c in found.tokens] == sorted((c for _, c in found.tokens), reverse=True)
    best = made.generate("one two", 1, temperature=0).removeprefix("one two")
    assert found.tokens[0][0] == (best.removeprefix(" ") if level == "word" else best)
    (every,) = made.predict("one two", top=10_000)
    assert sum(chance for _, chance in every.tokens) == pytest.approx(1, abs=1e-5)
    assert dict(every.tokens).get("<unk>", 0) == 0


def test_an_empty_text_is_the_beginning_of_a_line() -> None:
    made = model()
    assert made.predict("", top=2)[0].tokens == made.predict("\n", top=2)[0].tokens


def test_unknown_tokens_are_read_and_told() -> None:
    made = model("word")
    assert made.unknown(["one seven", "eight seven"]) == ["seven", "eight"]
    assert made.predict("one seven")[0].tokens == made.predict("one eight")[0].tokens


def test_an_unknown_word_is_a_candidate_where_the_text_spells_it() -> None:
    made = model("word", text="a <unk> b <unk>\n", split="space")
    assert "<unk>" in dict(made.predict("a", top=9)[0].tokens)


def test_candidates_in_a_table_and_as_values() -> None:
    made = model(text="a b\n")
    found = made.predict(["a", "b"], top=4)
    rows = made.rows(found)
    assert [row[0] for row in rows] == ["a", "b"]
    assert {"<end of line>", "<space>"} <= set(rows[0])
    assert made.document(found)[0]["next"][0].keys() == {"token", "probability"}


def test_wrong_requests() -> None:
    with pytest.raises(UsageError, match="top must be a whole number from 1"):
        model().predict("one", top=0)
    with pytest.raises(UsageError, match="reads no option attention"):
        model().predict("one", attention=True)


def test_a_score_of_a_text() -> None:
    made = model()
    ids = torch.from_numpy(made.vocabulary.encode("one two"))[None]
    with torch.inference_mode():
        losses, _ = made.network.losses(ids[:, :-1], ids[:, 1:])
    assert made.nats_per_token("one two") == pytest.approx(float(losses.mean()), rel=1e-5)
    with pytest.raises(UsageError, match="a text of 1 tokens"):
        made.nats_per_token("o")

"""Verse in a fixed form: what may be written next."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from recurra.data.tokens.vocabulary import Vocabulary
from recurra.errors import UsageError
from recurra.tasks.decoding.form import Form
from recurra.tasks.generate.data import prepare
from recurra.tasks.generate.samples import form_of
from recurra.tasks.generate.settings import GenerateDataSettings
from recurra.tasks.generate.trainee import Generator, build_network
from recurra.tasks.sources.resolving import resolve
from recurra.topologies.settings import ConditionedSettings

WORDS = Vocabulary.build(["春花，秋月。"], level="char")


def allowed(form: Form, text: str) -> set[str]:
    found = form.allowed(WORDS.encode(text).tolist())
    return {token for token, may in zip([*WORDS.tokens, "end"], found.tolist(), strict=True) if may}


def test_letters_until_a_clause_is_full_then_a_sign_then_the_end() -> None:
    form, letters, signs = Form.of("1,2", WORDS), set("春花秋月"), set("，。")
    assert form.tokens == 5
    for text in ("", "春，", "春，花"):
        assert allowed(form, text) == letters
    assert allowed(form, "春") == signs
    assert allowed(form, "春，花秋") == signs | {"end"}
    assert allowed(form, "春，花秋。") == {"end"}
    for text in ("，", "春花", "春，，", "春，花，", "春，花秋月", "春，花秋。月"):
        assert allowed(form, text) == set()


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("5,x", "as in 5,5,5,5"),
        ("", "as in"),
        ("0,5", "1 to 100"),
        ("5,1000", "1 to 100"),
        ("9" * 5000, "1 to 100"),
        ("5," * 1500 + "5", "at most 1,000 clauses; got 1,501"),
    ],
)
def test_what_is_no_form(asked: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Form.of(asked, WORDS)


def test_a_form_needs_characters_and_signs() -> None:
    with pytest.raises(UsageError, match="level word"):
        Form.of("5,5", Vocabulary.build(["two words"], level="word"))
    with pytest.raises(UsageError, match="no signs"):
        Form.of("5,5", Vocabulary.build(["春花"], level="char"))


def test_whatever_is_drawn_has_the_form(tmp_path: Path) -> None:
    for name in "ab":
        lines = [f"春花秋月{a}{b}，何时{b}了。" for a in "往事知多" for b in f"少楼昨{name}夜又东"]
        (tmp_path / f"{name}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    data = prepare(resolve(tmp_path, "generate"), GenerateDataSettings())
    torch.manual_seed(0)
    network = build_network(data.preprocessor, ConditionedSettings(hidden_size=8))
    model = Generator(network, data.vocabulary, data.attributes, data.longest)
    found = model.generate(condition="a", count=20, seed=1, form="3,5,2", temperature=2.0)
    assert {form_of(each.text) for each in found} == {(3, 5, 2)}
    assert all(each.ended for each in found)
    assert all(each.text.startswith("春花") for each in model.generate("春花", count=3, form="3,5,2"))
    with pytest.raises(UsageError, match="not the beginning"):
        model.generate("春花秋月", form="3,5,2")
    with pytest.raises(UsageError, match="leave out the length 7"):
        model.generate(length=7, form="3,5,2")

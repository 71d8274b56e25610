from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recurra.data.tokens.normalize import normalize
from recurra.data.tokens.pieces import pieces
from recurra.data.tokens.segment import words

TEXT = st.text(alphabet="ab .\n\u3000e\u0301\u1112\u1161\u11ab中ｶﾞÉ", min_size=1)


@pytest.mark.parametrize("forms", [(), ("nfc",), ("nfkc", "lowercase"), ("ascii",)])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(text=TEXT, chunk=st.integers(1, 9))
def test_pieces_joined_are_the_normalised_text(tmp_path: Path, forms: tuple[str, ...], text: str, chunk: int) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(text.encode())
    found = list(pieces(path, encoding="utf-8", normalize_by=forms, words=False, chunk_chars=chunk))
    assert "".join(found) == normalize(text, forms)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(text=TEXT, chunk=st.integers(1, 9))
def test_no_word_is_cut(tmp_path: Path, text: str, chunk: int) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(text.encode())
    found = list(pieces(path, encoding="utf-8", normalize_by=(), words=True, chunk_chars=chunk))
    assert [word for piece in found for word in words(piece)] == words(text)


def test_pieces_are_short_and_end_at_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("line of text\n" * 1000, encoding="utf-8")
    found = list(pieces(path, encoding="utf-8", normalize_by=(), words=True, chunk_chars=100))
    assert max(map(len, found)) <= 200
    assert all(piece.endswith("\n") for piece in found)
    path.write_text("x" * 1000, encoding="utf-8")
    assert max(map(len, pieces(path, encoding="utf-8", normalize_by=(), words=False, chunk_chars=100))) <= 200
    assert len(list(pieces(path, encoding="utf-8", normalize_by=(), words=True, chunk_chars=100))) == 1

"""Scores of written texts against references, by sacrebleu."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from recurra.data.tokens.scripts import Writing
from recurra.errors import UsageError

ORDERS = (1, 2, 3, 4)
CutBy = Literal["13a", "zh", "char"]
"""Tokenisations of sacrebleu that need no further package, for BLEU."""


def cut_by(how: Writing) -> CutBy:
    """The one for texts that are written so: 13a cuts at spaces and signs, which are no words in Chinese."""
    return "13a" if how == "spaced" else "zh" if how == "chinese" else "char"


def scores(
    written: Sequence[str], references: Sequence[str], *, lowercase: bool = False, cut_by: CutBy = "13a"
) -> dict[str, float]:
    """BLEU and chrF of whole texts against one reference each, from 0 to 100.

    BLEU with sacrebleu's own tokenisation, so of detokenised text; case counts unless `lowercase`.
    cut_by: its name there
    Errors: UsageError without the package
    """
    library = sacrebleu()
    bleu = library.BLEU(lowercase=lowercase, tokenize=cut_by).corpus_score(list(written), [list(references)])
    chrf = library.CHRF(lowercase=lowercase).corpus_score(list(written), [list(references)])
    return {"bleu": float(bleu.score), "chrf": float(chrf.score)}


def orders(
    written: Sequence[str], references: Sequence[Sequence[str]], *, lowercase: bool = False, cut_by: CutBy = "13a"
) -> dict[str, float]:
    """BLEU-1 to 4 of whole texts against several references each, as many as there are, from 0 to 100.

    The length of the nearest reference counts for the penalty.
    Errors: as `scores`
    """
    library, most = sacrebleu(), max(map(len, references))
    streams = [[row[k] if k < len(row) else None for row in references] for k in range(most)]
    found = {}
    for order in ORDERS:
        # captions end in " ." too, hence force
        made = library.BLEU(lowercase=lowercase, tokenize=cut_by, max_ngram_order=order, force=True)
        found[f"bleu{order}"] = float(made.corpus_score(list(written), streams).score)
    return found


def of_sentence(written: str, references: Sequence[str], *, lowercase: bool = False, cut_by: CutBy = "13a") -> float:
    """BLEU-4 of one text, smoothed, from 0 to 100: to put texts in an order, not to compare models by."""
    made = sacrebleu().BLEU(lowercase=lowercase, tokenize=cut_by, effective_order=True)
    return float(made.sentence_score(written, list(references)).score)


def sacrebleu() -> Any:
    """The package. Errors: UsageError if it is not installed"""
    try:
        import sacrebleu.metrics
    except ImportError as error:
        raise UsageError(
            "BLEU and chrF need the package sacrebleu, which is not installed\ninstall it with: pip install sacrebleu"
        ) from error
    return sacrebleu.metrics

"""What a tagger has learned of its data: words, characters, pairs, and tags."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from recurra.data.files.checked import Exact, checked
from recurra.data.tagged.spans import SCHEMES
from recurra.data.tokens.typed import Habit
from recurra.tasks.stored import DistinctNames, SkipFeatures
from recurra.tasks.tag.lexicon import Lexicon

MOST_TAGS = 1 << 11
"""Tags of a scheme of spans at most, for what may follow what is a table of their square."""


Signs = Annotated[list[Annotated[str, Field(min_length=1, max_length=3)]], Field(max_length=10_000)]


class _Stored(Exact):
    lexicon: dict[str, Any]
    tags: DistinctNames
    scheme: str | None
    level: Literal["char", "word"]
    signs_inside: Signs = Field(default_factory=list)
    sign_runs: Signs = Field(default_factory=list)
    skip_features: SkipFeatures = 0

    @model_validator(mode="after")
    def _of_spans(self) -> Self:
        if self.scheme is not None and self.scheme not in (*SCHEMES, "iob1"):
            raise ValueError(f"there is no scheme {self.scheme!r:.60}")
        if self.scheme is not None and len(self.tags) > MOST_TAGS:
            raise ValueError(f"{len(self.tags):,} tags of spans; {MOST_TAGS:,} at most are read")
        return self


@dataclass(frozen=True)
class TagPreprocessor:
    """Sentences to ids, tags to indices.

    scheme: of spans, or None; level: "char" where a token is one character; habit: how the tokens were cut;
    skip_features: that the linear skip knows, 0 where there is none
    """

    lexicon: Lexicon
    tags: list[str]
    scheme: str | None
    level: str = "word"
    habit: Habit = field(default_factory=Habit)
    skip_features: int = 0
    input_width: ClassVar[None] = None

    def to_json(self) -> dict[str, Any]:
        cut = {"signs_inside": sorted(self.habit.inside), "sign_runs": sorted(self.habit.runs)}
        return {
            "lexicon": self.lexicon.to_json(),
            "tags": self.tags,
            "scheme": self.scheme,
            "level": self.level,
            "skip_features": self.skip_features,
        } | cut

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> TagPreprocessor:
        stored = checked(_Stored, found, "preprocessing.json")
        habit = Habit(frozenset(stored.signs_inside), frozenset(stored.sign_runs))
        return cls(
            Lexicon.from_json(stored.lexicon), stored.tags, stored.scheme, stored.level, habit, stored.skip_features
        )

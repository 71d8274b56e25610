"""A page that explains cells or a network: equations, drawings, counts. It needs nothing else and runs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from recurra.report.build import environment, policy, script, style
from recurra.report.mathtext import draw_equation
from recurra.report.numbers import printable
from recurra.report.sections import Section


@dataclass(frozen=True)
class Part:
    """One thing that is explained.

    source: where it is from; equations, latex: line by line; sections: what else is shown, drawings first
    """

    title: str
    source: str = ""
    equations: Sequence[str] = ()
    latex: Sequence[str] = ()
    sections: Sequence[Section] = field(default_factory=list)

    @property
    def drawn(self) -> list[tuple[Markup | None, str]]:
        """Each line as a picture where it can be drawn, and as text."""
        both = zip(self.latex, self.equations, strict=True)
        pictures = [(draw_equation(latex, text), text) for latex, text in both]
        return [(None if svg is None else Markup(svg), text) for svg, text in pictures]


def build_explanation(title: str, parts: Sequence[Part]) -> str:
    """The page as text, the same for the same parts; whatever they hold is escaped, but for their pictures.

    Errors: DataError for a picture that could do more than be seen
    """
    page = (
        environment()
        .get_template("explained.html.j2")
        .render(title=title, parts=parts, style=style(), script=script(), policy=policy())
    )
    return printable(page)

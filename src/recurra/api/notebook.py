"""A run's progress in a notebook: one output that is written anew, where every line would be an output of its own."""

from __future__ import annotations

import sys
import time
from html import escape
from io import StringIO
from typing import Any

from rich.console import Console
from rich.text import Text

WIDTH = 110
EVERY_SECONDS = 0.25
"""Between two states of the last line."""
FORMAT = '<pre style="white-space: pre-wrap; line-height: 1.3">{code}</pre>'


def in_notebook() -> bool:
    """Whether the output of this process is a notebook's: Jupyter's, Colab's or another with a kernel of IPython's."""
    found = sys.modules.get("IPython")
    shell = None if found is None else found.get_ipython()
    return getattr(shell, "kernel", None) is not None


class Page:
    """Lines that stay and one that changes, shown in one place."""

    def __init__(self) -> None:
        from IPython.display import display

        self.console = Console(
            file=StringIO(),
            record=True,
            width=WIDTH,
            force_jupyter=False,
            highlight=False,
            emoji=False,
            markup=False,
            color_system="truecolor",
            force_terminal=True,
            legacy_windows=False,
        )
        self._lines = self._plain = ""
        self._state, self._shown = "", 0.0
        self._handle: Any = display(self._bundle(), raw=True, display_id=True)

    def log(self, line: Text) -> None:
        """One more line."""
        self.console.print(line, soft_wrap=True)
        self._lines += self.console.export_html(inline_styles=True, code_format="{code}")
        self._plain += f"{line.plain}\n"
        self._show()

    def state(self, text: str) -> None:
        """What goes on now, in place of the last state; shown at most every `EVERY_SECONDS`."""
        before, self._state = self._state, text
        if text != before and (not text or time.monotonic() - self._shown >= EVERY_SECONDS):
            self._show()

    def _show(self) -> None:
        self._shown = time.monotonic()
        self._handle.update(self._bundle(), raw=True)

    def _bundle(self) -> dict[str, str]:
        """The same for those who see HTML and those who see text."""
        code = f"{self._lines}{escape(self._state)}"
        return {"text/html": FORMAT.format(code=code), "text/plain": self._plain + self._state}

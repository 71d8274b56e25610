"""The progress of a run: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, TextIO, cast

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from recurra.api import notebook
from recurra.data import share
from recurra.errors import shortened
from recurra.report.metric import Metric, find
from recurra.terminal import Printed, escape, in_a_line, standard_error
from recurra.training.history import Point, Tick

COLUMNS = 80
"""Of the table of evaluations at most."""
EVERY_SECONDS = 10
"""Off a terminal a step is logged this often at most."""
SILENT_SECONDS = 2.0
"""A phase that takes longer is shown as it goes on."""
KNOWN = 0.01
"""Share of a reading from which on it is known how long it takes."""
LONGEST_NAME = 200
"""Characters of a name that are shown in a line of progress."""

Late = Callable[[float], str | None]


def first_line(data: object, resume: object = None) -> str:
    """The first line of a training on data, or of one that goes on, logged before anything that takes time."""
    shown = shortened(in_a_line(data if resume is None else resume), LONGEST_NAME)
    return f"training on {shown}" if resume is None else f"resuming {shown}"


def duration(seconds: float) -> str:
    """1:05, or 2:01:05 from an hour on; a dash if unknown."""
    if not seconds < 1e7:
        return "-"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class ProgressLogger:
    """Logs lines and shows progress, on stderr so that stdout is for data. quiet: logs nothing but warnings."""

    def __init__(self, *, unit: str = "tokens", quiet: bool = False, stream: TextIO | None = None) -> None:
        self.unit, self.quiet = unit, quiet
        self.metrics: Sequence[Metric] = ()
        """What the scores of evaluations are."""
        file = standard_error() if stream is None else Printed(stream, escaped=False, heard=False)
        self.console = Console(file=cast(TextIO, file), highlight=False, soft_wrap=True, emoji=False, markup=False)
        self._bar: Progress | None = None
        self._last_tick = 0.0
        self._headed = False
        self._first_step = ExitStack()
        self._in_notebook = stream is None and notebook.in_notebook()

    @functools.cached_property
    def _page(self) -> notebook.Page | None:
        """Where a notebook shows all of it, made when there is something to show."""
        return notebook.Page() if self._in_notebook else None

    def log(self, line: str, *, style: str = "") -> None:
        """One line of plain text; style: how it looks on a terminal, as rich names it."""
        if not self.quiet:
            self._print(Text(escape(line), style=style))

    def _print(self, line: Text) -> None:
        if self._page is not None:
            self._page.log(line)
        else:
            self.console.print(line)

    @contextmanager
    def doing(self, what: str, late: Late | None = None) -> Iterator[None]:
        """A phase: if it takes longer than `SILENT_SECONDS`, its name is shown with the time it has taken so far.

        late: what to say, once and as soon as that is known, of a reading that takes so many seconds more
        """
        self._first_step.close()
        if self.quiet:
            yield
            return
        done = threading.Event()
        with share.followed() as reading:
            watcher = threading.Thread(target=self._watch, args=(what, done, reading, late), daemon=True)
            try:
                watcher.start()
                yield
            finally:
                done.set()
                if watcher.ident is not None:
                    watcher.join()

    def evaluating(self) -> AbstractContextManager[None]:
        return self.doing("evaluating on the validation part")

    def training(self) -> AbstractContextManager[Any]:
        """While a network is trained: what is before the first tick is a phase too, which any other one ends."""
        self._first_step.enter_context(self.doing("the first step of training"))
        return self._first_step

    def writing(self) -> AbstractContextManager[None]:
        return self.doing("writing the model")

    def _watch(self, what: str, done: threading.Event, reading: share.Reading, late: Late | None) -> None:
        if done.wait(SILENT_SECONDS):
            return

        def over(seconds: float) -> bool:
            """Whether the phase is, so many seconds later at most."""
            nonlocal late
            until = time.monotonic() + seconds
            while late is not None:
                found = reading.reached()
                if found is not None and found[0] >= KNOWN:
                    note, late = late(found[1]), None
                    if note is not None:
                        self.log(f"note: {note}")
                elif done.wait(min(0.2, seconds)):
                    return True
                elif time.monotonic() >= until:
                    return False
            return done.wait(max(0.0, until - time.monotonic()))

        if self._page is not None:
            while not over(0.5):
                self._page.state(_so_far(what, reading))
            self._page.state("")
        elif not self.console.is_terminal:
            self.log(f"  {what} ..." if reading.reached() is None else f"  {_so_far(f'{what}:', reading)}")
            while not over(EVERY_SECONDS):
                self.log(f"  {_so_far(f'{what}:', reading)}")
        elif self._bar is not None:
            while not over(0.5):
                self._bar.update(self._task, state=_so_far(what, reading))
        else:
            with self.console.status(Text(escape(what))) as status:
                while not over(0.5):
                    status.update(Text(escape(_so_far(what, reading))))

    def warn(self, line: str) -> None:
        """Logged even when quiet."""
        self._print(Text(f"warning: {escape(line)}"))

    def tick(self, tick: Tick) -> None:
        self._first_step.close()
        if self.quiet:
            return
        state = (
            f"epoch {tick.epoch:5.2f}  loss {tick.loss:.4f}  {tick.rate:,.0f} {self.unit}/s  "
            f"left {duration(tick.seconds_left)}"
        )
        if self._page is not None:
            self._page.state(f"{tick.share:4.0%}  {state}")
        elif self.console.is_terminal:
            self._shown().update(self._task, completed=tick.share, state=state)
        elif time.monotonic() - self._last_tick >= EVERY_SECONDS:
            self._last_tick = time.monotonic()
            self.log(f"  {tick.share:4.0%}  {state}")

    def point(self, point: Point, best: bool) -> None:
        """A row of the table of evaluations, as many scores as fit 80 columns; before the first one, its head."""
        named = {name: value for name, value in point.validation_metrics.items() if value != point.validation_loss}
        names = [f"{find(self.metrics, name).short:>6}" for name in named]
        head = [f"{'epoch':>7}", f"{'time':>7}", f"{'train':>7}", "validation"]
        while names and len("  ".join([*head, *names, "best"])) > COLUMNS:
            named.popitem()
            names.pop()
        if not self._headed:
            self._headed = True
            self.log("  ".join([*head, *names]))
        trained = f"{point.train_loss:.4f}" if point.train_loss is not None else "-"
        scores = [f"{value:{len(name)}.4f}" for name, value in zip(names, named.values(), strict=True)]
        cells = [f"{point.epoch:7.2f}", f"{duration(point.seconds):>7}", f"{trained:>7}"]
        self.log("  ".join([*cells, f"{point.validation_loss:10.4f}", *scores, *(["best"] if best else [])]))

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        if self._in_notebook and not self.quiet and self._page is not None:
            self._page.state("")

    def _shown(self) -> Progress:
        if self._bar is None:
            columns = (
                BarColumn(bar_width=24),
                TextColumn("{task.percentage:3.0f}%", markup=False),
                TextColumn("{task.fields[state]}", markup=False),
            )
            self._bar = Progress(*columns, console=self.console, transient=True)
            self._task = self._bar.add_task("", total=1.0, state="")
            self._bar.start()
        return self._bar


def _so_far(what: str, reading: share.Reading) -> str:
    """A phase with the time it has taken, or with the share of a reading that is done and the time that is left."""
    found = reading.reached()
    if found is None:
        return f"{what} {duration(time.monotonic() - reading.begun)}"
    return f"{what} {found[0]:.0%}, about {duration(found[1])} left"


def describe_scores(scores: Mapping[str, float], rows: Sequence[Metric]) -> str:
    """Scores in a line that fits 80 columns, the loss left out. rows: what they are"""
    return ", ".join(f"{find(rows, name).short} {value:.4f}" for name, value in scores.items() if name != "loss")

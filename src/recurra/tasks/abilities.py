"""What only some tasks, or only their models, can do. A command asks for one of these, never for a task's name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from torch import Tensor

from recurra.tasks.forward_pass import ForwardPass
from recurra.tasks.lanes import Lanes
from recurra.tasks.model import Model
from recurra.tasks.own_inputs import OwnInput
from recurra.tasks.probed_inputs import ProbedInput
from recurra.tasks.settings import AnySettings
from recurra.tasks.sized import Sized
from recurra.tasks.sources.source import Source
from recurra.tasks.task import Dataset, Encoded
from recurra.tasks.word_vectors.table import WordTable, WordVectors

if TYPE_CHECKING:
    from recurra.report.record import Baseline
    from recurra.tasks.differentiable import Differentiable

# of tasks


@runtime_checkable
class Cutting(Protocol):
    """A task whose parts can be evaluated, and its baselines fitted, in part.

    rows: what its examples are called; first: with how many of them it is tried how long baselines take
    """

    rows: ClassVar[str]
    first: ClassVar[int]

    def examples(self, dataset: Dataset[Any]) -> int:
        """How many the training part has that baselines can learn from."""

    def smaller(self, dataset: Dataset[Any], count: int) -> Dataset[Any]:
        """The same data with so many of these, always the same; the other parts have no more than as many."""

    def some(self, part: Any, count: int) -> Any:
        """So many of its rows, as `len` counts them, from all over it and always the same; all if there are fewer."""


@runtime_checkable
class Probing(Protocol):
    """A `Cutting` task whose first sample depends on the data."""

    def first_of(self, dataset: Dataset[Any]) -> int:
        """In place of `first`."""


@runtime_checkable
class Learning(Protocol):
    """Its network can learn from a part of the training examples alone, as if there were no others."""

    def examples(self, dataset: Dataset[Any]) -> int:
        """How many the training part has."""

    def learning_from(self, dataset: Dataset[Any], count: int) -> Dataset[Any]:
        """The same data with so many of these, always the same; the other parts are whole."""


@runtime_checkable
class Clocked(Protocol):
    """Some of its baselines are networks, which are trained by the clock."""

    def trained_baselines(self, dataset: Dataset[Any], part: Any, seconds: float | None) -> list[Baseline]:
        """Those, as far as they come in so many seconds; None: as long as the model itself is trained."""


@runtime_checkable
class Settling(Protocol):
    """Some of its defaults follow other settings."""

    def settle(self, settings: AnySettings, given: Mapping[str, Any]) -> AnySettings:
        """The settings with those that follow others. given: what the user set. Errors: UsageError"""


@runtime_checkable
class Sizing(Protocol):
    """How large its network is follows the time that it has. sizes: the settings that do"""

    sizes: ClassVar[tuple[str, ...]]

    def sized(self, dataset: Dataset[Any], fixed: Collection[str], seconds: float, within: float) -> Sized | None:
        """Settings that suit so many seconds of training, measured here within some; None if there is nothing to say.

        fixed: settings that somebody has set, or that belong to the data
        """


@runtime_checkable
class WordTables(Protocol):
    """Its network begins with a table of token vectors, which may start from word vectors.

    vector_settings: of the data, for vectors that are learned from them without a network, unless given
    """

    vector_settings: ClassVar[Mapping[str, Any]]

    def word_table(self, dataset: Dataset[Any], network: Any) -> WordTable:
        """That table, and the training part's tokens."""


@runtime_checkable
class Grouping(Protocol):
    """Its examples may belong together, such as minimal pairs."""

    def encode_groups(self, source: Source, settings: AnySettings, preprocessor: Any, groups: str) -> Encoded:
        """As `Task.encode`, grouped by a column. Errors: DataError, UsageError"""


@runtime_checkable
class Counting(Protocol):
    """An n-gram of the same tokens may stand beside its model."""

    def n_gram(self, source: Source, settings: AnySettings, preprocessor: Any) -> Any:
        """Counted on the training part. Errors: DataError"""


@runtime_checkable
class Mixing(Protocol):
    """Other models' probabilities can be mixed with its model's."""

    def mixture(self, model: Any, dataset: Dataset[Any], parts: Any, say: Callable[[str], None]) -> Any:
        """Fitted on the validation part. parts: their names; say: hears what is being done. Errors: UnknownNameError"""

    def evaluate_mixed(self, model: Any, part: Any, mixture: Any) -> dict[str, float]:
        """Scores of the mixture, as `Task.evaluate` gives those of the model."""


@runtime_checkable
class Concluding(Protocol):
    """It changes the network after the training, before that is evaluated and stored."""

    def conclude(self, dataset: Dataset[Any], network: Any) -> tuple[dict[str, float], list[str]]:
        """Numbers that config.json keeps as `concluded`, none if nothing was changed, and sentences that say it."""

    def before_conclusion(self, weights: dict[str, Tensor], concluded: Mapping[str, float]) -> dict[str, Tensor]:
        """Stored weights as they were before, to go on from."""


@runtime_checkable
class ShowingInputs(Protocol):
    """Inputs of a run's own data can be looked at."""

    def own_inputs(self, dataset: Dataset[Any], part: str, count: int) -> list[OwnInput]:
        """So many, or fewer, from all over a part of the data."""


@runtime_checkable
class Probed(Protocol):
    """Its inputs are texts with a label, or with a tag for each token, for which units can be probed."""

    def probed_inputs(self, dataset: Dataset[Any], part: str, count: int) -> list[ProbedInput]:
        """So many, or fewer, from all over a part of the data."""

    def probed_text(self, model: Any, text: str) -> list[ProbedInput]:
        """The lines of a text that somebody has, which say nothing of themselves."""


# of models


@runtime_checkable
class Classifying(Protocol):
    """classes: what it tells apart"""

    classes: list[str]

    def predict_proba(self, inputs: Any) -> npt.NDArray[np.float32]:
        """Of each input, the probability of each class in the order of the classes [N, C]."""


@runtime_checkable
class Traceable(Protocol):
    """It can be looked into while it reads."""

    def forward_pass(self, given: Any, /, **options: Any) -> ForwardPass:
        """One input, ready to be read. Errors: UsageError for another one, or an option that it does not read"""


@runtime_checkable
class Stretching(Protocol):
    """It reads stretches of running text, token by token in one direction."""

    network: Any
    vocabulary: Any

    def read_stretches(self, ids: Tensor) -> None:
        """With its recurrent layers. Shapes: ids int64 [B, T]"""

    def piece(self, token: int) -> str:
        """A token as it stands in a text, with the space before it where it has one."""

    def forward_pass(self, given: Any, /, **options: Any) -> ForwardPass: ...


@runtime_checkable
class Attributable(Protocol):
    """Its answer can be attributed to what it read."""

    def differentiable(self, given: Any, /, **options: Any) -> Differentiable:
        """One input with a baseline. Errors: UsageError for another one, or an option that it does not read"""


@runtime_checkable
class Streaming(Protocol):
    """It writes text, piece by piece.

    length: tokens that it writes if nothing else is said; sampling: a dataclass of how they may be drawn
    """

    length: ClassVar[int]
    sampling: ClassVar[type]

    def generate(self, prompt: str = "", length: int | None = None, **sampling: Any) -> str: ...

    def stream(self, prompt: str = "", length: int | None = None, **sampling: Any) -> Iterator[str]: ...


class Writer(Protocol):
    """A text that is being written, token by token. end: the token that ends it, if there is one"""

    end: int | None

    def scores(self) -> Tensor:
        """Unnormalised log-probabilities of what may follow, -inf for what is never written [V], on the CPU."""

    def add(self, token: int) -> str:
        """Go on with a token; the text that it adds, empty while bytes make no character."""

    def name(self, token: int) -> str:
        """A token for people."""


@runtime_checkable
class Choosing(Protocol):
    """It writes token by token, and another may be chosen in the place of each."""

    def writer(self, prompt: str, **options: Any) -> Writer:
        """What follows a prompt. Errors: UsageError as in generating"""


@runtime_checkable
class Listening(Protocol):
    """It answers while its input arrives: frames, or sound."""

    def listen(self, rate: int | None = None) -> Any:
        """What takes pieces: `push` and `end` give the answers that are there. Errors: UsageError if it cannot"""


@runtime_checkable
class InLanes(Protocol):
    """It reads or writes many sequences at once, each a step at a time and with a state of its own."""

    def lanes(self) -> Lanes:
        """A place for them. Errors: UsageError if it cannot, with the reason"""


@runtime_checkable
class Conditioned(Protocol):
    """It writes whole texts, of a class or of attributes."""

    def conditions(self) -> list[str]:
        """What it can be asked for, the most frequent of the training data first."""

    def generate(self, prompt: str = "", length: int | None = None, **sampling: Any) -> list[Any]: ...

    def longest_text(self, form: str | None = None) -> int:
        """Tokens, or frames, that one has at most if no length is asked for. Errors: UsageError for no such form"""

    def written(self, found: Sequence[Any]) -> str | list[list[str]]:
        """What it generated as a text, or as the rows of a table."""


@runtime_checkable
class Filing(Protocol):
    """What it generates can go into a file: sound, frames."""

    def save(self, found: Sequence[Any], path: Path) -> list[Path]:
        """The files that were written. Errors: UsageError for a name whose ending it does not write, or no folder"""


@runtime_checkable
class Ranks(Protocol):
    """It ranks candidates."""

    def rank(
        self, groups: Sequence[Sequence[str]], *, by: str = "total", n_gram: Any = None, mixture: Any = None
    ) -> list[Any]: ...


@runtime_checkable
class Attending(Protocol):
    """It attends to tokens of its input, and can draw where."""

    def draw(self, prediction: Any, name: str) -> str:
        """A picture as SVG text. Errors: UsageError for a model without attention"""


@runtime_checkable
class ReadingText(Protocol):
    """Its inputs are texts."""

    def unknown(self, texts: Sequence[str]) -> list[str]: ...

    def truncated(self, texts: Sequence[str]) -> int: ...


@dataclass(frozen=True)
class Numeric:
    """An input in numbers.

    what: they are, with its axes, for people; depth: number of axes; width: of the last one, None if it is free;
    whole: they are whole numbers; missing: some may be unknown; table: may also be given as columns with their names
    """

    what: str
    depth: int
    width: int | None = None
    whole: bool = False
    missing: bool = False
    table: bool = False


@runtime_checkable
class ReadingNumbers(Protocol):
    """Its inputs can be given as numbers: series, frames, samples, pixels."""

    def numeric(self) -> Numeric: ...


@runtime_checkable
class ReadingFiles(Protocol):
    """Its inputs are files, which a command line names: series, recordings, pictures."""

    def read(self, path: Path) -> Any:
        """One input. Errors: DataError"""


@runtime_checkable
class ReadingFolders(Protocol):
    """A folder on the command line stands for the inputs in it, each a file."""

    def files(self, folder: Path) -> list[Path]:
        """Those, by name. Errors: DataError if there are none"""


@runtime_checkable
class GoingOn(Protocol):
    """Without an input it goes on from the end of the data that it was trained on."""

    def tail(self) -> Any:
        """These, as an input. Errors: DataError if the run kept none"""


@runtime_checkable
class Plotting(Protocol):
    """Its answers can be drawn."""

    def plot(self, predictions: Sequence[Any]) -> str:
        """One picture of them as SVG text."""


@runtime_checkable
class HavingVectors(Protocol):
    """Each token that it reads has a vector."""

    def word_vectors(self) -> WordVectors: ...


def able(model: Any, ability: Any, what: str) -> Any:
    """The model as one that can. what: what it cannot, for people. Errors: UsageError if it cannot"""
    if not isinstance(model, ability):
        raise model.cannot(what)
    return model


def generating(model: Model) -> Streaming | Conditioned:
    """The model as one that writes. Errors: UsageError for another one"""
    if not isinstance(model, Streaming | Conditioned):
        raise model.cannot("generate text")
    return model

"""A trained model in its folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from recurra import model_folder
from recurra.errors import DataError, ModelFolderError, UsageError
from recurra.model_folder import ModelFolder
from recurra.tasks import given, registry
from recurra.tasks.abilities import (
    Attributable,
    Classifying,
    HavingVectors,
    Listening,
    Streaming,
    Traceable,
    able,
    generating,
)
from recurra.tasks.model import Model
from recurra.tasks.stored import Config, config_of, of_folder, settings_of
from recurra.tasks.weights import check_cell, check_depth, check_engine, load_network
from recurra.training.history import Point


class Run:
    """A trained model: predict or generate with it, evaluate it.

    Texts that are asked about are whole: half of a surrogate pair, as a cut emoji leaves it, is read as U+FFFD.
    folder: where it stands; config, metrics: what was written about it; stored: config as it was checked; settings:
    what it was trained with; preprocessor: what it has learned of its data; model: what its task can do with it, see
    tasks.model.
    """

    def __init__(self, folder: ModelFolder) -> None:
        self.folder, self.config, self.metrics = folder.path, folder.config, folder.metrics
        if isinstance(name := folder.config.get("task"), str) and name not in registry.TASKS:
            raise ModelFolderError(f"{folder.path}: this version knows no task {name!r:.60}; update Recurra")
        try:
            self.stored = config_of(folder, Config)
            self.task: str = self.stored.task
            self.settings = settings_of(self.stored)
            check_cell(self.settings.network.cell, self.stored.cell_fingerprint)
            check_engine(self.settings.network.engine)
            check_depth(self.settings.network.num_layers, folder)
            task = registry.get(self.task).task
            self.preprocessor: Any = task.preprocessor.from_json(folder.preprocessing)
            network = load_network(lambda: task.network(self.preprocessor, self.settings), folder)
            self.model: Model = task.model(network, self.preprocessor, self.settings)
        except (DataError, UsageError) as error:
            raise of_folder(folder.path, error) from error

    @property
    def history(self) -> list[Point]:
        """The evaluations on the validation part, in their order."""
        return [Point(**point) for point in self.metrics["history"]]

    @property
    def report(self) -> Path:
        """The page that the run wrote about itself. Errors: UsageError if it has not finished"""
        if not (page := self.folder / "report.html").is_file():
            raise UsageError(f"{self.folder} has no report.html: this run is {self.metrics.get('status')}")
        return page

    @property
    def classes(self) -> list[str]:
        """What it tells apart, in the order of `predict_proba`; none for models without classes."""
        return list(getattr(self.model, "classes", ()))

    @property
    def network(self) -> torch.nn.Module:
        """The torch module itself."""
        return self.model.network

    def predict(self, inputs: Any, **options: Any) -> list[Any]:
        """One answer for each input; options: what the task reads, such as top: the number of answers, best first.

        inputs: what the task reads: one text, or several in a list, a tuple, an array or a series, a text also as the
        list of its tokens, which is not cut anew; else see its model
        Errors: UsageError for an invalid or empty input, an option that the task does not read, a model that does not
        predict
        """
        return self.model.predict(self.model.checked(inputs), **given.options(options))

    def predict_proba(self, inputs: Any) -> npt.NDArray[np.float32]:
        """Of each input, the probability of each of `classes` [N, C].

        Errors: as `predict`; UsageError for a model that is no classifier
        """
        model: Classifying = able(self.model, Classifying, "give class probabilities")
        return model.predict_proba(self.model.checked(inputs))

    def generate(self, prompt: str = "", length: int | None = None, **sampling: Any) -> Any:
        """New text that begins with the prompt; sampling: temperature, top_k, top_p, seed and what the task reads.

        Errors: UsageError for a prompt with tokens that the model does not know, or for a model that does not generate
        """
        asked = self._with_mixture(given.options({"prompt": prompt, "length": length} | sampling))
        return generating(self.model).generate(asked.pop("prompt"), asked.pop("length"), **asked)

    def stream(self, prompt: str = "", length: int | None = None, *, rate: int | None = None, **sampling: Any) -> Any:
        """As `generate`, piece by piece and without the prompt: an iterator of texts.

        Of a model of frames: an object whose `push` takes frames or samples as they arrive and gives their labels, see
        `tasks.frames.streaming.FrameStream`. rate: of these samples, if it is not the model's
        Errors: UsageError for a model that cannot, with the reason
        """
        if isinstance(self.model, Listening):
            if prompt or length is not None or sampling:
                raise UsageError("a model that listens writes no text; of these options it reads rate")
            return self.model.listen(given.options({"rate": rate})["rate"])
        if rate is not None:
            raise UsageError("rate is one of sound; this model reads none")
        asked = self._with_mixture(given.options({"prompt": prompt, "length": length} | sampling))
        model: Streaming = able(self.model, Streaming, "generate text piece by piece")
        return model.stream(asked.pop("prompt"), asked.pop("length"), **asked)

    def evaluate(
        self,
        data: Any = None,
        *,
        labels: Any = None,
        baselines: bool = False,
        groups: str | None = None,
        mixture: Any = None,
        **reading: Any,
    ) -> dict[str, Any]:
        """Scores on data of the user's, or on the part that the run was evaluated on.

        data, labels: as for `recurra.train`; baselines: those of its baselines too, fitted again on the run's
        training data; groups: a column of a table that says which labelled texts belong together, such as minimal
        pairs, for the share all right; mixture: scores of one too, in "mixture" beside what was fitted, see `mixture`.
        reading: how `data` are read where it is not as the run's: encoding (utf-8 if not given, whatever the run's
        data had), text, label, languages, swap, scheme, strict, skip_lines.
        Errors: DataError if the data cannot be read, or are no longer those of the run; UsageError
        """
        from recurra.api.evaluation import evaluate
        from recurra.api.given_data import as_path

        asked = given.options({"baselines": baselines, "groups": groups})
        path = None if data is None else as_path(data, labels, self.task)
        return evaluate(self, path, **asked, mixture=mixture, reading=reading)

    def mixture(self, parts: str | Sequence[str] = "all", *, say: Callable[[str], None] | None = None) -> Any:
        """What can be mixed with a language model, for `evaluate`, `score` and `generate`, which take `parts` as well.

        parts: "n-grams", counted on the training data; "cache", of the 2,000 tokens before, looked up by the network's
        outputs; "dynamic", weights that go on learning from what was read; several with commas between, or "all".
        Shares, sharpness and rates are fitted on the run's validation data, anew each time: keep what is returned.
        say: hears what is being done
        Errors: DataError if the run's data are gone; UnknownNameError; UsageError for a model of another task
        """
        from recurra.api.mixing import mixture_of

        return mixture_of(self, parts, say)

    def _with_mixture(self, sampling: dict[str, Any]) -> dict[str, Any]:
        if sampling.get("mixture") is None:
            return {name: value for name, value in sampling.items() if name != "mixture"}
        return sampling | {"mixture": self.mixture(sampling["mixture"])}

    def score(
        self,
        candidates: str | Path | Sequence[Sequence[str]],
        *,
        by: str = "total",
        baseline: bool = True,
        mixture: Any = None,
        encoding: str = "utf-8",
    ) -> list[Any]:
        """Rank groups of candidates with a language model: a `tasks.language.score.Ranking` for each group.

        candidates: a file with one a line and a blank line between groups, or the groups themselves, where a candidate
        may be the list of its tokens; by: "total" or "token", what decides, the log-probability or its mean over the
        tokens; baseline: rank with a Kneser-Ney 5-gram too, counted anew on the run's training data; mixture: rank
        with one too, see `mixture`; encoding: of the file.
        Errors: DataError, UsageError for a group of one candidate; DataError if the run's data are gone; UsageError for
        a model of another task
        """
        from recurra.api.scoring import score

        asked = given.options({"by": by, "baseline": baseline})
        return score(self, candidates, **asked, mixture=mixture, encoding=encoding)

    def trace(self, inputs: Any, *, engine: str | None = None, **options: Any) -> Any:
        """Every gate and state of the recurrent layers while the model reads one input: an `inspection.trace.Trace`.

        >>> trace = run.trace("hello")
        >>> trace["stack.f_l0"]  # [T, H]: the forget gate of the first layer, after each step
        >>> trace.frame()  # a tidy table; trace.save("out.npz"), trace.plot()

        inputs: as for `predict`, one; of a generator a text of it, of one of frames an array [T, I]; engine: computes
        the states, the run's own if None; options: of a generator the `condition`, of a translator or captioner how its
        own answer is searched for, which is then read too
        Errors: UsageError as `predict`, and for several inputs; EngineError for an engine that cannot
        """
        from recurra.inspection.trace import trace

        return trace(self.network, self._forward_pass(inputs, options), engine=engine)

    def states(self, inputs: Any, *, engine: str | None = None, **options: Any) -> dict[str, npt.NDArray[Any]]:
        """Of `trace`, the states after each step: by layer and direction, [T, H] each. Errors: as `trace`"""
        found: dict[str, npt.NDArray[Any]] = self.trace(inputs, engine=engine, **options).states()
        return found

    def probabilities(self, inputs: Any, **options: Any) -> Any:
        """What the model thinks at each step of one input: an `inspection.trace.Probabilities`, values [T, C].

        Of a classifier each class if the input ended there, of a language model or generator what comes next, of a
        tagger each tag, of a model of blanks what may stand there, of a translator or captioner what is written next.
        Errors: as `trace`; UsageError for a model whose answers have no classes
        """
        from recurra.inspection.trace import probabilities

        return probabilities(self._forward_pass(inputs, options), self.model.does)

    def attribute(self, inputs: Any, *, engine: str | None = None, **options: Any) -> Any:
        """What of one input the answer is due to, by integrated gradients: an `inspection.attribution.Attribution`.

        >>> found = run.attribute("a text")
        >>> found.total[0]  # [T]: what each token adds to the score of the answer; found.parts has the skip apart

        Of classifiers, taggers, models of frames with labels and forecasters. options: `target`, a class or tag instead
        of the answer; `at`, a token, a frame, or how many steps ahead; `against`, the baseline: "zero", "mean" or
        "unknown" of a classifier of texts, "last" or "mean" of a forecaster. The sums meet the differences of the
        scores within 1 %, which is checked: `error` has it. engine: computes the layers, the run's own if None
        Errors: as `trace`; RecurraError where the sums do not meet the differences
        """
        from recurra.inspection.attribution import attribute

        model: Attributable = able(self.model, Attributable, "attribute its answer to its input")
        return attribute(self.network, model.differentiable(inputs, **given.options(options)), engine=engine)

    def probe(
        self,
        features: Mapping[str, Callable[[Sequence[str]], Any]] | None = None,
        *,
        text: str | None = None,
        texts: Sequence[str] | None = None,
        labels: Sequence[str] | None = None,
        seed: int = 0,
    ) -> Any:
        """Which units follow something in what they read: an `inspection.probing.Probing`, with controls.

        Of language models in running text, of classifiers and taggers in texts of their own: the labels at their ends
        and the tags of their tokens too.

        >>> print(run.probe().text())  # position in the line, quotes, brackets, digits, words ...
        >>> run.probe({"vowel": lambda tokens: [token in "aeiou" for token in tokens]})
        >>> run.probe(texts=reviews, labels=praise_or_blame)  # units at the ends of texts

        features: more to look for, by name: functions of a text's tokens that give a value for each; text: is read,
        the run's held-out part if None, of classifiers and taggers line by line; texts, labels: whole texts and what
        they are labelled, instead; seed: of the controls
        Errors: UsageError for a model of another task; DataError for too little text, or if the run's data are gone
        """
        from recurra.api.probing import probe

        return probe(self, features, text=text, texts=texts, labels=labels, seed=seed)

    def _forward_pass(self, inputs: Any, options: dict[str, Any]) -> Any:
        model: Traceable = able(self.model, Traceable, "let itself be looked into")
        return model.forward_pass(inputs, **given.options(options))

    def nearest(self, word: str, *, top: int = 10) -> list[tuple[str, float]]:
        """The tokens whose vectors stand nearest to a word's, with the cosine of the angle.

        Errors: UsageError for a word that the model does not know, with those spelt like it
        """
        from recurra.inspection.nearest import nearest

        asked = given.options({"word": word, "top": top})
        vectors = able(self.model, HavingVectors, "keep word vectors").word_vectors()
        return nearest(vectors, asked["word"], top=asked["top"])

    def export(
        self,
        to: str,
        out: str | Path | None = None,
        *,
        weights: str = "float32",
        license: str | None = None,
        overwrite: bool = False,
    ) -> Any:
        """The model for other machines, as a folder of files that need no Recurra: its place, what is in it, notes.

        It is run on held-out inputs and compared before it is written. to: "c", "onnx", "torch", "keras" or
        "rtneural"; out: the folder, here and by the run's name if None; weights: "float32" or "int8"; license: of the
        model, kept beside it; overwrite: an export that is there
        Errors: UsageError for a model that the target cannot hold, with the nearest that can, or a folder that is
        there; RecurraError if what was exported says something else
        """
        from recurra.api.exporting import export

        place = None if out is None else given.path(out, "out")
        return export(self, to, place, weights=weights, license=license, overwrite=overwrite)

    def quantize(self, out: str | Path | None = None, *, overwrite: bool = False) -> Any:
        """The model with its matrices in 8 bits, as a model folder of its own: its place, what that costs, notes.

        What `load`, the commands and a server do with a model they do with it; it learns no more. Recurrent layers make
        their products of 8 bits too, see `Stack.quantize`; embeddings and heads are stored so and compute in float32.
        The headline's score on the validation part may be worse by 0.5 % of it.
        out: the folder, the run's own name with -int8 if None; overwrite: a model folder that is there
        Errors: RecurraError with the figures if it costs more, then nothing is written; UsageError for a quantised run;
        DataError if the run's data are gone
        """
        from recurra.api.quantising import quantise

        asked = given.options({"overwrite": overwrite})
        return quantise(self, None if out is None else given.path(out, "out"), **asked)

    def __repr__(self) -> str:
        kind = "" if self.stored.quantised is None else ", quantised"
        return f"<Run {self.folder}: {self.task}, {self.settings.network.cell}{kind}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: scores beside the best baseline, the validation loss, where the report is."""
        from recurra.api.cards import card_of_run
        from recurra.report.card import build_card

        return build_card(card_of_run(self))


def load(folder: str | Path) -> Run:
    """Load a trained model. Nothing in the folder is executed.

    Errors: ModelFolderError if the folder is not whole, was altered, or comes from a newer version
    """

    def run(found: ModelFolder) -> Run:
        for name in found.files:
            found.check_size(name)
        made = Run(found)
        found.verify(found.extra)
        return made

    return model_folder.use(given.path(folder, "folder"), run)

"""A trained generator of frames in use."""

from __future__ import annotations

import csv
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from torch import nn

from recurra.data.sound.libraries import soundfile
from recurra.errors import UsageError
from recurra.tasks.forward_pass import ForwardPass
from recurra.tasks.generate_frames.drawing import draw
from recurra.tasks.generate_frames.preprocessor import GenerateFramesPreprocessor
from recurra.tasks.model import Model, refuse_options
from recurra.tasks.sequences.sound.griffin_lim import sound_of
from recurra.tasks.sequences.sound.log_mel import LogMel

SOUND_FILES = (".wav", ".flac", ".ogg")
LONGEST = 10_000
"""Frames at most, unless more are asked for."""
LONGER = 1.5
"""Times the longest of training that a sequence may be, if no length is asked for."""


@dataclass(frozen=True)
class GeneratedFrames:
    """A sequence and what it was drawn for.

    frames: [T, I], in the units of the data; ended: it came to its end, and was not cut after the longest length;
    sound: what the frames are, None where they are numbers of a table; seed: of the phases of its sound
    """

    condition: str
    frames: npt.NDArray[np.float64]
    ended: bool
    channels: tuple[str, ...]
    sound: LogMel | None = None
    seed: int = field(default=0, repr=False)

    def document(self) -> dict[str, Any]:
        """Plain values."""
        return {"class": self.condition, "frames": self.frames.tolist(), "ended": self.ended}

    def samples(self) -> npt.NDArray[np.float32]:
        """Sound whose frames these are, nearly [N]. Errors: UsageError if they are none of sound"""
        if self.sound is None:
            raise UsageError("these frames are numbers of a table, not sound")
        return sound_of(self.frames, self.sound, seed=self.seed)


class FramesGenerator(Model):
    """A trained generator of frames."""

    does: ClassVar[str] = "it draws sequences of numbers of a class; it generates"
    unit: ClassVar[str] = "frames"

    def __init__(self, network: nn.Module, preprocessor: GenerateFramesPreprocessor) -> None:
        self.network, self.preprocessor = network.eval(), preprocessor

    def conditions(self) -> list[str]:
        return self.preprocessor.attributes.conditions()

    def generate(
        self,
        prompt: str = "",
        length: int | None = None,
        *args: Any,
        condition: str | None = None,
        count: int = 1,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        **options: Any,
    ) -> list[GeneratedFrames]:
        """`count` sequences of a class; without one classes are drawn as often as in training.

        length: in frames, of the longest sequence; temperature: 0 to 1 and more, a factor of the deviations of what is
        drawn; seed: None draws others each time
        Errors: UsageError for a prompt, for options of tokens, and for numbers that cannot be; UnknownNameError
        """
        refuse_options(self, options)
        if prompt:
            raise UsageError(f"a prompt is text that is gone on with; {self.does}")
        for name, given in (("top_k", top_k), ("top_p", top_p)):
            if given is not None:
                raise UsageError(f"{name} is of models that draw tokens; {self.does}")
        if not 0 <= temperature <= 10:
            raise UsageError(f"temperature is a number from 0 to 10, got {temperature}")
        if length is None:
            length = self.longest_text()
        if length < 1 or count < 1:
            raise UsageError(f"length and count are whole numbers from 1; got {length} and {count}")
        seed = int(np.random.default_rng().integers(2**32)) if seed is None else seed
        classes = self._classes(condition, count, seed)
        drawn = draw(self.network, self.preprocessor, classes, length=length, temperature=temperature, seed=seed)  # type: ignore[arg-type]
        made = self.preprocessor
        return [
            GeneratedFrames(made.classes[place], made.decode(frames), ended, made.channels, made.sound, seed)
            for place, (frames, ended) in zip(classes, drawn, strict=True)
        ]

    def longest_text(self, form: str | None = None) -> int:
        return min(LONGEST, max(1, round(LONGER * self.preprocessor.longest)))

    def predict(self, inputs: Any, /, *args: Any, **options: Any) -> list[Any]:
        raise self.cannot("predict")

    def checked(self, inputs: Any) -> Any:
        raise self.cannot("predict")

    def forward_pass(self, given: Any, /, **options: Any) -> ForwardPass:
        """See tasks.generate_frames.forward_pass."""
        from recurra.tasks.generate_frames.forward_pass import forward_pass

        return forward_pass(self, given, **options)

    def written(self, found: Sequence[GeneratedFrames]) -> list[list[str]]:
        """A row a frame, with the number of its sequence before it and the class behind it.

        Errors: UsageError for sound, which is no text
        """
        if self.preprocessor.sound is not None:
            raise UsageError("this model draws sound, which goes into a file: give --out NAME.wav")
        rows = [["id", *self.preprocessor.channels, "label"]]
        for number, one in enumerate(found, start=1):
            rows += [[str(number), *(f"{value:.6g}" for value in frame), one.condition] for frame in one.frames]
        return rows

    def save(self, found: Sequence[GeneratedFrames], path: Path) -> list[Path]:
        """Sound as a recording each, NAME.wav or NAME-1.wav, NAME-2.wav ...; others as one table with a row a frame.

        Errors: UsageError for another ending, and for a folder that there is not
        """
        endings = (".csv",) if self.preprocessor.sound is None else SOUND_FILES
        if path.suffix.lower() not in endings:
            what = "tables" if self.preprocessor.sound is None else "sound"
            raise UsageError(f"this model draws {what}, into files that end in {', '.join(endings)}; got {path.name!r}")
        if not path.parent.is_dir():
            raise UsageError(f"there is no folder {str(path.parent)!r} for {path.name!r}; make it first")
        if self.preprocessor.sound is None:
            with open(path, "w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows(self.written(found))
            return [path]
        digits, paths = len(str(len(found))), []
        for number, one in enumerate(found, start=1):
            own = path if len(found) == 1 else path.with_stem(f"{path.stem}-{number:0{digits}}")
            samples = one.samples()
            samples = samples / max(1.0, float(np.abs(samples).max(initial=0.0)))
            soundfile().write(own, samples, self.preprocessor.sound.rate)
            paths.append(own)
        return paths

    def commands(self, folder: str) -> list[str]:
        often = shlex.quote(self.preprocessor.classes[self.preprocessor.attributes.seen[0][0][0]])
        name = "drawn.csv" if self.preprocessor.sound is None else "drawn.wav"
        return [f"generate {folder} --class {often} --out {name}", f"evaluate {folder}"]

    def _classes(self, condition: str | None, count: int, seed: int) -> list[int]:
        choice = self.preprocessor.attributes.matching(condition)
        shares = np.array([often for _, often in choice], np.float64)
        drawn = np.random.default_rng([seed, 0, 1]).choice(len(choice), size=count, p=shares / shares.sum())
        return [choice[place][0][0] for place in drawn.tolist()]

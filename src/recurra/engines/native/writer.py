"""Tokens that the compiled core writes one after the other, with nothing of Python between them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ctypes import addressof, byref, c_int64, c_void_p
from dataclasses import dataclass

import torch
from torch import Tensor

from recurra.engines.native import forking, library
from recurra.engines.native.refusals import check
from recurra.engines.native.stream import NativeStream
from recurra.engines.native.tensors import rows
from recurra.errors import ShapeError


@dataclass(frozen=True)
class Draws:
    """How tokens are drawn, see topologies.sampling. forbidden: tokens that never are"""

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    repetition_penalty: float = 1.0
    forbidden: tuple[int, ...] = ()


class NativeWriter:
    """Reads a token of a table by the layers, draws what follows, reads that, and so on.

    streams: of one row and float32, from the first layer to the last; they step on with it. Table and output are
    copied. written: tokens that stood before. Not for several threads at once.
    Shapes: table [N, I], weight [V, H], bias [V], all of float32 on the CPU
    Errors: ShapeError for streams and matrices that do not fit each other
    """

    def __init__(
        self,
        streams: Sequence[NativeStream],
        table: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        how: Draws,
        written: Iterable[int] = (),
    ) -> None:
        given = [rows(t.detach()) for t in (table, weight) + (() if bias is None else (bias,))]
        widths = [stream.output_size for stream in streams]
        read = [stream.input_size for stream in streams]
        vocabulary = len(weight)
        if (
            [table.shape[1], *widths] != [*read, weight.shape[1]]
            or any(s.batch != 1 or s.dtype != torch.float32 for s in streams)
            or any(t.dtype != torch.float32 or t.device.type != "cpu" for t in given)
            or (bias is not None and bias.shape != (vocabulary,))
        ):
            forms = ", ".join(f"{list(t.shape)} {t.dtype}" for t in given)
            raise ShapeError(f"layers of one row that read {read} and give {widths} do not fit {forms}")
        self._streams, self._c = tuple(streams), streams[0].c
        call = library.WritingCall()
        forking.settle()
        call.threads, call.layers = torch.get_num_threads(), len(streams)
        handles = (c_void_p * len(streams))(*(stream.handle for stream in streams))
        sizes = (c_int64 * len(widths))(*widths)
        flags = [torch.zeros(vocabulary, dtype=torch.uint8) for _ in range(2)]
        for flag, tokens in zip(flags, (how.forbidden, list(written)), strict=True):
            flag[torch.tensor(tokens, dtype=torch.int64)] = 1
        call.streams, call.widths = addressof(handles), addressof(sizes)
        call.tokens, call.inputs = table.shape
        call.vocabulary, call.outputs = weight.shape
        call.table, call.weight = given[0].data_ptr(), given[1].data_ptr()
        call.bias = None if bias is None else given[2].data_ptr()
        call.forbidden, call.written = (flag.data_ptr() for flag in flags)
        call.temperature, call.repetition_penalty = how.temperature, how.repetition_penalty
        call.top_p = 1.0 if how.top_p is None else how.top_p
        call.top_k = vocabulary if how.top_k is None else how.top_k
        call.filtered = how.top_k is not None or call.top_p < 1
        self._handle = self._c.recurra_writer_new(byref(call))
        del given, flags, handles, sizes
        if not self._handle:
            raise MemoryError("no memory for writing tokens")
        self.scores = torch.zeros(vocabulary)
        self._scores_at = self.scores.data_ptr()
        self._tokens = len(table)

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            self._c.recurra_writer_free(self._handle)

    def write(self, token: int, waits: Tensor) -> list[int]:
        """What follows a token. Fewer tokens than waits: `scores`, of the next one, do not decide, or are no numbers.

        Shapes: waits [K, V], from an exponential distribution -> K tokens at most; scores [V]
        """
        if not 0 <= token < self._tokens or waits.shape[1:] != self.scores.shape or waits.dtype != torch.float32:
            raise ShapeError(
                f"token {token} of {self._tokens}, waits {list(waits.shape)} for {list(self.scores.shape)}"
            )
        waits = rows(waits)
        drawn, done = (c_int64 * len(waits))(), c_int64()
        check(
            self._c.recurra_writer_write(
                self._handle, token, waits.data_ptr(), len(waits), drawn, byref(done), self._scores_at
            )
        )
        return drawn[: done.value]

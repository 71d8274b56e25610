"""What a file of a model folder is made of: bytes, tensors that are written one by one, or a file that is there."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recurra.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Kept:
    """A file of the folder that is replaced, under its name there: it is linked and not written again."""

    name: str


class Tensors:
    """Tensors as a safetensors file, of which no more than one is held a second time.

    named: on any device, of any strides; views and tied ones are stored one by one
    Errors: UsageError for what has no plain values
    """

    def __init__(self, named: Mapping[str, Tensor], what: str = "weight") -> None:
        import torch

        for name in sorted(named):
            tensor = named[name]
            if not isinstance(tensor, torch.Tensor):
                raise UsageError(f"expected {what} {name} as a tensor, got {type(tensor).__name__}")
            if tensor.layout is not torch.strided or tensor.is_meta:
                kind = "meta" if tensor.is_meta else str(tensor.layout)
                raise UsageError(f"{what} {name} is a {kind} tensor, which has no plain values to store")
            if tensor.dtype not in _types():
                raise UsageError(f"the {what}s cannot be stored: {name} is of the type {tensor.dtype}")
        # the widest first, so that each begins where its numbers may
        self._named = dict(sorted(named.items(), key=lambda item: (-item[1].element_size(), item[0])))

    def __iter__(self) -> Iterator[bytes | memoryview]:
        """The bytes of the file, piece by piece."""
        import torch

        head, end = {}, 0
        for name, tensor in self._named.items():
            begin, end = end, end + tensor.element_size() * math.prod(tensor.shape)
            head[name] = {
                "dtype": _types()[tensor.dtype],
                "shape": list(tensor.shape),
                "data_offsets": [begin, end],
            }
        written = json.dumps(head, ensure_ascii=False, separators=(",", ":")).encode()
        written += b" " * (-len(written) % 8)
        yield len(written).to_bytes(8, "little") + written
        for tensor in self._named.values():
            plain = tensor.detach().to("cpu").resolve_conj().resolve_neg().contiguous()
            yield plain.reshape(-1).view(torch.uint8).numpy().data


Content = bytes | Kept | Tensors


def _types() -> dict[object, str]:
    """As safetensors names them."""
    import torch

    return {
        torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16",
        torch.int64: "I64", torch.int32: "I32", torch.int16: "I16", torch.int8: "I8",
        torch.uint64: "U64", torch.uint32: "U32", torch.uint16: "U16", torch.uint8: "U8", torch.bool: "BOOL",
    }  # fmt: skip

"""Drawn configurations of torch.nn's recurrent layers and of what they are given."""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

import recurra

TWINS = {"RNN": (recurra.RNN, nn.RNN), "LSTM": (recurra.LSTM, nn.LSTM), "GRU": (recurra.GRU, nn.GRU)}
LAYOUTS = ("batch",) * 4 + ("single", "packed", "packed unsorted", "strided", "expanded", "turned")
STATES = ("none",) * 3 + ("given",) * 3 + ("strided", "expanded")
MODES = ("train",) * 6 + ("frozen weights", "frozen x", "no_grad", "inference_mode", "eval")
WRONG = (
    "x too wide", "x of 1 axis", "x of 4 axes", "x of whole numbers", "x of another type", "no steps", "state too wide",
    "state of another batch", "state too deep", "state of too few axes", "states too few", "state of another type",
    "x of None", "x of numpy", "lengths of packed rows wrong",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One configuration and one use; everything that is drawn comes from `seed`."""

    seed: int
    use: str
    kind: str
    input_size: int
    hidden_size: int
    settings: dict[str, Any]
    dtype: str
    layout: str
    state: str
    mode: str
    batch: int
    time: int
    threads: int
    wrong: str = ""

    def __str__(self) -> str:
        return ", ".join(f"{name}={value!r}" for name, value in asdict(self).items() if value != "")

    def generator(self) -> torch.Generator:
        return torch.Generator().manual_seed(self.seed)


def draw(seed: int, number: int, uses: dict[str, int]) -> Case:
    """The case of this number; uses: how often each, in parts."""
    dice = random.Random(f"{seed}-{number}")
    kind = dice.choice(list(TWINS))
    settings: dict[str, Any] = {
        "num_layers": dice.choice((1, 1, 1, 2, 3)),
        "bias": dice.random() < 0.8,
        "batch_first": dice.random() < 0.5,
        "bidirectional": dice.random() < 0.4,
    }
    if kind == "RNN":
        settings["nonlinearity"] = dice.choice(("tanh", "relu"))
    use = dice.choices(list(uses), list(uses.values()))[0]
    sizes = (1, 2, 3, 5, 7, 8, 13, 16, 17, 31, 33, 64)
    return Case(
        seed=dice.randrange(2**31),
        use=use,
        kind=kind,
        input_size=dice.choice(sizes),
        hidden_size=dice.choice(sizes),
        settings={name: value for name, value in settings.items() if value is not False or name == "bias"},
        dtype=dice.choice(("float32",) * 5 + ("float64",) * 3),
        layout=dice.choice(LAYOUTS),
        state=dice.choice(STATES),
        mode=dice.choice(MODES),
        batch=dice.choice((0, 1, 1, 2, 3, 4, 5, 9, 17)),
        time=dice.choice((1, 2, 3, 5, 8, 13)),
        threads=dice.choice((1, 1, 2)),
        wrong=dice.choice(WRONG) if use == "wrong" else "",
    )


def layers(case: Case) -> tuple[nn.Module, nn.Module]:
    """Ours and torch's, of the same weights."""
    own, torchs = TWINS[case.kind]
    torch.manual_seed(case.seed)
    dtype = getattr(torch, case.dtype)
    theirs = torchs(case.input_size, case.hidden_size, dtype=dtype, **case.settings)
    ours = own(case.input_size, case.hidden_size, dtype=dtype, **case.settings)
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


@dataclass
class Given:
    """What a layer is called with, and the leaves of it that take gradients."""

    x: Any
    state: Any
    leaves: dict[str, Tensor]

    def args(self) -> tuple[Any, ...]:
        return (self.x,) if self.state is None else (self.x, self.state)


def given(case: Case) -> Given:
    """The same numbers each time, in tensors of their own."""
    numbers = case.generator()
    dtype = getattr(torch, case.dtype)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=numbers, dtype=torch.float64).to(dtype)

    packed = case.layout.startswith("packed")
    batch = max(case.batch, 1) if packed else case.batch
    batch_first = case.settings.get("batch_first", False)
    leaves: dict[str, Tensor] = {}
    shape = (batch, case.time) if batch_first else (case.time, batch)
    if case.layout == "single":
        x = leaf = normal(case.time, case.input_size)
    elif case.layout == "strided":
        leaf = normal(*shape, 2 * case.input_size)
        x = leaf[..., ::2]
    elif case.layout == "expanded":
        leaf = normal(1, 1, case.input_size)
        x = leaf.expand(*shape, -1)
    elif case.layout == "turned":
        leaf = normal(case.input_size, *shape[::-1])
        x = leaf.permute(2, 1, 0)
    else:
        x = leaf = normal(*shape, case.input_size)
    if case.mode not in ("frozen x", "no_grad", "inference_mode") and case.use != "trace":
        leaf.requires_grad_()
        x = _again(case.layout, leaf, shape, x)
    leaves["x"] = leaf
    whole: Any = x
    if packed:
        lengths = torch.randint(1, case.time + 1, (batch,), generator=numbers)
        sort = case.layout == "packed"
        if sort:
            lengths = lengths.sort(descending=True).values
        whole = pack_padded_sequence(x, lengths, batch_first=batch_first, enforce_sorted=sort)
    state: Any = None
    if case.state != "none":
        rows = case.settings["num_layers"] * (2 if case.settings.get("bidirectional") else 1)
        states = []
        for name in ("h", "c") if case.kind == "LSTM" else ("h",):
            leaves[name] = (
                normal(rows, case.hidden_size) if case.layout == "single" else normal(rows, batch, case.hidden_size)
            ) / 2
            if case.mode not in ("no_grad", "inference_mode") and case.use != "trace":
                leaves[name].requires_grad_()
            s = leaves[name]
            if case.state == "strided":
                s = torch.stack([s, s], -1)[..., 1]
            elif case.state == "expanded":
                s = s[:1].expand(rows, *s.shape[1:])
            states.append(s)
        state = tuple(states) if case.kind == "LSTM" else states[0]
    return Given(whole, state, leaves)


def _again(layout: str, leaf: Tensor, shape: tuple[int, ...], x: Tensor) -> Tensor:
    """The input as it comes out of its leaf, now that this takes a gradient."""
    if layout == "strided":
        return leaf[..., ::2]
    if layout == "expanded":
        return leaf.expand(*shape, -1)
    return leaf.permute(2, 1, 0) if layout == "turned" else leaf


def spoil(case: Case, found: Given) -> Given:
    """What cannot be, in the place of what was drawn."""
    x, state = found.x, found.state
    if isinstance(x, PackedSequence):
        if case.wrong == "lengths of packed rows wrong":
            return Given(PackedSequence(x.data, x.batch_sizes + 1), None, found.leaves)
        x = x.data[:, None]
    x = x.detach()
    rows = case.settings["num_layers"] * (2 if case.settings.get("bidirectional") else 1)
    batch = x.shape[0 if case.settings.get("batch_first") else 1] if x.dim() == 3 else 1
    hidden, like = case.hidden_size, x.new_zeros

    def states(*shape: int, count: int = 2 if case.kind == "LSTM" else 1) -> Any:
        return tuple(like(shape) for _ in range(count)) if case.kind == "LSTM" else like(shape)

    whole = (rows, batch, hidden) if x.dim() == 3 else (rows, hidden)
    if case.wrong == "x too wide":
        return Given(torch.cat([x, x[..., :1]], -1), None, {})
    if case.wrong == "x of 1 axis":
        return Given(like(case.input_size), None, {})
    if case.wrong == "x of 4 axes":
        return Given(like(2, 2, 2, case.input_size), None, {})
    if case.wrong == "x of whole numbers":
        return Given(x.long(), None, {})
    if case.wrong == "x of another type":
        return Given(x.to(torch.float64 if x.dtype == torch.float32 else torch.float32), None, {})
    if case.wrong == "no steps":
        return Given(like(*((2, 0) if case.settings.get("batch_first") else (0, 2)), case.input_size), None, {})
    if case.wrong == "state too wide":
        return Given(x, states(*whole[:-1], hidden + 1), {})
    if case.wrong == "state of another batch":
        return Given(x, states(rows, batch + 1, hidden), {})
    if case.wrong == "state too deep":
        return Given(x, states(rows + 1, *whole[1:]), {})
    if case.wrong == "state of too few axes":
        return Given(x, states(hidden), {})
    if case.wrong == "states too few":
        return Given(x, (like(whole),) if case.kind == "LSTM" else (like(whole), like(whole)), {})
    if case.wrong == "state of another type":
        other = torch.float64 if x.dtype == torch.float32 else torch.float32
        made = states(*whole)
        return Given(x, tuple(s.to(other) for s in made) if isinstance(made, tuple) else made.to(other), {})
    return Given(x.numpy() if case.wrong == "x of numpy" else None, state, {})

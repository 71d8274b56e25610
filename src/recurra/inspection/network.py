"""What a network consists of: its recurrent layers, and where its parameters are."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from recurra.cells.variants import RANK
from recurra.layers.stack import Stack

SET = ("rank", "heads", "proj_size", "recurrent_dropout", "weight_dropout", "zoneout", "zoneout_cell")


@dataclass(frozen=True)
class Layers:
    """Recurrent layers on top of each other.

    name: of the module; widths: what each layer reads; flops_per_step: of all layers and directions, one row, forward;
    set: what is set beside the sizes, by the layer's names
    """

    name: str
    cell: str
    widths: tuple[int, ...]
    hidden_size: int
    directions: int
    parameters: int
    flops_per_step: int
    set: dict[str, int | float]


@dataclass(frozen=True)
class Structure:
    """layers: all stacks of a network; others: parameters of its other modules by name; parameters: of all of it,
    each counted once
    """

    layers: tuple[Layers, ...]
    others: dict[str, int]
    parameters: int

    def rows(self) -> list[list[str]]:
        """As a table: a row for each stack and each other module."""
        rows = [
            [each.name, _described(each), f"{each.parameters:,}", f"{each.flops_per_step:,}"] for each in self.layers
        ]
        rows += [[name, "", f"{count:,}", ""] for name, count in self.others.items()]
        return [["", "", "parameters", "FLOPs per step"], *rows, ["all of it", "", f"{self.parameters:,}", ""]]


def structure(network: nn.Module) -> Structure:
    """The recurrent layers of a network and its parameters, as they are there."""
    stacks = {name: module for name, module in network.named_modules() if isinstance(module, Stack)}
    inside = tuple(f"{name}." for name in stacks)
    others: dict[str, int] = {}
    for name, parameter in network.named_parameters():  # a tied one stands under its first name
        if not name.startswith(inside):
            home = name.rpartition(".")[0] or name
            others[home] = others.get(home, 0) + parameter.numel()
    found = tuple(_layers(name, stack) for name, stack in stacks.items())
    return Structure(found, others, sum(parameter.numel() for parameter in network.parameters()))


def _layers(name: str, stack: Stack) -> Layers:
    program, directions = stack.cell.program(bias=stack.bias), stack.num_directions
    widths = (stack.input_size, *[stack.output_size] * (stack.num_layers - 1))
    flops = directions * sum(program.flops(width, stack.hidden_size, stack.narrow, stack.heads) for width in widths)
    count = sum(parameter.numel() for parameter in stack.parameters())
    found = {name: getattr(stack, name) for name in SET}
    settings = {name: value for name, value in found.items() if value != (1 if name == "heads" else 0)}
    cell = stack.cell.name.removesuffix(RANK)
    return Layers(name, cell, widths, stack.hidden_size, directions, count, flops, settings)


def _described(layers: Layers) -> str:
    return ", ".join([f"{layers.cell} {_widths(layers)}", *(f"{name} {value}" for name, value in layers.set.items())])


def _widths(layers: Layers) -> str:
    both = f" x {layers.directions} directions" if layers.directions > 1 else ""
    return f"{' -> '.join(map(str, (*layers.widths, layers.hidden_size)))}{both}"

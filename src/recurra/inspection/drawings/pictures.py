"""Drawings of a network: from its module to SVG."""

from __future__ import annotations

from torch import nn

from recurra.inspection.drawings import blueprint as plans
from recurra.inspection.drawings import of_numbers, of_pairs, of_text
from recurra.inspection.drawings.blueprint import Blueprint
from recurra.inspection.drawings.rolled import draw_blueprint
from recurra.inspection.drawings.unrolled import draw_unrolled_blueprint

KINDS = (of_text, of_numbers, of_pairs)
"""Importing them registers the networks that can be drawn."""


def blueprint(network: nn.Module) -> Blueprint:
    """A network as blocks and arrows. Errors: UsageError for one of no kind that is known"""
    return plans.blueprint(network)


def draw_rolled(network: nn.Module) -> str:
    """A network with shapes and parameter counts, loops where states are carried, as one <svg> element.

    Errors: UsageError for a network of no kind that is known
    """
    return draw_blueprint(blueprint(network))


def draw_unrolled(network: nn.Module) -> str:
    """A network over some steps, with its states from step to step, as one <svg> element. See `draw_rolled`."""
    return draw_unrolled_blueprint(blueprint(network))

"""The data flow of a step is that of the program; a comparison and a page say what `explain` says."""

from __future__ import annotations

import itertools
import re
from html import unescape

import pytest

from recurra.cells import catalogue
from recurra.cells.definition import Cell, cell
from recurra.equations.graph import MATRICES
from recurra.equations.render import named
from recurra.equations.symbols import R, W, b, k, p, tanh
from recurra.inspection.drawings.cell_graph import draw_cell
from recurra.inspection.drawings.comparison import draw_comparison
from recurra.inspection.drawings.layering import arrange
from recurra.inspection.explain import explain
from recurra.inspection.explained import page_of_cells, page_of_network
from recurra.report.svg import checked_svg
from recurra.topologies.many_to_many import NextToken
from recurra.topologies.settings import NextTokenSettings


def texts(svg: str) -> list[str]:
    return [unescape(text) for text in re.findall(r"<text[^>]*>([^<]*)</text>", svg)]


@pytest.mark.parametrize("which", catalogue.BUILT_IN, ids=lambda c: c.name)
def test_every_weight_state_and_name_is_in_the_graph_once(which: Cell) -> None:
    program = which.program()
    found = texts(checked_svg(draw_cell(which)))
    written = " ".join(found)
    for parameter in program.parameters:
        uses = sum(node.parameter == parameter for node in program.nodes)
        times = len(re.findall(rf"(?<![\w.]){re.escape(str(parameter))}(?!\w)", written))
        assert times == uses if parameter.kind in MATRICES else times >= 1, parameter
    for state in program.states:
        assert found.count(f"{state}[t]") == 1
    assert found.count("x[t]") == 1
    for index, name in named(program).items():
        if any(index in node.args for node in program.nodes) or index in program.outputs:
            assert name in found or name in written


def test_what_a_subtraction_takes_away_is_marked_and_weights_alone_are_no_vertices() -> None:
    @cell()
    def leaky(x, h):  # type: ignore[no-untyped-def]
        n = tanh(W.n @ x + b.n)
        return n - h * (k.rate * p.decay) - R.m @ h

    found = texts(draw_cell(leaky))
    assert found.count("−") == 4  # two signs, and what each takes away
    assert "× k.rate * p.decay" in found
    assert "W.n x + b.n" in found


def test_columns_lead_forward_and_nothing_overlaps() -> None:
    edges = [("a", "c"), ("b", "c"), ("c", "d"), ("a", "d"), ("b", "e"), ("a", "f"), ("c", "f"), ("d", "f")]
    heights = dict.fromkeys("abcdef", 20.0)
    layout = arrange(heights, edges, last=["f"])  # type: ignore[arg-type]
    assert all(layout.column[start] < layout.column[end] for start, end in edges)
    assert layout.column["f"] == layout.columns - 1
    assert [column for column, _ in layout.bends["a", "f"]] == [1, 2]
    places = sorted((layout.column[v], layout.y[v]) for v in heights)
    assert all(c < d or z - y >= 20 for (c, y), (d, z) in itertools.pairwise(places))


def test_a_comparison_and_its_page_say_what_the_cells_cost() -> None:
    both = [explain(name, input_size=3, hidden_size=4) for name in ("lstm", "min-gru")]
    svg = checked_svg(draw_comparison(both))
    for one in both:
        assert {f"{one.parameters:,}", f"{one.flops_per_step:,}", f"{one.saved_bytes:,}"} <= set(texts(svg))
    assert svg.count('width="10.0" height="10.0"') == 2 * sum(one.hoisted + one.recurrent for one in both)
    page = page_of_cells(both)
    assert page.count("one step of") == 4  # as text, and for those who cannot see it
    assert r"\begin{aligned}" in page
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page


def test_a_page_of_a_network_escapes_its_name() -> None:
    network = NextToken(9, NextTokenSettings(hidden_size=3, embedding_size=3, num_layers=1))
    page = page_of_network("<b>run</b>", network, explain("lstm", input_size=3, hidden_size=3))
    assert "<b>run" not in page
    assert "&lt;b&gt;run" in page
    assert "language model, unrolled" in page

"""What a cell's function must satisfy, checked once it has run on symbols."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recurra.equations.graph import LINEAR, Parameter, needed

if TYPE_CHECKING:
    from recurra.equations.trace import Trace


def check_returned(trace: Trace, values: tuple[Any, ...], line: int) -> None:
    """The new states come back, all of them, as values of the step, in the order of the arguments.

    Errors: CellError, at the line of the return.
    """
    states, graph = trace.arguments[1:], trace.graph
    end = f"end with: return {', '.join(states)}"
    indices = [v.index if getattr(v, "trace", None) is trace else -1 for v in values]
    own = [trace.locals.get(s, i + 1) for i, s in enumerate(states)]
    if len(values) == 1 and values[0] is None:
        raise trace.error(f"returns nothing; {end}", line)
    if len(values) == 1 < len(states) and indices[0] < 0:
        raise trace.error(f"returns {values[0]!r}, not its states; {end}", line)
    if len(values) > len(states):
        raise trace.error(f"returns {len(values)} values and has {len(states)} states; {end}", line)
    if len(values) < len(states):
        missing = [s for s, i in zip(states, own, strict=True) if i not in indices]
        named = f" without {', '.join(missing)}" if missing else ""
        raise trace.error(f"returns {len(values)} of its {len(states)} states{named}; {end}", line)
    for state, value, index in zip(states, values, indices, strict=True):
        if index < 0:
            raise trace.error(f"state {state} is returned as {value!r}, not as a value of the step", line)
        if graph.nodes[index].width != ("N" if state in trace.narrow else "H"):
            kinds = {"I": "the width of the input [I]", "H": "the units' width [H], not the projection's"}
            given = kinds.get(graph.nodes[index].width, "one number for all units")
            raise trace.error(f"state {state} is returned with {given}", line)
    if indices != own and sorted(indices) == sorted(own):
        raise trace.error(f"the states are returned in another order; {end}", line)


def check_use(trace: Trace, outputs: tuple[int, ...]) -> None:
    """The input is mapped, every weight reaches a new state, and a gate's name stands for one thing.

    Errors: CellError, at the line where the weight is used.
    """
    if not any(q.kind == "W" for q in trace.used):
        raise trace.error(f"the input {trace.arguments[0]} is never mapped with W")
    alive = {n.parameter for n in needed(trace.graph.nodes, outputs)[0]}
    for parameter, line in trace.used.items():
        if parameter not in alive:
            raise trace.error(f"{parameter} reaches none of the new states; what is it for?", line)
    first: dict[str, tuple[Parameter, set[int]]] = {}
    for parameter, reached in _reached(trace, outputs).items():
        other, reached_first = first.setdefault(parameter.gate, (parameter, reached))
        if not reached & reached_first:
            at = trace.used[other]
            problem = f"gate {parameter.gate} names two things: {parameter} here and {other} in line {at}"
            raise trace.error(problem, trace.used[parameter])


def _reached(trace: Trace, outputs: tuple[int, ...]) -> dict[Parameter, set[int]]:
    """For each weight the functions that its product or value enters, nothing but arithmetic or normalising between.

    A new state counts as such a function: -1.
    """
    consumers: dict[int, list[int]] = {}
    for i, node in enumerate(trace.graph.nodes):
        for arg in node.args:
            consumers.setdefault(arg, []).append(i)
    found: dict[Parameter, set[int]] = {}
    for i, node in enumerate(trace.graph.nodes):
        if node.parameter is None:
            continue
        reached, todo = found.setdefault(node.parameter, set()), [i]
        while todo:
            at = todo.pop()
            if at in outputs:
                reached.add(-1)
            for user in consumers.get(at, []):
                if trace.graph.nodes[user].op in (*LINEAR, "normalize"):
                    todo.append(user)
                else:
                    reached.add(user)
    return found

"""The header of a network's source: its sizes, its state, its functions."""

from __future__ import annotations

from collections.abc import Mapping

from recurra.export.c.texts import DECLARED, kind_of
from recurra.export.streamed import Streamed


def state_bytes(members: Mapping[str, int]) -> int:
    """What a state takes in memory, to a few bytes."""
    return 4 * (sum(members.values()) + 2)


def header(model: Streamed, members: Mapping[str, int], *, weights: int, about: str) -> str:
    """members: numbers of each member of the state; weights: bytes of them; about: lines for people. `@` stands for
    the prefix of all names
    """
    tokens = model.table is not None
    limits = {"OUTPUTS": (model.outputs, f"numbers that are said: {model.says}")}
    if tokens:
        assert model.table is not None
        limits["TOKENS"] = (len(model.table), "ids that are read, from 0")
        if model.vocabulary is not None:
            limits["TOKENS"] = (len(model.vocabulary), "ids of the vocabulary, from 0")
            limits["READ"] = (len(model.table), "ids that may be read, from 0")
    else:
        limits["INPUTS"] = (model.inputs, "numbers of a frame")
    if model.condition is not None:
        limits["ATTRIBUTES"] = (len(model.condition.vectors), "of which each sequence has a value")
    if model.delay:
        limits["DELAY"] = (model.delay, "steps until what is said of a step is known")
    defined = "".join(f"#define @{name} {value} /* {what} */\n" for name, (value, what) in limits.items())
    text = "" if model.vocabulary is None else DECLARED[kind_of(model.vocabulary)]
    labels = f"\n/* What the outputs are of. */\nextern const char *const @labels[{len(model.labels)}];\n"
    parts = [
        f"/* {_about(model, weights, state_bytes(members), about)} */\n#ifndef @H\n#define @H\n\n{defined}",
        f'\n#ifdef __cplusplus\nextern "C" {{\n#endif\n{_struct(model, members)}{_declared(model)}',
        labels if model.labels else "",
        _values(model),
        text,
        "\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n",
    ]
    return "".join(parts)


def _about(model: Streamed, weights: int, state: int, about: str) -> str:
    lines = [*about.splitlines(), *model.notes]
    made = model.vocabulary
    if made is not None and made.level in ("char", "byte") and made.normalize:
        lines.append(f"a text is normalised first, by others: {', '.join(made.normalize)}")
    if made is not None and made.level not in ("char", "byte"):
        lines.append("texts are cut into tokens by others: the ids of words stand in the order of the tokens below")
    lines += [
        f"weights: {weights:,} bytes, constant; a state: {state:,} bytes; no other memory",
        "no library is used; needs floats as IEEE 754 has them (no -ffast-math)",
    ]
    return "\n   ".join(line.replace("*/", "* /").replace("@", "(at)") for line in lines)


def _struct(model: Streamed, members: Mapping[str, int]) -> str:
    ended = "  int ended;\n" if model.delay else ""
    listed = "".join(f"  float {name}[{width}];\n" for name, width in members.items())
    return (
        "\n/* Where a sequence stands, and room to work. One for each sequence; nothing in it is for callers. */\n"
        f"typedef struct @state {{\n{listed}  unsigned long count;\n{ended}}} @state;\n"
    )


def _declared(model: Streamed) -> str:
    given = "int token" if model.table is not None else "const float *x"
    begin = (
        "\n/* Begins another sequence; values [ATTRIBUTES]: which of their values, from 0. Call it before the "
        "first step. */\nvoid @begin(@state *s, const int *values);\n"
        if model.condition is not None
        else ""
    )
    ends = (
        "\n/* After the last step, until it returns 0: what is said of the steps that were still waited for. */\n"
        "int @end(@state *s, float *y);\n"
        if model.delay
        else ""
    )
    returns = "1 if y was written, 0 while nothing can be said yet" if model.delay else "1"
    what = "The next token, one of the ids above." if model.table is not None else "The next frame, x [INPUTS]."
    return (
        "\n/* Call it once for each state before anything else. */\nvoid @init(@state *s);\n"
        "\n/* Begins another sequence. */\nvoid @reset(@state *s);\n"
        f"{begin}\n/* {what} y [OUTPUTS]: what is said then, left out if it is 0. Returns {returns}. */\n"
        f"int @step(@state *s, {given}, float *y);\n{ends}"
    )


def _values(model: Streamed) -> str:
    if model.condition is None:
        return ""
    named = zip(model.condition.names, model.condition.values, strict=True)
    return "".join(
        f"\n/* Values of {name.replace('*/', '* /').replace('@', '(at)')}. */\n"
        f"extern const char *const @values{index}[{len(values)}];\n"
        for index, (name, values) in enumerate(named)
        if values
    )

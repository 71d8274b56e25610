"""The page as one file that loads nothing: some inputs, read before."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from recurra.data.files.json_text import storable
from recurra.errors import UsageError
from recurra.inspector import documents, page
from recurra.inspector.inspected import Inspected
from recurra.inspector.networks import drawings, of_run
from recurra.inspector.reading import Reading
from recurra.tasks.own_inputs import OwnInput, title_of

MOST_BYTES = 24 << 20
"""Of the values of all readings; a byte for each number."""
OFFERED = 4
"""Inputs of the run's own data, if none are given."""
MODULES = (
    "dom.js", "strings.js", "server.js", "known.js", "file.js", "tokens.js", "values.js", "heat.js", "thoughts.js",
    "answer.js", "unit.js", "forgetting.js", "network.js", "write.js", "pane.js", "main.js",
)  # fmt: skip
"""The page's scripts, each behind those that it reads; their names differ, so that they can stand in one."""


def build_page(runs: Sequence[Inspected], given: Sequence[tuple[str, Any]]) -> str:
    """HTML. given: inputs with their names, or none for some of the first run's own data

    Errors: UsageError for more numbers than a page can hold; DataError if the run's data are asked for and are gone
    """
    found = [OwnInput(title_of(name), one) for name, one in given] or runs[0].offered[:OFFERED]
    if not found:
        raise UsageError("name what the page shows: --input TEXT")
    readings = [[_read(run, one) for one in found] for run in runs]
    size = sum(len(value) for row in readings for each in row for value in each["values"].values()) * 3 // 4
    if size > MOST_BYTES:
        raise UsageError(
            f"the values of these inputs are {size / 2**20:,.0f} MB, a page holds {MOST_BYTES / 2**20:,.0f}\n"
            "give fewer or shorter ones"
        )
    content = {
        "strings": page.strings(),
        "runs": [of_run(run) for run in runs],
        "drawings": [drawings(run.run.network) for run in runs],
        "inputs": [documents.of_input(one) for one in found],
        "readings": readings,
    }
    return _joined(json.dumps(storable(content), allow_nan=False))


def _read(run: Inspected, one: OwnInput) -> dict[str, Any]:
    reading = run.read(one.given, one.options, seconds=float("inf"))
    column = None if reading.thoughts is None else reading.thoughts.column()
    steps = 0 if reading.thoughts is None else reading.thoughts.length
    return {
        "document": documents.of_reading(reading),
        "answer": documents.of_answer(reading.answer),
        "thoughts": documents.of_thoughts(reading, 0, steps, 5),
        "column": None
        if column is None
        else [None if np.isnan(chance) else round(float(chance), 4) for chance in column],
        "values": _values(reading),
    }


def _values(reading: Reading) -> dict[str, str]:
    return {
        f"{key}/{name}": base64.b64encode(documents.packed([strip.values(name, 0, strip.length)])).decode("ascii")
        for key, strip in reading.strips.items()
        for name in strip.widths
    }


def _joined(content: str) -> str:
    """The page's files in one, its style and script allowed by their hashes."""
    files = {name: data.decode("utf-8") for name, (data, _) in page.contents().items()}
    style, script = files["page.css"], script_of(files)
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    safe = content.replace("<", "\\u003c")
    replaced = {
        '<link rel="stylesheet" href="static/page.css">': f"<style>{style}</style>",
        '<script type="module" src="static/main.js"></script>': (
            f'<script type="application/json" id="content">{safe}</script>\n<script type="module">{script}</script>'
        ),
        '<meta charset="utf-8">': (
            f'<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">'
        ),
    }
    html = re.sub(r'<link rel="modulepreload"[^>]*>\n', "", files["index.html"])
    for old, new in replaced.items():
        assert old in html, old
        html = html.replace(old, new)
    return html


def script_of(files: dict[str, str]) -> str:
    """All modules as one: their imports and exports are names of the same module."""
    parts = []
    for name in MODULES:
        text = re.sub(r"^import \{[^}]*\} from \"[^\"]+\";\n", "", files[name], flags=re.M)
        parts.append(re.sub(r"^export ", "", text, flags=re.M))
    return "\n" + "\n".join(parts)


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}"

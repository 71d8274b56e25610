"""README.md of a model folder: what the model is, of which data, how good, with what limits, how to use it."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from recurra.errors import shortened
from recurra.report.metric import Metric, find
from recurra.report.numbers import printable, write_bytes, write_count, write_day, write_seconds, write_setting

CARD = "README.md"
"""Its name in the folder, which hubs show."""
LONGEST, MOST_FILES, MOST_NOTES = 300, 50, 50
"""Characters of what comes from data, files and notes that are listed."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,60}", re.ASCII)
_MARKS = re.compile(r"([\\`*_\[\]{}|~$])")
STATUS = {
    "running": "The training has not ended; these are the best weights so far.",
    "stopped": "The training was stopped; these are the best weights until then.",
    "diverged": "The training diverged; these are the best weights before that.",
}


def model_card(
    config: Mapping[str, Any],
    metrics: Mapping[str, Any],
    rows: Sequence[Metric],
    model: str,
    versions: Mapping[str, str],
    whose: str | None = None,
) -> bytes:
    """The card, in Markdown with a head that hubs read.

    config, metrics: as config.json and metrics.json hold them; rows: what the scores are; model: what people call it;
    versions: of Recurra and torch; whose: a sentence on whose scores they are, if not these weights'.
    Nothing of an example of the data is in it.
    """
    data, network = config["data"], config["settings"]["network"]
    title = f"{config['name']} · {network['cell']}"
    shape = f"{network['cell']}, {network['num_layers']} x {network['hidden_size']} units"
    return "\n".join(
        [
            *_head(config),
            "",
            f"# {_plain(title)}",
            "",
            f"{model} ({shape}, {write_count(metrics['parameters'])} parameters), trained with Recurra "
            f"{versions['recurra']} and torch {versions['torch']} in {write_seconds(metrics['seconds'])}, "
            f"{write_day(config['created'])}.",
            "",
            "## Use it",
            "",
            "```python",
            "import recurra",
            "",
            'run = recurra.load("this-folder")  # executes nothing that is in it',
            "help(run.predict)  # and run.evaluate(), run.export(...)",
            "```",
            "",
            "On the command line: `recurra predict`, `evaluate`, `inspect`, `export`, `serve`, each with the folder. "
            "`report.html`, where it is, shows all of the training.",
            "",
            "## Scores",
            "",
            *([] if whose is None else [_plain(whose[:1].upper() + whose[1:]), ""]),
            *_scores(metrics, rows),
            "",
            "## Data",
            "",
            *_data(config["source"], data),
            "",
            "## Limits",
            "",
            *_limits(config, metrics),
            "",
            "## Licence",
            "",
            *_licence(config.get("license")),
            "",
            "## Settings",
            "",
            "Trained by:",
            "",
            f"    {_line(config['command'])}",
            "",
            *_settings(config["settings"]),
            "",
        ]
    ).encode()


def _head(config: Mapping[str, Any]) -> list[str]:
    licence = config.get("license")
    if licence is None:
        said = []
    elif _NAME.fullmatch(licence):
        said = [f"license: {licence.lower()}"]
    else:
        said = ["license: other", f"license_name: {json.dumps(_line(licence))}"]
    tags = ["recurra", "recurrent-neural-network", config["task"], config["settings"]["network"]["cell"]]
    return ["---", "library_name: recurra", *said, "tags:", *(f"- {json.dumps(tag)}" for tag in tags), "---"]


def _scores(metrics: Mapping[str, Any], rows: Sequence[Metric]) -> list[str]:
    found: Mapping[str, float] = metrics["metrics"] or {}
    if not found:
        return [STATUS.get(metrics["status"], "There are none.")]
    shown = [find(rows, name) for name in found]
    lines = [f"On the {metrics['evaluated_on']} part:", ""]
    lines += [f"| | {' | '.join(_plain(row.heading) for row in shown)} |", f"|---|{'---:|' * len(shown)}"]
    name = "this model" if "of" not in metrics else _plain(metrics["of"])
    lines.append(f"| **{name}** | {' | '.join(row.write(found[row.name]) for row in shown)} |")
    for baseline in metrics["baselines"]:
        cells = [row.write(baseline["metrics"].get(row.name)) for row in shown]
        lines.append(f"| {_plain(baseline['name'])} | {' | '.join(cells)} |")
    if not metrics["baselines"]:
        lines += ["", "No baseline stands beside it, so these figures say little by themselves."]
    return lines


def _data(source: Mapping[str, Any], data: Mapping[str, Any]) -> Iterable[str]:
    counts = ", ".join(f"{write_count(count)} {_plain(part)}" for part, count in data["counts"].items())
    yield f"{_plain(source['name'])}: {counts} ({_plain(data['unit'])}). {_plain(source['why'])}."
    yield ""
    files = data["files"]
    if files:
        yield "| file | size | SHA-256 |"
        yield "|---|---:|---|"
    for file in files[:MOST_FILES]:
        yield f"| {_plain(file['name'])} | {write_bytes(file.get('size_bytes'))} | {file['sha256']} |"
    if len(files) > MOST_FILES:
        yield ""
        yield f"And {len(files) - MOST_FILES:,} more."


def _limits(config: Mapping[str, Any], metrics: Mapping[str, Any]) -> Iterable[str]:
    yield "- It knows what its training part held, errors included; on other data its scores differ."
    if metrics["evaluated_on"] == "validation":
        yield "- There was no test part: the validation part chose the weights and gave the scores."
    if metrics["status"] != "finished" and metrics["metrics"]:
        yield f"- {STATUS[metrics['status']]}"
    yield "- Its files quote the data: words, labels, examples in the report. Look before you pass it on."
    for note in config["notes"][:MOST_NOTES]:
        yield f"- {_plain(note)}"


def _licence(said: str | None) -> list[str]:
    if said is None:
        return [
            "None was said (`recurra train --license NAME`): ask who trained it before you use or pass on the weights."
        ]
    return [f"Of the weights, as it was said when they were trained: {_plain(said)}."]


def _settings(settings: Mapping[str, Mapping[str, Any]]) -> Iterable[str]:
    yield "| setting | value |"
    yield "|---|---|"
    for group in settings.values():
        for name, value in group.items():
            yield f"| {name} | {_plain(write_setting(value))} |"


def _line(text: object) -> str:
    return " ".join(printable(str(text)).split())


def _plain(text: object) -> str:
    """A user's text within Markdown: a line that means nothing but itself."""
    return _MARKS.sub(r"\\\1", html.escape(shortened(_line(text), LONGEST), quote=False))

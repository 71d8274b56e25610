"""README.md of a model folder, from what config.json and metrics.json hold."""

from __future__ import annotations

from typing import Any

import yaml

from recurra.report.metric import Metric
from recurra.report.model_card import model_card

ROWS = (Metric("accuracy", "Accuracy", "accuracy", "%", "higher"), Metric("loss", "Loss", "loss", "nats", "lower"))


def card(*, config: dict[str, Any] | None = None, metrics: dict[str, Any] | None = None) -> str:
    told: dict[str, Any] = {
        "name": "names", "task": "classify", "command": "recurra train names/", "created": "2026-03-02T14:05:00+00:00",
        "settings": {"network": {"cell": "gru", "num_layers": 1, "hidden_size": 64}, "training": {"epochs": 3.0}},
        "source": {"name": "names", "why": "the folder holds 2 files <label>.txt"},
        "data": {
            "files": [{"name": "low.txt", "sha256": "ab" * 32, "size_bytes": 1200}], "unit": "examples",
            "counts": {"train": 400, "test": 50},
        },
        "notes": ["tokens are characters"], "license": None,
    }  # fmt: skip
    scored: dict[str, Any] = {
        "status": "finished", "evaluated_on": "test", "metrics": {"accuracy": 0.93, "loss": 0.2}, "parameters": 1234,
        "seconds": 3.0, "baselines": [{"name": "naive Bayes", "metrics": {"accuracy": 0.9}}],
    }  # fmt: skip
    made = model_card(
        told | (config or {}), scored | (metrics or {}), ROWS, "Text classifier", {"recurra": "1", "torch": "2"}
    )
    return made.decode()


def head(text: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(text.split("---\n")[1])
    return found


def test_it_says_what_how_good_on_what_and_how_to_use_it() -> None:
    text = card()
    assert "# names · gru" in text
    assert "Text classifier (gru, 1 x 64 units, 1,234 parameters)" in text
    assert "| **this model** | 93.0\u00a0% | 0.200 |" in text
    assert "| naive Bayes | 90.0\u00a0% | – |" in text
    assert "400 train, 50 test (examples)" in text
    assert f"| low.txt | 1.2\u00a0kB | {'ab' * 32} |" in text
    assert "- tokens are characters" in text
    assert "None was said" in text
    assert "    recurra train names/" in text
    assert head(text) == {
        "library_name": "recurra",
        "tags": ["recurra", "recurrent-neural-network", "classify", "gru"],
    }


def test_a_licence_is_said_as_hubs_read_it() -> None:
    assert head(card(config={"license": "CC-BY-4.0"}))["license"] == "cc-by-4.0"
    own = head(card(config={"license": 'Ours: ask "us"\n---'}))
    assert (own["license"], own["license_name"]) == ("other", 'Ours: ask "us" ---')


def test_what_is_not_finished_has_no_scores_and_says_so() -> None:
    text = card(metrics={"status": "stopped", "metrics": None})
    assert "The training was stopped" in text
    assert "this model" not in text
    assert "no test part" in card(metrics={"evaluated_on": "validation"})
    assert "No baseline stands beside it" in card(metrics={"baselines": []})


def test_text_of_the_user_stays_text() -> None:
    bad = "a|b <img src=x onerror=alert(1)> [x](y) `c`\n# head"
    text = card(config={"name": bad, "notes": [bad], "command": f"recurra train '{bad}'"})
    assert "<img" not in text.replace(f"    recurra train '{' '.join(bad.split())}'", "")
    assert "\n# head" not in text
    assert text.count("\n# ") == 1
    assert "a\\|b" in text

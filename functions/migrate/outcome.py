"""What a task's end says. Pure: descriptions in, sentences out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

ENOUGH = 3000
"""CloudFormation takes answers of 4096 bytes as JSON, names and ids included."""


def ended(task: Mapping[str, Any]) -> bool:
    return bool(task.get("lastStatus") == "STOPPED")


def failure(task: Mapping[str, Any]) -> str | None:
    """Why a task that has ended did not succeed, or None where every container ended with 0."""
    containers = task.get("containers", [])
    codes = [container.get("exitCode") for container in containers]
    if codes and all(code == 0 for code in codes):
        return None
    reasons = [container["reason"] for container in containers if container.get("reason")]
    said = "; ".join(dict.fromkeys([task.get("stoppedReason") or "it gives no reason", *reasons]))
    exits = ", ".join("none" if code is None else str(code) for code in codes) or "none"
    return f"The migration failed (exit code {exits}): {said}"


def refusal(failures: Sequence[Mapping[str, Any]]) -> str:
    """Why ECS started no task."""
    reasons = "; ".join(f"{each.get('reason', 'no reason')} {each.get('detail', '')}".strip() for each in failures)
    return f"ECS did not start the migration: {reasons or 'it gives no reason'}"


def with_log(sentence: str, lines: Sequence[str]) -> str:
    """The sentence, and as many of the log's last lines as an answer holds."""
    for first in range(len(lines)):
        told = "\n".join([sentence, "Its log ends with:", *lines[first:]])
        if _fits(told):
            return told
    return sentence


def cut(text: str) -> str:
    """As much of the text as an answer holds."""
    while not _fits(text):
        text = text[: len(text) * 9 // 10]
    return text


def _fits(text: str) -> bool:
    return len(json.dumps(text).encode()) <= ENOUGH


def rolling_back(status: str) -> bool:
    """A schema never goes back: the old image cannot migrate a newer one, and failing would wedge the rollback."""
    return "ROLLBACK" in status

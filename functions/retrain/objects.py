"""Which objects of the raw bucket ask for a run, and how a run names one."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import quote

WRITTEN = frozenset({"artifacts", "capture", "dvc", "mlflow", "models", "reports"})
"""Folders that runs and services write to: an event of theirs would start the loop that caused it."""
LONGEST = 1000
"""Characters in the value of a pipeline variable (StartPipelineExecution)."""


def problem_of(key: str) -> str:
    """The first folder; empty where the key has none."""
    return key.split("/", 1)[0] if "/" in key else ""


def refusal(key: str, size: int, problems: Collection[str]) -> str | None:
    """Why this object never asks for a run; None where it does."""
    *folders, name = key.split("/")
    reasons = {
        "written by the pipeline": _written(folders, name),
        "folder marker": not name,
        "unknown problem": problem_of(key) not in problems,
        "empty object": size == 0,
        "name too long": len(quote(key)) > LONGEST - 200,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def location(bucket: str, key: str, version: str | None) -> str:
    """The very version, percent-encoded: a key may hold spaces, `#{`, quotes, or a question mark."""
    where = f"s3://{bucket}/{quote(key)}"
    return f"{where}?versionId={quote(version, safe='')}" if version else where


def _written(folders: list[str], name: str) -> bool:
    hidden = any(part.startswith(("_", ".")) for part in [*folders, name])
    return hidden or any(folder in WRITTEN for folder in folders)

"""What may go wrong with a call, and the one table that gives each its status code."""

from __future__ import annotations

from typing import Any

Problem = dict[str, Any]


class CallError(Exception):
    """A call that is answered with an error; `kind` is its label in the metrics."""

    kind = "call"
    headers: dict[str, str] = {}

    def __init__(self, detail: str | list[Problem]) -> None:
        super().__init__(detail)
        self.detail = detail


class InvalidInput(CallError):  # noqa: N818 - the field's own word for it
    """The body is not a valid row or batch; the detail lists where and why."""

    kind = "invalid_input"


class BodyTooLarge(CallError):  # noqa: N818
    """The body is longer than this route takes."""

    kind = "body_too_large"


class NoModel(CallError):  # noqa: N818
    """Nothing is loaded yet; the caller may try again soon."""

    kind = "no_model"
    headers = {"Retry-After": "5"}


class PredictionFailed(CallError):  # noqa: N818
    """The model gave no finite number for a valid row."""

    kind = "prediction_failed"


STATUS: dict[type[CallError], int] = {InvalidInput: 422, BodyTooLarge: 413, NoModel: 503, PredictionFailed: 500}


def problem(kind: str, where: tuple[str | int, ...], message: str) -> Problem:
    """One entry of FastAPI's 422 answer."""
    return {"type": kind, "loc": ["body", *where], "msg": message}

"""Pipelines move on whatever happens to one turn of their engine."""

from __future__ import annotations

import pytest

from twin.codepipeline import engine


class EnoughError(BaseException):
    """Ends what else has no end."""


def test_a_turn_that_fails_is_followed_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "PERIOD", 0)
    outcomes = iter([OSError("No space left on device"), EnoughError()])

    def turn() -> None:
        raise next(outcomes)

    with pytest.raises(EnoughError):
        engine.forever(turn)

"""A day passes: what the triggers remember grows older, so that nobody waits for a cooldown or for tomorrow."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from functions.retrain.decision import State
from functions.retrain.memory import ChangedError, Table
from twin.folder import TwinError

ATTEMPTS = 20
"""The function may write at any moment, and then the state is read again."""


def age(client: Any, table: str, problem: str, hours: float) -> State:
    """Make all that a problem's state says of the past that much older. `client` is DynamoDB's. Raises TwinError."""
    memory = Table(table, client)
    for _ in range(ATTEMPTS):
        state, revision = memory.load(problem)
        if not revision:
            raise TwinError(f"nothing is remembered of {problem}: put data into the raw bucket first")
        older = aged(state, timedelta(hours=hours))
        try:
            memory.save(problem, older, revision)
        except ChangedError:
            continue
        return older
    raise TwinError(f"the state of {problem} was written {ATTEMPTS} times in a row: try again when no event arrives")


def aged(state: State, by: timedelta) -> State:
    """A run that holds the lock ages too: past its lease, the next run may start beside it."""
    run = state.run
    if run is not None:
        run = run.model_copy(update={"since": run.since - by, "before": _earlier(run.before, by)})
    last = _earlier(state.last, by)
    return state.model_copy(update={"run": run, "last": last, "day": _day(state, by)})


def _earlier(moment: datetime | None, by: timedelta) -> datetime | None:
    return None if moment is None else moment - by


def _day(state: State, by: timedelta) -> date | None:
    """The day whose starts were counted is that of the last one."""
    if state.day is None or state.last is None:
        return state.day
    return state.day - (state.last.date() - (state.last - by).date())

"""Whether a request starts a run, waits, or is refused. Pure: what is known and the time in, what is new out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict

REMEMBERED = 100
"""Started requests that a problem remembers, beyond the records of single events."""

Hindrance = Literal["locked", "cap", "cooldown"]


class Request(BaseModel):
    """A wish for one run. `id` is the same for every delivery of one event; `data` is an object's version or `latest`.

    `sequencer` orders the versions of one `key`; both are empty where no object asks.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    problem: str
    cause: Literal["data", "schedule", "drift"]
    data: str
    reason: str
    at: datetime
    key: str = ""
    sequencer: str = ""


class Run(BaseModel):
    """A claimed start. `execution` is known once it is confirmed; `before` is when the run before it started.

    `doubtful`: an earlier attempt ended without an answer, so the start may have happened.
    """

    model_config = ConfigDict(frozen=True)

    request: Request
    since: datetime
    execution: str | None = None
    before: datetime | None = None
    doubtful: bool = False


class State(BaseModel):
    """All that is known of one problem. It is written as a whole, or not at all."""

    model_config = ConfigDict(frozen=True)

    run: Run | None = None
    parked: Request | None = None
    last: datetime | None = None
    day: date | None = None
    starts: int = 0
    started: tuple[str, ...] = ()


@dataclass(frozen=True)
class Policy:
    """`lease` frees a lock that nobody released; zero: a run holds none. `claim`: longer than one invocation lives."""

    cooldown: timedelta
    daily_cap: int
    lease: timedelta
    claim: timedelta = timedelta(minutes=2)


@dataclass(frozen=True)
class Start:
    """Start this one, which may be a parked one instead of the one that asked. `superseded` needs no run any more."""

    state: State
    request: Request
    superseded: Request | None = None
    expired: bool = False


@dataclass(frozen=True)
class Park:
    """Wait. `superseded` gave its place to newer data."""

    state: State
    reason: Hindrance
    superseded: Request | None = None


@dataclass(frozen=True)
class Refuse:
    """Never, and this is why."""

    state: State
    reason: Literal["duplicate", "stale"] | Hindrance


@dataclass(frozen=True)
class Rest:
    """Nothing to start. `expired`: the lock was held too long and is free now."""

    state: State
    expired: bool = False


def decide(request: Request, state: State, policy: Policy, now: datetime, newest: str = "") -> Start | Park | Refuse:
    """`newest` is the highest sequencer seen for the request's key. Data is never dropped, a clock's wish may be."""
    claimed = _unconfirmed(state)
    if claimed is not None and claimed.request.id == request.id:
        return _again(claimed, state, now)
    if request.id in state.started:
        return Refuse(state, "duplicate")
    if request.sequencer < newest:
        return Refuse(state, "stale")
    hindrance = _hindrance(state, policy, now)
    if hindrance is None:
        return _start(request, state, policy, now)
    if request.cause != "data":
        return Refuse(state, hindrance)
    kept, superseded = _preferred(request, state.parked)
    return Park(state.model_copy(update={"parked": kept}), hindrance, superseded)


def wake(state: State, policy: Policy, now: datetime) -> Start | Rest:
    """What time alone makes due: a start that nobody confirmed, a lock held too long, a request that waited."""
    claimed = _unconfirmed(state)
    if claimed is not None:
        return _again(claimed, state, now) if now - claimed.since >= policy.claim else Rest(state)
    if state.parked is not None and _hindrance(state, policy, now) is None:
        return _start(state.parked, state, policy, now)
    if _expired(state, policy, now):
        return Rest(state.model_copy(update={"run": None}), expired=True)
    return Rest(state)


def confirm(state: State, request: Request, execution: str) -> Rest:
    """The start happened."""
    if state.run is None or state.run.request.id != request.id:
        return Rest(state)
    return Rest(state.model_copy(update={"run": state.run.model_copy(update={"execution": execution})}))


def undo(state: State, request: Request) -> Rest:
    """The start did not happen: as if it had never been claimed, but data waits for its next chance.

    A doubtful claim stays, to be tried until there is an answer: taken back, the day might have one run too many.
    """
    claimed = _unconfirmed(state)
    if claimed is None or claimed.request.id != request.id or claimed.doubtful:
        return Rest(state)
    parked = _preferred(request, state.parked)[0] if request.cause == "data" else state.parked
    before = {"run": None, "last": claimed.before, "starts": max(0, state.starts - 1)}
    started = tuple(one for one in state.started if one != request.id)
    return Rest(state.model_copy(update={**before, "parked": parked, "started": started}))


def release(state: State, execution: str) -> Rest:
    """The run no longer trains: the next may start."""
    if state.run is None or state.run.execution != execution:
        return Rest(state)
    return Rest(state.model_copy(update={"run": None}))


def _unconfirmed(state: State) -> Run | None:
    return state.run if state.run is not None and state.run.execution is None else None


def _again(claimed: Run, state: State, now: datetime) -> Start:
    """Nobody knows whether the start reached its target; the request's id makes a second one the same."""
    counted = {"day": now.date(), "starts": state.starts if state.day == now.date() else 1, "last": now}
    run = claimed.model_copy(update={"since": now, "doubtful": True})
    return Start(state.model_copy(update={**counted, "run": run}), claimed.request)


def _start(request: Request, state: State, policy: Policy, now: datetime) -> Start:
    chosen, superseded = _preferred(request, state.parked)
    starts = state.starts + 1 if state.day == now.date() else 1
    claimed = State(
        run=Run(request=chosen, since=now, before=state.last),
        last=now,
        day=now.date(),
        starts=starts,
        started=(*state.started, chosen.id)[-REMEMBERED:],
    )
    return Start(claimed, chosen, superseded, expired=_expired(state, policy, now))


def _preferred(request: Request, parked: Request | None) -> tuple[Request, Request | None]:
    """The one to keep and the one to drop: data before a mere date, then the newer."""
    if parked is None or parked.id == request.id:
        return request, None
    return (request, parked) if _rank(request, parked) > _rank(parked, request) else (parked, request)


def _rank(one: Request, other: Request) -> tuple[bool, str, datetime]:
    same = one.key == other.key and one.sequencer and other.sequencer
    return one.cause == "data", one.sequencer if same else "", one.at


def _hindrance(state: State, policy: Policy, now: datetime) -> Hindrance | None:
    if state.run is not None and not _expired(state, policy, now):
        held = state.run.execution is None or policy.lease > timedelta(0)
        if held:
            return "locked"
    if state.day == now.date() and state.starts >= policy.daily_cap:
        return "cap"
    if state.last is not None and now - state.last < policy.cooldown:
        return "cooldown"
    return None


def _expired(state: State, policy: Policy, now: datetime) -> bool:
    run = state.run
    return run is not None and run.execution is not None and timedelta(0) < policy.lease <= now - run.since

"""Carries out what is decided: claim, start, confirm. Each step may be the last before a crash."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol, TypeVar

from aws_lambda_powertools import Logger

from .decision import Park, Policy, Refuse, Request, Rest, Start, State, confirm, decide, release, undo, wake
from .memory import ChangedError, Memory
from .starters import Starter

ATTEMPTS = 25
"""Every lost race is somebody's success, so this many writers at once all get their turn."""

HELD_BACK = {"cap": "CapReached", "cooldown": "HeldBack"}
"""What alarms look at, by the reason that kept a request from starting."""

Decided = TypeVar("Decided", bound=Start | Park | Refuse | Rest)


class Meter(Protocol):
    """Counts what happens, by problem and where it applies by reason."""

    def count(self, name: str, problem: str, reason: str = "") -> None: ...


class Retraining:
    """Answers requests of any problem."""

    def __init__(
        self,
        *,
        policy: Policy,
        memory: Memory,
        starter: Starter,
        meter: Meter,
        logger: Logger,
        clock: Callable[[], datetime],
    ) -> None:
        self._policy = policy
        self._memory = memory
        self._starter = starter
        self._meter = meter
        self._logger = logger
        self._clock = clock

    def answer(self, request: Request) -> str:
        """`started`, `parked` or `refused`. Raises what kept a start from happening, with nothing claimed."""
        now = self._clock()
        newest = self._memory.newest(request.key, request.sequencer, now) if request.sequencer else ""
        decision = self._change(request.problem, lambda state: decide(request, state, self._policy, now, newest))
        match decision:
            case Refuse(reason=reason):
                self._tell("Duplicate" if reason == "duplicate" else "Refused", request, reason)
            case Park(reason=reason):
                self._tell("Parked", request, reason)
            case Start():
                self._start(decision)
        if isinstance(decision, Park | Refuse) and decision.reason in HELD_BACK:
            self._meter.count(HELD_BACK[decision.reason], request.problem)
        if isinstance(decision, Park) and decision.superseded is not None:
            self._tell("Superseded", decision.superseded, "newer data")
        return {Refuse: "refused", Park: "parked", Start: "started"}[type(decision)]

    def end(self, problem: str, execution: str) -> str:
        """The run no longer trains; start what waited for it."""
        self._change(problem, lambda state: release(state, execution))
        return self.wake(problem)

    def wake(self, problem: str) -> str:
        """Start what is due by now: `started` or `rested`."""
        now = self._clock()
        decision = self._change(problem, lambda state: wake(state, self._policy, now))
        if isinstance(decision, Start):
            self._start(decision)
            return "started"
        if decision.expired:
            self._meter.count("LockExpired", problem)
        return "rested"

    def _start(self, decision: Start) -> None:
        request = decision.request
        if decision.expired:
            self._meter.count("LockExpired", request.problem)
        if decision.superseded is not None:
            self._tell("Superseded", decision.superseded, "newer data")
        try:
            execution = self._starter.start(request)
        except Exception:
            self._change(request.problem, lambda state: undo(state, request))
            self._tell("StartFailed", request, request.cause)
            raise
        self._change(request.problem, lambda state: confirm(state, request, execution))
        self._tell("Started", request, request.cause, execution=execution)

    def _change(self, problem: str, change: Callable[[State], Decided]) -> Decided:
        """Decide on what is stored, and store it only if that is still what was decided on."""
        for _ in range(ATTEMPTS):
            state, revision = self._memory.load(problem)
            decided = change(state)
            if decided.state == state:
                return decided
            try:
                self._memory.save(problem, decided.state, revision)
            except ChangedError:
                continue
            return decided
        raise ChangedError(f"{problem} was written by others {ATTEMPTS} times in a row")

    def _tell(self, what: str, request: Request, reason: str, **fields: object) -> None:
        self._meter.count(what, request.problem, reason)
        told = {"reason": reason, "request": request.id, "data": request.data, "asked": request.reason}
        self._logger.info(what, extra={"problem": request.problem, **told, **fields})

"""Any order of deliveries, duplicates, crashes, faults, ends and hours, against what must hold after each of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

from aws_lambda_powertools import Logger
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from functions.retrain.decision import Policy, Request
from functions.retrain.retraining import Retraining
from tests.support.retraining import Clock, Counted, Crash, Pipeline, RememberedStates, data

POLICY = Policy(cooldown=timedelta(minutes=30), daily_cap=3, lease=timedelta(hours=3))
THROTTLED, CRASH, CRASH_LATE = "throttled", "crash", "crash after the start"
FAULTS = st.sampled_from(["", "", "", THROTTLED, CRASH, CRASH_LATE])


class Loop(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.clock, self.memory = Clock(), RememberedStates()
        self.pipeline = Pipeline(self.clock)
        self.delivered: list[Request] = []
        self.retraining = Retraining(
            policy=POLICY,
            memory=self.memory,
            starter=self.pipeline,
            meter=Counted(),
            logger=Logger(service="test", level="CRITICAL"),
            clock=self.clock,
        )

    def _try(self, step: Callable[[], Any], fault: str) -> None:
        self.pipeline.fault = {"": None, THROTTLED: RuntimeError(fault)}.get(fault, Crash())
        self.pipeline.late = fault == CRASH_LATE
        with suppress(RuntimeError, Crash):
            step()
        self.pipeline.fault = None

    @rule(cause=st.sampled_from(["data", "data", "schedule", "drift"]), fault=FAULTS)
    def deliver(self, cause: str, fault: str) -> None:
        request = data(len(self.delivered), at=self.clock.now, cause=cause)
        self.delivered.append(request)
        self._try(lambda: self.retraining.answer(request), fault)

    @rule(which=st.integers(min_value=0), fault=FAULTS)
    def deliver_again(self, which: int, fault: str) -> None:
        if self.delivered:
            request = self.delivered[which % len(self.delivered)]
            self._try(lambda: self.retraining.answer(request), fault)

    @rule(fault=FAULTS)
    def a_run_ends(self, fault: str) -> None:
        run = self.memory.load("flights")[0].run
        if run is not None and run.execution is not None:
            execution = run.execution
            self._try(lambda: self.retraining.end("flights", execution), fault)

    @rule(minutes=st.sampled_from([0, 1, 3, 15, 40, 200, 700]), fault=FAULTS)
    def time_passes(self, minutes: int, fault: str) -> None:
        self.clock.forward(minutes=minutes)
        self._try(lambda: self.retraining.wake("flights"), fault)

    @invariant()
    def no_event_is_started_again_unless_its_start_failed(self) -> None:
        for request, calls in self.pipeline.calls.items():
            assert calls - self.pipeline.faults[request] <= 1

    @invariant()
    def no_day_has_more_runs_than_its_cap(self) -> None:
        assert all(runs <= POLICY.daily_cap for runs in Counter(self.pipeline.days.values()).values())

    @invariant()
    def no_data_is_lost(self) -> None:
        """The newest data that was ever asked for has a run, or is waiting for one, or is being started."""
        wanted = [request for request in self.delivered if request.cause == "data"]
        if not wanted:
            return
        state, _ = self.memory.load("flights")
        hoped = {request.at for request in self.pipeline.executions.values() if request.cause == "data"}
        hoped |= {state.parked.at} if state.parked else set()
        hoped |= {state.run.request.at} if state.run else set()
        assert max(request.at for request in wanted) in hoped

    def teardown(self) -> None:
        """In the end, when nothing fails and days pass, everything that waits is started."""
        for _ in range(4):
            run = self.memory.load("flights")[0].run
            if run is not None and run.execution is not None:
                self.retraining.end("flights", run.execution)
            self.clock.forward(days=1)
            self.retraining.wake("flights")
        state, _ = self.memory.load("flights")
        assert state.parked is None
        assert state.run is None or state.run.execution is not None


TestLoop = Loop.TestCase
TestLoop.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)

"""What moves executions: a thread for each action that runs, and one that tells EventBridge.

Both know only what is in the store, so a new process takes up where a killed one was.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable

from twin.cloud import Cloud, ControlError
from twin.codepipeline import execution
from twin.codepipeline.asking import SERVERS_FAULT, TroubledError, ask
from twin.codepipeline.providers.look import Done, Fails, Found, Waits
from twin.codepipeline.roles import Roles
from twin.codepipeline.state import Moment, PipelineState, Run
from twin.codepipeline.store import Store, UnknownPipelineError

PERIOD = 0.3
"""Seconds between two looks at a run."""
TROUBLE = 300.0
"""Seconds for which a service may be unable to answer before the action fails."""
log = logging.getLogger(__name__)


class Engine:
    """`minute` is how many seconds a minute of a timeout lasts; `woken` is set at every change of the store."""

    def __init__(self, store: Store, cloud: Cloud, *, minute: float, woken: threading.Event) -> None:
        self._store = store
        self._control = cloud.control
        self._roles = Roles(cloud)
        self._minute = minute
        self._woken = woken
        self._followed: dict[str, threading.Thread] = {}

    def start(self) -> None:
        for turn in (self._watch, self._tell):
            threading.Thread(target=forever, args=(turn,), name=turn.__name__, daemon=True).start()

    def _watch(self) -> None:
        """Give each run its thread."""
        self._woken.wait(PERIOD)
        self._woken.clear()
        self._followed = {run: thread for run, thread in self._followed.items() if thread.is_alive()}
        for state in self._store.all():
            if any(run.expires and run.expires <= time.time() for run in _running(state)):
                self._change(state.name, lambda state: execution.expire(state, _moment()))
            for run in _running(state):
                if run.id not in self._followed:
                    thread = threading.Thread(target=self._follow, args=(state.name, run.id), daemon=True)
                    self._followed[run.id] = thread
                    thread.start()

    def _follow(self, name: str, run_id: str) -> None:
        trouble: float | None = None
        while (looked := self._running(name, run_id)) is not None:
            state, run = looked
            try:
                self._change(name, _keep(run, ask(self._roles, state, run)))
                trouble = None
            except TroubledError as error:
                trouble = trouble or time.monotonic()
                log.warning("%s %s: %s", name, run.action, error)
                if time.monotonic() - trouble > TROUBLE:
                    self._change(name, _keep(run, Fails("SystemUnavailable", str(error))))
            time.sleep(PERIOD)

    def _running(self, name: str, run_id: str) -> tuple[PipelineState, Run] | None:
        """None when the run has ended, or its pipeline is gone."""
        try:
            state = self._store.get(name)
        except UnknownPipelineError:
            return None
        return next(((state, run) for run in _running(state) if run.id == run_id), None)

    def _change(self, name: str, change: Callable[[PipelineState], None]) -> None:
        try:
            with self._store.change(name) as state:
                change(state)
                execution.advance(state, _moment(), scale=self._minute)
        except UnknownPipelineError:
            log.info("%s is gone", name)

    def _tell(self) -> None:
        """Send what the outboxes hold, oldest first; an event goes out of its box after it was sent."""
        sent = [self._send(state) for state in self._store.all() if state.outbox]
        if not any(sent):
            time.sleep(PERIOD)

    def _send(self, state: PipelineState) -> bool:
        event = state.outbox[0]
        try:
            self._control.post("/events", event)
        except ControlError as error:
            log.warning("%s: an event was not sent: %s", state.name, error)
            if error.status is None or error.status >= SERVERS_FAULT:
                return False
        self._change(state.name, lambda state: state.outbox.remove(event))
        return True


def forever(turn: Callable[[], None]) -> None:
    """One turn after the other, whatever becomes of one."""
    while True:
        try:
            turn()
        except Exception:
            # A full disk, say: who ended here would leave every pipeline standing behind a server that answers.
            log.exception("a turn failed")
            time.sleep(PERIOD)


def _keep(looked_at: Run, found: Found) -> Callable[[PipelineState], None]:
    """What follows from a look, unless the run has changed since: then the next look counts."""

    def change(state: PipelineState) -> None:
        pair = state.find(looked_at.id)
        if pair is None or pair[1] != looked_at:
            return
        owner, run = pair
        match found:
            case Waits(notes=notes):
                for name, value in notes.items():
                    setattr(run, name, value)
            case Done():
                if found.revision is not None:
                    owner.revisions[run.action] = dict(found.revision)
                if found.external is not None:
                    run.external_id, run.external_url = found.external
                execution.succeed(state, run.id, _moment(), summary=found.summary, variables=found.variables)
            case Fails(code=code, message=message):
                execution.fail(state, run.id, _moment(), code=code, message=message)

    return change


def _running(state: PipelineState) -> list[Run]:
    return [run for _, run in state.runs() if run.status == "InProgress"]


def _moment() -> Moment:
    return Moment(time.time(), lambda: str(uuid.uuid4()))

"""Who of the targets is healthy: each is asked again and again, as its group says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from twin.balancer.board import HEALTHY, INITIAL, UNHEALTHY, Board
from twin.balancer.table import Check, Target
from twin.balancer.upstream import Connection, UpstreamError, connect


@dataclass(frozen=True)
class Verdict:
    """A state, and how many answers in a row spoke against it."""

    state: str = INITIAL
    against: int = 0

    def after(self, good: bool, check: Check) -> Verdict:
        """A new target needs one good answer; later it takes as many in a row as the check says."""
        if self.state == INITIAL and good:
            return Verdict(HEALTHY)
        if self.state == (HEALTHY if good else UNHEALTHY):
            return Verdict(self.state)
        needed = check.healthy if good else check.unhealthy
        if self.against + 1 < needed:
            return Verdict(self.state, self.against + 1)
        return Verdict(HEALTHY if good else UNHEALTHY)


class Checks:
    """A task for each target of each group, as long as it is in the table."""

    def __init__(self, board: Board, changed: Callable[[], None]) -> None:
        self._board = board
        self._changed = changed
        self._tasks: dict[tuple[str, Target], asyncio.Task[None]] = {}

    def follow(self) -> None:
        """Start and end checks after the board took another table."""
        for key in self._tasks.keys() - self._board.states.keys():
            self._tasks.pop(key).cancel()
        for key in self._board.states.keys() - self._tasks.keys():
            self._tasks[key] = asyncio.create_task(self._watch(*key))

    def end(self) -> None:
        for task in self._tasks.values():
            task.cancel()

    async def _watch(self, arn: str, target: Target) -> None:
        verdict = Verdict()
        while (group := self._board.table.group(arn)) is not None:
            verdict = verdict.after(await ask(target, group.check), group.check)
            if self._board.states.get((arn, target)) not in {None, verdict.state}:
                self._board.states[arn, target] = verdict.state
                self._changed()
            await asyncio.sleep(group.check.interval)


async def ask(target: Target, check: Check) -> bool:
    """One answer, over a connection of its own."""
    request = (
        f"GET {check.path} HTTP/1.1\r\nhost: {target[0]}:{target[1]}\r\nuser-agent: ELB-HealthChecker/2.0\r\n"
        "connection: close\r\n\r\n"
    )
    connection: Connection | None = None
    try:
        async with asyncio.timeout(check.timeout):
            connection = await connect(target)
            response = await connection.exchange(request.encode(), bodiless=False)
    except (UpstreamError, TimeoutError):
        return False
    finally:
        if connection is not None:
            connection.close()
    return check.accepts(response.status)

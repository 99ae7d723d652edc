"""`python -m twin.balancer FOLDER`: forwards requests until it is asked to end; started and restarted by the keeper."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from pathlib import Path

import uvloop
from botocore.exceptions import BotoCoreError, ClientError

from twin.balancer.board import Board
from twin.balancer.emulator import Line, Metrics
from twin.balancer.health import Checks
from twin.balancer.listeners import Listeners
from twin.balancer.sessions import open_session
from twin.balancer.table import read
from twin.cloud import ControlError
from twin.folder import Twin

POLL = 0.15
REPORT = 1.0
"""Seconds after which the emulator is told again what it was told."""
PUBLISH = 3.0

log = logging.getLogger("twin.balancer")


class Balancer:
    def __init__(self, twin: Twin) -> None:
        self._twin = twin
        self._board = Board()
        self._changed = asyncio.Event()
        self._checks = Checks(self._board, self._changed.set)
        self._listeners = Listeners(self._board, twin)

    async def run(self) -> None:
        """Until SIGTERM or SIGINT."""
        asked = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, asked.set)
        session = await open_session(self._twin.folder)
        work: list[asyncio.Task[None]] = [asyncio.create_task(self._poll()), asyncio.create_task(self._publish())]
        for task in work:
            # Without its table or its reports it is of no use: the keeper starts it anew.
            task.add_done_callback(lambda _: asked.set())
        await asked.wait()
        failed = [task for task in work if task.done()]
        for task in work:
            task.cancel()
        session.close()
        self._checks.end()
        await self._listeners.end()
        for task in failed:
            task.result()

    async def _poll(self) -> None:
        """Go by what the emulator says; while it says nothing, by what it said last."""
        line, told_at, failing = Line(self._twin), 0.0, False
        clock = asyncio.get_running_loop().time
        told: dict[str, object] = {}
        while True:
            try:
                self._board.take(read(await asyncio.to_thread(line.table)))
                self._checks.follow()
                self._listeners.follow()
                report = self._board.report()
                if report != told or clock() - told_at > REPORT:
                    await asyncio.to_thread(line.report, report)
                    told, told_at = report, clock()
                failing = False
            except ControlError as error:
                if not failing:
                    log.warning("the table stays as it is: %s", error)
                failing = True
            await self._pause()

    async def _pause(self) -> None:
        """A moment, or until a target's state changes."""
        try:
            await asyncio.wait_for(self._changed.wait(), POLL)
        except TimeoutError:
            return
        self._changed.clear()

    async def _publish(self) -> None:
        metrics = Metrics(self._twin)
        while True:
            await asyncio.sleep(PUBLISH)
            for batch in self._board.counters.drain():
                try:
                    await asyncio.to_thread(metrics.put, batch)
                except (BotoCoreError, ClientError) as error:
                    log.warning("CloudWatch did not take what was counted: %s", error)


def main() -> None:
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s %(message)s", level=logging.INFO)
    uvloop.run(Balancer(Twin.load(Path(sys.argv[1]))).run())


if __name__ == "__main__":
    main()

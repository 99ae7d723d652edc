"""What the scenes of the loop share: the world, the clock, and what happened so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from twin.loop.runs import Run, await_run
from twin.loop.stopwatch import Stopwatch
from twin.loop.world import World
from twin.toolkit import Toolkit

Say = Callable[[str], None]


@dataclass
class Play:
    """`say` shows a line of progress. `good` are the released versions in the order of their release."""

    world: World
    toolkit: Toolkit
    say: Say
    watch: Stopwatch = field(default_factory=Stopwatch)
    good: list[Run] = field(default_factory=list)

    def bring(self, name: str, data: bytes) -> Run:
        """Put a file where data arrive, a day after the one before, and find the run that it starts."""
        self.world.let_a_day_pass()
        version = self.world.put(name, data)
        self.say(f"put {name}, {len(data) / 1e6:.1f} MB")
        run = await_run(self.world, version)
        self.say(f"run {run.id} started: {run.variables['REASON']}")
        return run

    def turn_down(self, run: Run, why: str) -> None:
        """A person's no, when the loop has come as far as the question."""
        run.await_question()
        run.answer(approve=False, summary=why)
        run.await_end("Failed")
        self.say(f"turned down: {why}")

    def accept(self, run: Run) -> str:
        """A person's yes; the version that is served then."""
        run.await_question()
        version = run.exported("Train")["VERSION"]
        run.answer(approve=True, summary="the report looks right")
        self.say(f"approved: version {version}")
        self.world.await_served(version, seconds=180.0)
        run.await_end("Succeeded")
        self.good.append(run)
        return version

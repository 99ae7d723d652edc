"""What the balancer knows at this moment: its table, whom it found healthy, and what is under way."""

from __future__ import annotations

from collections import Counter
from itertools import count

from twin.balancer.counters import Counters
from twin.balancer.table import Listener, Table, Target
from twin.balancer.upstream import Pool

INITIAL, HEALTHY, UNHEALTHY = "initial", "healthy", "unhealthy"


class Board:
    """Replaced tables keep the states of the targets that stay."""

    def __init__(self) -> None:
        self.table = Table(generation=0)
        self.states: dict[tuple[str, Target], str] = {}
        """Of each group and target."""
        self.busy: Counter[Target] = Counter()
        """Requests under way."""
        self.pool = Pool()
        self.counters = Counters()
        self._turn = count()

    def take(self, table: Table) -> None:
        """Go by another table from now on; whoever left it gets no request any more."""
        before = {target for _, target in self.states}
        listed = [(arn, target) for arn, group in (table.groups or {}).items() for target in group.targets]
        self.states = {each: self.states.get(each, INITIAL) for each in listed}
        self.table = table
        for target in before - {target for _, target in listed}:
            self.pool.forget(target)

    def listener(self, place: tuple[str, int, bool]) -> Listener | None:
        return next((each for each in self.table.listeners if each.place == place), None)

    def target(self, arn: str) -> Target | None:
        """The next one's turn among the healthy; as with AWS among all when none is, and None in an empty group."""
        group = self.table.group(arn)
        if group is None or not group.targets:
            return None
        healthy = [each for each in group.targets if self.states.get((arn, each)) == HEALTHY]
        candidates = healthy or group.targets
        return candidates[next(self._turn) % len(candidates)]

    def healthy(self, arn: str) -> int:
        """How many targets of the group are."""
        return sum(state == HEALTHY for (group, _), state in self.states.items() if group == arn)

    def report(self) -> dict[str, object]:
        """What the emulator is told: states by group and ADDRESS:PORT, and what still drains."""
        health: dict[str, dict[str, str]] = {}
        for (arn, target), state in self.states.items():
            health.setdefault(arn, {})[_name(target)] = state
        busy = sorted(_name(target) for target, number in self.busy.items() if number)
        return {"generation": self.table.generation, "health": health, "busy": busy}


def _name(target: Target) -> str:
    return f"{target[0]}:{target[1]}"

"""What the CDK CLI is doing, read from the lines that it prints: one state a stack, and why one failed."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

EVENT = re.compile(
    r"(?P<stack>\S+) \| +(?P<done>\d+)(?:/(?P<total>\d+))? \| [^|]+ \| (?P<status>[A-Z_]+) +"
    r"\| (?P<type>\S+) +\| (?P<what>.*)"
)
BEGINS = re.compile(r"\S+ \((?P<stack>\S+)\): (?P<verb>deploying|destroying)\.\.\. \[\d+/\d+\]")
ENDS = re.compile(r"\s*✅  \S+ \((?P<stack>\S+)\)(?P<how>.*)")
BOOTSTRAPPED = re.compile(r"\s*✅  Environment \S+ bootstrapped(?P<how>.*)")
FAILS = re.compile(r"(?:\s*❌ .*|.*\b(?:failed:|error:|Error:) .*)")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
CONSEQUENCE = re.compile(r"cancelled|rollback requested by user", re.IGNORECASE)
"""Reasons of resources that failed because another had failed."""


@dataclass
class StackState:
    """How far a stack is; `resources` counts what the CLI counts, the stack itself not included."""

    name: str
    began: float
    resources: int = 0
    total: int = 0
    ended: float | None = None
    outcome: str = ""
    """Empty while it lasts; then done, unchanged or failed."""

    def seconds(self, now: float) -> float:
        return (self.ended or now) - self.began


@dataclass
class Progress:
    """Fed with lines; `clock` counts seconds."""

    clock: Callable[[], float] = time.monotonic
    stacks: dict[str, StackState] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    """Resources that failed, the first cause first: `STACK: PATH: REASON`."""
    complaints: list[str] = field(default_factory=list)
    """What the CLI itself said went wrong."""

    def read(self, line: str) -> bool:
        """Whether something has changed that a person wants to see."""
        line = COLOUR.sub("", line)
        if match := EVENT.search(line):
            self._event(match)
        elif match := BEGINS.match(line):
            self._stack(match["stack"])
        elif match := ENDS.match(line):
            self._ended(match["stack"], "unchanged" if "no changes" in match["how"] else "done")
        elif match := BOOTSTRAPPED.match(line):
            for name in self.stacks:
                self._ended(name, "done")
        else:
            if FAILS.match(line):
                self.complaints.append(line.strip(" ❌"))
            return False
        return True

    def _event(self, match: re.Match[str]) -> None:
        stack = self._stack(match["stack"])
        stack.resources = int(match["done"])
        stack.total = max(stack.total, int(match["total"] or 0))
        if match["status"].endswith("_FAILED"):
            what, _, reason = match["what"].partition(") ")
            if reason and CONSEQUENCE.search(reason) is None:
                self.reasons.append(f"{stack.name}: {what.partition(' (')[0]} ({match['type']}): {reason.strip()}")
        if match["type"] == "AWS::CloudFormation::Stack" and re.search("ROLLBACK|FAILED", match["status"]):
            self._ended(stack.name, "failed")

    def _stack(self, name: str) -> StackState:
        if name not in self.stacks:
            self.stacks[name] = StackState(name, self.clock())
        return self.stacks[name]

    def _ended(self, name: str, outcome: str) -> None:
        stack = self._stack(name)
        stack.ended = self.clock()
        stack.outcome = outcome

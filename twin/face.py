"""What a person sees of a twin: sentences and tables, or one JSON document."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from twin.folder import Twin
from twin.progress import Progress, StackState
from twin.status import Status

COLOURS = {"done": "green", "unchanged": "dim", "failed": "red"}
WIDTH = 64


class StackLines:
    """Watches a command of the CDK CLI: a line a stack when it is done, and on a terminal the one at work."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._told: set[tuple[str, float]] = set()

    def __call__(self, progress: Progress) -> None:
        for stack in progress.stacks.values():
            if stack.outcome and (stack.name, stack.began) not in self._told:
                self._told.add((stack.name, stack.began))
                self._console.print(f"    [{COLOURS[stack.outcome]}]{_line(stack, stack.outcome)}[/]")
        at_work = [stack for stack in progress.stacks.values() if not stack.outcome]
        if at_work and self._console.is_terminal:
            self._console.print(f"    {_line(at_work[-1], '')}", end="\r")


class Face:
    """`as_json` prints the same facts for machines."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.console = Console(highlight=False, soft_wrap=True)
        self._json = as_json

    def born(self, twin: Twin, *, now: bool) -> None:
        if self.document({"folder": str(twin.folder), "endpoint": twin.endpoint, "block": twin.block, "born": now}):
            return
        how = "lives at" if now else "lives already, unchanged, at"
        self.console.print(f"The twin [bold]{twin.folder}[/] {how} {twin.endpoint}")

    def gone(self, folder: str, *, was: bool) -> None:
        if not self.document({"folder": folder, "removed": was}):
            self.console.print(f"The twin in {folder} is gone" if was else f"There is no twin in {folder}")

    def status(self, status: Status) -> None:
        if self.document(asdict(status)):
            return
        life = "[green]lives[/]" if status.alive else "[red]lives no more[/]"
        self.console.print(f"The twin [bold]{status.folder}[/] {life} at {status.endpoint}")
        if status.problem:
            self.console.print(f"  {escape(status.problem)}", style="red")
        for title, facts in (("process", status.processes), ("stack", status.stacks), ("URL", status.urls)):
            if facts:
                self.console.print(_table(title, facts))
        for name, execution in status.pipelines.items():
            told = f"{execution['execution']} {execution['status']}" if execution else "has not run yet"
            self.console.print(f"pipeline {name}: {told}")
        for link in status.waits:
            self.console.print(f"an approval waits: {link}\n  next: [cyan]python -m twin approve[/] or [cyan]reject[/]")

    def say(self, text: str) -> None:
        self.console.print(text, markup=False)

    def document(self, document: Any) -> bool:
        """Whether it was printed: with --json, nothing else is."""
        if self._json:
            sys.stdout.write(json.dumps(document, indent=2, default=str) + "\n")
        return self._json


def _line(stack: StackState, outcome: str) -> str:
    counted = f"{stack.resources}/{stack.total}" if stack.total else str(stack.resources)
    return f"{stack.name:<24}{counted:>9} resources {stack.seconds(time.monotonic()):>6.1f} s  {outcome}".ljust(WIDTH)


def _table(title: str, facts: Any) -> Table:
    table = Table(title, "", box=None, pad_edge=False, header_style="dim")
    for name, value in facts.items():
        table.add_row(name, str(value))
    return table

"""How a benchmark is told: tables for people, one document for machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.measure import Plan, Sample
from bench.results import COLUMNS, Line, Spread, aims, as_document, core_share, generator_share, spreads
from bench.servers import SERVICE, Server

CROWDED = 0.9
"""Below this share of a core a saturated server was waiting for the core or for the load."""


@dataclass(frozen=True)
class Report:
    """All that a benchmark found. `gaps` are the largest differences from scikit-learn."""

    problem: str
    version: int
    plan: Plan
    machine: Mapping[str, Any]
    servers: Sequence[Server]
    gaps: Mapping[str, float]
    headroom: float
    rounds: Sequence[Mapping[str, Sample]]

    def document(self) -> dict[str, Any]:
        return {
            "problem": self.problem,
            "version": self.version,
            "plan": asdict(self.plan),
            "machine": dict(self.machine),
            "largest_difference": dict(self.gaps),
            "generator": {"requests_per_second": self.headroom, "largest_core_share": generator_share(self.rounds)},
            "servers": {
                name: {column: asdict(spread) for column, spread in columns.items()}
                for name, columns in spreads(self.rounds).items()
            },
            "aims": [as_document(line) for line in aims(self.rounds)],
            "rounds": [{name: asdict(sample) for name, sample in samples.items()} for samples in self.rounds],
        }

    def show(self, console: Console) -> None:
        console.print(self._figures())
        console.print(_aims(aims(self.rounds)))
        for note in self._notes():
            console.print(note, style="dim", highlight=False)

    def _figures(self) -> Table:
        plan = self.plan
        table = Table(
            title=f"{self.problem}, version {self.version}: one row a request, {plan.connections} connections",
            caption=f"median, min..max below, of {plan.rounds} interleaved rounds of {plan.seconds:g} s",
        )
        table.add_column("")
        for server in self.servers:
            table.add_column(server.title, justify="right")
        found = spreads(self.rounds)
        for column in COLUMNS:
            cells = [_cell(found[server.name][column.name], column.digits) for server in self.servers]
            table.add_row(column.title, *cells)
        return table

    def _notes(self) -> list[str]:
        machine, pins = self.machine, self.machine["server_core_load_core"]
        versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
        hardware = f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gb']} GB, {machine['system']}"
        pinned = f"servers on core {pins[0]}, load on core {pins[1]}" if pins else "nothing pinned"
        variables = machine["thread_variables"] or "none"
        gaps = ", ".join(f"{name} {gap:.1g}" for name, gap in self.gaps.items()) or "no model was asked"
        fastest = max(spread["requests_per_second"].high for spread in spreads(self.rounds).values())
        headroom = (
            f"{self.headroom:,.0f} requests/s from a server that does nothing, {self.headroom / fastest:.1f} times"
        )
        notes = [
            f"{machine['date']}: {hardware}, Python {machine['python']}, {versions}",
            f"One worker each, {pinned}; thread variables set: {variables}; load average: {machine['load_average']}",
            "CPU and memory are of whole process trees; resident counts a shared page once for each process",
            f"Largest difference from scikit-learn, before anything was timed: {gaps}",
            f"The load generator gets {headroom} the fastest above",
        ]
        if SERVICE in self.rounds[0] and (share := core_share(self.rounds, SERVICE)) < CROWDED:
            notes.append(f"The service had only {share:.0%} of its core: go by CPU per request and the ratios")
        return notes


def _cell(spread: Spread, digits: int) -> str:
    middle, low, high = (_number(value, digits) for value in (spread.median, spread.low, spread.high))
    return f"{middle}\n[dim]{low}..{high}[/dim]"


def _number(value: float, digits: int) -> str:
    """From a hundred on, decimals say nothing."""
    return f"{value:,.{digits if abs(value) < 100.0 else 0}f}"


def _aims(lines: Sequence[Line]) -> Table:
    table = Table(title="this service against its aims")
    for title in ("", "median", "min..max", "aim", ""):
        table.add_column(title, justify="left" if not title else "right")
    for line in lines:
        verdict = {True: "[green]met[/green]", False: "[red]missed[/red]", None: ""}[line.met]
        value = line.value
        spread = f"{_number(value.low, 2)}..{_number(value.high, 2)}"
        table.add_row(line.title, f"{_number(value.median, 2)} {line.unit}", spread, line.aim or "", verdict)
    return table

"""`evergreen prove` and `promote`: what was found about a version, as a person reads it in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ml.commands import REFUSED
from ml.face import print_json
from ml.io import tags
from ml.io.workspace import Workspace

if TYPE_CHECKING:
    from ml.core.bootstrap import Interval
    from ml.core.record import Decision
    from ml.prove import Proof

WHOLE = 1_000.0
"""From here on digits after the point say nothing."""

Name = Annotated[str, typer.Argument(help="The problem: a file in ml/problems.", metavar="PROBLEM")]
Json = Annotated[bool, typer.Option("--json", help="Print the record, decision.json.")]
Number = Annotated[int | None, typer.Option("--version", help="A registered version; by default the challenger.")]
Again = Annotated[bool, typer.Option("--again", help="Allow a version that a person rolled back or rejected.")]
Alone = Annotated[bool, typer.Option("--alone", help="Judge without the champion, which cannot score the rows.")]
Proven = Annotated[bool, typer.Option("--unless-champion", help="Leave a version alone that is the champion already.")]
Why = Annotated[str, typer.Option("--why", help="Why it is released; it is recorded.")]


def prove(
    name: Name,
    version: Number = None,
    again: Again = False,
    alone: Alone = False,
    proven: Proven = False,
    json: Json = False,
) -> None:
    """Compare a version with the champion; write decision.json and report.html. Nothing is released."""
    from ml import prove as proving
    from ml.io.registry import Registry

    workspace = Workspace.here()
    problem = workspace.problem(name)
    champion = Registry(workspace.tracking, name).aliased(tags.CHAMPION) if proven else None
    if champion is not None and champion.number == version:
        _unchanged(name, champion.number, json=json)
        return
    proof = proving.prove(workspace, problem, version, again=again, alone=alone)
    show(proof, json=json, released=False)
    _exit(proof)


def promote(
    name: Name,
    version: Number = None,
    again: Again = False,
    alone: Alone = False,
    why: Why = "the policy allows it",
    json: Json = False,
) -> None:
    """Prove, and approve in your own name when the policy allows it."""
    from ml import prove as proving

    workspace = Workspace.here()
    proof = proving.promote(workspace, workspace.problem(name), version, again=again, alone=alone, why=why)
    show(proof, json=json, released=True)
    _exit(proof)


def show(proof: Proof, *, json: bool = False, released: bool, hints: bool = True) -> None:
    """Print the record, or what a person needs of it: metrics, every rule, and where the page is."""
    decision = proof.decision
    if json:
        print_json(decision.model_dump(mode="json"))
        return
    console = Console(highlight=False, soft_wrap=True)
    if decision.challenger.metrics:
        console.print(_metrics(decision))
    for reason in decision.reasons:
        mark = "[green]ok[/]" if reason.passed else "[red]no[/]"
        console.print(Text.from_markup(f"  {mark} ") + Text(f"{reason.rule}: {reason.text}"))
    console.print(Text(f"  {decision.attached.replay.said}"))
    name, number = decision.problem, decision.challenger.version
    if not decision.promoted:
        console.print(f"[bold red]not promoted[/]: {escape(decision.reason)}")
    elif released:
        console.print(f"[bold green]released[/]: version {number} is the champion")
    else:
        console.print(f"[bold green]may be released[/]: {escape(decision.reason)}")
    console.print(Text(f"  report: {proof.page}"))
    if hints and decision.promoted:
        ask = f'evergreen approve {name}/{number} --by NAME --why "..."'
        console.print(f"  next: [cyan]{f'evergreen serve {name}' if released else ask}[/]")


def _metrics(decision: Decision) -> Table:
    title = f"{decision.problem}: version {decision.challenger.version} on {decision.rows.used:,} held-out rows"
    table = Table(title=title)
    table.add_column("metric")
    models = {"challenger": decision.challenger} | ({"champion": decision.champion} if decision.champion else {})
    for role, judged in models.items():
        table.add_column(f"{role} (version {judged.version})", justify="right")
    for metric in decision.challenger.metrics:
        table.add_row(metric, *(_interval(judged.metrics[metric]) for judged in models.values()))
    return table


def _unchanged(name: str, number: int, *, json: bool) -> None:
    if json:
        print_json({"problem": name, "version": number, "verdict": "champion"})
        return
    Console(highlight=False).print(
        f"[bold]{name}[/] version {number} is the champion already; it needs no new proof", soft_wrap=True
    )


def _interval(interval: Interval) -> str:
    value, low, high = (
        f"{each:,.0f}" if abs(each) >= WHOLE else f"{each:.4f}"
        for each in (interval.value, interval.low, interval.high)
    )
    return f"{value} ({low} to {high})"


def _exit(proof: Proof) -> None:
    if not proof.decision.promoted:
        raise typer.Exit(REFUSED)

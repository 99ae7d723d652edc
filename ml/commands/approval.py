"""`evergreen approve`, `reject` and `history`: who said yes or no to a version, and what became of it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ml.commands import REFUSED, version_of
from ml.errors import UserError
from ml.io.workspace import Workspace

if TYPE_CHECKING:
    from ml.io.journal import Event
    from ml.io.registry import Registry

Which = Annotated[str, typer.Argument(help="A version, such as flights/3.", metavar="PROBLEM/VERSION")]
By = Annotated[str, typer.Option(help="Who says so; it is recorded.", metavar="NAME")]
Why = Annotated[str, typer.Option(help="For what reason; it is recorded.", metavar="TEXT")]
Execution = Annotated[str, typer.Option(help="The pipeline's run that does this.", metavar="TEXT")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def approve(which: Which, by: By, why: Why, execution: Execution = "", json: Json = False) -> None:
    """Release a version by the decision on record, without judging it again; the previous version is restored."""
    from ml.approval import RefusedError
    from ml.approval import approve as approve_version

    registry, number = _registry(which)
    try:
        released = approve_version(registry, number, by=by, why=why, execution=execution)
    except RefusedError as error:
        raise _refused(error) from None
    champion = released.champion
    words = {"already": "is the champion already", "promoted": "is released", "restored": "is served again"}
    document = {"problem": registry.name, "version": champion.number, "digest": champion.digest, "how": released.how}
    _say(document, f"version {champion.number} ({champion.digest[:12]}) {words[released.how]}", json=json)


def reject(which: Which, by: By, why: Why, json: Json = False) -> None:
    """Keep a version from being released until it is proved --again."""
    from ml.approval import RefusedError
    from ml.approval import reject as reject_version

    registry, number = _registry(which)
    try:
        version = reject_version(registry, number, by=by, why=why)
    except RefusedError as error:
        raise _refused(error) from None
    document = {"problem": registry.name, "version": number, "digest": version.digest, "rejected": version.rejected}
    _say(
        document, f"version {number} ({version.digest[:12]}) is rejected; proved --again, it may be released", json=json
    )


def history(name: Annotated[str | None, typer.Argument(metavar="[PROBLEM]")] = None, json: Json = False) -> None:
    """Show who released what, when and why."""
    from ml.face import print_json
    from ml.history import history as history_of
    from ml.io.registry import Registry

    workspace = Workspace.here()
    names = [workspace.problem(each).name for each in ([name] if name else workspace.params().problems)]
    found = {each: history_of(Registry(workspace.tracking, each)) for each in names}
    if json:
        print_json({each: [event.model_dump(mode="json") for event in events] for each, events in found.items()})
        return
    for each, events in found.items():
        _table(each, events)


def _registry(which: str) -> tuple[Registry, int]:
    from ml.io.registry import Registry

    name, number = version_of(which)
    workspace = Workspace.here()
    workspace.problem(name)
    return Registry(workspace.tracking, name), number


def _refused(error: UserError) -> typer.Exit:
    sys.stderr.write(f"error: {error}\n")
    return typer.Exit(REFUSED)


def _say(document: dict[str, Any], text: str, *, json: bool) -> None:
    from ml.face import print_json

    if json:
        print_json(document)
    else:
        sys.stdout.write(f"{document['problem']} {text}\n")


def _table(name: str, events: tuple[Event, ...]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    if not events:
        console.print(f"{name}: nothing released yet", markup=False)
        return
    table = Table(title=name)
    for column in ("at", "what", "version"):
        table.add_column(column, no_wrap=True)
    for column in ("by", "why"):
        table.add_column(column, overflow="fold")
    for event in events:
        by = f"{event.by} in {event.execution}" if event.execution else event.by
        version = f"{event.version} ({event.digest[:8]})"
        # As Text: what people wrote is never read as markup.
        said = (event.at.strftime("%Y-%m-%d %H:%M"), event.happened, version, by, event.why)
        table.add_row(*(Text(_printable(each)) for each in said))
    console.print(table)


def _printable(text: str) -> str:
    """Without characters that would steer a terminal."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)

"""Checks what a deployment needs and says what to do about what is missing. Looks, and changes nothing."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console

from cdk_app.build import chosen
from cdk_app.refusals import ConfigError
from ops.checks import Check, examine

UNWELL = 3
MENDABLE = 2
COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def doctor(
    environment: Annotated[str, typer.Option(help="The environment that you want to deploy.")] = "dev",
    target: Annotated[str | None, typer.Option(help="Where it is to serve, if not where it says.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Exit with 0 when a deployment can start, 3 when something must be done first."""
    try:
        examined = chosen(environment, target)
    except ConfigError as error:
        sys.stderr.write(f"error: {error}\n")
        raise typer.Exit(MENDABLE) from None
    checks = examine(examined)
    if as_json:
        sys.stdout.write(json.dumps([asdict(check) for check in checks], indent=2) + "\n")
    else:
        _show(checks)
    if any(check.state == "fail" for check in checks):
        raise typer.Exit(UNWELL)


def _show(checks: list[Check]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for check in checks:
        console.print(f"[{COLOURS[check.state]}]{check.state:<5}[/]", end="")
        console.print(f"{check.name:<18}{check.found}", markup=False)
        if check.remedy:
            console.print(f"{'':<23}{check.remedy}", markup=False)


if __name__ == "__main__":
    app()

"""`python -m bench`: the service, its ceiling and its peers, side by side.

Exit codes: 0 measured, whether or not the aims are met; 1 a server failed while it was being measured; 2 nothing was
timed, because nothing is trained or a server's answers are wrong; 130 interrupted.
"""

from __future__ import annotations

import json
import signal
import sys
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from bench.errors import BenchError, RefusedError
from bench.machine import describe_machine
from bench.measure import Bench, Plan
from bench.report import Report
from bench.servers import NAMES, build_servers
from bench.trained import load_trained
from ml.errors import UserError
from ml.io.workspace import Workspace

NAMED = ", ".join(NAMES)


def bench(
    rounds: Annotated[int, typer.Option(min=1, help="How often each server is measured.")] = 5,
    seconds: Annotated[float, typer.Option(min=0.1, help="Seconds of one measured window.")] = 3.0,
    connections: Annotated[int, typer.Option(min=1, max=512, help="Keep-alive connections.")] = 16,
    problem: Annotated[str | None, typer.Option(help="A trained problem; insurance or the first by default.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One document on standard output.")] = False,
    only: Annotated[list[str] | None, typer.Option(help=f"Only these of {NAMED}; may be repeated.")] = None,
) -> None:
    """Measure one-row predictions: this service, the same without a predictor, mlflow models serve, a naive app."""
    if unknown := [name for name in only or () if name not in NAMES]:
        raise typer.BadParameter(f"there is no server {unknown[0]!r}; one of {NAMED}")
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        report = _measure(Plan(rounds, seconds, connections), problem, only or list(NAMES))
    except (RefusedError, UserError) as error:
        raise _stop(error, 2) from error
    except BenchError as error:
        raise _stop(error, 1) from error
    except KeyboardInterrupt as error:
        raise _stop("interrupted; every server that was started has ended", 130) from error
    if as_json:
        sys.stdout.write(json.dumps(report.document(), indent=2) + "\n")
    else:
        report.show(Console())


def _measure(plan: Plan, problem: str | None, names: list[str]) -> Report:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("reading the trained model", total=None)
        machine = describe_machine()
        trained = load_trained(Workspace.here(), problem)
        servers = [server for server in build_servers(trained) if server.name in names]
        checks = sum(server.output is not None for server in servers)
        progress.update(task, total=checks + 1 + plan.rounds * len(servers), completed=-1)

        def step(description: str) -> None:
            progress.update(task, description=description, advance=1)

        measure = Bench(trained, plan, step)
        gaps = measure.check(servers)
        headroom = measure.headroom()
        rounds = measure.rounds(servers)
    return Report(
        problem=trained.problem.name,
        version=trained.version,
        plan=plan,
        machine=machine,
        servers=servers,
        gaps=gaps,
        headroom=headroom,
        rounds=rounds,
    )


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _stop(message: object, code: int) -> typer.Exit:
    typer.echo(message, err=True)
    return typer.Exit(code)


def main() -> None:
    application = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    application.command()(bench)
    application(prog_name="python -m bench")


if __name__ == "__main__":
    main()

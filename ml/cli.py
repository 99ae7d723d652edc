"""What a person types. Every command prints what it did and what to do next; --json prints one document."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ml.commands import MENDABLE, REFUSED, approval, insight, proof
from ml.errors import UserError
from ml.face import Face
from ml.io import tags
from ml.io.log import start_logging
from ml.io.workspace import Workspace
from service.bundle import BundleError

# Commands import what they use when they run: scikit-learn and MLflow take seconds, and `--help` needs neither.

EPILOG = "Exit codes: 0 done, 2 something given is wrong (one sentence says what), 3 the policy or a check said no."

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    epilog=EPILOG,
    help="The MLOps loop for tabular models: retrain, prove, release, serve, watch.",
)

Name = Annotated[str, typer.Argument(help="The problem: a file in ml/problems.", metavar="PROBLEM")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Number = Annotated[int | None, typer.Option("--version", help="A registered version; by default the challenger.")]
DATA = "A CSV (.gz, .zip) here or at s3://BUCKET/KEY, latest in EVERGREEN_RAW_BUCKET, or synthetic[:ROWS]."
Data = Annotated[str | None, typer.Option(help=DATA, metavar="PATH")]
Until = Annotated[str | None, typer.Option(help="Let months arrive up to this one, YYYY-MM.", metavar="MONTH")]
Why = Annotated[str, typer.Option("--reason", help="Why this is done; it is recorded.")]
Port = Annotated[int, typer.Option(help="Where to listen; 0 takes a free port.", min=0, max=65_535)]
Host = Annotated[str, typer.Option(help="The address to listen on.")]


@app.command()
def run(
    name: Name, data: Data = None, until: Until = None, port: Port = 8000, host: Host = "127.0.0.1", reason: Why = "run"
) -> None:
    """Train what changed, prove it, release it if the policy allows, and serve the champion."""
    from ml import loop
    from ml.io.registry import Registry
    from ml.prove import promote as promote_version

    port = _free_port(host, port)
    workspace, face = Workspace.here(), Face(hints=False)
    problem = workspace.problem(name)
    trained = loop.train(workspace, problem, data=data, until=until, reason=reason)
    face.trained(problem, trained)
    if tags.CHAMPION not in trained.version.aliases:
        proof.show(promote_version(workspace, problem, why=reason), released=True, hints=False)
    if Registry(workspace.tracking, name).aliased(tags.CHAMPION) is None:
        raise typer.Exit(REFUSED)
    face.serving(problem, host, port)
    _serve(workspace, name, host, port)


@app.command()
def train(name: Name, data: Data = None, until: Until = None, reason: Why = "train", json: Json = False) -> None:
    """Let data arrive, rerun the stages whose inputs changed, and register the result as the challenger."""
    from ml import loop

    workspace = Workspace.here()
    problem = workspace.problem(name)
    Face(json=json).trained(problem, loop.train(workspace, problem, data=data, until=until, reason=reason))


for command in (
    proof.prove,
    proof.promote,
    approval.approve,
    approval.reject,
    approval.history,
    insight.explain,
    insight.reproduce,
):
    app.command()(command)


@app.command()
def report(
    name: Name,
    version: Number = None,
    output: Annotated[str, typer.Option(help="A file here or at s3://BUCKET/KEY.")] = "report.html",
) -> None:
    """Write the last decision about a version as a page, and the record, decision.json, beside it."""
    from ml.io.registry import Registry
    from ml.report import write_report

    workspace = Workspace.here()
    workspace.problem(name)
    sys.stdout.write(f"{write_report(Registry(workspace.tracking, name), version, output)}\n")


@app.command()
def sample(name: Name, until: Until = None, output: Annotated[Path, typer.Option()] = Path("sample.csv.gz")) -> None:
    """Write the real rows that come with a problem as a CSV: something to upload first."""
    from ml.sample import write_sample

    rows = write_sample(Workspace.here().problem(name), until, output)
    sys.stdout.write(f"{output}: {rows} rows\n")


@app.command()
def rollback(
    name: Name,
    reason: Why = "not given",
    execution: Annotated[str, typer.Option(help="Only a champion that this run of the pipeline released.")] = "",
    json: Json = False,
) -> None:
    """Serve the previous version again. The one taken out is not released again unless a person says so."""
    from ml.approval import take_back
    from ml.io.person import person
    from ml.io.registry import Registry

    workspace = Workspace.here()
    problem = workspace.problem(name)
    registry = Registry(workspace.tracking, name)
    if execution:
        done = take_back(registry, execution, reason=reason, by=person())
    else:
        done = registry.rollback(reason, by=person())
    Face(json=json).rolled_back(problem, done)


@app.command()
def status(name: Annotated[str | None, typer.Argument(metavar="[PROBLEM]")] = None, json: Json = False) -> None:
    """Show what is released, what waits, and what was."""
    from ml.io.registry import Registry

    workspace = Workspace.here()
    problems = [workspace.problem(each) for each in ([name] if name else workspace.params().problems)]
    Face(json=json).status([(each, Registry(workspace.tracking, each.name).versions()) for each in problems])


@app.command()
def predict(
    name: Name,
    rows: Annotated[str, typer.Argument(help="A row or a list of rows as JSON, @FILE, or - for standard input.")],
    version: Annotated[int | None, typer.Option("--version", help="By default the champion.")] = None,
    json: Json = False,
) -> None:
    """Predict with a registered version, by the same code that serves it."""
    from ml.predict import predict as predict_rows

    workspace = Workspace.here()
    workspace.problem(name)
    Face(json=json).predicted(predict_rows(workspace, name, version, _given(rows)))


@app.command()
def serve(name: Name, port: Port = 8000, host: Host = "127.0.0.1") -> None:
    """Serve the champion, and the next one as soon as it is released."""
    port = _free_port(host, port)
    workspace = Workspace.here()
    problem = workspace.problem(name)
    Face().serving(problem, host, port)
    _serve(workspace, name, host, port)


def main() -> None:
    """The entry point: mendable errors end with one sentence and code 2, an interrupt with code 130."""
    start_logging()
    try:
        app()
    except (UserError, BundleError) as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(MENDABLE)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; what was registered before stays as it was\n")
        sys.exit(130)


def _free_port(host: str, port: int) -> int:
    """The port, or a free one for 0. A taken one is told before minutes are spent on training."""
    from service.server import StartError, listen

    try:
        with listen(host, port) as listener:
            return int(listener.getsockname()[1])
    except StartError as error:
        raise UserError(str(error)) from error


def _serve(workspace: Workspace, name: str, host: str, port: int) -> None:
    """Become the service: a process without what training has imported."""
    settings: dict[str, Any] = {
        "EVERGREEN_MODEL": name,
        "EVERGREEN_TRACKING_URI": workspace.tracking.uri,
        "EVERGREEN_CACHE": workspace.bundles,
        "EVERGREEN_HOST": host,
        "EVERGREEN_PORT": port,
        "EVERGREEN_CAPTURE": workspace.captured,
    }
    environment = os.environ | {key: str(value) for key, value in settings.items()}
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, "-m", "service"], environment)


def _given(rows: str) -> bytes:
    if rows == "-":
        return sys.stdin.buffer.read()
    if not rows.startswith("@"):
        return rows.encode()
    try:
        return Path(rows[1:]).read_bytes()
    except OSError as error:
        raise UserError(f"{rows[1:]}: the file cannot be read: {error.strerror}") from error


if __name__ == "__main__":
    main()

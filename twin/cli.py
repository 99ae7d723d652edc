"""What a person types: `python -m twin`. Every command is a thin call; --json prints one document."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from twin.face import Face, StackLines
from twin.folder import ROOT, Twin, TwinError

# Commands import what they use when they run: boto3 takes a while, and `env` needs none of it.

MENDABLE = 2
FAILED = 3

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="The cloud on this machine: the same templates, deployed to an emulator, with the whole loop at work.",
    epilog="Exit codes: 0 done, 2 something given or missing (one sentence says what), 3 what was asked for failed.",
)
fault = typer.Typer(no_args_is_help=True, help="Let something fail for a while.")
app.add_typer(fault, name="fault")

Folder = Annotated[Path, typer.Option("--folder", envvar="EVERGREEN_TWIN", help="The twin's folder.", metavar="DIR")]
HERE = ROOT / "var/twin"
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Environment = Annotated[str, typer.Option(help="Which environment is deployed.")]
Target = Annotated[str, typer.Option(help="Where it serves, if not where the environment says: ecs or apprunner.")]
Why = Annotated[str, typer.Option("--reason", help="Why; it is recorded.")]


@app.command()
def up(folder: Folder = HERE, as_json: Json = False) -> None:
    """Bring a twin to life; one that lives already stays as it is."""
    from twin import life

    twin, now = life.up(folder)
    Face(as_json=as_json).born(twin, now=now)


@app.command()
def down(folder: Folder = HERE, as_json: Json = False) -> None:
    """End every process of the twin and remove its folder."""
    from twin import life

    Face(as_json=as_json).gone(str(folder), was=life.down(folder))


@app.command()
def status(folder: Folder = HERE, as_json: Json = False) -> None:
    """Tell its processes, stacks, URLs, and where its pipeline stands."""
    from twin.status import read

    found = read(folder.absolute())
    Face(as_json=as_json).status(found)
    if not found.alive or found.problem:
        raise typer.Exit(FAILED)


@app.command()
def env(folder: Folder = HERE) -> None:
    """Print what makes a shell speak to the twin: eval "$(python -m twin env)", then aws s3 ls."""
    from twin import surroundings

    sys.stdout.write("\n".join(surroundings.exports(Twin.load(folder.absolute()), os.environ)) + "\n")


@app.command()
def loop(folder: Folder = HERE, environment: Environment = "dev", target: Target = "") -> None:
    """Deploy, then drive the whole loop once, and leave everything running."""
    from twin.cloud import Cloud
    from twin.loop.play import Play
    from twin.loop.script import perform
    from twin.loop.world import World
    from twin.status import read
    from twin.toolkit import Toolkit

    face = Face()
    twin = Twin.load(folder.absolute())
    cloud = Cloud(twin)
    world = World(cloud, environment, target or None)
    if world.stack("Serving") in cloud.stacks():
        face.say(f"{environment} is deployed here already; `make twin-down` first to see the loop from its beginning")
    else:
        play = Play(world, Toolkit(twin, StackLines(face.console)), face.say)
        try:
            perform(play)
        except TwinError as error:
            _fail(error, FAILED)
        face.console.print(play.watch.table())
    face.status(read(twin.folder))


@app.command()
def deploy(folder: Folder = HERE, environment: Environment = "dev", target: Target = "") -> None:
    """Synthesise, prepare the account where that is new, and deploy every stack."""
    from twin import seeds
    from twin.cloud import Cloud
    from twin.toolkit import Toolkit

    face = Face()
    twin = Twin.load(folder.absolute())
    toolkit = Toolkit(twin, StackLines(face.console))
    cloud = Cloud(twin)
    try:
        toolkit.synth(environment, target or None)
        if "CDKToolkit" not in cloud.stacks():
            toolkit.bootstrap()
        seeds.sow(cloud, toolkit.assembly)
        toolkit.deploy()
    except TwinError as error:
        _fail(error, FAILED)


@app.command()
def destroy(folder: Folder = HERE, as_json: Json = False) -> None:
    """Destroy every stack, then look into every service for what is left; exit with 3 if that was not expected."""
    from twin import inventory
    from twin.cloud import Cloud
    from twin.toolkit import Toolkit

    face = Face(as_json=as_json)
    twin = Twin.load(folder.absolute())
    try:
        Toolkit(twin, (lambda _: None) if as_json else StackLines(face.console)).destroy()
    except TwinError as error:
        _fail(error, FAILED)
    left = [(each, inventory.reason(each)) for each in inventory.left(Cloud(twin))]
    if not face.document([{**asdict(each), "reason": reason} for each, reason in left]):
        for each, reason in left:
            face.say(f"  {each}: {reason or 'NOT EXPECTED'}")
    if any(reason is None for _, reason in left):
        raise typer.Exit(FAILED)


@app.command()
def put(
    file: Path,
    folder: Folder = HERE,
    problem: Annotated[str, typer.Option(help="Whose data these are.")] = "flights",
    as_json: Json = False,
) -> None:
    """Bring a data file: it starts a run of the pipeline."""
    from twin import person
    from twin.cloud import Cloud

    face = Face(as_json=as_json)
    brought = person.bring(Cloud(Twin.load(folder.absolute())), file, problem)
    if not face.document(asdict(brought)):
        face.say(f"s3://{brought.bucket}/{brought.key} has the version {brought.version}")


@app.command()
def approve(folder: Folder = HERE, reason: Why = "the report looks right") -> None:
    """Say yes to the release that waits."""
    _answer(folder, approve=True, reason=reason)


@app.command()
def reject(folder: Folder = HERE, reason: Why = "a person said no") -> None:
    """Say no to the release that waits; the champion stays."""
    _answer(folder, approve=False, reason=reason)


@app.command()
def logs(
    name: Annotated[str, typer.Argument(help="Part of the name of a process, task, build or function.")],
    folder: Folder = HERE,
    lines: Annotated[int, typer.Option(min=1)] = 20,
    as_json: Json = False,
) -> None:
    """Print the last lines of every log that is called so."""
    from twin.cloud import Cloud
    from twin.logs import last

    face = Face(as_json=as_json)
    found = last(Cloud(Twin.load(folder.absolute())), name, lines)
    if not face.document(found):
        for log, text in found.items():
            face.say(f"{log}:\n{text}")


@fault.command("service")
def fail_service(
    service: Annotated[str, typer.Argument(help="As AWS signs its requests: s3, dynamodb, secretsmanager.")],
    folder: Folder = HERE,
    seconds: Annotated[float, typer.Option(min=0)] = 10.0,
    code: Annotated[str, typer.Option(help="The error's code.")] = "SlowDown",
    http: Annotated[int, typer.Option("--status", help="The HTTP status.", min=400, max=599)] = 503,
) -> None:
    """Let every request of a service fail for a while."""
    from twin.cloud import Control

    document = {"service": service, "status": http, "code": code, "seconds": seconds}
    Control(Twin.load(folder.absolute())).post("/faults", document)
    Face().say(f"{service} answers {http} {code} for {seconds:g} seconds")


@fault.command("kill")
def kill(
    what: Annotated[str, typer.Argument(help="mlflow, service, codepipeline, balancer, postgres")],
    folder: Folder = HERE,
) -> None:
    """Kill a process, as a host that fails would."""
    from twin import person

    for record in person.kill(Twin.load(folder.absolute()), what):
        Face().say(f"killed {record.name} ({record.pid})")


def main() -> None:
    """The application, with its errors as one sentence and an exit code."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        app()
    except (TwinError, BotoCoreError, ClientError) as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(MENDABLE)


def _answer(folder: Path, *, approve: bool, reason: str) -> None:
    from twin import person
    from twin.cloud import Cloud

    question = person.answer(Cloud(Twin.load(folder.absolute())), approve=approve, reason=reason)
    Face().say(f"{'approved' if approve else 'rejected'}: execution {question.execution} of {question.pipeline}")


def _fail(error: TwinError, code: int) -> None:
    sys.stderr.write(f"error: {error}\n")
    raise typer.Exit(code) from None

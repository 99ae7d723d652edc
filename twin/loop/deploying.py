"""From an empty account to a service that waits for its first model: the README's steps for a newcomer."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from twin import seeds
from twin.loop.commands import command
from twin.loop.play import Play


def deploy(play: Play) -> None:
    """Synthesise, bootstrap, deploy, authorise the connection, push the images. Raises TwinError."""
    world, toolkit = play.world, play.toolkit
    steps: tuple[tuple[str, Callable[[], object]], ...] = (
        ("cdk synth", lambda: toolkit.synth(world.environment, world.target)),
        ("cdk bootstrap", toolkit.bootstrap),
        ("what AWS has and the emulator has not", lambda: seeds.sow(world.cloud, toolkit.assembly)),
        ("cdk deploy", toolkit.deploy),
        ("the connection to the repository", lambda: _authorise(play)),
        ("images: pushed, MLflow and the jobs take theirs over", lambda: _images(play)),
    )
    for what, do in steps:
        with play.watch.time(f"  {what}"):
            do()
        play.say(f"  {what}: {play.watch.seconds[f'  {what}']:.1f} s")


def _authorise(play: Play) -> None:
    """What a person does once in the console: Developer Tools, Settings, Connections, Update pending connection."""
    play.world.cloud.control.post("/connections", {"status": "AVAILABLE"})


def _images(play: Play) -> None:
    """The service, too, takes its image over before there is a model: on AWS the first release does it."""
    twin = play.world.cloud.twin
    tags = dict(line.split("=", 1) for line in command(twin, "twin.images", str(twin.folder)).splitlines())
    with ThreadPoolExecutor(2) as pool:
        pushed = pool.submit(command, twin, "ops.images", "push", "--environment", play.world.environment)
        stack = play.world.stack("Serving")
        served = pool.submit(command, twin, "ops.rollout", "--stack", stack, "--image", tags["service"])
        pushed.result()
        served.result()

"""Builds the images, checks them, and brings them where stacks run them. Nothing but Python and a container engine.

python -m ops.images build [NAME...]
python -m ops.images check [--json]
python -m ops.images tag NAME [--platform linux/arm64]
python -m ops.images release NAME --repository URI    the tag on standard output: IMAGE=...
python -m ops.images push --environment dev           all three, and a rollout of each stack that runs one
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable

from ops.aws import AwsError
from ops.engine import Engine, EngineError, build_options
from ops.image_inputs import IMAGES, Image, InputError, context, tag
from ops.image_push import push_environment
from ops.image_release import release

MENDABLE, FAILED = 2, 1


def build(engine: Engine, image: Image, *, name: str, platform: str, pull: bool = False) -> str:
    """Build under that name, with the content's tag, and say how large it became; the full name."""
    named = f"{name}:{tag(image, platform)}"
    sys.stderr.write(f"{image.name}: {named}\n")
    begun = time.monotonic()
    options = [
        *build_options(os.environ, pull=pull),
        f"--label=org.opencontainers.image.version={tag(image, platform)}",
    ]
    engine.build(named, dockerfile=image.dockerfile, context=context(image), platform=platform, options=options)
    size = engine.inspect(named)["Size"] / 1e6
    sys.stderr.write(f"  {size:.0f} MB in {time.monotonic() - begun:.0f} s\n")
    return named


def _build(given: argparse.Namespace) -> int:
    engine = Engine.here()
    built = _build_all(engine, given.names or list(IMAGES), given.platform)
    sys.stdout.write(
        json.dumps(built, indent=1) + "\n" if given.json else "".join(f"{each}\n" for each in built.values())
    )
    return 0


def _check(given: argparse.Namespace) -> int:
    from ops.image_checks import check, document, table

    engine = Engine.here()
    found = check(engine, _build_all(engine, list(IMAGES), None))
    sys.stdout.write((document(found) if given.json else table(found)) + "\n")
    return FAILED if any(each.failures for each in found) else 0


def _tag(given: argparse.Namespace) -> int:
    image = IMAGES[given.name]
    sys.stdout.write(tag(image, given.platform or image.platform) + "\n")
    return 0


def _release(given: argparse.Namespace) -> int:
    image = IMAGES[given.name]
    released = release(image, given.repository, platform=given.platform or image.platform, build=build)
    sys.stdout.write(f"IMAGE={released}\n")
    return 0


def _push(given: argparse.Namespace) -> int:
    push_environment(given.environment, build=build)
    return 0


def _build_all(engine: Engine, names: list[str], platform: str | None) -> dict[str, str]:
    where = platform or engine.platform
    return {name: build(engine, IMAGES[name], name=f"evergreen-{name}", platform=where) for name in names}


def _known(name: str) -> str:
    if name not in IMAGES:
        raise argparse.ArgumentTypeError(f"{name!r} is no image; choose from {', '.join(IMAGES)}")
    return name


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ops.images", description="Build, check and release the images.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, does: Callable[[argparse.Namespace], int], help_: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=help_, description=help_)
        added.set_defaults(does=does)
        return added

    platform = "Such as linux/arm64; by default what runs it in the cloud."
    made = command("build", _build, "Build images for this machine.")
    made.add_argument("names", nargs="*", type=_known, metavar="NAME", help="By default all of them.")
    made.add_argument("--platform", help="Such as linux/arm64; by default the engine's own.")
    made.add_argument("--json", action="store_true", help="Print one JSON document.")
    checked = command("check", _check, "Build all images, run each one hardened, and call it.")
    checked.add_argument("--json", action="store_true", help="Print one JSON document.")
    named = command("tag", _tag, "Print the tag that an image's inputs give.")
    named.add_argument("name", choices=IMAGES)
    named.add_argument("--platform", help=platform)
    released = command("release", _release, "Build and push an image unless its repository has it; print IMAGE=TAG.")
    released.add_argument("name", choices=IMAGES)
    released.add_argument("--repository", required=True, metavar="URI")
    released.add_argument("--platform", help=platform)
    pushed = command("push", _push, "Push all images to an environment and let its stacks run them.")
    pushed.add_argument("--environment", required=True)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Exit codes: 0 done, 1 a check failed, 2 something given or found here is wrong (one sentence says what)."""
    given = _parser().parse_args(arguments)
    try:
        does: Callable[[argparse.Namespace], int] = given.does
        return does(given)
    except (AwsError, EngineError, InputError) as error:
        sys.stderr.write(f"error: {error}\n")
        return MENDABLE


if __name__ == "__main__":
    sys.exit(main())

"""What a process of a twin gets of the outside world: what is named here, so that no real account is ever reached."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from twin.folder import EMULATOR_PYTHON, LOOPBACK, NODE, PYTHON, ROOT, Twin

KEPT = ("LANG", "LC_ALL", "TZ", "EVERGREEN_TWIN_MINUTE")
"""Variables of the person who types that mean the same to a twin."""
NAMES = ROOT / "twin/names"
"""On PYTHONPATH: answers the names of the private zone."""
NODE_MODULES = ROOT / "twin/node/node_modules"
"""What Lambda's Node runtime has and a bare Node has not: AWS' clients."""


def of_a_part(twin: Twin, given: Mapping[str, str] | None = None) -> dict[str, str]:
    """For the twin's own processes: they find the emulator and trust it, and have no credentials."""
    given = os.environ if given is None else given
    kept = {name: given[name] for name in KEPT if name in given}
    places = {
        "HOME": twin.folder / "home",
        "TMPDIR": twin.folder / "tmp",
        "NODE_PATH": NODE_MODULES,
        "PYTHONPATH": NAMES,
    }
    return {
        **kept,
        **{name: str(path) for name, path in places.items()},
        **twin.trust(),
        "PATH": path(given.get("PATH", os.defpath)),
        "PYTHONUNBUFFERED": "1",
    }


def of_the_administrator(twin: Twin, given: Mapping[str, str] | None = None) -> dict[str, str]:
    """For commands that a person would type as the account's owner."""
    return {**of_a_part(twin, given), **twin.administrator()}


def path(given: str) -> str:
    """The project's commands first."""
    return os.pathsep.join(map(str, (PYTHON.parent, NODE, given)))


def exports(twin: Twin, given: Mapping[str, str]) -> list[str]:
    """Lines for a shell that make `aws` and `cdk` speak to this twin, whatever the shell had been set to.

    SSL_CERT_FILE is left out: with it, the shell's other commands would trust nothing else.
    """
    variables = {name: value for name, value in twin.administrator().items() if name != "SSL_CERT_FILE"}
    foreign = sorted(name for name in given if name.startswith("AWS_") and name not in variables)
    commands = os.pathsep.join((str(EMULATOR_PYTHON.parent), path(given.get("PATH", os.defpath))))
    # What is said on loopback goes through nobody's proxy; what the shell excepts besides stays so.
    direct = ",".join(filter(None, (given.get("no_proxy") or given.get("NO_PROXY"), LOOPBACK, "localhost")))
    exported = {**variables, "PATH": commands, "NO_PROXY": direct, "no_proxy": direct}
    lines = [f"unset {' '.join(foreign)}"] if foreign else []
    return lines + [f"export {name}={shlex.quote(value)}" for name, value in exported.items()]


def make_places(folder: Path) -> None:
    for name in ("home", "tmp", "logs", "processes"):
        (folder / name).mkdir(parents=True, exist_ok=True)

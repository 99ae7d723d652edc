"""The database of a twin, with the real server."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from twin import certificates, poll, ports, processes
from twin.emulator import postgres
from twin.emulator.postgres import Postgres, Wish
from twin.folder import Twin

PASSWORD = "p'w x\""


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    # Below the folder of pytest, which only its owner may enter, another user's server could not live.
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    place = ports.take()
    twin = Twin(folder, place.gateway, place.pipeline, place.block, "t")
    certificates.issue(twin)
    yield twin
    place.held.close()
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def database(twin: Twin) -> Iterator[Postgres]:
    parameters = {"rds.force_ssl": "1", "work_mem": "8192", "rds.unknown": "1"}
    database = Postgres(twin, Wish("db", twin.address(2), 5432, "mlflow", PASSWORD, "mlflow", parameters))
    database.create()
    yield database
    database.remove()
    assert not (twin.folder / "postgres/db").exists()


def ask(twin: Twin, what: str, *, password: str = PASSWORD, sslmode: str = "verify-full") -> Any:
    """The first value of the answer; None where a statement has none."""
    with psycopg.connect(
        host=twin.address(2),
        user="mlflow",
        dbname="mlflow",
        password=password,
        sslmode=sslmode,
        sslrootcert=str(twin.ca),
        connect_timeout=3,
    ) as connection:
        answer = connection.execute(what.encode())
        row = answer.fetchone() if answer.description else None
    return row[0] if row else None


def test_its_user_owns_the_database_and_is_no_superuser(twin: Twin, database: Postgres) -> None:
    assert ask(twin, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
    assert ask(twin, "SELECT pg_has_role(datdba, 'member') FROM pg_database WHERE datname = 'mlflow'") is True


def test_its_certificate_is_that_of_the_twin_and_plain_connections_are_refused(twin: Twin, database: Postgres) -> None:
    assert ask(twin, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()") is True
    with pytest.raises(psycopg.OperationalError, match="no encryption"):
        ask(twin, "SELECT 1", sslmode="disable")


def test_a_wrong_password_is_refused(twin: Twin, database: Postgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="password"):
        ask(twin, "SELECT 1", password="another")


def test_parameters_that_postgres_has_are_set(twin: Twin, database: Postgres) -> None:
    assert ask(twin, "SELECT current_setting('work_mem')") == "8MB"


def test_it_comes_back_by_itself_with_its_data(twin: Twin, database: Postgres) -> None:
    ask(twin, "CREATE TABLE kept AS SELECT 7 AS number")
    record = processes.find(twin.folder, "postgres-db")
    assert record is not None
    os.kill(record.pid, signal.SIGKILL)

    def again() -> int | None:
        try:
            return int(ask(twin, "SELECT number FROM kept"))
        except psycopg.OperationalError:
            return None

    assert poll.until("the database answers again", again, seconds=20, every=0.05) == 7


def test_a_reboot_takes_over_parameters(twin: Twin, database: Postgres) -> None:
    database.restart({"work_mem": "16384", "rds.force_ssl": "0"})
    assert ask(twin, "SELECT current_setting('work_mem')", sslmode="disable") == "16MB"


def test_nobody_has_the_password_of_its_superuser(twin: Twin, database: Postgres) -> None:
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(host=twin.address(2), user=postgres.OWNER, password="", dbname="postgres", connect_timeout=3)

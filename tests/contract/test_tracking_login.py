"""The public tracking server asks who is there: the template's own commands, run on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.postgres import Postgres
from tests.support.stacks import template_of
from tests.support.tracking import CERTIFICATE, DOMAIN, Process, container, tracking
from tests.support.tracking_server import SEARCH, ask, migrate, mlflow_of, new_database

pytestmark = pytest.mark.xdist_group("mlflow-server")
ADMIN = ("admin", "a long password of letters")
CONFIG = Path(__file__).parents[2] / "docker" / "mlflow-auth.ini"


@pytest.fixture(scope="module")
def server(postgres: Postgres) -> Iterator[int]:
    template = template_of(tracking("public", certificate=CERTIFICATE, domain=DOMAIN))
    secrets = Process.of(container(template, "Server")).secrets
    assert secrets == {
        "PGPASSWORD",
        "MLFLOW_AUTH_ADMIN_USERNAME",
        "MLFLOW_AUTH_ADMIN_PASSWORD",
        "MLFLOW_FLASK_SERVER_SECRET_KEY",
    }
    given = {
        **new_database(postgres, "tracking_login"),
        "MLFLOW_AUTH_CONFIG_PATH": str(CONFIG),
        "MLFLOW_AUTH_ADMIN_USERNAME": ADMIN[0],
        "MLFLOW_AUTH_ADMIN_PASSWORD": ADMIN[1],
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "a long secret of letters and more of them",
    }
    migrate(template, given)
    with mlflow_of(template, given) as port:
        yield port


@pytest.mark.parametrize(
    ("login", "status"), [(None, 401), (("admin", "password1234"), 401), (("admin", "wrong"), 401), (ADMIN, 200)]
)
def test_only_who_knows_the_password_is_answered(server: int, login: tuple[str, str] | None, status: int) -> None:
    assert ask(server, SEARCH, DOMAIN, login=login)[0] == status


def test_the_balancer_needs_no_login_for_its_health_check(server: int) -> None:
    assert ask(server, "/health", "10.0.1.7:5000")[0] == 200


def test_the_right_password_under_a_wrong_name_is_refused(server: int) -> None:
    assert ask(server, SEARCH, "evil.example.com", login=ADMIN)[0] == 403

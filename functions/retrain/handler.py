"""Events in; one run out for each that deserves one."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.idempotency.persistence.datarecord import DataRecord
from botocore.config import Config

from .decision import Request
from .github import GitHubStarter
from .memory import REMEMBER, Table
from .metrics import EmbeddedMetrics
from .requests import Ended, Refused, Tick, read
from .retraining import Retraining
from .settings import Settings
from .starters import PipelineStarter, Starter

PATIENCE = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "max_attempts": 3})


def handle(event: dict[str, Any], context: Any) -> list[str]:
    """The entry point: what became of each thing that the event asks for."""
    return application().handle(event, context)


@cache
def application() -> Application:
    """Made when the first event arrives, kept for the next."""
    settings = Settings.read(os.environ)
    return Application(settings, starter=_starter(settings), dynamodb=boto3.client("dynamodb", config=PATIENCE))


def _starter(settings: Settings) -> Starter:
    if settings.pipeline is not None:
        return PipelineStarter(settings.pipeline, boto3.client("codepipeline", config=PATIENCE))
    assert settings.repository is not None
    secrets = boto3.client("secretsmanager", config=PATIENCE)
    return GitHubStarter(
        settings.repository,
        lambda: str(secrets.get_secret_value(SecretId=settings.token_secret)["SecretString"]),
        url=settings.github_url,
    )


class Application:
    """Reads events, answers each request once, and goes on with the others when one fails."""

    def __init__(
        self,
        settings: Settings,
        *,
        starter: Starter,
        dynamodb: Any,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings = settings
        self._logger = Logger(service="retrain")
        self._meter = EmbeddedMetrics()
        self._retraining = Retraining(
            policy=settings.policy,
            memory=Table(settings.table, dynamodb),
            starter=starter,
            meter=self._meter,
            logger=self._logger,
            clock=clock,
        )
        self._records = DynamoDBPersistenceLayer(table_name=settings.table, boto3_client=dynamodb)

    def handle(self, event: dict[str, Any], context: Any) -> list[str]:
        """Raises an ExceptionGroup of what failed, once everything has been tried."""
        self._logger.set_correlation_id(str(event.get("id", "")))
        asked = read(event, self._settings.bucket, self._settings.problems)
        steps = [step for one in asked for step in self._steps(one, context)]
        return self._try_all(steps)

    def _steps(self, asked: Request | Refused | Ended | Tick, context: Any) -> list[Callable[[], str]]:
        match asked:
            case Request():
                return [partial(self._once, asked, context)]
            case Refused():
                return [partial(self._refuse, asked)]
            case Ended(execution=execution):
                return [partial(self._retraining.end, problem, execution) for problem in self._settings.problems]
            case Tick():
                return [partial(self._retraining.wake, problem) for problem in self._settings.problems]

    def _once(self, request: Request, context: Any) -> str:
        """A second delivery gets the first one's answer; a first one that died or failed leaves the field to it."""

        def answer(*, identity: str) -> dict[str, str]:
            return {"request": identity, "problem": request.problem, "outcome": self._retraining.answer(request)}

        once = idempotent_function(
            answer,
            data_keyword_argument="identity",
            persistence_store=self._records,
            config=IdempotencyConfig(
                expires_after_seconds=int(REMEMBER.total_seconds()),
                hash_function="sha256",
                lambda_context=context,
                response_hook=self._again,
            ),
            key_prefix="event",
        )
        return str(once(identity=request.id)["outcome"])

    def _again(self, response: Any, idempotent_data: DataRecord) -> Any:
        self._meter.count("Duplicate", response["problem"], "duplicate")
        self._logger.info("Duplicate", extra={"record": idempotent_data.idempotency_key, **response})
        return response

    def _refuse(self, refused: Refused) -> str:
        self._meter.count("Refused", refused.problem or "unknown", refused.reason)
        fields = {"problem": refused.problem, "reason": refused.reason, "detail": refused.detail}
        self._logger.info("Refused", extra=fields)
        return "refused"

    def _try_all(self, steps: Sequence[Callable[[], str]]) -> list[str]:
        outcomes, failures = [], []
        for step in steps:
            try:
                outcomes.append(step())
            except Exception as error:
                self._logger.exception("Failed")
                failures.append(error)
        if failures:
            raise ExceptionGroup("not everything that the event asked for could be done", failures)
        return outcomes

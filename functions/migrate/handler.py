"""Run the migration as a task of its own, wait for its end, and tell CloudFormation."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError

from .outcome import cut, ended, failure, refusal, rolling_back, with_log
from .request import Migration, Request

LOG_LINES = 20

logger = Logger(service="migrate")


class MigrationError(Exception):
    """The database was not migrated; the message is for whoever reads the stack's events."""


@dataclass(frozen=True)
class Patience:
    """In seconds: how often to look, how long a migration may take, between the attempts at an answer."""

    poll: float = 5.0
    most: float = 780.0
    answer: float = 2.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Migrator:
    """The clients and the patience of one invocation."""

    ecs: Any
    logs: Any
    cloudformation: Any
    patience: Patience = Patience()

    def migrate(self, request: Request) -> str:
        """What was done, in a sentence. Raises MigrationError."""
        if request.request_type == "Delete":
            return "The schema stays: it goes with its database"
        migration = request.migration
        if not migration.released:
            return "Nothing to do before an image was released"
        if rolling_back(self._status(request.stack_id)):
            return "Nothing to do in a rollback: the schema never goes back"
        arn = self._start(migration, request.request_id)
        task = self._await_end(migration, arn)
        if reason := failure(task):
            raise MigrationError(with_log(reason, self._log(migration, task)))
        return "The schema is that of the released image"

    def _status(self, stack: str) -> str:
        return str(self.cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"])

    def _start(self, migration: Migration, token: str) -> str:
        """Lambda may deliver a request twice: the same token is the same task, so that there is never a second one."""
        answer = self.ecs.run_task(
            cluster=migration.cluster,
            taskDefinition=migration.task_definition,
            launchType="FARGATE",
            clientToken=token,
            startedBy="cloudformation",
            networkConfiguration={
                "awsvpcConfiguration": {
                    "subnets": list(migration.subnets),
                    "securityGroups": [migration.security_group],
                    "assignPublicIp": migration.public_ip,
                }
            },
        )
        if not answer.get("tasks"):
            raise MigrationError(refusal(answer.get("failures", [])))
        arn = str(answer["tasks"][0]["taskArn"])
        logger.info("started", task=arn, definition=migration.task_definition)
        return arn

    def _await_end(self, migration: Migration, arn: str) -> Mapping[str, Any]:
        deadline = self.patience.clock() + self.patience.most
        while self.patience.clock() < deadline:
            # A task that was just started may not be found yet.
            tasks = self.ecs.describe_tasks(cluster=migration.cluster, tasks=[arn])["tasks"]
            if tasks and ended(tasks[0]):
                return dict(tasks[0])
            self.patience.sleep(self.patience.poll)
        minutes = f"{self.patience.most / 60:g} minutes"
        self.ecs.stop_task(cluster=migration.cluster, task=arn, reason=f"Not done after {minutes}")
        raise MigrationError(
            f"The migration was not done after {minutes} and was stopped; PostgreSQL takes an unfinished one back. "
            f"Run {migration.task_definition} yourself with `aws ecs run-task`, then release the image again."
        )

    def _log(self, migration: Migration, task: Mapping[str, Any]) -> list[str]:
        stream = f"{migration.log_stream}/{str(task['taskArn']).rpartition('/')[2]}"
        try:
            answer = self.logs.get_log_events(
                logGroupName=migration.log_group, logStreamName=stream, limit=LOG_LINES, startFromHead=False
            )
        except (BotoCoreError, ClientError) as error:
            return [] if _is_missing(error) else [f"(the log cannot be read: {error})"]
        return [str(event["message"]) for event in answer["events"]]


def handle(event: dict[str, Any], _context: LambdaContext | None = None) -> None:
    """Entry point of the Lambda. Without an answer CloudFormation would wait until its own timeout."""
    request = Request.model_validate(event)
    migrator = Migrator(ecs=_client("ecs"), logs=_client("logs"), cloudformation=_client("cloudformation"))
    respond(request, migrator)


def respond(request: Request, migrator: Migrator) -> None:
    """Answer the request, whatever comes of it."""
    status = "FAILED"
    try:
        reason = migrator.migrate(request)
        status = "SUCCESS"
    except MigrationError as error:
        reason = str(error)
    except Exception as error:
        # A defect must be answered as well; nobody else would.
        logger.exception("the migration could not be run")
        reason = f"The migration could not be run: {error}"
    logger.info("answering", status=status, reason=reason)
    answer(request, status, reason, migrator.patience)


def answer(request: Request, status: str, reason: str, patience: Patience) -> None:
    """Put the answer where CloudFormation looks for it; three attempts."""
    document = {
        "Status": status,
        "Reason": cut(reason),
        "PhysicalResourceId": request.physical_resource_id,
        "StackId": request.stack_id,
        "RequestId": request.request_id,
        "LogicalResourceId": request.logical_resource_id,
    }
    # The address is signed for a request without a content type.
    put = urllib.request.Request(  # noqa: S310  # the scheme is checked
        request.response_url, data=json.dumps(document).encode(), method="PUT", headers={"Content-Type": ""}
    )
    for attempt in range(3):
        try:
            with urllib.request.urlopen(put, timeout=10):  # noqa: S310
                return
        except OSError:
            if attempt == 2:
                raise
            patience.sleep(patience.answer)


def _is_missing(error: Exception) -> bool:
    """A container that never started has no stream."""
    return isinstance(error, ClientError) and error.response["Error"]["Code"] == "ResourceNotFoundException"


@cache
def _client(name: str) -> Any:
    return boto3.client(name)

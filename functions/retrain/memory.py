"""What is known of each problem, in one DynamoDB table; nothing is written over what one has not read."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Protocol

from botocore.exceptions import ClientError

from .decision import State

REMEMBER = timedelta(days=30)
"""How long an event is recognised: longer than a queue keeps dead letters (14 days)."""


class ChangedError(Exception):
    """Someone else wrote in between: read again."""


class Memory(Protocol):
    """Where states live. A revision of 0 means that there is none yet."""

    def load(self, problem: str) -> tuple[State, int]: ...

    def save(self, problem: str, state: State, revision: int) -> None:
        """Raises ChangedError unless `revision` is still the one stored."""

    def newest(self, key: str, sequencer: str, now: datetime) -> str:
        """The highest sequencer seen of a key, this one included."""


class Table:
    """Items `problem/NAME` hold a state and its revision, items `key/BUCKET/KEY` a sequencer."""

    def __init__(self, name: str, client: Any) -> None:
        self._name = name
        self._client = client

    def load(self, problem: str) -> tuple[State, int]:
        found = self._client.get_item(TableName=self._name, Key=_id("problem", problem), ConsistentRead=True)
        item = found.get("Item")
        if item is None:
            return State(), 0
        return State.model_validate_json(item["state"]["S"]), int(item["revision"]["N"])

    def save(self, problem: str, state: State, revision: int) -> None:
        item = {
            **_id("problem", problem),
            "revision": {"N": str(revision + 1)},
            "state": {"S": state.model_dump_json(exclude_defaults=True)},
        }
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(id)"}
        if revision:
            condition = {
                "ConditionExpression": "revision = :read",
                "ExpressionAttributeValues": {":read": {"N": str(revision)}},
            }
        try:
            self._client.put_item(TableName=self._name, Item=item, **condition)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                raise ChangedError(problem) from error
            raise

    def newest(self, key: str, sequencer: str, now: datetime) -> str:
        forgotten = int((now + REMEMBER).timestamp())
        try:
            self._client.update_item(
                TableName=self._name,
                Key=_id("key", key),
                UpdateExpression="SET sequencer = :this, expiration = :forgotten",
                ConditionExpression="attribute_not_exists(sequencer) OR sequencer <= :this",
                ExpressionAttributeValues={":this": {"S": sequencer}, ":forgotten": {"N": str(forgotten)}},
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return str(error.response["Item"]["sequencer"]["S"])
            raise
        return sequencer


def _id(kind: str, name: str) -> dict[str, Any]:
    return {"id": {"S": f"{kind}/{name}"}}

"""Puts dead letters where they belong, by calls that the queue's policy and the sender's role allow or refuse."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from ministack.core.lambda_runtime import execution_credentials
from ministack.services import cloudwatch, sqs

from twin.emulator.administrator import client
from twin.emulator.dead_letters import Letter
from twin.emulator.role_clients import clients
from twin.folder import ACCOUNT, Twin

log = logging.getLogger("twin.letters")
PATIENCE = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "max_attempts": 3})


def from_a_function(twin: Twin, config: Mapping[str, Any], letter: Letter) -> None:
    """With the function's role, as Lambda sends it; a refusal loses the event and is counted."""
    queue = config["DeadLetterConfig"]["TargetArn"]
    try:
        _put(twin, _of_the_role(twin, config), queue, letter)
        log.info("%s: an event went to %s", config["FunctionName"], queue)
    except (BotoCoreError, ClientError) as error:
        log.warning(
            "%s: an event is lost, its role may not or cannot write to %s: %s", config["FunctionName"], queue, error
        )
        dimensions = {"FunctionName": config["FunctionName"]}
        cloudwatch.record_metric("AWS/Lambda", "DeadLetterErrors", 1, "Count", dimensions)


def from_a_rule(twin: Twin, queue: str | None, rule: str, letter: Letter) -> None:
    """As the service EventBridge, which only the queue's policy can admit."""
    named = {"RuleName": rule.rpartition("/")[2]}
    if queue is None:
        log.warning("%s: an event is lost, its target has no dead-letter queue: %s", rule, letter.attributes)
        return
    if not sqs.queue_policy_allows(queue, "events.amazonaws.com", rule, ACCOUNT):
        log.warning("%s: an event is lost, the policy of %s does not admit the rule", rule, queue)
        cloudwatch.record_metric("AWS/Events", "InvocationsFailedToBeSentToDlq", 1, "Count", named)
        return
    _put(twin, client("sqs"), queue, letter)
    cloudwatch.record_metric("AWS/Events", "InvocationsSentToDlq", 1, "Count", named)
    log.info("%s: an event went to %s: %s", rule, queue, letter.attributes["ERROR_CODE"][1])


def _of_the_role(twin: Twin, config: Mapping[str, Any]) -> Any:
    return clients(twin, execution_credentials(dict(config)), PATIENCE)("sqs")


def _put(twin: Twin, sender: Any, queue: str, letter: Letter) -> None:
    sender.send_message(
        QueueUrl=f"{twin.endpoint}/{ACCOUNT}/{queue.rpartition(':')[2]}",
        MessageBody=letter.body,
        MessageAttributes=letter.message_attributes,
    )

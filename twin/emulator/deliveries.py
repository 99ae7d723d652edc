"""EventBridge and SNS hand on only what the target's own policy admits; a rule's failures are dead letters.

A delivery fails here for good or not at all: nothing on one machine fails only for a moment, so that the retries of a
rule's target (RetryPolicy) are kept in its description and never needed.
"""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from ministack.services import eventbridge, lambda_svc, sns, sqs

from twin.emulator import letters
from twin.emulator.control import needed, route
from twin.emulator.dead_letters import of_a_rule
from twin.emulator.grants import service_may
from twin.emulator.invocations import event_of
from twin.emulator.pace import seconds
from twin.folder import ACCOUNT, Twin

log = logging.getLogger("twin.deliveries")
EVENTS, NOTIFICATIONS = "events.amazonaws.com", "sns.amazonaws.com"
NO_PERMISSIONS, NO_RESOURCE = "NO_PERMISSIONS", "NO_RESOURCE"
MINUTES = re.compile(r"rate\((\d+) minutes?\)")


class UndeliverableError(Exception):
    """The target does not take the event; `code` is EventBridge's word for why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Delivery:
    """One event on its way from a rule to a target."""

    event: Mapping[str, Any]
    rule: str
    target: str
    dead_letters: str | None


_under_way: ContextVar[Delivery] = ContextVar("twin_delivery")


def install(twin: Twin) -> None:
    """Put the questions before MiniStack's own deliveries."""
    to_topic, to_queue, to_target = (
        eventbridge._dispatch_to_sns,
        eventbridge._dispatch_to_sqs,
        eventbridge._invoke_target,
    )

    def from_rule(target: Any, event: Any, rule: Any, view: Any = None) -> None:
        view = view or eventbridge._pattern_event_view(event)
        queue = (target.get("DeadLetterConfig") or {}).get("Arn")
        delivery = Delivery(view.event_with_detail(), rule["Arn"], target["Arn"], queue)
        token = _under_way.set(delivery)
        try:
            to_target(target, event, rule, view)
        finally:
            _under_way.reset(token)

    def asked(ask: Any, deliver: Any) -> Any:
        def dispatch(target: Any, payload: str, *rest: Any) -> None:
            delivery = _under_way.get()
            try:
                ask(str(target), delivery.rule)
            except UndeliverableError as error:
                _bury(twin, delivery, error)
            else:
                deliver(target, payload, *rest)

        return dispatch

    eventbridge._invoke_target = from_rule
    eventbridge._dispatch_to_lambda = asked(_ask_function, _to_function)
    eventbridge._dispatch_to_sns = asked(_ask_topic, to_topic)
    eventbridge._dispatch_to_sqs = asked(_ask_queue, to_queue)
    sns._deliver_to_lambda = _from_topic
    _hurry()


def _ask_function(arn: str, rule: str) -> None:
    found = lambda_svc.function_policy_for_arn(arn)
    if found is None:
        raise UndeliverableError(NO_RESOURCE, f"there is no function {arn}")
    _require(found[0], EVENTS, "lambda:InvokeFunction", arn, rule)


def _ask_topic(arn: str, rule: str) -> None:
    found = sns.topic_policy_for_arn(arn)
    if found is None:
        raise UndeliverableError(NO_RESOURCE, f"there is no topic {arn}")
    _require(found[0], EVENTS, "sns:Publish", arn, rule)


def _ask_queue(arn: str, rule: str) -> None:
    found = sqs.queue_policy_for_arn(arn)
    if found is None:
        raise UndeliverableError(NO_RESOURCE, f"there is no queue {arn}")
    _require(found[0], EVENTS, "sqs:SendMessage", arn, rule)


def _require(policy: Any, service: str, action: str, resource: str, source: str) -> None:
    if not service_may(policy, service=service, action=action, resource=resource, source=source):
        raise UndeliverableError(NO_PERMISSIONS, f"{service} may not {action} on {resource} for {source}")


def _to_function(arn: str, payload: str, *_: Any) -> None:
    found, config, _name = lambda_svc._get_func_record_for_ref(arn)
    lambda_svc.invoke_async_with_retry(lambda_svc._execution_record_for_config(found, config), event_of(payload))


def _bury(twin: Twin, delivery: Delivery, error: UndeliverableError) -> None:
    """On a thread of its own: it calls the emulator, which may be serving the request that caused the event."""
    letter = of_a_rule(delivery.event, rule=delivery.rule, target=delivery.target, code=error.code, error=str(error))
    arguments = (twin, delivery.dead_letters, delivery.rule, letter)
    threading.Thread(target=letters.from_a_rule, args=arguments, daemon=True).start()


def _from_topic(
    endpoint: str, envelope: str, topic: str, subscription: str, _id: str, _message: str, _attributes: Any
) -> None:
    """SNS to Lambda, which MiniStack asks nobody about and tries once."""
    try:
        found = lambda_svc.function_policy_for_arn(endpoint)
        if found is None:
            raise UndeliverableError(NO_RESOURCE, f"there is no function {endpoint}")
        _require(found[0], NOTIFICATIONS, "lambda:InvokeFunction", endpoint, topic)
    except UndeliverableError as error:
        log.warning("%s: a message is lost: %s", topic, error)
        return
    notice = {"EventVersion": "1.0", "EventSubscriptionArn": subscription, "EventSource": "aws:sns"}
    _to_function(endpoint, json.dumps({"Records": [{**notice, "Sns": json.loads(envelope)}]}))


def _hurry() -> None:
    """A rule's rate in minutes goes by the twin's minutes; longer ones are a person's and stay."""
    theirs = eventbridge._parse_rate_seconds

    def rate(expression: str) -> float | None:
        found = MINUTES.fullmatch(expression)
        return seconds(int(found[1])) if found else theirs(expression)

    eventbridge._parse_rate_seconds = rate
    eventbridge._SCHEDULER_TICK_INTERVAL = 1


def send(source: str, kind: str, resources: Sequence[str], detail: Mapping[str, Any]) -> None:
    """An event of a service of AWS on the default bus."""
    entry = {"Source": source, "DetailType": kind, "Resources": list(resources), "Detail": json.dumps(detail)}
    eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)


@route("POST", "/events")
def events(asked: dict[str, Any]) -> dict[str, Any]:
    """{source, detail-type, resources, detail}"""
    source, kind = needed(asked, "source", "detail-type")
    send(source, kind, asked.get("resources") or (), asked.get("detail") or {})
    return {"account": ACCOUNT}

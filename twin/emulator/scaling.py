"""Application Auto Scaling: its targets and policies can be made and described.

A fake: nothing is scaled, so it proves that the templates are accepted, not that load brings tasks.
"""

from __future__ import annotations

from typing import Any

from twin.emulator.additions import Answer, add_service, document, failure, operation, success
from twin.emulator.template_types import Made, Properties, Recorded, add_recorded, arn, fresh, recorded
from twin.folder import Twin

TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"
POLICY = "AWS::ApplicationAutoScaling::ScalingPolicy"
DESCRIBED = {
    "DescribeScalableTargets": (TARGET, "ScalableTargets"),
    "DescribeScalingPolicies": (POLICY, "ScalingPolicies"),
}
SEPARATOR = "|"
SCALED = ("ResourceId", "ScalableDimension", "ServiceNamespace")


def install(_: Twin) -> None:
    add_recorded(TARGET, _target)
    add_recorded(POLICY, _policy)
    add_service(
        "application-autoscaling",
        _handle,
        target_prefixes=["AnyScaleFrontendService"],
        namespace="application-autoscaling",
        resource=lambda _, __: "*",
    )


def _target(properties: Properties) -> Made:
    made = SEPARATOR.join(properties[name] for name in SCALED)
    return made, {"Id": made}


def _policy(properties: Properties) -> Made:
    made = arn("autoscaling", f"scalingPolicy:{fresh()}:policyName/{properties['PolicyName']}")
    return made, {"Arn": made}


async def _handle(_: str, __: str, headers: dict[str, str], body: bytes, ___: dict[str, Any]) -> Answer:
    name = operation(headers)
    if name not in DESCRIBED:
        return failure("ValidationException", f"the twin lacks {name}")
    kind, field = DESCRIBED[name]
    asked = document(body)
    told = [_told(record) for record in recorded(kind)]
    return success({field: [one for one in told if _wanted(one, asked)]})


def _told(record: Recorded) -> dict[str, Any]:
    """As the API has it: a policy names its target by one word in a template and by three here."""
    told = {name: value for name, value in record.properties.items() if name not in {"Tags", "ScalingTargetId"}}
    if target := record.properties.get("ScalingTargetId"):
        told |= dict(zip(SCALED, target.split(SEPARATOR), strict=True)) | {"PolicyARN": record.id}
    limits: dict[str, Any] = {name: int(told[name]) for name in ("MinCapacity", "MaxCapacity") if name in told}
    return {**told, **limits}


def _wanted(told: dict[str, Any], asked: dict[str, Any]) -> bool:
    resources = asked.get("ResourceIds") or [asked.get("ResourceId", told["ResourceId"])]
    return told["ServiceNamespace"] == asked.get("ServiceNamespace") and told["ResourceId"] in resources

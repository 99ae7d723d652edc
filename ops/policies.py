"""Which permissions of a template reach further than one named resource. Pure: templates in, wildcards out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ops.values import flat

NOT_PER_RESOURCE = (
    "autoscaling:Describe*",
    "cloudwatch:GetMetricData",
    "cloudwatch:ListMetrics",
    "cloudwatch:PutMetricData",
    "codepipeline:PutJobFailureResult",
    "codepipeline:PutJobSuccessResult",
    "ec2:Describe*",
    "ecr:GetAuthorizationToken",
    "ecs:DescribeTaskDefinition",
    "elasticloadbalancing:Describe*",
    "lambda:ListFunctions",
    "logs:CreateLogDelivery",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "s3:ListAllMyBuckets",
    "ssm:DescribeParameters",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
    "sts:GetCallerIdentity",
    "xray:GetSamplingRules",
    "xray:GetSamplingStatisticSummaries",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
)
"""Actions without a resource type in AWS's service authorization reference: `*` is all that a statement can say.

Source: docs.aws.amazon.com/service-authorization/latest/reference, read 2026-11; a `*` here ends a family, all of
which are without.
"""

ITSELF = {
    "AWS::KMS::Key": "KeyPolicy",
    "AWS::ECR::Repository": "RepositoryPolicyText",
}
"""Policies that lie on one resource, where `*` means that resource."""

Kind = Literal["resource", "action", "managed"]


@dataclass(frozen=True, order=True)
class Wildcard:
    """`kind`: the resource is open, all actions of a service are given, or AWS wrote the policy."""

    holder: str
    kind: Kind
    action: str
    resource: str

    @property
    def avoidable(self) -> bool:
        """Whether the service could be told a narrower resource."""
        return self.kind != "resource" or not any(covers(known, self.action) for known in NOT_PER_RESOURCE)


def wildcards(template: Mapping[str, Any]) -> list[Wildcard]:
    """Everything in the policies of a template that is open, each action by itself."""
    found: set[Wildcard] = set()
    for name, resource in template.get("Resources", {}).items():
        properties = resource.get("Properties", {})
        for statement in _statements(resource["Type"], properties):
            found.update(_open(name, statement))
        for managed in properties.get("ManagedPolicyArns", []):
            if ":iam::aws:policy" in (policy := flat(managed)):
                found.add(Wildcard(name, "managed", policy.rpartition("/")[2], "*"))
    return sorted(found)


def _statements(kind: str, properties: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for key, value in properties.items():
        if ITSELF.get(kind) == key:
            continue
        if isinstance(value, dict) and isinstance(value.get("Statement"), list):
            yield from value["Statement"]
        if key == "Policies":
            yield from (statement for policy in value for statement in policy["PolicyDocument"]["Statement"])


def _open(holder: str, statement: Mapping[str, Any]) -> Iterator[Wildcard]:
    if statement["Effect"] != "Allow":
        return
    resources = [flat(each) for each in _listed(statement.get("Resource", statement.get("NotResource", [])))]
    opened = [each for each in resources if "NotResource" in statement or _any(each)]
    for action in _listed(statement.get("Action", statement.get("NotAction", []))):
        if "NotAction" in statement or re.fullmatch(r"\*|[\w-]+:\*", action):
            yield Wildcard(holder, "action", action, ", ".join(resources))
        for resource in opened:
            yield Wildcard(holder, "resource", action, resource)


def _any(resource: str) -> bool:
    """Whether it names no resource: `*`, or an ARN with a wildcard where region, account or name should be.

    `${Bucket.Arn}/*`, what lies in one resource, is not open, nor is a name of which only the end is.
    """
    known = re.sub(r"\$\{[^}]*\}", "$", resource)
    if "*" not in known or known.startswith("$"):
        return False
    parts = known.split(":", 5)
    if len(parts) < 6 or any("*" in part for part in parts[:5]):
        return True
    before = parts[5].partition("*")[0]
    # Only S3's names stand without their type, as in `table/`, before them.
    return not (before if parts[2] == "s3" else re.sub(r"^[\w-]+[:/]", "", before))


def covers(known: str, action: str) -> bool:
    """Whether a known action, or family that ends in `*`, is this action."""
    return action == known or (known.endswith("*") and action.startswith(known[:-1]))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]

"""Which resource a call is about, as AWS asks IAM, where MiniStack would ask about another one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twin.folder import ACCOUNT, REGION

Asked = dict[str, Any]
"""The call's JSON, or the fields of its form."""


def arn(service: str, rest: str, account: str = ACCOUNT) -> str:
    return rest if rest.startswith("arn:") else f"arn:aws:{service}:{REGION}:{account}:{rest}"


def ecs(operation: str, asked: Asked) -> str | None:
    """A task or a service is asked about itself, and a task to be run about its definition; not about the cluster."""
    cluster = str(asked.get("cluster") or "default").rpartition("/")[2]
    if operation in {"RunTask", "StartTask"}:
        definition = str(asked.get("taskDefinition", ""))
        named = definition if definition.startswith("arn:") else arn("ecs", f"task-definition/{definition}")
        return named if named.rpartition("/")[2].count(":") else f"{named}:*"
    if operation in {"DescribeTasks", "StopTask"}:
        return _inside(cluster, "task", [*asked.get("tasks", []), asked.get("task")])
    if operation in {"DescribeServices", "UpdateService", "DeleteService", "CreateService"}:
        return _inside(cluster, "service", [*asked.get("services", []), asked.get("service"), asked.get("serviceName")])
    if operation == "DescribeClusters":
        return arn("ecs", f"cluster/{str((asked.get('clusters') or ['default'])[0]).rpartition('/')[2]}")
    if operation in {"DescribeTaskDefinition", "RegisterTaskDefinition", "ListTaskDefinitions"}:
        return "*"
    return None


def codebuild(_: str, asked: Asked) -> str | None:
    """A build's id begins with its project's name."""
    builds = [*asked.get("ids", []), asked.get("id")]
    build = next((str(one) for one in builds if one), "")
    if not build:
        return None
    return arn("codebuild", f"project/{build.rpartition('/')[2].partition(':')[0]}")


def ssm(operation: str, asked: Asked) -> str | None:
    """AWS' public parameters belong to no account."""
    names = [str(name) for name in [asked.get("Name"), asked.get("Path"), *asked.get("Names", [])] if name]
    if not names or not operation.startswith("GetParameter"):
        return None
    account = "" if names[0].startswith("/aws/service/") else ACCOUNT
    return arn("ssm", f"parameter/{names[0].lstrip('/')}", account)


def elasticloadbalancing(operation: str, asked: Asked) -> str | None:
    """What is described is asked about everything; MiniStack knows no rule."""
    if operation.startswith("Describe"):
        return "*"
    return asked.get("RuleArn")


def logs(operation: str, asked: Asked) -> str | None:
    """A group's ARN, as CloudFormation gives it and policies have it, ends with `:*`: all that is in the group.

    Groups are described below their prefix.
    """
    described = operation == "DescribeLogGroups"
    group = asked.get("logGroupNamePrefix", "") if described else asked.get("logGroupName")
    if not group and not described:
        return None
    return arn("logs", f"log-group:{group}:log-stream:{asked.get('logStreamName') or ''}")


NAMED: dict[str, Callable[[str, Asked], str | None]] = {
    "codebuild": codebuild,
    "ecs": ecs,
    "elasticloadbalancing": elasticloadbalancing,
    "logs": logs,
    "ssm": ssm,
}


def _inside(cluster: str, kind: str, named: list[Any]) -> str | None:
    """The first of them; a call about several is asked about that one alone."""
    first = next((str(one) for one in named if one), None)
    return first and arn("ecs", first if first.startswith("arn:") else f"{kind}/{cluster}/{first}")

"""Which resource IAM is asked about."""

from __future__ import annotations

from typing import Any

import pytest

from twin.emulator.resources import NAMED

ECS = "arn:aws:ecs:us-east-1:000000000000"
TASK = f"{ECS}:task/cluster/1"


@pytest.mark.parametrize(
    ("service", "operation", "asked", "resource"),
    [
        ("ecs", "RunTask", {"cluster": "c", "taskDefinition": "f:3"}, f"{ECS}:task-definition/f:3"),
        ("ecs", "RunTask", {"taskDefinition": "f"}, f"{ECS}:task-definition/f:*"),
        ("ecs", "RunTask", {"taskDefinition": f"{ECS}:task-definition/f:3"}, f"{ECS}:task-definition/f:3"),
        ("ecs", "DescribeTasks", {"cluster": f"{ECS}:cluster/c", "tasks": ["1", "2"]}, f"{ECS}:task/c/1"),
        ("ecs", "StopTask", {"cluster": "c", "task": TASK}, TASK),
        ("ecs", "UpdateService", {"cluster": "c", "service": "s"}, f"{ECS}:service/c/s"),
        ("ecs", "DescribeServices", {"services": ["s"]}, f"{ECS}:service/default/s"),
        ("ecs", "DescribeClusters", {"clusters": ["c"]}, f"{ECS}:cluster/c"),
        ("ecs", "DescribeTaskDefinition", {"taskDefinition": "f"}, "*"),
        ("ecs", "ListTasks", {"cluster": "c"}, None),
        ("codebuild", "BatchGetBuilds", {"ids": ["p:1"]}, "arn:aws:codebuild:us-east-1:000000000000:project/p"),
        ("codebuild", "StopBuild", {"id": "p:1"}, "arn:aws:codebuild:us-east-1:000000000000:project/p"),
        ("codebuild", "StartBuild", {"projectName": "p"}, None),
        ("ssm", "GetParameters", {"Names": ["/a/b"]}, "arn:aws:ssm:us-east-1:000000000000:parameter/a/b"),
        ("ssm", "GetParameter", {"Name": "/aws/service/x"}, "arn:aws:ssm:us-east-1::parameter/aws/service/x"),
        ("ssm", "PutParameter", {"Name": "/a"}, None),
        ("logs", "DescribeLogGroups", {"logGroupNamePrefix": "/a"},
         "arn:aws:logs:us-east-1:000000000000:log-group:/a:log-stream:"),
        ("logs", "DescribeLogGroups", {}, "arn:aws:logs:us-east-1:000000000000:log-group::log-stream:"),
        ("logs", "PutLogEvents", {"logGroupName": "/a", "logStreamName": "b"},
         "arn:aws:logs:us-east-1:000000000000:log-group:/a:log-stream:b"),
        ("logs", "TagResource", {"resourceArn": "arn:aws:logs:x"}, None),
        ("elasticloadbalancing", "ModifyRule", {"RuleArn": "arn:aws:elasticloadbalancing:rule"},
         "arn:aws:elasticloadbalancing:rule"),
        ("elasticloadbalancing", "DescribeTargetHealth", {"TargetGroupArn": "arn:group"}, "*"),
        ("elasticloadbalancing", "RegisterTargets", {"TargetGroupArn": "arn:group"}, None),
    ],
)  # fmt: skip
def test_a_call_is_asked_about_what_aws_asks(
    service: str, operation: str, asked: dict[str, Any], resource: str | None
) -> None:
    assert NAMED[service](operation, asked) == resource

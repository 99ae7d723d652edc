"""Who runs a task must be allowed to pass it the task's roles, which MiniStack does not ask."""

from __future__ import annotations

import uuid
from typing import Any

from ministack.core import iam_actions, iam_evaluator, router
from ministack.services import ecs

from twin.emulator.additions import Answer, ServiceHandler, document, operation, wrap_service
from twin.folder import REGION, Twin

ACTION = "iam:PassRole"
TASKS = "ecs-tasks.amazonaws.com"


def install(_: Twin) -> None:
    wrap_service("ecs", _asking)


def _asking(theirs: ServiceHandler) -> ServiceHandler:
    async def handler(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Answer:
        if operation(headers) == "RunTask":
            key = router.extract_access_key_id(headers, query)
            for role in _roles(document(body)):
                if denied := _denied(key, role, headers):
                    return denied
        return await theirs(method, path, headers, body, query)

    return handler


def _roles(asked: dict[str, Any]) -> list[str]:
    """Those of the definition, and those that the call puts in their place."""
    named = str(asked.get("taskDefinition", "")).rpartition("/")[2]
    family = named.partition(":")[0]
    revision = named if ":" in named else f"{family}:{ecs._task_def_latest.get(family)}"
    given = {**(ecs._task_defs.get(revision) or {}), **(asked.get("overrides") or {})}
    return [given[name] for name in ("taskRoleArn", "executionRoleArn") if given.get(name)]


def _denied(key: str, role: str, headers: dict[str, str]) -> Answer | None:
    context = {"iam:PassedToService": TASKS}
    denied = iam_evaluator.enforce(key, ACTION, "iam", REGION, resource_arn=role, service_context=context)
    if denied is None:
        return None
    answer: Answer = iam_actions.access_denied_response(
        "ecs", ACTION, getattr(denied, "principal_arn", ""), str(uuid.uuid4()), headers=headers, resource_arn=role
    )
    return answer

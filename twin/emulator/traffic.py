"""A service's side of its load balancer: who is registered, who gets how much, by the rights of the service's role."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cache
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from ministack.services import alb

from twin.emulator import administrator, credentials, role_clients
from twin.emulator.balancers import reports
from twin.emulator.control import RefusedError
from twin.emulator.deployment import Service, balancer, groups
from twin.emulator.forwarding import forward, shares_of
from twin.folder import Twin

PRINCIPAL = "ecs.amazonaws.com"
ALL = 100
CONFIG = Config(retries={"mode": "standard", "max_attempts": 3}, connect_timeout=5, read_timeout=30, proxies={})
PATIENT = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=900, proxies={})
"""For a function, which must not be called twice for one answer."""


class TrafficError(Exception):
    """AWS would refuse it to the role; the message says what and why."""


def client(twin: Twin, role: str, api: str, config: Config = CONFIG) -> Any:
    """As that role, assumed by ECS. Raises TrafficError."""
    try:
        given = credentials.give({"role": role, "service": PRINCIPAL, "session": "ECSDeployment"})
    except RefusedError as error:
        raise TrafficError(f"ECS cannot assume {role}: {error}") from error
    return role_clients.clients(twin, role_clients.as_variables(given), config)(api)


class Traffic:
    """Of one service. Without a role of its own it acts by ECS' service-linked one, which nobody can take away."""

    def __init__(self, twin: Twin, service: Service) -> None:
        self._twin = twin
        self._service = service
        self._changed_at = 0
        self._as = cache(lambda role: client(twin, role, "elbv2"))

    @property
    def _advanced(self) -> Mapping[str, Any]:
        return (balancer(self._service) or {}).get("advancedConfiguration") or {}

    def lead(self, blue: int, *, weight: int, test: bool) -> bool:
        """Have the rules lead so many percent to the group that is not `blue`; whether the balancer does so.

        Raises TrafficError.
        """
        arns = groups(self._service)
        old, new = arns[blue], arns[1 - blue]
        wanted = {
            self._advanced.get("productionListenerRule"): {old: ALL - weight, new: weight},
            self._advanced.get("testListenerRule"): {old: 0 if test else ALL, new: ALL if test else 0},
        }
        for rule, shares in wanted.items():
            if rule and _leads(rule) != shares:
                self._call("modify_rule", RuleArn=rule, Actions=[forward(shares)])
                self._changed_at = reports.generation
        return reports.follows(self._changed_at) or not reports.runs(time.monotonic())

    def register(self, group: int, address: str) -> None:
        """Raises TrafficError."""
        self._call("register_targets", TargetGroupArn=groups(self._service)[group], Targets=[self._target(address)])

    def deregister(self, group: int, address: str) -> None:
        """Raises TrafficError."""
        self._call("deregister_targets", TargetGroupArn=groups(self._service)[group], Targets=[self._target(address)])

    def state(self, group: int, address: str) -> str | None:
        """What the balancer thinks of the task; None while it knows nothing of it."""
        return reports.state(groups(self._service)[group], (address, self._port))

    def drains(self, group: int, address: str) -> bool:
        return (address, self._port) in reports.draining(groups(self._service)[group])

    def patience(self, group: int) -> float:
        """Seconds that a request may take once its target leaves."""
        found = alb._tg_attrs.get(groups(self._service)[group]) or ()
        given = {each["Key"]: each["Value"] for each in found}
        return float(given.get("deregistration_delay.timeout_seconds", 300))

    @property
    def _port(self) -> int:
        return int((balancer(self._service) or {})["containerPort"])

    def _target(self, address: str) -> dict[str, Any]:
        return {"Id": address, "Port": self._port}

    def _call(self, operation: str, **arguments: Any) -> None:
        role = self._advanced.get("roleArn")
        try:
            getattr(self._as(role) if role else administrator.client("elbv2"), operation)(**arguments)
        except (BotoCoreError, ClientError) as error:
            raise TrafficError(str(error)) from error


def _leads(rule: str) -> dict[str, int]:
    found = alb._rules.get(rule)
    if found is None:
        raise TrafficError(f"there is no listener rule {rule}")
    return {share["TargetGroupArn"]: share["Weight"] for share in shares_of(found["Actions"][-1])}

"""What the balancer process is told of the account's load balancers, and what it tells of their targets."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Mapping
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import alb

from twin.emulator import forwarding, registrations
from twin.emulator.control import Document, route
from twin.emulator.pace import seconds
from twin.emulator.target_report import Reports, Target
from twin.folder import ACCOUNT, REGION, Twin, TwinError

HOSTS = range(10, 100)
PRIVILEGED = 1024
MOVED = 8000
"""What is added to a port that only root may open."""
SHORTEST = 0.25
"""Seconds between two health checks."""
CHANGES = ("Create", "Modify", "Delete", "Register", "Deregister", "Set")
DEFAULT_PRIORITY = 100_000

reports = Reports()
_addresses: dict[str, str] = {}
_others: dict[str, Any] = {}
_lock = threading.Lock()


def install(twin: Twin) -> None:
    forwarding.install()
    for name, handler in list(alb._ACTION_MAP.items()):
        if name.startswith(CHANGES):
            alb._ACTION_MAP[name] = _counted(handler)
    alb._ACTION_MAP["DeregisterTargets"] = _deregister
    alb._ACTION_MAP["DescribeTargetHealth"] = _describe_health

    @route("GET", "/balancers")
    def balancers(_: Document) -> list[Document]:
        # Read before the state: what is told under a number holds all changes up to it.
        generation = reports.generation
        with request_scope(ACCOUNT, REGION):
            told = [_balancer(twin, balancer) for balancer in list(alb._lbs.values())]
        told += [dict(other) for other in list(_others.values())]
        registrations.set_names("balancers", [line for each in told for line in _names(each)])
        return [{**each, "generation": generation} for each in told]


def address(twin: Twin, arn: str) -> str:
    """The one of that load balancer, as long as the twin lives. Raises TwinError."""
    with _lock:
        if arn not in _addresses:
            free = (twin.address(host) for host in HOSTS if twin.address(host) not in _addresses.values())
            found = next(free, None)
            if found is None:
                raise TwinError(f"all {len(HOSTS)} addresses for load balancers are taken")
            _addresses[arn] = found
        return _addresses[arn]


def add(name: str, told: Document) -> None:
    """Have the balancer serve what is no load balancer of the account, or serve it otherwise than before."""
    with _lock:
        _others[name] = told
    reports.changed()


def drop(name: str) -> None:
    with _lock:
        _others.pop(name, None)
        _addresses.pop(name, None)
    reports.changed()


@route("POST", "/balancers/health")
def health(told: Document) -> Document:
    """{generation, health: {GROUP: {ADDRESS:PORT: state}}, busy: [ADDRESS:PORT]}"""
    reports.take(told, time.monotonic())
    return {}


def open_port(port: int) -> int:
    return port + MOVED if port < PRIVILEGED else port


def _counted(handler: Any) -> Any:
    def counted(params: Any) -> Any:
        answer = handler(params)
        reports.changed()
        return answer

    return counted


def _deregister(params: Mapping[str, Any]) -> Any:
    """Those that leave get no request any more and drain."""
    arn = alb._p(params, "TargetGroupArn")
    before = _registered(arn)
    answer = alb._deregister_targets(params)
    for target in set(before) - set(_registered(arn)):
        reports.leave(arn, target)
    return answer


def _registered(arn: str) -> list[Target]:
    usual = (alb._tgs.get(arn) or {}).get("Port", 0)
    return [(each["Id"], int(each.get("Port", usual))) for each in alb._targets.get(arn) or []]


def _balancer(twin: Twin, balancer: Mapping[str, Any]) -> Document:
    arn = balancer["LoadBalancerArn"]
    place = address(twin, arn)
    listeners = [each for each in list(alb._listeners.values()) if each["LoadBalancerArn"] == arn]
    told = [_listener(listener, place) for listener in listeners]
    shares = itertools.chain.from_iterable(rule["targets"] for listener in told for rule in listener["rules"])
    groups = {share["group"]: alb._tgs.get(share["group"]) for share in shares}
    return {
        "name": arn.partition(":loadbalancer/")[2],
        "dns": balancer["DNSName"],
        "listeners": told,
        "groups": {arn: _group(group) for arn, group in groups.items() if group is not None},
    }


def _listener(listener: Mapping[str, Any], place: str) -> Document:
    rules = [rule for rule in list(alb._rules.values()) if rule["ListenerArn"] == listener["ListenerArn"]]
    if not any(rule["IsDefault"] for rule in rules):
        rules.append({"Priority": "default", "Conditions": [], "Actions": listener["DefaultActions"]})
    return {
        "port": listener["Port"],
        "address": place,
        "bind_port": open_port(listener["Port"]),
        "secure": listener["Protocol"] == "HTTPS",
        "rules": [_rule(rule) for rule in rules],
    }


def _rule(rule: Mapping[str, Any]) -> Document:
    action = rule["Actions"][-1]
    told: Document = {
        "priority": DEFAULT_PRIORITY if rule["Priority"] == "default" else int(rule["Priority"]),
        "targets": [
            {"group": share["TargetGroupArn"], "weight": share["Weight"]} for share in forwarding.shares_of(action)
        ],
    }
    for condition in rule["Conditions"]:
        if condition["Field"] == "http-header":
            config = condition["HttpHeaderConfig"]
            told["header"] = {"name": config["HttpHeaderName"], "values": config["Values"]}
        elif condition["Field"] == "path-pattern":
            told["path"] = condition["Values"]
        elif condition["Field"] == "host-header":
            told["host"] = condition["Values"]
        else:
            # A rule whose condition is not understood must not take what is not its own.
            told["path"] = ["no such path"]
    if fixed := action.get("FixedResponseConfig"):
        kind, body = fixed.get("ContentType"), fixed.get("MessageBody", "")
        told["fixed"] = {"status": int(fixed["StatusCode"]), "type": kind, "body": body}
    if action.get("RedirectConfig"):
        told["redirect"] = action["RedirectConfig"]
    return told


def _group(group: Mapping[str, Any]) -> Document:
    return {
        "health": {
            "path": group["HealthCheckPath"],
            "matcher": group["Matcher"]["HttpCode"],
            "interval": max(SHORTEST, seconds(group["HealthCheckIntervalSeconds"] / 60)),
            "timeout": group["HealthCheckTimeoutSeconds"],
            "healthy": group["HealthyThresholdCount"],
            "unhealthy": group["UnhealthyThresholdCount"],
        },
        "targets": [{"address": place, "port": port} for place, port in _registered(group["TargetGroupArn"])],
    }


def _names(told: Mapping[str, Any]) -> list[str]:
    return [
        f"{told['dns']}:{listener['port']} {listener['address']}:{listener['bind_port']}"
        for listener in told["listeners"]
    ]


def _describe_health(params: Mapping[str, Any]) -> Any:
    """With the states that the balancer found; a group that no listener leads to is unused."""
    arn = alb._p(params, "TargetGroupArn")
    if arn not in alb._tgs:
        return alb._error("TargetGroupNotFound", f"Target group '{arn}' not found.")
    asked = {each["Id"] for each in alb._parse_targets_param(params)}
    told = [(target, reports.state(arn, target) or "unused") for target in _registered(arn)]
    told += [(target, "draining") for target in reports.draining(arn)]
    members = "".join(_member(target, state) for target, state in told if not asked or target[0] in asked)
    return alb._xml(200, "DescribeTargetHealth", f"<TargetHealthDescriptions>{members}</TargetHealthDescriptions>")


def _member(target: Target, state: str) -> str:
    return (
        f"<member><Target><Id>{target[0]}</Id><Port>{target[1]}</Port></Target>"
        f"<HealthCheckPort>{target[1]}</HealthCheckPort><TargetHealth><State>{state}</State></TargetHealth></member>"
    )

"""What a load balancer goes by, as the emulator tells it: listeners, rules, target groups."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

Target = tuple[str, int]
"""Address and port."""


@dataclass(frozen=True)
class Share:
    group: str
    weight: int


@dataclass(frozen=True)
class Rule:
    """`fixed` (status, type, body) and `redirect` (of ELB's own fields) answer in place of the targets."""

    header: tuple[str, Sequence[str]] | None
    """A name in small letters, and patterns of which its value must match one."""
    paths: Sequence[str]
    hosts: Sequence[str]
    shares: Sequence[Share]
    fixed: Mapping[str, Any] | None = None
    redirect: Mapping[str, Any] | None = None

    def holds(self, path: str, headers: Mapping[str, str]) -> bool:
        if self.header is not None and not _matches(headers.get(self.header[0]), self.header[1], fold=True):
            return False
        if self.hosts and not _matches(headers.get("host", "").partition(":")[0], self.hosts, fold=True):
            return False
        return not self.paths or _matches(path, self.paths, fold=False)

    def group(self, draw: float) -> str | None:
        """By weight, for a number drawn evenly from [0, 1); None when nothing has any."""
        left = draw * sum(share.weight for share in self.shares)
        for share in self.shares:
            if left < share.weight:
                return share.group
            left -= share.weight
        return None


@dataclass(frozen=True)
class Listener:
    """`port` is the one that clients name, `bind_port` the one that is open at `address`."""

    balancer: str
    port: int
    address: str
    bind_port: int
    secure: bool
    rules: Sequence[Rule]

    @property
    def place(self) -> tuple[str, int, bool]:
        return self.address, self.bind_port, self.secure

    def rule(self, path: str, headers: Mapping[str, str]) -> Rule | None:
        return next((rule for rule in self.rules if rule.holds(path, headers)), None)


@dataclass(frozen=True)
class Check:
    """Seconds and counts; `matcher` such as 200-299,301."""

    path: str
    matcher: str
    interval: float
    timeout: float
    healthy: int
    unhealthy: int

    def accepts(self, status: int) -> bool:
        ranges = (part.partition("-") for part in self.matcher.split(","))
        return any(int(low) <= status <= int(high or low) for low, _, high in ranges)


@dataclass(frozen=True)
class Group:
    arn: str
    balancer: str
    check: Check
    targets: Sequence[Target]


@dataclass(frozen=True)
class Table:
    """`generation` grows with each change that the emulator made."""

    generation: int
    listeners: Sequence[Listener] = ()
    groups: Mapping[str, Group] | None = None

    def group(self, arn: str) -> Group | None:
        return (self.groups or {}).get(arn)


def read(document: Sequence[Mapping[str, Any]]) -> Table:
    """From what GET /_twin/balancers answers."""
    return Table(
        generation=max((each["generation"] for each in document), default=0),
        listeners=[_listener(each["name"], listener) for each in document for listener in each["listeners"]],
        groups={arn: _group(each["name"], arn, group) for each in document for arn, group in each["groups"].items()},
    )


def _listener(balancer: str, told: Mapping[str, Any]) -> Listener:
    rules = sorted(told["rules"], key=lambda rule: rule["priority"])
    return Listener(
        balancer=balancer,
        port=told["port"],
        address=told["address"],
        bind_port=told["bind_port"],
        secure=told["secure"],
        rules=[_rule(rule) for rule in rules],
    )


def _rule(told: Mapping[str, Any]) -> Rule:
    header = told.get("header")
    return Rule(
        header=(header["name"].lower(), header["values"]) if header else None,
        paths=told.get("path", ()),
        hosts=told.get("host", ()),
        shares=[Share(share["group"], share["weight"]) for share in told["targets"]],
        fixed=told.get("fixed"),
        redirect=told.get("redirect"),
    )


def _group(balancer: str, arn: str, told: Mapping[str, Any]) -> Group:
    targets = [(target["address"], target["port"]) for target in told["targets"]]
    return Group(arn, balancer, Check(**told["health"]), targets)


def _matches(value: str | None, patterns: Sequence[str], *, fold: bool) -> bool:
    return value is not None and any(_pattern(each, fold).fullmatch(value) for each in patterns)


@cache
def _pattern(pattern: str, fold: bool) -> re.Pattern[str]:
    """`*` and `?` are the wildcards; header values and host names know no case, paths do."""
    text = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(text, re.DOTALL | (re.IGNORECASE if fold else 0))

"""Forwarding by weight, which MiniStack's load balancers neither take, keep nor tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

from ministack.services import alb
from ministack.services.cloudformation import provisioners

Action = dict[str, Any]
Share = dict[str, Any]
"""TargetGroupArn and Weight."""
FIELD = "ForwardConfig"


def install() -> None:
    """Through the API, in templates, and in what is described."""
    parse, show, provision = alb._parse_actions, alb._action_xml, provisioners._elbv2_listener_actions

    def parsed(params: Mapping[str, Any], prefix: str = "DefaultActions") -> list[Action]:
        actions: list[Action] = parse(params, prefix)
        for number, action in enumerate(actions, 1):
            if shares := _shares(params, f"{prefix}.member.{number}.{FIELD}.TargetGroups.member"):
                action[FIELD] = {"TargetGroups": shares}
        return actions

    def shown(action: Action) -> str:
        told: str = show(action)
        if FIELD not in action:
            return told
        groups = "".join(
            f"<member><TargetGroupArn>{escape(share['TargetGroupArn'])}</TargetGroupArn>"
            f"<Weight>{share['Weight']}</Weight></member>"
            for share in shares_of(action)
        )
        config = f"<{FIELD}><TargetGroups>{groups}</TargetGroups></{FIELD}>"
        return told.removesuffix("</member>") + config + "</member>"

    def provisioned(properties: Mapping[str, Any], balancer: Any, prop: str = "DefaultActions") -> list[Action]:
        actions: list[Action] = provision(properties, balancer, prop)
        given = [each for each in properties.get(prop) or [] if isinstance(each, dict)]
        for action, each in zip(actions, given, strict=True):
            if each.get(FIELD):
                action[FIELD] = {"TargetGroups": [_typed(share) for share in each[FIELD]["TargetGroups"]]}
        return actions

    alb._parse_actions = parsed
    alb._action_xml = shown
    provisioners._elbv2_listener_actions = provisioned


def shares_of(action: Mapping[str, Any]) -> Sequence[Share]:
    """Who gets how much of what a forward action takes."""
    if FIELD in action:
        shares: Sequence[Share] = action[FIELD]["TargetGroups"]
        return shares
    return [_typed(action)] if action.get("TargetGroupArn") else []


def forward(shares: Mapping[str, int]) -> Action:
    """The action for ModifyRule, from target group to weight."""
    groups = [{"TargetGroupArn": group, "Weight": weight} for group, weight in shares.items()]
    return {"Type": "forward", FIELD: {"TargetGroups": groups}}


def _shares(params: Mapping[str, Any], prefix: str) -> list[Share]:
    shares: list[Share] = []
    while group := alb._p(params, f"{prefix}.{len(shares) + 1}.TargetGroupArn"):
        weight = alb._p(params, f"{prefix}.{len(shares) + 1}.Weight", "1")
        shares.append({"TargetGroupArn": group, "Weight": int(weight)})
    return shares


def _typed(share: Mapping[str, Any]) -> Share:
    """Templates may give numbers as texts; a group alone has all."""
    return {"TargetGroupArn": share["TargetGroupArn"], "Weight": int(share.get("Weight", 1))}

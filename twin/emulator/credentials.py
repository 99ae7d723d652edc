"""Credentials of a role, for the services that the twin stands in for."""

from __future__ import annotations

import json
from typing import Any

from ministack.core import iam_evaluator
from ministack.services import iam, sts

from twin.emulator.control import Document, RefusedError, needed, route
from twin.folder import ACCOUNT, REGION, Twin

ASSUME = "sts:AssumeRole"


def install(_: Twin) -> None:
    """Nothing: importing this module gave the route."""


@route("POST", "/credentials")
def give(asked: Document) -> dict[str, str]:
    """For a service's principal, or for `principal`, another role's ARN. `context` has what conditions ask for."""
    role, session = needed(asked, "role", "session")
    name = role_name(role)
    trust = role_document(name)["AssumeRolePolicyDocument"]
    context = {key.lower(): value for key, value in (asked.get("context") or {}).items()}
    if asked.get("principal"):
        taker, admitted = asked["principal"], _admits_role(trust, role, asked["principal"], context)
    else:
        (taker,) = needed(asked, "service")
        admitted = admits_service(trust, taker, context)
    if not admitted:
        reason = f"the trust policy of {name} does not admit {taker}"
        raise RefusedError(403, reason, reason=reason)
    return session_of(name, session)


def session_of(name: str, session: str) -> dict[str, str]:
    """Credentials that last as long as the twin: a fake, as AWS' end and are fetched anew."""
    role = role_document(name)
    given = {
        "AccessKeyId": sts._gen_session_access_key(),
        "SecretAccessKey": sts._gen_secret(),
        "SessionToken": sts._gen_session_token(),
    }
    sts.register_session(given["AccessKeyId"], {
        "Arn": session_arn(name, session),
        "UserId": f"{role['RoleId']}:{session}",
        "SecretAccessKey": given["SecretAccessKey"],
        "SessionToken": given["SessionToken"],
        "AccountId": ACCOUNT,
        "PrincipalType": "AssumedRole",
    })  # fmt: skip
    return given


def session_arn(name: str, session: str) -> str:
    return f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{session[:64]}"


def role_name(role: str) -> str:
    """From an ARN or a name."""
    return role.rpartition("/")[2]


def role_document(name: str) -> dict[str, Any]:
    """What IAM knows of it. Raises RefusedError (404)."""
    found = iam._roles.get_scoped(ACCOUNT, None, name)
    if found is None:
        raise RefusedError(404, f"there is no role {name}")
    return dict(found)


def admits_service(trust: str | Document, service: str, context: Document) -> bool:
    """Whether a statement names the service's principal, with its conditions met and nothing denied."""
    parsed = json.loads(trust) if isinstance(trust, str) else trust
    statements = parsed["Statement"] if isinstance(parsed["Statement"], list) else [parsed["Statement"]]
    named = [one for one in statements if iam_evaluator._service_principal_matches(one.get("Principal"), service)]
    asked = _asked(service, "Service", "*", context)
    policy = iam_evaluator.parse_policy_document({"Statement": named})
    return bool(iam_evaluator.evaluate(asked, [policy]).decision == "Allow")


def _admits_role(trust: str | Document, role: str, principal: str, context: Document) -> bool:
    """A trust policy that names the account alone leaves it to the policies of the one who asks."""
    name = role_name(principal)
    asked = _asked(session_arn(name, "twin"), "AssumedRole", role, context)
    identity = iam_evaluator.evaluate(asked, iam_evaluator._gather_role_policies(name, ACCOUNT))
    both = iam_evaluator.combine_resource_policy(identity, asked, trust, ACCOUNT, required=True)
    return bool(both.decision == "Allow")


def _asked(principal: str, kind: str, resource: str, context: Document) -> Any:
    return iam_evaluator.EvalContext(
        principal_arn=principal,
        principal_type=kind,
        principal_account=ACCOUNT,
        action=ASSUME,
        resource_arn=resource,
        region=REGION,
        secure_transport=True,
        service_context=context,
    )

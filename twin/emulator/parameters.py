"""Parameters of Systems Manager: AWS' public ones, which no one may write on AWS, and the names of a stack's own."""

from __future__ import annotations

import uuid
from typing import Any

from ministack.services import ssm
from ministack.services.cloudformation import provisioners

from twin.emulator.control import Document, route
from twin.folder import Twin


def install(_: Twin) -> None:
    """A name that CloudFormation makes up begins without a slash, and ARNs in policies are put together from it."""
    handlers = provisioners._RESOURCE_HANDLERS["AWS::SSM::Parameter"]
    create = handlers["create"]

    def named(logical: str, properties: dict[str, Any], stack: str) -> Any:
        name = properties.get("Name") or f"CFN-{logical}-{uuid.uuid4().hex[:12]}"
        return create(logical, {**properties, "Name": name}, stack)

    handlers["create"] = named


@route("POST", "/parameters")
def give(values: Document) -> list[str]:
    """Values by name, for every account to read; the names of all that there are."""
    ssm._PUBLIC_AMI_PARAMETERS.update({str(name): str(value) for name, value in values.items()})
    return sorted(ssm._PUBLIC_AMI_PARAMETERS)

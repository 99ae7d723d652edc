"""AWS' public parameters, which no one may write on AWS and which MiniStack has only a few of."""

from __future__ import annotations

from ministack.services import ssm

from twin.emulator.control import Document, route
from twin.folder import Twin


def install(_: Twin) -> None:
    """Nothing: importing this module gave the route."""


@route("POST", "/parameters")
def give(values: Document) -> list[str]:
    """Values by name, for every account to read; the names of all that there are."""
    ssm._PUBLIC_AMI_PARAMETERS.update({str(name): str(value) for name, value in values.items()})
    return sorted(ssm._PUBLIC_AMI_PARAMETERS)

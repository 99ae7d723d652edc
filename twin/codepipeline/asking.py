"""One look at a run, by its provider and with its role; and what it means when AWS refuses or is in trouble."""

from __future__ import annotations

import logging
import time

from botocore.exceptions import BotoCoreError, ClientError

from twin.cloud import ControlError
from twin.codepipeline.providers import PROVIDERS
from twin.codepipeline.providers.look import Fails, Found, Look
from twin.codepipeline.roles import Roles
from twin.codepipeline.state import PipelineState, Run

THROTTLED = frozenset({"SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded"})
SERVERS_FAULT = 500
log = logging.getLogger(__name__)


class TroubledError(Exception):
    """A service cannot answer now; the same look may succeed later."""


def ask(roles: Roles, state: PipelineState, run: Run) -> Found:
    """What its provider finds; a refusal fails the action. Raises TroubledError."""
    try:
        look = _prepared(roles, state, run)
        provider = PROVIDERS.get(look.action.provider)
        if provider is not None:
            return provider(look)
        return Fails("ConfigurationError", f"the twin has no provider {' '.join(look.action.provider)}")
    except ClientError as error:
        return _refused(error)
    except ControlError as error:
        if error.status is None or error.status >= SERVERS_FAULT:
            raise TroubledError(str(error)) from error
        return Fails("PermissionError", str(error))
    except BotoCoreError as error:
        raise TroubledError(str(error)) from error
    except Exception as error:
        log.exception("%s %s", state.name, run.action)
        return Fails("InternalError", f"{type(error).__name__}: {error}")


def _refused(error: ClientError) -> Fails:
    refused = error.response["Error"]
    message = f"Error calling {error.operation_name}: {refused['Message']}"
    if refused["Code"] in THROTTLED or error.response["ResponseMetadata"].get("HTTPStatusCode", 400) >= SERVERS_FAULT:
        raise TroubledError(message) from error
    return Fails("PermissionError" if "AccessDenied" in refused["Code"] else "JobFailed", message)


def _prepared(roles: Roles, state: PipelineState, run: Run) -> Look:
    found = state.find(run.id)
    assert found is not None
    structure = state.versions[found[0].version]
    stage = structure.stage(run.stage)
    action = stage.action(run.action) if stage else None
    assert action is not None
    role = action.role_arn or structure.role_arn
    region, account = state.arn.split(":")[3:5]
    return Look(
        structure=structure,
        execution=found[0],
        action=action,
        run=run,
        role=role,
        cloud=roles.of(structure.role_arn, role),
        region=region,
        account=account,
        time=time.time(),
    )

"""Function URLs: their names lead to the emulator, and strangers get in as the function's own policy says.

MiniStack serves them by their names, which nothing resolves here, and lets every unsigned request pass.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from ministack import app
from ministack.core.responses import request_scope
from ministack.services import lambda_svc
from ministack.services.cloudformation import provisioners

from twin.emulator import grants, registrations
from twin.emulator.additions import Answer
from twin.folder import ACCOUNT, LOOPBACK, REGION, Twin

KIND = "AWS::Lambda::Url"
PUBLIC = "NONE"
NEEDED: Mapping[str, Mapping[str, str]] = {
    "lambda:InvokeFunctionUrl": {"lambda:functionurlauthtype": PUBLIC},
    "lambda:InvokeFunction": {"lambda:invokedviafunctionurl": "true"},
}
"""What a stranger must be allowed, with what AWS says of the request. Both, since October 2025."""
FORBIDDEN: Answer = (403, {"Content-Type": "application/json"}, json.dumps({"Message": "Forbidden"}).encode())


def install(twin: Twin) -> None:
    theirs = provisioners._RESOURCE_HANDLERS[KIND]
    named = {step: _naming(twin, theirs[step]) for step in ("create", "update", "delete")}
    provisioners._RESOURCE_HANDLERS[KIND] = {**theirs, **named}
    app._handle_lambda_url_request = _guarded(app._handle_lambda_url_request)


def _naming(twin: Twin, step: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(step)
    def named(*given: Any) -> Any:
        made = step(*given)
        hosts = [urlsplit(each["FunctionUrl"]).hostname for _, each in lambda_svc._function_urls.all_items()]
        lines = [f"{host}:443 {LOOPBACK}:{twin.gateway}" for host in hosts]
        registrations.set_names("function urls", lines)
        return made

    return named


def _guarded(serve: Callable[..., Awaitable[Answer | None]]) -> Callable[..., Awaitable[Answer | None]]:
    async def guarded(host: str, path: str, *rest: Any) -> Answer | None:
        asked = app._parse_lambda_url(host, path)
        if asked is not None and not _may(asked[0]):
            return FORBIDDEN
        return await serve(host, path, *rest)

    return guarded


def _may(url: str) -> bool:
    """Whether anyone may call what is behind a public URL; MiniStack judges all others."""
    found = lambda_svc.resolve_function_url(url)
    if found is None or found[-1].get("AuthType") != PUBLIC:
        return True
    with request_scope(ACCOUNT, REGION):
        function = lambda_svc._functions.get(found[2]) or {}
    arn = str(found[-1]["FunctionArn"])
    return all(
        grants.anyone_may(function.get("policy"), action=action, resource=arn, said=said)
        for action, said in NEEDED.items()
    )

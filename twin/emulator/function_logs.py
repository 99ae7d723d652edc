"""What a function says goes to the log group that it names, if its role may write there."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from ministack.services import cloudwatch_logs

from twin.emulator import policies
from twin.folder import ACCOUNT, REGION

log = logging.getLogger("twin.functions")
_local = threading.local()


def latest_request() -> str:
    """The id of the request that this thread's function was asked last."""
    return str(getattr(_local, "request", ""))


def emit(
    record: Mapping[str, Any],
    request: str,
    text: str,
    error: bool,
    milliseconds: int,
    **_: Any,
) -> None:
    """In the place of MiniStack's, which writes for every function and makes the group itself."""
    _local.request = request
    config = record.get("config") or record
    settings = config.get("LoggingConfig") or {}
    group = settings.get("LogGroup") or f"/aws/lambda/{config['FunctionName']}"
    stream = f"{datetime.now(UTC):%Y/%m/%d}/[{config.get('Version', '$LATEST')}]{uuid4().hex}"
    if refusal := _refusal(config, group, stream):
        log.warning("%s: its lines are lost: %s", config["FunctionName"], refusal)
        return
    said = text.splitlines() if text else []
    before, after = _platform(settings.get("LogFormat") == "JSON", request, error, milliseconds, config)
    _write(group, stream, [before, *said, *after])


def _refusal(config: Mapping[str, Any], group: str, stream: str) -> str | None:
    """Why not a line may be written; a group that is missing is made where the role may do that."""
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}"
    missing = group not in cloudwatch_logs._log_groups
    asked = {
        **({"logs:CreateLogGroup": arn} if missing else {}),
        "logs:CreateLogStream": f"{arn}:log-stream:{stream}",
        "logs:PutLogEvents": f"{arn}:log-stream:{stream}",
    }
    for action, resource in asked.items():
        if reason := policies.refusal(config["Role"], action, resource, {}):
            return reason
    if missing:
        cloudwatch_logs._create_log_group({"logGroupName": group})
    return None


def _write(group: str, stream: str, lines: Sequence[str]) -> None:
    now = int(time.time() * 1000)
    cloudwatch_logs._create_log_stream({"logGroupName": group, "logStreamName": stream})
    events = [{"timestamp": now, "message": line} for line in lines]
    cloudwatch_logs._put_log_events({"logGroupName": group, "logStreamName": stream, "logEvents": events})


def _platform(
    structured: bool, request: str, error: bool, milliseconds: int, config: Mapping[str, Any]
) -> tuple[str, list[str]]:
    """Lambda's own lines around what the function says; what memory it took is not measured."""
    size = config.get("MemorySize", 128)
    if not structured:
        took = f"Duration: {milliseconds} ms\tBilled Duration: {milliseconds} ms\tMemory Size: {size} MB"
        ends = [f"END RequestId: {request}", f"REPORT RequestId: {request}\t{took}"]
        return f"START RequestId: {request} Version: $LATEST", ends
    metrics = {"durationMs": milliseconds, "billedDurationMs": milliseconds, "memorySizeMB": size}
    report = {"requestId": request, "status": "error" if error else "success", "metrics": metrics}
    start = {"requestId": request, "version": config.get("Version", "$LATEST")}
    return _line("platform.start", start), [_line("platform.report", report)]


def _line(kind: str, record: Mapping[str, Any]) -> str:
    return json.dumps({"time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z", "type": kind, "record": record})

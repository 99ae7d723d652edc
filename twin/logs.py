"""The last lines of whatever writes some: a process, a task, a build, a function."""

from __future__ import annotations

from pathlib import Path

from twin.cloud import Cloud
from twin.folder import Twin, TwinError
from twin.tails import tail


def last(cloud: Cloud, name: str, lines: int) -> dict[str, str]:
    """The last lines by log, of every log with `name` in its own name. Raises TwinError when there is none."""
    files = of_files(cloud.twin)
    found = {log: tail(path, lines) for log, path in files.items() if _called(name, log)}
    groups = [] if found else _groups(cloud)
    found |= {group: _events(cloud, group, lines) for group in groups if _called(name, group)}
    if not found:
        known = ", ".join(sorted([*files, *groups]))
        raise TwinError(f"no log is called {name}; there are: {known}")
    return found


def of_files(twin: Twin) -> dict[str, Path]:
    """Each with its path below the folder as its name; those of tasks lie with their tasks."""
    paths = [*twin.folder.glob("logs/**/*.log"), *twin.folder.glob("tasks/*/*.log")]
    return {path.relative_to(twin.folder).with_suffix("").as_posix(): path for path in sorted(paths)}


def _called(name: str, log: str) -> bool:
    return name.lower() in log.lower()


def _groups(cloud: Cloud) -> list[str]:
    pages = cloud.client("logs").get_paginator("describe_log_groups").paginate()
    return [str(group["logGroupName"]) for page in pages for group in page["logGroups"]]


def _events(cloud: Cloud, group: str, lines: int) -> str:
    pages = cloud.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
    events = [event for page in pages for event in page["events"]]
    return "\n".join(str(event["message"]).rstrip() for event in sorted(events, key=_when)[-lines:])


def _when(event: dict[str, int]) -> int:
    return event["timestamp"]

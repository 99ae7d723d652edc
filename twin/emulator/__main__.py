"""MiniStack with what it lacks, for one twin: `python -m twin.emulator FOLDER`."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

from twin.emulator import environment
from twin.folder import Twin

MODULES = (
    "additions",
    "template_types",
    "credentials",
    "policies",
    "faults",
    "passing",
    "network",
    "identity",
    "clusters",
    "secrets",
    "buckets",
    "object_events",
    "connections",
    "scaling",
    "observability",
    "parameters",
    "patience",
    "grants",
    "registrations",
    "database",
    "tasks",
    "services",
    "balancers",
    "apprunner",
    "builds",
    "pipelines",
    "functions",
    "function_urls",
    "deliveries",
    "alarms",
    "vitals",
)
"""In this order; each has `install(twin)`. The first is what the others build on, the last watches what they do."""


def main() -> None:
    twin = Twin.load(Path(sys.argv[1]).resolve())
    # MiniStack reads these while it is imported.
    os.environ.update(environment.variables(twin))
    for name in MODULES:
        importlib.import_module(f"twin.emulator.{name}").install(twin)
    from twin.emulator import server

    server.run(twin)


if __name__ == "__main__":
    main()

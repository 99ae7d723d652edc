"""Build specifications to test with."""

from __future__ import annotations

import json
from collections.abc import Sequence


def document(*, build: Sequence[str], exported: Sequence[str] = (), files: Sequence[str] = ()) -> str:
    """As stacks/constructs/buildspec.py writes one."""
    env = {"shell": "bash", "exported-variables": list(exported)}
    phases = {"build": {"commands": list(build)}}
    return json.dumps({"version": "0.2", "env": env, "phases": phases, "artifacts": {"files": list(files)}})

"""Holds templates against CloudFormation's own specification, with cfn-lint."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ops.assembly import Finding

IGNORED = {
    "W1028": "An image's tag is one expression; where a whole resource waits for an image, half of it is never taken.",
    "W3005": "The CDK names a dependency also where a reference already is one.",
    "W3010": "Zones are written down in cdk_app/environments.py so that a synthesis looks nothing up.",
    "W3691": "A major version of PostgreSQL lets RDS take its current release; the rule knows full versions only.",
}
"""Rules of cfn-lint that say nothing true here, each with its reason."""


def lint(files: Iterable[Path]) -> list[Finding]:
    """Errors and warnings of the templates. Equal templates are looked at once and told for the first."""
    if not (files := list(files)):
        return []
    distinct = {path.read_bytes(): path for path in reversed(files)}
    paths = [str(path) for path in reversed(distinct.values())]
    ignored = ["--ignore-checks", *IGNORED] if IGNORED else []
    command = [str(Path(sys.executable).with_name("cfn-lint")), "--format", "json", *ignored, "--", *paths]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    try:
        matches = json.loads(done.stdout)
    except ValueError:
        return [Finding("cfn-lint", "the linter itself", done.stderr.strip()[-500:])]
    return [Finding(match["Rule"]["Id"], _where(match), match["Message"]) for match in matches]


def _where(match: dict[str, Any]) -> str:
    return ":".join([match["Filename"], "/".join(map(str, match["Location"]["Path"] or []))])

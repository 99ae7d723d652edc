"""Commands of the project, typed as the administrator of a twin would type them."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping

from twin import surroundings
from twin.folder import PYTHON, ROOT, Twin
from twin.loop.world import LoopError

LAST = 2_000
"""Characters of what a failed command said."""
MINUTES = 10


def command(twin: Twin, module: str, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
    """What `python -m MODULE` printed. Raises LoopError, with what it said, when it failed."""
    done = subprocess.run(
        [PYTHON, "-m", module, *arguments],
        cwd=ROOT,
        env={**surroundings.of_the_administrator(twin), **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=MINUTES * 60,
    )
    if done.returncode != 0:
        raise LoopError(f"python -m {module} {' '.join(arguments)}: exit {done.returncode}\n{done.stderr[-LAST:]}")
    return done.stdout.strip()

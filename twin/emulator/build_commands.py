"""The commands of a build, each in a shell that begins where the last one ended: its folder and all its variables.

That is what "the same instance of the shell" comes to on CodeBuild too, so `exit` ends a command and not the build.
"""

from __future__ import annotations

import shlex
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from twin import processes

TICK = 0.02
SCRIPT = """\
__state="$1"
shift
. "$__state/variables" 2> /dev/null
cd -- "$(< "$__state/folder")" || exit
__keep() {
  __code=$?
  pwd > "$__state/folder"
  declare -p | grep -vE "^declare -[-a-zA-Z]*r" > "$__state/variables"
  exit "$__code"
}
trap __keep EXIT
. "$__state/command"
"""
"""What a command left unexported is there for the next one, but not for the programs that it starts."""


class StoppedError(Exception):
    """The build may not go on; `status` is STOPPED or TIMED_OUT."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True)
class End:
    """What may end a build early: somebody's wish, or its deadline on the monotonic clock."""

    asked: threading.Event
    deadline: float


class Shell:
    """`folder` is for what passes from a command to the next one."""

    def __init__(
        self, twin: Path, name: str, *, folder: Path, log: Path, environment: Mapping[str, str], begin: Path, end: End
    ) -> None:
        self._twin, self._name = twin, name
        self._state, self._log = folder, log
        self._environment = environment
        self._end = end
        folder.mkdir(parents=True)
        (folder / "script").write_text(SCRIPT, encoding="utf-8")
        (folder / "folder").write_text(f"{begin}\n", encoding="utf-8")
        (folder / "variables").touch(mode=0o600)

    def exported(self, names: Sequence[str]) -> dict[str, str]:
        """Those variables as they are after the last command; the unset ones are left out."""
        report = self._state / "exported"
        told = "".join(f'printf "%s=%s\\0" {name} "$(printenv {name})"\n' for name in names)
        self.run(f"{{ {told}}} > {shlex.quote(str(report))}")
        pairs = (pair.partition("=") for pair in report.read_text(encoding="utf-8").split("\0") if pair)
        return {name: value for name, _, value in pairs if value}

    def run(self, command: str, *, succeeding: bool = True) -> int:
        """Its exit code; `succeeding` is what it is told of the build so far. Raises StoppedError."""
        with (self._state / "variables").open("a", encoding="utf-8") as kept:
            kept.write(f"declare -x CODEBUILD_BUILD_SUCCEEDING={int(succeeding)}\n")
        (self._state / "command").write_text(f"{command}\n", encoding="utf-8")
        words = ("/bin/bash", self._state / "script", self._state)
        process = processes.start(
            self._twin, self._name, words, environment=self._environment, cwd=self._state, log=self._log
        )
        try:
            return self._wait(process)
        finally:
            if record := processes.find(self._twin, self._name):
                processes.end(record, grace=2)
            process.wait()
            (self._twin / "processes" / f"{self._name}.json").unlink(missing_ok=True)

    def _wait(self, process: subprocess.Popen[bytes]) -> int:
        while (code := process.poll()) is None:
            if self._end.asked.wait(TICK):
                raise StoppedError("STOPPED")
            if time.monotonic() > self._end.deadline:
                raise StoppedError("TIMED_OUT")
        return code

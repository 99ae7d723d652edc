"""The pinned CDK CLI against a twin: the commands that a person would type against AWS."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from twin import processes, surroundings
from twin.folder import ACCOUNT, NODE, PYTHON, REGION, ROOT, Twin, TwinError
from twin.progress import Progress
from twin.tails import tail

CLI = ROOT / "node_modules/.bin/cdk"
PLAIN = ("--no-notices", "--no-color", "--ci")
"""`--ci`: events go to standard output, and a question would be an error."""
EVENTS = ("--progress", "events")
EVERYTHING = ("**",)
"""The stacks are in a Stage, where `--all` finds none."""
LOOK = 0.1
MINUTES = 15.0
"""That one command may take; the whole platform takes half a minute."""
Watcher = Callable[[Progress], None]


class ToolkitError(TwinError):
    """A command of the CLI failed; `reasons` are those of the resources, the first cause first."""

    def __init__(self, message: str, reasons: Sequence[str]) -> None:
        super().__init__(message)
        self.reasons = tuple(reasons)


class Toolkit:
    """`watch` is called whenever there is something new to see, and ten times a second besides."""

    def __init__(self, twin: Twin, watch: Watcher = lambda _: None) -> None:
        self._twin = twin
        self._watch = watch

    @property
    def assembly(self) -> Path:
        return self._twin.folder / "assembly"

    def synth(self, environment: str = "dev", target: str | None = None, *, source: Path = ROOT) -> Path:
        """The assembly of `cdk synth`, of another checkout too.

        Only the report of the rule packs is left out, which takes two thirds of the time: the templates are the same.
        """
        wanted = [f"environment={environment}", *([f"target={target}"] if target else [])]
        context = [word for each in wanted for word in ("--context", each)]
        # A clone has no environment of its own.
        app = ("--app", f"{PYTHON} app.py")
        self._run("synth", *app, "--quiet", "--no-validation", *context, "--output", str(self.assembly), cwd=source)
        return self.assembly

    def bootstrap(self) -> Progress:
        return self._run("bootstrap", "--app", str(self.assembly), f"aws://{ACCOUNT}/{REGION}")

    def deploy(
        self, assembly: Path | None = None, *, stacks: Sequence[str] = EVERYTHING, parameters: Sequence[str] = ()
    ) -> Progress:
        """`parameters` as the CLI has them: `Dev-Tracking:Image=TAG`."""
        given = [word for each in parameters for word in ("--parameters", each)]
        return self._run("deploy", *self._of(stacks, assembly), *EVENTS, "--require-approval", "never", *given)

    def destroy(self, stacks: Sequence[str] = EVERYTHING) -> Progress:
        return self._run("destroy", *self._of(stacks), "--force")

    def diff(self, stacks: Sequence[str] = EVERYTHING) -> str:
        """What a deployment would change, in the CLI's words."""
        log = self._log("diff")
        start = log.stat().st_size if log.exists() else 0
        self._run("diff", *self._of(stacks))
        with log.open("rb") as file:
            file.seek(start)
            return file.read().decode(errors="replace")

    def _of(self, stacks: Sequence[str], assembly: Path | None = None) -> list[str]:
        return ["--app", str(assembly or self.assembly), *stacks]

    def _log(self, what: str) -> Path:
        return self._twin.folder / f"logs/cdk-{what}.log"

    def _run(self, what: str, *words: str, cwd: Path = ROOT) -> Progress:
        """Raises ToolkitError."""
        name, log = f"cdk-{what}", self._log(what)
        log.parent.mkdir(parents=True, exist_ok=True)
        log.touch()
        progress = Progress()
        with log.open("rb") as output:
            output.seek(0, 2)
            process = processes.start(
                self._twin.folder,
                name,
                (CLI, what, *words, *PLAIN),
                environment=environment(self._twin),
                cwd=cwd,
            )
            try:
                code = self._follow(process.poll, output, progress)
            finally:
                if record := processes.find(self._twin.folder, name):
                    processes.end(record)
                process.wait(timeout=processes.GRACE)
                (self._twin.folder / "processes" / f"{name}.json").unlink(missing_ok=True)
        if code != 0:
            raise _failure(what, code, progress, log)
        return progress

    def _follow(self, poll: Callable[[], int | None], output: BinaryIO, progress: Progress) -> int | None:
        """The command's exit code, or None when it took too long."""
        deadline = time.monotonic() + MINUTES * 60
        begun = b""
        while time.monotonic() < deadline:
            code = poll()
            *lines, begun = (begun + output.read()).split(b"\n")
            for line in lines:
                progress.read(line.decode(errors="replace"))
            self._watch(progress)
            if code is not None:
                return code
            time.sleep(LOOK)
        return None


def environment(twin: Twin) -> dict[str, str]:
    """For the CLI and for the application that it starts: the administrator's, and no telemetry."""
    return {
        **surroundings.of_the_administrator(twin),
        "JSII_NODE": str(NODE / "node"),
        "CDK_DISABLE_CLI_TELEMETRY": "true",
    }


def _failure(what: str, code: int | None, progress: Progress, log: Path) -> ToolkitError:
    ended = f"failed ({code})" if code is not None else f"was not done after {MINUTES:g} minutes and was ended"
    parts = [
        f"cdk {what} {ended}",
        *(f"  {reason}" for reason in progress.reasons or progress.complaints[:3]),
        *(f"  | {line}" for line in tail(log, 8).splitlines()),
        f"look closer: less {log}",
    ]
    return ToolkitError("\n".join(parts), progress.reasons)

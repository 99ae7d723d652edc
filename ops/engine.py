"""The container engine, through its command line: build, run hardened, look, clean up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
NO_ENGINE = "no container engine answers to {command!r}: start one, or name client and engine in DOCKER and DOCKER_HOST"
OTHER_MACHINE = (
    "this engine runs {own} and cannot run {platform}: build on such a machine, as the pipeline does, "
    "or let QEMU stand in for one (docker run --privileged --rm tonistiigi/binfmt --install all)"
)
USER = "10001:10001"
HARDENED = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--pids-limit=256", f"--user={USER}")
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""A machine's proxy knows nothing of its loopback."""
SCRATCH = "--tmpfs=/tmp:rw,noexec,nosuid,nodev,size=512m,mode=1777"


class EngineError(Exception):
    """The engine is missing or refused; the message says what it said or what to do."""


@dataclass(frozen=True)
class Engine:
    """`command` is the client. Its BuildKit is a must: secrets and mounts of a build need it."""

    command: str

    @classmethod
    def here(cls) -> Engine:
        """The engine that DOCKER, by default `docker`, reaches. Raises EngineError when none answers."""
        engine = cls(os.environ.get("DOCKER") or "docker")
        try:
            engine.say("info", "--format", "{{.ServerVersion}}")
        except EngineError:
            raise EngineError(NO_ENGINE.format(command=engine.command)) from None
        return engine

    @property
    def platform(self) -> str:
        machine = self.say("info", "--format", "{{.Architecture}}")
        return f"linux/{MACHINES.get(machine, machine)}"

    def say(self, *arguments: str, content: bytes | None = None) -> str:
        """Standard output of a command. Raises EngineError with its last line."""
        done = self.run(*arguments, content=content)
        if done.returncode != 0:
            raise EngineError(f"docker {arguments[0]} failed: {last_line(done.stderr)}")
        return done.stdout.decode().strip()

    def run(self, *arguments: str, content: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        try:
            return subprocess.run([self.command, *arguments], input=content, capture_output=True, check=False)
        except OSError as error:
            raise EngineError(f"{self.command} cannot be run: {error.strerror}") from error

    def build(self, name: str, *, dockerfile: str, context: bytes, platform: str, options: Sequence[str]) -> None:
        """Build from a tar and show each step on standard error. Raises EngineError with the end of the log."""
        command = [self.command, "build", "--progress=plain", f"--platform={platform}", *options]
        log: list[str] = []
        with subprocess.Popen(
            [*command, f"--tag={name}", f"--file={dockerfile}", "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=os.environ | {"DOCKER_BUILDKIT": "1"},
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            with suppress(BrokenPipeError):
                process.stdin.write(context)
                process.stdin.close()
            for raw in process.stdout:
                log.append(raw.decode(errors="replace").rstrip())
                if (step := _step(log[-1])) is not None:
                    sys.stderr.write(f"  {step}\n")
        if process.returncode != 0:
            if any("exec format error" in line for line in log):
                raise EngineError(OTHER_MACHINE.format(own=self.platform, platform=platform))
            raise EngineError("\n".join(["the build failed", *log[-30:]]))

    def inspect(self, image: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.say("image", "inspect", image))[0]
        return found

    def once(
        self, image: str, *command: str, memory: str, options: Sequence[str] = (), scratch: str = SCRATCH
    ) -> Finished:
        """Run to the end, hardened and without a network; `scratch` is what is mounted for it to write to."""
        begun = time.monotonic()
        done = self.run(*_run("--rm", "--network=none", scratch, memory=memory), *options, image, *command)
        return Finished(done.returncode, done.stdout, done.stderr.decode(errors="replace"), time.monotonic() - begun)

    @contextmanager
    def serving(
        self, image: str, port: int, *command: str, memory: str, environment: Mapping[str, str], options: Sequence[str]
    ) -> Iterator[Server]:
        """Run hardened, its port published on a free one of the loopback, until the block ends."""
        name = f"evergreen-check-{uuid.uuid4().hex[:12]}"
        variables = [f"--env={key}={value}" for key, value in environment.items()]
        published = f"--publish=127.0.0.1::{port}"
        begun = time.monotonic()
        try:
            self.say(
                *_run("--detach", f"--name={name}", published, "--health-interval=1s", SCRATCH, memory=memory),
                *variables, *options, image, *command,
            )  # fmt: skip
            address = self.say("port", name, f"{port}/tcp").splitlines()[0]
            yield Server(self, name, f"http://{address}", begun)
        finally:
            self.run("rm", "--force", "--volumes", name)


@dataclass(frozen=True)
class Finished:
    """A container that has ended."""

    code: int
    out: bytes
    err: str
    seconds: float


@dataclass(frozen=True)
class Server:
    """A container that serves; `begun` is when it was started, on the monotonic clock."""

    engine: Engine
    name: str
    url: str
    begun: float

    def get(self, path: str) -> tuple[int, bytes]:
        return self._answer(urllib.request.Request(self.url + path))  # noqa: S310

    def post(self, path: str, document: Any) -> tuple[int, Any]:
        body, headers = json.dumps(document).encode(), {"Content-Type": "application/json"}
        status, answer = self._answer(urllib.request.Request(self.url + path, body, headers))  # noqa: S310
        return status, json.loads(answer)

    def await_status(self, path: str, status: int, *, seconds: float) -> float:
        """Seconds since the start until the path answers so. Raises EngineError with the container's log."""
        while time.monotonic() - self.begun < seconds:
            try:
                if self.get(path)[0] == status:
                    return time.monotonic() - self.begun
            except OSError:
                if not self.state()["Running"]:
                    break
            time.sleep(0.05)
        raise EngineError(f"{path} did not answer {status} within {seconds:g} s; its log ends:\n{self.log()[-2000:]}")

    def await_healthy(self, *, seconds: float) -> None:
        """Wait for the image's own health check. Raises EngineError with what the check said."""
        deadline = time.monotonic() + seconds
        while (health := self.state()["Health"])["Status"] != "healthy":
            if time.monotonic() > deadline:
                said = [entry["Output"] for entry in health["Log"]][-1:]
                raise EngineError(f"the health check says {health['Status']} after {seconds:g} s: {said}")
            time.sleep(0.2)

    def stop(self) -> tuple[int, float]:
        """Ask it to end: the exit code and the seconds it took."""
        begun = time.monotonic()
        self.engine.say("stop", "--time=30", self.name)
        return int(self.state()["ExitCode"]), time.monotonic() - begun

    def execute(self, *command: str) -> subprocess.CompletedProcess[bytes]:
        return self.engine.run("exec", self.name, *command)

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.engine.say("inspect", "--format={{json .State}}", self.name))
        return found

    def memory(self) -> str:
        """What it uses now, such as `83.1MiB`."""
        used = self.engine.say("stats", "--no-stream", "--format={{.MemUsage}}", self.name)
        return used.partition("/")[0].strip()

    def log(self) -> str:
        done = self.engine.run("logs", self.name)
        return (done.stdout + done.stderr).decode(errors="replace")

    @staticmethod
    def _answer(request: urllib.request.Request) -> tuple[int, bytes]:
        try:
            with DIRECT.open(request, timeout=30) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()


def last_line(said: bytes) -> str:
    lines = said.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it did not say why"


def build_options(environment: Mapping[str, str], *, pull: bool) -> list[str]:
    """What a machine adds to a build: its base image, its private CA and pip settings, the last two as secrets.

    Secrets are mounted for the one command that needs them and are in no layer.
    """
    options = ["--pull"] if pull else []
    if base := environment.get("EVERGREEN_BASE_IMAGE"):
        options.append(f"--build-arg=BASE={base}")
    authority, settings = environment.get("PIP_CERT"), environment.get("PIP_CONFIG_FILE")
    if authority and Path(authority).is_file():
        options += [f"--secret=id=pip_ca,src={authority}", "--build-arg=PIP_CERT=/run/pip-ca.crt"]
    if settings and Path(settings).is_file():
        options.append(f"--secret=id=pip_conf,src={settings}")
    return options


def _run(*options: str, memory: str) -> list[str]:
    return ["run", *options, *HARDENED, f"--memory={memory}", f"--memory-swap={memory}"]


def _step(line: str) -> str | None:
    """`[build 2/4] RUN ...` of BuildKit's line that starts a step, cut to what a reader takes in."""
    number, _, rest = line.partition(" ")
    if not number.startswith("#") or not rest.startswith("[") or rest.startswith("[internal]"):
        return None
    return " ".join(rest.split())[:100]

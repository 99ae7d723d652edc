"""One build of CodeBuild from its submission to its end: the project's own commands as processes of this machine.

A fake: no container and no host of its own. Of the image its variables count, and that its tag is there and may be
pulled; the commands run with this project's Python. What AWS asks the project's role for is asked as that role.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from twin.buildspec import Buildspec, BuildspecError, follow, parse
from twin.emulator import build_provisioning as provisioning
from twin.emulator import build_sources
from twin.emulator.build_commands import End, Shell, StoppedError
from twin.emulator.build_order import Order, environment
from twin.emulator.build_phases import PhaseError, Phases, stamped
from twin.emulator.build_provisioning import Refusal
from twin.emulator.build_sources import Clients
from twin.emulator.task_log import LogShipper
from twin.folder import Twin

SHIPPED_EVERY = 1.0
"""Seconds between two messages to the log group."""
USE = "UseConnection"
"""Under the name that the service has in the connection's ARN: it was renamed."""
logger = logging.getLogger("twin.builds")


class BuildProcess(threading.Thread):
    """`record` is what BatchGetBuilds answers; it changes while the build goes on."""

    def __init__(
        self,
        twin: Twin,
        build: Order,
        record: dict[str, Any],
        *,
        clients: Clients,
        credentials: Mapping[str, str],
        refusal: Refusal,
    ) -> None:
        super().__init__(name=f"build-{build.uuid[:8]}", daemon=True)
        self._twin, self._build, self._record = twin, build, record
        self._clients, self._credentials, self._refusal = clients, credentials, refusal
        self._folder = twin.folder / "builds" / build.uuid
        self._log = twin.folder / "logs/builds" / f"{build.project}-{build.uuid[:8]}.log"
        self._end = End(threading.Event(), time.monotonic() + build.minutes * 60)
        self._phases = Phases(record, self._say)
        self._shipper: LogShipper | None = None
        self._succeeding = True
        self._done = threading.Event()

    def stop(self) -> None:
        self._end.asked.set()

    def run(self) -> None:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        threading.Thread(target=self._ship, daemon=True).start()
        status = "FAULT"
        try:
            self._steps()
            status = "SUCCEEDED" if self._succeeding else "FAILED"
        except PhaseError:
            status = "FAILED"
        except StoppedError as error:
            status = error.status
        except Exception:
            logger.exception("%s", self._build.id)
        finally:
            self._done.set()
            self._ship_once(all_of_it=True)
            self._phases.complete(status)
            if status == "SUCCEEDED":
                shutil.rmtree(self._folder, ignore_errors=True)

    def _steps(self) -> None:
        with self._phases.phase("SUBMITTED"):
            self._shipper = provisioning.open_log(self._build, self._clients, self._log)
        with self._phases.phase("QUEUED"):
            pass
        with self._phases.phase("PROVISIONING"):
            if self._build.own_image:
                provisioning.pull(self._build.own_image, self._clients)
            if self._build.network:
                provisioning.join(self._build.network, self._build.uuid, self._refusal)
        with self._phases.phase("DOWNLOAD_SOURCE"):
            spec = self._spec()
            variables = {**spec.variables, **provisioning.values(self._build, self._clients)}
            for name in ("home", "tmp"):
                (self._folder / name).mkdir(parents=True, exist_ok=True)
            folders, commit = build_sources.fetch(self._build, self._folder, self._clients, self._admit)
        self._record["resolvedSourceVersion"] = commit
        shell = self._shell(folders, commit, variables)
        if follow(lambda name: self._run(shell, spec, name)):
            with self._phases.phase("UPLOAD_ARTIFACTS"):
                self._upload(spec, folders[""])
        with self._phases.phase("FINALIZING"):
            values = shell.exported(spec.exported) if spec.exported else {}
            self._record["exportedEnvironmentVariables"] = [
                {"name": name, "value": values.get(name, "")} for name in spec.exported
            ]

    def _spec(self) -> Buildspec:
        try:
            return parse(self._build.buildspec)
        except BuildspecError as error:
            raise PhaseError("YAML_FILE_ERROR", f"the build specification: {error}") from error

    def _admit(self, connection: str) -> str | None:
        return self._refusal(f"{connection.split(':')[2]}:{USE}", connection, {})

    def _shell(self, folders: Mapping[str, Path], commit: str, variables: Mapping[str, str]) -> Shell:
        given = environment(
            self._build,
            self._twin,
            folder=self._folder,
            credentials=self._credentials,
            variables=variables,
            folders=folders,
            commit=commit,
        )
        return Shell(
            self._twin.folder,
            self.name,
            folder=self._folder / "shell",
            log=self._log,
            environment=given,
            begin=folders[""],
            end=self._end,
        )

    def _run(self, shell: Shell, spec: Buildspec, name: str) -> bool:
        phase = spec.phases[name]
        try:
            with self._phases.phase(name.upper()):
                try:
                    self._all(shell, phase.commands)
                finally:
                    self._all(shell, phase.always)
        except PhaseError:
            self._succeeding = False
            return False
        return True

    def _all(self, shell: Shell, commands: tuple[str, ...]) -> None:
        for command in commands:
            self._say(f"Running command {command}")
            code = shell.run(command, succeeding=self._succeeding)
            if code != 0:
                message = f"Error while executing command: {command}. Reason: exit status {code}"
                raise PhaseError("COMMAND_EXECUTION_ERROR", message)

    def _upload(self, spec: Buildspec, source: Path) -> None:
        wanted = {"": spec.files} if "" in self._build.artifacts else spec.secondary
        for name, where in self._build.artifacts.items():
            files = wanted.get(name)
            if files is None:
                raise PhaseError("CLIENT_ERROR", f"the build specification names no files for the artifact {name}")
            build_sources.store(files, source, where, self._clients, self._build.key)

    def _say(self, line: str) -> None:
        with self._log.open("a", encoding="utf-8") as log:
            log.write(f"{stamped(line)}\n")

    def _ship(self) -> None:
        while not self._done.wait(SHIPPED_EVERY):
            self._ship_once()

    def _ship_once(self, *, all_of_it: bool = False) -> None:
        if self._shipper is not None:
            try:
                self._shipper.ship(all_of_it=all_of_it)
            except (BotoCoreError, ClientError, OSError) as error:
                logger.warning("%s: its log was not sent: %s", self._build.id, error)

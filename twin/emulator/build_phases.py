"""The phases of a build as BatchGetBuilds shows them, while they happen."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from twin.emulator.build_commands import StoppedError


class PhaseError(Exception):
    """The phase failed, with one of CodeBuild's codes and a message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Phases:
    """Writes into the build's own record, and a line into its log at each change."""

    def __init__(self, record: dict[str, Any], say: Callable[[str], None]) -> None:
        self._record = record
        self._say = say
        record["phases"] = []

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """What is raised inside says how the phase ended, and is raised on."""
        begun = time.time()
        entry: dict[str, Any] = {"phaseType": name, "startTime": begun, "phaseStatus": "IN_PROGRESS"}
        self._record["currentPhase"] = name
        self._record["phases"] = [*self._record["phases"], entry]
        status, code, message = "SUCCEEDED", "", ""
        try:
            yield
        except PhaseError as error:
            status, code, message = "FAILED", error.code, str(error)
            raise
        except StoppedError as error:
            status = error.status
            raise
        except Exception as error:
            status, code, message = "FAULT", "INTERNAL_SERVICE_ERROR", f"{type(error).__name__}: {error}"
            raise
        finally:
            ended = time.time()
            entry |= {
                "phaseStatus": status,
                "endTime": ended,
                "durationInSeconds": int(ended - begun),
                "contexts": [{"statusCode": code, "message": message}],
            }
            self._say(f"Phase complete: {name} State: {status}")
            self._say(f"Phase context status code: {code} Message: {message}")

    def complete(self, status: str) -> None:
        now = time.time()
        self._record["phases"] = [*self._record["phases"], {"phaseType": "COMPLETED", "startTime": now}]
        self._record |= {"currentPhase": "COMPLETED", "endTime": now, "buildComplete": True, "buildStatus": status}


def stamped(line: str) -> str:
    """A line of CodeBuild's own in a build's log."""
    return f"[Container] {datetime.now(UTC):%Y/%m/%d %H:%M:%S.%f} {line}"

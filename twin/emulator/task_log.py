"""What a container writes goes to its CloudWatch stream, as the awslogs driver sends it, by the execution role."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from twin.emulator.containers import LogTarget

MOST = 5000
"""Lines of one call."""
LONGEST = 16 * 1024
"""Bytes of an event, where the driver cuts a line."""
logger = logging.getLogger("twin.tasks")


class LogShipper:
    """Follows the file that a process writes. A call that fails loses its lines, as it does on AWS."""

    def __init__(self, client: Any, target: LogTarget, path: Path) -> None:
        self._client = client
        self._target = target
        self._path = path
        self._read = path.stat().st_size if path.exists() else 0
        self._complained = False

    def ship(self, *, all_of_it: bool = False) -> None:
        """Send the new whole lines; at the end also the one that has none."""
        for lines in _batches(self._fresh(all_of_it)):
            now = int(time.time() * 1000)
            events = [{"timestamp": now, "message": line} for line in lines]
            try:
                self._client.put_log_events(
                    logGroupName=self._target.group, logStreamName=self._target.stream, logEvents=events
                )
            except (BotoCoreError, ClientError) as error:
                if not self._complained:
                    logger.warning("%s of %s: %s", self._target.stream, self._target.group, error)
                self._complained = True

    def _fresh(self, all_of_it: bool) -> list[str]:
        try:
            with self._path.open("rb") as file:
                file.seek(self._read)
                new = file.read()
        except FileNotFoundError:
            return []
        end = len(new) if all_of_it else new.rfind(b"\n") + 1
        self._read += end
        return [line[:LONGEST] for line in new[:end].decode(errors="replace").splitlines() if line.strip()]


def _batches(lines: list[str]) -> list[list[str]]:
    return [lines[first : first + MOST] for first in range(0, len(lines), MOST)]

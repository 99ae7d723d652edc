"""Which faults are on, until when, and how often they hit."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

MESSAGES = {
    "SlowDown": "Please reduce your request rate.",
    "InternalError": "We encountered an internal error. Please try again.",
}


@dataclass
class Fault:
    """`until` is of the rule book's clock."""

    service: str
    status: int
    code: str
    until: float
    methods: frozenset[str]
    hits: int = 0

    def answer(self, path: str, *, head: bool = False) -> tuple[str, bytes]:
        """Content type and body, as the service words its errors."""
        message = MESSAGES.get(self.code, "A fault of the twin.")
        if self.service != "s3":
            return "application/x-amz-json-1.1", json.dumps({"__type": self.code, "message": message}).encode()
        fields = {"Code": self.code, "Message": message, "Resource": path, "RequestId": "0A49CE4060975EAC"}
        inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())
        return "application/xml", b"" if head else f"<Error>{inner}</Error>".encode()


class RuleBook:
    """One fault a service at a time."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._faults: dict[str, Fault] = {}
        self._lock = threading.Lock()

    def begin(self, service: str, *, status: int, code: str, seconds: float, methods: Sequence[str] = ()) -> Fault:
        """In the place of the service's former one."""
        fault = Fault(service, status, code, self._clock() + seconds, frozenset(map(str.upper, methods)))
        with self._lock:
            self._faults[service] = fault
        return fault

    def begun(self) -> list[Fault]:
        """Also those whose time is over, for what they hit."""
        with self._lock:
            return list(self._faults.values())

    def seconds(self, fault: Fault) -> float:
        """How long it stays on."""
        return max(0.0, fault.until - self._clock())

    def strike(self, service: str, method: str) -> Fault | None:
        """The fault that such a request meets; it is counted."""
        with self._lock:
            fault = self._faults.get(service)
            if fault is None or not self.seconds(fault) or (fault.methods and method not in fault.methods):
                return None
            fault.hits += 1
            return fault

    def told(self, fault: Fault) -> dict[str, Any]:
        fields = {"service": fault.service, "status": fault.status, "code": fault.code}
        return {**fields, "hits": fault.hits, "seconds": round(self.seconds(fault), 1)}

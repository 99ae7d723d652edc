"""What the lifespan hands to every request, with its type."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypedDict

from starlette.requests import Request

from service.capture.capture import Capture
from service.metrics import Metrics
from service.settings import Settings
from service.slot import Slot


@dataclass(frozen=True)
class Context:
    """The parts of one running service."""

    settings: Settings
    slot: Slot
    metrics: Metrics
    batches: ThreadPoolExecutor
    capture: Capture | None


class State(TypedDict):
    """The state of a request: the lifespan's context, the middleware's id, and when it began by `perf_counter`."""

    context: Context
    request_id: str
    began: float


Call = Request[State]

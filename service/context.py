"""What the lifespan hands to every request, with its type."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypedDict

from starlette.requests import Request

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


class State(TypedDict):
    """The state of a request: the lifespan's context and the middleware's id."""

    context: Context
    request_id: str


Call = Request[State]

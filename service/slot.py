"""The current model. Swapping is one assignment, so a request sees the old model or the new one, never both."""

from __future__ import annotations

from service.errors import NoModel
from service.loaded import Loaded


class Slot:
    """Holds at most one loaded model; written by one thread, read by all."""

    def __init__(self, loaded: Loaded | None = None) -> None:
        self.current = loaded

    def require(self) -> Loaded:
        """The current model. Raises NoModel."""
        if self.current is None:
            raise NoModel("no model yet")
        return self.current

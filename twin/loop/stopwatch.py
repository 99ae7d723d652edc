"""How long what took: the table at the end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.table import Table


@dataclass
class Stopwatch:
    """Seconds by what they were spent on, in the order in which it ended."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def time(self, what: str) -> Iterator[None]:
        """Only what succeeded is kept: a failure's time says nothing."""
        began = time.monotonic()
        yield
        self.seconds[what] = time.monotonic() - began

    def table(self) -> Table:
        table = Table("what", ("seconds"), title="Times")
        table.columns[1].justify = "right"
        for what, seconds in self.seconds.items():
            table.add_row(what, f"{seconds:.1f}")
        return table

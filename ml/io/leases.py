"""A lock that a registry's server keeps: MLflow has none, but it makes and renames a registered model only once."""

from __future__ import annotations

import math
import os
import random
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ml.io.log import event
from ml.io.person import person
from ml.io.tracking import BusyError, Tracking, TrackingError

if TYPE_CHECKING:
    from mlflow import MlflowClient

LOCK = "evergreen-lock-"
"""Before a model's name: the registered model that is its lock. No problem may be called so."""
TOKEN, OWNER, SINCE, EXPIRES = (f"evergreen.lock.{word}" for word in ("token", "owner", "since", "expires"))
SAFE = 0.5
"""Share of a lease in which its owner begins a write. The rest is for clocks that differ and for calls that are under
way: see UNDER_WAY."""
KEPT_SECONDS = 86_400.0
"""How long the name of a lease that was taken over stays taken: far longer than any call to rename it."""
PAUSE = (0.05, 0.2)


class LeaseOverError(TrackingError):
    """The work took longer than the lease; nothing more was written."""


@dataclass(frozen=True)
class Hold:
    """The right to change a model, until `time.monotonic()` says `until` or `time.time()` says `at`.

    Of the two clocks the first stands still while a laptop sleeps, and the second can be set.
    """

    name: str
    until: float = math.inf
    at: float = math.inf

    @property
    def over(self) -> bool:
        """Whether another process may have taken over."""
        return time.monotonic() >= self.until or time.time() >= self.at

    def check(self) -> None:
        """To be called before each write. Raises LeaseOverError when another process may have taken over."""
        if self.over:
            raise LeaseOverError(f"changing {self.name} took longer than its lock lasts; run the command again")


@dataclass(frozen=True)
class _Holder:
    token: str
    owner: str
    since: str
    expires: float


@contextmanager
def lease(tracking: Tracking, name: str) -> Iterator[Hold]:
    """Hold the lock of a model on a server.

    The lease of a process that died is taken over once it has expired. Raises BusyError.
    """
    token = secrets.token_hex(8)
    hold = _acquire(tracking, name, token)
    try:
        yield hold
    finally:
        _release(tracking, hold, token)


def _acquire(tracking: Tracking, name: str, token: str) -> Hold:
    deadline, told = time.monotonic() + tracking.lock_seconds, False
    with tracking.session() as client:
        _clean(client, name)
        while True:
            begun, now = time.monotonic(), time.time()
            if _take(client, name, token, now + tracking.lease_seconds):
                return Hold(name, begun + SAFE * tracking.lease_seconds, now + SAFE * tracking.lease_seconds)
            holder = _holder(client, name)
            if holder is not None and holder.expires <= time.time():
                _bury(client, name, holder)
            elif holder is not None and not told:
                event("waiting", why=f"{holder.owner} has been changing {name} since {holder.since}")
                told = True
            if time.monotonic() >= deadline:
                raise _busy(name, holder, tracking.lock_seconds)
            time.sleep(random.uniform(*PAUSE))  # noqa: S311 (so that two who wait do not ask in step)


def _take(client: MlflowClient, name: str, token: str, expires: float) -> bool:
    from mlflow.exceptions import MlflowException

    marks = {
        TOKEN: token,
        OWNER: f"{person()} on {socket.gethostname()} (process {os.getpid()})",
        SINCE: datetime.now(UTC).isoformat(timespec="seconds"),
        EXPIRES: f"{expires:.3f}",
    }
    about = f"The lock of {name}. Whoever changes its release holds it for a moment; it is no model."
    try:
        client.create_registered_model(LOCK + name, tags=marks, description=about)
    except MlflowException as error:
        # MLflow reads the model that is in the way, which may be gone by then.
        if error.error_code not in ("RESOURCE_ALREADY_EXISTS", "RESOURCE_DOES_NOT_EXIST"):
            raise
        # A call whose answer was lost is repeated by MLflow's client, and then meets its own work.
        holder = _holder(client, name)
        return holder is not None and holder.token == token
    return True


def _holder(client: MlflowClient, name: str) -> _Holder | None:
    from mlflow.exceptions import MlflowException

    try:
        model = client.get_registered_model(LOCK + name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None
    made = f"{model.creation_timestamp}"
    marks = model.tags
    return _Holder(
        token=marks.get(TOKEN, made),
        owner=marks.get(OWNER, "somebody"),
        since=marks.get(SINCE, made),
        expires=float(marks.get(EXPIRES, "0")),
    )


def _bury(client: MlflowClient, name: str, holder: _Holder) -> None:
    """Take an expired lease out of the way, under a name of its own that is taken from then on.

    Of two who try, one succeeds; the other finds the name taken, even where a new lease stands there already.
    """
    from mlflow.exceptions import MlflowException

    try:
        client.rename_registered_model(LOCK + name, _buried(name) + holder.token)
    except MlflowException as error:
        event("lock", of=name, note=f"the lease of {holder.owner} was not taken over by this process: {error}")
        return
    event("lock", of=name, note=f"the lease of {holder.owner}, held since {holder.since}, had expired: taken over")


def _clean(client: MlflowClient, name: str) -> None:
    from mlflow.exceptions import MlflowException

    oldest = (time.time() - KEPT_SECONDS) * 1000.0
    for model in client.search_registered_models(f"name LIKE '{_buried(name)}%'"):
        if model.name.startswith(_buried(name)) and model.last_updated_timestamp < oldest:
            try:
                client.delete_registered_model(model.name)
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise


def _release(tracking: Tracking, hold: Hold, token: str) -> None:
    """Give the lock back, unless it may be another's by now. What cannot be given back expires."""
    from mlflow.exceptions import MlflowException

    if hold.over:
        event("lock", of=hold.name, note="was held for too long; it expires by itself")
        return
    try:
        with tracking.session(locked=True) as client:
            holder = _holder(client, hold.name)
            if holder is not None and holder.token == token and not hold.over:
                try:
                    client.delete_registered_model(LOCK + hold.name)
                except MlflowException as error:
                    if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                        raise
    except TrackingError as error:
        event("lock", of=hold.name, note=f"could not be given back, it expires by itself: {error}")


def _buried(name: str) -> str:
    return f"{LOCK}{name}-expired-"


def _busy(name: str, holder: _Holder | None, seconds: float) -> BusyError:
    who = f"{holder.owner} has been releasing {name} since {holder.since}" if holder else f"{name} is being released"
    return BusyError(f"{who}; gave up after {seconds:g} seconds")

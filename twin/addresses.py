"""Where on this machine the names of a twin's private zone and load balancers answer."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from twin.folder import Twin

PORTS = {"http": 80, "https": 443}


def known(twin: Twin) -> dict[str, str]:
    """`ADDRESS` or `ADDRESS:PORT` by `NAME` or `NAME:PORT`: of several answers to a name the last one."""
    lines = twin.names.read_text(encoding="utf-8").splitlines() if twin.names.exists() else []
    return {name: place for name, _, place in (line.strip().partition(" ") for line in lines) if name}


def here(url: str, names: Mapping[str, str]) -> str | None:
    """The URL by its address on this machine; None for a name that is not the twin's."""
    parts = urlsplit(url)
    port = parts.port or PORTS.get(parts.scheme, 0)
    place = names.get(f"{parts.hostname}:{port}")
    if place is None and (address := names.get(str(parts.hostname))):
        place = f"{address}:{port}"
    return parts._replace(netloc=place).geturl() if place else None

"""Where on this machine the names of a twin's private zone and load balancers answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from twin.folder import Twin

PORTS = {"http": 80, "https": 443}
FUNCTION = re.compile(r"([a-z0-9]{32})[.]lambda-url[.]")


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


def shown(url: str, names: Mapping[str, str]) -> str:
    """What a browser of this machine opens in the place of the URL, or the URL itself.

    MiniStack serves a function by a path too, for whoever's resolver does not know the function's name.
    """
    place = here(url, names)
    function = FUNCTION.match(str(urlsplit(url).hostname))
    if place is None or function is None:
        return place or url
    parts = urlsplit(place)
    return parts._replace(path=f"/_aws/lambda-url/{function[1]}{parts.path}").geturl()

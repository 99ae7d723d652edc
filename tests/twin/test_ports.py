"""Two twins never share an address: whoever holds a place keeps others from it."""

from __future__ import annotations

import random
import socket

import pytest

from twin import ports
from twin.folder import LOOPBACK, TwinError


@pytest.fixture
def free() -> list[int]:
    """Two places that are free now."""
    found: list[int] = []
    for number in random.sample(range(ports.BLOCKS), ports.TRIES):
        try:
            ports.take([number]).held.close()
        except TwinError:
            continue
        found.append(number)
        if len(found) == 2:
            return found
    raise AssertionError("hardly anything is free here")


def test_a_place_that_is_held_is_given_to_nobody_else(free: list[int]) -> None:
    first = ports.take(free)
    second = ports.take(free)
    with first.held, second.held:
        assert first.block != second.block
        assert not {first.gateway, first.pipeline} & {second.gateway, second.pipeline}
        with pytest.raises(TwinError, match="no free part"):
            ports.take(free)


def test_a_place_is_free_again_when_its_holder_is_gone(free: list[int]) -> None:
    ports.take(free[:1]).held.close()
    again = ports.take(free[:1])
    again.held.close()
    assert again.block == f"127.{64 + free[0] // 100}.{free[0] % 100}"


@pytest.mark.parametrize("which", ["database", "balancer", "gateway", "pipeline"])
def test_a_place_where_something_listens_is_passed_over(free: list[int], which: str) -> None:
    place = ports.take(free[:1])
    place.held.close()
    address = {
        "database": (f"{place.block}.2", 5432),
        "balancer": (f"{place.block}.10", 8080),
        "gateway": (LOOPBACK, place.gateway),
        "pipeline": (LOOPBACK, place.pipeline),
    }[which]
    with socket.create_server(address):
        other = ports.take(free)
        other.held.close()
    assert other.block != place.block


def test_every_place_lies_below_the_ports_that_the_kernel_gives_away() -> None:
    assert ports.FIRST_PORT + 2 * ports.BLOCKS <= 32_768


def test_where_everything_is_taken_the_message_says_by_what(free: list[int]) -> None:
    with ports.take(free[:1]).held, pytest.raises(TwinError, match=r"127\.\d+\.\d+\.1:\d+ is taken.*ss -ltn"):
        ports.take(free[:1])

"""TLS in front of a server that has none, as clients of PostgreSQL ask for it."""

from __future__ import annotations

import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator

import pytest

from twin import certificates, ports
from twin.emulator.tls_door import GSS, TLS, Address, TlsDoor
from twin.folder import Twin

STARTUP = b"\0\0\0\x08\0\x03\0\0"
"""Of version 3 of the protocol, without encryption."""


class Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        while received := self.request.recv(1024):
            self.request.sendall(received)


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twin]:
    place = ports.take()
    twin = Twin(tmp_path_factory.mktemp("twin"), place.gateway, place.pipeline, place.block, "t")
    certificates.issue(twin)
    yield twin
    place.held.close()


@pytest.fixture(scope="module")
def target() -> Iterator[Address]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield "127.0.0.1", int(server.server_address[1])
        server.shutdown()


@pytest.fixture(params=[True, False], ids=["must", "may"])
def door(twin: Twin, target: Address, request: pytest.FixtureRequest) -> Iterator[tuple[Address, bool]]:
    address = twin.address(2), 5432
    door = TlsDoor(address, target, certificate=twin.certificate, key=twin.key, must=request.param)
    yield address, request.param
    door.close()


def test_whoever_asks_for_encryption_speaks_with_the_server(twin: Twin, door: tuple[Address, bool]) -> None:
    address, _ = door
    context = ssl.create_default_context(cafile=str(twin.ca))
    with socket.create_connection(address, timeout=5) as plain:
        plain.sendall(GSS)
        assert plain.recv(1) == b"N"
        plain.sendall(TLS)
        assert plain.recv(1) == b"S"
        with context.wrap_socket(plain, server_hostname=address[0]) as encrypted:
            encrypted.sendall(b"hello")
            assert encrypted.recv(5) == b"hello"


def test_whoever_does_not_is_refused_where_encryption_is_a_must(door: tuple[Address, bool]) -> None:
    address, must = door
    with socket.create_connection(address, timeout=5) as plain:
        plain.sendall(STARTUP)
        answer = plain.recv(100)
    assert (b"no encryption" in answer) if must else answer == STARTUP

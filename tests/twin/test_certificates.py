"""Whoever trusts a twin's authority reaches that twin over TLS, and nobody else."""

from __future__ import annotations

import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from twin import certificates
from twin.folder import Twin


def twin_in(folder: Path) -> Twin:
    twin = Twin(folder=folder, gateway=1, pipeline=2, block="127.81.7", token="t")
    certificates.issue(twin)
    return twin


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Twin:
    return twin_in(tmp_path_factory.mktemp("twin"))


def meet(server: Twin, client: Twin, name: str) -> str | None:
    """The version of TLS that the two agree upon over a pair of sockets."""
    ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ours.load_cert_chain(server.certificate, server.key)
    theirs = ssl.create_default_context(cafile=client.ca)
    left, right = socket.socketpair()
    left.settimeout(2)
    right.settimeout(2)
    with left, right, ThreadPoolExecutor(1) as pool:
        serving = pool.submit(ours.wrap_socket, left, server_side=True)
        try:
            with theirs.wrap_socket(right, server_hostname=name) as secured:
                serving.result().close()
                return secured.version()
        finally:
            right.close()
            serving.exception()


@pytest.mark.parametrize(
    "name",
    ["127.0.0.1", "localhost", "127.81.7.2", "x.us-east-1.awsapprunner.com", "x.lambda-url.us-east-1.on.aws"],
)
def test_a_client_with_the_authority_is_content(twin: Twin, name: str) -> None:
    assert meet(twin, twin, name) == "TLSv1.3"


@pytest.mark.parametrize("name", ["127.81.8.2", "s3.amazonaws.com"])
def test_another_twins_address_and_a_real_name_are_not_covered(twin: Twin, name: str) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        meet(twin, twin, name)


def test_the_authority_of_another_twin_does_not_count(twin: Twin, tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        meet(twin, twin_in(tmp_path), "127.0.0.1")


def test_only_the_owner_reads_the_key_and_the_authoritys_own_is_not_kept(twin: Twin) -> None:
    assert twin.key.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in twin.ca.parent.iterdir()) == ["ca.pem", "server.key", "server.pem"]


def test_it_is_valid_for_a_month(twin: Twin) -> None:
    certificate = x509.load_pem_x509_certificate(twin.certificate.read_bytes())
    assert 29 <= (certificate.not_valid_after_utc - datetime.now(UTC)).days <= 30

"""What MiniStack reads of its environment."""

from __future__ import annotations

from twin.folder import ACCOUNT, LOOPBACK, REGION, Twin


def variables(twin: Twin) -> dict[str, str]:
    """IAM enforced, TLS, loopback alone, no listeners of its own accord, and nothing written outside the folder."""
    temporary = twin.folder / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    return {
        **twin.trust(),
        "AUTH": "true",
        "GATEWAY_PORT": str(twin.gateway),
        "BIND_HOST": LOOPBACK,
        "MINISTACK_HOST": "localhost",
        "MINISTACK_REGION": REGION,
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "USE_SSL": "1",
        "MINISTACK_SSL_CERT": str(twin.certificate),
        "MINISTACK_SSL_KEY": str(twin.key),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "PERSIST_STATE": "0",
        "S3_PERSIST": "0",
        "LOG_LEVEL": "WARNING",
        "TMPDIR": str(temporary),
        "STATE_DIR": str(temporary / "state"),
        "S3_DATA_DIR": str(temporary / "s3"),
        # Without an engine of its own MiniStack falls back to processes; another's must not be used.
        "DOCKER_HOST": f"unix://{twin.folder / 'no-engine'}",
    }

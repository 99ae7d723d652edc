"""What is known of one twin, in the one folder that holds its state."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / ".venv/bin/python"
EMULATOR_PYTHON = ROOT / ".venv/twin/bin/python"
"""The emulator pins botocore, so it has an environment of its own."""
NODE = ROOT / ".venv/lib/node/bin"
LOOPBACK = "127.0.0.1"
REGION = "us-east-1"
ACCOUNT = "000000000000"
FOLDER = "EVERGREEN_TWIN"
"""The variable that names the folder to every process of a twin."""
RECORD = "twin.json"


class TwinError(Exception):
    """Something about a twin that a person can mend; the message says what to do."""


@dataclass(frozen=True)
class Twin:
    """Where a twin's parts are. `block`, such as 127.81.7, is its part of the loopback range."""

    folder: Path
    gateway: int
    pipeline: int
    """The port behind which the emulator finds CodePipeline."""
    block: str
    token: str
    """What a caller of `/_twin/` shows."""

    @property
    def endpoint(self) -> str:
        return f"https://{LOOPBACK}:{self.gateway}"

    @property
    def ca(self) -> Path:
        return self.folder / "tls/ca.pem"

    @property
    def certificate(self) -> Path:
        """The server's chain; it holds for every address of the block."""
        return self.folder / "tls/server.pem"

    @property
    def key(self) -> Path:
        return self.folder / "tls/server.key"

    @property
    def names(self) -> Path:
        """Lines `NAME:PORT ADDRESS:PORT` or `NAME ADDRESS`: the private zone and the load balancers."""
        return self.folder / "names"

    def address(self, host: int) -> str:
        return f"{self.block}.{host}"

    def trust(self) -> dict[str, str]:
        """The variables by which a process finds the emulator and trusts it; no credentials."""
        ca = str(self.ca)
        return {
            FOLDER: str(self.folder),
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            # A profile of the person who types would send calls to a real account.
            # Not the null device: DVC takes that for a file and fails.
            "AWS_CONFIG_FILE": str(self.folder / "no-config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.folder / "no-credentials"),
            "AWS_CA_BUNDLE": ca,
            "SSL_CERT_FILE": ca,
            "NODE_EXTRA_CA_CERTS": ca,
        }

    def administrator(self) -> dict[str, str]:
        """The variables of whoever owns the account."""
        return {**self.trust(), "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}

    def save(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        document = {name: value for name, value in self.__dict__.items() if name != "folder"}
        descriptor = os.open(self.folder / RECORD, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=2)

    @classmethod
    def load(cls, folder: Path) -> Twin:
        """Raises TwinError when no twin lives there."""
        try:
            document: dict[str, Any] = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise TwinError(f"no twin lives in {folder}: start one with `make twin`") from None
        return cls(folder=folder, **document)

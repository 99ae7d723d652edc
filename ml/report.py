"""Put the page and the record of a decision where the person who has to say yes will look."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from ml.approval import decision_in
from ml.errors import UserError
from ml.io.artifacts import fetch_decision
from ml.io.objects import SCHEME, Address, upload
from ml.io.registry import Registry
from ml.io.tables import DECISION
from ml.loop import newest_challenger
from ml.page import decision_page


def write_report(registry: Registry, number: int | None, output: str) -> str:
    """Write both, and give back where the page is. Raises UserError where there is no decision or no way to write.

    The record is written as it was found: its sha256 is the registry's, also where a later decision has more fields.
    """
    version = registry.version(number) if number is not None else newest_challenger(registry)
    record = fetch_decision(registry.tracking, version)
    if record is None:
        command = f"evergreen prove {version.name} --version {version.number}"
        raise UserError(f"{version.name} version {version.number} was never judged; run `{command}`")
    page = decision_page(decision_in(record, version)).encode()
    if output.startswith(SCHEME):
        address = Address.parse(output)
        upload(address, page, "text/html; charset=utf-8")
        beside = str(PurePosixPath(address.key).with_name(DECISION))
        upload(Address(address.bucket, beside), record, "application/json")
        return output
    try:
        Path(output).write_bytes(page)
        Path(output).with_name(DECISION).write_bytes(record)
    except OSError as error:
        raise UserError(f"{output} cannot be written: {error.strerror}") from error
    return output

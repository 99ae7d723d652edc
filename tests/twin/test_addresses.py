"""Names of a twin lead to this machine, and no other name does."""

from __future__ import annotations

from pathlib import Path

import pytest

from twin import addresses
from twin.folder import Twin

NAMES = {
    "dev-1.us-east-1.elb.amazonaws.com:80": "127.81.7.10:8080",
    "mlflow.evergreen.internal:5000": "127.81.7.100:5000",
    "plain.internal": "127.81.7.9",
}


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://dev-1.us-east-1.elb.amazonaws.com", "http://127.81.7.10:8080"),
        ("http://dev-1.us-east-1.elb.amazonaws.com/predict", "http://127.81.7.10:8080/predict"),
        ("http://mlflow.evergreen.internal:5000", "http://127.81.7.100:5000"),
        ("https://plain.internal/x", "https://127.81.7.9:443/x"),
        ("https://example.com", None),
    ],
)
def test_a_name_of_the_twin_becomes_where_it_answers(url: str, here: str | None) -> None:
    assert addresses.here(url, NAMES) == here


def test_before_anything_has_a_name_none_is_known(tmp_path: Path) -> None:
    twin = Twin(folder=tmp_path, gateway=1, pipeline=2, block="127.81.7", token="t")
    assert addresses.known(twin) == {}
    twin.names.write_text("\n".join(f"{name} {place}" for name, place in NAMES.items()))
    assert addresses.known(twin) == NAMES

"""Names of a twin lead to this machine, and no other name does."""

from __future__ import annotations

from pathlib import Path

import pytest

from twin import addresses
from twin.folder import Twin

FUNCTION = f"{'a1' * 16}.lambda-url.us-east-1.on.aws"
NAMES = {
    "dev-1.us-east-1.elb.amazonaws.com:80": "127.81.7.10:8080",
    "mlflow.evergreen.internal:5000": "127.81.7.100:5000",
    "plain.internal": "127.81.7.9",
    f"{FUNCTION}:443": "127.0.0.1:4566",
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


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"https://{FUNCTION}/flights/1", f"https://127.0.0.1:4566/_aws/lambda-url/{'a1' * 16}/flights/1"),
        ("http://dev-1.us-east-1.elb.amazonaws.com/x", "http://127.81.7.10:8080/x"),
        ("https://example.com/x", "https://example.com/x"),
    ],
)
def test_a_browser_is_led_to_a_function_by_a_path_and_elsewhere_not_at_all(url: str, shown: str) -> None:
    assert addresses.shown(url, NAMES) == shown


def test_before_anything_has_a_name_none_is_known(tmp_path: Path) -> None:
    twin = Twin(folder=tmp_path, gateway=1, pipeline=2, block="127.81.7", token="t")
    assert addresses.known(twin) == {}
    twin.names.write_text("\n".join(f"{name} {place}" for name, place in NAMES.items()))
    assert addresses.known(twin) == NAMES

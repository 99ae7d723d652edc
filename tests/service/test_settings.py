from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from service.settings import SettingsError, read_settings


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TRACKING_URI", "TRACKING_USERNAME", "TRACKING_PASSWORD", "TRACKING_TOKEN", "S3_ENDPOINT_URL"):
        monkeypatch.delenv(f"MLFLOW_{name}", raising=False)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "nothing to serve"),
        ({"model": "m", "bundle": "b"}, "both set"),
        ({"model": "m"}, "needs a registry"),
        ({"model": "../m", "tracking_uri": "sqlite:///x"}, "EVERGREEN_MODEL"),
        ({"model": "m", "tracking_uri": "postgresql://x"}, "must begin with"),
        ({"model": "m", "tracking_uri": "http://x", "tracking_username": "u"}, "without a password"),
        ({"bundle": "b", "poll_seconds": 0}, "EVERGREEN_POLL_SECONDS"),
        ({"bundle": "b", "port": 70_000}, "EVERGREEN_PORT"),
        ({"bundle": "b", "max_rows": "many"}, "EVERGREEN_MAX_ROWS"),
        ({"bundle": "b", "capture_bucket": "rows"}, "EVERGREEN_CAPTURE_BUCKET needs EVERGREEN_CAPTURE,"),
        ({"bundle": "b", "capture": "c", "capture_share": 1.5}, "EVERGREEN_CAPTURE_SHARE"),
        ({"bundle": "b", "colour": "green"}, "COLOUR"),
    ],
)
def test_nonsense_is_refused_in_one_line(given: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings(**given)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_environment_fills_what_the_arguments_leave_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVERGREEN_MODEL", "insurance")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://registry:5000")
    monkeypatch.setenv("EVERGREEN_CACHE", "/somewhere")
    settings = read_settings(alias="challenger", port=None)
    assert (settings.model, settings.alias) == ("insurance", "challenger")
    assert settings.tracking_uri == "http://registry:5000"
    assert settings.cache == Path("/somewhere")
    monkeypatch.setenv("EVERGREEN_TRACKING_URI", "http://ours:5000")
    assert read_settings().tracking_uri == "http://ours:5000"


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read_settings(model="m", tracking_uri="http://x", tracking_username="u", tracking_password="hush")
    assert "hush" not in repr(settings)
    assert settings.tracking_password.get_secret_value() == "hush"

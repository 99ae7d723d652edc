"""What an image tells its program is what the program reads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ops.image_inputs import IMAGES, ROOT
from service.settings import read_settings
from stacks.serving.target import PORT


def variables(image: str) -> dict[str, str]:
    text = (ROOT / IMAGES[image].dockerfile).read_text()
    return dict(re.findall(r"^(?:ENV|\s+)\s*([A-Z_]+)=(\S+)", text[text.rindex("FROM") :], flags=re.MULTILINE))


def test_the_service_accepts_what_its_image_sets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given = {name: value for name, value in variables("service").items() if name.startswith("EVERGREEN_")}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings = read_settings(bundle=tmp_path)
    assert set(given) == {"EVERGREEN_HOST", "EVERGREEN_PORT", "EVERGREEN_CACHE"}
    assert (settings.host, settings.port) == (given["EVERGREEN_HOST"], PORT)
    assert f"EXPOSE {PORT}" in (ROOT / IMAGES["service"].dockerfile).read_text()

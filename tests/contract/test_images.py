"""What an image tells its program is what the program reads, and what the program reads is in the image."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from ops.image_inputs import IMAGES, ROOT, entries
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


@pytest.mark.parametrize(("image", "rooms"), [("service", ["service"]), ("training", ["ml", "service"])])
def test_an_image_holds_every_file_of_its_rooms_whatever_its_kind(image: str, rooms: list[str]) -> None:
    tracked = subprocess.run(["git", "ls-files", *rooms], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    there = {name for name in tracked.splitlines() if (ROOT / name).is_file()}
    assert there
    assert there <= {entry.name for entry in entries(IMAGES[image])}

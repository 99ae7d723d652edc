"""What MiniStack is told."""

from __future__ import annotations

from pathlib import Path

from twin.emulator.environment import variables
from twin.folder import Twin


def test_the_emulator_enforces_iam_on_loopback_and_writes_in_its_folder(tmp_path: Path) -> None:
    told = variables(Twin(tmp_path, gateway=4000, pipeline=4001, block="127.81.7", token="token"))

    assert (told["AUTH"], told["BIND_HOST"], told["GATEWAY_PORT"]) == ("true", "127.0.0.1", "4000")
    assert all(told[name].startswith(str(tmp_path / "tmp")) for name in ("TMPDIR", "STATE_DIR", "S3_DATA_DIR"))
    assert (tmp_path / "tmp").is_dir()


def test_nobodys_container_engine_is_used(tmp_path: Path) -> None:
    told = variables(Twin(tmp_path, gateway=4000, pipeline=4001, block="127.81.7", token="token"))

    assert told["DOCKER_HOST"].startswith(f"unix://{tmp_path}")

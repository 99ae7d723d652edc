"""Private names are answered from the twin's file, in every process that has the folder on its path."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from twin.emulator.worker_environment import NAMES, given, of_a_worker
from twin.folder import FOLDER, Twin
from twin.names import sitecustomize

NAME = "mlflow.evergreen.internal"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(socket, "getaddrinfo", socket.getaddrinfo)
    path = tmp_path / "names"
    path.write_text(f"{NAME}:5000 127.81.7.100:5001\n{NAME} 127.81.7.9\n\nbroken\n")
    sitecustomize.install(path)
    yield path


def ask(name: str, port: int | str) -> list[tuple[str, int]]:
    return [entry[4][:2] for entry in socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)]  # type: ignore[misc]


def test_a_name_with_its_port_leads_to_the_tasks_own(file: Path) -> None:
    assert ask(NAME, 5000) == [("127.81.7.100", 5001)]


def test_another_port_of_the_name_stays_as_it_is(file: Path) -> None:
    assert ask(f"{NAME.upper()}.", 8080) == [("127.81.7.9", 8080)]


def test_a_change_of_the_file_is_seen(file: Path) -> None:
    ask(NAME, 5000)
    fresh = file.with_suffix(".new")
    fresh.write_text(f"{NAME}:5000 127.81.7.101:5000\n{NAME}:5000 127.81.7.102:5000\n")
    fresh.replace(file)
    assert ask(NAME, 5000) == [("127.81.7.101", 5000), ("127.81.7.102", 5000)]


def test_all_else_is_asked_of_the_system(file: Path) -> None:
    assert ask("127.0.0.1", 80) == [("127.0.0.1", 80)]
    file.unlink()
    assert ask("localhost", 80)


@pytest.mark.parametrize("variable", ["TWIN_NAMES", FOLDER])
def test_a_process_finds_the_file_by_its_environment(tmp_path: Path, variable: str) -> None:
    (tmp_path / "names").write_text(f"{NAME} 127.81.7.9\n")
    value = tmp_path / "names" if variable == "TWIN_NAMES" else tmp_path
    program = f"import socket; print(socket.getaddrinfo('{NAME}', 1)[0][4][0])"
    environment = {"PYTHONPATH": str(NAMES), variable: str(value)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "127.81.7.9"


def test_a_function_has_its_own_variables_and_none_of_the_emulators(tmp_path: Path) -> None:
    """EVERGREEN_TWIN would be a setting that the retrain function does not know."""
    twin = Twin(folder=tmp_path, gateway=1, pipeline=2, block="127.81.7", token="secret")
    emulator = {**twin.administrator(), "PATH": "/bin", "GATEWAY_PORT": "1"}
    own = {"EVERGREEN_TABLE": "memory", "AWS_ACCESS_KEY_ID": "ASIA1", "AWS_SECRET_ACCESS_KEY": "role's"}
    variables = of_a_worker({**emulator, **own}, emulator, given(twin))
    assert own.items() <= variables.items()
    assert variables["PATH"] == "/bin"
    assert variables["AWS_ENDPOINT_URL"] == twin.endpoint
    assert not {FOLDER, "GATEWAY_PORT"} & set(variables)
    assert "test" not in variables.values()

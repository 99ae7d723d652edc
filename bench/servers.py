"""The four servers: how each is started, asked, and understood."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.processes import HOST
from bench.trained import Trained
from service.schema import Task, Value

SERVICE, CEILING, MLFLOW, NAIVE = "service", "ceiling", "mlflow", "naive"
NAMES = (SERVICE, CEILING, MLFLOW, NAIVE)
Row = Mapping[str, Value]


@dataclass(frozen=True)
class Server:
    """Command and environment take the port. `output` reads the model's output; None where no model answers."""

    name: str
    title: str
    command: Callable[[int], list[str]]
    environment: Callable[[int], Mapping[str, str]]
    path: str
    body: Callable[[Row], Any]
    output: Callable[[Any], float] | None

    def content(self, row: Row) -> bytes:
        return json.dumps(self.body(row)).encode()

    def request(self, row: Row) -> bytes:
        """A whole HTTP/1.1 request."""
        content = self.content(row)
        head = (
            f"POST {self.path} HTTP/1.1\r\nhost: {HOST}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(content)}\r\n\r\n"
        )
        return head.encode() + content


def build_servers(trained: Trained) -> list[Server]:
    """All four, each started by the command that a user of it would type, with one worker."""
    return [
        _service(trained, SERVICE, "this service", "service", _plain_output(trained.problem.task)),
        _service(trained, CEILING, "its ceiling", "bench.peers.empty", None),
        _mlflow(trained),
        _naive(trained),
    ]


def constant_server() -> Server:
    """No server of predictions: it bounds what the load generator can do."""
    return Server(
        name="constant",
        title="the constant server",
        command=lambda port: [sys.executable, "-m", "bench.peers.constant", str(port)],
        environment=lambda _port: {},
        path="/predict",
        body=dict,
        output=None,
    )


def _service(trained: Trained, name: str, title: str, module: str, output: Callable[[Any], float] | None) -> Server:
    bundle = str(trained.folder / "bundle")
    return Server(
        name=name,
        title=title,
        command=lambda _port: [sys.executable, "-m", module],
        environment=lambda port: {
            "EVERGREEN_BUNDLE": bundle, "EVERGREEN_MODEL": "", "EVERGREEN_HOST": HOST, "EVERGREEN_PORT": str(port),
        },
        path="/predict",
        body=dict,
        output=output,
    )  # fmt: skip


def _mlflow(trained: Trained) -> Server:
    binaries = Path(sys.executable).parent
    # mlflow starts uvicorn through a shell, which finds it on the path.
    environment = {
        "MLFLOW_TRACKING_URI": trained.workspace.tracking.uri,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PATH": os.pathsep.join([str(binaries), os.environ.get("PATH", "")]),
    }
    uri = f"models:/{trained.problem.name}/{trained.version}"
    options = ["--env-manager", "local", "--host", HOST, "--workers", "1"]
    return Server(
        name=MLFLOW,
        title="mlflow models serve",
        command=lambda port: [str(binaries / "mlflow"), "models", "serve", "-m", uri, *options, "-p", str(port)],
        environment=lambda _port: environment,
        path="/invocations",
        body=lambda row: {"dataframe_split": {"columns": list(row), "data": [list(row.values())]}},
        output=_mlflow_output(trained.problem.task),
    )


def _naive(trained: Trained) -> Server:
    given = [str(trained.workspace.problem_file(trained.problem.name)), str(trained.folder / "model")]
    return Server(
        name=NAIVE,
        title="naive app",
        command=lambda port: [sys.executable, "-m", "bench.peers.naive", *given, str(port)],
        environment=lambda _port: {},
        path="/predict",
        body=dict,
        output=_plain_output(trained.problem.task),
    )


def _plain_output(task: Task) -> Callable[[Any], float]:
    key = "probability" if task == "binary" else "prediction"
    return lambda answer: float(answer[key])


def _mlflow_output(task: Task) -> Callable[[Any], float]:
    if task == "binary":
        return lambda answer: float(answer["predictions"][0][1])
    return lambda answer: float(answer["predictions"][0])

"""Only a server that is right may be timed."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from bench.errors import BenchError, RefusedError
from bench.measure import Bench, Plan
from bench.processes import HOST
from bench.servers import CEILING, SERVICE, Server, build_servers
from bench.trained import Trained, load_trained
from ml.io.tracking import Tracking
from ml.io.workspace import Workspace
from ml.problem import read_problem
from service.predictor import load_predictor
from service.schema import Value
from tests.support.bundles import ROWS, write_bundle

ROOT = Path(__file__).parents[2]


def toy(tmp_path: Path, *, served_offset: float = 0.5) -> tuple[Trained, dict[str, Server]]:
    """Expectations of a model with offset 0.5, and servers of the bundle that lies where a trained one would."""
    workspace = Workspace(ROOT, Tracking.embedded(tmp_path / "var"))
    right = load_predictor(write_bundle(tmp_path / "right"))
    served = write_bundle(tmp_path / "served", offset=served_offset)
    rows: list[dict[str, Value]] = [*ROWS]
    columns: Mapping[str, list[Value]] = {name: [row[name] for row in rows] for name in rows[0]}
    problem = read_problem(workspace.problem_file("insurance"))
    trained = Trained(workspace, problem, 1, rows, right.many(columns))
    servers = {server.name: server for server in build_servers(trained)}
    for name in (SERVICE, CEILING):
        _serve(servers, name, served.folder)
    return trained, servers


def _serve(servers: dict[str, Server], name: str, folder: Path) -> None:
    given = servers[name]
    environment = given.environment
    servers[name] = Server(
        name=given.name,
        title=given.title,
        command=given.command,
        environment=lambda port: {**environment(port), "EVERGREEN_BUNDLE": str(folder)},
        path=given.path,
        body=given.body,
        output=given.output,
    )


def bench(trained: Trained) -> Bench:
    return Bench(trained, Plan(rounds=1, seconds=0.2, connections=2))


def test_a_server_that_answers_rightly_is_timed(tmp_path: Path) -> None:
    trained, servers = toy(tmp_path)
    measure = bench(trained)
    assert measure.check(list(servers.values())[:2])[SERVICE] <= 1e-9
    [samples] = measure.rounds([servers[SERVICE], servers[CEILING]])
    assert samples.keys() == {SERVICE, CEILING}
    for sample in samples.values():
        assert sample.requests_per_second > 0.0
        assert sample.memory.rss > 10.0
        assert 0.0 < sample.start_seconds < 60.0


def test_a_server_that_answers_wrongly_is_refused(tmp_path: Path) -> None:
    trained, servers = toy(tmp_path, served_offset=0.5001)
    with pytest.raises(RefusedError, match=r"this service differs from scikit-learn by .* nothing was timed"):
        bench(trained).check([servers[SERVICE]])


def test_a_server_that_ends_at_once_is_named_with_its_last_words(tmp_path: Path) -> None:
    trained, servers = toy(tmp_path)
    _serve(servers, SERVICE, tmp_path / "nowhere")
    with pytest.raises(BenchError, match=r"this service ended before its first answer: .*nowhere"):
        bench(trained).check([servers[SERVICE]])


def test_without_a_trained_model_the_user_is_told_what_to_run(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("problems: [flights, insurance]\n")
    workspace = Workspace(tmp_path, Tracking.embedded(tmp_path / "var"))
    with pytest.raises(RefusedError, match=r"no problem is trained in this checkout: run `make run PROBLEM=flights`"):
        load_trained(workspace, None)
    with pytest.raises(RefusedError, match=r"problem 'insurance' is not trained .* PROBLEM=insurance"):
        load_trained(workspace, "insurance")


def test_servers_listen_on_loopback_only(tmp_path: Path) -> None:
    _, servers = toy(tmp_path)
    assert servers[SERVICE].environment(1)["EVERGREEN_HOST"] == HOST
    assert servers["mlflow"].command(1)[-6:-4] == ["--host", HOST]
    assert all(server.command(1)[0].startswith(str(Path(sys.executable).parent)) for server in servers.values())

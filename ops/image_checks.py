"""Runs each image as the cloud would, hardened, and calls it: train, serve what was trained, keep a registry.

The training image makes and proves a model of made-up rows without a network; the service image must then answer over
HTTP with the very numbers that `evergreen predict` gave in the first.
"""

from __future__ import annotations

import io
import json
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ops.engine import USER, Engine, EngineError, Finished, Server, last_line

SERVICE_MEMORY, MLFLOW_MEMORY, TRAINING_MEMORY = "512m", "2g", "3g"
TRAINING_OPTIONS = ("--entrypoint=bash",)
TRAIN = r"""
set -eu
cp -r /app /tmp/checkout
cd /tmp/checkout
sed -i 's/^parity_rows:.*/parity_rows: 2000/; s/^resamples:.*/resamples: 200/' params.yaml
python -m ml.cli train insurance --data synthetic:2000 --json >&2
python -c 'import json, sys; print(json.dumps(json.load(sys.stdin)["rows"][:50]))' \
    < data/work/insurance/bundle/golden.json > rows.json
python -m ml.cli predict insurance --version 1 @rows.json --json > answer.json
python -m ml.cli prove insurance --json > proof.json || [ $? = 3 ]
tar -c rows.json answer.json proof.json -C data/work/insurance bundle
"""
INSIDE = """
import importlib.util, json, os, shutil, sys
programs = [name for name in ("gcc", "cc", "g++", "make", "ld") if shutil.which(name)]
modules = [name for name in ("sklearn", "mlflow", "pandas", "scipy", "dvc") if importlib.util.find_spec(name)]
try:
    open("/written", "w")
    writable = True
except OSError:
    writable = False
print(json.dumps({"uid": os.getuid(), "programs": programs, "modules": modules, "writable": writable}))
"""


@dataclass
class Checked:
    """What was found of one image; `seconds` is the start-up, or the run of one that only runs."""

    image: str
    size: str = ""
    user: str = ""
    seconds: float = 0.0
    memory: str = ""
    passed: int = 0
    failures: list[str] = field(default_factory=list)

    def expect(self, holds: object, claim: str, found: object = "") -> None:
        """Count a claim and say on standard error whether it holds, and what was found where it does not."""
        sys.stderr.write(f"  ok    {claim}\n" if holds else f"  FAIL  {claim} {found}\n")
        if holds:
            self.passed += 1
        else:
            self.failures.append(f"{claim} {found}".strip())


@dataclass(frozen=True)
class Trained:
    """A bundle in a folder, rows, and the probabilities that the trainer's own `predict` gave."""

    bundle: Path
    rows: list[dict[str, Any]]
    outputs: list[float]


def check(engine: Engine, names: dict[str, str]) -> list[Checked]:
    """Check the images `{"service": ..., "training": ..., "mlflow": ...}`; nothing of it stays behind."""
    with tempfile.TemporaryDirectory() as folder:
        training, trained = _check_training(engine, names["training"], Path(folder))
        service = _check_service(engine, names["service"], trained)
    return [service, training, _check_mlflow(engine, names["mlflow"])]


def table(found: list[Checked]) -> str:
    """One line an image."""
    rows = [("image", "size", "user", "seconds", "memory", "checks")]
    for each in found:
        verdict = f"{len(each.failures)} failed" if each.failures else f"{each.passed} ok"
        rows.append((each.image, each.size, each.user, f"{each.seconds:.1f}", each.memory, verdict))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def document(found: list[Checked]) -> str:
    return json.dumps([asdict(each) for each in found], indent=1)


def _check_training(engine: Engine, image: str, folder: Path) -> tuple[Checked, Trained | None]:
    trained: Trained | None = None
    with _checking(engine, "training", image) as checked:
        python = ("--entrypoint=python",)
        inside = _inside(engine.once(image, "-c", INSIDE, memory=TRAINING_MEMORY, options=python))
        checked.user = str(inside["uid"])
        _expect_closed(checked, inside)
        tools = engine.once(
            image, "-c", "git --version && tar --version", memory=TRAINING_MEMORY, options=TRAINING_OPTIONS
        )
        checked.expect(tools.code == 0, "CodeBuild finds bash, git and tar")
        libraries = engine.once(image, "-c", "import boto3, typer", memory=TRAINING_MEMORY, options=python)
        checked.expect(libraries.code == 0, "a rollout finds boto3 and typer")
        helped = engine.once(image, memory=TRAINING_MEMORY)
        checked.expect(helped.code == 0 and b"promote" in helped.out, "without arguments it says what it can do")
        run = engine.once(image, "-c", TRAIN, memory=TRAINING_MEMORY, options=TRAINING_OPTIONS)
        checked.seconds, checked.memory = run.seconds, f"< {TRAINING_MEMORY}"
        if run.code == 0:
            trained = _unpack(run.out, folder)
            _expect_proof(checked, json.loads((folder / "proof.json").read_bytes()))
        else:
            sys.stderr.write(run.err[-4000:])
        checked.expect(trained, "it trains, seals, predicts and proves without a network")
    return checked, trained


def _expect_proof(checked: Checked, record: dict[str, Any]) -> None:
    """Whatever the policy says of made-up rows."""
    parity = record["parity"]
    checked.expect(parity and not parity["failure"], "it starts the service on loopback and finds its answers", parity)
    checked.expect(record["attached"]["explanation"], "it explains a model and needs no place for compiled code")


def _check_service(engine: Engine, image: str, trained: Trained | None) -> Checked:
    with _checking(engine, "service", image) as checked:
        inside = _inside(engine.once(image, "python", "-c", INSIDE, memory=SERVICE_MEMORY))
        checked.user = str(inside["uid"])
        _expect_closed(checked, inside)
        _expect_server(engine, image, checked, memory=SERVICE_MEMORY)
        checked.expect(not inside["programs"], "it has no compiler", inside["programs"])
        checked.expect(not inside["modules"], "it has none of the training libraries", inside["modules"])
        _check_waiting(engine, image, checked)
        checked.expect(trained, "there is a bundle to serve")
        if trained is not None:
            _check_predictions(engine, image, checked, trained)
    return checked


def _check_waiting(engine: Engine, image: str, checked: Checked) -> None:
    away = {"EVERGREEN_MODEL": "insurance", "EVERGREEN_TRACKING_URI": "http://127.0.0.1:9"}
    with engine.serving(image, 8000, memory=SERVICE_MEMORY, environment=away, options=()) as server:
        server.await_status("/livez", 200, seconds=30)
        checked.expect(server.get("/readyz")[0] == 503, "without a registry it lives, and is not ready")


def _check_predictions(engine: Engine, image: str, checked: Checked, trained: Trained) -> None:
    mount = f"--mount=type=bind,source={trained.bundle},target=/bundle,readonly"
    environment = {"EVERGREEN_BUNDLE": "/bundle"}
    with engine.serving(image, 8000, memory=SERVICE_MEMORY, environment=environment, options=[mount]) as server:
        checked.seconds = server.await_status("/readyz", 200, seconds=60)
        answers = [server.post("/predict", row) for row in trained.rows]
        checked.expect({status for status, _ in answers} == {200}, f"{len(answers)} rows are answered with 200")
        checked.expect(
            [answer.get("probability") for _, answer in answers] == trained.outputs,
            "its numbers are those of `evergreen predict`",
        )
        checked.expect(server.post("/predict", {"Age": "old"})[0] == 422, "a row that makes no sense is refused")
        checked.expect(b"evergreen_model_loaded 1.0" in server.get("/metrics")[1], "its metrics name the model")
        server.await_healthy(seconds=20)
        checked.expect(True, "its health check turns healthy")
        checked.memory = server.memory()
        code, seconds = server.stop()
        checked.expect(code == 0 and seconds < 5, "it ends by itself when told to", f"code {code}, {seconds:.1f} s")


def _check_mlflow(engine: Engine, image: str) -> Checked:
    with _checking(engine, "mlflow", image) as checked:
        inside = _inside(engine.once(image, "python", "-c", INSIDE, memory=MLFLOW_MEMORY))
        checked.user = str(inside["uid"])
        _expect_closed(checked, inside)
        config = engine.inspect(image)["Config"]
        _expect_server(engine, image, checked, memory=MLFLOW_MEMORY)
        libraries = "import boto3, psycopg, flask_wtf, mlflow.server.auth.config"
        done = engine.once(image, "python", "-c", libraries, memory=MLFLOW_MEMORY)
        checked.expect(done.code == 0, "it speaks to S3 and PostgreSQL, and can ask for a login", done.err[-500:])
        migrated = ("sh", "-c", 'mlflow db upgrade "$MLFLOW_BACKEND_STORE_URI" && exec "$@"', "server")
        command = (*migrated, *config["Cmd"])
        with engine.serving(image, 5000, *command, memory=MLFLOW_MEMORY, environment={}, options=()) as server:
            checked.seconds = server.await_status("/health", 200, seconds=120)
            checked.expect("Updating database tables" in server.log(), "a command of its own migrates the database")
            _check_registry(checked, server)
    return checked


def _check_registry(checked: Checked, server: Server) -> None:
    version = server.execute("python", "-c", "import importlib.metadata as m; print(m.version('mlflow'))").stdout
    checked.expect(server.get("/version")[1].decode().strip() == version.decode().strip(), "/version is what is locked")
    status, made = server.post("/api/2.0/mlflow/experiments/create", {"name": "check"})
    checked.expect(status == 200 and made.get("experiment_id"), "a client can create an experiment")
    status, _ = server.post("/api/2.0/mlflow/registered-models/create", {"name": "check"})
    checked.expect(status == 200, "a client can register a model")
    server.await_healthy(seconds=30)
    checked.expect(True, "its health check turns healthy")
    checked.memory = server.memory()
    code, seconds = server.stop()
    checked.expect(code == 0 and seconds < 10, "it ends by itself when told to", f"code {code}, {seconds:.1f} s")


@contextmanager
def _checking(engine: Engine, name: str, image: str) -> Iterator[Checked]:
    """What raises ends the checks of this image, not those of the others."""
    sys.stderr.write(f"{name}: {image}\n")
    checked = Checked(name, size=f"{engine.inspect(image)['Size'] / 1e6:.0f} MB")
    try:
        yield checked
    except EngineError as error:
        checked.expect(False, str(error))


def _inside(done: Finished) -> dict[str, Any]:
    if done.code != 0:
        raise EngineError(f"Python does not run in it: {last_line(done.err.encode())}")
    found: dict[str, Any] = json.loads(done.out)
    return found


def _expect_closed(checked: Checked, inside: dict[str, Any]) -> None:
    checked.expect(inside["uid"] != 0 and not inside["writable"], "it runs without root, on a root that is read-only")


def _expect_server(engine: Engine, image: str, checked: Checked, *, memory: str) -> None:
    checked.expect(engine.inspect(image)["Config"]["User"] == USER, "it is not root by itself")
    done = engine.once(image, "touch", "/tmp/written", memory=memory, scratch="--volume=/tmp")  # noqa: S108
    checked.expect(done.code == 0, "a fresh volume at /tmp, as Fargate mounts one, lets its user write", done.err)


def _unpack(archive: bytes, folder: Path) -> Trained:
    """The tar that TRAIN wrote. The container that serves the bundle runs as another user, who must get in."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")
    answer = json.loads((folder / "answer.json").read_bytes())
    outputs = [each["probability"] for each in answer["predictions"]]
    return Trained(folder / "bundle", json.loads((folder / "rows.json").read_bytes()), outputs)

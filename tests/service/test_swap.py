from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.bundle import MANIFEST, SCHEMA, Bundle
from service.predictor import load_predictor
from service.schema import Feature
from service.settings import Settings
from tests.service.running import RegistryFile, eventually, metric, running
from tests.support.bundles import ROWS, write_bundle

ROW = ROWS[0]


def await_digest(client: httpx.Client, bundle: Bundle) -> None:
    eventually(lambda: digest_now(client) == bundle.digest)


def await_answer(seen: list[tuple[int, str, list[float]]], since: int, bundle: Bundle) -> None:
    eventually(lambda: any(digest == bundle.digest for _, digest, _ in seen[since:]))


def digest_now(client: httpx.Client) -> str | None:
    answer = client.get("/readyz")
    return str(answer.json()["model"]["digest"]) if answer.status_code == 200 else None


@pytest.fixture
def bundles(tmp_path: Path, registry: RegistryFile) -> list[Bundle]:
    """Three registered versions, none of them released."""
    made = [write_bundle(tmp_path / f"bundle-{n}", offset=float(n)) for n in (1, 2, 3)]
    for number, bundle in enumerate(made, start=1):
        registry.register(number, bundle)
    return made


def test_without_a_model_the_service_waits_and_then_becomes_ready(
    settings: Settings, registry: RegistryFile, tmp_path: Path
) -> None:
    with running(settings) as client:
        assert client.get("/livez").status_code == 200
        for response in (client.get("/readyz"), client.get("/model"), client.post("/predict", json=ROW)):
            assert response.status_code == 503
            assert response.json() == {"detail": "no model yet"}
            assert response.headers["retry-after"] == "5"
        assert client.get("/openapi.json").status_code == 200
        assert metric(client, "evergreen_model_loaded") == 0
        bundle = write_bundle(tmp_path / "first")
        registry.register(1, bundle)
        registry.release(1)
        eventually(lambda: digest_now(client) == bundle.digest)
        answer = client.post("/predict", json=ROW).json()
        assert answer["model"] == {"name": "toy", "version": "1", "digest": bundle.digest}


def test_the_alias_is_followed_forward_and_back(
    settings: Settings, registry: RegistryFile, bundles: list[Bundle]
) -> None:
    registry.release(1)
    with running(settings) as client:
        for number in (1, 2, 1):
            registry.release(number)
            await_digest(client, bundles[number - 1])
            answer = client.post("/predict", json=ROW).json()
            assert answer["probability"] == load_predictor(bundles[number - 1]).one(ROW)
            assert answer["model"]["version"] == str(number)
        assert metric(client, "evergreen_model_swaps_total") == 3


def test_a_swap_under_load_drops_no_request_and_each_answer_is_of_the_model_it_names(
    settings: Settings, registry: RegistryFile, bundles: list[Bundle]
) -> None:
    expected = {bundle.digest: load_predictor(bundle).one(ROW) for bundle in bundles}
    batch = {"rows": [ROW] * 400}
    stop = threading.Event()
    seen: list[tuple[int, str, list[float]]] = []

    def call(client: httpx.Client, path: str, body: Any) -> None:
        with httpx.Client(base_url=client.base_url, timeout=30.0) as own:
            while not stop.is_set():
                response = own.post(path, json=body)
                answer = response.json()
                outputs = answer.get("probabilities") or [answer.get("probability")]
                seen.append((response.status_code, answer.get("model", {}).get("digest", ""), outputs))

    registry.release(1)
    with running(settings) as client:
        eventually(lambda: digest_now(client))
        threads = [threading.Thread(target=call, args=(client, "/predict", ROW)) for _ in range(4)]
        threads.append(threading.Thread(target=call, args=(client, "/predict/batch", batch)))
        for thread in threads:
            thread.start()
        try:
            for number in (2, 3, 1, 2):
                registry.release(number)
                await_digest(client, bundles[number - 1])
                # The callers, too, have to have met each model before the next one comes.
                await_answer(seen, len(seen), bundles[number - 1])
        finally:
            stop.set()
            for thread in threads:
                thread.join()
    assert {status for status, _, _ in seen} == {200}
    assert {digest for _, digest, _ in seen} == set(expected)
    for _, digest, outputs in seen:
        assert outputs == pytest.approx([expected[digest]] * len(outputs), abs=1e-12)


def test_a_bundle_with_another_digest_is_refused_and_the_old_model_stays(
    settings: Settings, registry: RegistryFile, bundles: list[Bundle], tmp_path: Path
) -> None:
    registry.register(9, bundles[2], digest="0" * 64)
    registry.release(1)
    with running(settings) as client:
        await_digest(client, bundles[0])
        registry.release(9)
        eventually(lambda: metric(client, "evergreen_bundles_refused_total"))
        assert client.post("/predict", json=ROW).json()["model"]["version"] == "1"
        registry.release(2)
        await_digest(client, bundles[1])
    assert not (tmp_path / "cache" / "toy" / ("0" * 64)).exists()


@pytest.mark.parametrize("damage", ["altered", "truncated manifest", "missing file", "outside the folder"])
def test_a_damaged_bundle_is_refused_and_the_old_model_stays(
    settings: Settings, registry: RegistryFile, bundles: list[Bundle], damage: str
) -> None:
    folder = bundles[1].folder
    if damage == "altered":
        (folder / SCHEMA).write_text((folder / SCHEMA).read_text().replace("100", "101"))
    elif damage == "truncated manifest":
        (folder / MANIFEST).write_bytes((folder / MANIFEST).read_bytes()[:100])
    elif damage == "missing file":
        (folder / SCHEMA).unlink()
    else:
        (folder / MANIFEST).write_text((folder / MANIFEST).read_text().replace('"card.json"', '"../../card.json"'))
    registry.release(1)
    with running(settings) as client:
        await_digest(client, bundles[0])
        registry.release(2)
        eventually(lambda: metric(client, "evergreen_bundles_refused_total"))
        assert digest_now(client) == bundles[0].digest
    assert not (folder.parent / "cache" / "card.json").exists()


def test_with_the_registry_away_the_service_starts_from_its_copy(
    settings: Settings, registry: RegistryFile, bundles: list[Bundle]
) -> None:
    registry.release(1)
    with running(settings) as client:
        eventually(lambda: digest_now(client))
    shutil.rmtree(bundles[0].folder)
    with registry.away(), running(settings) as client:
        await_digest(client, bundles[0])
        assert client.get("/model").json()["origin"] == "disk"
        assert client.post("/predict", json=ROW).json()["model"]["version"] == "1"
        assert metric(client, "evergreen_registry_up") == 0


def test_the_registry_may_go_and_come_back_while_serving(
    settings: Settings, registry: RegistryFile, bundles: list[Bundle]
) -> None:
    registry.release(1)
    with running(settings) as client:
        eventually(lambda: digest_now(client))
        with registry.away():
            eventually(lambda: metric(client, "evergreen_registry_up") == 0)
            assert client.post("/predict", json=ROW).status_code == 200
        registry.release(2)
        await_digest(client, bundles[1])


def test_a_copy_that_was_altered_on_disk_is_not_served(
    settings: Settings, registry: RegistryFile, bundles: list[Bundle], tmp_path: Path
) -> None:
    registry.release(1)
    with running(settings) as client:
        eventually(lambda: digest_now(client))
    copy = tmp_path / "cache" / "toy" / bundles[0].digest / "card.json"
    copy.write_text("{}")
    with registry.away(), running(settings) as client:
        assert client.get("/readyz").status_code == 503
    with running(settings) as client:
        await_digest(client, bundles[0])
    assert json.loads(copy.read_bytes())["title"] == "A toy"


def test_a_copy_from_another_registry_is_not_served(
    settings: Settings, registry: RegistryFile, bundles: list[Bundle], tmp_path: Path
) -> None:
    registry.release(1)
    with running(settings) as client:
        eventually(lambda: digest_now(client))
    elsewhere = settings.model_copy(update={"tracking_uri": f"sqlite:///{tmp_path / 'other.db'}"})
    with running(elsewhere) as client:
        assert client.get("/readyz").status_code == 503


def test_a_withdrawn_alias_keeps_the_model_and_is_not_replaced_at_the_next_start(
    settings: Settings, registry: RegistryFile, bundles: list[Bundle]
) -> None:
    registry.release(1)
    with running(settings) as client:
        eventually(lambda: digest_now(client))
        registry.withdraw()
        registry.register(7, bundles[1])
        assert client.post("/predict", json=ROW).status_code == 200
    with running(settings) as client:
        assert client.get("/readyz").status_code == 503


def test_a_model_of_the_same_name_with_other_features_is_swapped_in_whole(
    settings: Settings, registry: RegistryFile, bundles: list[Bundle], tmp_path: Path
) -> None:
    other = write_bundle(
        tmp_path / "other", features=(Feature(name="Speed", kind="number", minimum=0, maximum=9, example=3.5),)
    )
    registry.register(4, other)
    registry.release(1)
    with running(settings) as client:
        await_digest(client, bundles[0])
        registry.release(4)
        await_digest(client, other)
        assert client.post("/predict", json={"Speed": 3.5}).status_code == 200
        assert client.post("/predict", json=ROW).status_code == 422
        row = client.get("/openapi.json").json()["components"]["schemas"]["Row"]
        assert list(row["properties"]) == ["Speed"]


def test_the_same_bundle_under_a_new_version_only_changes_its_name(
    settings: Settings, registry: RegistryFile, bundles: list[Bundle]
) -> None:
    registry.register(5, bundles[0])
    registry.release(1)
    with running(settings) as client:
        eventually(lambda: digest_now(client))
        registry.release(5)
        eventually(lambda: client.get("/readyz").json()["model"]["version"] == "5")
        assert client.post("/predict", json=ROW).json()["model"]["digest"] == bundles[0].digest


def test_the_last_three_copies_are_kept(settings: Settings, registry: RegistryFile, tmp_path: Path) -> None:
    made = [write_bundle(tmp_path / f"many-{n}", offset=n / 7) for n in range(5)]
    with running(settings) as client:
        for number, bundle in enumerate(made, start=1):
            registry.register(number, bundle)
            registry.release(number)
            await_digest(client, bundle)
    kept = {path.name for path in (tmp_path / "cache" / "toy").iterdir() if path.is_dir()}
    assert kept == {bundle.digest for bundle in made[-3:]}

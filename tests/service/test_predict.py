from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.bundle import Bundle
from service.predictor import load_predictor
from service.settings import Settings
from tests.service.conftest import INSURANCE, ROW
from tests.service.running import eventually, metric, running
from tests.support.bundles import write_bundle


def sample_rows(count: int) -> list[dict[str, Any]]:
    return [
        {**ROW, "Age": 18 + n % 83, "RegionID": n % 53, "Gender": ("Female", "Male")[n % 2], "AnnualPremium": n * 7.5}
        for n in range(count)
    ]


def test_the_row_of_the_documentation_is_answered_with_the_model_that_answered(
    client: httpx.Client, insurance: Bundle
) -> None:
    body = (
        '{"Gender":"Male","Age":49,"HasDrivingLicense":1,"RegionID":28,"Switch":0,'
        '"PastAccident":"1-2 Year","AnnualPremium":1885.05}'
    )
    response = client.post("/predict", content=body)
    assert response.status_code == 200
    answer = response.json()
    expected = load_predictor(insurance).one(ROW)
    assert answer == {
        "prediction": int(expected >= 0.5),
        "probability": expected,
        "model": {"name": "insurance", "version": None, "digest": insurance.digest},
        "request_id": response.headers["x-request-id"],
    }


def test_a_batch_equals_its_rows_one_by_one(client: httpx.Client) -> None:
    rows = sample_rows(40)
    batch = client.post("/predict/batch", json={"rows": rows}).json()
    singles = [client.post("/predict", json=row).json() for row in rows]
    assert batch["probabilities"] == pytest.approx([single["probability"] for single in singles], abs=1e-12)
    assert batch["predictions"] == [single["prediction"] for single in singles]
    assert batch["model"] == singles[0]["model"]


def test_ten_thousand_rows_are_answered_in_order_and_one_more_is_refused(client: httpx.Client) -> None:
    rows = sample_rows(10_000)
    answer = client.post("/predict/batch", json={"rows": rows}).json()
    last = client.post("/predict", json=rows[-1]).json()
    assert len(answer["predictions"]) == len(answer["probabilities"]) == 10_000
    assert answer["probabilities"][-1] == pytest.approx(last["probability"], abs=1e-12)
    refused = client.post("/predict/batch", json={"rows": [*rows, rows[0]]})
    assert refused.status_code == 422
    assert refused.json()["detail"][0]["loc"] == ["body", "rows"]


def test_a_regression_answers_with_a_value_and_no_probability(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "b", name="house", task="regression", features=INSURANCE)
    with running(Settings(bundle=bundle.folder)) as client:
        one = client.post("/predict", json=ROW).json()
        many = client.post("/predict/batch", json={"rows": [ROW, ROW]}).json()
        assert set(one) == {"prediction", "model", "request_id"}
        assert many["predictions"] == pytest.approx([one["prediction"]] * 2)
        assert "probabilities" not in many
        assert (
            metric(client, f'evergreen_prediction_bucket{{digest="{bundle.digest}",le="+Inf",name="house",version=""}}')
            == 3
        )


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_the_content_type_does_not_matter(client: httpx.Client, content_type: str) -> None:
    response = client.post("/predict", content=json.dumps(ROW), headers={"content-type": content_type})
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/predict", b"{", 422),
        ("POST", "/predict", b"", 422),
        ("POST", "/predict", json.dumps({**ROW, "Age": float("nan")}).encode(), 422),
        ("POST", "/predict", json.dumps({**ROW, "Extra": 1}).encode(), 422),
        ("POST", "/predict/batch", b'{"rows": []}', 422),
        ("POST", "/predict/batch", json.dumps({"rows": [ROW, {**ROW, "Age": "x"}]}).encode(), 422),
        ("POST", "/predict", b" " * (64 * 1024 + 1), 413),
        ("GET", "/predict", b"", 405),
        ("DELETE", "/model", b"", 405),
        ("POST", "/nowhere", b"", 404),
        ("GET", "/web/../settings.py", b"", 404),
    ],
)
def test_each_wrong_call_is_answered_in_the_one_error_shape(
    client: httpx.Client, method: str, path: str, body: bytes, status: int
) -> None:
    response = client.request(method, path, content=body)
    assert response.status_code == status
    detail = response.json()["detail"]
    assert set(response.json()) == {"detail"}
    if status == 422:
        assert all({"type", "loc", "msg"} <= entry.keys() and entry["loc"][0] == "body" for entry in detail)
    else:
        assert isinstance(detail, str)
    assert response.headers["x-request-id"]


def test_a_body_without_a_declared_length_is_cut_off_at_the_limit(client: httpx.Client) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(40):
            yield b" " * 4096

    assert client.post("/predict", content=endless()).status_code == 413


def test_a_batch_of_many_megabytes_is_refused(client: httpx.Client) -> None:
    assert client.post("/predict/batch", content=b" " * (17 * 1024 * 1024)).status_code == 413


def test_a_sensible_request_id_is_kept_and_any_other_is_replaced(client: httpx.Client) -> None:
    kept = client.post("/predict", json=ROW, headers={"X-Request-ID": "Order-7.2_a"})
    assert kept.headers["x-request-id"] == kept.json()["request_id"] == "Order-7.2_a"
    for wrong in ("a b", 'x"y', "x" * 65, "é".encode(), ""):
        replaced = client.post(
            "/predict", json=ROW, headers=[(b"x-request-id", wrong if isinstance(wrong, bytes) else wrong.encode())]
        )
        assert re.fullmatch("[0-9a-f]{32}", replaced.json()["request_id"])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(list(ROW.values())),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*ROW, "rows", "x"]), inner, max_size=7)
    ),
    max_leaves=12,
)
BODIES = st.one_of(
    st.binary(max_size=300),
    JSON.map(lambda document: json.dumps(document).encode()),
    st.fixed_dictionaries(dict.fromkeys(ROW, JSON)).map(lambda row: json.dumps({"rows": [ROW, row]}).encode()),
    st.fixed_dictionaries({name: st.just(value) | JSON for name, value in ROW.items()}).map(
        lambda row: json.dumps(row).encode()
    ),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=BODIES)
def test_no_body_whatever_makes_the_service_fail(client: httpx.Client, body: bytes) -> None:
    for path in ("/predict", "/predict/batch"):
        response = client.post(path, content=body)
        assert response.status_code in (200, 422), (path, body)
        json.dumps(response.json(), allow_nan=False)


class Broken:
    """A model that loads and then fails, as one whose memory is gone would."""

    def __init__(self) -> None:
        self.calls = 0

    def one(self, row: object) -> float:
        self.calls += 1
        if self.calls == 1:
            return 0.5
        if self.calls == 2:
            return float("nan")
        raise RuntimeError("secret detail")

    def many(self, columns: object, /) -> Any:
        return load_predictor  # what is made of it fails


def test_a_failing_model_answers_500_without_its_reasons_and_is_counted(insurance: Bundle) -> None:
    with running(Settings(bundle=insurance.folder), load=lambda bundle: Broken()) as client:
        for _ in range(2):
            response = client.post("/predict", json=ROW)
            assert response.status_code == 500
            assert isinstance(response.json()["detail"], str)
            assert "secret" not in response.text
            assert response.headers["x-request-id"]
        assert client.post("/predict/batch", json={"rows": [ROW]}).status_code == 500
        assert metric(client, 'evergreen_errors_total{kind="internal"}') == 2
        assert metric(client, 'evergreen_errors_total{kind="prediction_failed"}') == 1
        assert metric(client, 'evergreen_requests_total{method="POST",route="/predict",status="500"}') == 2


def test_a_caller_that_leaves_in_the_middle_is_counted_and_no_failure(
    client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    url = client.base_url
    with socket.create_connection((url.host, url.port or 0)) as left:
        left.sendall(b'POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{"Gender":')
    gone = 'evergreen_requests_total{method="POST",route="/predict",status="499"}'
    eventually(lambda: metric(client, gone) == 1)
    assert metric(client, 'evergreen_errors_total{kind="internal"}') is None
    assert caplog.records == []

from __future__ import annotations

import httpx

from service.bundle import Bundle
from tests.service.conftest import ROW
from tests.service.running import metric


def test_the_document_has_the_model_s_own_fields_bounds_levels_and_example(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    row = document["components"]["schemas"]["Row"]
    assert list(row["properties"]) == row["required"] == list(ROW)
    assert row["additionalProperties"] is False
    assert row["properties"]["Age"] == {"type": "integer", "minimum": 18, "maximum": 100, "examples": [49]}
    assert row["properties"]["RegionID"]["enum"] == list(range(53))
    assert row["properties"]["PastAccident"]["enum"] == ["< 1 Year", "1-2 Year", "> 2 Years"]
    assert row["properties"]["AnnualPremium"]["maximum"] == 1_000_000
    example = document["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]["example"]
    assert client.post("/predict", json=example).status_code == 200
    batch = document["paths"]["/predict/batch"]["post"]["requestBody"]["content"]["application/json"]["example"]
    assert client.post("/predict/batch", json=batch).status_code == 200


def test_every_reference_of_the_document_leads_somewhere(client: httpx.Client) -> None:
    text = client.get("/openapi.json").text
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    names = {part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    assert names == set(schemas)
    assert client.get("/docs").status_code == 200


def test_the_model_is_described_in_full(client: httpx.Client, insurance: Bundle) -> None:
    answer = client.get("/model").json()
    assert answer["model"] == {"name": "insurance", "version": None, "digest": insurance.digest}
    assert answer["card"] == insurance.document("card.json")
    assert answer["metrics"] == answer["card"]["metrics"]
    assert answer["schema"] == insurance.schema.model_dump(mode="json")
    assert answer["manifest"] == insurance.manifest.model_dump(mode="json")
    assert answer["origin"] == "folder"


def test_what_prometheus_scrapes(client: httpx.Client, insurance: Bundle) -> None:
    def count(sample: str) -> float:
        return metric(client, sample) or 0.0

    labels = f'digest="{insurance.digest}"'
    below = f'evergreen_prediction_bucket{{{labels},le="+Inf",name="insurance",version=""}}'
    answered = 'evergreen_requests_total{method="POST",route="/predict",status="200"}'
    before = (count(below), count(answered), count('evergreen_errors_total{kind="invalid_input"}'))
    other = count('evergreen_requests_total{method="GET",route="other",status="404"}')
    client.post("/predict", json=ROW)
    client.post("/predict/batch", json={"rows": [ROW] * 9})
    client.post("/predict", content=b"{")
    for n in range(3):
        client.get(f"/no/such/{n}")
    assert count(below) == before[0] + 10
    assert count(answered) == before[1] + 1
    assert count('evergreen_errors_total{kind="invalid_input"}') == before[2] + 1
    assert count('evergreen_requests_total{method="GET",route="other",status="404"}') == other + 3
    assert metric(client, f'evergreen_model_info{{{labels},name="insurance",version=""}}') == 1
    assert metric(client, "evergreen_model_loaded") == 1
    assert count("evergreen_model_swap_timestamp_seconds") > 1.7e9
    response = client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=")
    assert 'evergreen_request_seconds_bucket{le="0.00025",route="/predict"}' in response.text
    assert 'le="0.05",name="insurance"' in response.text

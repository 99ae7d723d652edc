"""The page in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from service.settings import Settings
from tests.service.running import RegistryFile, running
from tests.support.browser import chromium, needs_browser
from tests.support.bundles import write_bundle


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page whose scripts must not fail and which may talk to this machine alone."""
    with browser.new_context(viewport={"width": 360, "height": 740}, color_scheme="dark") as context:
        page = context.new_page()
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: None if "127.0.0.1" in request.url else wrong.append(request.url))
        yield page
        assert wrong == []


def test_the_page_comes_with_a_policy_that_allows_only_its_own_files(client: httpx.Client) -> None:
    for path in ("/", "/docs", "/web/docs.js", "/web/page.js", "/web/page.css", "/web/icon.svg"):
        response = client.get(path)
        assert response.status_code == 200
        policy = response.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert response.headers["x-content-type-options"] == "nosniff"
    text = client.get("/").text
    assert "<style" not in text
    assert "style=" not in text
    assert "onclick" not in text


@needs_browser
def test_a_person_predicts_with_the_example_and_sees_the_same_number_as_the_api(
    client: httpx.Client, page: Page
) -> None:
    page.goto(str(client.base_url))
    expect(page.get_by_role("heading", level=1)).to_have_text("A toy")
    expect(page.get_by_text("synthetic data", exact=True)).to_be_visible()
    page.get_by_label("Age").fill("30")
    expect(page.get_by_label("The same call with curl")).to_contain_text('"Age":30')
    page.get_by_label("Age").press("Enter")
    row = client.get("/openapi.json").json()["components"]["schemas"]["Row"]["examples"][0]
    probability = client.post("/predict", json={**row, "Age": 30}).json()["probability"]
    expect(page.locator("#figure")).to_have_text(f"{100 * probability:.1f} %")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@needs_browser
def test_a_refused_value_is_explained_at_its_field(client: httpx.Client, page: Page) -> None:
    page.goto(str(client.base_url))
    page.get_by_label("Age").fill("17")
    page.get_by_label("AnnualPremium").fill("")
    page.get_by_role("button", name="Predict").click()
    expect(page.get_by_label("Age")).to_have_accessible_description(
        "18 to 100 Input should be greater than or equal to 18"
    )
    expect(page.get_by_label("AnnualPremium")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Age")).to_be_focused()
    page.get_by_label("Age").fill("18")
    page.get_by_label("AnnualPremium").fill("10")
    page.get_by_role("button", name="Predict").click()
    expect(page.locator("#figure")).to_be_visible()
    expect(page.locator("[aria-invalid]")).to_have_count(0)


@needs_browser
def test_the_documentation_shows_the_model_s_fields_and_calls_the_api(client: httpx.Client, page: Page) -> None:
    page.goto(f"{client.base_url}/docs")
    expect(page.get_by_role("heading", level=1)).to_contain_text("A toy")
    expect(page.get_by_role("region", name="Row", exact=True)).to_contain_text("18 to 100")
    expect(page.get_by_role("region", name="Row", exact=True)).to_contain_text('"1-2 Year"')
    page.get_by_role("button", name="POST /predict", exact=True).click()
    expect(page.get_by_label("Answer of /predict", exact=True)).to_contain_text('"probability"')
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@needs_browser
def test_without_a_model_the_page_says_so_and_follows_when_one_is_released(
    settings: Settings, registry: RegistryFile, page: Page, tmp_path: Path
) -> None:
    with running(settings) as client:
        page.goto(str(client.base_url))
        expect(page.get_by_role("status")).to_contain_text("No model yet")
        registry.register(3, write_bundle(tmp_path / "bundle"))
        registry.release(3)
        expect(page.get_by_role("heading", level=1)).to_have_text("A toy", timeout=15_000)
        page.get_by_label("Premium is not known").check()
        expect(page.get_by_label("The same call with curl")).to_contain_text('"Premium":null')
        page.get_by_role("button", name="Predict").click()
        expect(page.locator("#answer-id")).to_contain_text("version 3")

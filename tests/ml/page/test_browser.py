"""The page in a real browser: on a phone, on a desk, on paper."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from ml.core.record import Decision
from ml.page import decision_page
from tests.ml.page.test_page import SCRIPT, hostile
from tests.support.browser import chromium, needs_browser
from tests.support.decisions import make_decision, make_first_release, make_regression

AXE = Path(__file__).parents[3] / "node_modules" / "axe-core" / "axe.min.js"
LOOKS = Path(__file__).with_name("looks.js").read_text(encoding="utf-8")
PHONE, DESK, SMALLEST = 390, 1280, 320
DECISIONS = {decision.problem: decision for decision in (make_decision(), make_regression(), make_first_release())}

pytestmark = needs_browser
every_problem = pytest.mark.parametrize("problem", DECISIONS)
every_width = pytest.mark.parametrize("width", [PHONE, DESK])


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that may say nothing on its console, ask for nothing but itself, and open no dialog."""
    with browser.new_context(viewport={"width": PHONE, "height": 800}) as context:
        page = context.new_page()
        wrong: list[str] = []
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: wrong.append(dialog.message))
        page.on("request", lambda request: None if request.url.endswith("/report.html") else wrong.append(request.url))
        yield page
        assert wrong == []


def opened(page: Page, folder: Path, decision: Decision, width: int = PHONE) -> Page:
    """The page of a decision, as from disk, with what the tests ask of what is shown."""
    (folder / "report.html").write_text(decision_page(decision), encoding="utf-8")
    page.set_viewport_size({"width": width, "height": 800})
    page.goto((folder / "report.html").as_uri())
    page.evaluate(LOOKS)
    return page


def numbers(found: Any) -> set[float]:
    """Every number of a record."""
    if isinstance(found, dict):
        return set().union(*map(numbers, found.values())) if found else set()
    if isinstance(found, list):
        return set().union(*map(numbers, found)) if found else set()
    return {float(found)} if isinstance(found, int | float) and not isinstance(found, bool) else set()


@every_problem
@pytest.mark.parametrize("width", [SMALLEST, PHONE, 768, DESK])
def test_the_page_is_never_wider_than_its_screen(page: Page, tmp_path: Path, problem: str, width: int) -> None:
    opened(page, tmp_path, DECISIONS[problem], width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("looks.outside()") == []


@every_problem
def test_on_a_desk_every_table_shows_every_column(page: Page, tmp_path: Path, problem: str) -> None:
    opened(page, tmp_path, DECISIONS[problem], DESK)
    assert page.evaluate("looks.scrolling()") == []


@every_problem
def test_on_paper_no_table_is_cut_and_nothing_is_hidden_aside(page: Page, tmp_path: Path, problem: str) -> None:
    opened(page, tmp_path, DECISIONS[problem], 680)
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth") <= 680
    assert page.evaluate("looks.scrolling()") == []
    pages = re.findall(rb"/Type\s*/Page\b", page.pdf(prefer_css_page_size=True))
    assert 4 <= len(pages) <= 16


@every_problem
@every_width
def test_axe_finds_nothing_to_object_to(page: Page, tmp_path: Path, problem: str, width: int) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not in node_modules; `make synth` installs it")
    opened(page, tmp_path, DECISIONS[problem], width)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run()")
    assert [(each["id"], each["nodes"][0]["html"][:200]) for each in found["violations"]] == []
    assert len(found["passes"]) > 15


@every_problem
def test_every_visible_text_stands_out_from_what_is_behind_it(page: Page, tmp_path: Path, problem: str) -> None:
    opened(page, tmp_path, DECISIONS[problem])
    contrasts = page.evaluate("looks.contrasts()")
    assert len(contrasts) > 100
    assert [each for each in contrasts if each["ratio"] < 4.5] == []


@every_problem
def test_tables_pictures_and_headings_can_be_read_aloud(page: Page, tmp_path: Path, problem: str) -> None:
    opened(page, tmp_path, DECISIONS[problem])
    structure = page.evaluate("looks.structure()")
    assert structure["lang"] == "en"
    assert structure["landmarks"] == {"header": 1, "main": 1, "nav": 1}
    assert [level for level in structure["headings"] if level == 1] == [1]
    assert all(after - before <= 1 for before, after in pairwise(structure["headings"]))
    assert structure["tables"]
    assert all(table["caption"] and table["scoped"] and table["focusable"] for table in structure["tables"])
    assert structure["pictures"]
    assert all(picture["title"] and re.search(r"\d", picture["description"]) for picture in structure["pictures"])
    assert structure["unnamed"] == 0


@every_problem
def test_every_link_leads_to_a_part_of_the_page(page: Page, tmp_path: Path, problem: str) -> None:
    opened(page, tmp_path, DECISIONS[problem])
    links = page.evaluate("[...document.links].map(link => link.getAttribute('href'))")
    assert len(links) >= 5
    assert [link for link in links if page.locator(link).count() != 1] == []
    page.get_by_role("link", name="Why?").click()
    assert page.evaluate("location.hash") == "#why"


@every_problem
def test_every_number_is_the_record_s(page: Page, tmp_path: Path, problem: str) -> None:
    decision = DECISIONS[problem]
    known = numbers(json.loads(decision.model_dump_json()))
    opened(page, tmp_path, decision)
    shown = page.evaluate("[...document.querySelectorAll('data')].map(each => [Number(each.value), each.textContent])")
    assert len(shown) > 10
    for value, text in shown:
        assert value in known
        number = re.search(r"[\d,.]+(?:e[+-]?\d+)?", text.replace("\N{MINUS SIGN}", "-"))
        assert number is not None, text
        digits = number.group().replace(",", "")
        read = float(digits) / (100.0 if "%" in text else 1.0)
        last = 10.0 ** -len(digits.partition("e")[0].partition(".")[2]) * (10.0 ** int(digits.partition("e")[2] or 0))
        assert math.isclose(read, abs(value), abs_tol=0.5001 * last / (100.0 if "%" in text else 1.0)), (value, text)


def test_the_key_numbers_are_the_gain_the_rows_the_changes_and_the_latency(page: Page, tmp_path: Path) -> None:
    opened(page, tmp_path, make_decision())
    tiles = [" ".join(text.split()) for text in page.locator(".tiles li").all_inner_texts()]
    assert tiles == [
        "Gain in ROC AUC +0.0062 +0.0038 to +0.0086; the policy asks for 0.001",
        "Rows that judge 15,746 of 15,960 held out, 214 taken out",
        "Decisions that change 4.2 % 212 of 5,000 replayed requests",
        "Latency 0.31 ms CPU time of one row; the budget is 2 ms",
    ]


def test_a_failed_rule_is_told_in_words_where_it_stands(page: Page, tmp_path: Path) -> None:
    opened(page, tmp_path, make_regression())
    failed = [text.split("\n") for text in page.locator(".rules .failed").all_inner_texts()]
    assert [[line.strip() for line in lines if line.strip()][:2] for lines in failed] == [
        ["failed", "Gain"],
        ["failed", "Slices"],
    ]


def test_what_a_record_quotes_is_shown_and_not_run(page: Page, tmp_path: Path) -> None:
    opened(page, tmp_path, hostile())
    assert page.evaluate("document.scripts.length") == 0
    assert page.get_by_role("heading", level=1).inner_text() == SCRIPT
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE

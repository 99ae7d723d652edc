"""The page of a decision is what the function behind a question's link may send, and what its headers let be shown."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from functions.report.page import HEADERS, MOST
from ml.page import decision_page
from tests.support.decisions import make_decision

POLICY = {
    name: set(values.split())
    for name, _, values in (each.strip().partition(" ") for each in HEADERS["content-security-policy"].split(";"))
}
LOADING = {"script", "link", "img", "iframe", "object", "embed", "audio", "video", "source", "base", "form"}
"""Elements that load, run or send something."""


class Page(HTMLParser):
    """The elements of a page, and the attributes of each."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))


@pytest.fixture(scope="module")
def html() -> str:
    return decision_page(make_decision())


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_the_page_has_nothing_that_the_policy_of_the_link_would_stop(page: Page, html: str) -> None:
    assert POLICY["default-src"] == {"'none'"}
    assert [tag for tag, _ in page.elements if tag in LOADING] == []
    assert [name for _, given in page.elements for name in given if name.startswith("on")] == []
    assert re.findall(r"url\(|@import", html) == []


def test_the_style_of_the_page_is_shown(page: Page) -> None:
    assert [tag for tag, _ in page.elements if tag == "style"]
    assert POLICY["style-src"] == {"'unsafe-inline'"}


def test_the_page_fits_into_the_answer_of_a_function_many_times(html: str) -> None:
    assert len(html.encode()) < MOST / 5

"""No serious finding of axe-core while people review, in both languages and themes."""

import pytest
from tests.server.browser.conftest import OpenPage
from tests.server.browser.test_accessibility import axe, findings

pytestmark = pytest.mark.slow
__all__ = ["axe"]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("language", "size"), [("en", (1440, 900)), ("zh", (360, 740))], ids=["en wide", "zh narrow"]
)
def test_no_serious_finding(
    open_page: OpenPage, language: str, size: tuple[int, int], *, dark: bool
) -> None:
    page = open_page(language=language, size=size, dark=dark)
    found: dict[str, list[str]] = {}
    page.locator(".rail-button .rail-label").get_by_text(
        {"en": "Review", "zh": "审核"}[language]
    ).click()
    page.locator(".panel-side .button-primary").click()
    page.locator("dialog[open] input").fill("Ada")
    found["name"] = findings(page)
    page.keyboard.press("Enter")
    page.locator(".review-card h3").wait_for()
    page.wait_for_timeout(800)
    found["queue"] = findings(page)
    for key, name in (("t", "types"), ("n", "note"), ("Shift+B", "rule")):
        page.keyboard.press(key)
        page.locator("dialog[open]").wait_for()
        page.wait_for_timeout(300)
        found[name] = findings(page)
        page.keyboard.press("Escape")
        page.locator("dialog[open]").wait_for(state="detached")
    page.keyboard.press("e")
    page.locator(".edit-bar").wait_for()
    found["editing"] = findings(page)
    page.keyboard.press("Escape")
    for at, name in ((2, "history"), (1, "ground")):
        page.locator(".review [role=radio]").nth(at).click()
        page.wait_for_timeout(800)
        found[name] = findings(page)
    page.locator(".rail-button").nth(3).click()
    for at in range(page.locator(".job-kind").count()):
        page.locator(".job-kind").nth(at).click()
        page.wait_for_timeout(200)
        found[f"form {at}"] = findings(page)
        page.locator(".review-form .button:not(.button-primary)").last.click()
    assert {place: one for place, one in found.items() if one} == {}

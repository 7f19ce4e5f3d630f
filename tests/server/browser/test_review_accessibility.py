"""No serious finding of axe-core while people review.

Covers: the name, queue, types, note, rules, editing, history, ground and the forms of jobs; wide
and narrow, light and dark, with the languages spread over them.
"""

import pytest
from tests.server.browser.conftest import OpenPage
from tests.server.browser.test_accessibility import LOOKS, axe, findings

pytestmark = pytest.mark.slow
__all__ = ["axe"]


@pytest.mark.parametrize("look", LOOKS)
def test_no_serious_finding(open_page: OpenPage, look: str) -> None:
    page = open_page(**LOOKS[look])
    found: dict[str, list[str]] = {}
    page.locator(".rail-button").nth(1).click()
    page.locator(".panel-side .button-primary").click()
    page.locator("dialog[open] input").fill("Ada")
    found["name"] = findings(page)
    page.keyboard.press("Enter")
    page.locator(".review-card h3").wait_for()
    page.locator(".review-card[aria-busy=false]").wait_for()
    found["queue"] = findings(page)
    for key, name in (("t", "types"), ("n", "note"), ("Shift+B", "rule")):
        page.keyboard.press(key)
        page.locator("dialog[open]").wait_for()
        found[name] = findings(page)
        page.keyboard.press("Escape")
        page.locator("dialog[open]").wait_for(state="detached")
    page.keyboard.press("e")
    page.locator(".edit-bar").wait_for()
    found["editing"] = findings(page)
    page.keyboard.press("Escape")
    for at, name in ((2, "history"), (1, "ground")):
        page.locator(".review [role=radio]").nth(at).click()
        page.locator(
            {"history": ".review .history", "ground": ".ground-legend"}[name]
        ).first.wait_for()
        found[name] = findings(page)
    page.locator(".rail-button").nth(3).click()
    for at in range(page.locator(".job-kind").count()):
        page.locator(".job-kind").nth(at).click()
        page.locator(".review-form").first.wait_for()
        found[f"form {at}"] = findings(page)
        page.locator(".review-form .button:not(.button-primary)").last.click()
    assert {place: one for place, one in found.items() if one} == {}

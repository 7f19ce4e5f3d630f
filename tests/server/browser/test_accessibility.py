"""No serious finding of axe-core while people look.

Covers: all panels, filter, details with history, comparing, keys; wide and narrow, light and dark,
with the languages spread over them.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.server.browser.conftest import OpenPage, wait_for_map

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow

_AXE = Path(__file__).parents[3] / "web" / "node_modules" / "axe-core" / "axe.min.js"
# the map is a picture to axe; what is over it is drawn on pixels that it cannot see
_RUN = """async () => {
    const found = await axe.run(document, {resultTypes: ["violations"]});
    return found.violations
      .filter((one) => ["serious", "critical"].includes(one.impact))
      .map((one) => `${one.id}: ${one.nodes.map((node) => node.target.join(" ")).join("; ")}`);
}"""


def findings(page: "Page") -> list[str]:
    """Serious and critical findings in a page as it is now."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(_AXE.read_text("utf-8"))
    found: list[str] = page.evaluate(_RUN)
    return found


@pytest.fixture(autouse=True)
def axe() -> None:
    """Skip where axe-core is not installed."""
    if not _AXE.is_file():
        pytest.skip("axe-core is not installed: npm ci in web/")


_WIDE, _NARROW = (1440, 900), (360, 740)
LOOKS = {
    "wide light": {"size": _WIDE, "dark": False, "language": "en"},
    "wide dark": {"size": _WIDE, "dark": True, "language": "zh"},
    "narrow light": {"size": _NARROW, "dark": False, "language": "zh"},
    "narrow dark": {"size": _NARROW, "dark": True, "language": "en"},
}


@pytest.mark.parametrize("look", LOOKS)
def test_no_serious_finding(open_page: OpenPage, look: str) -> None:
    page = open_page(**LOOKS[look])
    found = {"start": findings(page)}
    buttons = page.locator(".rail-button")
    for at in range(buttons.count()):
        if buttons.nth(at).get_attribute("aria-expanded") == "false":
            buttons.nth(at).click()
        page.locator(".rail-button[aria-expanded=true]").first.wait_for()
        found[f"panel {at}"] = findings(page)
    page.locator(".filter-bar button[aria-controls='filter-popover']").click()
    found["filter"] = findings(page)
    page.keyboard.press("Escape")
    page.locator("[role=grid]").focus()
    page.keyboard.press("ArrowDown")
    page.locator(".detail-card dl").first.wait_for()
    page.locator(".panel-bottom .panel-header .icon-button").click()  # over the card, if narrow
    page.get_by_role("button", name=re.compile("^(History|历史)")).click()
    found["details"] = findings(page)
    page.locator("body").press("c")
    wait_for_map(page)
    found["comparing"] = findings(page)
    page.locator("body").press("?")
    page.get_by_role("dialog").wait_for()
    found["keys"] = findings(page)
    assert {place: one for place, one in found.items() if one} == {}

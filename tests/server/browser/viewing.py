"""What tests of the viewer do again and again: read the address, point, wait for texts."""

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from tests.server.browser.conftest import Site, wait_for_map
from tests.server.browser.reviewing import screen_place, wait_for_address

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page


def hash_of(page: "Page") -> dict[str, str]:
    """What the address says of the view."""
    wait_for_address(page)
    words = parse_qs(urlsplit(page.url).fragment)
    return {name: values[0] for name, values in words.items()}


def set_range(slider: "Locator", value: float) -> None:
    """Move a slider to a value."""
    slider.evaluate(
        "(one, value) => { one.value = value; "
        "one.dispatchEvent(new Event('input', {bubbles: true})) }",
        value,
    )


def wait_for_text(page: "Page", selector: str, text: str) -> None:
    page.locator(selector, has_text=re.compile(f"^{text}$")).wait_for()


def wait_for_other_text(page: "Page", selector: str, text: str) -> None:
    page.locator(selector, has_not_text=re.compile(f"^{text}$")).wait_for()


def press_on_map(page: "Page", key: str) -> None:
    page.locator("body").press(key)
    wait_for_map(page)


def polygon_place(page: "Page", site: Site) -> tuple[int, float, float]:
    """Id of a polygon, and where its centre is on the screen."""
    inventory = hash_of(page)["inventory"]
    rows = page.request.get(f"{site.url}api/inventories/{inventory}/features").json()["rows"]
    x, y = screen_place(page, tuple(rows[0]["centroid"]))
    return rows[0]["id"], x, y

"""What tests of the review do again and again: begin, ask the server, point at places."""

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import httpx
from shapely.geometry import shape

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route
    from tests.server.browser.conftest import OpenPage, Site

_PATIENCE_S = 60  # software WebGL on a busy machine
_TILE_PX = 512
Place = tuple[float, float]


class Server:
    """The server, asked without the page."""

    def __init__(self, site: "Site") -> None:
        self.page = site.url.partition("#")[0]
        self._api = self.page + "api/"
        inventories = self.get("workspace")["inventories"]
        self.inventory: str = next(one["id"] for one in inventories if one["kind"] == "inventory")

    def get(self, path: str) -> Any:
        return httpx.get(self._api + path, timeout=30).raise_for_status().json()

    def post(self, path: str, body: dict[str, Any]) -> Any:
        return httpx.post(self._api + path, json=body, timeout=30).raise_for_status().json()

    def review(self, path: str = "") -> Any:
        return self.get(f"inventories/{self.inventory}/review{path}")

    def polygon(self, polygon: int) -> Any:
        return self.get(f"inventories/{self.inventory}/features/{polygon}")

    def counts(self) -> dict[str, int]:
        counts: dict[str, int] = self.review()["counts"]
        return counts

    def change(self, polygon: int, action: str, author: str) -> Any:
        version = self.polygon(polygon)["version"]
        return self.post(
            f"inventories/{self.inventory}/review/changes",
            {
                "action": action,
                "author": author,
                "polygons": [{"id": polygon, "version": version}],
            },
        )


def begin(open_page: "OpenPage", author: str = "Ada", **how: Any) -> "Page":
    """Open the page and begin the review as somebody who was never here."""
    page = open_page(**how)
    page.locator(".rail-button").filter(has_text="Review").click()
    page.get_by_role("button", name="the review").click()
    give_name(page, author)
    page.locator(".review-card h3").wait_for()
    settle(page)
    return page


def give_name(page: "Page", author: str) -> None:
    """Answer the question who it is that judges."""
    page.get_by_label("Your name").fill(author)
    page.keyboard.press("Enter")


def poll(ask: Callable[[], Any], wanted: Any) -> None:
    """Ask the server until it says what is wanted: changes of the page reach it a little later."""
    until = time.monotonic() + _PATIENCE_S
    while (said := ask()) != wanted and time.monotonic() < until:
        time.sleep(0.1)
    assert said == wanted


def intercept(page: "Page", addresses: str, answer: Callable[["Route"], Any]) -> None:
    """Answer requests in place of the server, from the next one on.

    A page takes a moment to hand its requests over: one made at once would reach the server.
    """
    page.route("**/is-intercepted", lambda route: route.fulfill(body="yes"))
    page.wait_for_function(
        "() => fetch('is-intercepted').then((answer) => answer.text()).then((it) => it === 'yes')"
    )
    page.route(addresses, answer)


def settle(page: "Page") -> None:
    """Wait until all changes are sent and the polygon that is judged is loaded."""
    page.wait_for_function(
        """() => {
          const status = document.querySelector(".review-progress [role=status]");
          return status?.textContent === "Everything is saved" &&
            document.querySelector(".review-card[aria-busy=true]") === null;
        }"""
    )


def current(page: "Page") -> int:
    """Id of the polygon that is judged."""
    return int(page.locator(".review-card h3").inner_text().split()[-1])


def press(page: "Page", *keys: str) -> None:
    """Press keys one after another, each when the one before has gone on."""
    for key in keys:
        page.keyboard.press(key)
        settle(page)


def wait_for_address(page: "Page") -> None:
    """Wait until the map rests and the address is that of what is shown: it is written later."""
    page.evaluate("window.addressAt = performance.now()")
    page.wait_for_function(
        """() => {
          if (window.address !== location.hash) {
            window.address = location.hash;
            window.addressAt = performance.now();
          }
          return document.querySelector(".map-canvas").dataset.idle === "true" &&
            performance.now() - window.addressAt > 500;
        }"""
    )


def screen_place(page: "Page", place: Place) -> Place:
    """Where longitude and latitude are in the window, by the view in the address."""
    wait_for_address(page)
    words = parse_qs(urlsplit(page.url).fragment)
    longitude, latitude, zoom = map(float, words["view"][0].split(","))
    box = page.locator(".maplibregl-canvas").first.bounding_box()
    assert box is not None
    world = _TILE_PX * 2**zoom

    def mercator(lon: float, lat: float) -> Place:
        sine = math.sin(math.radians(lat))
        return (lon / 360 * world, -math.log((1 + sine) / (1 - sine)) / (4 * math.pi) * world)

    (x, y), (x0, y0) = mercator(*place), mercator(longitude, latitude)
    return box["x"] + box["width"] / 2 + x - x0, box["y"] + box["height"] / 2 + y - y0


def drag(page: "Page", start: Place, end: Place, steps: int = 8) -> None:
    page.mouse.move(*start)
    page.wait_for_timeout(150)
    page.mouse.down()
    for step in range(1, steps + 1):
        share = step / steps
        page.mouse.move(
            start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share
        )
        page.wait_for_timeout(30)
    page.mouse.up()
    page.wait_for_timeout(200)


def click_all(page: "Page", places: list[Place]) -> None:
    """Click places as a hand does: there first, then down, and not twice in the same moment."""
    for place in places:
        page.mouse.move(*place)
        page.wait_for_timeout(80)
        page.mouse.click(*place)
        page.wait_for_timeout(350)


def planar_area(geometry: dict[str, Any]) -> float:
    """Area in square degrees."""
    return float(shape(geometry).area)

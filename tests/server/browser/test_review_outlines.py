"""Correcting outlines in a browser: corners, new ones, pieces, unions; leaving loses nothing."""

from typing import TYPE_CHECKING, Any

import pytest
from tests.server.browser.conftest import OpenPage, Site
from tests.server.browser.reviewing import (
    Place,
    Server,
    begin,
    click_all,
    current,
    drag,
    planar_area,
    press,
    screen_place,
    settle,
)

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow


@pytest.fixture
def server(site: Site) -> Server:
    """The server of the page."""
    return Server(site)


def largest(open_page: OpenPage, author: str) -> "Page":
    """Begin with the largest polygon, which is easiest to point at."""
    page = begin(open_page, author)
    page.locator(".review-order select").select_option("largest")
    page.wait_for_timeout(1500)
    settle(page)
    return page


def western_corner(page: "Page", geometry: dict[str, Any]) -> Place:
    """Where the westernmost corner is in the window: it may be dragged farther west."""
    corner = min(geometry["coordinates"][0])
    return screen_place(page, (corner[0], corner[1]))


def across(page: "Page", bounds: list[float]) -> list[Place]:
    """Two places in the window: left and right of a polygon, at half its height."""
    west, south, east, north = bounds
    margin = (east - west) / 4
    middle = (south + north) / 2
    return [
        screen_place(page, (west - margin, middle)),
        screen_place(page, (east + margin, middle)),
    ]


def test_a_corner_is_dragged(open_page: OpenPage, server: Server) -> None:
    page = largest(open_page, "Corners")
    polygon = current(page)
    before = server.polygon(polygon)
    start = western_corner(page, before["geometry"])
    page.keyboard.press("e")
    page.get_by_role("region", name="While drawing").wait_for()
    page.wait_for_timeout(600)
    drag(page, start, (start[0] - 40, start[1]))
    page.keyboard.press("Enter")
    settle(page)
    page.wait_for_timeout(500)
    after = server.polygon(polygon)
    assert (after["provenance"], after["verdict"]) == ("edited", "accepted")
    assert after["original"] == before["geometry"]
    assert abs(planar_area(after["geometry"]) / planar_area(before["geometry"]) - 1) > 1e-3
    unmoved = {tuple(place) for place in before["geometry"]["coordinates"][0]}
    assert len(unmoved & {tuple(place) for place in after["geometry"]["coordinates"][0]}) >= (
        len(unmoved) - 1
    )
    page.get_by_role("radio", name="History").click()
    page.get_by_label("Show the model's outline").check()
    press(page, "u")
    page.wait_for_timeout(500)
    assert server.polygon(polygon)["geometry"] == before["geometry"]
    assert server.polygon(polygon)["provenance"] == "model"


def test_a_corner_is_put_back_and_nothing_is_saved(open_page: OpenPage, server: Server) -> None:
    page = largest(open_page, "Back")
    polygon = current(page)
    before = server.polygon(polygon)
    start = western_corner(page, before["geometry"])
    page.keyboard.press("e")
    page.wait_for_timeout(600)
    drag(page, start, (start[0] - 40, start[1]))
    page.keyboard.press("Control+z")
    page.keyboard.press("Enter")
    page.wait_for_timeout(500)
    assert server.polygon(polygon)["version"] == before["version"]


def test_leaving_an_unsaved_outline_asks(open_page: OpenPage, server: Server) -> None:
    page = largest(open_page, "Leaving")
    polygon = current(page)
    before = server.polygon(polygon)
    start = western_corner(page, before["geometry"])
    page.keyboard.press("e")
    page.wait_for_timeout(600)
    drag(page, start, (start[0] - 40, start[1]))
    page.locator(".rail-button").filter(has_text="Layers").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("not saved").wait_for()
    dialog.get_by_role("button", name="Go on editing").click()
    page.get_by_role("region", name="While drawing").wait_for()
    page.locator(".rail-button").filter(has_text="Layers").click()
    page.get_by_role("button", name="Drop the changes").click()
    page.get_by_role("region", name="While drawing").wait_for(state="detached")
    assert page.get_by_role("heading", name="Layers").is_visible()
    assert server.polygon(polygon)["version"] == before["version"]


def test_a_polygon_is_split_and_merged_again(open_page: OpenPage, server: Server) -> None:
    page = largest(open_page, "Pieces")
    polygon = current(page)
    before = server.polygon(polygon)
    places = across(page, before["bounds"])
    total = sum(server.counts().values())
    page.keyboard.press("x")
    page.wait_for_timeout(300)
    click_all(page, places)
    page.keyboard.press("Enter")
    page.get_by_text("Split into 2 pieces.").wait_for()
    settle(page)
    page.wait_for_timeout(800)
    assert sum(server.counts().values()) == total + 1
    rows = server.get(f"inventories/{server.inventory}/features?provenance=split&limit=50")["rows"]
    pieces = [server.polygon(row["id"])["geometry"] for row in rows]
    area = sum(planar_area(piece) for piece in pieces)
    assert area == pytest.approx(planar_area(before["geometry"]), rel=1e-4)
    # both pieces, by a click each with Shift
    for row in rows:
        x, y = screen_place(page, tuple(row["centroid"]))
        page.keyboard.down("Shift")
        page.mouse.click(x, y)
        page.keyboard.up("Shift")
        page.wait_for_timeout(400)
    if not page.get_by_text("2 polygons selected").is_visible():
        x, y = screen_place(page, tuple(rows[0]["centroid"]))
        page.keyboard.down("Shift")
        page.mouse.click(x, y)
        page.keyboard.up("Shift")
    page.get_by_text("2 polygons selected").wait_for()
    page.wait_for_timeout(600)
    page.keyboard.press("m")
    page.locator(".chip").get_by_text("merged").first.wait_for()
    settle(page)
    assert sum(server.counts().values()) == total
    merged = server.polygon(current(page))
    assert merged["provenance"] == "merged"
    assert planar_area(merged["geometry"]) == pytest.approx(
        planar_area(before["geometry"]), rel=1e-4
    )
    press(page, "u", "u")
    page.wait_for_timeout(800)
    assert server.polygon(polygon)["geometry"] == before["geometry"]


def test_a_line_that_does_not_cut_is_said(open_page: OpenPage, server: Server) -> None:
    page = largest(open_page, "Misses")
    before = sum(server.counts().values())
    left, _ = across(page, server.polygon(current(page))["bounds"])
    page.keyboard.press("x")
    page.wait_for_timeout(300)
    click_all(page, [(left[0], left[1] - 80), (left[0], left[1] + 80)])
    page.keyboard.press("Enter")
    page.get_by_text("The line does not cut the polygon").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("region", name="While drawing").wait_for(state="detached")
    assert sum(server.counts().values()) == before


def test_missed_landslides_are_drawn(open_page: OpenPage, server: Server) -> None:
    page = largest(open_page, "Draws")
    before = server.review()
    box = page.locator(".maplibregl-canvas").first.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.keyboard.press("d")
    page.wait_for_timeout(300)
    click_all(page, [(x - 90, y - 80), (x + 100, y - 70), (x + 20, y + 110)])
    page.keyboard.press("Enter")
    page.locator(".review-card .chip").get_by_text("drawn").wait_for()
    settle(page)
    drawn = server.polygon(current(page))
    assert (drawn["provenance"], drawn["verdict"], drawn["original"]) == ("drawn", "accepted", None)
    press(page, "6")
    assert server.polygon(drawn["id"])["type"] == "debris flow"
    page.keyboard.press("Shift+D")
    page.wait_for_timeout(300)
    page.mouse.move(x - 120, y)
    page.mouse.down()
    for dx, dy in ((-60, -90), (40, -100), (120, -20), (80, 80), (-30, 100), (-110, 40), (-119, 6)):
        page.mouse.move(x + dx, y + dy, steps=4)
    page.mouse.up()
    page.wait_for_timeout(600)
    settle(page)
    page.wait_for_timeout(800)
    assert server.review()["drawn"] == before["drawn"] + 2
    press(page, "u")
    page.wait_for_timeout(600)
    assert server.review()["drawn"] == before["drawn"] + 1

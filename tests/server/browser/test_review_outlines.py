"""Correcting outlines in a browser.

Covers: a corner dragged, undone and put back; leaving an unsaved outline; a split, its pieces
merged, and both undone; a line that does not cut; missed landslides drawn by corners and freehand.
"""

import re
from typing import TYPE_CHECKING, Any

import pytest
from tests.server.browser.conftest import OpenPage, wait_for_map
from tests.server.browser.reviewing import (
    Place,
    Server,
    begin,
    click_all,
    current,
    drag,
    planar_area,
    poll,
    press,
    screen_place,
    settle,
)

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow


def largest(open_page: OpenPage, server: Server, author: str) -> "Page":
    """Begin with the largest polygon, which is easiest to point at."""
    page = begin(open_page, author)
    wanted = server.review("/queue?order=largest")["items"][0]["id"]
    page.locator(".review-order select").select_option("largest")
    page.locator(".review-card h3").filter(has_text=re.compile(f" {wanted}$")).wait_for()
    settle(page)
    return page


def begin_drawing(page: "Page", key: str) -> None:
    page.keyboard.press(key)
    page.get_by_role("region", name="While drawing").wait_for()
    wait_for_map(page)


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
    page = largest(open_page, server, "Corners")
    polygon = current(page)
    before = server.polygon(polygon)
    start = western_corner(page, before["geometry"])
    begin_drawing(page, "e")
    drag(page, start, (start[0] - 40, start[1]))
    page.keyboard.press("Enter")
    poll(lambda: server.polygon(polygon)["provenance"], "edited")
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
    poll(lambda: server.polygon(polygon)["provenance"], "model")
    assert server.polygon(polygon)["geometry"] == before["geometry"]


def test_an_outline_is_left_without_a_change(open_page: OpenPage, server: Server) -> None:
    page = largest(open_page, server, "Leaving")
    polygon = current(page)
    before = server.polygon(polygon)
    bar = page.get_by_role("region", name="While drawing")
    start = western_corner(page, before["geometry"])
    begin_drawing(page, "e")
    area = bar.locator(".number").inner_text()
    drag(page, start, (start[0] - 40, start[1]))
    bar.locator(".number", has_not_text=area).wait_for()
    page.keyboard.press("Control+z")
    bar.locator(".number", has_text=area).wait_for()
    page.keyboard.press("Enter")
    bar.wait_for(state="detached")
    settle(page)
    assert server.polygon(polygon)["version"] == before["version"]
    begin_drawing(page, "e")
    drag(page, start, (start[0] - 40, start[1]))
    layers = page.locator(".rail-button").filter(has_text="Layers")
    layers.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("not saved").wait_for()
    dialog.get_by_role("button", name="Go on editing").click()
    bar.wait_for()
    layers.click()
    page.get_by_role("button", name="Drop the changes").click()
    bar.wait_for(state="detached")
    page.get_by_role("heading", name="Layers").wait_for()
    assert server.polygon(polygon)["version"] == before["version"]


def test_a_polygon_is_split_and_merged_again(open_page: OpenPage, server: Server) -> None:
    page = largest(open_page, server, "Pieces")
    polygon = current(page)
    before = server.polygon(polygon)
    left, right = across(page, before["bounds"])
    total = sum(server.counts().values())
    begin_drawing(page, "x")
    click_all(page, [(left[0], left[1] - 80), (left[0], left[1] + 80)])
    page.keyboard.press("Enter")
    page.get_by_text("The line does not cut the polygon").wait_for()
    assert sum(server.counts().values()) == total
    click_all(page, [left, right])
    page.keyboard.press("Enter")
    page.get_by_text("Split into 2 pieces.").wait_for()
    settle(page)
    poll(lambda: sum(server.counts().values()), total + 1)
    rows = server.get(f"inventories/{server.inventory}/features?provenance=split&limit=50")["rows"]
    pieces = [server.polygon(row["id"])["geometry"] for row in rows]
    area = sum(planar_area(piece) for piece in pieces)
    assert area == pytest.approx(planar_area(before["geometry"]), rel=1e-4)
    # the first piece is judged; the other comes to it by a click with Shift
    other = next(row for row in rows if row["id"] != current(page))
    place = screen_place(page, tuple(other["centroid"]))
    page.keyboard.down("Shift")
    page.mouse.click(*place)
    page.keyboard.up("Shift")
    page.get_by_text("2 polygons selected").wait_for()
    page.locator(".review-card[aria-busy=false]").wait_for()
    page.keyboard.press("m")
    page.locator(".chip").get_by_text("merged").first.wait_for()
    settle(page)
    poll(lambda: sum(server.counts().values()), total)
    merged = server.polygon(current(page))
    assert merged["provenance"] == "merged"
    assert planar_area(merged["geometry"]) == pytest.approx(
        planar_area(before["geometry"]), rel=1e-4
    )
    press(page, "u")
    poll(lambda: sum(server.counts().values()), total + 1)
    press(page, "u")
    poll(lambda: sum(server.counts().values()), total)
    assert server.polygon(polygon)["geometry"] == before["geometry"]


def test_missed_landslides_are_drawn(open_page: OpenPage, server: Server) -> None:
    page = largest(open_page, server, "Draws")
    before = server.review()
    box = page.locator(".maplibregl-canvas").first.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    begin_drawing(page, "d")
    click_all(page, [(x - 90, y - 80), (x + 100, y - 70), (x + 20, y + 110)])
    page.keyboard.press("Enter")
    page.locator(".review-card .chip").get_by_text("drawn").wait_for()
    settle(page)
    drawn = server.polygon(current(page))
    assert (drawn["provenance"], drawn["verdict"], drawn["original"]) == ("drawn", "accepted", None)
    press(page, "6")
    assert server.polygon(drawn["id"])["type"] == "debris flow"
    begin_drawing(page, "Shift+D")
    page.mouse.move(x - 120, y)
    page.mouse.down()
    for dx, dy in ((-60, -90), (40, -100), (120, -20), (80, 80), (-30, 100), (-110, 40), (-119, 6)):
        page.mouse.move(x + dx, y + dy, steps=4)
    page.mouse.up()
    poll(lambda: server.review()["drawn"], before["drawn"] + 2)
    settle(page)
    press(page, "u")
    poll(lambda: server.review()["drawn"], before["drawn"] + 1)

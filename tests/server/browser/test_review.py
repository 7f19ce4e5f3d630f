"""Judging in a browser.

Covers: one key to judge and go on; undo and redo; keys that are faster than the server, and
polygons that are shown without waiting for it; type, note and history; rules; the queue's orders;
several selected by a box; ground looked at cell by cell; outlines hidden and the image before;
the help; large buttons on a narrow screen; graphics that the browser took away.
"""

import io
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from tests.server.browser.conftest import OpenPage, wait_for_map
from tests.server.browser.reviewing import (
    Server,
    begin,
    current,
    intercept,
    poll,
    press,
    screen_place,
    settle,
)

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

pytestmark = pytest.mark.slow


def test_one_key_judges_and_goes_on(open_page: OpenPage, server: Server) -> None:
    page = begin(open_page)
    queue = [one["id"] for one in server.review("/queue?order=information")["items"]]
    before = server.counts()
    first = current(page)
    assert first == queue[0]
    press(page, "a")
    second = current(page)
    assert second == queue[1]
    press(page, "r", "s")
    assert current(page) == queue[3]
    counts = server.counts()
    assert counts["accepted"] == before["accepted"] + 1
    assert counts["rejected"] == before["rejected"] + 1
    accepted, rejected = server.polygon(first), server.polygon(second)
    assert (accepted["verdict"], accepted["author"]) == ("accepted", "Ada")
    assert rejected["verdict"] == "rejected"
    assert 0 < accepted["history"][-1]["seconds"] < 60
    assert server.polygon(queue[2])["verdict"] == "unreviewed"


def test_undo_and_redo_go_back_to_the_polygon(open_page: OpenPage, server: Server) -> None:
    page = begin(open_page, "Undo")
    first = current(page)
    press(page, "a")
    second = current(page)
    press(page, "r", "u")
    assert current(page) == second
    poll(lambda: server.polygon(second)["verdict"], "unreviewed")
    press(page, "Control+z")
    assert current(page) == first
    poll(lambda: server.polygon(first)["verdict"], "unreviewed")
    press(page, "Control+Shift+Z")
    poll(lambda: server.polygon(first)["verdict"], "accepted")
    press(page, "Control+y")
    poll(lambda: server.polygon(second)["verdict"], "rejected")
    press(page, "u", "u")
    page.keyboard.press("u")
    page.get_by_text("There is nothing of yours left to undo.").wait_for()


def test_keys_that_are_faster_than_the_server(open_page: OpenPage, server: Server) -> None:
    page = begin(open_page, "Fast")
    before = server.counts()
    waiting: list[Route] = []

    def hold_the_first(route: "Route") -> None:
        if waiting or route.request.method != "POST":
            route.continue_()
        else:
            waiting.append(route)

    intercept(page, "**/review/changes", hold_the_first)
    for key in ("a", "r", "u", "a", "a", "u"):
        page.locator(".review-card[aria-busy=false]").wait_for()
        page.keyboard.press(key)
    assert len(waiting) == 1
    assert server.counts() == before
    waiting[0].continue_()
    settle(page)
    judged = {"accepted": before["accepted"] + 2, "rejected": before["rejected"]}
    poll(lambda: {verdict: server.counts()[verdict] for verdict in judged}, judged)
    page.locator(".review-progress").get_by_text(f"{sum(judged.values())} of ").first.wait_for()


def test_the_next_polygons_are_there_before_they_are_asked_for(
    open_page: OpenPage, server: Server
) -> None:
    page = begin(open_page, "Pace")
    queue = [one["id"] for one in server.review("/queue?order=information")["items"]]
    page.wait_for_function(
        """() => performance.getEntriesByType("resource")
          .filter(({ name }) => /\\/features\\/\\d+$/.test(name)).length > 5"""
    )
    intercept(page, "**/features/*", lambda _: None)  # nothing is answered from now on
    for polygon in queue[1:5]:
        page.keyboard.press("s")
        card = page.locator(".review-card[aria-busy=false] h3")
        card.filter(has_text=re.compile(f" {polygon}$")).wait_for()


def test_type_note_and_history(open_page: OpenPage, server: Server) -> None:
    page = begin(open_page, "Types")
    polygon = current(page)
    press(page, "3")
    assert server.polygon(polygon)["type"] == "rotational slide"
    page.keyboard.press("t")
    page.get_by_role("button", name="debris flow").click()
    settle(page)
    page.keyboard.press("n")
    page.locator("dialog textarea").fill("bare scar above the road")
    page.keyboard.press("Control+Enter")
    settle(page)
    detail = server.polygon(polygon)
    assert (detail["type"], detail["note"]) == ("debris flow", "bare scar above the road")
    assert current(page) == polygon
    page.keyboard.press("t")
    page.get_by_label("Another type").fill("ice avalanche")
    page.keyboard.press("Enter")
    settle(page)
    assert server.polygon(polygon)["type"] == "ice avalanche"
    page.get_by_role("radio", name="History").click()
    history = page.locator(".history").first
    history.get_by_text("bare scar above the road").wait_for()
    assert history.get_by_text("Types,").count() == 4
    assert history.get_by_text("Drawn by the model").is_visible()


def test_a_rule_judges_what_it_has_counted(open_page: OpenPage, server: Server) -> None:
    page = begin(open_page, "Rules")
    rows = server.get(f"inventories/{server.inventory}/features?verdict=unreviewed&limit=100")[
        "rows"
    ]
    areas = sorted(row["area_m2"] for row in rows)
    limit = round((areas[2] + areas[3]) / 2)
    before = server.counts()
    page.keyboard.press("Shift+B")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Column").select_option("area_m2")
    dialog.get_by_label("to", exact=True).fill(str(limit))
    dialog.get_by_text("3 polygons fit.").wait_for()
    assert server.counts() == before
    dialog.get_by_role("button", name="Reject all 3").click()
    page.get_by_text("3 polygons changed.").wait_for()
    assert server.counts()["rejected"] == before["rejected"] + 3
    press(page, "u")
    poll(server.counts, before)


def test_order_of_the_queue_help_and_what_is_shown(open_page: OpenPage, server: Server) -> None:
    page = begin(open_page, "Orders")
    for order in ("largest", "confidence", "uncertainty"):
        page.locator(".review-order select").select_option(order)
        wanted = server.review(f"/queue?order={order}")["items"][0]["id"]
        page.locator(".review-card h3").filter(has_text=re.compile(f" {wanted}$")).wait_for()
    outlines = page.get_by_role("button", name="Outlines")
    for pressed in ("false", "true", "false"):
        assert outlines.get_attribute("aria-pressed") == pressed
        page.keyboard.press("h")
    page.keyboard.press("h")
    page.keyboard.press("i")
    page.get_by_text("Shown: ").wait_for()  # the image before
    page.keyboard.press("?")
    text = page.get_by_role("dialog").inner_text()
    for words in ("Accept", "Reject", "Skip", "Edit outline", "Split", "Merge", "Looked at, next"):
        assert words in text


def test_several_are_selected_by_a_box(open_page: OpenPage, server: Server) -> None:
    page = begin(open_page, "Boxes")
    page.locator("body").press("f")  # all of the inventory
    wait_for_map(page)
    box = page.locator(".maplibregl-canvas").first.bounding_box()
    assert box is not None
    before = server.counts()
    page.keyboard.down("Shift")
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.8, steps=6)
    page.mouse.up()
    page.keyboard.up("Shift")
    heading = page.locator(".review-card h3").filter(has_text="polygons selected")
    heading.wait_for()
    count = int(heading.inner_text().split()[0])
    assert count > 1
    judge_when_loaded(page)
    judged = server.counts()
    assert judged["accepted"] + judged["rejected"] + judged["unreviewed"] == sum(before.values())
    assert judged["accepted"] > before["accepted"]
    assert judged["unreviewed"] >= before["unreviewed"] - count
    press(page, "u")
    poll(server.counts, before)


def judge_when_loaded(page: "Page") -> None:
    """Accept what is selected; until all of it is loaded, the page says so and judges nothing."""
    page.locator(".review-card[aria-busy=false]").wait_for()
    press(page, "a")


def test_ground_is_looked_at_cell_by_cell(open_page: OpenPage, server: Server) -> None:
    page = begin(open_page, "Ground")
    page.keyboard.press("g")
    page.locator(".review-card h3").filter(has_text="Cell").wait_for()
    assert "never taken for free of landslides" in page.locator(".review").inner_text()
    looked_at = server.review()["cells_looked_at"]
    accepted = server.counts()["accepted"]
    card = page.locator(".review-card")
    while card.locator(".review-hint").count() == 0:  # all of this cell is judged
        cell = card.locator("h3").inner_text()
        page.keyboard.press("v")
        card.locator("h3", has_not_text=cell).wait_for()
        looked_at += 1
    page.keyboard.press("v")
    dialog = page.get_by_role("dialog")
    dialog.wait_for()
    # nothing is called done while polygons in it are not judged
    assert server.review()["cells_looked_at"] == looked_at
    dialog.get_by_role("button", name=re.compile("^Accept")).click()
    dialog.wait_for(state="detached")
    poll(lambda: server.review()["cells_looked_at"], looked_at + 1)
    page.locator(".review").get_by_text(f"{looked_at + 1} of ").wait_for()
    assert server.counts()["accepted"] > accepted
    percent = page.locator(".review strong").filter(has_text="of the ground").inner_text()
    assert not percent.startswith("0%")


def test_verdicts_are_on_the_map_again_when_the_browser_took_the_graphics_away(
    open_page: OpenPage, server: Server
) -> None:
    server.post(f"inventories/{server.inventory}/review", {"author": "Cy"})
    polygon = server.get(f"inventories/{server.inventory}/features?sort=-area_m2")["rows"][0]
    server.change(polygon["id"], "reset", "Cy")
    page = open_page()
    page.get_by_role("combobox", name="Colour", exact=True).select_option("verdict")
    page.get_by_role("slider", name="Fill").fill("1")
    wait_for_map(page)
    place = screen_place(page, tuple(polygon["centroid"]))
    unreviewed = colour_at(page, place)
    server.change(polygon["id"], "accept", "Cy")
    page.reload()
    wait_for_map(page)
    accepted = colour_at(page, place)
    assert accepted[2] > unreviewed[2] + 50  # blue
    page.evaluate(
        """() => {
          const gl = document.querySelector(".map-canvas canvas").getContext("webgl2");
          window.graphics = gl.getExtension("WEBGL_lose_context");
          window.graphics.loseContext();
        }"""
    )
    page.locator(".map-canvas[data-idle='false']").wait_for(state="attached")
    page.evaluate("() => window.graphics.restoreContext()")
    wait_for_map(page)
    assert colour_at(page, place) == accepted


def colour_at(page: "Page", place: tuple[float, float]) -> tuple[int, int, int]:
    """Red, green and blue of a place of the window."""
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    red, green, blue = np.asarray(picture)[int(place[1]), int(place[0])].tolist()
    return red, green, blue


def test_a_narrow_screen_has_large_buttons(open_page: OpenPage, server: Server) -> None:
    page = begin(open_page, "Thumb", size=(360, 740))
    before = server.counts()
    for name in ("Reject", "Accept"):
        button = page.locator(".judge-bar button").filter(has_text=name)
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 48
        assert box["width"] >= 80
        assert box["y"] + box["height"] <= 740
        button.click()
        settle(page)
    counts = server.counts()
    assert counts["accepted"] == before["accepted"] + 1
    assert counts["rejected"] == before["rejected"] + 1
    assert page.evaluate("document.documentElement.scrollWidth") <= 360

"""Judging in a browser: one key each, undo, rules, the ground, and a narrow screen."""

import re
from typing import TYPE_CHECKING

import pytest
from tests.server.browser.conftest import OpenPage, Site
from tests.server.browser.reviewing import Server, begin, current, press, settle

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow


@pytest.fixture
def server(site: Site) -> Server:
    """The server of the page."""
    return Server(site)


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
    assert server.polygon(second)["verdict"] == "unreviewed"
    press(page, "Control+z")
    assert current(page) == first
    assert server.polygon(first)["verdict"] == "unreviewed"
    press(page, "Control+Shift+Z")
    assert server.polygon(first)["verdict"] == "accepted"
    press(page, "Control+y")
    assert server.polygon(second)["verdict"] == "rejected"
    press(page, "u", "u")
    page.keyboard.press("u")
    page.get_by_text("There is nothing of yours left to undo.").wait_for()


def test_keys_that_are_faster_than_the_server(open_page: OpenPage, server: Server) -> None:
    page = begin(open_page, "Fast")
    before = server.counts()
    for key in ("a", "r", "u", "a", "a", "u"):
        page.keyboard.press(key)
    settle(page)
    page.wait_for_timeout(1500)
    settle(page)
    counts = server.counts()
    assert counts["accepted"] == before["accepted"] + 2
    assert counts["rejected"] == before["rejected"]
    assert (
        page.locator(".review-progress")
        .inner_text()
        .startswith(f"{counts['accepted'] + counts['rejected']} of ")
    )


def test_the_next_polygon_is_shown_within_100_ms(open_page: OpenPage) -> None:
    page = begin(open_page, "Pace")
    page.wait_for_timeout(1500)
    page.evaluate(
        """() => {
          window.waits = [];
          let pressed = 0, before = "";
          const name = () => document.querySelector(".review-card h3")?.textContent;
          addEventListener("keydown", () => {
            pressed = performance.now();
            before = name();
          }, true);
          new MutationObserver(() => {
            const loaded = document.querySelector(".review-card[aria-busy=true]") === null;
            if (!pressed || !loaded || name() === before) return;
            window.waits.push(performance.now() - pressed);
            pressed = 0;
          }).observe(document.body, {
            subtree: true, childList: true, characterData: true, attributes: true,
          });
        }"""
    )
    for _ in range(5):
        page.keyboard.press("s")
        page.wait_for_timeout(700)
    waits: list[float] = page.evaluate("window.waits")
    assert len(waits) == 5
    assert max(waits) < 100


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
    page.wait_for_timeout(500)
    assert server.counts() == before


def test_order_of_the_queue(open_page: OpenPage, server: Server) -> None:
    page = begin(open_page, "Orders")
    for order in ("largest", "confidence", "uncertainty"):
        page.locator(".review-order select").select_option(order)
        wanted = server.review(f"/queue?order={order}")["items"][0]["id"]
        page.locator(".review-card h3").filter(has_text=f"Polygon {wanted}").wait_for()


def test_several_are_selected_by_a_box(open_page: OpenPage, server: Server) -> None:
    page = begin(open_page, "Boxes")
    page.locator("body").press("f")  # all of the inventory
    page.wait_for_timeout(1500)
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
    page.wait_for_timeout(800)
    press(page, "a")
    assert (
        server.counts()["unreviewed"]
        <= before["unreviewed"] - count + before["accepted"] + before["rejected"]
    )
    judged = server.counts()
    press(page, "u")
    page.wait_for_timeout(500)
    assert server.counts() == before != judged


def test_ground_is_looked_at_cell_by_cell(open_page: OpenPage, server: Server) -> None:
    page = begin(open_page, "Ground")
    page.keyboard.press("g")
    page.locator(".review-card h3").filter(has_text="Cell").wait_for()
    assert "never taken for free of landslides" in page.locator(".review").inner_text()
    looked_at = server.review()["cells_looked_at"]
    accepted = server.counts()["accepted"]
    for _ in range(3):
        page.keyboard.press("v")
        page.wait_for_timeout(600)
        dialog = page.get_by_role("dialog")
        if dialog.count() == 0:
            continue
        # nothing is called done while polygons in it are not judged
        assert server.review()["cells_looked_at"] == looked_at
        dialog.get_by_role("button", name=re.compile("^Accept")).click()
        break
    else:
        pytest.fail("no cell had polygons that nobody has judged")
    page.wait_for_function(
        "() => /[1-9]\\d* of \\d+ cells/.test(document.querySelector('.review').textContent)"
    )
    assert page.get_by_role("dialog").count() == 0
    assert server.review()["cells_looked_at"] == looked_at + 1
    assert server.counts()["accepted"] > accepted
    percent = page.locator(".review strong").filter(has_text="of the ground").inner_text()
    assert not percent.startswith("0%")


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


def test_all_keys_are_in_the_help(open_page: OpenPage) -> None:
    page = begin(open_page, "Help")
    page.keyboard.press("?")
    text = page.get_by_role("dialog").inner_text()
    for words in ("Accept", "Reject", "Skip", "Edit outline", "Split", "Merge", "Looked at, next"):
        assert words in text


def outlines_visible(page: "Page") -> bool:
    return page.get_by_role("button", name="Outlines").get_attribute("aria-pressed") == "false"


def test_outlines_are_hidden_to_see_the_ground(open_page: OpenPage) -> None:
    page = begin(open_page, "Peek")
    assert outlines_visible(page)
    page.keyboard.press("h")
    assert not outlines_visible(page)
    page.keyboard.press("h")
    assert outlines_visible(page)
    page.keyboard.press("i")
    page.get_by_text("Shown: ").wait_for()  # the image before

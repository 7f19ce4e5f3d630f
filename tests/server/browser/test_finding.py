"""How polygons and places are found.

Covers: a click and all that is known of a polygon; the table sorted, moved through by keys, its
columns; filters of table and map; charts; search by number, text and coordinates, and the
coordinates of the pointer.
"""

import re

import pytest
from tests.server.browser.conftest import OpenPage, Site, wait_for_map
from tests.server.browser.reviewing import screen_place
from tests.server.browser.viewing import (
    hash_of,
    polygon_place,
    set_range,
    wait_for_other_text,
    wait_for_text,
)

pytestmark = pytest.mark.slow


# area by area, the largest first
_SORTED = """() => {
  const cells = document.querySelectorAll(".table-row .cell-number:nth-child(3)");
  const areas = [...cells].map((one) => Number(one.innerText.replaceAll(",", "")));
  return areas.length > 4 && areas.every((area, at) => at === 0 || area <= areas[at - 1]);
}"""


def test_a_click_shows_all_that_is_known(open_page: OpenPage, site: Site) -> None:
    page = open_page()
    id_, x, y = polygon_place(page, site)
    page.mouse.click(x, y)
    card = page.locator(".detail-card")
    card.get_by_text("Mean slope").wait_for()
    assert card.get_by_role("heading", name=f"Landslide {id_}").is_visible()
    assert re.search(r"Area\s*[\d,.]+ m²", card.inner_text())
    assert "not reviewed" in card.inner_text()
    card.get_by_role("button", name=re.compile("History")).click()
    assert card.get_by_text("Nobody has changed it.").is_visible()
    assert hash_of(page)["polygon"] == str(id_)
    page.get_by_role("button", name="切换到中文").click()
    assert card.get_by_text("平均坡度").is_visible()
    page.locator("body").press("Escape")
    assert card.count() == 0


def test_the_table_is_sorted_and_moved_by_keys(open_page: OpenPage) -> None:
    page = open_page()
    page.keyboard.press("Alt+3")
    grid = page.get_by_role("grid")
    grid.get_by_role("button", name=re.compile("^Area")).click()
    grid.locator("[aria-sort=descending]").wait_for()
    page.wait_for_function(_SORTED)
    before = hash_of(page)["view"]
    grid.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    page.locator(".table-row[aria-selected='true'][aria-rowindex='3']").wait_for()
    assert hash_of(page)["view"] != before
    page.keyboard.press("End")
    page.locator(".table-row[aria-selected='true'][aria-rowindex='21']").wait_for()
    grid.get_by_role("button", name=re.compile("^Area")).click()
    grid.locator("[aria-sort=ascending]").wait_for()
    page.get_by_role("button", name="Columns").click()
    page.get_by_role("dialog").get_by_role("checkbox", name="Perimeter").check()
    page.keyboard.press("Escape")
    assert page.get_by_role("dialog").count() == 0
    assert page.get_by_role("columnheader", name=re.compile("Perimeter")).count() == 1
    # the focus is back where it was
    assert page.evaluate("document.activeElement.textContent") == "Columns"


def test_a_filter_is_of_table_and_map_and_charts_have_the_same_numbers(open_page: OpenPage) -> None:
    page = open_page()
    page.keyboard.press("Alt+3")
    count = page.locator(".table-count")
    assert count.inner_text() == "20 of 20"
    whole = page.evaluate("() => document.querySelectorAll('.table-row').length")
    page.locator(".filter-bar").get_by_role("button", name="Filter").click()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    set_range(page.get_by_label("Area: from"), 350)
    wait_for_other_text(page, ".table-count", "20 of 20")
    shown = int(count.inner_text().split()[0])
    assert 0 < shown < 20
    assert whole > shown
    assert any("range=area_m2%3A" in url for url in asked)
    page.locator(".filter-bar").get_by_label("Verdict").select_option("accepted")
    wait_for_text(page, ".table-count", "0 of 20")
    page.get_by_role("button", name="Clear").click()
    wait_for_text(page, ".table-count", "20 of 20")
    page.get_by_role("button", name="Charts").click()
    page.locator(".chart").nth(1).wait_for()
    figure = page.locator(".chart", has_text="Sizes")
    assert re.search(
        "20 landslides", figure.locator("[role=img]").get_attribute("aria-label") or ""
    )
    figure.locator("summary").click()
    numbers = figure.locator("tbody td:nth-child(2)").all_inner_texts()
    assert sum(map(int, numbers)) == 20


def test_a_text_filters_the_map(open_page: OpenPage, site: Site) -> None:
    page = open_page()
    first, _, _ = polygon_place(page, site)
    inventory = hash_of(page)["inventory"]
    rows = page.request.get(f"{site.url}api/inventories/{inventory}/features").json()["rows"]
    other = rows[-1]
    page.keyboard.press("Alt+3")
    page.get_by_label("Search in texts").fill(f"#{other['id']}")
    wait_for_text(page, ".table-count", "1 of 20")
    page.locator(".panel-bottom .panel-header .icon-button").click()
    note = page.locator(".filter-note")
    note.get_by_text("1 of 20 polygons").wait_for()
    wait_for_map(page)
    page.mouse.click(*polygon_place(page, site)[1:])
    page.mouse.click(*screen_place(page, tuple(other["centroid"])))
    page.get_by_role("heading", name=f"Landslide {other['id']}").wait_for()
    page.locator("body").press("Escape")
    page.mouse.click(*polygon_place(page, site)[1:])
    page.wait_for_timeout(500)
    assert "polygon" not in hash_of(page)
    note.get_by_role("button", name="Clear").click()
    note.wait_for(state="detached")
    wait_for_map(page)
    page.mouse.click(*polygon_place(page, site)[1:])
    page.get_by_role("heading", name=f"Landslide {first}").wait_for()


def test_coordinates_and_search(open_page: OpenPage) -> None:
    page = open_page()
    stage = page.locator(".map-stage").bounding_box()
    assert stage is not None
    button = page.locator(".coordinates")
    centre = button.inner_text()
    page.mouse.move(stage["x"] + 300, stage["y"] + 300)
    page.locator(".coordinates", has_not_text=centre).wait_for()
    button.click()
    assert re.fullmatch(r"31°1\d′\d\d\.\d″N 103°5\d′\d\d\.\d″E", button.inner_text())
    button.click()
    assert re.fullmatch(r"40\d{4} 34\d{5} \(UTM 48N\)", button.inner_text())
    assert re.fullmatch(r"\d+ m", page.locator(".scale-bar").inner_text())
    page.locator("body").press("/")
    field = page.get_by_role("combobox", name="Search by number, text or coordinates")
    field.fill("31°16'00\"N 103°57'00\"E")
    field.press("Enter")
    page.locator(".place-marker").wait_for()
    longitude, latitude, _ = map(float, hash_of(page)["view"].split(","))
    assert longitude == pytest.approx(103.95, abs=1e-4)
    assert latitude == pytest.approx(31.2667, abs=1e-4)
    field.fill("400300 3459800")
    page.locator("[role=option]", has_text="Place").wait_for()
    assert "31.26" in page.locator("[role=option]").first.inner_text()
    field.fill("7")
    page.get_by_role("option", name=re.compile("Landslide 7")).first.wait_for()
    field.press("Enter")
    page.get_by_role("heading", name="Landslide 7").wait_for()
    field.fill("no such thing")
    page.get_by_text("Nothing found").wait_for()

"""The viewer, in a browser: what is shown, how it is found, and how it is told apart."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from PIL import Image
from tests.server.browser.conftest import Faults, OpenPage, Site, serving, wait_for_map

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.slow

Pixel = tuple[int, int, int]


def hash_of(page: "Page") -> dict[str, str]:
    """What the address says of the view."""
    page.wait_for_timeout(400)  # it is written when the map rests
    words = parse_qs(urlsplit(page.url).fragment)
    return {name: values[0] for name, values in words.items()}


def tile_requests(page: "Page", doing: Callable[[], object]) -> list[str]:
    """Addresses of tiles that are asked for while something is done."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    doing()
    wait_for_map(page)
    page.wait_for_timeout(500)
    return [url for url in asked if "/tiles/" in url]


def mean_colour(page: "Page", tmp_path: Path, share: tuple[float, float] = (0, 1)) -> Pixel:
    """Mean colour of the map, or of a part of its width."""
    picture = tmp_path / "map.png"
    page.locator(".map-stage").screenshot(path=str(picture))
    pixels = np.asarray(Image.open(picture).convert("RGB"), dtype=np.float64)
    height, width = pixels.shape[:2]
    part = pixels[height // 4 : 3 * height // 4, int(width * share[0]) : int(width * share[1])]
    red, green, blue = part.reshape(-1, 3).mean(axis=0).round().astype(int).tolist()
    return red, green, blue


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


def test_a_first_look_shows_image_and_polygons_whole(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page()
    assert page.title() == "Beichuan · landslip"
    assert page.get_by_text("20 polygons").is_visible()
    assert page.locator(".legend").get_by_text("Confidence").is_visible()
    _, green, blue = mean_colour(page, tmp_path, (0.3, 0.7))
    assert green > blue  # vegetation, not the empty background
    view = hash_of(page)
    longitude, latitude, zoom = map(float, view["view"].split(","))
    assert 103.94 < longitude < 103.96
    assert 31.26 < latitude < 31.28
    assert 15 < zoom < 18


def test_bands_and_stretch_change_the_picture(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page()
    true = mean_colour(page, tmp_path, (0.3, 0.7))
    page.get_by_role("radio", name="False colour").click()
    wait_for_map(page)
    page.wait_for_timeout(500)
    false = mean_colour(page, tmp_path, (0.3, 0.7))
    assert false[0] > true[0] + 40  # vegetation is red in false colour
    page.get_by_role("radio", name="One band").click()
    page.get_by_label("One band", exact=True).last.select_option("4")
    wait_for_map(page)
    page.wait_for_timeout(500)
    grey = mean_colour(page, tmp_path, (0.3, 0.7))
    assert max(grey) - min(grey) < 25  # polygons are still coloured
    page.locator("summary", has_text="Brightness").click()
    before = page.locator(".band-limits output").inner_text()
    asked = tile_requests(
        page, lambda: set_range(page.get_by_label("near infrared: darkest value"), 350)
    )
    assert asked
    assert all("limits=" in url for url in asked)
    assert page.locator(".band-limits output").inner_text() != before
    wait_for_map(page)
    page.wait_for_timeout(500)
    assert sum(mean_colour(page, tmp_path, (0.3, 0.7))) < sum(grey)
    page.get_by_role("button", name="Reset").click()
    wait_for_map(page)
    assert page.locator(".band-limits output").inner_text() == before


def test_the_threshold_moves_without_a_request(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page()
    press_on_map(page, "1")
    page.get_by_role("switch", name="Probability").check()
    wait_for_map(page)
    slider = page.get_by_role("slider", name="Threshold")
    assert float(slider.input_value()) == pytest.approx(0.6, abs=0.25)
    page.wait_for_timeout(500)
    high = mean_colour(page, tmp_path, (0.3, 0.7))
    asked = tile_requests(page, lambda: set_range(slider, 0.02))
    assert asked == []
    low = mean_colour(page, tmp_path, (0.3, 0.7))
    assert low != high  # more than the landslides is coloured
    page.locator(".legend").get_by_text("0.02").wait_for()
    page.get_by_role("button", name=re.compile("the model's")).click()
    assert hash_of(page)["threshold"] != "0.02"


def test_states_have_a_legend(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_role("switch", name="States and mask").check()
    wait_for_map(page)
    for state in ("vegetated", "fresh landslide", "recovering", "recovered"):
        page.locator(".legend").get_by_text(state, exact=True).wait_for()


def test_polygons_by_verdict_and_as_outlines(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_role("combobox", name="Colour", exact=True).select_option("verdict")
    page.locator(".legend").get_by_text("accepted").wait_for()
    page.get_by_role("checkbox", name="Outlines only").check()
    assert page.get_by_role("slider", name="Fill").count() == 0
    page.reload()
    wait_for_map(page)
    assert page.get_by_role("checkbox", name="Outlines only").is_checked()
    assert page.get_by_role("combobox", name="Colour", exact=True).input_value() == "verdict"


def polygon_place(page: "Page", site: Site) -> tuple[int, float, float]:
    """Id of a polygon, and where its centre is on the screen."""
    row = page.request.get(
        f"{site.url}api/inventories/{hash_of(page)['inventory']}/features"
    ).json()
    polygon = row["rows"][0]
    longitude, latitude, zoom = map(float, hash_of(page)["view"].split(","))
    place: dict[str, Any] = page.evaluate(
        """([lon, lat, zoom, x, y]) => {
            const size = 512 * 2 ** zoom;
            const px = (lng) => ((lng + 180) / 360) * size;
            const mercator = (l) => Math.log(Math.tan(Math.PI / 4 + (l * Math.PI) / 360));
            const py = (l) => (0.5 - mercator(l) / (2 * Math.PI)) * size;
            const box = document.querySelector(".map-canvas").getBoundingClientRect();
            return {
              x: box.left + box.width / 2 + px(x) - px(lon),
              y: box.top + box.height / 2 + py(y) - py(lat),
            };
        }""",
        [longitude, latitude, zoom, *polygon["centroid"]],
    )
    return polygon["id"], place["x"], place["y"]


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
    page.wait_for_timeout(500)
    areas = [
        float(text.replace(",", ""))
        for text in page.locator(".table-row .cell-number:nth-child(3)").all_inner_texts()
    ]
    assert len(areas) > 4
    assert areas == sorted(areas, reverse=True)
    before = hash_of(page)["view"]
    grid.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    page.locator(".table-row[aria-selected='true'][aria-rowindex='3']").wait_for()
    wait_for_map(page)
    assert hash_of(page)["view"] != before
    page.keyboard.press("End")
    page.locator(".table-row[aria-selected='true'][aria-rowindex='21']").wait_for()
    grid.get_by_role("button", name=re.compile("^Area")).click()
    page.wait_for_timeout(500)
    assert grid.locator("[aria-sort=ascending]").count() == 1


def test_a_filter_is_of_table_and_map(open_page: OpenPage, tmp_path: Path) -> None:
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


def test_columns_are_chosen(open_page: OpenPage) -> None:
    page = open_page()
    page.keyboard.press("Alt+3")
    page.get_by_role("button", name="Columns").click()
    page.get_by_role("dialog").get_by_role("checkbox", name="Perimeter").check()
    page.keyboard.press("Escape")
    assert page.get_by_role("dialog").count() == 0
    assert page.get_by_role("columnheader", name=re.compile("Perimeter")).count() == 1
    # the focus is back where it was
    assert page.evaluate("document.activeElement.textContent") == "Columns"


def test_charts_have_the_same_numbers_as_tables(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_role("button", name="Charts").click()
    page.locator(".chart").nth(1).wait_for()
    figure = page.locator(".chart", has_text="Sizes")
    assert re.search(
        "20 landslides", figure.locator("[role=img]").get_attribute("aria-label") or ""
    )
    figure.locator("summary").click()
    numbers = figure.locator("tbody td:nth-child(2)").all_inner_texts()
    assert sum(map(int, numbers)) == 20


def test_search_finds_places_and_polygons(open_page: OpenPage) -> None:
    page = open_page()
    page.locator("body").press("/")
    field = page.get_by_role("combobox", name="Search by number, text or coordinates")
    field.fill("31°16'00\"N 103°57'00\"E")
    field.press("Enter")
    page.locator(".place-marker").wait_for()
    page.wait_for_timeout(1000)
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


def test_dates_are_stepped_and_played(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page()
    press_on_map(page, "1")
    after = mean_colour(page, tmp_path)
    scene = hash_of(page)["scene"]
    press_on_map(page, "[")
    page.wait_for_timeout(500)
    assert page.locator(".time-slider output").inner_text() == "30 Jul 2017"
    assert hash_of(page)["scene"] != scene
    assert sum(mean_colour(page, tmp_path)) < sum(after)  # nothing is bare, the stretch is the same
    page.get_by_role("button", name="Play").click()
    wait_for_text(page, ".time-slider output", "13 Aug 2017")
    page.get_by_role("button", name="Pause").click()
    assert hash_of(page)["scene"] == scene


def test_two_images_are_compared_by_keys_and_pointer(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page()
    press_on_map(page, "1")
    press_on_map(page, "c")
    divider = page.get_by_role("separator")
    assert divider.get_attribute("aria-valuenow") == "50"
    page.get_by_label("On the right of the line").select_option(
        label="13 Aug 2017 · series · False colour"
    )
    page.wait_for_timeout(1500)
    left, right = mean_colour(page, tmp_path, (0.3, 0.45)), mean_colour(page, tmp_path, (0.55, 0.7))
    assert right[0] > left[0] + 40
    divider.focus()
    page.keyboard.press("Home")
    assert divider.get_attribute("aria-valuenow") == "0"
    page.keyboard.press("Shift+ArrowRight")
    assert divider.get_attribute("aria-valuenow") == "10"
    box = page.locator(".divider-grip").bounding_box()
    stage = page.locator(".map-stage").bounding_box()
    assert box is not None
    assert stage is not None
    page.mouse.move(box["x"] + 16, box["y"] + 16)
    page.mouse.down()
    page.mouse.move(stage["x"] + 0.75 * stage["width"], box["y"])
    page.mouse.up()
    assert divider.get_attribute("aria-valuenow") == "75"
    assert "divider" in hash_of(page)
    press_on_map(page, "c")
    assert divider.count() == 0


def test_a_link_opens_the_same_view(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_role("radio", name="False colour").click()
    page.get_by_role("switch", name="Probability").check()
    set_range(page.get_by_role("slider", name="Threshold"), 0.33)
    page.keyboard.press("Alt+3")
    page.get_by_role("grid").focus()
    page.keyboard.press("ArrowDown")
    page.get_by_role("heading", name="Landslide 2").wait_for()
    wait_for_map(page)
    wanted = hash_of(page)
    other = open_page(f"#{urlsplit(page.url).fragment}")
    other.get_by_role("heading", name="Landslide 2").wait_for()
    assert hash_of(other) == wanted
    assert other.get_by_role("radio", name="False colour").get_attribute("aria-checked") == "true"
    assert other.get_by_role("slider", name="Threshold").input_value() == "0.33"


def test_coordinates_are_of_the_pointer_and_in_three_notations(open_page: OpenPage) -> None:
    page = open_page()
    stage = page.locator(".map-stage").bounding_box()
    assert stage is not None
    button = page.locator(".coordinates")
    centre = button.inner_text()
    page.mouse.move(stage["x"] + 300, stage["y"] + 300)
    page.wait_for_timeout(100)
    assert button.inner_text() != centre
    button.click()
    assert re.fullmatch(r"31°1\d′\d\d\.\d″N 103°5\d′\d\d\.\d″E", button.inner_text())
    button.click()
    assert re.fullmatch(r"40\d{4} 34\d{5} \(UTM 48N\)", button.inner_text())
    assert re.fullmatch(r"\d+ m", page.locator(".scale-bar").inner_text())


def test_keys_are_listed_and_can_be_turned_off(open_page: OpenPage) -> None:
    page = open_page()
    page.locator("body").press("?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    assert dialog.get_by_text("Compare").is_visible()
    dialog.get_by_role("checkbox").uncheck()
    page.keyboard.press("Escape")
    page.locator("body").press("c")
    assert page.get_by_role("separator").count() == 0
    page.locator("body").press("?")
    dialog.get_by_role("checkbox").check()
    page.keyboard.press("Escape")
    page.locator("body").press("c")
    page.get_by_role("separator").wait_for()


def test_everything_is_reached_by_tab(open_page: OpenPage) -> None:
    page = open_page()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the map"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.className").startswith("maplibregl-canvas")
    before = hash_of(page)["view"]
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(600)
    assert hash_of(page)["view"] != before
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate(
                "(document.activeElement.getAttribute('aria-label') ?? "
                "document.activeElement.textContent).trim()"
            )
        )
    assert {"Zoom in", "Show all", "Compare", "Play", "Layers", "Table", "Charts"} <= reached


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_narrow_page_has_sheets(open_page: OpenPage, language: str, site: Site) -> None:
    page = open_page(size=(360, 740), language=language)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.locator(".panel").count() == 0
    page.locator(".rail-button").first.click()
    sheet = page.locator(".panel-side").bounding_box()
    assert sheet is not None
    assert sheet["width"] == 360
    assert sheet["height"] < 0.6 * 740
    page.locator(".rail-button").last.click()
    assert page.locator(".panel-side").count() == 0  # one sheet at a time
    assert page.locator(".panel-bottom").count() == 1
    page.locator(".panel-bottom .panel-header .icon-button").click()
    id_, x, y = polygon_place(page, site)
    page.mouse.click(x, y)
    card = page.locator(".detail-card")
    card.get_by_role("heading", name=re.compile(str(id_))).wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_language_and_colours_are_kept(open_page: OpenPage) -> None:
    page = open_page(language="zh")
    assert page.get_by_role("heading", name="图层").is_visible()
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    page.get_by_role("button", name="Switch to English").click()
    page.get_by_role("button", name=re.compile("^Colours")).click()
    page.get_by_role("button", name=re.compile("^Colours")).click()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.reload()
    wait_for_map(page)
    assert page.get_by_role("heading", name="Layers").is_visible()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_broken_files_are_named(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_role("button", name="1 file could not be read").click()
    assert page.get_by_role("dialog").get_by_text("broken.tif").is_visible()


def test_the_right_of_another_inventory(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_label("Inventory").select_option(label="map")
    page.get_by_text("48 polygons").wait_for()
    wait_for_map(page)
    page.keyboard.press("Alt+3")
    wait_for_text(page, ".table-count", "48 of 48")


def test_an_empty_folder_says_how_to_begin(
    open_page: OpenPage, faults: Faults, tmp_path: Path
) -> None:
    with serving(tmp_path) as empty:
        faults.origin = empty.url
        page = open_page(url=empty.url, ready=False)
        page.get_by_role("heading", name=re.compile("nothing to show")).wait_for()
        assert page.get_by_text(re.compile("landslip demo --out")).is_visible()


def test_a_server_that_is_gone_is_said_once(
    open_page: OpenPage, folder_template: Path, faults: Faults
) -> None:
    with serving(folder_template, "--read-only") as gone:
        faults.origin = gone.url
        page = open_page(url=gone.url)
    page.get_by_role("button", name="Charts").click()
    page.get_by_text(re.compile("does not answer")).first.wait_for()
    faults.found.clear()

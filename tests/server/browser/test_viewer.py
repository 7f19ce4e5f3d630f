"""The map of the page.

Covers: the first look, screens with small pixels, files that cannot be read, another inventory, a
corrected one, elevation models; bands and stretch; the threshold of the probability, states; dates,
and two images compared; what a link and a reload keep; keys and Tab; a narrow page; an empty
folder; a server that is gone.
"""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image
from tests.inventory.factories import write_plane
from tests.server.browser.conftest import Faults, OpenPage, Site, serving, wait_for_map
from tests.server.browser.reviewing import wait_for_address
from tests.server.browser.viewing import (
    hash_of,
    polygon_place,
    press_on_map,
    set_range,
    wait_for_text,
)

import landslip

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow

Pixel = tuple[int, int, int]
MIDDLE = (0.3, 0.7)
_PATIENCE = 60


def tile_requests(page: "Page", doing: Callable[[], object]) -> list[str]:
    """Addresses of tiles that are asked for while something is done."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    doing()
    wait_for_address(page)
    return [url for url in asked if "/tiles/" in url]


def mean_colour(page: "Page", tmp_path: Path, share: tuple[float, float] = MIDDLE) -> Pixel:
    """Mean colour of the map, or of a part of its width."""
    picture = tmp_path / "map.png"
    page.locator(".map-stage").screenshot(path=str(picture))
    pixels = np.asarray(Image.open(picture).convert("RGB"), dtype=np.float64)
    height, width = pixels.shape[:2]
    part = pixels[height // 4 : 3 * height // 4, int(width * share[0]) : int(width * share[1])]
    red, green, blue = part.reshape(-1, 3).mean(axis=0).round().astype(int).tolist()
    return red, green, blue


def colour_when(
    page: "Page",
    tmp_path: Path,
    wanted: Callable[[Pixel], bool],
    share: tuple[float, float] = MIDDLE,
) -> Pixel:
    """Mean colour of the map, once it is as wanted: it is drawn a little later."""
    colour = mean_colour(page, tmp_path, share)
    for _ in range(_PATIENCE):
        if wanted(colour):
            break
        page.wait_for_timeout(500)
        colour = mean_colour(page, tmp_path, share)
    assert wanted(colour), colour
    return colour


def test_a_first_look_shows_image_and_polygons_whole(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page()
    assert page.title() == "Beichuan · landslip"
    assert page.get_by_text("20 polygons").is_visible()
    assert page.locator(".legend").get_by_text("Confidence").is_visible()
    _, green, blue = mean_colour(page, tmp_path)
    assert green > blue  # vegetation, not the empty background
    view = hash_of(page)
    longitude, latitude, zoom = map(float, view["view"].split(","))
    assert 103.94 < longitude < 103.96
    assert 31.26 < latitude < 31.28
    assert 15 < zoom < 18
    page.get_by_role("button", name="1 file could not be read").click()
    page.get_by_role("dialog").get_by_text("broken.tif").wait_for()
    page.keyboard.press("Escape")
    page.get_by_label("Inventory").select_option(label="map")
    page.get_by_text("48 polygons").wait_for()
    page.keyboard.press("Alt+3")
    wait_for_text(page, ".table-count", "48 of 48")


def test_bands_and_stretch_change_the_picture(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page()
    true = mean_colour(page, tmp_path)
    page.get_by_role("radio", name="False colour").click()
    # vegetation is red in false colour
    colour_when(page, tmp_path, lambda false: false[0] > true[0] + 40)
    page.get_by_role("radio", name="One band").click()
    page.get_by_label("One band", exact=True).last.select_option("4")
    # polygons are still coloured
    colour_when(page, tmp_path, lambda grey: max(grey) - min(grey) < 25)
    wait_for_address(page)
    grey = mean_colour(page, tmp_path)
    page.locator("summary", has_text="Brightness").click()
    before = page.locator(".band-limits output").inner_text()
    asked = tile_requests(
        page, lambda: set_range(page.get_by_label("near infrared: darkest value"), 350)
    )
    assert asked
    assert all("limits=" in url for url in asked)
    assert page.locator(".band-limits output").inner_text() != before
    colour_when(page, tmp_path, lambda darker: sum(darker) < sum(grey))
    page.get_by_role("button", name="Reset").click()
    wait_for_map(page)
    assert page.locator(".band-limits output").inner_text() == before


def test_the_threshold_moves_without_a_request_and_states_have_a_legend(
    open_page: OpenPage, tmp_path: Path
) -> None:
    page = open_page()
    press_on_map(page, "1")
    page.get_by_role("switch", name="Probability").check()
    wait_for_map(page)
    slider = page.get_by_role("slider", name="Threshold")
    assert float(slider.input_value()) == pytest.approx(0.6, abs=0.25)
    wait_for_address(page)
    high = mean_colour(page, tmp_path)
    asked = tile_requests(page, lambda: set_range(slider, 0.02))
    assert asked == []
    colour_when(page, tmp_path, lambda low: low != high)  # more than the landslides is coloured
    page.locator(".legend").get_by_text("0.02").wait_for()
    page.get_by_role("button", name=re.compile("the model's")).click()
    assert hash_of(page)["threshold"] != "0.02"
    page.get_by_role("switch", name="States and mask").check()
    wait_for_map(page)
    for state in ("vegetated", "fresh landslide", "recovering", "recovered"):
        page.locator(".legend").get_by_text(state, exact=True).wait_for()


def test_dates_are_stepped_played_and_compared(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page()
    press_on_map(page, "1")
    after = mean_colour(page, tmp_path)
    scene = hash_of(page)["scene"]
    press_on_map(page, "[")
    wait_for_text(page, ".time-slider output", "30 Jul 2017")
    assert hash_of(page)["scene"] != scene
    # nothing is bare, the stretch is the same
    colour_when(page, tmp_path, lambda before: sum(before) < sum(after))
    page.get_by_role("button", name="Play").click()
    wait_for_text(page, ".time-slider output", "13 Aug 2017")
    page.get_by_role("button", name="Pause").click()
    shown = hash_of(page)["scene"]  # it may have gone on before it was stopped
    date = page.locator(".time-slider output").inner_text()
    assert (shown == scene) == (date == "13 Aug 2017")
    press_on_map(page, "c")
    divider = page.get_by_role("separator")
    assert divider.get_attribute("aria-valuenow") == "50"
    page.get_by_label("On the right of the line").select_option(
        label="13 Aug 2017 · series · False colour"
    )
    left = mean_colour(page, tmp_path, (0.3, 0.45))
    colour_when(page, tmp_path, lambda right: right[0] > left[0] + 40, (0.55, 0.7))
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
    page.locator("[role=separator][aria-valuenow='75']").wait_for()  # drawn a little later
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
    wanted = hash_of(page)
    other = open_page(f"#{urlsplit(page.url).fragment}")
    other.get_by_role("heading", name="Landslide 2").wait_for()
    assert hash_of(other) == wanted
    assert other.get_by_role("radio", name="False colour").get_attribute("aria-checked") == "true"
    assert other.get_by_role("slider", name="Threshold").input_value() == "0.33"


def test_choices_are_kept(open_page: OpenPage) -> None:
    page = open_page(language="zh")
    assert page.get_by_role("heading", name="图层").is_visible()
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    page.get_by_role("button", name="Switch to English").click()
    page.get_by_role("button", name=re.compile("^Colours")).click()
    page.get_by_role("button", name=re.compile("^Colours")).click()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.get_by_role("combobox", name="Colour", exact=True).select_option("verdict")
    page.locator(".legend").get_by_text("accepted").wait_for()
    page.get_by_role("checkbox", name="Outlines only").check()
    assert page.get_by_role("slider", name="Fill").count() == 0
    page.reload()
    wait_for_map(page)
    assert page.get_by_role("heading", name="Layers").is_visible()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.get_by_role("checkbox", name="Outlines only").is_checked()
    assert page.get_by_role("combobox", name="Colour", exact=True).input_value() == "verdict"


def test_tab_and_keys(open_page: OpenPage) -> None:
    page = open_page()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the map"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.className").startswith("maplibregl-canvas")
    before = hash_of(page)["view"]
    page.keyboard.press("ArrowRight")
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
    # keys are listed, and can be turned off
    page.locator("body").press("?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    dialog.get_by_text("Compare").wait_for()
    dialog.get_by_role("checkbox").uncheck()
    page.keyboard.press("Escape")
    page.locator("body").press("c")
    assert page.get_by_role("separator").count() == 0
    page.locator("body").press("?")
    dialog.get_by_role("checkbox").check()
    page.keyboard.press("Escape")
    page.locator("body").press("c")
    page.get_by_role("separator").wait_for()


def test_a_narrow_page_has_sheets(open_page: OpenPage, site: Site) -> None:
    page = open_page(size=(360, 740), language="zh")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.get_by_role("button", name="Switch to English").click()
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


def test_screens_with_small_pixels_are_sharp(open_page: OpenPage) -> None:
    page = open_page("#view=103.95,31.267,12.2", ratio=2)
    width = page.evaluate(
        "(({ width, clientWidth }) => width / clientWidth)"
        "(document.querySelector('.map-canvas canvas'))"
    )
    assert width == 2
    # at rest nothing is asked for, and nothing is drawn
    asked = tile_requests(page, lambda: page.wait_for_timeout(2000))
    assert asked == []
    nearer = tile_requests(page, lambda: press_on_map(page, "+"))
    images = [url for url in nearer if "/rasters/" in url]
    assert len({*images}) == len(images) > 0
    # a screen of large pixels needs the zoom of the view, 13
    assert all("/tiles/14/" in url for url in images)


def test_what_is_no_scene_comes_after_it_and_verdicts_of_a_review_are_shown(
    open_page: OpenPage, folder_template: Path, faults: Faults, tmp_path: Path
) -> None:
    folder = tmp_path / "served"
    shutil.copytree(folder_template, folder)
    write_plane(folder / "dem.tif")
    review = landslip.start_review(folder / "inventory", folder / "reviews" / "one", author="Ann")
    review.accept([int(one) for one in review.landslides["id"]], author="Ann")
    landslip.make_inventory(folder / "reviews" / "one", out=folder / "corrected", draws=0)
    with serving(folder) as other:
        faults.origin = other.url
        page = open_page(url=other.url)
        images = page.get_by_role("combobox", name="Image")
        assert images.locator("option").all_inner_texts()[-1] == "Elevation model · dem"
        assert "dem" not in images.locator("option:checked").inner_text()
        page.get_by_label("Inventory").select_option(label="corrected")
        page.get_by_role("combobox", name="Colour", exact=True).select_option("verdict")
        shown = page.get_by_role("switch", name="Image")
        shown.uncheck()
        # accepted: blue outlines and fill
        colour_when(page, tmp_path, lambda blue: blue[2] > blue[0] + 5)
        shown.check()
        images.select_option(label="Elevation model · dem")
        page.get_by_role("switch", name="Landslides").uncheck()
        colour_when(page, tmp_path, lambda grey: max(grey) - min(grey) < 8)
        page.get_by_text("Brightness").wait_for()


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

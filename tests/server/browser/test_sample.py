"""An accuracy sample in a browser: drawn, judged without the map's answer, and what follows."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import rasterio
from rasterio.warp import transform
from tests.server.browser.conftest import OpenPage, Site
from tests.server.browser.reviewing import Server

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow


@pytest.fixture
def server(site: Site) -> Server:
    """The server of the page."""
    return Server(site)


def mapped_as_landslide(folder: Path, places: list[tuple[float, float]]) -> list[bool]:
    """What the map says at places in longitude and latitude."""
    with rasterio.open(folder / "map" / "mask.tif") as mask:
        xs, ys = transform("EPSG:4326", mask.crs, *zip(*places, strict=True))
        return [bool(value[0] == 1) for value in mask.sample(zip(xs, ys, strict=True))]


def draw_sample(page: "Page") -> None:
    """Draw a sample of the map of the extraction."""
    page.locator(".rail-button").filter(has_text="Accuracy").click()
    page.get_by_role("button", name="Draw a sample").click()
    page.locator("select").filter(has_text="map").last.select_option(label="map")
    page.get_by_label("Points").fill("40")
    page.get_by_text("More options").click()
    page.get_by_label("Least number of each stratum").fill("10")
    page.get_by_label("Name of the result").fill("points")
    page.get_by_role("button", name="Start").click()
    page.get_by_role("button", name="Show").first.wait_for(timeout=60_000)
    page.get_by_role("button", name="Show").first.click()


def test_from_drawing_to_the_estimate(open_page: OpenPage, server: Server, site: Site) -> None:
    page = open_page()
    draw_sample(page)
    page.get_by_label("Your name").fill("Ada")
    page.keyboard.press("Enter")
    page.get_by_text("Point 1 of 40").wait_for()
    # nothing shows what the map says
    assert page.locator(".legend").count() == 0
    assert page.locator(".detail-card").count() == 0
    sample = server.get("workspace")["samples"][0]["id"]
    points = server.get(f"samples/{sample}/points")
    truth = mapped_as_landslide(site.folder, [tuple(point["place"]) for point in points])
    assert 5 < sum(truth) < 35

    page.keyboard.press("l" if truth[0] else "b")
    page.get_by_text("Point 2 of 40").wait_for()
    page.keyboard.press("u")
    page.get_by_text("Point 3 of 40").wait_for()
    page.keyboard.press("p")
    page.get_by_text("Point 2 of 40").wait_for()
    assert page.get_by_role("button", name="Unclear").get_attribute("aria-pressed") == "true"
    page.keyboard.press("c")
    page.keyboard.type("shadow of the ridge")
    page.keyboard.press("Enter")
    for at in range(1, 40):
        page.keyboard.press("l" if truth[at] else "b")
        if at < 39:
            page.get_by_text(f"Point {at + 2} of 40").wait_for()
    page.get_by_text("All points are judged.").wait_for()
    page.wait_for_timeout(1500)
    judged = server.get(f"samples/{sample}/points")
    assert [point["reference"] == "landslide" for point in judged] == truth
    assert judged[1]["comment"] == "shadow of the ridge"
    # a map that is right everywhere: the area is the mapped one
    estimate = server.get(f"samples/{sample}/estimate")
    assert estimate["overall_accuracy"] == 1
    assert estimate["area_m2"] == pytest.approx(estimate["mapped_m2"], rel=1e-6)
    result = page.locator(".panel-section")
    result.get_by_text("95 % interval").wait_for()
    assert result.get_by_text("100%").count() == 3
    page.get_by_role("button", name="Make the inventory with this sample").click()
    assert page.get_by_label("Accuracy sample").input_value() == sample


def test_the_map_is_shown_again_afterwards(open_page: OpenPage, server: Server) -> None:
    page = open_page()
    page.locator(".legend").wait_for()
    page.locator(".rail-button").filter(has_text="Accuracy").click()
    page.get_by_role("button", name=re.compile("^(Open|Go on|Begin)$")).first.click()
    page.get_by_label("Your name").fill("Ada")
    page.keyboard.press("Enter")
    page.get_by_text(re.compile("Point .* of 40")).wait_for()
    page.locator(".legend").wait_for(state="detached")
    page.keyboard.press("Alt+1")
    page.locator(".legend").wait_for()
    assert server.get("workspace")["samples"][0]["judged"] == 40


def test_judgements_wait_for_a_server_that_does_not_answer(
    open_page: OpenPage, server: Server
) -> None:
    page = open_page()
    page.locator(".rail-button").filter(has_text="Accuracy").click()
    page.get_by_role("button", name=re.compile("^(Open|Go on|Begin)$")).first.click()
    page.get_by_label("Your name").fill("Ada")
    page.keyboard.press("Enter")
    page.get_by_text("Point 1 of 40").wait_for()
    sample = server.get("workspace")["samples"][0]["id"]
    page.route("**/points/*", lambda route: route.abort())
    page.keyboard.press("w")
    page.get_by_text("1 change waits to be sent").wait_for()
    assert server.get(f"samples/{sample}/points")[0]["reference"] is not None
    page.unroute("**/points/*")
    page.get_by_role("button", name="Try again").click()
    page.locator(".review-offline").wait_for(state="detached")
    page.wait_for_timeout(500)
    assert server.get(f"samples/{sample}/points")[0]["reference"] is None

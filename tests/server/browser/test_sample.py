"""An accuracy sample in a browser.

Covers: drawing one by its form; points judged by one key each without the map's answer in sight;
unclear, back and comments; the estimate, and the inventory made with it; the map shown again;
judgements that wait for a server that does not answer, also if the sample is closed meanwhile.
"""

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import rasterio
from rasterio.warp import transform
from tests.server.browser.conftest import OpenPage, Site
from tests.server.browser.reviewing import Server, give_name, intercept, poll

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow
_POINTS = 40


def mapped_as_landslide(folder: Path, places: list[tuple[float, float]]) -> list[bool]:
    """What the map says at places in longitude and latitude."""
    with rasterio.open(folder / "map" / "mask.tif") as mask:
        xs, ys = transform("EPSG:4326", mask.crs, *zip(*places, strict=True))
        return [bool(value[0] == 1) for value in mask.sample(zip(xs, ys, strict=True))]


def stratified_area_m2(sample: Path, truth: list[bool]) -> float:
    """Landslide area by a sample: each stratum's area times its share of landslide points."""
    with closing(sqlite3.connect(sample)) as file:
        rows = file.execute("SELECT stratum, area_m2 FROM sample_strata").fetchall()
        strata = [row[0] for row in file.execute("SELECT stratum FROM sample_design ORDER BY id")]
    areas: dict[str, float] = dict(rows)
    found: dict[str, list[bool]] = {name: [] for name in areas}
    for name, is_landslide in zip(strata, truth, strict=True):
        found[name].append(is_landslide)
    return sum(areas[name] * sum(points) / len(points) for name, points in found.items())


def draw_sample(page: "Page") -> None:
    """Draw a sample of the map of the extraction, and open it."""
    page.locator(".rail-button").filter(has_text="Accuracy").click()
    page.get_by_role("button", name="Draw a sample").click()
    page.get_by_label("Map or inventory").select_option(label="map")
    page.get_by_label(re.compile("^Points")).fill(str(_POINTS))
    page.get_by_text("More options").click()
    page.get_by_label("Fewest points of a stratum").fill("10")
    page.get_by_label("Name of the result").fill("points")
    page.get_by_role("button", name="Start").click()
    job = page.locator(".job").filter(has_text="points")
    job.get_by_role("button", name="Show", exact=True).click()


def open_sample(page: "Page") -> None:
    page.get_by_role("button", name=re.compile("^(Open|Go on|Begin)$")).first.click()


def test_from_drawing_to_the_estimate(open_page: OpenPage, server: Server, site: Site) -> None:
    page = open_page()
    draw_sample(page)
    give_name(page, "Ada")
    page.get_by_text(f"Point 1 of {_POINTS}").wait_for()
    # nothing shows what the map says
    page.locator(".legend").wait_for(state="detached")
    assert page.locator(".detail-card").count() == 0
    sample = server.get("workspace")["samples"][0]["id"]
    points = server.get(f"samples/{sample}/points")
    truth = mapped_as_landslide(site.folder, [tuple(point["place"]) for point in points])
    assert 5 < sum(truth) < 35

    page.keyboard.press("l" if truth[0] else "b")
    page.get_by_text(f"Point 2 of {_POINTS}").wait_for()
    page.keyboard.press("u")
    page.get_by_text(f"Point 3 of {_POINTS}").wait_for()
    page.keyboard.press("p")
    page.get_by_text(f"Point 2 of {_POINTS}").wait_for()
    assert page.get_by_role("button", name="Unclear").get_attribute("aria-pressed") == "true"
    page.keyboard.press("c")
    page.keyboard.type("shadow of the ridge")
    page.keyboard.press("Enter")
    for at in range(1, _POINTS):
        page.keyboard.press("l" if truth[at] else "b")
        if at < _POINTS - 1:
            page.get_by_text(f"Point {at + 2} of {_POINTS}").wait_for()
    page.get_by_text("All points are judged.").wait_for()
    result = page.locator(".panel-section").filter(has_text="What the points say")
    result.get_by_text("95 % interval").wait_for()
    poll(
        lambda: [one["reference"] == "landslide" for one in server.get(f"samples/{sample}/points")],
        truth,
    )
    poll(lambda: server.get(f"samples/{sample}/points")[1]["reference"] != "unclear", wanted=True)
    judged = server.get(f"samples/{sample}/points")
    assert judged[1]["comment"] == "shadow of the ridge"
    # the map is right at all points; the area is of the strata's shares of landslide
    estimate = server.get(f"samples/{sample}/estimate")
    assert estimate["overall_accuracy"] == 1
    by_strata = stratified_area_m2(site.folder / "points.gpkg", truth)
    assert estimate["area_m2"] == pytest.approx(by_strata, rel=1e-6)
    assert estimate["low_m2"] < estimate["mapped_m2"] < estimate["high_m2"]
    result.get_by_text("100%").nth(2).wait_for()
    page.get_by_role("button", name="Make the inventory with this sample").click()
    name = page.get_by_text("Accuracy sample", exact=True)
    field = page.locator("label.field").filter(has=name).locator("select")
    assert field.input_value() == sample
    # the panel is closed: the map's answer is shown again
    page.locator(".legend").wait_for()


def test_judgements_wait_for_a_server_that_does_not_answer(
    open_page: OpenPage, server: Server
) -> None:
    page = open_page()
    page.locator(".rail-button").filter(has_text="Accuracy").click()
    open_sample(page)
    give_name(page, "Ada")
    page.get_by_text(f"Point 1 of {_POINTS}").wait_for()
    sample = server.get("workspace")["samples"][0]["id"]
    intercept(page, "**/points/*", lambda route: route.abort())
    page.keyboard.press("w")
    page.get_by_text("1 change waits to be sent").wait_for()
    assert server.get(f"samples/{sample}/points")[0]["reference"] is not None
    # neither closing the sample nor opening it again loses what waits
    page.get_by_role("button", name="Other sample").click()
    open_sample(page)
    page.get_by_text(f"{_POINTS - 1} of {_POINTS} points judged").wait_for()
    page.unroute("**/points/*")
    page.locator(".review-offline").wait_for(state="detached")  # it is tried again by itself
    poll(lambda: server.get(f"samples/{sample}/points")[0]["reference"], None)

"""A review from a scene to a corrected inventory, in the browser, with pictures of it.

The folder has one scene and one model, and is written to: give a copy. A raster of landslides (1
where there are some) stands in for the person who looks; it only decides which key is pressed.

    python benchmarks/review_pictures.py --folder COPY --labels LABELS.tif --out docs/images
"""

import argparse
import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import rasterio
import shapely
from rasterio.features import geometry_mask, shapes
from shapely.ops import nearest_points

from review_driver import Place, Reviewer, chromium, serving

AUTHOR, COLLEAGUE = "Ann", "Ben"
JUDGED = 15
_DEBRIS_FLOW = "6"
_NECK_M = 6.0


def main() -> None:
    """Run the review."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--bands", default="red,green,blue,nir", help="of the scene")
    parser.add_argument("--points", type=int, default=60, help="of the accuracy sample")
    parser.add_argument("--cells", type=int, default=10, help="of ground to look at")
    parser.add_argument("--epochs", type=int, default=3, help="of improving the model")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    labels = Labels.read(given.labels)
    with serving(given.folder) as url, chromium() as browser:
        one = Reviewer.at(browser, url, given.out)
        try:
            map_scene(one, given.bands)
            look(one)
            begin(one)
            judge(one, labels)
            inventory = geopandas.read_file(
                given.folder / "inventory" / "inventory.gpkg", layer="landslides"
            )
            edited = redraw(one)
            number = split(one, inventory, edited)
            merge(one, inventory, {edited, number})
            draw(one, inventory, labels)
            by_rule(one)
            colleague(one, labels)
            ground(one, given.cells)
            sample(one, labels, given.points)
            export(one)
            improve(one, given.epochs)
            viewer(Reviewer.at(browser, url, given.out, dark=True))
        finally:
            print("\n".join(one.faults) or "The browser had nothing to complain about.")


@dataclass(frozen=True, slots=True)
class Labels:
    """What is taken for the truth.

    Attributes:
        landslide: (height, width).
        transform: of the raster.
        crs: of the raster.
    """

    landslide: np.ndarray[Any, np.dtype[np.bool_]]
    transform: Any
    crs: Any

    @classmethod
    def read(cls, path: Path) -> "Labels":
        """Read a raster of landslides."""
        with rasterio.open(path) as raster:
            return cls(raster.read(1) == 1, raster.transform, raster.crs)

    def share(self, outline: dict[str, Any]) -> float:
        """Share of an outline, in longitude and latitude, that is landslide."""
        local = geopandas.GeoSeries([shapely.geometry.shape(outline)], crs="EPSG:4326")
        inside = geometry_mask(
            local.to_crs(self.crs), self.landslide.shape, self.transform, invert=True
        )
        return float(self.landslide[inside].mean()) if inside.any() else 0.0

    def at(self, place: Place) -> bool:
        """Whether a place is landslide."""
        (point,) = geopandas.GeoSeries([shapely.Point(place)], crs="EPSG:4326").to_crs(self.crs)
        column, row = ~self.transform * (point.x, point.y)
        return bool(self.landslide[int(row), int(column)])

    def missed(self, inventory: geopandas.GeoDataFrame, within: Any) -> list[Any]:
        """Return the landslides that no polygon touches, the largest first."""
        mapped = shapely.union_all(inventory.geometry.buffer(9))
        found: list[Any] = [
            shapely.geometry.shape(outline)
            for outline, _ in shapes(
                self.landslide.astype(np.uint8), self.landslide, transform=self.transform
            )
        ]
        alone = [one for one in found if not one.intersects(mapped) and within.contains(one)]
        return sorted(alone, key=lambda one: -one.area)


def place_of(point: shapely.Point, crs: Any) -> Place:
    """Return a point in longitude and latitude."""
    (moved,) = geopandas.GeoSeries([point], crs=crs).to_crs("EPSG:4326")
    return moved.x, moved.y


def map_scene(one: Reviewer, bands: str) -> None:
    """Map the scene and make an inventory, as jobs."""
    job = one.job("Map a scene", "map", numbers={"Bands of the scene": bands})
    job.get_by_role("button", name="Show").click()
    one.step("map a scene")
    job = one.job("Make an inventory", "inventory")
    job.get_by_role("button", name="Show").click()
    one.rest()
    one.picture("serve_jobs")
    one.step("make an inventory")


def look(one: Reviewer) -> None:
    """False colour, probability, table."""
    page = one.page
    one.panel("Layers")
    page.get_by_role("radio", name="False colour").click()
    one.rest()
    page.get_by_role("switch", name="Probability").check()
    page.get_by_role("slider", name="Threshold").evaluate(
        "(one) => { one.value = 0.2; one.dispatchEvent(new Event('input', {bubbles: true})) }"
    )
    one.picture("serve_threshold")
    page.get_by_role("switch", name="Probability").uncheck()
    page.get_by_role("radio", name="True colour").click()
    one.step("look at it")


def begin(one: Reviewer) -> None:
    """Begin the review, with a name."""
    one.panel("Review")
    one.page.get_by_role("button", name="the review").click()
    one.page.get_by_label("Your name").fill(AUTHOR)
    one.page.keyboard.press("Enter")
    one.page.locator(".review-card h3").wait_for()
    one.settle()


def judge(one: Reviewer, labels: Labels) -> None:
    """Judge the first of the queue, one key each; a type, a note, and one step back."""
    inventory = inventory_of(one)
    verdicts = []
    for number in range(JUDGED):
        outline = one.get(f"inventories/{inventory}/features/{one.current}")["geometry"]
        is_landslide = labels.share(outline) >= 0.5
        if number == 1:
            one.page.keyboard.press("n")
            one.page.locator("dialog textarea").fill("bare soil above the road")
            one.page.keyboard.press("Control+Enter")
            one.settle()
        if number == 2:
            one.press(_DEBRIS_FLOW)
        if number == 3:
            one.press("r" if is_landslide else "a", "u")
        if number == JUDGED - 1:
            one.picture("serve_review")
        one.press("a" if is_landslide else "r")
        verdicts.append(is_landslide)
    print(f"judged {JUDGED}, {sum(verdicts)} of them accepted")
    one.step(f"judge {JUDGED}")


def redraw(one: Reviewer) -> int:
    """Drag a corner of the largest polygon that is left."""
    page = one.page
    page.locator(".review-order select").select_option("largest")
    page.wait_for_timeout(1500)
    one.settle()
    edited = one.current
    outline = one.get(f"inventories/{inventory_of(one)}/features/{edited}")["geometry"]
    start = one.on_screen(min(shapely.get_coordinates(shapely.geometry.shape(outline)).tolist()))
    page.keyboard.press("e")
    page.get_by_role("region", name="While drawing").wait_for()
    page.wait_for_timeout(800)
    one.drag(start, (start[0] - 30, start[1] - 10))
    one.picture("serve_outline")
    one.press("Enter")
    print(f"redrew {edited}")
    one.step("redraw")
    return edited


def split(one: Reviewer, inventory: geopandas.GeoDataFrame, edited: int) -> int:
    """Split a polygon at its neck."""
    page = one.page
    number, line = necked(inventory, {edited})
    one.search(str(number))
    one.settle()
    ends = [place_of(shapely.Point(end), inventory.crs) for end in line.coords]
    page.keyboard.press("x")
    page.wait_for_timeout(500)
    one.click(ends)
    page.keyboard.press("Enter")
    page.get_by_text("Split into").wait_for()
    one.settle()
    print(f"split {number}")
    one.step("split")

    return number


def merge(one: Reviewer, inventory: geopandas.GeoDataFrame, others: set[int]) -> None:
    """Merge two that almost touch."""
    page = one.page
    first, second = neighbours(inventory, others)
    for at, polygon in enumerate((first, second)):
        inside = inventory.geometry[inventory["id"] == polygon].iloc[0].representative_point()
        if at == 0:
            one.search(str(polygon))
            one.settle()
        else:
            one.click([place_of(inside, inventory.crs)], "Shift")
    page.get_by_text("2 polygons selected").wait_for()
    page.wait_for_timeout(600)
    page.keyboard.press("m")
    page.locator(".chip").get_by_text("merged").first.wait_for()
    one.settle()
    print(f"merged {first} and {second}")
    one.step("merge")


def draw(one: Reviewer, inventory: geopandas.GeoDataFrame, labels: Labels) -> None:
    """Draw the largest one that is missing."""
    page = one.page
    height, width = labels.landslide.shape
    west, north = labels.transform * (40, 40)
    east, south = labels.transform * (width - 40, height - 40)
    missed = labels.missed(inventory, shapely.box(west, south, east, north))[0]
    middle = place_of(missed.centroid, labels.crs)
    one.search(f"{middle[1]:.6f}, {middle[0]:.6f}")
    outline = missed.simplify(6)
    corners = [place_of(shapely.Point(xy), labels.crs) for xy in outline.exterior.coords[:-1]]
    for _ in range(2):  # corners that are close to each other end an outline
        page.keyboard.press("+")
        page.wait_for_timeout(800)
    at = one.all_on_screen(corners)
    kept: list[int] = []
    for number, here in enumerate(at):
        if all(math.dist(here, at[other]) > 24 for other in kept):
            kept.append(number)
    corners = [corners[number] for number in kept]
    page.keyboard.press("d")
    page.wait_for_timeout(500)
    one.click(corners)
    one.press("Enter")
    page.locator(".review-card .chip").get_by_text("drawn").wait_for()
    print(f"drew {missed.area:.0f} m² with {len(corners)} corners")
    one.step("draw")


def necked(inventory: geopandas.GeoDataFrame, others: set[int]) -> tuple[int, shapely.LineString]:
    """Return the largest polygon of two halves with a narrow neck, and a line across the neck."""
    for row in inventory.sort_values("area_m2", ascending=False).itertuples():
        parts = shapely.get_parts(row.geometry.buffer(-_NECK_M))
        halves = sorted(parts, key=lambda half: -half.area)[:2]
        if row.id in others or len(halves) < 2 or halves[1].area < 0.3 * halves[0].area:
            continue
        a, b = nearest_points(*halves)
        if a.distance(b) > 4 * _NECK_M:
            continue
        x, y = (a.x + b.x) / 2, (a.y + b.y) / 2
        dx, dy = (b.y - a.y) / a.distance(b), (a.x - b.x) / a.distance(b)
        for reach in range(6, 60, 3):
            line = shapely.LineString(
                [(x - reach * dx, y - reach * dy), (x + reach * dx, y + reach * dy)]
            )
            ends = shapely.MultiPoint(list(line.coords))
            if not row.geometry.intersects(ends):
                return int(row.id), line
    raise SystemExit("no polygon has two halves")


def neighbours(inventory: geopandas.GeoDataFrame, others: set[int]) -> tuple[int, int]:
    """Return two large polygons that almost touch."""
    left = inventory[~inventory["id"].isin(others) & (inventory["area_m2"] > 1000)]
    best = min(
        (
            (a.geometry.distance(b.geometry), a.id, b.id)
            for a in left.itertuples()
            for b in left.itertuples()
            if a.id < b.id
        ),
    )
    return int(best[1]), int(best[2])


def inventory_of(one: Reviewer) -> str:
    """Return the id of the inventory that is reviewed."""
    found: str = next(
        each["id"] for each in one.get("workspace")["inventories"] if each["name"] == "inventory"
    )
    return found


def by_rule(one: Reviewer) -> None:
    """Reject what is small and of low confidence."""
    page = one.page
    page.keyboard.press("Shift+B")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Column").select_option("area_m2")
    dialog.get_by_label("to", exact=True).fill("150")
    dialog.get_by_text(re.compile(r"polygons? fit")).wait_for()
    one.picture("serve_rule")
    button = dialog.get_by_role("button", name=re.compile("^Reject all"))
    print(button.inner_text())
    button.click()
    page.get_by_text(re.compile("polygons? changed")).wait_for()
    one.settle()
    one.step("by rule")


def colleague(one: Reviewer, labels: Labels) -> None:
    """Let another person reject what is no landslide: cells are then accepted as a whole."""
    inventory = inventory_of(one)
    rejected = []
    for item in one.get(f"inventories/{inventory}/review/queue?limit=1000")["items"]:
        feature = one.get(f"inventories/{inventory}/features/{item['id']}")
        if labels.share(feature["geometry"]) < 0.5:
            rejected.append({"id": item["id"], "version": feature["version"]})
    change = {"action": "reject", "author": COLLEAGUE, "polygons": rejected}
    if rejected:
        one.post(f"inventories/{inventory}/review/changes", change)
    print(f"{COLLEAGUE} rejected {len(rejected)}")
    one.step("a colleague rejects")


def ground(one: Reviewer, cells: int) -> None:
    """Look at cells of the ground, one key each; what is left in them is accepted."""
    page = one.page
    inventory = inventory_of(one)
    page.keyboard.press("g")
    page.locator(".review-card h3").filter(has_text="Cell").wait_for()
    one.picture("serve_ground")
    summary = one.get(f"inventories/{inventory}/review")
    while summary["cells_looked_at"] < cells:
        page.keyboard.press("v")
        page.wait_for_timeout(900)
        dialog = page.get_by_role("dialog")
        if dialog.count() > 0:
            dialog.get_by_role("button", name=re.compile("^Accept")).click()
            page.wait_for_timeout(900)
        summary = one.get(f"inventories/{inventory}/review")
    print(f"{summary['cells_looked_at']} of {summary['cells']} cells, {summary['counts']}")
    page.keyboard.press("g")
    one.step(f"look at {cells} cells")


def sample(one: Reviewer, labels: Labels, points: int) -> None:
    """Draw points and judge them without the map's answer."""
    page = one.page
    one.panel("Accuracy")
    page.get_by_role("button", name="Draw a sample").click()
    page.get_by_text("More options").click()
    job = one.job(
        "Draw an accuracy sample",
        "sample",
        numbers={"Points": str(points), "Fewest points of a stratum": str(points // 4)},
    )
    job.get_by_role("button", name="Show").click()
    page.get_by_text(f"Point 1 of {points}").wait_for()
    found = one.get("workspace")["samples"][0]["id"]
    for number, point in enumerate(one.get(f"samples/{found}/points")):
        if number == 3:
            one.picture("serve_sample")
        page.keyboard.press("l" if labels.at(point["place"]) else "b")
        if number < points - 1:
            page.get_by_text(f"Point {number + 2} of {points}").wait_for()
    page.get_by_text("All points are judged.").wait_for()
    page.wait_for_timeout(1500)
    print(json.dumps(one.get(f"samples/{found}/estimate")))
    one.step(f"judge {points} points")


def export(one: Reviewer) -> None:
    """Make the corrected inventory."""
    one.panel("Review")
    one.page.get_by_role("button", name="Export the corrected inventory").click()
    one.job("Export the corrected inventory", "corrected")
    one.step("export")


def improve(one: Reviewer, epochs: int) -> None:
    """Let the model learn, and see whether it did."""
    one.job("Improve a model", "improved", numbers={"Epochs": str(epochs)})
    table = one.page.locator(".improve-table")
    table.wait_for()
    table.scroll_into_view_if_needed()
    one.picture("serve_improve")
    one.step("improve the model")


def viewer(one: Reviewer) -> None:
    """Two layers with a line between them, the table and the charts, in the dark."""
    page = one.page
    one.rest()
    one.panel("Charts")
    page.locator(".chart").nth(1).wait_for()
    one.panel("Table")
    page.locator("body").press("f")
    page.locator("body").press("c")
    page.get_by_role("separator").wait_for()
    one.picture("serve_viewer")


if __name__ == "__main__":
    main()

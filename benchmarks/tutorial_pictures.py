"""Pictures of the tutorial, from the folder in which its commands ran.

    python benchmarks/tutorial_pictures.py FOLDER --out docs/images

Reports are photographed in the system's Chromium.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from playwright.sync_api import sync_playwright

import landslip
from landslip.io.visualization import rgb_composite
from system_chromium import launch_chromium

MAX_BYTES = 150_000
STATES = {
    "new": (230, 60, 50),
    "enlarged": (255, 150, 30),
    "persisting": (255, 235, 60),
    "shrinking": (140, 200, 90),
    "recovered": (70, 160, 230),
    "not observed": (200, 200, 200),
}


def main() -> None:
    """Write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--lang", default="en", help="of the folder's report")
    asked = parser.parse_args()
    folder, out = asked.folder, asked.out
    report = folder / "INVENTORY_2014" / "report.html"
    if asked.lang != "en":
        save(photograph(report), out / f"tutorial_report_{asked.lang}.webp")
        return
    (quicklook,) = folder.glob("SCENES/*_20141002_*/quicklook.png")
    save(shrunk(Image.open(quicklook).convert("RGB"), 640), out / "tutorial_scene.webp")
    sheet = Image.open(folder / "PICTURES" / "sheet.png").convert("RGB")
    save(shrunk(sheet, min(900, sheet.width)), out / "tutorial_tiles.webp")
    save(photograph(report), out / "tutorial_report.webp")
    save(tracks(folder), out / "tutorial_tracks.webp")


def shrunk(picture: Image.Image, width: int) -> Image.Image:
    """Return a picture of that width."""
    height = round(picture.height * width / picture.width)
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def photograph(page: Path) -> Image.Image:
    """Return the top of a page."""
    with sync_playwright() as driver:
        browser = launch_chromium(driver)
        tab = browser.new_page(viewport={"width": 900, "height": 1270})
        tab.goto(page.resolve().as_uri())
        shot = page.with_suffix(".png")
        tab.screenshot(path=shot)
        browser.close()
    picture = Image.open(shot).convert("RGB")
    shot.unlink()
    return picture


def tracks(folder: Path) -> Image.Image:
    """Return the later scene, dimmed, with the landslides of both dates by their last state."""
    (scene_path,) = folder.glob("SCENES/*_20150805_*/GF1*.tif")
    with landslip.open_scene(scene_path) as scene:
        stored, valid = scene.read(scene.grid.window)
        picture = rgb_composite(stored, valid, scene.bands) // 2
        into_pixels = ~scene.grid.transform
    image = Image.fromarray(picture)
    pen = ImageDraw.Draw(image)
    rows = landslip.open_tracks(folder / "TRACKS").landslides
    last = rows[rows["date"] == rows["date"].max()]
    for state, polygon in zip(last["state"], last.geometry, strict=True):
        for part in getattr(polygon, "geoms", [polygon] if polygon else []):
            outline = [into_pixels @ point for point in np.asarray(part.exterior.coords)[:, :2]]
            pen.polygon(outline, outline=STATES.get(state, (255, 255, 255)), width=4)
    width = 640
    picture_of_map = shrunk(image, width)
    legend = ImageDraw.Draw(picture_of_map)
    shown = [state for state in STATES if (last["state"] == state).any()]
    for number, state in enumerate(shown):
        top = 8 + 18 * number
        legend.rectangle((8, top, 22, top + 12), fill=STATES[state])
        count = int((last["state"] == state).sum())
        legend.text((28, top), f"{state}: {count}", fill=(255, 255, 255))
    return picture_of_map


def save(picture: Image.Image, path: Path) -> None:
    """Write a WebP of the highest quality that stays small."""
    for quality in (85, 75, 65, 50, 35, 25):
        picture.save(path, quality=quality, method=6)
        if path.stat().st_size < MAX_BYTES:
            break
    print(path, picture.size, path.stat().st_size, quality)


if __name__ == "__main__":
    main()

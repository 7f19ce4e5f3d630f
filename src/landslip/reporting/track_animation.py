"""An animation over the dates of histories: the scene, and outlines coloured by state."""

from datetime import date
from pathlib import Path

import geopandas
import numpy as np
import shapely
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from landslip.io.raster import SensorImage
from landslip.io.visualization import RgbImage, rgb_composite
from landslip.multitemporal.series.folder import Series, Validity, open_series
from landslip.multitemporal.tracking.dates import days_within
from landslip.multitemporal.tracking.fields import LANDSLIDES
from landslip.multitemporal.tracking.files import STATE_COLOURS
from landslip.multitemporal.tracking.record import DateRecord, TracksRecord
from landslip.reporting.inventory.basemap import MapFrame, to_pixels, touches_frame

ANIMATION = "animation.gif"
_LONGEST_PX, _SHORTEST_PX, _PANEL_PX = 800, 400, 190
_MILLISECONDS = 1500
_BRIGHT_PERCENT = 98
_LINE_PX, _ROW_PX, _SWATCH_PX, _MARGIN_PX = 2, 26, 14, 12
_SCENE_COLOURS = 256 - len(STATE_COLOURS)


def write_animation(record: TracksRecord, folder: Path, series: Path | None) -> list[str]:
    """Write ``animation.gif`` into the folder of histories, and return the names of files.

    None of one date, or without a landslide. Words in it are the values of the column ``state``:
    the font has Latin letters only.
    """
    if record.tracks == 0 or len(record.dates) < 2:
        return []
    landslides = geopandas.read_parquet(
        folder / f"{LANDSLIDES}.parquet", columns=["track_date", "state", "geometry"]
    )
    if series is None:
        images = {}
        frame = MapFrame.around(tuple(landslides.total_bounds), landslides.crs, _LONGEST_PX)
    else:
        opened = open_series(series)
        images = _scene_images(opened)
        frame = MapFrame.of_grid(opened.grid).scaled_to(next(iter(images.values())).shape[1])
    white = np.full((frame.height, frame.width, 3), 255, dtype=np.uint8)
    pictures = []
    for one in record.dates:
        rows = landslides[landslides["track_date"] == one.stated]
        days = days_within(one.stated, images)
        image = images[days[0]] if len(days) == 1 else white
        pictures.append(_picture(image, frame, rows, one, record))
    first, *others = pictures
    first.save(
        folder / ANIMATION, save_all=True, append_images=others, duration=_MILLISECONDS, loop=0
    )
    return [ANIMATION]


def _scene_images(series: Series) -> dict[date, RgbImage]:
    """Return the scene of each date; what it did not see is grey.

    Dates share one radiometry: the brightness that most of them reach bounds all, so that clouds
    that were missed do not make the ground of a date dark.
    """
    small, bright = {}, []
    for day, one in zip(series.days, series.card.dates, strict=True):
        with (
            SensorImage(series.path / one.scene) as scene,
            SensorImage(series.path / one.validity) as validity,
        ):
            stored, valid = scene.read_small(_LONGEST_PX)
            (codes,), _ = validity.read_small(_LONGEST_PX)
        seen = valid & (codes == Validity.VALID)
        small[day] = stored, seen
        if seen.any():
            bright.append(np.percentile(stored[:, seen], _BRIGHT_PERCENT, axis=1))
    most = np.median(bright, axis=0) if bright else np.full(len(series.bands), np.inf)
    images = {}
    for day, (stored, seen) in small.items():
        image = rgb_composite(np.minimum(stored, most[:, None, None]), seen, series.bands)
        times = max(1, _SHORTEST_PX // max(image.shape))
        images[day] = image.repeat(times, axis=0).repeat(times, axis=1)
    return images


def _picture(
    image: RgbImage,
    frame: MapFrame,
    landslides: geopandas.GeoDataFrame,
    one: DateRecord,
    record: TracksRecord,
) -> Image.Image:
    """Draw a date: outlines on its scene, and beside it the date and how many are in each state.

    The palette keeps the colours of states as they are, beside those that suit the scene.
    """
    height, width = image.shape[:2]
    used = [state for state in STATE_COLOURS if any(state in day.states for day in record.dates)]
    left, top = width + _MARGIN_PX, 4 * _MARGIN_PX
    lowest = top + _ROW_PX * len(used)
    canvas = Image.new("RGB", (width + _PANEL_PX, max(height, lowest)), "white")
    canvas.paste(Image.fromarray(image))
    draw = ImageDraw.Draw(canvas)
    draw.text((left, _MARGIN_PX), one.stated, fill="black", font=ImageFont.load_default(24))
    for row, state in enumerate(used):
        text = f"{one.states.get(state, 0):,} {state}"
        place = (left + 2 * _SWATCH_PX, top + _ROW_PX * row)
        draw.text(place, text, fill="black", font=ImageFont.load_default(15))
    picture = canvas.quantize(_SCENE_COLOURS)
    colours = (picture.getpalette() or [])[: 3 * _SCENE_COLOURS]
    colours += [0] * (3 * _SCENE_COLOURS - len(colours))
    picture.putpalette(colours + [part for colour in STATE_COLOURS.values() for part in colour])
    index = {state: _SCENE_COLOURS + number for number, state in enumerate(STATE_COLOURS)}
    draw = ImageDraw.Draw(picture)
    for row, state in enumerate(used):
        y = top + _ROW_PX * row + 3
        draw.rectangle((left, y, left + _SWATCH_PX, y + _SWATCH_PX), fill=index[state])
    shapes = to_pixels(np.asarray(landslides.geometry.values), landslides.crs, frame)
    states = landslides["state"].to_numpy()
    is_shown = touches_frame(shapes, frame)
    for state in reversed(used):
        for ring in _rings(shapes[is_shown & (states == state)]):
            draw.line(ring, fill=index[state], width=_LINE_PX)
    return picture


def _rings(shapes: NDArray[np.object_]) -> list[list[float]]:
    """Return the rings of polygons as x, y, x, y, ... in whole pixels, without repeated points."""
    lines = shapely.get_parts(shapely.boundary(shapes))
    points, line = shapely.get_coordinates(lines, return_index=True)
    points = np.rint(points)
    is_end = np.append(line[1:] != line[:-1], True)[: len(line)]
    repeated = np.append((points[1:] == points[:-1]).all(axis=1), False)[: len(line)]
    kept = is_end | ~repeated
    points, line = points[kept], line[kept]
    parts = np.split(points, np.flatnonzero(np.diff(line)) + 1)
    return [part.ravel().tolist() for part in parts if len(part)]

import threading
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.preprocessing.orthorectification.conftest import SHAPE, places, write_image

from landslip.core.rpc import RPC
from landslip.io.raster import SensorImage
from landslip.preprocessing.orthorectification.ground import ImageMap
from landslip.preprocessing.orthorectification.source import Source

Pixels = NDArray[np.float32]
METHODS = [Source.sharp, Source.smooth]


def seen_at(col: Pixels, row: Pixels) -> ImageMap:
    """Return a map that sees an image at pixel coordinates."""
    corner = int(np.floor(col.min())), int(np.floor(row.min()))
    return ImageMap(col=col - corner[0], row=row - corner[1], corner=corner, error_px=0.0)


def mesh(left: float, top: float, step: float, count: int = 40) -> tuple[Pixels, Pixels]:
    along = np.arange(count) * step
    col, row = np.meshgrid(left + along, top + along)
    return col.astype(np.float32), row.astype(np.float32)


@pytest.mark.parametrize(("method", "worst"), [(Source.sharp, 0.06), (Source.smooth, 0.006)])
def test_an_image_is_read_where_the_map_sees_it(
    world: tuple[Path, Path], rpc: RPC, method: object, worst: float
) -> None:
    col, row = mesh(100.3, 90.7, 0.37)
    with SensorImage(world[0]) as image:
        values, valid = method(Source(image, rpc), seen_at(col, row))  # type: ignore[operator]
    assert valid.all()
    assert np.abs(values - np.stack([col, row])).max() < worst


@pytest.mark.parametrize("method", METHODS)
def test_nothing_is_seen_beyond_the_edge(
    world: tuple[Path, Path], rpc: RPC, method: object
) -> None:
    """The kernel's two pixels at the rim are left out, whose values rest on what is not there."""
    col, row = mesh(-10.25, 50.25, 1.0)
    with SensorImage(world[0]) as image:
        values, valid = method(Source(image, rpc), seen_at(col, row))  # type: ignore[operator]
        _, nothing = method(Source(image, rpc), seen_at(col - 500, row))  # type: ignore[operator]
    assert values.shape == (2, 40, 40)
    assert not valid[col < 2].any()
    assert valid[col >= 2].all()
    assert not nothing.any()


@pytest.mark.parametrize("method", METHODS)
def test_holes_do_not_spread_into_what_is_valid(tmp_path: Path, rpc: RPC, method: object) -> None:
    image = places(SHAPE)
    image[:, 100:110, 120:130] = np.nan
    path = write_image(tmp_path / "image.tif", image, rpc, nodata=np.nan)
    col, row = mesh(105.5, 85.5, 1.0)
    with SensorImage(path) as opened:
        values, valid = method(Source(opened, rpc), seen_at(col, row))  # type: ignore[operator]
    hole = (np.abs(col - 125) < 7) & (np.abs(row - 105) < 7)
    np.testing.assert_array_equal(valid, ~hole)
    if method is Source.sharp:
        assert np.abs(values - np.stack([col, row]))[:, valid].max() < 0.06


def test_several_threads_read_one_image(world: tuple[Path, Path], rpc: RPC) -> None:
    wrong: list[int] = []

    def read(number: int) -> None:
        col, row = mesh(20.0 + number, 30.0 + 2 * number, 1.0)
        for _ in range(10):
            values, _ = source.sharp(seen_at(col, row))
            if np.abs(values - np.stack([col, row])).max() > 0.06:
                wrong.append(number)

    with SensorImage(world[0]) as image:
        source = Source(image, rpc)
        threads = [threading.Thread(target=read, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []

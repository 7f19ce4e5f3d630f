import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from tests.conftest import write_raster_file
from tests.server.test_raster_tiles import GRID, write_cog

from landslip.server.raster_blocks import RasterBlocks, Source, choose_level
from landslip.server.raster_tiles import THREADS, EncodedTile, RasterTiles

SHAPES = ((1200, 1100), (600, 550), (300, 275))


def numbered(height: int = 1200, width: int = 1100) -> NDArray[np.uint16]:
    """Two bands whose pixels say where they are; no data in a corner."""
    rows, columns = np.mgrid[:height, :width]
    bands = np.stack([rows + 1, columns + 1]).astype(np.uint16)
    bands[:, :40, :50] = 0
    return bands


def source(path: Path, **changes: Any) -> Source:
    of = {"stamp": "1", "below": None, "bands": (1, 2), "nodata": (0.0, 0.0), "method": "bilinear"}
    return Source(path=path, **{**of, **changes})


@pytest.fixture(scope="module")
def raster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cog(tmp_path_factory.mktemp("blocks") / "scene.tif", numbered(), nodata=0)


@pytest.mark.parametrize(
    ("step", "overview", "reduction", "shape"),
    [
        (0.2, None, 1, (1200, 1100)),
        (1.55, None, 1, (1200, 1100)),
        (1.65, 0, 1, (600, 550)),
        (4.1, 1, 1, (300, 275)),
        (6.3, 1, 1, (300, 275)),
        (8.0, 1, 2, (150, 138)),
        (16.4, 1, 4, (75, 69)),
    ],
)
def test_a_level_is_neither_much_finer_nor_coarser_than_the_picture(
    step: float, overview: int | None, reduction: int, shape: tuple[int, int]
) -> None:
    level = choose_level(SHAPES, step)
    assert (level.overview, level.reduction, level.shape) == (overview, reduction, shape)


@pytest.mark.parametrize(
    ("step", "rows", "columns"),
    [
        (1, (0, 100), (0, 100)),
        (1, (500, 1030), (505, 1100)),  # four blocks and an edge
        (2, (3, 600), (500, 550)),
        (4, (0, 300), (0, 275)),
    ],
)
def test_a_window_of_blocks_is_that_of_the_file(
    raster: Path, step: float, rows: tuple[int, int], columns: tuple[int, int]
) -> None:
    blocks = RasterBlocks()
    of = source(raster)
    assert blocks.shapes(of) == SHAPES
    level = choose_level(blocks.shapes(of), step)
    pixels = blocks.read(of, level, rows, columns)
    options = {} if level.overview is None else {"overview_level": level.overview}
    with rasterio.open(raster, **options) as file:
        expected = file.read(window=(rows, columns))
    np.testing.assert_array_equal(np.moveaxis(pixels.values, -1, 0), expected)
    missing = np.zeros(expected.shape[1:], bool) if pixels.missing is None else pixels.missing
    np.testing.assert_array_equal(missing, (expected == 0).all(axis=0))


def test_a_raster_without_overviews_is_made_smaller(tmp_path: Path) -> None:
    of = source(write_raster_file(tmp_path / "plain.tif", numbered(), **GRID))
    blocks = RasterBlocks()
    level = choose_level(blocks.shapes(of), 4.0)
    assert (level.overview, level.reduction) == (None, 4)
    pixels = blocks.read(of, level, (100, 300), (100, 275))
    rows = 4 * np.arange(100, 300) + 2.5  # middles of 4 pixels, whose numbers begin at 1
    assert np.abs(pixels.values[..., 0] - rows[:, np.newaxis]).max() <= 1


def test_memory_is_bounded_and_what_was_dropped_is_read_again(raster: Path) -> None:
    limit = 2 * 512 * 512 * 2 * 2 + 400_000
    blocks = RasterBlocks(limit)
    level = choose_level(SHAPES, 1)
    first = blocks.read(source(raster), level, (0, 10), (0, 10))
    for row in range(3):
        for column in range(3):
            at = (row * 512, row * 512 + 100), (column * 512, min(column * 512 + 70, 1100))
            blocks.read(source(raster), level, *at)
            assert 0 < blocks.kept_bytes <= limit
    again = blocks.read(source(raster), level, (0, 10), (0, 10))
    np.testing.assert_array_equal(first.values, again.values)


def test_a_block_that_many_want_is_decoded_once(
    raster: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads, real, together = [], RasterBlocks._decode, threading.Barrier(6)

    def counted(*arguments: Any) -> Any:
        reads.append(threading.get_ident())
        return real(*arguments)

    monkeypatch.setattr(RasterBlocks, "_decode", counted)
    blocks = RasterBlocks()
    level = choose_level(SHAPES, 1)

    def read(_: int) -> NDArray[Any]:
        together.wait(10)
        return blocks.read(source(raster), level, (0, 60), (0, 60)).values

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(read, range(6)))
    assert len(reads) == 1
    assert all((one == found[0]).all() for one in found)


def test_a_block_that_cannot_be_read_is_tried_again(raster: Path, tmp_path: Path) -> None:
    blocks = RasterBlocks()
    level = choose_level(SHAPES, 1)
    path = tmp_path / "later.tif"
    for _ in range(2):
        with pytest.raises(Exception, match="later"):
            blocks.read(source(path), level, (0, 5), (0, 5))
    path.write_bytes(raster.read_bytes())
    assert blocks.read(source(path), level, (100, 101), (0, 5)).values[0, 4, 1] == 5


@pytest.mark.parametrize("marked_by", ["nothing", "nodata", "nan", "mask", "alpha"])
def test_what_is_missing_is_what_gdal_masks(tmp_path: Path, marked_by: str) -> None:
    values = np.moveaxis(np.arange(1.0, 3001).reshape(30, 25, 4), -1, 0).astype(np.float32)
    gap = np.zeros((30, 25), dtype=bool)
    gap[3:9, 4:20] = True
    nodata = {"nodata": -5.0, "nan": np.nan}.get(marked_by)
    if nodata is not None:
        values[:, gap] = nodata
    dtype = "uint16" if marked_by == "alpha" else "float32"
    path = tmp_path / "marked.tif"
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(
            path,
            "w",
            driver="GTiff",
            width=25,
            height=30,
            count=4,
            dtype=dtype,
            **({"photometric": "rgb", "alpha": "yes"} if marked_by == "alpha" else {}),
            nodata=nodata,
            **GRID,
        ) as file,
    ):
        file.write(values.astype(dtype))
        if marked_by == "mask":
            file.write_mask(~gap)
        if marked_by == "alpha":
            file.write(np.where(gap, 0, 65_535).astype(dtype), 4)
    of = source(path, bands=(1, 2), nodata=(nodata, nodata))
    blocks = RasterBlocks()
    read = blocks.read(of, choose_level(blocks.shapes(of), 1), (0, 30), (0, 25))
    missing = np.zeros(gap.shape, dtype=bool) if read.missing is None else read.missing
    with rasterio.open(path) as file:
        masked = file.read((1, 2), masked=True)
    np.testing.assert_array_equal(missing, np.ma.getmaskarray(masked).any(axis=0))
    assert missing.any() == (marked_by != "nothing")


async def _never() -> None:
    await asyncio.Event().wait()


async def _at_once() -> None:
    return


def test_equal_requests_share_a_tile_and_one_without_a_client_is_not_made(tmp_path: Path) -> None:
    tiles = RasterTiles(tmp_path, lambda raster: raster.path)
    hold, made = threading.Event(), []

    def make(name: str) -> EncodedTile:
        assert hold.wait(10)
        made.append(name)
        return EncodedTile(content=name.encode(), media_type="image/png", etag=name)

    async def ask() -> list[EncodedTile | None]:
        names = [f"busy {at}" for at in range(THREADS)]
        busy = [asyncio.ensure_future(tiles.wait(one, partial(make, one), _never)) for one in names]
        await asyncio.sleep(0)
        left = await tiles.wait("left", lambda: make("left"), _at_once)
        wanted = [
            asyncio.ensure_future(tiles.wait("wanted", lambda: make("wanted"), gone))
            for gone in (_never, _at_once, _never)
        ]
        await asyncio.sleep(0.05)
        hold.set()
        return [left, *await asyncio.gather(*wanted), *await asyncio.gather(*busy)]

    left, first, second, third, *_ = asyncio.run(ask())
    tiles.close()
    assert left is None
    assert second is None
    assert first is third
    assert first is not None
    assert first.content == b"wanted"
    assert sorted(made) == sorted(["wanted", *(f"busy {at}" for at in range(THREADS))])

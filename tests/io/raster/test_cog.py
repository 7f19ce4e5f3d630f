import resource
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from PIL import Image
from rasterio.crs import CRS
from rasterio.io import DatasetReader

from landslip.core.errors import LandslipError
from landslip.core.grid import Grid
from landslip.core.window import Window
from landslip.io.raster import OutputBand, cog
from landslip.io.raster.pyramid import PyramidOutput, halve, map_windows
from landslip.io.raster.tile_codec import TILE_PX, Compression

CRS_UTM = CRS.from_epsg(32648)
METRES = Affine(2, 0, 500_000, 0, -2, 4_000_000)
SHAPE = (1800, 1500)
HOLE = Window(1024, 0, 476, 1024)


def numbers(dtype: str, count: int, nodata: float) -> np.ndarray:
    """Return smooth numbers (bands, height, width) of the whole range; `HOLE` is nodata."""
    generator = np.random.default_rng(7)
    walk = generator.normal(0, 40, (count, *SHAPE)).cumsum(axis=2)
    values = (walk - walk.min()).astype(dtype)
    values[values == nodata] += 1
    values[:, :1024, 1024:] = nodata
    return np.asarray(values)


def halved(values: np.ndarray, nodata: float, window_px: int) -> np.ndarray:
    """Halve window by window: where all is valid, halves are rounded up, elsewhere to even."""
    rows = [
        np.concatenate(
            [
                halve(values[:, top : top + window_px, left : left + window_px], nodata)
                for left in range(0, values.shape[2], window_px)
            ],
            axis=2,
        )
        for top in range(0, values.shape[1], window_px)
    ]
    return np.concatenate(rows, axis=1)


def write(
    folder: Path,
    values: np.ndarray,
    nodata: float,
    compression: Compression,
    tags: dict[str, str] | None = None,
) -> Path:
    grid = Grid(crs=CRS_UTM, transform=METRES, shape=SHAPE)
    layers = tuple(
        OutputBand(
            description=f"band {number} \N{GREEK SMALL LETTER MU}",
            dtype=str(values.dtype),
            nodata=nodata,
            scale=0.004 * number,
            offset=number,
            units="reflectance",
        )
        for number in range(1, len(values) + 1)
    )
    output = PyramidOutput(folder / "work", grid, layers, 1024, tags, compression)
    for window in map_windows(SHAPE):
        rows, cols = window.slices_in(grid.window)
        levels = None if window == HOLE else output.levels_of(values[:, rows, cols])
        output.write(levels, window)
    output.finish(folder / "map.tif")
    assert [path.name for path in folder.iterdir()] == ["map.tif"]
    return folder / "map.tif"


@pytest.mark.parametrize(
    ("dtype", "count", "nodata", "compression"),
    [
        ("uint16", 4, 0, "zstd"),
        ("uint8", 1, 255, "deflate"),
        ("int16", 2, -1, "deflate"),
        ("float32", 5, 0, "zstd"),
        ("float64", 2, 0, "zstd"),
    ],
)
def test_gdal_reads_every_resolution(
    tmp_path: Path, dtype: str, count: int, nodata: float, compression: Compression
) -> None:
    values = numbers(dtype, count, nodata)
    path = write(tmp_path, values, nodata, compression, {"ATMOSPHERE": "<&> 6S"})
    expected = values
    for level in range(-1, 2):
        with rasterio.open(path, **({} if level < 0 else {"overview_level": level})) as file:
            np.testing.assert_array_equal(file.read(), expected)
            assert set(file.nodatavals) == {nodata}
            assert set(file.block_shapes) == {(TILE_PX, TILE_PX)}
        expected = halved(expected, nodata, 1024 >> level + 1)
    with rasterio.open(path) as file:
        assert file.overviews(1) == [2, 4]
        assert file.compression.value.lower() == compression
        assert file.crs == CRS_UTM
        assert file.transform == METRES
        assert file.descriptions == tuple(
            f"band {n} \N{GREEK SMALL LETTER MU}" for n in range(1, count + 1)
        )
        assert file.scales == tuple(0.004 * n for n in range(1, count + 1))
        assert file.offsets == tuple(range(1, count + 1))
        assert set(file.units) == {"reflectance"}
        assert file.tags()["ATMOSPHERE"] == "<&> 6S"
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"


def block(file: DatasetReader, row: int, col: int) -> tuple[int, int]:
    """Return the place and the size of a tile."""
    found = [
        file.get_tag_item(f"BLOCK_{what}_{col}_{row}", "TIFF", bidx=1)
        for what in ("OFFSET", "SIZE")
    ]
    return int(found[0]), int(found[1])


@pytest.mark.parametrize("is_big", [False, True])
def test_the_structure_is_what_the_file_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_big: bool
) -> None:
    """The rules are those of GDAL's validate_cloud_optimized_geotiff."""
    if is_big:
        monkeypatch.setattr(cog, "_CLASSIC_BYTES", 100_000)
    values = numbers("uint16", 2, 0)
    path = write(tmp_path, values, 0, "zstd")
    content = path.read_bytes()
    assert content[:4] == (b"II+\0" if is_big else b"II*\0")
    note_at = 16 if is_big else 8
    first_line, rest = content[note_at : note_at + 400].split(b"\n", 1)
    size = int(first_line.removeprefix(b"GDAL_STRUCTURAL_METADATA_SIZE=").removesuffix(b" bytes"))
    note = rest[:size]
    assert note.endswith(b"KNOWN_INCOMPATIBLE_EDITION=NO\n ")
    after_note = note_at + len(first_line) + 1 + size
    directories, starts = [], []
    for level in range(-1, 2):
        with rasterio.open(path, **({} if level < 0 else {"overview_level": level})) as file:
            np.testing.assert_array_equal(file.read()[:, -1, -1] > 0, True)
            directories.append(int(file.get_tag_item("IFD_OFFSET", "TIFF", bidx=1)))
            rows, cols = (-(-length // TILE_PX) for length in file.shape)
            blocks = [block(file, row, col) for row in range(rows) for col in range(cols)]
        for place, length in blocks:
            assert content[place - 4 : place] == length.to_bytes(4, "little")
            last = content[place + length - 4 : place + length]
            assert content[place + length : place + length + 4] == last
        assert all(
            before + length + 8 == after for (before, length), (after, _) in pairwise(blocks)
        )
        starts.append(blocks[0][0])
    assert directories[0] == after_note + after_note % 2
    assert directories == sorted(directories)
    assert starts == sorted(starts, reverse=True)
    assert starts[-1] > directories[-1]


def test_another_reader_reads_deflate(tmp_path: Path) -> None:
    values = numbers("uint8", 1, 255)
    with Image.open(write(tmp_path, values, 255, "deflate")) as image:
        np.testing.assert_array_equal(np.asarray(image), values[0])
        image.seek(1)
        np.testing.assert_array_equal(np.asarray(image), halved(values, 255, 1024)[0])


def test_windows_that_never_come_are_nodata(tmp_path: Path) -> None:
    grid = Grid(crs=CRS_UTM, transform=METRES, shape=SHAPE)
    output = PyramidOutput(
        tmp_path / "work", grid, (OutputBand(description="p", nodata=255),), 1024
    )
    middle = Window(0, 0, 1024, 1024)
    output.write(output.levels_of(np.full((1, 1024, 1024), 9, np.uint8)), middle)
    output.finish(tmp_path / "map.tif")
    with rasterio.open(tmp_path / "map.tif") as file:
        found = file.read(1)
    rows, cols = middle.slices_in(grid.window)
    assert (found[rows, cols] == 9).all()
    assert np.count_nonzero(found != 255) == 1024 * 1024
    with rasterio.open(tmp_path / "map.tif", overview_level=1) as file:
        overview = file.read(1)
    assert np.count_nonzero(overview == 9) == 256 * 256
    assert np.count_nonzero(overview != 255) == 256 * 256


def test_a_full_disk_is_reported(tmp_path: Path) -> None:
    grid = Grid(crs=CRS_UTM, transform=METRES, shape=(600, 600))
    output = PyramidOutput(
        tmp_path / "work", grid, (OutputBand(description="p", nodata=255),), 1024
    )
    output.write(output.levels_of(np.zeros((1, 600, 600), np.uint8)), grid.window)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(LandslipError, match=r"map.tif: .*cannot be written .*room on"):
            output.finish(tmp_path / "map.tif")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    output.close()


def test_a_file_system_that_cannot_insert_gets_the_same_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = numbers("uint16", 2, 0)
    usual, copied = tmp_path / "usual", tmp_path / "copied"
    usual.mkdir()
    copied.mkdir()
    write(usual, values, 0, "zstd")
    monkeypatch.setattr(cog, "_insert_range", lambda file, size: False)
    write(copied, values, 0, "zstd")
    assert (usual / "map.tif").read_bytes() == (copied / "map.tif").read_bytes()


def test_windows_come_row_by_row(tmp_path: Path) -> None:
    grid = Grid(crs=CRS_UTM, transform=METRES, shape=SHAPE)
    output = PyramidOutput(
        tmp_path / "work", grid, (OutputBand(description="p", nodata=255),), 1024
    )
    levels = output.levels_of(np.zeros((1, 1024, 1024), np.uint8))
    output.write(output.levels_of(np.zeros((1, 776, 1024), np.uint8)), Window(0, 1024, 1024, 776))
    with pytest.raises(ValueError, match="tile 0, 0 comes after those that follow it"):
        output.write(levels, Window(0, 0, 1024, 1024))
    output.close()
